"""Two servers, one question: where the answers of two runs of one plan differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlencode

from sam3_contract.checks.matching import SAME_CONFIDENCE, SAME_IOU, measured, pair_up
from sam3_contract.checks.prompts import AnsweredPrompt, prompts_of
from sam3_contract.errors import BROKEN, HELD, UNJUDGED
from sam3_contract.exchanges.deviations import deviation_explaining
from sam3_contract.exchanges.exchange import BAD_KEYS, Exchange
from sam3_contract.exchanges.measuring import Mask, Prediction
from sam3_contract.masks import iou
from sam3_contract.snapshots.fields import fields_of, lost_fields, new_fields
from sam3_contract.verification.runner import CheckOutcome, Run

Kind = Literal["status", "field", "count", "mask", "confidence", "check"]

LEAST: Final = 0.3  # IoU from which on two masks are taken for the same thing, seen by two models
MOST_WORST: Final = 6  # pairs of masks that are drawn


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two servers answer otherwise.

    Attributes:
        kind: What differs.
        case: Id of the case; of a check, its code and name.
        first: What the first server does.
        second: What the second one does.
        deviation: Id of the known deviation that explains it; empty if none does.
    """

    kind: Kind
    case: str
    first: str
    second: str
    deviation: str = ""


@dataclass(frozen=True, slots=True)
class Overlap:
    """A thing that at least one of two servers found.

    Attributes:
        case: Id of the case.
        prompt: Index of the prompt.
        iou: Overlap of the two masks, in 0..1; 0 if only one server found it.
        first: Its mask in the first answer.
        second: Its mask in the second answer.
        exchange: The first server's exchange.
    """

    case: str
    prompt: int
    iou: float
    first: Mask | None
    second: Mask | None
    exchange: Exchange = field(repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two runs of one plan say of each other.

    Attributes:
        first: Name of the first server.
        second: Name of the second server.
        compared: How many cases were put to both in the same words.
        left_out: Ids of cases that only one was asked, or each in words of its own.
        differences: What they answer otherwise, masks of models apart.
        overlaps: Every thing that was found, the least alike first.
        deviations: Ids of known deviations that one shows and the other does not, each with who shows it.
    """

    first: str
    second: str
    compared: int
    left_out: tuple[str, ...]
    differences: tuple[Difference, ...]
    overlaps: tuple[Overlap, ...]
    deviations: tuple[tuple[str, str], ...]

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """The differences that no known deviation explains."""
        return tuple(one for one in self.differences if not one.deviation)

    @property
    def worst(self) -> tuple[Overlap, ...]:
        """The things that the two see least alike, of each case one."""
        first: dict[str, Overlap] = {}
        for one in self.overlaps:
            if one.iou < 1.0:
                first.setdefault(one.case, one)
        return tuple(first.values())[:MOST_WORST]

    @property
    def mean_iou(self) -> float | None:
        """Mean overlap of what both found, in 0..1; ``None`` if there is nothing."""
        shared = [one.iou for one in self.overlaps if one.first is not None and one.second is not None]
        return sum(shared) / len(shared) if shared else None

    @property
    def exit_status(self) -> int:
        """0 if they answer alike, 1 if they differ, 3 if nothing could be compared."""
        if not self.compared:
            return UNJUDGED
        differ = self.unexplained or any(one.iou < SAME_IOU for one in self.overlaps)
        return BROKEN if differ else HELD


def compare(first: Run, second: Run) -> Comparison:
    """Compare two runs of one plan, whoever answered: servers, releases, models, a recording.

    Args:
        first: The one that the plan was made for.
        second: The other.
    """
    theirs = {exchange.case.id: exchange for exchange in second.exchanges}
    by_request = {_request(exchange): exchange for exchange in second.exchanges}
    pairs: list[tuple[Exchange, Exchange]] = []
    left_out: list[str] = []
    for exchange in first.exchanges:
        same = theirs.get(exchange.case.id)
        partner = same if same and _request(same) == _request(exchange) else by_request.get(_request(exchange))
        if partner is None:
            left_out.append(exchange.case.id)
        else:
            pairs.append((exchange, partner))
    answered = {exchange.case.id for exchange, _ in pairs}
    left_out += [name for name in theirs if name not in answered and name not in left_out]
    return Comparison(
        first.target,
        second.target,
        len(pairs),
        tuple(left_out),
        (*(one for pair in pairs for one in _differences(*pair)), *_of_checks(first, second)),
        tuple(sorted((one for pair in pairs for one in _overlaps(*pair)), key=lambda one: one.iou)),
        tuple(_deviations(first, second)),
    )


def _request(exchange: Exchange) -> tuple[str, str, str, str, bytes]:
    case = exchange.case
    bad_key = case.key_in if case.key_in in BAD_KEYS else ""
    return (case.operation, case.method, bad_key, urlencode(sorted(case.query.items())), case.signature)


def _differences(first: Exchange, second: Exchange) -> Iterator[Difference]:
    name = first.case.id
    if first.status != second.status:
        explained = deviation_explaining(first.case, first.status) or deviation_explaining(first.case, second.status)
        tolerated = (*first.case.tolerated.values(), *second.case.tolerated.values())
        known = next(iter(tolerated), "") or (explained if {first.status, second.status} & {500} else "")
        yield Difference("status", name, _status(first), _status(second), known)
        return
    fields = fields_of(first.answer), fields_of(second.answer)
    yield from (Difference("field", name, "", sentence, _known_field(sentence)) for sentence in lost_fields(*fields))
    for path in new_fields(*fields):
        yield Difference("field", name, "", f"{path} is new", _known_field(path))
    for ours, theirs in zip(prompts_of(first), prompts_of(second), strict=False):
        yield from _of_prompt(name, ours, theirs)


def _status(exchange: Exchange) -> str:
    return exchange.failure or str(exchange.status)


def _known_field(path: str) -> str:
    known = ("inference_id", "frame_id", "resolved_model")
    return "answers_have_more_fields" if any(name in path for name in known) else ""


def _of_prompt(name: str, ours: AnsweredPrompt, theirs: AnsweredPrompt) -> Iterator[Difference]:
    counts = len(ours.predictions), len(theirs.predictions)
    if counts[0] != counts[1]:
        concept = ours.exchange.case.operation == "concept_segment"
        quirk = "zero_threshold_means_default" if concept and ours.threshold != ours.served_threshold else ""
        known = quirk if concept else "one_mask_for_each_prompt" if set(counts) == {1, 3} else ""
        place = f"{name}, prompt {ours.index}"
        yield Difference("count", place, f"{counts[0]} predictions", f"{counts[1]} predictions", known)
        return
    first, second = measured(ours.predictions), measured(theirs.predictions)
    for row, column in _pairs(ours, theirs):
        before, after = first[row].prediction.confidence, second[column].prediction.confidence
        if abs(before - after) > SAME_CONFIDENCE:
            yield Difference("confidence", f"{name}, prompt {ours.index}", f"{before:.3f}", f"{after:.3f}")


def _pairs(ours: AnsweredPrompt, theirs: AnsweredPrompt) -> Sequence[tuple[int, int]]:
    first, second = measured(ours.predictions), measured(theirs.predictions)
    if len({one.mask.size for one in (*first, *second)}) != 1:
        return ()
    return pair_up([one.mask for one in first], [one.mask for one in second], least=LEAST).pairs


def _overlaps(first: Exchange, second: Exchange) -> Iterator[Overlap]:
    for ours, theirs in zip(prompts_of(first), prompts_of(second), strict=False):
        here, there = measured(_best(ours)), measured(_best(theirs))
        if len({one.mask.size for one in (*here, *there)}) != 1:
            continue
        pairing = pair_up([one.mask for one in here], [one.mask for one in there], least=LEAST)
        for row, column in pairing.pairs:
            one, other = here[row].mask, there[column].mask
            yield Overlap(first.case.id, ours.index, iou(one.runs, other.runs), one, other, first)
        for row in pairing.left:
            yield Overlap(first.case.id, ours.index, 0.0, here[row].mask, None, first)
        for column in pairing.right:
            yield Overlap(first.case.id, ours.index, 0.0, None, there[column].mask, first)


def _best(prompt: AnsweredPrompt) -> Sequence[Prediction]:
    """Of three masks of one object only the most confident is compared."""
    if prompt.exchange.case.operation == "concept_segment" or not prompt.predictions:
        return prompt.predictions
    return [max(prompt.predictions, key=lambda one: one.confidence)]


def _of_checks(first: Run, second: Run) -> Iterator[Difference]:
    for ours, theirs in zip(first.outcomes, second.outcomes, strict=False):
        if ours.verdict != theirs.verdict and "inconclusive" not in {ours.verdict, theirs.verdict}:
            name = f"{ours.check.code} {ours.check.name}"
            yield Difference("check", name, _verdict(ours), _verdict(theirs))


def _verdict(outcome: CheckOutcome) -> str:
    return f"{outcome.verdict} ({len(outcome.violations)} findings)" if outcome.violations else outcome.verdict


def _deviations(first: Run, second: Run) -> Iterator[tuple[str, str]]:
    for run, other in ((first, second), (second, first)):
        yield from ((name, run.target) for name in run.deviations_seen if name in other.deviations_absent)
