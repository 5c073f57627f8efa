"""The words that the engine knows: colours, and simple shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mock_server.engines.pixels.regions import Bitmap, filled
from mock_server.engines.pixels.tree import FINE, Integers

Rgb = tuple[int, int, int]

COLORS: Final[Mapping[str, tuple[Rgb, ...]]] = {
    "red": ((214, 40, 40), (150, 22, 22), (190, 50, 40)),
    "orange": ((240, 130, 30), (225, 90, 45), (255, 165, 60)),
    "yellow": ((240, 210, 50), (225, 190, 90), (250, 240, 120)),
    "green": ((40, 140, 60), (20, 90, 40), (120, 190, 80), (110, 115, 40)),
    "blue": ((40, 90, 190), (25, 40, 110), (110, 160, 225), (60, 150, 200)),
    "purple": ((120, 50, 150), (75, 40, 110), (170, 110, 200)),
    "pink": ((240, 130, 170), (245, 190, 200), (220, 70, 130)),
    "brown": ((120, 75, 40), (80, 50, 30), (165, 110, 70)),
    "black": ((12, 12, 12), (40, 40, 42)),
    "white": ((250, 250, 250), (228, 226, 222)),
    "grey": ((128, 128, 128), (90, 92, 94), (175, 175, 178)),
}
"""Each colour with examples of it: what is nearest to one of them has its name."""
OTHER_WORDS: Final[Mapping[str, str]] = {
    "gray": "grey",
    "violet": "purple",
    "golden": "yellow",
    "disc": "circle",
    "disk": "circle",
    "dot": "circle",
    "round": "circle",
    "oval": "ellipse",
    "rectangular": "rectangle",
    "brick": "rectangle",
}
SHAPES: Final = frozenset({"circle", "ellipse", "square", "rectangle", "triangle", "ring", "line"})
HUE: Final = 3  # what a level of hue counts against one of lightness
_WORD: Final = re.compile(r"[^\W\d_]+")
_MILLE: Final = 1000


def known_words(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Read the colours and the shapes in a text.

    Example:
        >>> [sorted(words) for words in known_words("the Red circles")]
        [['red'], ['circle']]
    """
    words = set()
    for word in _WORD.findall(text.casefold()):
        singular = word.removesuffix("s")
        words.add(OTHER_WORDS.get(singular, singular))
    return frozenset(words & COLORS.keys()), frozenset(words & SHAPES)


def color_names(colors: Integers) -> tuple[Integers, Integers]:
    """Name colours.

    Args:
        colors: Lab in sixteenths, shape ``(3, n)``.

    Returns:
        For each the place of its name in :data:`COLORS`, and how far it is from the nearest example, in levels.
    """
    examples, names = _examples()
    apart = np.abs(colors[:, :, None] // FINE - examples[:, None, :])
    distances = apart[0] + HUE * (apart[1] + apart[2])
    nearest = np.argmin(distances, axis=1)
    return names[nearest], np.take_along_axis(distances, nearest[:, None], axis=1)[:, 0]


@cache
def _examples() -> tuple[Integers, Integers]:
    """Convert the examples of colours to Lab, shape ``(3, n)``; with the place of each one's name."""
    rgb: NDArray[np.uint8] = np.array([[one for examples in COLORS.values() for one in examples]], np.uint8)
    names = np.repeat(np.arange(len(COLORS)), [len(examples) for examples in COLORS.values()])
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[0].T.astype(np.int64), names


def shapes_of(bitmap: Bitmap) -> frozenset[str]:
    """Name the simple shapes that a mask may be called.

    Example:
        >>> sorted(shapes_of(np.ones((20, 20), np.bool_)))
        ['rectangle', 'square']
    """
    solid = filled(bitmap)
    area = int(np.count_nonzero(solid))
    contours, _ = cv2.findContours(solid.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if area < 9 or len(contours) != 1:
        return frozenset()
    hollow = area - int(np.count_nonzero(bitmap))
    (_, _), sides, _ = cv2.minAreaRect(contours[0])
    short, long = sorted(int(side) + 1 for side in sides)
    in_box = area * _MILLE // (short * long)
    (_, _), radius = cv2.minEnclosingCircle(contours[0])
    in_circle = area * _MILLE // max(int(np.pi * (radius + 0.5) ** 2), 1)
    triangle, _ = cv2.minEnclosingTriangle(contours[0])
    found = set()
    if short * 8 <= long:
        found.add("line")
    elif in_box >= 880:
        found |= {"rectangle", "square"} if long * 100 <= short * 118 else {"rectangle"}
    elif 700 <= in_box <= 850 and in_circle >= 800:
        found |= {"circle", "ellipse"}
    elif 730 <= in_box <= 850:
        found.add("ellipse")
    elif triangle > 0 and area * _MILLE // int(triangle + 1) >= 800:
        found.add("triangle")
    if hollow * _MILLE // area >= 80 and found & {"circle", "ellipse"}:
        found.add("ring")
    return frozenset(found)
