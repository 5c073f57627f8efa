"""Sound RLEs that look odd: empty, inverted, or encoded along the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sam3_contract.masks.rle.batch import RleBatch

__all__ = ["FEWEST_STEPS", "Oddity", "looks_inverted", "looks_row_major", "oddities_of", "overlap_with_moved"]

FEWEST_STEPS = 8
"""Pairs of neighbouring runs from which on a direction can be told."""


@dataclass(frozen=True, slots=True)
class Oddity:
    """A hint, not a breach.

    Attributes:
        name: The defect's name in the catalogue.
        expected: What most masks have.
        diagnosis: Why this one is suspected.
    """

    name: str
    expected: str
    diagnosis: str


_EMPTY = Oddity("mask_empty", "a mask of at least one pixel", "")
_INVERTED = Oddity(
    "looks_inverted",
    "a mask that leaves some of the image's border free",
    "the first run may have been taken for foreground",
)
_ROW_MAJOR = Oddity(
    "looks_row_major",
    "runs down the columns",
    "counts are row-major: read along the rows, runs follow one another at the image's width",
)


def oddities_of(batch: RleBatch) -> Iterator[tuple[int, Oddity]]:
    """Look over the sound masks of a batch.

    Args:
        batch: Parsed RLEs.

    Yields:
        ``(index, oddity)``; a mask may have several.
    """
    n_runs = np.diff(batch.offsets)
    if not len(batch.run_lengths):
        return
    for index in np.flatnonzero(n_runs == 1).tolist():
        yield index, _EMPTY
    filled = np.flatnonzero(n_runs > 2)
    cornered = (batch.run_lengths[batch.offsets[filled]] == 0) & (n_runs[filled] % 2 == 0)
    for index in filled[cornered].tolist():
        if looks_inverted(batch.run_lengths_of(index), height=int(batch.sizes[index, 0])):
            yield index, _INVERTED
    for index in _row_major_candidates(batch, n_runs=n_runs).tolist():
        height, width = batch.sizes[index].tolist()
        if looks_row_major(batch.run_lengths_of(index), size=(height, width)):
            yield index, _ROW_MAJOR


def looks_inverted(run_lengths: NDArray[np.int64], *, height: int) -> bool:
    """Tell whether a mask covers the whole border of the image and most of it, but not all.

    Args:
        run_lengths: Runs of a sound mask in pixels, shape ``(n_runs,)``.
        height: Height of the mask in pixels.

    Returns:
        True if so.

    Example:
        >>> looks_inverted(np.array([0, 5, 2, 2, 2, 5]), height=4)
        True
    """
    # Foreground must fill the first column and the last, so the first run is 0 and the last is foreground.
    if len(run_lengths) < 4 or run_lengths[0] or len(run_lengths) % 2:
        return False
    if run_lengths[1] < height or run_lengths[-1] < height:
        return False
    background = run_lengths[2::2]
    first_row = (np.cumsum(run_lengths)[1:-2:2]) % height
    inside = (first_row > 0) & (first_row + background < height)
    return bool(inside.all() and 2 * background.sum() < run_lengths.sum())


def looks_row_major(run_lengths: NDArray[np.int64], *, size: tuple[int, int]) -> bool:
    """Tell whether runs make a compact shape along the rows and none down the columns.

    A shape's pixels mostly have their neighbours in it. So the mask, moved on by one column, covers most of itself; if
    it does so only when moved by one *row's* length, the runs went along the rows.

    Args:
        run_lengths: Runs of a sound mask in pixels, shape ``(n_runs,)``.
        size: ``(height, width)`` in pixels.

    Returns:
        True if a move by ``width`` loses less than a quarter of the pixels that a move by ``height`` loses.

    Example:
        A block of 6 x 6 pixels, flattened along the rows of 20 x 48 pixels:

        >>> runs = np.array([4 * 48 + 10, *[6, 42] * 5, 6, 10 * 48 + 32])
        >>> looks_row_major(runs, size=(20, 48)), looks_row_major(runs, size=(48, 20))
        (True, False)
    """
    height, width = size
    area = int(run_lengths[1::2].sum())
    lost = [area - overlap_with_moved(run_lengths, distance=distance) for distance in (width, height)]
    return height != width and 4 * lost[0] < lost[1]


def overlap_with_moved(run_lengths: NDArray[np.int64], *, distance: int) -> int:
    """Count the foreground pixels that have another one *distance* pixels further on.

    Args:
        run_lengths: Runs in pixels, background first, shape ``(n_runs,)``.
        distance: In pixels, in the order of the runs.
    """
    edges = np.cumsum(run_lengths)
    # Foreground pixels up to each edge; between edges the count is a straight line, so interpolation is exact.
    covered = np.zeros(len(edges))
    covered[1::2] = np.cumsum(run_lengths[1::2])
    covered[2::2] = covered[1:-1:2]
    starts, stops = edges[0:-1:2], edges[1::2]
    reached = np.interp(stops + distance, edges, covered) - np.interp(starts + distance, edges, covered)
    return int(reached.sum())


def _row_major_candidates(batch: RleBatch, *, n_runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pick masks whose runs follow one another at about the width more often than at about the height."""
    heights, widths = batch.sizes.T
    slack = np.minimum(heights, widths) // 16 + 1
    told_apart = (np.abs(heights - widths) > 2 * slack) & (n_runs > 2 * FEWEST_STEPS)
    if not told_apart.any():
        return np.zeros(0, np.int64)
    filled = np.flatnonzero(n_runs)
    starts = batch.offsets[filled]
    steps = batch.run_lengths.copy()
    steps[:-1] += batch.run_lengths[1:]
    n_along = []
    for side in (widths, heights):
        goal, room = side[filled], slack[filled]
        if (goal == goal[0]).all() and (room == room[0]).all():
            near = np.abs(steps - goal[0]) <= room[0]
        else:
            near = np.abs(steps - np.repeat(goal, n_runs[filled])) <= np.repeat(room, n_runs[filled])
        n_along.append(np.add.reduceat(near, starts, dtype=np.int64))
    suspect = (n_along[0] >= 2 * FEWEST_STEPS) & (n_along[0] > 4 * n_along[1]) & told_apart[filled]
    candidates: NDArray[np.int64] = filled[suspect]
    return candidates
