"""Whether two lists of predictions are the same, mask by mask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sam3_contract.checks.check import Breach, Severity, Shown, shown
from sam3_contract.checks.edges import differ_by_edges
from sam3_contract.checks.prompts import AnsweredPrompt, may_keep_others
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import Mask, Prediction, number
from sam3_contract.masks import compare, iou, iou_matrix, matched

SAME_IOU: Final = 0.95
"""Overlap from which on two masks of a model are the same, where exactness cannot be asked for."""
SAME_CONFIDENCE: Final = 0.02
"""Difference of confidences up to which two predictions are the same, where exactness cannot be asked for."""
Matrix = NDArray[np.float64]

_PROMISED: Final = ("masks", "confidence", "format")
MAX_DIFFERENCES: Final = 4  # of one comparison; the first ones tell the story
MAX_PAIRED: Final = 256  # masks of either list that are matched; the model finds up to 200 for a prompt


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which masks of two lists show the same thing.

    Attributes:
        pairs: Indexes into either list.
        left: Indexes into the first list of those without a partner.
        right: Indexes into the second list of those without a partner.
    """

    pairs: tuple[tuple[int, int], ...]
    left: tuple[int, ...]
    right: tuple[int, ...]


class Measured(NamedTuple):
    """A prediction whose mask is sound."""

    prediction: Prediction
    mask: Mask


def leeway_of(exchange: Exchange) -> float:
    """Tell by how much a confidence may differ from that of another answer: not at all where a server is exact."""
    return 0.0 if exchange.exact else SAME_CONFIDENCE


def measured(predictions: Iterable[Prediction]) -> list[Measured]:
    """List predictions with their masks, up to :data:`MAX_PAIRED`; those whose mask is not sound are left out."""
    return [Measured(one, one.mask) for one in islice(predictions, MAX_PAIRED) if one.mask is not None]


def pair_up(
    ours: Sequence[Mask],
    theirs: Sequence[Mask],
    *,
    least: float,
    confidences: tuple[Sequence[float], Sequence[float]] | None = None,
    tolerant: bool = False,
) -> Pairing:
    """Match masks one to one: the same ones first, then by the best sum of overlaps.

    Args:
        ours: Masks of the first list.
        theirs: Masks of the second list, of the same size.
        least: IoU under which two masks are no pair, in 0..1.
        confidences: Of either list, to tell masks apart that are the same.
        tolerant: Whether edges may be off as those of a model are from call to call.
    """
    sure = confidences or ([0.0] * len(ours), [0.0] * len(theirs))
    apart = np.abs(np.subtract.outer(np.asarray(sure[0], float), np.asarray(sure[1], float)))
    pairs = list(_equal(ours, theirs, apart, within=SAME_CONFIDENCE if tolerant else np.inf))
    left, right = _unpaired_in(pairs, len(ours), len(theirs))
    if left and right:
        rows, columns = [ours[index] for index in left], [theirs[index] for index in right]
        more = _alike(rows, columns, apart[np.ix_(left, right)], least, tolerant=tolerant)
        pairs += [(left[row], right[column]) for row, column in more]
        left, right = _unpaired_in(pairs, len(ours), len(theirs))
    return Pairing(tuple(pairs), tuple(left), tuple(right))


def _unpaired_in(pairs: Sequence[tuple[int, int]], ours: int, theirs: int) -> tuple[list[int], list[int]]:
    rows, columns = {row for row, _ in pairs}, {column for _, column in pairs}
    return [row for row in range(ours) if row not in rows], [
        column for column in range(theirs) if column not in columns
    ]


def _equal(ours: Sequence[Mask], theirs: Sequence[Mask], apart: Matrix, *, within: float) -> Iterator[tuple[int, int]]:
    """Match masks that are the same to the pixel; of several those that are nearest in confidence."""
    columns_of: dict[bytes, list[int]] = defaultdict(list)
    for column, mask in enumerate(theirs):
        columns_of[mask.key].append(column)
    same = [
        (float(apart[row, column]), row, column) for row, mask in enumerate(ours) for column in columns_of[mask.key]
    ]
    yield from _one_to_one((row, column) for distance, row, column in sorted(same) if distance <= within)


def _alike(
    ours: Sequence[Mask], theirs: Sequence[Mask], apart: Matrix, least: float, *, tolerant: bool
) -> Iterator[tuple[int, int]]:
    overlaps = iou_matrix([mask.runs for mask in ours], [mask.runs for mask in theirs])
    for row, column in np.argwhere(overlaps < 1.0).tolist() if tolerant else ():
        # Of several that may be it, the confidence tells, not the edge that happens to fit best.
        if differ_by_edges(ours[row], theirs[column], least=least):
            overlaps[row, column] = 1.0
    yield from matched(overlaps, least=least, apart=np.minimum(apart, 1.0))


def are_alike(one: Mask, other: Mask) -> bool:
    """Tell whether two masks may be one that a model was asked for twice."""
    if one.size != other.size:
        return False
    return iou(one.runs, other.runs) >= SAME_IOU or differ_by_edges(one, other, least=SAME_IOU)


