"""Masks traced along the edges of their pixels into COCO's flat rings, so that pycocotools draws the same pixels.

Each part (pixels that share a side) gives one ring, its outer boundary; where it touches itself at a corner only, the
ring passes that corner twice. Holes are lost: rings cannot take anything away from each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from sam3_contract.errors import PolygonError
from sam3_contract.masks.limits import MAX_POINTS, MAX_RINGS
from sam3_contract.masks.polygons.polygon import swapped_crop_from_run_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["flat_rings_from_run_lengths"]

FlatRings = list[list[int]]


def flat_rings_from_run_lengths(run_lengths: NDArray[np.int64], *, size: tuple[int, int]) -> FlatRings:
    """Trace the outer boundary of each part of a mask.

    Args:
        run_lengths: Runs in pixels, background first, shape ``(n_runs,)``, summing to ``height * width``.
        size: ``(height, width)`` in pixels.

    Returns:
        A flat ring ``[x1, y1, x2, y2, ...]`` for each part, of at least four points, clockwise as seen on the screen;
        none for an empty mask. What pycocotools makes of them is the mask with its holes filled.

    Raises:
        PolygonError: If the box has more pixels than a bitmap may, or the rings have more points than are read.

    Example:
        >>> flat_rings_from_run_lengths(np.array([5, 2, 2, 2, 13]), size=(4, 6))
        [[1, 1, 3, 1, 3, 3, 1, 3]]
    """
    crop, (left, top) = swapped_crop_from_run_lengths(run_lengths, size=size)
    if not crop.size:
        return []
    padded = np.pad(np.asarray(cv2.transpose(crop), np.uint8), 1)
    x, y, opens_down_right = _corners(padded)
    if len(x) > MAX_POINTS:
        raise PolygonError(f"the outline has {len(x)} points, limit {MAX_POINTS}", code="POL14")
    rings = _outer_rings(x, y, opens_down_right)
    if len(rings) > MAX_RINGS:
        raise PolygonError(f"the mask has {len(rings)} parts, limit {MAX_RINGS}", code="POL14")
    corner = np.array([left, top])
    points = np.column_stack((x, y)) + corner
    return [points[ring].ravel().tolist() for ring in rings]


def _corners(padded: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Find where the outline turns, by row, then column; twice where two parts, or two bits of one, touch.

    Returns:
        ``x``, ``y`` and whether the pixel below and to the right is foreground, each of shape ``(n,)``. Of two at one
        place the first belongs to the edge that comes from the left, the second to the one that goes to the right.
    """
    above_left, above_right = padded[:-1, :-1], padded[:-1, 1:]
    below_left, below_right = padded[1:, :-1], padded[1:, 1:]
    turns = above_left ^ above_right ^ below_left ^ below_right
    touches = (above_left == below_right) & (above_right == below_left) & (above_left != above_right)
    y, x = np.nonzero(turns.view(np.bool_) | touches)
    times = 1 + touches[y, x]
    y, x = np.repeat(y, times), np.repeat(x, times)
    return x, y, below_right[y, x].view(np.bool_)


def _outer_rings(
    x: NDArray[np.int64], y: NDArray[np.int64], opens_down_right: NDArray[np.bool_]
) -> list[NDArray[np.int64]]:
    """Walk along the outline, an edge to the side and an edge up or down in turn, and leave the holes' rings out."""
    along = _partners(np.arange(len(x)))
    across = _partners(_down_the_columns(x, y, opens_down_right))
    seen = np.zeros(len(x), np.bool_).tolist()
    to_the_side, up_or_down = along.tolist(), across.tolist()
    rings = []
    for start in range(len(x)):
        if seen[start]:
            continue
        ring = []
        corner = start
        while not seen[corner]:
            seen[corner] = True
            beside = to_the_side[corner]
            seen[beside] = True
            ring += [corner, beside]
            corner = up_or_down[beside]
        # It starts at its topmost, then leftmost corner: what lies below and to the right is the part, or the hole.
        if opens_down_right[start]:
            rings.append(np.array(ring))
    return rings


def _partners(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pair neighbours in an order, the first with the second, the third with the fourth."""
    partner = np.empty(len(order), np.int64)
    partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
    return partner


def _down_the_columns(
    x: NDArray[np.int64], y: NDArray[np.int64], opens_down_right: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Order corners by column, then row; at one place first the one whose edge comes from above.

    Where two pixels touch at a corner, each keeps its own corner: of a pixel above and to the left the edge from the
    left meets the one from above, of a pixel above and to the right the edge to the right does.
    """
    second = np.zeros(len(x), np.bool_)
    second[1:] = (x[1:] == x[:-1]) & (y[1:] == y[:-1])
    twice = second | np.append(second[1:], False)
    from_below = np.where(opens_down_right, second, twice & ~second)
    return np.lexsort((from_below, y, x))
