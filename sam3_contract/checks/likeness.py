"""Whether two lists of predictions are the same, mask by mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract.checks.asked import Asked, number
from sam3_contract.checks.law import Breach, Severity, Shown, shown
from sam3_contract.checks.predictions import Place
from sam3_contract.errors import MaskError
from sam3_contract.exchange import Exchange
from sam3_contract.masks import area_of_run_lengths, compare, iou_matrix, run_lengths_from_masks

__all__ = ["SAME_CONFIDENCE", "SAME_IOU", "Pairing", "bitmap_of", "differences", "frame_of", "pair_up", "runs_of"]

Runs = NDArray[np.int64]

SAME_IOU: Final = 0.95
"""Overlap from which on two masks of a model are the same, where exactness cannot be asked for."""
SAME_CONFIDENCE: Final = 0.02
"""Difference of confidences up to which two predictions are the same, where exactness cannot be asked for."""
MAX_DIFFERENCES: Final = 4  # of one comparison; the first ones tell the story


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which predictions of two lists show the same thing.

    Attributes:
        pairs: Places in either list, and the overlap of the two masks.
        left: Places of the first list without a partner.
        right: Places of the second list without a partner.
    """

    pairs: tuple[tuple[int, int, float], ...]
    left: tuple[int, ...]
    right: tuple[int, ...]


def frame_of(exchange: Exchange) -> tuple[int, int] | None:
    """Tell the ``(height, width)`` of the masks of an exchange: the image's, else the one that an RLE states."""
    if exchange.case.image is not None:
        return exchange.case.image.size
    return _stated_frame(exchange)


def runs_of(place: Place, size: tuple[int, int]) -> Runs | None:
    """Measure the runs of a prediction's mask; ``None`` of one that is no sound mask, which the M checks report."""
    try:
        return run_lengths_from_masks(place.prediction.get("masks"), image_size=size)
    except (MaskError, ValueError, TypeError):
        return None


