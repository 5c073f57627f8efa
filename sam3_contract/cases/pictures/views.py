"""Other views of a drawn scene: the same pixels in another file, or moved; each with its truth and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sam3_contract.cases.pictures.encodings import ENCODINGS, OF_TWO_SHADES, Encoding
from sam3_contract.cases.pictures.photographs import photograph_of_scene
from sam3_contract.exchanges.exchange import Photograph
from sam3_contract.images.scenes import BORDER, Scene, grey, mirrored, padded

Bitmap = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class View:
    """An image that shows a scene in another way.

    Attributes:
        photograph: The image to send.
        how: What was done to the scene, in words that fit "the image ...".
        undo: Brings a mask of the view, shape ``(height, width)``, into the scene's frame.
        moved: Whether the pixels lie elsewhere.
    """

    photograph: Photograph
    how: str
    undo: Callable[[Bitmap], Bitmap]
    moved: bool = False


@lru_cache(maxsize=64)
def encoded(scene: Scene, encoding: str) -> Photograph:
    """Write a scene by one of the ``ENCODINGS``, or of those ``OF_TWO_SHADES``.

    Args:
        scene: A drawn scene; a grey one where the encoding holds no colours, the stencil where it holds two shades.
        encoding: Its name.
    """
    way = way_of(encoding)
    return photograph_of_scene(scene, way.write(scene.pixels), name=f"{scene.name}-{encoding}.{way.suffix}")


def encoded_view(scene: Scene, encoding: str) -> View:
    """Show a scene as it is, in a file of another kind."""
    return View(encoded(scene, encoding), ENCODINGS[encoding].name, _unchanged)


@lru_cache(maxsize=8)
def mirrored_view(scene: Scene, encoding: str) -> View:
    """Mirror a scene."""
    sent = encoded(mirrored(scene), encoding)
    return View(sent, f"mirrored, {ENCODINGS[encoding].name}", lambda bitmap: bitmap[:, ::-1], moved=True)


@lru_cache(maxsize=8)
def padded_view(scene: Scene, encoding: str) -> View:
    """Put a border around a scene."""
    height, width = scene.size
    window = (slice(BORDER.top, BORDER.top + height), slice(BORDER.left, BORDER.left + width))
    sent = encoded(padded(scene), encoding)
    return View(sent, f"with a border, {ENCODINGS[encoding].name}", lambda bitmap: bitmap[window], moved=True)


def way_of(encoding: str) -> Encoding:
    """Find a way to write a picture by its name."""
    return ENCODINGS.get(encoding) or OF_TWO_SHADES[encoding]


@lru_cache(maxsize=8)
def grey_scene(scene: Scene) -> Scene:
    """Take the colours out of a scene, the same one for the same scene."""
    return grey(scene)


def _unchanged(bitmap: Bitmap) -> Bitmap:
    return bitmap
