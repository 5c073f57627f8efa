"""Drawn, annotated scenes: images of which the true masks are known to the pixel.

Everything is drawn with integers and every pixel is painted from the bitmaps, so that picture and truth are exact and
the same on every machine. The canvases are of unequal sides and nothing sits in the middle, so that exchanged axes,
wrong anchors and mirrored masks show. Surfaces have a grain and fall off towards a side, edges are anti-aliased: one
threshold of colour does not give the masks.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bitmap = NDArray[np.bool_]
Pixels = NDArray[np.uint8]
Color = tuple[int, int, int]
Pixel = tuple[int, int]
Centers = NDArray[np.int32]
"""Of columns or rows, in half pixels: they are odd, edges are even."""
Inside = Callable[[Centers, Centers], Bitmap]


class Border(NamedTuple):
    """How many pixels are added on each side."""

    left: int
    top: int
    right: int
    bottom: int


GRAIN: Final = 7  # levels out of 255 by which neighbouring pixels of a surface differ at most
FALL: Final = 9  # levels by which a surface gets darker from one side to the other
OPAQUE: Final = 18  # what a pixel wholly inside a mask counts, itself for half and its neighbourhood
_SHAPES_COLORS: Final = {"red circle": (206, 52, 44), "blue square": (44, 92, 188), "green triangle": (40, 140, 72)}

BORDER: Final = Border(left=24, top=8, right=40, bottom=16)
"""What :func:`padded` adds by default: another number on each side."""


@dataclass(frozen=True, eq=False)
class Thing:
    """One instance in a scene.

    Attributes:
        category: What it is, as a noun phrase that a model understands.
        synonyms: Other noun phrases for it.
        bitmap: Bool, shape ``(height, width)`` of the scene; at least one pixel.
    """

    category: str
    synonyms: tuple[str, ...]
    bitmap: Bitmap = field(repr=False)

    @cached_property
    def click(self) -> Pixel:
        """``(x, y)`` of a pixel well inside."""
        return innermost_pixel(self.bitmap)

    @property
    def top_left_box(self) -> dict[str, float]:
        """The exact bounding box as ``concept_segment`` takes it, in pixels: ``x, y`` is the top-left corner."""
        left, top, right, bottom = self.edges
        return {"x": float(left), "y": float(top), "width": float(right - left), "height": float(bottom - top)}

    @property
    def center_box(self) -> dict[str, float]:
        """The exact bounding box as ``visual_segment`` takes it, in pixels: ``x, y`` is the centre."""
        left, top, right, bottom = self.edges
        sides = {"width": float(right - left), "height": float(bottom - top)}
        return {"x": (left + right) / 2, "y": (top + bottom) / 2} | sides

    @cached_property
    def edges(self) -> tuple[int, int, int, int]:
        """Left, top, and right and bottom behind the last pixel, in pixels."""
        columns, rows = (np.flatnonzero(self.bitmap.any(axis=axis)) for axis in (0, 1))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and what is in it.

    Attributes:
        name: What to call it.
        things: Every instance in it, at least one.
        background: The colour behind them, before grain and light.
        paint: Makes its pixels.
    """

    name: str
    things: tuple[Thing, ...]
    background: Color
    paint: Callable[[], Pixels] = field(repr=False)

    @cached_property
    def pixels(self) -> Pixels:
        """RGB, uint8, shape ``(height, width, 3)``; painted when first wanted."""
        return self.paint()

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)`` in pixels, the order of masks."""
        height, width = self.things[0].bitmap.shape
        return height, width

    @cached_property
    def content(self) -> bytes:
        """The picture as a PNG file."""
        file = io.BytesIO()
        # A grain is not made smaller by more effort, which would cost three times as much.
        Image.fromarray(self.pixels).save(file, "PNG", compress_level=1)
        return file.getvalue()

    @property
    def categories(self) -> tuple[str, ...]:
        """What there is, each category once, in the order of the things."""
        return tuple(dict.fromkeys(thing.category for thing in self.things))

    def things_of(self, category: str) -> tuple[Thing, ...]:
        """List the instances of a category."""
        return tuple(thing for thing in self.things if thing.category == category)


@cache
def built_in_scenes() -> tuple[Scene, ...]:
    """Draw the scenes.

    Returns:
        ``shapes``, 320 pixels wide and 208 high: a red circle, two blue squares, a green triangle. ``awkward``, 216
        wide and 296 high: a ring, a thing of two parts, one of a few pixels, two at the image's edges, a line of one
        pixel's width, two that touch.

    Example:
        >>> [(scene.name, scene.size, len(scene.things)) for scene in built_in_scenes()]
        [('shapes', (208, 320), 4), ('awkward', (296, 216), 8)]
    """
    return _shapes(), _awkward()


@cache
def further_scenes() -> tuple[Scene, ...]:
    """Draw scenes of sizes and contents that a longer verification asks about.

    Returns:
        ``crowd``: fifteen coins and three diamonds, at odd sides. ``wide``: four times as wide as high, something at
        either end, and a bar from one to the other. ``tiny``: of 14 by 10 pixels. ``large``: two megapixels, wider
        than 2048. ``fuller``: ``crowd`` and one small diamond more, which is all in which they differ. ``tall``: 15
        pixels wide and 203 high, in shades of grey, with two holes and something in one of them. ``beads``: 128.

    Example:
        >>> [(scene.name, scene.size, len(scene.things)) for scene in further_scenes()[:3]]
        [('crowd', (251, 345), 18), ('wide', (151, 620), 5), ('tiny', (10, 14), 1)]
    """
    return _crowd(), _wide(), _tiny(), _large(), _fuller(), _tall(), _beads()


@cache
def stencil() -> Scene:
    """Draw a scene of black and white alone, which a file of one bit holds: square, with what is easily cleaned away.

    A rectangle has two holes and something in the larger one, a line is one pixel thin and straight, four small dots
    are one thing with many single pixels and two that touch at a corner.

    Example:
        >>> stencil().size, sorted(set(stencil().pixels.ravel().tolist()))
        ((131, 131), [0, 255])
    """
    size = (131, 131)
    plate = _rectangle(size, left=66, top=14, width=44, height=40)
    plate &= ~_rectangle(size, left=96, top=20, width=5, height=6)
    plate &= ~_rectangle(size, left=71, top=33, width=18, height=15)
    plate |= _rectangle(size, left=76, top=37, width=7, height=6)
    dots = np.any([_disc(size, x=x, y=y, radius=3) for x, y in ((20, 30), (40, 30), (20, 44), (32, 56))], axis=0)
    dots |= _rectangle(size, left=42, top=44, width=1, height=1)
    for left, top in ((46, 58), (47, 59), *((left, top) for left in range(20, 56, 4) for top in range(96, 112, 4))):
        dots |= _rectangle(size, left=left, top=top, width=1, height=1)
    things = (
        Thing("black rectangle", ("rectangle",), plate),
        Thing("black dash", ("dash",), _rectangle(size, left=14, top=83, width=61, height=1)),
        Thing("black dots", ("dots",), np.asarray(dots)),
    )

    def paint() -> Pixels:
        drawn = np.any([thing.bitmap for thing in things], axis=0)
        return np.asarray(np.dstack([np.where(drawn, 0, 255)] * 3), np.uint8)

    return Scene("stencil", things, (255, 255, 255), paint)


@cache
def filled() -> Scene:
    """Draw a scene that one thing fills to its last pixel, so that its run lengths begin with none of background.

    Example:
        >>> bool(filled().things[0].bitmap.all())
        True
    """
    size = (57, 83)
    wall = Thing("blue wall", ("wall",), np.ones(size, np.bool_))
    return Scene("filled", (wall,), (70, 110, 170), lambda: _surface((70, 110, 170), size))


def derived_scenes() -> tuple[Scene, ...]:
    """Make the other views of the built-in scenes: each mirrored, padded by :data:`BORDER`, and grey.

    They are made anew each time: a mock that holds no picture in memory does not hold these either.
    """
    views: tuple[Callable[[Scene], Scene], ...] = (mirrored, padded, grey)
    return tuple(view(scene) for scene in built_in_scenes() for view in views)


def innermost_pixel(bitmap: Bitmap) -> Pixel:
    """Find ``(x, y)`` of a pixel well inside a mask: of those farthest from its edge, by city blocks, the middle one.

    Args:
        bitmap: Bool, shape ``(height, width)``; what lies beside it is background.
    """
    depth = cv2.distanceTransform(np.pad(bitmap, 1).view(np.uint8), cv2.DIST_L1, 3)[1:-1, 1:-1]
    deepest = np.flatnonzero(depth == depth.max())
    row, column = divmod(int(deepest[deepest.size // 2]), bitmap.shape[1])
    return column, row


def mirrored(scene: Scene) -> Scene:
    """Exchange left and right."""
    things = _each(scene, np.fliplr)
    return Scene(
        f"{scene.name}-mirrored", things, scene.background, lambda: np.ascontiguousarray(np.fliplr(scene.pixels))
    )


def padded(scene: Scene, border: Border = BORDER) -> Scene:
    """Put a border around a scene, of its own background.

    Args:
        scene: Any scene.
        border: How wide it is on each side, in pixels.
    """
    height, width = scene.size
    size = (height + border.top + border.bottom, width + border.left + border.right)
    widths = ((border.top, border.bottom), (border.left, border.right))

    def paint() -> Pixels:
        pixels = _surface(scene.background, size)
        pixels[border.top : border.top + height, border.left : border.left + width] = scene.pixels
        return pixels

    things = _each(scene, lambda bitmap: np.pad(bitmap, widths))
    return Scene(f"{scene.name}-padded", things, scene.background, paint)


def grey(scene: Scene) -> Scene:
    """Take the colours away; the picture is still RGB. Categories keep their names, colours and all."""

    def paint() -> Pixels:
        weighted = scene.pixels.astype(np.uint32) @ np.array((299, 587, 114), np.uint32)
        return np.asarray(np.dstack([(weighted + 500) // 1000] * 3), np.uint8)

    return Scene(f"{scene.name}-grey", scene.things, scene.background, paint)


def _each(scene: Scene, turn: Callable[[Bitmap], Bitmap]) -> tuple[Thing, ...]:
    return tuple(
        Thing(thing.category, thing.synonyms, np.ascontiguousarray(turn(thing.bitmap))) for thing in scene.things
    )


def _shapes() -> Scene:
    size = (208, 320)
    circle = Thing("red circle", ("circle", "red disc"), _disc(size, x=86, y=118, radius=52))
    squares = [
        Thing("blue square", ("square",), _rectangle(size, left=left, top=top, width=side, height=side))
        for left, top, side in ((206, 22, 58), (272, 92, 40))
    ]
    triangle = Thing("green triangle", ("triangle",), _triangle(size, corners=((160, 112), (250, 190), (160, 190))))
    things = (circle, *squares, triangle)
    return _drawn("shapes", (226, 221, 209), [(thing, _SHAPES_COLORS[thing.category]) for thing in things])


def _awkward() -> Scene:
    size = (296, 216)
    ring = _disc(size, x=64, y=70, radius=42) & ~_disc(size, x=64, y=70, radius=20)
    bar, dot = _rectangle(size, left=150, top=28, width=18, height=58), _disc(size, x=159, y=104, radius=9)
    mark = Thing("exclamation mark", ("purple exclamation mark",), bar | dot)
    bricks = [
        Thing("brown brick", ("brick", "brown rectangle"), _rectangle(size, left=left, top=218, width=wide, height=44))
        for left, wide in ((82, 54), (136, 66))
    ]
    return _drawn(
        "awkward",
        (236, 236, 228),
        [
            (Thing("orange ring", ("ring",), ring), (236, 132, 28)),
            (mark, (112, 48, 140)),
            (Thing("red dot", ("dot", "small red dot"), _disc(size, x=124, y=136, radius=2)), (196, 16, 24)),
            (Thing("green half circle", ("half circle",), _disc(size, x=5, y=190, radius=40)), (28, 120, 84)),
            (Thing("yellow quarter circle", ("quarter circle",), _disc(size, x=216, y=296, radius=24)), (232, 196, 40)),
            (Thing("black line", ("line", "thin line"), _line(size, start=(92, 156), end=(204, 180))), (16, 16, 20)),
            # Two shades: where they touch, a model needs something to go by.
            (bricks[0], (148, 82, 40)),
            (bricks[1], (184, 116, 70)),
        ],
    )


def _crowd() -> Scene:
    return _crowd_with("crowd")


def _crowd_with(name: str, *more: tuple[int, int, int]) -> Scene:
    size = (251, 345)
    places = [(x, y) for y in (34, 92, 150) for x in (40, 98, 156, 214, 272)]
    coins = [
        Thing("yellow coin", ("coin",), _disc(size, x=x + 7 * (y // 58 % 2), y=y + x % 9, radius=13 + (x + y) % 7))
        for x, y in places
    ]
    diamonds = [
        Thing("grey diamond", ("diamond",), _diamond(size, x=x, y=y, radius=radius))
        for x, y, radius in ((70, 219, 20), (170, 226, 14), (318, 208, 24), *more)
    ]
    return _drawn(
        name,
        (52, 78, 64),
        [*((coin, (224, 188, 60)) for coin in coins), *((diamond, (150, 154, 162)) for diamond in diamonds)],
    )


def _wide() -> Scene:
    size = (151, 620)
    return _drawn(
        "wide",
        (208, 214, 222),
        [
            (Thing("red circle", ("circle",), _disc(size, x=36, y=66, radius=30)), (198, 48, 44)),
            (
                Thing("blue square", ("square",), _rectangle(size, left=566, top=88, width=44, height=44)),
                (40, 88, 180),
            ),
            (
                Thing("green triangle", ("triangle",), _triangle(size, corners=((250, 24), (356, 118), (222, 118)))),
                (44, 136, 70),
            ),
            (
                Thing("brown bar", ("bar",), _rectangle(size, left=9, top=138, width=600, height=9)),
                (122, 76, 44),
            ),
            (
                Thing(
                    "orange ring", ("ring",), _disc(size, x=474, y=44, radius=32) & ~_disc(size, x=474, y=44, radius=14)
                ),
                (230, 128, 30),
            ),
        ],
    )


def _tiny() -> Scene:
    size = (10, 14)
    square = Thing("blue square", ("square",), _rectangle(size, left=7, top=1, width=5, height=6))
    return _drawn("tiny", (230, 226, 214), [(square, (40, 84, 186))])


def _large() -> Scene:
    size = (953, 2111)
    return _drawn(
        "large",
        (222, 218, 206),
        [
            (Thing("red circle", ("circle",), _disc(size, x=430, y=500, radius=330)), (204, 56, 46)),
            (
                Thing("blue square", ("square",), _rectangle(size, left=1403, top=95, width=431, height=431)),
                (46, 94, 186),
            ),
            (
                Thing("green triangle", ("triangle",), _triangle(size, corners=((880, 420), (1570, 920), (880, 920)))),
                (42, 138, 74),
            ),
            (Thing("yellow coin", ("coin",), _disc(size, x=2078, y=610, radius=9)), (226, 190, 58)),
        ],
    )


def _fuller() -> Scene:
    return _crowd_with("fuller", (323, 95, 5))


def _tall() -> Scene:
    size = (203, 15)
    frame = _rectangle(size, left=3, top=140, width=10, height=52) & ~_rectangle(
        size, left=5, top=146, width=4, height=5
    )
    frame &= ~_rectangle(size, left=5, top=164, width=6, height=21)
    frame |= _rectangle(size, left=7, top=168, width=2, height=12)
    return _drawn(
        "tall",
        (168, 168, 168),
        [
            (Thing("black circle", ("circle",), _disc(size, x=8, y=20, radius=6)), (34, 34, 34)),
            (Thing("dark grey rectangle", ("rectangle",), frame), (84, 84, 84)),
            (
                Thing("white triangle", ("triangle",), _triangle(size, corners=((5, 58), (13, 118), (1, 118)))),
                (250, 250, 250),
            ),
        ],
    )


def _beads() -> Scene:
    size = (97, 181)
    places = [(x, y) for y in range(8, 96, 11) for x in range(8, 180, 11)]
    beads = [Thing("black bead", ("bead",), _disc(size, x=x, y=y, radius=4)) for x, y in places]
    return _drawn("beads", (214, 210, 202), [(bead, (42, 44, 48)) for bead in beads])


def _drawn(name: str, background: Color, things: Sequence[tuple[Thing, Color]]) -> Scene:
    return Scene(name, tuple(thing for thing, _ in things), background, lambda: _painted(background, things))


def _painted(background: Color, things: Sequence[tuple[Thing, Color]]) -> Pixels:
    size = (things[0][0].bitmap.shape[0], things[0][0].bitmap.shape[1])
    pixels = _surface(background, size)
    for thing, color in things:
        left, top, right, bottom = thing.edges
        # One pixel around it is touched as well.
        window = (slice(max(top - 1, 0), bottom + 1), slice(max(left - 1, 0), right + 1))
        below = pixels[window].astype(np.uint16)
        cover = _cover(thing.bitmap[window])[:, :, None]
        paint = _surface(color, size, window)
        pixels[window] = (below * (OPAQUE - cover) + paint * cover + OPAQUE // 2) // OPAQUE
    return pixels


def _cover(bitmap: Bitmap) -> NDArray[np.uint16]:
    """Anti-alias a mask: of what is in it at least half is covered, of what is not less than half."""
    height, width = bitmap.shape
    around = np.pad(bitmap.astype(np.uint16), 1, mode="edge")
    neighbours = sum(around[row : row + height, column : column + width] for row in range(3) for column in range(3))
    return np.asarray(9 * bitmap + neighbours, np.uint16)


def _surface(color: Color, size: tuple[int, int], window: tuple[slice, slice] = (slice(None), slice(None))) -> Pixels:
    """Paint a window of a surface: of one colour, but with a grain, and darker towards its lower right."""
    height, width = size
    rows = np.arange(height, dtype=np.uint32)[window[0], None]
    columns = np.arange(width, dtype=np.uint32)[None, window[1]]
    hashed = (rows * np.uint32(2654435761)) ^ (columns * np.uint32(2246822519))
    hashed ^= hashed >> np.uint32(15)
    hashed *= np.uint32(3266489917)
    hashed >>= np.uint32(27)
    shade = (np.arange(32, dtype=np.int16) % np.int16(GRAIN))[hashed]
    shade += np.int16(FALL) - _share(rows, height) - _share(columns, width)
    pixels = np.empty((*shade.shape, 3), np.uint8)
    for channel, level in enumerate(color):
        np.clip(shade + np.int16(level), 0, 255, out=pixels[:, :, channel], casting="unsafe")
    return pixels


def _share(places: NDArray[np.uint32], side: int) -> NDArray[np.int16]:
    """Tell by how much the light has fallen at each place of a side."""
    return (places * np.uint32(FALL) // np.uint32(side)).astype(np.int16)


def _drawn_within(size: tuple[int, int], low: Pixel, high: Pixel, inside: Inside) -> Bitmap:
    """Draw a shape of which no pixel lies outside a box: nothing else is computed, however large the picture is.

    Args:
        size: ``(height, width)`` of the picture, which may cut the box off.
        low: ``(x, y)`` of the box's first pixel.
        high: ``(x, y)`` behind its last.
        inside: Tells which pixels belong to the shape, from the centres of columns and rows.
    """
    left, top = max(low[0], 0), max(low[1], 0)
    right, bottom = min(high[0], size[1]), min(high[1], size[0])
    columns = 2 * np.arange(left, right, dtype=np.int32)[None, :] + 1
    rows = 2 * np.arange(top, bottom, dtype=np.int32)[:, None] + 1
    bitmap = np.zeros(size, np.bool_)
    bitmap[top:bottom, left:right] = inside(columns, rows)
    return bitmap


def _rectangle(size: tuple[int, int], *, left: int, top: int, width: int, height: int) -> Bitmap:
    bitmap = np.zeros(size, np.bool_)
    bitmap[top : top + height, left : left + width] = True
    return bitmap


def _disc(size: tuple[int, int], *, x: int, y: int, radius: int) -> Bitmap:
    def inside(columns: Centers, rows: Centers) -> Bitmap:
        return np.asarray((columns - 2 * x) ** 2 + (rows - 2 * y) ** 2 <= 4 * radius * radius)

    return _drawn_within(size, (x - radius, y - radius), (x + radius, y + radius), inside)


def _diamond(size: tuple[int, int], *, x: int, y: int, radius: int) -> Bitmap:
    def inside(columns: Centers, rows: Centers) -> Bitmap:
        return np.asarray(abs(columns - 2 * x) + abs(rows - 2 * y) <= 2 * radius)

    return _drawn_within(size, (x - radius, y - radius), (x + radius, y + radius), inside)


def _triangle(size: tuple[int, int], *, corners: tuple[Pixel, Pixel, Pixel]) -> Bitmap:
    """Take the pixels whose centre lies on the right of all three sides; the corners run clockwise as seen."""

    def inside(columns: Centers, rows: Centers) -> Bitmap:
        sides = zip(corners, (*corners[1:], corners[0]), strict=True)
        right_of = [(x1 - x0) * (rows - 2 * y0) >= (y1 - y0) * (columns - 2 * x0) for (x0, y0), (x1, y1) in sides]
        return np.asarray(np.logical_and.reduce(right_of))

    across, down = zip(*corners, strict=True)
    return _drawn_within(size, (min(across), min(down)), (max(across), max(down)), inside)


def _line(size: tuple[int, int], *, start: Pixel, end: Pixel) -> Bitmap:
    """Draw a line of one pixel's width that is wider than high, both ends included."""
    bitmap = np.zeros(size, np.bool_)
    columns = np.arange(start[0], end[0] + 1)
    bitmap[start[1] + (columns - start[0]) * (end[1] - start[1]) // (end[0] - start[0]), columns] = True
    return bitmap
