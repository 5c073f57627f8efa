"""Geometry on run lengths, without a bitmap: measures, overlap and set operations.

Runs go down the columns and alternate background and foreground, starting with background, in pixels. All functions
expect sound runs, as `run_lengths_from_rle` returns them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sam3_contract.errors import RleError
from sam3_contract.masks.rle.rle import run_lengths_from_edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "area_of_run_lengths",
    "box_of_run_lengths",
    "intersection",
    "intersection_areas",
    "iou",
    "iou_matrix",
    "union",
]


def area_of_run_lengths(run_lengths: NDArray[np.int64]) -> int:
    """Count the foreground pixels.

    Example:
        >>> area_of_run_lengths(np.array([5, 2, 2, 2, 13]))
        4
    """
    return int(run_lengths[1::2].sum())


def box_of_run_lengths(run_lengths: NDArray[np.int64], *, height: int) -> tuple[int, int, int, int]:
    """Bound the foreground.

    Args:
        run_lengths: Runs of the mask, shape ``(n_runs,)``.
        height: Height of the mask in pixels.

    Returns:
        ``(x, y, width, height)`` in pixels, anchored at the top left pixel; zeros for an empty mask.

    Example:
        >>> box_of_run_lengths(np.array([5, 2, 2, 2, 13]), height=4)
        (1, 1, 2, 2)
    """
    edges = np.cumsum(run_lengths)
    starts, stops = edges[0:-1:2], edges[1::2]
    if not starts.size:
        return 0, 0, 0, 0
    left, right = int(starts[0]) // height, (int(stops[-1]) - 1) // height
    rows = starts % height
    top, bottom = int(rows.min()), int((rows + run_lengths[1::2]).max())
    if bottom > height:
        # A run wraps into the next column: it holds a bottom row and a top row.
        top, bottom = 0, height
    return left, top, right - left + 1, bottom - top


def intersection_areas(run_lengths: NDArray[np.int64], others: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Count the pixels that one mask shares with each of others.

    Args:
        run_lengths: Runs of the mask, shape ``(n_runs,)``.
        others: Runs of masks of the same size.

    Returns:
        Shared pixels, shape ``(len(others),)``.

    Example:
        >>> intersection_areas(np.array([1, 2, 1]), [np.array([0, 2, 2]), np.array([4])]).tolist()
        [1, 0]
    """
    return _areas_shared_with(run_lengths, _Foregrounds.of(others))


class _Foregrounds(NamedTuple):
    """The foreground runs of several masks, one mask after the other; of masks that have any.

    Attributes:
        n_masks: All masks.
        filled: Which of them have foreground.
        first: The first run of each of those.
        starts: First pixel of each run.
        stops: Pixel behind the last of each run.
    """

    n_masks: int
    filled: NDArray[np.int64]
    first: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]

    @classmethod
    def of(cls, masks: Sequence[NDArray[np.int64]]) -> _Foregrounds:
        n_foreground = np.array([len(runs) // 2 for runs in masks], np.int64)
        filled = np.flatnonzero(n_foreground)
        none = np.empty(0, np.int64)
        edges = [np.cumsum(masks[index]) for index in filled.tolist()]
        starts = np.concatenate([none, *(ends[0:-1:2] for ends in edges)])
        stops = np.concatenate([none, *(ends[1::2] for ends in edges)])
        first = np.cumsum(n_foreground[filled]) - n_foreground[filled]
        return cls(len(masks), filled, first, starts, stops)


def _areas_shared_with(run_lengths: NDArray[np.int64], others: _Foregrounds) -> NDArray[np.int64]:
    shared = np.zeros(others.n_masks, np.int64)
    if not others.filled.size or len(run_lengths) < 2:
        return shared
    knots = np.cumsum(run_lengths)
    # Foreground pixels before a place: a straight line between edges, so that interpolation is exact.
    covered = np.zeros(len(knots))
    covered[1::2] = np.cumsum(run_lengths[1::2])
    covered[2::2] = covered[1:-1:2]
    within = np.interp(others.stops, knots, covered) - np.interp(others.starts, knots, covered)
    shared[others.filled] = np.add.reduceat(within, others.first)
    return shared


def iou(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Divide intersection by union.

    Args:
        first: Runs of a mask, shape ``(n_runs,)``.
        second: Runs of a mask of the same size.

    Returns:
        Intersection over union in 0..1; 1.0 for two empty masks, which are equal.

    Example:
        >>> iou(np.array([1, 2, 1]), np.array([0, 2, 2]))
        0.3333333333333333
    """
    return float(iou_matrix([first], [second])[0, 0])


def iou_matrix(first: Sequence[NDArray[np.int64]], second: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Divide intersection by union for every pair of masks of one size.

    Args:
        first: Runs of each mask of one side.
        second: Runs of each mask of the other side.

    Returns:
        Intersection over union, shape ``(len(first), len(second))``; 1.0 for two empty masks.

    Raises:
        RleError: If the masks do not all have as many pixels.

    Example:
        >>> iou_matrix([np.array([1, 2, 1])], [np.array([1, 2, 1]), np.array([4])]).tolist()
        [[1.0, 0.0]]
    """
    pixels = {int(runs.sum()) for runs in (*first, *second)}
    if len(pixels) > 1:
        raise RleError(f"masks have {min(pixels)} to {max(pixels)} pixels, expected one size")
    shared = np.zeros((len(first), len(second)), np.int64)
    others = _Foregrounds.of(second)
    for row, runs in enumerate(first):
        shared[row] = _areas_shared_with(runs, others)
    areas = [np.array([area_of_run_lengths(runs) for runs in side], np.int64) for side in (first, second)]
    together = areas[0][:, None] + areas[1][None, :] - shared
    return np.where(together == 0, 1.0, shared / np.maximum(together, 1))


def union(masks: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Join masks of one size: pixels that are in any of them.

    Args:
        masks: Runs of each mask, at least one.

    Returns:
        Runs of the union, shape ``(n_runs,)``.

    Example:
        >>> union([np.array([1, 2, 1]), np.array([0, 2, 2])]).tolist()
        [0, 3, 1]
    """
    return _where_covered(masks, at_least=1)


def intersection(masks: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Intersect masks of one size: pixels that are in all of them.

    Args:
        masks: Runs of each mask, at least one.

    Returns:
        Runs of the intersection, shape ``(n_runs,)``.

    Example:
        >>> intersection([np.array([1, 2, 1]), np.array([0, 2, 2])]).tolist()
        [1, 1, 2]
    """
    return _where_covered(masks, at_least=len(masks))


def _where_covered(masks: Sequence[NDArray[np.int64]], *, at_least: int) -> NDArray[np.int64]:
    pixels = {int(runs.sum()) for runs in masks}
    if len(pixels) != 1:
        raise RleError(f"{len(masks)} masks of {sorted(pixels)[:4]} pixels, expected one size")
    edges = [np.cumsum(runs) for runs in masks]
    rises = np.concatenate([ends[0:-1:2] for ends in edges])
    falls = np.concatenate([ends[1::2] for ends in edges])
    places, where = np.unique(np.concatenate((rises, falls)), return_inverse=True)
    depth = np.cumsum(np.bincount(where[: len(rises)], minlength=len(places)))
    depth -= np.cumsum(np.bincount(where[len(rises) :], minlength=len(places)))
    inside = depth >= at_least
    changed = np.diff(inside, prepend=False)
    return run_lengths_from_edges(places[changed], pixels=pixels.pop())
