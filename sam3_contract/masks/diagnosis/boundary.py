"""How far apart the boundaries of two bitmaps lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["boundary_distances"]


def boundary_distances(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Measure from each boundary pixel of either mask to the other mask's nearest boundary pixel.

    Args:
        first: Bitmap of shape ``(height, width)``.
        second: Bitmap of the same shape.

    Returns:
        Largest and mean distance in pixels, Euclidean; None if a mask is empty.

    Example:
        >>> mask = np.zeros((4, 6), np.bool_)
        >>> mask[1:3, 1:3] = True
        >>> boundary_distances(mask, np.roll(mask, 1, axis=1))
        (1.0, 0.5)
    """
    if not first.any() or not second.any():
        return None
    around = _box(first | second)  # all boundary pixels of both lie in it
    outlines = [_outline(first[around]), _outline(second[around])]
    distances = []
    for here, there in (outlines, outlines[::-1]):
        to_there = cv2.distanceTransform((~there).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        distances.append(to_there[here])
    every = np.concatenate(distances)
    return round(float(every.max()), 3), round(float(every.mean()), 3)


def _box(bitmap: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the rows and the columns from the first foreground pixel to the last."""
    rows, columns = (np.flatnonzero(bitmap.any(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _outline(bitmap: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the foreground pixels that have background, or the image's border, beside them."""
    padded = np.pad(bitmap, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return bitmap & ~inner