def _one_to_one(pairs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Keep of pairs, best first, those of which neither has a partner yet."""
    rows, columns = set[int](), set[int]()
    for row, column in pairs:
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            yield row, column


def same_things(ours: Sequence[Measured], theirs: Sequence[Measured], *, tolerant: bool = False) -> Pairing:
    """Match predictions that are the same in two answers; of masks that are the same, those as confident."""
    confidences = ([one.prediction.confidence for one in ours], [one.prediction.confidence for one in theirs])
    masks = [one.mask for one in ours], [one.mask for one in theirs]
    return pair_up(*masks, least=SAME_IOU, confidences=confidences, tolerant=tolerant)


def differences(ours: AnsweredPrompt, theirs: AnsweredPrompt, *, law: str, ordered: bool = False) -> list[Breach]:
    """Compare the answers to two prompts that ask the same.

    Args:
        ours: The one that is taken as right.
        theirs: The other, which the breaches name.
        law: What should have been the case, for the breaches.
        ordered: Whether the very same predictions have to come in the same order as well.

    Returns:
        Breaches. Where the server is not expected to be exact, none for what a model's answers may differ by; where
        it is, a warning if only the order differs that ``concept_segment`` does not promise. Empty if one of them
        holds a mask that is none, and the server is not exact.
    """
    if _content(ours) == _content(theirs):
        return []
    found = list(_unlike(ours, theirs, law))
    reordered = _only_reordered(ours, theirs)
    if found or not (theirs.exchange.exact or (reordered and ordered)):
        return found
    return [_nearly(ours, theirs, law, "warning" if reordered and not ordered else None)]


def _unlike(ours: AnsweredPrompt, theirs: AnsweredPrompt, law: str) -> Iterator[Breach]:
    first, second = measured(ours.predictions), measured(theirs.predictions)
    if len(first) != len(ours.predictions) or len(second) != len(theirs.predictions):
        return
    if len({one.mask.size for one in (*first, *second)}) > 1:
        return
    pairing = same_things(first, second, tolerant=not theirs.exchange.exact)
    for row, column in pairing.pairs[:MAX_DIFFERENCES]:
        before, after = (number(one.prediction.value.get("confidence")) for one in (first[row], second[column]))
        if before is not None and after is not None and abs(before - after) > SAME_CONFIDENCE:
            at = f"{second[column].prediction.path}.confidence"
            yield Breach(at, shown(after), f"{shown(before)}: {law}", **_where(ours, theirs))
    unpaired = _unpaired(ours, theirs, pairing, (first, second))
    for at, why, masks in islice(unpaired, MAX_DIFFERENCES):
        counts = f"{len(theirs.predictions)} predictions, {len(pairing.pairs)} of them alike"
        expected = f"the same {len(ours.predictions)} as {ours.exchange.case.id}: {law}"
        yield Breach(at, counts, expected, why, masks=masks, **_where(ours, theirs))


def _unpaired(
    ours: AnsweredPrompt,
    theirs: AnsweredPrompt,
    pairing: Pairing,
    sides: tuple[Sequence[Measured], Sequence[Measured]],
) -> Iterator[tuple[str, str, Shown]]:
    """Describe masks without a partner: against the nearest one without, how it is turned, moved or scaled."""
    if may_keep_others(theirs.exchange):
        return
    first, second = sides
    lost = [first[index] for index in pairing.left if not _is_marginal(first[index], theirs)]
    gained = [second[index] for index in pairing.right if not _is_marginal(second[index], ours)]
    left = [one for one in lost if one.mask.area or not gained]
    for one in gained:
        path, found, size = one.prediction.path, one.prediction.value["masks"], one.mask.size
        if not left:
            yield path, "it has no partner there", Shown((found,), (), size)
            continue
        overlaps = iou_matrix([other.mask.runs for other in left], [one.mask.runs])[:, 0]
        expected = left[int(np.argmax(overlaps))].prediction.value["masks"]
        why = compare(expected, found, image_size=size).explanation
        yield f"{path}.masks", why, Shown((found,), (expected,), size)
    for one in left if not gained else ():
        missing = f"{one.prediction.path} of {ours.exchange.case.id} is missing"
        yield theirs.path, missing, Shown((), (one.prediction.value["masks"],), one.mask.size)


def _is_marginal(one: Measured, other: AnsweredPrompt) -> bool:
    """Tell whether a prediction is so close to the other answer's threshold that a model may drop it there."""
    leeway = leeway_of(other.exchange)
    return bool(leeway) and other.threshold is not None and one.prediction.confidence < other.threshold + leeway


def _only_reordered(ours: AnsweredPrompt, theirs: AnsweredPrompt) -> bool:
    """Tell whether the same predictions come in another order, which ``concept_segment`` is free to choose."""
    if ours.exchange.case.operation != "concept_segment":
        return False
    first, second = (sorted(map(repr, _content(prompt))) for prompt in (ours, theirs))
    return first == second


def _nearly(ours: AnsweredPrompt, theirs: AnsweredPrompt, law: str, severity: Severity | None) -> Breach:
    """Report answers that differ, but no more than a model's answers to one request may."""
    for index, (mine, other) in enumerate(zip(_content(ours), _content(theirs), strict=False)):
        if mine != other:
            field = next(name for name in _PROMISED if mine[name] != other[name])
            at = f"{theirs.predictions[index].path}.{field}"
            break
    else:
        at, field = theirs.path, "predictions"
    why = f"alike within IoU {SAME_IOU} and confidence {SAME_CONFIDENCE}, but not equal, or in another order"
    return Breach(
        at, f"another {field}", f"as in {ours.exchange.case.id}: {law}", why, severity=severity, **_where(ours, theirs)
    )


def _where(ours: AnsweredPrompt, theirs: AnsweredPrompt) -> dict[str, Any]:
    return {"exchange": theirs.exchange, "beside": (ours.exchange,)}


def _content(prompt: AnsweredPrompt) -> list[dict[str, Any]]:
    """Take what the document promises of each prediction: what a server adds, such as an id, may be new each time."""
    return [{name: one.value.get(name) for name in _PROMISED} for one in prompt.predictions]
