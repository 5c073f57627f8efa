"""Holes and connected parts of a mask on its run lengths, without a bitmap.

Parts are connected by edges or corners, as findContours connects them; holes are background from which no path along
edges leads to the border.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sam3_contract.masks.rle.rle import run_lengths_from_edges

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["holes_filled", "parts_of_run_lengths"]


def holes_filled(run_lengths: NDArray[np.int64], *, size: tuple[int, int]) -> NDArray[np.int64]:
    """Fill the holes, so that the mask becomes what its own outline encloses.

    Args:
        run_lengths: Runs of the mask, shape ``(n_runs,)``.
        size: ``(height, width)`` in pixels.

    Returns:
        Runs of the filled mask, shape ``(n_runs,)``.

    Example:
        A ring of 3 x 3 pixels around one:

        >>> holes_filled(np.array([5, 3, 1, 1, 1, 1, 1, 3, 5 + 4]), size=(4, 6)).tolist()
        [5, 3, 1, 3, 1, 3, 8]
    """
    height, width = size
    edges = np.cumsum(run_lengths)
    starts = np.concatenate(([0], edges[1::2]))
    stops = edges[0::2]
    starts = starts[: len(stops)]
    background = _cut_at_columns(starts[starts < stops], stops[starts < stops], height=height)
    if not len(background[0]):
        return run_lengths
    labels = _labels(*background, height=height, corners=False)
    row, column = background[0] % height, background[0] // height
    last_row = (background[1] - 1) % height
    open_ = (row == 0) | (last_row == height - 1) | (column == 0) | (column == width - 1)
    outside = np.zeros(len(labels), np.bool_)
    outside[labels[open_]] = True
    hole = ~outside[labels]
    # Holes are runs within one column, foreground above and below: the edges around them vanish.
    around = np.concatenate((background[0][hole], background[1][hole]))
    kept = edges[:-1] if len(run_lengths) % 2 else edges
    return run_lengths_from_edges(np.setdiff1d(kept, around), pixels=height * width)


def parts_of_run_lengths(run_lengths: NDArray[np.int64], *, size: tuple[int, int]) -> list[NDArray[np.int64]]:
    """Split a mask into its connected parts, corners connecting.

    Args:
        run_lengths: Runs of the mask, shape ``(n_runs,)``.
        size: ``(height, width)`` in pixels.

    Returns:
        Runs of each part in the frame of the mask, largest part first; none for an empty mask.

    Example:
        >>> [part.tolist() for part in parts_of_run_lengths(np.array([0, 1, 5, 2, 1]), size=(3, 3))]
        [[6, 2, 1], [0, 1, 8]]
    """
    height, width = size
    edges = np.cumsum(run_lengths)
    starts, stops = _cut_at_columns(edges[0:-1:2], edges[1::2], height=height)
    if not len(starts):
        return []
    labels = _labels(starts, stops, height=height, corners=True)
    part_of = np.unique(labels, return_inverse=True)[1]
    areas = np.bincount(part_of, weights=stops - starts).astype(np.int64)
    order = np.argsort(part_of, kind="stable")
    cuts = np.cumsum(np.bincount(part_of))[:-1]
    parts = [
        _run_lengths_from_intervals(starts[chosen], stops[chosen], pixels=height * width)
        for chosen in np.split(order, cuts)
    ]
    return [parts[index] for index in np.argsort(-areas, kind="stable").tolist()]


def _run_lengths_from_intervals(
    starts: NDArray[np.int64], stops: NDArray[np.int64], *, pixels: int
) -> NDArray[np.int64]:
    """Turn ascending foreground intervals, some of which may touch, into runs."""
    apart = starts[1:] != stops[:-1]
    edges = np.empty(2 * int(apart.sum()) + 2, np.int64)
    edges[0::2] = starts[np.concatenate(([True], apart))]
    edges[1::2] = stops[np.concatenate((apart, [True]))]
    return run_lengths_from_edges(edges, pixels=pixels)


def _cut_at_columns(
    starts: NDArray[np.int64], stops: NDArray[np.int64], *, height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut intervals where columns end, so that each lies in one column."""
    first, last = starts // height, (stops - 1) // height
    n_pieces = last - first + 1
    index = np.repeat(np.arange(len(starts)), n_pieces)
    nth = np.arange(len(index)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    column = first[index] + nth
    return np.maximum(starts[index], column * height), np.minimum(stops[index], (column + 1) * height)


def _labels(starts: NDArray[np.int64], stops: NDArray[np.int64], *, height: int, corners: bool) -> NDArray[np.int64]:
    """Label intervals, each within one column, by component: the lowest index of any interval connected to it."""
    # A gap of one place between columns keeps an interval grown by a corner out of the next column.
    column = starts // height
    low, high = starts + column, stops + column
    grown = int(corners)
    moved_low, moved_high = low + height + 1 - grown, high + height + 1 + grown
    begin = np.searchsorted(high, moved_low, side="right")
    end = np.searchsorted(low, moved_high, side="left")
    n_neighbours = np.maximum(end - begin, 0)
    left = np.repeat(np.arange(len(starts)), n_neighbours)
    nth = np.arange(len(left)) - np.repeat(np.cumsum(n_neighbours) - n_neighbours, n_neighbours)
    return _components(left, np.repeat(begin, n_neighbours) + nth, number=len(starts))


def _components(left: NDArray[np.int64], right: NDArray[np.int64], *, number: int) -> NDArray[np.int64]:
    """Label the nodes of a graph by the lowest node of their component.

    References:
        Shiloach and Vishkin, "An O(log n) parallel connectivity algorithm", 1982: hook roots, then halve paths.
    """
    label = np.arange(number)
    while True:
        low, high = label[left], label[right]
        apart = low != high
        if not apart.any():
            return label
        left, right = left[apart], right[apart]
        low, high = np.minimum(low[apart], high[apart]), np.maximum(low[apart], high[apart])
        np.minimum.at(label, high, low)
        while not np.array_equal(label, label[label]):
            label = label[label]
