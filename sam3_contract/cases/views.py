"""Other views of a drawn scene: the same pixels in another file, or moved; each with its truth and the way back."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sam3_contract.cases.scenes import photograph_of_scene
from sam3_contract.exchange import Photograph
from sam3_contract.scenes import BORDER, Scene, grey, mirrored, padded

__all__ = ["View", "grey_views", "mirrored_view", "padded_view", "turned_view"]

Bitmap = NDArray[np.bool_]

_ORIENTATION: Final = 0x0112
_SIDEWAYS: Final = 6  # EXIF: the top of the picture is on the right of the file


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


def turned_view(scene: Scene) -> View:
    """Save a scene sideways, as a JPEG that its EXIF tag turns upright."""
    exif = Image.Exif()
    exif[_ORIENTATION] = _SIDEWAYS
    picture = Image.fromarray(scene.pixels).transpose(Image.Transpose.ROTATE_90)
    content = _file(picture, "JPEG", quality=95, subsampling=0, exif=exif)
    sent = photograph_of_scene(scene, content, name=f"{scene.name}-turned.jpg")
    return View(sent, "as JPEG, turned by its EXIF tag", _unchanged)


def grey_views(scene: Scene) -> tuple[Photograph, View]:
    """Save a scene in grey: as RGB, and as a view of that, with one channel."""
    plain = grey(scene)
    one_channel = _file(Image.fromarray(plain.pixels[:, :, 0]), "PNG")
    view = photograph_of_scene(plain, one_channel, name=f"{plain.name}-channel.png")
    return photograph_of_scene(plain), View(view, "with one channel of grey", _unchanged)


def mirrored_view(scene: Scene) -> View:
    """Mirror a scene, saved with an alpha channel."""
    other = mirrored(scene)
    content = _file(Image.fromarray(other.pixels).convert("RGBA"), "PNG")
    sent = photograph_of_scene(other, content)
    return View(sent, "mirrored, with an alpha channel", lambda bitmap: bitmap[:, ::-1], moved=True)


def padded_view(scene: Scene) -> View:
    """Put a border around a scene, saved as lossless WebP."""
    other = padded(scene)
    content = _file(Image.fromarray(other.pixels), "WEBP", lossless=True)
    sent = photograph_of_scene(other, content, name=f"{other.name}.webp")
    height, width = scene.size
    window = (slice(BORDER.top, BORDER.top + height), slice(BORDER.left, BORDER.left + width))
    return View(sent, "with a border, as WebP", lambda bitmap: bitmap[window], moved=True)


def _unchanged(bitmap: Bitmap) -> Bitmap:
    return bitmap


def _file(picture: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()
