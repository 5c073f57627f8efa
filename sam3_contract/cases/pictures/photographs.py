"""The images that are sent: drawn, so that they need no download, or files of the user's."""

from __future__ import annotations

import io
import os
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from sam3_contract.cases.pictures.encodings import ENCODINGS
from sam3_contract.errors import ImageError
from sam3_contract.exchanges.exchange import Photograph
from sam3_contract.images import read_header
from sam3_contract.images.scenes import Scene, built_in_scenes

_DISCS: Final = (
    ((120, 100, 620, 600), (206, 52, 44)),
    ((420, 180, 1000, 760), (44, 92, 188)),
    ((750, 300, 1180, 730), (236, 178, 32)),
    ((300, 500, 750, 930), (40, 140, 72)),
    ((20, 20, 120, 120), (112, 48, 140)),
    ((1110, 790, 1310, 990), (148, 82, 40)),
)
DISC: Final = {"x": 750, "y": 300, "width": 431, "height": 431}
"""The box of one of them, anchored at its top left corner."""
_CANVAS: Final = (1319, 1001)  # wider than the model's frame of 1008, and of odd sides

Pixel = tuple[int, int]

ACROSS_EDGES: Final[tuple[tuple[Pixel, tuple[Pixel, ...]], ...]] = (
    ((1270, 940), ((1314, 996),)),
    ((45, 50), ((4, 4),)),
    ((130, 350), ((110, 350),)),
    ((310, 520), ((380, 560), (262, 590))),
)
"""Pixels ``(x, y)`` in a disc, each with others close by that are not of it: in two corners, and around the red one."""


def photograph(name: str, content: bytes) -> Photograph:
    """Make an image to send of a file's bytes.

    Raises:
        ImageError: If they are no image that the service takes; the message names it.
    """
    try:
        return Photograph(name, content, read_header(content))
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error


def photograph_from_file(path: str | Path) -> Photograph:
    """Read an image to send.

    Raises:
        ImageError: If the file cannot be read, or is no image that the service takes.
    """
    # Names need not be in UTF-8, but all that is made of them has to be.
    name = os.fsencode(Path(path).name).decode("utf-8", "backslashreplace")
    try:
        return photograph(name, Path(path).read_bytes())
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}") from error


def photograph_of_scene(scene: Scene, content: bytes | None = None, *, name: str | None = None) -> Photograph:
    """Make an image to send of a scene, with what is drawn in it.

    Args:
        scene: A drawn scene.
        content: The file, if it is another one than the scene's PNG.
        name: What to call it; the scene's name by default.
    """
    file = scene.content if content is None else content
    return Photograph(name or f"{scene.name}.png", file, read_header(file), scene.things)


@cache
def built_in_images() -> tuple[Photograph, ...]:
    """Draw the images that are used when none are given.

    Returns:
        The two annotated scenes, and discs that overlap, of which the truth is not told.
    """
    return (*map(photograph_of_scene, built_in_scenes()), photograph("discs.png", _overlapping_discs()))


@cache
def blank_image() -> Photograph:
    """Paint an image of one pixel."""
    return photograph("blank.png", ENCODINGS["png"].write(np.full((1, 1, 3), 200, np.uint8)))


def is_of_discs(photograph: Photograph) -> bool:
    """Tell whether an image is the one of the discs."""
    return photograph is built_in_images()[-1]


@lru_cache(maxsize=8)
def saved_as(photograph: Photograph, encoding: str) -> Photograph:
    """Save a built-in image in another format; a file of the user's stays as it is, as it may grow beyond limits.

    Args:
        photograph: The image.
        encoding: One of ``ENCODINGS`` that keeps colours.
    """
    if photograph not in built_in_images():
        return photograph
    way = ENCODINGS[encoding]
    content = way.write(np.asarray(Image.open(io.BytesIO(photograph.content)).convert("RGB")))
    name = f"{Path(photograph.name).stem}-{encoding}.{way.suffix}"
    return Photograph(name, content, read_header(content), photograph.things)


def _overlapping_discs() -> bytes:
    picture = Image.new("RGB", _CANVAS, (214, 208, 196))
    draw = ImageDraw.Draw(picture)
    for box, colour in _DISCS:
        draw.ellipse(box, fill=colour)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
