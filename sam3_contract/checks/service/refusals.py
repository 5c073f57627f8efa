"""S: what refusals say: the place of the mistake, and nothing of the server's inside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sam3_contract.checks.check import Breach, Check, each, shown
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import list_of
from sam3_contract.spec import Contract

MAX_WORDS: Final = 65_536  # characters of a refusal that are looked through
_LEAST: Final = 2  # steps of a place that leads into a body
_NOWHERE: Final = object()
_INSIDE: Final = {
    "a traceback": re.compile(r"Traceback \(most recent call last\)|^\s*File \"[^\"\n]+\", line \d+", re.MULTILINE),
    "a path of the server": re.compile(
        r"(?<![\w./:])/(?:app|etc|home|mnt|opt|root|srv|tmp|usr|var|workspace)/[\w.-]+(?:/[\w.-]+)*|(?<!\w)[A-Z]:\\\w+\\"
    ),
}


def _errors_leak_nothing(exchange: Exchange, _: Contract) -> list[Breach] | None:
    if exchange.status < 400:
        return None
    asked = exchange.case.content.decode("utf-8", "replace")
    found = (
        (at, what, match[0])
        for at, words in _sentences(exchange)
        for what, pattern in _INSIDE.items()
        if (match := pattern.search(words)) and match[0] not in asked
    )
    return [
        Breach(at, f"{what}: {shown(text)}", "what the client can mend, and nothing of the server's inside")
        for at, what, text in found
    ]


def _sentences(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """List what a refusal says in the server's own words; what it echoes of the request is not the server's."""
    answer = exchange.answer
    if not isinstance(answer, dict):
        yield "body", exchange.body[:MAX_WORDS].decode("utf-8", "replace")
        return
    for name, value in answer.items():
        if isinstance(value, str):
            yield f"$.{name}", value[:MAX_WORDS]
    for index, entry in enumerate(list_of(answer, "detail")):
        message = entry.get("msg") if isinstance(entry, dict) else None
        if isinstance(message, str):
            yield f"$.detail[{index}].msg", message[:MAX_WORDS]


def _mistake_is_named(exchange: Exchange, _: Contract) -> list[Breach] | None:
    entries = list_of(exchange.answer, "detail")
    if exchange.status != 422 or not entries:
        return None
    others = _other_values(exchange, entries)
    if not exchange.case.mistakes:
        return others
    places = [list_of(entry, "loc") for entry in entries]
    unnamed = [one for one in exchange.case.mistakes if not any(_names(place, one) for place in places)]
    if not unnamed:
        return others
    wanted = " and ".join(".".join(map(str, _from_its_root(one))) for one in unnamed)
    found = ", ".join(".".join(map(str, place)) for place in places[:4])
    return [Breach("$.detail[0].loc", shown(found), f"{wanted}, where {_A_MISTAKE[len(unnamed) > 1]}")]


_A_MISTAKE: Final = ("a mistake is", "mistakes are")


def _other_values(exchange: Exchange, entries: Sequence[Any]) -> list[Breach]:
    """Find entries that repeat another value than the one at their place; one that leads nowhere says nothing of it."""
    found = []
    for index, entry in enumerate(entries):
        place = list_of(entry, "loc")
        told = entry.get("input", _NOWHERE) if isinstance(entry, dict) else _NOWHERE
        sent = _sent_at(exchange.case.sent, place)
        if told is not _NOWHERE and sent is not _NOWHERE and (told != sent or type(told) is not type(sent)):
            at = ".".join(map(str, place))
            found.append(Breach(f"$.detail[{index}].input", shown(told), f"{shown(sent)}, which stands at {at}"))
    return found


def _sent_at(body: Mapping[str, Any], place: Sequence[Any]) -> Any:
    if len(place) < _LEAST or place[0] != "body":
        return _NOWHERE
    at: Any = body
    for step in place[1:]:
        leads = step in at if isinstance(at, Mapping) else isinstance(at, list) and _is_index(step, at)
        if not leads:
            return _NOWHERE
        at = at[step]
    return at


def _is_index(step: Any, values: Sequence[Any]) -> bool:
    return type(step) is int and 0 <= step < len(values)


def _names(place: Sequence[Any], mistake: Sequence[str | int]) -> bool:
    """Tell whether a location leads to a mistake; steps between, such as the kind of a union, are the server's own."""
    steps = iter(place)
    return all(any(step == own and type(step) is type(own) for step in steps) for own in _from_its_root(mistake))


def _from_its_root(mistake: Sequence[str | int]) -> tuple[str | int, ...]:
    return (*mistake,) if mistake[0] == "query" else ("body", *mistake)


CHECKS = (
    Check(
        code="S09",
        name="errors_leak_nothing",
        law="A refusal shows nothing of the server's inside: no traceback, no path.",
        source="derived",
        rule="#/components/schemas",
        mend="Log what an exception says, and answer a sentence of your own.",
        judge=each(_errors_leak_nothing),
        needs="a refusal",
    ),
    Check(
        code="S10",
        name="mistake_is_named",
        law="A 422 names the place of each mistake, in whichever prompt it is, and repeats what stands there.",
        source="server",
        rule="#/components/schemas/ValidationErrors",
        mend="Answer the validator's own locations, indexes included, and its input.",
        judge=each(_mistake_is_named),
        needs="a 422 that lists what is wrong",
    ),
)
