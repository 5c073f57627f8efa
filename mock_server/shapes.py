"""Shapes drawn with integers: each row of a shape is one run of pixels around its axis.

Lengths are in half pixels, so that a shape may be centred on a pixel or between two: the pixel in column ``x`` has its
centre at ``2 * x + 1``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mock_server.dice import Dice
from mock_server.patches import Patch, union, without

__all__ = ["KINDS", "MAX_EXTENT", "compose", "draw"]

MAX_EXTENT: Final = 4096
"""No shape is wider or higher than this, in pixels: the work for one mask stays bounded on any image."""

HalfWidths = Callable[[int, int, NDArray[np.int64]], NDArray[np.int64]]


def _ellipse(a: int, b: int, dy: NDArray[np.int64]) -> NDArray[np.int64]:
    return _integer_roots(a * a * (b * b - dy * dy) // (b * b))


def _rectangle(a: int, _b: int, dy: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.full_like(dy, a)


def _rhombus(a: int, b: int, dy: NDArray[np.int64]) -> NDArray[np.int64]:
    return a * (b - np.abs(dy)) // b


def _triangle(a: int, b: int, dy: NDArray[np.int64]) -> NDArray[np.int64]:
    return a * (dy + b) // (2 * b)


def _hourglass(a: int, b: int, dy: NDArray[np.int64]) -> NDArray[np.int64]:
    return a * (b + 2 * np.abs(dy)) // (3 * b)


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
    a, b = (min(max(radius, 1), MAX_EXTENT) for radius in radii)
    top, bottom = _clip((y - b) // 2, (y + b) // 2 + 1, height)
    left, right = _clip((x - a) // 2, (x + a) // 2 + 1, width)
    dy = 2 * np.arange(top, bottom, dtype=np.int64) + 1 - y
    dy = dy[np.abs(dy) <= b]
    if not dy.size or right <= left:
        return Patch(0, 0, np.zeros((0, 0), np.bool_))
    half_widths = _PROFILES[profile](a, b, dy)
    dx = np.abs(2 * np.arange(left, right, dtype=np.int64) + 1 - x)
    return Patch((int(dy[0]) + y - 1) // 2, left, dx[None, :] <= half_widths[:, None])


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
    a, b = (min(radius, MAX_EXTENT) for radius in radii)

    def inner(profile: str, numerator: int, dx: int = 0, dy: int = 0) -> Patch:
        scaled = (a * numerator // 8, b * numerator // 8)
        return draw(profile, center=(x + a * dx // 8, y + b * dy // 8), radii=scaled, size=size)

    if kind == "blob":
        return union(inner("ellipse", 5, dice.between(-3, 3), dice.between(-3, 3)) for _ in range(3))
    if kind == "pair":
        return union((inner("ellipse", 3, -5, dice.between(-5, 5)), inner("rhombus", 3, 5, dice.between(-5, 5))))
    if kind in {"ring", "island"}:
        ring = without(inner("ellipse", 8), [inner("ellipse", 5)])
        return ring if kind == "ring" else union((ring, inner("rectangle", 2)))
    return inner(kind, 8)


def _clip(low: int, high: int, bound: int) -> tuple[int, int]:
    return max(low, 0), min(high, bound)


def _integer_roots(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Take floor square roots, exactly: the float root may be off by one in either direction."""
    roots = np.sqrt(values.astype(np.float64)).astype(np.int64)
    roots -= roots * roots > values
    roots += (roots + 1) * (roots + 1) <= values
    return roots
