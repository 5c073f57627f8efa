"""Which instance of one answer is which of another: one to one, by overlap, the best sum of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract import masks
from sam3_contract.errors import MaskError
from sam3_contract.masks import Verdict, compare, iou_matrix
from sam3_contract.masks.limits import MAX_BITMAP_PIXELS
from sam3_contract.snapshots.model import Instance

LEAST_IOU: Final = 0.1
"""Overlap from which on two masks can be one instance, as in ``masks show --diff``."""

Match = tuple[int, int, float]
"""Index among the old instances, index among the new ones, intersection over union in 0..1."""

_MOST_TRIED: Final = 36
"""Pairs of masks without a partner that are compared for one that is the other, moved."""


def matched(old: Sequence[Instance], new: Sequence[Instance]) -> list[Match]:
    """Match instances of one prompt by the Hungarian method: no other matching overlaps more in sum.

    Equal overlaps go to the nearer confidence. Masks that overlap too little are one instance still, if one is the
    other moved by whole pixels.

    Args:
        old: Instances of one answer.
        new: Instances of another, of masks of the same size.

    Returns:
        The pairs, in the order of *old*; who has no partner is in none.
    """
    if not old or not new:
        return []
    overlaps = iou_matrix([one.run_lengths for one in old], [one.run_lengths for one in new])
    pairs = [
        (row, column, float(overlaps[row, column]))
        for row, column in masks.matched(overlaps, least=LEAST_IOU, apart=_apart(old, new))
    ]
    left = [index for index in range(len(old)) if index not in {pair[0] for pair in pairs}]
    right = [index for index in range(len(new)) if index not in {pair[1] for pair in pairs}]
    pairs += [(row, column, float(overlaps[row, column])) for row, column in _moved(old, new, left, right)]
    return sorted(pairs)


def centroid(instance: Instance) -> tuple[float, float] | None:
    """Average the places of a mask's pixels.

    Returns:
        ``(x, y)`` in pixels; None for an empty mask.

    Example:
        >>> centroid(Instance("5220;", (4, 6), 0.9, "rle"))
        (1.5, 1.5)
    """
    if not instance.area:
        return None
    edges = np.cumsum(instance.run_lengths)
    starts, stops = edges[0:-1:2], edges[1::2]
    height = instance.size[0]
    sums = [int((before(stops, height) - before(starts, height)).sum()) for before in (_columns_before, _rows_before)]
    return sums[0] / instance.area, sums[1] / instance.area


def _apart(old: Sequence[Instance], new: Sequence[Instance]) -> NDArray[np.float64]:
    """Measure how far confidences lie apart, shape ``(len(old), len(new))``; at most 1."""
    scores = [np.array([one.confidence or 0.0 for one in side]) for side in (old, new)]
    apart: NDArray[np.float64] = np.minimum(np.abs(scores[0][:, None] - scores[1][None, :]), 1.0)
    return apart


def _moved(
    old: Sequence[Instance], new: Sequence[Instance], left: Sequence[int], right: Sequence[int]
) -> list[tuple[int, int]]:
    """Match what overlaps too little, if one is exactly the other, moved."""
    alike = [
        (row, column)
        for row in left
        for column in right
        if old[row].area and old[row].area == new[column].area and old[row].box[2:] == new[column].box[2:]
    ]
    found: dict[int, int] = {}
    for row, column in alike[:_MOST_TRIED]:
        if row not in found and column not in found.values() and _is_shifted(old[row], new[column]):
            found[row] = column
    return list(found.items())


def _is_shifted(old: Instance, new: Instance) -> bool:
    if old.size[0] * old.size[1] > MAX_BITMAP_PIXELS:
        return False
    try:
        return compare(old.rle, new.rle, image_size=old.size).verdict == Verdict.SHIFTED
    except MaskError:
        return False


def _columns_before(places: NDArray[np.int64], height: int) -> NDArray[np.int64]:
    """Sum the columns of all pixels before each place, counted down the columns."""
    column, row = _divided(places, height)
    return height * (column * (column - 1) // 2) + column * row


def _rows_before(places: NDArray[np.int64], height: int) -> NDArray[np.int64]:
    column, row = _divided(places, height)
    return column * (height * (height - 1) // 2) + row * (row - 1) // 2


def _divided(places: NDArray[np.int64], height: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return places // height, places % height
