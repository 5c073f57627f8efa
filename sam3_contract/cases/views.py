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

Bitmap = NDArray[np.bool_]

_ORIENTATION: Final = 0x0112
_UNDONE_BY: Final = {
    3: Image.Transpose.ROTATE_180,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}
"""For some EXIF orientations, how a picture has to lie in the file for them to turn it upright."""
GREY: Final = 5
CHANNEL: Final = 3
"""EXIF orientations of the grey views: mirrored and turned, and upside down."""


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


def turned_view(scene: Scene, orientation: int) -> View:
    """Save a scene lying on a side, as a JPEG that its EXIF tag turns upright."""
    content = _turned(Image.fromarray(scene.pixels), orientation)
    sent = photograph_of_scene(scene, content, name=f"{scene.name}-turned-{orientation}.jpg")
    return View(sent, "as JPEG, turned by its EXIF tag", _unchanged)


def grey_views(scene: Scene) -> tuple[Photograph, View]:
    """Save a scene in grey: as RGB, and as a view of that, with one channel; both turned by EXIF tags of their own."""
    plain = grey(scene)
    coloured = photograph_of_scene(plain, _turned(Image.fromarray(plain.pixels), GREY), name=f"{plain.name}.jpg")
    one_channel = _turned(Image.fromarray(plain.pixels[:, :, 0]), CHANNEL)
    view = photograph_of_scene(plain, one_channel, name=f"{plain.name}-channel.jpg")
    return coloured, View(view, "with one channel of grey", _unchanged)


def mirrored_view(scene: Scene) -> View:
    """Mirror a scene, saved with an alpha channel that would hide the background, if it were heeded."""
    other = mirrored(scene)
    alpha = np.any([thing.bitmap for thing in other.things], axis=0).astype(np.uint8) * 255
    content = _file(Image.fromarray(np.dstack([other.pixels, alpha])), "PNG")
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


def _turned(picture: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    lying = picture.transpose(_UNDONE_BY[orientation])
    return _file(lying, "JPEG", quality=95, subsampling=0, exif=exif)


def _file(picture: Image.Image, image_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, image_format, **options)
    return file.getvalue()
