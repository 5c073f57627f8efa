"""Images that are misread or refused for how they are written: their pixels, their turn, their size."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import numpy as np
from PIL import Image, ImageOps

from mock_server.faults.editing.bitmaps import Bitmap, bitmaps
from mock_server.faults.editing.changes import bodies
from mock_server.faults.editing.images import UNREADABLE, content_of, header_of
from mock_server.faults.editing.pixels import resized
from mock_server.faults.fault import Call, Chapter, Json
from mock_server.http.refusals import INTERNAL_ERROR, MALFORMED_IMAGE, message, unloadable_image
from sam3_contract.images.decoding import samples_of_png

ENCODINGS: Final = Chapter("semantics")

LARGE: Final = 1_500_000  # pixels from which on an image counts as large
COARSENESS: Final = 16  # pixels of a side that become one
WIDEST: Final = 2  # times the shorter side that the longer one may be
SMALLEST: Final = 16  # pixels of the shorter side
SIDE: Final = 8  # pixels that a side is a multiple of
STEP: Final = 2  # pixels by which masks are off
DEEP: Final = 16  # bits of a sample
STRETCH: Final = 37  # what lower bytes are spread by: those of samples stretched from 8 bits are much the same
_MIRRORED: Final = frozenset({2, 4, 5, 7})


def _picture(image: Any) -> Image.Image | None:
    """Open an image's header; ``None`` of one by URL, and of what the mock refuses."""
    content = content_of(image)
    return None if content is None else Image.open(io.BytesIO(content))


def _written(pixels: Any) -> Json:
    """Write RGB pixels as the image of a request."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return {"type": "base64", "value": base64.b64encode(file.getvalue()).decode("ascii")}


def _misread(
    name: str, breaks: str, when: str, concerns: Callable[[Image.Image], bool], read: Callable[[Image.Image], Any]
) -> None:
    """Add a fault by which other pixels are looked at than those of some images."""

    def change(body: Json, _: Call) -> Json:
        with suppress(*UNREADABLE):
            picture = _picture(body.get("image"))
            if picture is not None and concerns(picture):
                body["image"] = _written(read(picture))
        return body

    ENCODINGS.fault(name, breaks, on=bodies, when=when)(change)


def _refused(name: str, those: str, concerns: Callable[[Image.Image], bool]) -> None:
    """Add a fault by which some images are refused."""

    def change(body: Json, _: Call) -> Json:
        is_concerned = False
        with suppress(*UNREADABLE):
            picture = _picture(body.get("image"))
            is_concerned = picture is not None and concerns(picture)
        if is_concerned:
            raise unloadable_image(MALFORMED_IMAGE)
        return body

    ENCODINGS.fault(name, f"Images {those} are answered with 400.", on=bodies, when=f"an image {those}")(change)


def _orientation(picture: Image.Image) -> int:
    return int(picture.getexif().get(0x0112, 1))


def _half_turned(picture: Image.Image) -> Any:
    """Turn a picture, and do not mirror it."""
    turns = {5: Image.Transpose.ROTATE_270, 7: Image.Transpose.ROTATE_90, 4: Image.Transpose.ROTATE_180}
    turn, upright = turns.get(_orientation(picture)), picture.convert("RGB")
    return np.asarray(upright if turn is None else upright.transpose(turn))


def _last_frame(picture: Image.Image) -> Any:
    picture.seek(getattr(picture, "n_frames", 1) - 1)
    return np.asarray(picture.convert("RGB"))


_misread(
    "exif_mirroring_ignored",
    "EXIF orientations that mirror only turn.",
    "an image with an EXIF orientation of 2, 4, 5 or 7",
    lambda picture: _orientation(picture) in _MIRRORED,
    _half_turned,
)
_misread(
    "palette_read_as_grey",
    "Entries of a palette are taken for shades of grey.",
    "a PNG with a palette",
    lambda picture: picture.format == "PNG" and picture.mode == "P",
    lambda picture: np.dstack([np.asarray(picture)] * 3),
)


@ENCODINGS.fault(
    "sixteen_bits_cut", "Of samples of 16 bits the lower byte is taken.", on=bodies, when="a PNG of 16 bits"
)
def _low_bytes(body: Json, _: Call) -> Json:
    content = content_of(body.get("image")) or b""
    samples = samples_of_png(content) if content.startswith(b"\x89PNG") and content[24] == DEEP else None
    if samples is not None:
        low = (np.asarray(samples, np.uint32) * STRETCH & 255).astype(np.uint8)
        body["image"] = _written(low[:, :, 2::-1] if low.ndim == 3 else np.dstack([low] * 3))
    return body


_misread(
    "cmyk_inverted",
    "The colours of a CMYK image are inverted.",
    "a JPEG in CMYK",
    lambda picture: picture.mode == "CMYK",
    lambda picture: np.asarray(ImageOps.invert(picture.convert("RGB"))),
)
_misread(
    "last_frame_taken",
    "Of an animation the last frame is looked at.",
    "a GIF, WebP or PNG of several frames",
    lambda picture: getattr(picture, "n_frames", 1) > 1,
    _last_frame,
)
_misread(
    "bmp_upside_down",
    "The rows of a BMP are read from its top.",
    "a BMP",
    lambda picture: picture.format == "BMP",
    lambda picture: np.asarray(picture.convert("RGB"))[::-1],
)
_refused("progressive_refused", "in progressive JPEG", lambda picture: bool(picture.info.get("progressive")))
_refused("interlaced_refused", "in interlaced PNG", lambda picture: bool(picture.info.get("interlace")))


@ENCODINGS.fault(
    "small_images_answered_500",
    f"Images of fewer than {SMALLEST} pixels on a side are answered with 500.",
    on=bodies,
    when=f"an image of fewer than {SMALLEST} pixels on a side",
)
def _small(body: Json, _: Call) -> Json:
    header = header_of(body.get("image"))
    if header is not None and min(header.size) < SMALLEST:
        raise message(500, INTERNAL_ERROR)
    return body


@ENCODINGS.fault(
    "wide_images_cropped",
    f"Masks end where an image is longer than {WIDEST} times as wide.",
    on=bitmaps,
    when="a mask at an end of an image that is much longer than wide",
)
def _cropped(bitmap: Bitmap, _: Call) -> Bitmap:
    height, width = bitmap.shape
    kept = np.zeros_like(bitmap)
    across, down = min(width, WIDEST * height), min(height, WIDEST * width)
    window = (slice((height - down) // 2, (height + down) // 2), slice((width - across) // 2, (width + across) // 2))
    kept[window] = bitmap[window]
    return kept


@ENCODINGS.fault(
    "odd_widths_shift_masks",
    f"Masks are moved to the right by {STEP} pixels where an image's width is no multiple of {SIDE}.",
    on=bitmaps,
    when=f"an image whose width is no multiple of {SIDE}",
)
def _odd_widths(bitmap: Bitmap, _: Call) -> Bitmap:
    return np.roll(bitmap, STEP, axis=1) if bitmap.shape[1] % SIDE else bitmap


@ENCODINGS.fault(
    "large_images_coarse",
    f"Masks of large images are made of squares of {COARSENESS} pixels.",
    on=bitmaps,
    when=f"an image of {LARGE} pixels or more",
)
def _coarse(bitmap: Bitmap, _: Call) -> Bitmap:
    height, width = bitmap.shape
    if height * width < LARGE:
        return bitmap
    small = resized(bitmap, height=height // COARSENESS, width=width // COARSENESS)
    return resized(small, height=height, width=width)
