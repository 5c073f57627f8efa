"""Drawn, annotated scenes: images of which the true masks are known to the pixel.

Everything is drawn with integers and every pixel is painted from the bitmaps, so that picture and truth are exact and
the same on every machine. The canvases are of unequal sides and nothing sits in the middle, so that exchanged axes,
wrong anchors and mirrored masks show.
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


class Border(NamedTuple):
    """How many pixels are added on each side."""

    left: int
    top: int
    right: int
    bottom: int


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
        left, top, right, bottom = self._edges
        return {"x": float(left), "y": float(top), "width": float(right - left), "height": float(bottom - top)}

    @property
    def center_box(self) -> dict[str, float]:
        """The exact bounding box as ``visual_segment`` takes it, in pixels: ``x, y`` is the centre."""
        left, top, right, bottom = self._edges
        sides = {"width": float(right - left), "height": float(bottom - top)}
        return {"x": (left + right) / 2, "y": (top + bottom) / 2} | sides

    @cached_property
    def _edges(self) -> tuple[int, int, int, int]:
        columns, rows = (np.flatnonzero(self.bitmap.any(axis=axis)) for axis in (0, 1))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and what is in it.

    Attributes:
        name: What to call it.
        pixels: RGB, uint8, shape ``(height, width, 3)``.
        things: Every instance in it.
    """

    name: str
    pixels: Pixels = field(repr=False)
    things: tuple[Thing, ...]

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)`` in pixels, the order of masks."""
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])

    @cached_property
    def content(self) -> bytes:
        """The picture as a PNG file."""
        file = io.BytesIO()
        Image.fromarray(self.pixels).save(file, "PNG")
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
    return Scene(f"{scene.name}-mirrored", np.ascontiguousarray(np.fliplr(scene.pixels)), things)


def padded(scene: Scene, border: Border = BORDER) -> Scene:
    """Put a border around a scene, of its own background.

    Args:
        scene: Any scene that shows some background.
        border: How wide it is on each side, in pixels.
    """
    widths = ((border.top, border.bottom), (border.left, border.right))
    empty = ~np.any([thing.bitmap for thing in scene.things], axis=0)
    row, column = divmod(int(np.flatnonzero(empty)[0]), scene.size[1])
    planes = [
        np.pad(scene.pixels[:, :, channel], widths, constant_values=scene.pixels[row, column, channel])
        for channel in range(3)
    ]
    things = _each(scene, lambda bitmap: np.pad(bitmap, widths))
    return Scene(f"{scene.name}-padded", np.dstack(planes), things)


def grey(scene: Scene) -> Scene:
    """Take the colours away; the picture is still RGB. Categories keep their names, colours and all."""
    weighted = scene.pixels.astype(np.uint32) @ np.array((299, 587, 114), np.uint32)
    luma = ((weighted + 500) // 1000).astype(np.uint8)
    return Scene(f"{scene.name}-grey", np.dstack([luma] * 3), scene.things)


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
    blue = (44, 92, 188)
    return _painted(
        "shapes",
        (226, 221, 209),
        [(circle, (206, 52, 44)), (squares[0], blue), (squares[1], blue), (triangle, (40, 140, 72))],
    )


def _awkward() -> Scene:
    size = (296, 216)
    ring = _disc(size, x=64, y=70, radius=42) & ~_disc(size, x=64, y=70, radius=20)
    bar, dot = _rectangle(size, left=150, top=28, width=18, height=58), _disc(size, x=159, y=104, radius=9)
    mark = Thing("exclamation mark", ("purple exclamation mark",), bar | dot)
    bricks = [
        Thing("brown brick", ("brick", "brown rectangle"), _rectangle(size, left=left, top=218, width=wide, height=44))
        for left, wide in ((82, 54), (136, 66))
    ]
    return _painted(
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


def _painted(name: str, background: Color, things: Sequence[tuple[Thing, Color]]) -> Scene:
    pixels = np.empty((*things[0][0].bitmap.shape, 3), np.uint8)
    pixels[:] = background
    for thing, color in things:
        pixels[thing.bitmap] = color
    return Scene(name, pixels, tuple(thing for thing, _ in things))


def _centers(size: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the columns' and the rows' centres in half pixels: they are odd, edges are even."""
    return 2 * np.arange(size[1], dtype=np.int64)[None, :] + 1, 2 * np.arange(size[0], dtype=np.int64)[:, None] + 1


def _rectangle(size: tuple[int, int], *, left: int, top: int, width: int, height: int) -> Bitmap:
    bitmap = np.zeros(size, np.bool_)
    bitmap[top : top + height, left : left + width] = True
    return bitmap


def _disc(size: tuple[int, int], *, x: int, y: int, radius: int) -> Bitmap:
    columns, rows = _centers(size)
    return np.asarray((columns - 2 * x) ** 2 + (rows - 2 * y) ** 2 <= 4 * radius * radius)


def _triangle(size: tuple[int, int], *, corners: tuple[Pixel, Pixel, Pixel]) -> Bitmap:
    """Take the pixels whose centre lies on the right of all three sides; the corners run clockwise as seen."""
    columns, rows = _centers(size)
    inside = np.ones(size, np.bool_)
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        inside &= (x1 - x0) * (rows - 2 * y0) >= (y1 - y0) * (columns - 2 * x0)
    return inside


def _line(size: tuple[int, int], *, start: Pixel, end: Pixel) -> Bitmap:
    """Draw a line of one pixel's width that is wider than high, both ends included."""
    bitmap = np.zeros(size, np.bool_)
    columns = np.arange(start[0], end[0] + 1)
    bitmap[start[1] + (columns - start[0]) * (end[1] - start[1]) // (end[0] - start[0]), columns] = True
    return bitmap
