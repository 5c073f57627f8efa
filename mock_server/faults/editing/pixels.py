"""Masks grown, shrunk, moved and scaled, and which masks show it."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from mock_server.faults.editing.bitmaps import Bitmap

_CROSS: Final = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
NOT_SQUARE: Final = "a mask of an image that is not square"
SEVERAL_PARTS: Final = "a mask of several parts, such as specimen:parts"
A_HOLE: Final = "a mask with a hole, such as specimen:hole"


def shifted(bitmap: Bitmap, *, right: int = 0, down: int = 0) -> Bitmap:
    """Move a mask within its frame; what leaves it is lost. Negative steps go left and up."""
    height, width = bitmap.shape
    moved = np.zeros_like(bitmap)
    source = bitmap[max(-down, 0) : max(height - down, 0), max(-right, 0) : max(width - right, 0)]
    top, left = min(max(down, 0), height), min(max(right, 0), width)
    moved[top : top + source.shape[0], left : left + source.shape[1]] = source[: height - top, : width - left]
    return moved


def dilated(bitmap: Bitmap, pixels: int) -> Bitmap:
    """Grow a mask by some pixels up, down, left and right."""
    grown: Bitmap = cv2.dilate(bitmap.astype(np.uint8), _CROSS, iterations=pixels).astype(np.bool_)
    return grown


def eroded(bitmap: Bitmap, pixels: int) -> Bitmap:
    """Shrink a mask by some pixels; the image's border does not shrink it."""
    return ~dilated(~bitmap, pixels)


def resized(bitmap: Bitmap, *, height: int, width: int) -> Bitmap:
    """Scale a mask into another frame."""
    scaled = cv2.resize(bitmap.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return scaled.astype(np.bool_)
