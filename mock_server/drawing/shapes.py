"""Shapes drawn with integers: each row of a shape is one run of pixels around its axis.

Lengths are in half pixels, so that a shape may be centred on a pixel or between two: the pixel in column ``x`` has its
centre at ``2 * x + 1``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from mock_server.drawing.dice import Dice
from mock_server.drawing.patches import Patch, erase, union

MAX_EXTENT: Final = 4096
"""No shape is wider or higher than this, in pixels: the work for one mask stays bounded on any image."""

Number = TypeVar("Number", np.int16, np.int64)
Heights = NDArray[np.int64]
Widths = NDArray[np.int16]
HalfWidths = Callable[[int, int, Heights], Widths]

# From one pixel to the next it is two half pixels, so heights are all even or all odd, and so are distances.
_FARTHEST: Final = MAX_EXTENT + 4
_HEIGHTS: Final = tuple(np.arange(parity - _FARTHEST, _FARTHEST, 2, dtype=np.int64) for parity in (0, 1))
_DISTANCES: Final = tuple(np.abs(heights).astype(np.int16) for heights in _HEIGHTS)


def _ellipse(a: int, b: int, dy: Heights) -> Widths:
    return _integer_roots(a * a * (b * b - dy * dy) // (b * b))


def _rectangle(a: int, _b: int, dy: Heights) -> Widths:
    return np.full(dy.shape, a, np.int16)


def _rhombus(a: int, b: int, dy: Heights) -> Widths:
    return (a * (b - np.abs(dy)) // b).astype(np.int16)


def _triangle(a: int, b: int, dy: Heights) -> Widths:
    return (a * (dy + b) // (2 * b)).astype(np.int16)


def _hourglass(a: int, b: int, dy: Heights) -> Widths:
    return (a * (b + 2 * np.abs(dy)) // (3 * b)).astype(np.int16)


_PROFILES: Final[dict[str, HalfWidths]] = {
    "ellipse": _ellipse,
    "rectangle": _rectangle,
    "rhombus": _rhombus,
    "triangle": _triangle,
    "hourglass": _hourglass,
}

KINDS: Final = ("ellipse", "blob", "rectangle", "ring", "rhombus", "pair", "triangle", "island", "hourglass")
"""What :func:`compose` draws: plain shapes, and those of parts and holes."""


def draw(profile: str, *, center: tuple[int, int], radii: tuple[int, int], size: tuple[int, int]) -> Patch:
    """Draw one plain shape, clipped to the image.

    Args:
        profile: ``ellipse``, ``rectangle``, ``rhombus``, ``triangle`` or ``hourglass``.
        center: ``(x, y)`` in half pixels.
        radii: Half the width and half the height, in half pixels; at least 1 is drawn.
        size: ``(height, width)`` of the image, in pixels.

    Returns:
        The shape; empty if it lies outside the image.
    """
    (x, y), (height, width) = center, size
    a, b = min(max(radii[0], 1), MAX_EXTENT), min(max(radii[1], 1), MAX_EXTENT)
    # The rows whose centre is at most b away.
    top, bottom = max((y - b) // 2, 0), min((y + b + 1) // 2, height)
    left, right = max((x - a) // 2, 0), min((x + a) // 2 + 1, width)
    if bottom <= top or right <= left:
        return Patch(0, 0, np.zeros((0, 0), np.bool_))
    half_widths = _PROFILES[profile](a, b, _every_other(_HEIGHTS, 2 * top + 1 - y, bottom - top))
    # Compared as short integers: that is most of the work.
    return Patch(top, left, _every_other(_DISTANCES, 2 * left + 1 - x, right - left) <= half_widths[:, None])


def compose(kind: str, dice: Dice, *, center: tuple[int, int], radii: tuple[int, int], size: tuple[int, int]) -> Patch:
    """Draw a shape of :data:`KINDS`, its details by the dice.

    Args:
        kind: One of :data:`KINDS`.
        dice: Chooses where the parts of composed shapes lie.
        center: ``(x, y)`` in half pixels.
        radii: Half the width and half the height, in half pixels.
        size: ``(height, width)`` of the image, in pixels.
    """
    x, y = center
    # Here already, not part by part: the parts keep their proportions.
    a, b = min(radii[0], MAX_EXTENT), min(radii[1], MAX_EXTENT)

    def inner(profile: str, numerator: int, dx: int = 0, dy: int = 0) -> Patch:
        scaled = (a * numerator // 8, b * numerator // 8)
        return draw(profile, center=(x + a * dx // 8, y + b * dy // 8), radii=scaled, size=size)

    if kind == "blob":
        aside = [choice - 3 for choice in dice.each_below(7, 7, 7, 7, 7, 7)]
        return union([inner("ellipse", 5, dx, dy) for dx, dy in zip(aside[::2], aside[1::2], strict=True)])
    if kind == "pair":
        one, other = dice.each_below(11, 11)
        return union([inner("ellipse", 3, -5, one - 5), inner("rhombus", 3, 5, other - 5)])
    if kind in {"ring", "island"}:
        ring = inner("ellipse", 8)
        erase(ring, inner("ellipse", 5))
        return ring if kind == "ring" else union((ring, inner("rectangle", 2)))
    return inner(kind, 8)


def _every_other(table: tuple[NDArray[Number], ...], first: int, count: int) -> NDArray[Number]:
    """Look up the numbers from the first one on in steps of two; made anew, they would take longer than the rest."""
    start = (first + _FARTHEST) >> 1
    return table[first & 1][start : start + count]


def _integer_roots(values: NDArray[np.int64]) -> Widths:
    """Take floor square roots of at most MAX_EXTENT squared: so small a float root is not rounded up to an integer."""
    return np.sqrt(values).astype(np.int16)
