"""What a virtual photograph shows, for engines that look: plain shapes on a plain ground, made from its digest."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mock_server.drawing.dice import Dice
from mock_server.drawing.shapes import draw

_SHAPES: Final = (3, 6)  # fewest and most
_KINDS: Final = ("ellipse", "rectangle")


def virtual_pixels(digest: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw the photograph that stands for a URL.

    Args:
        digest: What it is made from.
        size: ``(height, width)`` in pixels.

    Returns:
        RGB, shape ``(height, width, 3)``.

    Example:
        >>> virtual_pixels(b"dog", (2, 3)).shape
        (2, 3, 3)
    """
    dice = Dice("virtual pixels", digest)
    height, width = size
    canvas = np.full((height, width, 3), dice.each_below(256, 256, 256), np.uint8)
    for _ in range(dice.between(*_SHAPES)):
        kind, x, y, across, down = dice.each_below(2, 2 * width, 2 * height, width // 2, height // 2)
        color = dice.each_below(256, 256, 256)
        radii = (width // 8 + across, height // 8 + down)
        patch = draw(_KINDS[kind], center=(x, y), radii=radii, size=size)
        canvas[patch.top : patch.bottom, patch.left : patch.right][patch.pixels] = color
    return canvas
