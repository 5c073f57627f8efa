"""A picture made small enough to look at: its colours, its edges, and the way back to its own pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE: Final = 400  # pixels of a frame's longer side, at most
SPECKLE: Final = 3  # side of the window whose median takes specks away and keeps edges
_NEAR: Final = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A picture, made small.

    Attributes:
        colors: CIE Lab as OpenCV has it, uint8, shape ``(height, width, 3)``.
        edges: How much the colour changes around each pixel, uint16, shape ``(height, width)``.
        factor: Pixels of the picture that are one of the frame, in each direction.
        size: ``(height, width)`` of the picture.
    """

    colors: NDArray[np.uint8]
    edges: NDArray[np.uint16]
    factor: int
    size: tuple[int, int]


def frame_of(pixels: NDArray[np.uint8]) -> Frame:
    """Make a picture small by a whole factor, so that every pixel of it lies in one of the frame.

    Args:
        pixels: RGB, uint8, shape ``(height, width, 3)``.

    Example:
        >>> frame = frame_of(np.zeros((600, 1100, 3), np.uint8))
        >>> frame.factor, frame.colors.shape
        (3, (200, 367, 3))
    """
    height, width = pixels.shape[:2]
    factor = -(-max(height, width) // SIDE)
    if factor > 1:
        down, across = -(-height // factor), -(-width // factor)
        more = (0, down * factor - height, 0, across * factor - width)
        pixels = np.asarray(cv2.copyMakeBorder(pixels, *more, cv2.BORDER_REPLICATE), np.uint8)
        pixels = np.asarray(cv2.resize(pixels, (across, down), interpolation=cv2.INTER_AREA), np.uint8)
    colors = np.asarray(cv2.cvtColor(cv2.medianBlur(pixels, SPECKLE), cv2.COLOR_RGB2LAB), np.uint8)
    steps = cv2.morphologyEx(colors, cv2.MORPH_GRADIENT, _NEAR).astype(np.uint16)
    # Shadows change lightness; hue tells things apart.
    edges = steps[:, :, 0] + 2 * steps[:, :, 1] + 2 * steps[:, :, 2]
    return Frame(colors, edges, factor, (height, width))