def bitmap_of(runs: Runs, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Draw runs that go down the columns, as a bitmap of shape ``(height, width)``."""
    values = np.repeat(np.arange(runs.size) % 2 == 1, runs)
    return np.ascontiguousarray(values.reshape(size[::-1]).T)


def pair_up(
    ours: Sequence[Runs],
    theirs: Sequence[Runs],
    *,
    least: float,
    confidences: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Pairing:
    """Match masks one to one, best overlap first.

    Args:
        ours: Runs of each mask of the first list.
        theirs: Runs of each mask of the second list.
        least: IoU under which two masks are no pair, in 0..1.
        confidences: Of either list, to tell masks apart that are the same.
    """
    if not ours or not theirs:
        return Pairing((), tuple(range(len(ours))), tuple(range(len(theirs))))
    overlaps = iou_matrix(ours, theirs)
    pairs: list[tuple[int, int, float]] = []
    left, right = set(range(len(ours))), set(range(len(theirs)))
    apart = np.zeros_like(overlaps)
    if confidences is not None:
        apart = np.abs(np.subtract.outer(np.asarray(confidences[0], float), np.asarray(confidences[1], float)))
    for flat in np.lexsort((apart.ravel(), -overlaps.ravel())).tolist():
        row, column = divmod(flat, len(theirs))
        if overlaps[row, column] < least:
            break
        if row in left and column in right:
            pairs.append((row, column, float(overlaps[row, column])))
            left.discard(row)
            right.discard(column)
    return Pairing(tuple(pairs), tuple(sorted(left)), tuple(sorted(right)))


def differences(ours: Asked, theirs: Asked, *, law: str) -> list[Breach]:
    """Compare the answers to two prompts that ask the same.

    Args:
        ours: The one that is taken as right.
        theirs: The other, which the breaches name.
        law: What should have been the case, for the breaches.

    Returns:
        Breaches; warnings where the answers are alike within the tolerance of a model, unless the server is expected
        to be exact. Empty if one of them holds a mask that is none.
    """
    if _content(ours) == _content(theirs):
        return []
    size = frame_of(theirs.exchange) or frame_of(ours.exchange)
    if size is None:
        return []
    found = list(_unlike(ours, theirs, size, law))
    if found or not theirs.exchange.exact:
        return found or [_nearly(ours, theirs, law, "warning")]
    return [_nearly(ours, theirs, law, None)]


def _unlike(ours: Asked, theirs: Asked, size: tuple[int, int], law: str) -> Iterator[Breach]:
    first, second = ([runs_of(place, size) for place in asked.places] for asked in (ours, theirs))
    if any(runs is None for runs in (*first, *second)):
        return
    mine, others = ([runs for runs in side if runs is not None] for side in (first, second))
    pairing = pair_up(mine, others, least=SAME_IOU)
    for row, column, _ in pairing.pairs[:MAX_DIFFERENCES]:
        pair = ours.places[row], theirs.places[column]
        before, after = (number(place.prediction.get("confidence")) for place in pair)
        if before is not None and after is not None and abs(before - after) > SAME_CONFIDENCE:
            yield Breach(f"{pair[1].path}.confidence", shown(after), f"{shown(before)}: {law}", **_where(ours, theirs))
    unpaired = _unpaired(ours, theirs, pairing, (mine, others), size)
    for (place, why, masks), _ in zip(unpaired, range(MAX_DIFFERENCES), strict=False):
        counts = f"{len(theirs.places)} predictions, {len(pairing.pairs)} of them alike"
        expected = f"the same {len(ours.places)} as {ours.exchange.case.id}: {law}"
        yield Breach(place, counts, expected, why, masks=masks, **_where(ours, theirs))


def _unpaired(
    ours: Asked, theirs: Asked, pairing: Pairing, runs: tuple[list[Runs], list[Runs]], size: tuple[int, int]
) -> Iterator[tuple[str, str, Shown]]:
    """Tell of masks without a partner: against the nearest one without, how it is turned, moved or scaled."""
    left = [index for index in pairing.left if area_of_run_lengths(runs[0][index]) or not pairing.right]
    for index in pairing.right:
        found = theirs.places[index].prediction["masks"]
        if not left:
            yield theirs.places[index].path, "it has no partner there", Shown((found,), (), size)
            continue
        partner = max(left, key=lambda row: float(iou_matrix([runs[0][row]], [runs[1][index]])[0, 0]))
        expected = ours.places[partner].prediction["masks"]
        why = compare(expected, found, image_size=size).explanation
        yield f"{theirs.places[index].path}.masks", why, Shown((found,), (expected,), size)
    for index in left if not pairing.right else ():
        lost = ours.places[index]
        yield (
            theirs.path,
            f"{lost.path} of {ours.exchange.case.id} is missing",
            Shown((), (lost.prediction["masks"],), size),
        )


def _nearly(ours: Asked, theirs: Asked, law: str, severity: Severity | None) -> Breach:
    """Report answers that differ, but no more than a model's answers to one request may."""
    for index, (mine, other) in enumerate(zip(_content(ours), _content(theirs), strict=False)):
        if mine != other:
            fields = [name for name in ("masks", "confidence", "format") if mine.get(name) != other.get(name)]
            field = fields[0] if fields else "prediction"
            at = f"{theirs.places[index].path}.{field}"
            break
    else:
        at, field = theirs.path, "predictions"
    why = f"alike within IoU {SAME_IOU} and confidence {SAME_CONFIDENCE}, but not equal, or in another order"
    return Breach(
        at, f"another {field}", f"as in {ours.exchange.case.id}: {law}", why, severity=severity, **_where(ours, theirs)
    )


def _where(ours: Asked, theirs: Asked) -> dict[str, Any]:
    return {"exchange": theirs.exchange, "beside": (ours.exchange,)}


def _content(asked: Asked) -> list[dict[str, Any]]:
    return [place.prediction for place in asked.places]


@lru_cache(maxsize=256)
def _stated_frame(exchange: Exchange) -> tuple[int, int] | None:
    from_answer = exchange.answer if isinstance(exchange.answer, dict) else {}
    results = [*from_answer.get("prompt_results", ())] if isinstance(from_answer.get("prompt_results"), list) else []
    for holder in [*results, from_answer]:
        predictions = holder.get("predictions") if isinstance(holder, dict) else None
        for prediction in predictions if isinstance(predictions, list) else ():
            masks = prediction.get("masks") if isinstance(prediction, dict) else None
            size = masks.get("size") if isinstance(masks, dict) else None
            if (
                isinstance(size, list)
                and len(size) == 2
                and all(type(side) is int and 0 < side < 2**16 for side in size)
            ):
                return size[0], size[1]
    return None
