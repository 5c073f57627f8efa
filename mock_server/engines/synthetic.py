"""Masks that follow from the image's digest and the prompt: nothing is decoded, nothing is recognised.

A text has one to six instances, or now and then none; an exemplar is found again, with others of its kind elsewhere.
An object is a box's inscribed ellipse joined with a disc around each positive click; a smaller disc around each
negative click is taken away. So a further positive click only adds pixels near it, a negative one only removes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from mock_server.drawing.dice import Dice
from mock_server.drawing.encoding import confidence_from_permille
from mock_server.drawing.patches import Patch, erase, paint, trimmed
from mock_server.drawing.shapes import KINDS, compose, draw
from mock_server.engines.protocol import Box, Click, Concept, Instance, Target
from mock_server.images.loading import Picture

Pixel = tuple[int, int]

LEVELS: Final = (8, 5, 3)  # whole, part and subpart, in eighths of the full extent; best first
CONFIDENCES: Final = ((900, 990), (600, 800), (300, 500))  # permille, by level
FAR: Final = 1e6  # coordinates beyond are as good as this one, and fit integers
MAX_DISCS: Final = 128  # clicks of each kind that get a disc; of the others only their pixel counts
MAX_RADIUS: Final = 1024  # half pixels
KEPT_RADIUS: Final = 5  # half pixels around a positive click that no negative one takes away
MAX_INSTANCES: Final = 6  # of one text
MAX_EXEMPLARS: Final = 8  # positive boxes of one prompt that get instances
LEAST_SURE, SUREST = 20, 999  # permille; of an instance of a text
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


@dataclass(frozen=True, slots=True)
class _Edges:
    """An exemplar in half pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, box: Box) -> _Edges:
        return cls(*(half_pixels(edge) for edge in (box.left, box.top, box.right, box.bottom)))

    @property
    def name(self) -> str:
        """What the dice are thrown for; masks would change with it."""
        return f"Box(left={self.left}, top={self.top}, right={self.right}, bottom={self.bottom})"


@dataclass(frozen=True, slots=True)
class Synthetic:
    """The engine that needs nothing.

    Attributes:
        seed: Another seed gives other masks of the same images.
    """

    seed: int = 0

    @property
    def reads_pixels(self) -> bool:
        """No: a digest and a size are enough."""
        return False

    def find(self, concept: Concept, picture: Picture) -> list[Instance]:
        """Find every instance of a concept: those of its text, and those like its positive exemplars."""
        found = [] if concept.text is None else list(_instances_of_text(concept.text, picture, self.seed))
        boxes = concept.positive[:MAX_EXEMPLARS]
        like = [one for box in boxes for one in _instances_like(_Edges.of(box), picture, self.seed)]
        return [*(_unlike(found, like) if found and like else found), *like]

    def segment(self, target: Target, picture: Picture) -> list[Instance]:
        """Segment one object: whole, part and subpart, best first."""
        dice = Dice("visual", str(self.seed), picture.digest)
        short = min(*picture.size, 3 * MAX_RADIUS)
        radius = dice.between(max(short // 5, 1), max(short // 3, 1))  # half pixels
        clicks = clicks_of(target.clicks, picture.size)
        ellipse = _ellipse(target, dice, picture.size)
        window = _window(ellipse, clicks, radius, picture.size)
        doubt = 120 * _contradictions(clicks, radius // 2)
        found = []
        for eighths, (low, high) in zip(LEVELS, CONFIDENCES, strict=True):
            draws = partial(_object, ellipse, clicks, window, radius=radius, eighths=eighths, size=picture.size)
            found.append(Instance(confidence_from_permille(max(dice.between(low, high) - doubt, 10)), draws))
        return found


def _unlike(found: Sequence[Instance], like: Sequence[Instance]) -> list[Instance]:
    """Leave out of a text's instances those with the very mask of an exemplar's, as rectangles have: they are one."""
    masks = {_mask_of(one) for one in like}
    return [one for one in found if _mask_of(one) not in masks]


def _mask_of(instance: Instance) -> tuple[int, int, tuple[int, ...], bytes]:
    """Name a mask, which is not kept for that."""
    mask = trimmed(instance.patch)
    instance.release()
    return mask.top, mask.left, mask.pixels.shape, hashlib.sha256(mask.pixels.tobytes()).digest()


def _instances_of_text(text: str, picture: Picture, seed: int) -> Iterator[Instance]:
    dice = Dice("concept", str(seed), picture.digest, text)
    if dice.below(8) == 0:  # now and then there is none
        return
    height, width = picture.size
    short = min(height, width, 2 * MAX_RADIUS)
    least, span = short // 8, short // 2 + 1 - short // 8
    bounds = (len(KINDS), span, span, *_placing(picture))
    # All at once: one after the other they would be the same, in twice the time.
    choices = dice.each_below(*(bounds * dice.between(1, MAX_INSTANCES)))
    for start in range(0, len(choices), len(bounds)):
        kind, a, b, *place = choices[start : start + len(bounds)]
        yield _placed(KINDS[kind], (least + a, least + b), place, picture)


def _instances_like(box: _Edges, picture: Picture, seed: int) -> Iterator[Instance]:
    """Yield the boxed instance, then others of its kind and size elsewhere."""
    dice = Dice("exemplar", str(seed), picture.digest, box.name)
    kind = KINDS[dice.below(len(KINDS))]
    radii = (min(abs(box.right - box.left) // 2, MAX_RADIUS), min(abs(box.bottom - box.top) // 2, MAX_RADIUS))
    center = ((box.left + box.right) // 2, (box.top + box.bottom) // 2)
    details = dice.below(2**32)

    def boxed() -> Patch:
        patch = compose(kind, Dice.forked(details), center=center, radii=radii, size=picture.size)
        if patch.window(box.top // 2, box.left // 2, (box.bottom + 1) // 2, (box.right + 1) // 2).any():
            return patch
        # A ring or a pair in a box of a few pixels.
        return draw("rectangle", center=center, radii=radii, size=picture.size)

    yield Instance(confidence_from_permille(dice.between(910, 990)), boxed)
    for _ in range(dice.below(3)):
        yield _placed(kind, radii, dice.each_below(*_placing(picture)), picture)


def _placing(picture: Picture) -> tuple[int, ...]:
    """Give the bounds of the choices that place an instance: confidence, column, row, and those of its details."""
    height, width = picture.size
    return SUREST + 1 - LEAST_SURE, 2 * width, 2 * height, 2**32


def _placed(kind: str, radii: tuple[int, int], choices: Sequence[int], picture: Picture) -> Instance:
    permille, x, y, details = choices
    draws = partial(_composed, kind, details, center=(x, y), radii=radii, size=picture.size)
    return Instance(confidence_from_permille(LEAST_SURE + permille), draws)


def _composed(kind: str, details: int, *, center: Pixel, radii: Pixel, size: tuple[int, int]) -> Patch:
    """Draw a shape, the same each time: with dice of its own."""
    return compose(kind, Dice.forked(details), center=center, radii=radii, size=size)


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


def _ellipse(target: Target, dice: Dice, size: tuple[int, int]) -> Ellipse | None:
    """Choose the ellipse that a box, or the lack of any prompt, asks for; none if there are only clicks."""
    height, width = size
    if target.box is not None:
        box = target.box
        radii = (half_pixels(box.right - box.left) // 2, half_pixels(box.bottom - box.top) // 2)
        return Ellipse((half_pixels((box.left + box.right) / 2), half_pixels((box.top + box.bottom) / 2)), radii)
    if target.clicks:
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


def clicks_of(points: Sequence[Click], size: tuple[int, int]) -> Clicks:
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
