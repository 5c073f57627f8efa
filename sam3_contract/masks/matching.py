"""Which mask of one list is which of another: one to one, by overlap, the best sum of all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["matched"]

_TIE: float = 1e-6  # of what decides between equal overlaps


def matched(
    overlaps: NDArray[np.float64], *, least: float, apart: NDArray[np.float64] | None = None
) -> list[tuple[int, int]]:
    """Match masks by the Hungarian method: no other matching overlaps more in sum.

    Args:
        overlaps: Intersection over union of every pair, shape ``(n_first, n_second)``.
        least: Overlap under which two masks are no pair, in 0..1.
        apart: What tells pairs of equal overlap apart, of the same shape, in 0..1: the smaller, the better.

    Returns:
        Row and column of each pair, in the order of the rows; a mask without a partner is in none.

    Example:
        >>> matched(np.array([[0.9, 0.8], [0.95, 0.7], [0.0, 0.05]]), least=0.1)
        [(0, 1), (1, 0)]
    """
    possible = overlaps >= least
    if not possible.any():
        return []
    if possible.sum(axis=0).max() == possible.sum(axis=1).max() == 1:  # nothing to choose
        return [(int(row), int(column)) for row, column in np.argwhere(possible)]
    # Only here: scipy takes longer to import than all the rest, and most comparisons have nothing to choose.
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415

    worth = overlaps if apart is None else overlaps - apart * _TIE
    rows, columns = linear_sum_assignment(np.where(possible, worth, 0.0), maximize=True)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if possible[row, column]]
