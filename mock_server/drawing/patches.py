"""A mask inside its bounding window: what is outside the window is background."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A mask's window in the image.

    Attributes:
        top: Row of the window's first pixel in the image.
        left: Column of the window's first pixel in the image.
        pixels: Bool, shape ``(height, width)`` of the window; may be empty.
    """

    top: int
    left: int
    pixels: NDArray[np.bool_]

    @property
    def bottom(self) -> int:
        """Row behind the window's last."""
        return self.top + int(self.pixels.shape[0])

    @property
    def right(self) -> int:
        """Column behind the window's last."""
        return self.left + int(self.pixels.shape[1])

    @property
    def area(self) -> int:
        """Pixels in the mask."""
        return int(np.count_nonzero(self.pixels))

    def window(self, top: int, left: int, bottom: int, right: int) -> NDArray[np.bool_]:
        """Look at the part of this patch that lies in a window of the image, as a view."""
        rows = slice(max(top - self.top, 0), max(bottom - self.top, 0))
        columns = slice(max(left - self.left, 0), max(right - self.left, 0))
        return self.pixels[rows, columns]


def trimmed(patch: Patch) -> Patch:
    """Cut a window down to what is in it; that of a mask without pixels to nothing.

    Example:
        >>> patch = trimmed(Patch(4, 2, np.array([[0, 0, 0], [0, 1, 0]], np.bool_)))
        >>> patch.top, patch.left, patch.pixels.tolist()
        (5, 3, [[True]])
    """
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(patch.pixels).view(np.uint8))
    pixels = patch.pixels[top : top + height, left : left + width]
    return Patch(patch.top + top, patch.left + left, pixels.copy())


def common(first: Patch, second: Patch) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Cut both patches to the window they share."""
    window = (
        max(first.top, second.top),
        max(first.left, second.left),
        max(min(first.bottom, second.bottom), max(first.top, second.top)),
        max(min(first.right, second.right), max(first.left, second.left)),
    )
    return first.window(*window), second.window(*window)


def iou(first: Patch, second: Patch) -> tuple[int, int]:
    """Count the pixels of the intersection and of the union; a fraction would not compare exactly."""
    ours, theirs = common(first, second)
    shared = int(np.count_nonzero(ours & theirs))
    return shared, first.area + second.area - shared


def intersection(first: Patch, second: Patch) -> Patch:
    """Keep what two patches share."""
    ours, theirs = common(first, second)
    return Patch(max(first.top, second.top), max(first.left, second.left), ours & theirs)


def union(patches: Iterable[Patch]) -> Patch:
    """Join patches into one whose window holds them all."""
    parts = [patch for patch in patches if patch.pixels.size]
    if not parts:
        return Patch(0, 0, np.zeros((0, 0), np.bool_))
    top, left = min(part.top for part in parts), min(part.left for part in parts)
    bottom, right = max(part.bottom for part in parts), max(part.right for part in parts)
    pixels = np.zeros((bottom - top, right - left), np.bool_)
    for part in parts:
        pixels[part.top - top : part.bottom - top, part.left - left : part.right - left] |= part.pixels
    return Patch(top, left, pixels)


def paint(canvas: Patch, patch: Patch) -> None:
    """Add a patch to another, in place, as far as that one's window reaches."""
    ours, theirs = common(canvas, patch)
    ours |= theirs


def erase(canvas: Patch, patch: Patch) -> None:
    """Take a patch away from another, in place."""
    ours, theirs = common(canvas, patch)
    np.greater(ours, theirs, out=ours)  # one pass for what `ours &= ~theirs` does in two


def without(patch: Patch, others: Iterable[Patch]) -> Patch:
    """Take other patches away from one."""
    pixels = patch.pixels.copy()
    rest = Patch(patch.top, patch.left, pixels)
    for other in others:
        erase(rest, other)
    return rest


def dots(pixels: Sequence[tuple[int, int]]) -> Patch:
    """Draw single pixels, each ``(x, y)``.

    Example:
        >>> dots([(3, 1), (5, 1)]).pixels.tolist()
        [[True, False, True]]
    """
    if not pixels:
        return union(())
    columns, rows = np.array(pixels).T
    top, left = int(rows.min()), int(columns.min())
    drawn = np.zeros((int(rows.max()) - top + 1, int(columns.max()) - left + 1), np.bool_)
    drawn[rows - top, columns - left] = True
    return Patch(top, left, drawn)


def clear(patch: Patch, pixels: Sequence[tuple[int, int]]) -> None:
    """Take single pixels away from a patch, in place, each ``(x, y)``."""
    if not pixels:
        return
    columns, rows = np.array(pixels).T
    inside = (patch.top <= rows) & (rows < patch.bottom) & (patch.left <= columns) & (columns < patch.right)
    patch.pixels[rows[inside] - patch.top, columns[inside] - patch.left] = False
