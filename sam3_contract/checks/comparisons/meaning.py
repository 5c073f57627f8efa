"""R: requests that mean the same, however they are written, and whatever else is under way."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

import orjson

from sam3_contract.checks.check import Breach, Check, Judgement, few_of_each
from sam3_contract.checks.matching import differences
from sam3_contract.checks.prompts import image_of, meant_by, prompts_of, visual_request
from sam3_contract.exchanges.exchange import Exchange, kept
from sam3_contract.spec import Contract

_VISUAL: Final = "visual_segment"
_WITH_PROMPTS: Final = frozenset({"concept_segment", _VISUAL})


@kept
def meaning_of(exchange: Exchange) -> Hashable | None:
    """Make a key of what a request means: without nulls, empty lists and what is its field's default anyway.

    ``None`` of a request that builds on what is remembered, and of one whose body cannot be compared.
    """
    case = exchange.case
    if case.operation not in _WITH_PROMPTS or case.sent.get("image_id") is not None or not case.sent:
        return None
    try:
        return (case.operation, image_of(exchange), orjson.dumps(meant_by(exchange), option=orjson.OPT_SORT_KEYS))
    except orjson.JSONEncodeError:
        return None


def _defaults_may_be_written_out(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    alone = [exchange for exchange in exchanges if not exchange.case.at_once]
    pairs = [(ours, theirs) for ours, theirs in _pairs(alone) if _fields(ours) != _fields(theirs)]
    return _compared(pairs, "null, nothing and the default mean the same")


def _load_changes_nothing(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    pairs = [(ours, theirs) for ours, theirs in _pairs(exchanges) if theirs.case.at_once]
    return _compared(pairs, "other requests under way change nothing")


def _fields(exchange: Exchange) -> bytes:
    """Tell how a request is written, but for the order of its fields."""
    sent = {name: value for name, value in exchange.case.sent.items() if name not in {"image", "api_key"}}
    return orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)


def _pairs(exchanges: Sequence[Exchange]) -> list[tuple[Exchange, Exchange]]:
    """Pair each answered request with the first one that means the same."""
    first: dict[Hashable, Exchange] = {}
    pairs = []
    for exchange in exchanges:
        # What the document refuses and a lenient server answers has no meaning that could be held to anything.
        allowed = exchange.case.operation != _VISUAL or visual_request(exchange) is not None
        meaning = meaning_of(exchange) if exchange.succeeded and allowed else None
        if meaning is not None and first.setdefault(meaning, exchange) is not exchange:
            pairs.append((first[meaning], exchange))
    return pairs


def _compared(pairs: Sequence[tuple[Exchange, Exchange]], law: str) -> Judgement:
    found: list[Breach] = []
    for ours, theirs in pairs:
        if len(prompts_of(ours)) != len(prompts_of(theirs)):
            counts = [f"{len(prompts_of(one))} prompts answered" for one in (theirs, ours)]
            found.append(Breach("$", counts[0], f"{counts[1]}: {law}", exchange=theirs, beside=(ours,)))
        for mine, other in zip(prompts_of(ours), prompts_of(theirs), strict=False):
            found += differences(mine, other, law=law)
    return Judgement(len(pairs), few_of_each(found))


CHECKS = (
    Check(
        code="R11",
        name="defaults_may_be_written_out",
        law="A field that is null, empty or written out as its default is answered as one that is left out.",
        source="docs",
        rule="#/components/schemas",
        mend="Look for `or` where `is None` is meant, and for defaults that are applied in two places.",
        judge=_defaults_may_be_written_out,
        needs="one request written in two ways",
    ),
    Check(
        code="R12",
        name="load_changes_nothing",
        law="Requests that are under way at once get what each of them gets alone.",
        source="derived",
        rule="",
        mend="Look for what requests share: a global, an attribute of the model's wrapper, a buffer used again.",
        judge=_load_changes_nothing,
        needs="a request that was sent alone, and again with others at once",
    ),
)
