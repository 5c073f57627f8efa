"""The synthetic object under the clicks and in the box.

An object is a box's inscribed ellipse joined with a disc around each positive click; a smaller disc around each
negative click is taken away. So a further positive click only adds pixels near it, a negative one only removes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mock_server.drawing.dice import Dice
from mock_server.drawing.encoding import confidence_from_permille
from mock_server.drawing.patches import Patch, erase, paint
from mock_server.drawing.shapes import draw
from mock_server.images.loading import Picture
from sam3_contract import wire

__all__ = [
    "CONFIDENCES",
    "KEPT_RADIUS",
    "LEVELS",
    "MAX_DISCS",
    "MAX_RADIUS",
    "AnyPrompt",
    "Clicks",
    "Pixel",
    "clicks_of",
    "disc",
    "half_pixels",
    "segment",
]

AnyPrompt = wire.VisualPrompt | wire.LenientVisualPrompt
Pixel = tuple[int, int]

LEVELS: Final = (8, 5, 3)  # whole, part and subpart, in eighths of the full extent; best first
CONFIDENCES: Final = ((900, 990), (600, 800), (300, 500))  # permille, by level
FAR: Final = 1e6  # coordinates beyond are as good as this one, and fit integers
MAX_DISCS: Final = 128  # clicks of each kind that get a disc; of the others only their pixel counts
MAX_RADIUS: Final = 1024  # half pixels
KEPT_RADIUS: Final = 5  # half pixels around a positive click that no negative one takes away
MAX_WINDOW: Final = 2**26  # pixels; clicks so far apart that a mask would be larger are left out


@dataclass(frozen=True, slots=True)
class Ellipse:
    """What a box asks for, in half pixels."""

    center: Pixel
    radii: Pixel


@dataclass(frozen=True, slots=True)
class Clicks:
    """A prompt's points, as pixels of the image; those outside it are left out.

    Attributes:
        positive: ``(x, y)`` on the object.
        negative: ``(x, y)`` beside it.
    """

    positive: tuple[Pixel, ...]
    negative: tuple[Pixel, ...]


def segment(prompt: AnyPrompt, picture: Picture, *, seed: int) -> list[tuple[Patch, float]]:
    """Segment one object.

    Returns:
        Mask and confidence of whole, part and subpart, best first.
    """
    dice = Dice("visual", str(seed), picture.digest)
    short = min(*picture.size, 3 * MAX_RADIUS)
    radius = dice.between(max(short // 5, 1), max(short // 3, 1))  # half pixels
    clicks = clicks_of(prompt.points or [], picture.size)
    ellipse = _ellipse(prompt, dice, picture.size)
    window = _window(ellipse, clicks, radius, picture.size)
    doubt = 120 * _contradictions(clicks, radius // 2)
    found = []
    for eighths, (low, high) in zip(LEVELS, CONFIDENCES, strict=True):
        patch = _object(ellipse, clicks, window, radius=radius, eighths=eighths, size=picture.size)
        found.append((patch, confidence_from_permille(max(dice.between(low, high) - doubt, 10))))
    return found


def _object(
    ellipse: Ellipse | None, clicks: Clicks, window: Patch, *, radius: int, eighths: int, size: tuple[int, int]
) -> Patch:
    canvas = Patch(window.top, window.left, np.zeros(window.pixels.shape, np.bool_))
    if ellipse is not None:
        scaled = (ellipse.radii[0] * eighths // 8, ellipse.radii[1] * eighths // 8)
        paint(canvas, draw("ellipse", center=ellipse.center, radii=scaled, size=size))
    for click in clicks.positive[:MAX_DISCS]:
        paint(canvas, disc(click, radius=max(radius * eighths // 8, 1), size=size))
    for click in clicks.negative[:MAX_DISCS]:
        erase(canvas, disc(click, radius=max(radius // 4, 1), size=size))
    # The clicked pixels themselves come last: a disc must not undo another click.
    for click in clicks.positive[:MAX_DISCS]:
        paint(canvas, disc(click, radius=KEPT_RADIUS, size=size))
    for pixels, value in ((clicks.positive[MAX_DISCS:], True), (clicks.negative, False)):
        if pixels:
            columns, rows = np.array(pixels).T
            canvas.pixels[rows - canvas.top, columns - canvas.left] = value
    return canvas


def _ellipse(prompt: AnyPrompt, dice: Dice, size: tuple[int, int]) -> Ellipse | None:
    """Choose the ellipse that a box, or the lack of any prompt, asks for; none if there are only clicks."""
    height, width = size
    if prompt.box is not None:
        box = prompt.box
        radii = (abs(half_pixels(box.width)) // 2, abs(half_pixels(box.height)) // 2)
        return Ellipse((half_pixels(box.x), half_pixels(box.y)), radii)
    if prompt.points:
        return None
    center = (dice.between(width // 2, 3 * width // 2), dice.between(height // 2, 3 * height // 2))
    return Ellipse(center, (dice.between(width // 4, width), dice.between(height // 4, height)))


def _window(ellipse: Ellipse | None, clicks: Clicks, radius: int, size: tuple[int, int]) -> Patch:
    """Find the part of the image that holds the object, as an empty patch of its size that takes no memory."""
    height, width = size
    columns, rows = [], []
    if ellipse is not None:
        whole = draw("ellipse", center=ellipse.center, radii=ellipse.radii, size=size)
        columns += [whole.left, whole.right]
        rows += [whole.top, whole.bottom]
    reach = radius // 2 + 4
    for x, y in (*clicks.positive, *clicks.negative):
        columns += [x - reach, x + reach]
        rows += [y - reach, y + reach]
    top, bottom = max(min(rows, default=0), 0), min(max(rows, default=0), height)
    left, right = max(min(columns, default=0), 0), min(max(columns, default=0), width)
    return Patch(top, left, np.broadcast_to(np.False_, (max(bottom - top, 0), max(right - left, 0))))


def clicks_of(points: Sequence[wire.Point], size: tuple[int, int]) -> Clicks:
    """Sort the clicks that hit the image and drop repeated ones; drop those that would need too large a window."""
    height, width = size
    hits = [
        (int(point.x), int(point.y), point.positive)
        for point in points
        if 0 <= point.x < width and 0 <= point.y < height
    ]
    if height * width > MAX_WINDOW and hits:
        near = int(MAX_WINDOW**0.5) // 2 - MAX_RADIUS
        hits = [hit for hit in hits if abs(hit[0] - hits[0][0]) < near and abs(hit[1] - hits[0][1]) < near]
    return Clicks(
        positive=tuple(dict.fromkeys((x, y) for x, y, positive in hits if positive)),
        negative=tuple(dict.fromkeys((x, y) for x, y, positive in hits if not positive)),
    )


def _contradictions(clicks: Clicks, reach: int) -> int:
    """Count negative clicks that lie close to a positive one."""
    if not clicks.positive or not clicks.negative:
        return 0
    positive = np.array(clicks.positive, dtype=np.int64)
    return sum(
        bool((np.abs(positive - np.array(click)).max(axis=1) * 2 <= reach).any()) for click in clicks.negative[:8]
    )


def disc(click: Pixel, *, radius: int, size: tuple[int, int]) -> Patch:
    """Draw a disc around a pixel, its radius in half pixels, on an image of ``(height, width)``."""
    return draw("ellipse", center=(2 * click[0] + 1, 2 * click[1] + 1), radii=(radius, radius), size=size)


def half_pixels(value: float) -> int:
    """Turn a coordinate or a length in pixels, however large, into half pixels."""
    return int(2 * max(-FAR, min(FAR, value)))
