"""Masks as polygons in memory: all points of all rings end to end, read strictly from lists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sam3_contract.masks.limits import MAX_COORDINATE, MAX_POINTS, MAX_RINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Rings", "polygons_from_rings", "read_rings", "rings_from_contours"]


@dataclass(frozen=True, slots=True)
class Rings:
    """The rings of one mask; rings without points are left out.

    Attributes:
        points: ``(x, y)`` in pixels, shape ``(n_points, 2)``, all x before all y in memory, which most functions
            here read one at a time. The first point of a ring is not repeated.
        offsets: Where each ring's points begin and end, shape ``(n_rings + 1,)``.
        places: Each ring's place in the payload, counted from 0, shape ``(n_rings,)``.
        traced: Whether findContours made them, so that nothing about them need be checked.
    """

    points: NDArray[np.int64]
    offsets: NDArray[np.int64]
    places: NDArray[np.int64]
    traced: bool = False

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def box(self) -> tuple[int, int, int, int]:
        """Return ``(x, y, width, height)`` of the pixels, anchored top left; zeros without points."""
        if not len(self.points):
            return 0, 0, 0, 0
        x, y = self.points.T
        left, top = int(x.min()), int(y.min())
        return left, top, int(x.max()) - left + 1, int(y.max()) - top + 1

    def boxes(self) -> NDArray[np.int64]:
        """Return each ring's ``(left, top, right, bottom)``, all inclusive, shape ``(n_rings, 4)``."""
        starts = self.offsets[:-1]
        low = np.minimum.reduceat(self.points, starts, axis=0)
        return np.hstack([low, np.maximum.reduceat(self.points, starts, axis=0)])

    def moved(self, *, dx: int, dy: int) -> Rings:
        """Return the rings moved by ``(dx, dy)`` pixels."""
        return replace(self, points=self.points + np.array([dx, dy]))

    def swapped(self) -> Rings:
        """Return the rings with x and y swapped."""
        return replace(self, points=self.points[:, ::-1], traced=False)

    def arrays(self) -> list[NDArray[np.int32]]:
        """Return one int32 array of shape ``(n, 2)`` per ring, as OpenCV wants them."""
        points = self.points.astype(np.int32, order="C")
        cuts = self.offsets.tolist()
        return [points[start:stop] for start, stop in pairwise(cuts)]


def read_rings(polygons: object) -> Rings | None:
    """Read a mask's polygons if they are lists of pairs of integers within the limits.

    Args:
        polygons: Any value; the format asked for is ``[[[x, y], ...], ...]``.

    Returns:
        The rings; None if anything is malformed. No look is taken at what the rings enclose.

    Example:
        >>> read_rings([[[1, 1], [1, 3]], []]).points.tolist()
        [[1, 1], [1, 3]]
        >>> read_rings([[1, 1, 1, 3]]) is None
        True
    """
    if not isinstance(polygons, (list, tuple)) or not 0 < len(polygons) <= MAX_RINGS:
        return None
    if not set(map(type, polygons)) <= {list, tuple}:
        return None
    n_points = list(map(len, polygons))
    if sum(n_points) > MAX_POINTS:
        return None
    points = list(chain.from_iterable(polygons))
    # Sets of types and lengths are made in C: an order of magnitude faster than a loop of isinstance.
    if not set(map(type, points)) <= {list, tuple} or not set(map(len, points)) <= {2}:
        return None
    numbers = list(chain.from_iterable(points))
    if not set(map(type, numbers)) <= {int}:
        return None
    try:
        coordinates = np.fromiter(numbers, np.int64, len(numbers))
    except OverflowError:
        return None
    if coordinates.size and (coordinates.max() > MAX_COORDINATE or coordinates.min() < -MAX_COORDINATE):
        return None
    places = np.flatnonzero(n_points)
    return Rings(np.asfortranarray(coordinates.reshape(-1, 2)), offsets_of([n for n in n_points if n]), places)


def offsets_of(lengths: list[int]) -> NDArray[np.int64]:
    """Return where pieces of these lengths begin and end once they lie end to end, shape ``(n + 1,)``."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def rings_from_contours(contours: Sequence[NDArray[Any]]) -> Rings:
    """Take over what ``cv2.findContours`` returns: one array of shape ``(n, 1, 2)`` per ring."""
    if not contours:
        return Rings(np.zeros((0, 2), np.int64), np.zeros(1, np.int64), np.zeros(0, np.int64))
    points = np.concatenate(contours)[:, 0, :].astype(np.int64, order="F")
    offsets = offsets_of([len(contour) for contour in contours])
    return Rings(points, offsets, np.arange(len(contours)), traced=True)


def polygons_from_rings(rings: Rings) -> list[list[list[int]]]:
    """Write rings as the service does: lists of ``[x, y]``; ``[[]]`` for none."""
    points, cuts = rings.points.tolist(), rings.offsets.tolist()
    return [points[start:stop] for start, stop in pairwise(cuts)] or [[]]
