"""C: that the texts of ``concept_segment`` are read whole, and not up to a comma, an accent or a number of words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final

from sam3_contract.checks.check import Breach, Check, Judgement, few_of_each, shown
from sam3_contract.checks.prompts import AnsweredPrompt, is_suppressed, prompts_of
from sam3_contract.checks.truth.ground_truth import things_named
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.spec import Contract

Words = tuple[str, ...]
Pair = tuple[AnsweredPrompt, AnsweredPrompt]

_WORD: Final = re.compile(r"\w+")


def _texts_are_read_whole(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Compare prompts of one request that have words in common and others besides; each pair is a trial.

    Nothing is judged where most of such texts are answered alike: by what knows some words, and passes over all others.
    """
    pairs = [pair for exchange in exchanges for pair in _much_alike(exchange)]
    alike = [pair for pair in pairs if _told(*pair) == _told(*pair[::-1])]
    if 2 * len(_kinds(alike)) > len(_kinds(pairs)):
        return Judgement(0, ())
    return Judgement(len(pairs), few_of_each(_answered_alike(*pair) for pair in alike))


def _much_alike(exchange: Exchange) -> Iterator[Pair]:
    """Pair texts that are to be told apart, where something is found of either.

    Two names of what is drawn are none: one thing may have both.
    """
    worded = [(prompt, words_of(prompt.sent["text"])) for prompt in _of_texts(exchange)]
    for (ours, some), (theirs, others) in combinations(worded, 2):
        if some == others or set(some).isdisjoint(others):
            continue
        if things_named(ours) and things_named(theirs):
            continue
        if _told(ours, theirs) or _told(theirs, ours):
            yield ours, theirs


def _of_texts(exchange: Exchange) -> list[AnsweredPrompt]:
    if exchange.case.operation != "concept_segment" or is_suppressed(exchange):
        return []
    prompts = (prompt for prompt in prompts_of(exchange) if prompt.threshold is not None)
    return [prompt for prompt in prompts if isinstance(prompt.sent.get("text"), str) and not prompt.sent.get("boxes")]


def _kinds(pairs: Iterable[Pair]) -> frozenset[frozenset[Words]]:
    return frozenset(frozenset(words_of(prompt.sent["text"]) for prompt in pair) for pair in pairs)


def words_of(text: str) -> Words:
    """Take a text apart into words, in which capitals, wide letters, spaces and signs make no difference.

    Example:
        >>> words_of(" Red  Circle, on the left")
        ('red', 'circle', 'on', 'the', 'left')
    """
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _told(prompt: AnsweredPrompt, other: AnsweredPrompt) -> frozenset[Hashable]:
    """Name what a prompt finds at the higher threshold of two: its masks, and how sure they are."""
    least = max(one.threshold or 0.0 for one in (prompt, other))
    every = ((one.confidence, one.mask) for one in prompt.predictions)
    return frozenset((sure, mask.key) for sure, mask in every if mask is not None and sure >= least)


def _answered_alike(ours: AnsweredPrompt, theirs: AnsweredPrompt) -> Breach:
    return Breach(
        theirs.path,
        f"what prompts[{ours.index}] has, {shown(ours.sent['text'])}, to the last digit of its confidence",
        f"what is found of {shown(theirs.sent['text'])}",
        "a part of the text was not read",
        exchange=theirs.exchange,
    )


CHECKS = (
    Check(
        code="C09",
        name="texts_are_read_whole",
        law="Texts that have words in common, and others besides, are not answered with the very same instances.",
        source="derived",
        rule="#/components/schemas/ConceptPrompt/properties/text",
        mend="Look for texts that are cut at a comma, a line or a length, or stripped of letters beyond ASCII.",
        judge=_texts_are_read_whole,
        kind="statistical",
        least=0.5,
        needs="two texts in one request of which one says more, and a server that tells most of such texts apart",
    ),
)
