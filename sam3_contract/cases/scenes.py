"""The built-in images: drawn, so that they need no download; off-centre and of unequal sides, so that axes show."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw

from sam3_contract.errors import ImageError
from sam3_contract.exchange import Photograph
from sam3_contract.images import read_header

__all__ = ["built_in_images", "photograph", "photograph_from_file"]

_SIDEWAYS = 6  # EXIF: the top of the picture is on the right of the file


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
    try:
        return photograph(Path(path).name, Path(path).read_bytes())
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}") from error


@cache
def built_in_images() -> tuple[Photograph, ...]:
    """Draw the images that are used when none are given.

    Returns:
        A PNG of a red disc beside blue squares, and a JPEG of the same that its EXIF tag turns upright.
    """
    scene = _scene()
    plain, turned = io.BytesIO(), io.BytesIO()
    scene.save(plain, "PNG")
    exif = Image.Exif()
    exif[0x0112] = _SIDEWAYS
    scene.transpose(Image.Transpose.ROTATE_90).save(turned, "JPEG", quality=90, exif=exif)
    return (photograph("scene.png", plain.getvalue()), photograph("scene-sideways.jpg", turned.getvalue()))


def _scene() -> Image.Image:
    scene = Image.new("RGB", (320, 208), (214, 208, 196))
    draw = ImageDraw.Draw(scene)
    draw.ellipse((40, 56, 150, 166), fill=(206, 52, 44))
    draw.rectangle((196, 24, 252, 80), fill=(44, 92, 188))
    draw.rectangle((228, 120, 300, 192), fill=(44, 92, 188))
    return scene
