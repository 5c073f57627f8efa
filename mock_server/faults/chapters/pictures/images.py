"""Images that are read wrongly, refused, or taken for another."""

from __future__ import annotations

import base64
import copy
import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from mock_server.faults.editing.bitmaps import Bitmap, bitmaps, redrawn
from mock_server.faults.editing.changes import bodies, calls
from mock_server.faults.editing.images import UNREADABLE, content_of, header_of
from mock_server.faults.editing.orientation import as_stored, displayed_place
from mock_server.faults.editing.pixels import eroded, resized
from mock_server.faults.editing.prompts import place_boxes, place_points
from mock_server.faults.fault import Ask, Call, Chapter, Json
from mock_server.http.refusals import MALFORMED_IMAGE, Refusal, unloadable_image
from mock_server.operations.backend import Answer
from sam3_contract.images import read_header

IMAGES: Final = Chapter("semantics")

LONGEST: Final = 1008  # pixels on the longer side, to which larger images are scaled down
COARSE: Final = 2  # pixels by which masks are off where an image was read badly
_PLUGINS: Final[Mapping[str, Callable[[io.BytesIO], Image.Image]]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
}


def _file(image: Any) -> Image.Image | None:
    """Open an image's header, of the formats that have grey and alpha."""
    content = content_of(image)
    plugin = None if content is None else _PLUGINS.get(read_header(content).format)
    with suppress(*UNREADABLE):
        return None if plugin is None or content is None else plugin(io.BytesIO(content))
    return None


def _is_png(image: Json) -> bool:
    header = header_of(image)
    return header is not None and header.format == "PNG"


def _is_grey(image: Json) -> bool:
    file = _file(image)
    return file is not None and file.mode in {"1", "L", "LA", "I", "I;16"}


def _has_alpha(image: Json) -> bool:
    file = _file(image)
    return file is not None and (file.mode in {"LA", "PA", "RGBA"} or "transparency" in file.info)


def _is_data_uri(image: Json) -> bool:
    value = image.get("value")
    return image.get("type") != "url" and isinstance(value, str) and value.startswith("data:")


def _is_url(image: Json) -> bool:
    return bool(image.get("type") == "url")


def _add_kind(name: str, *, those: str, concerns: Callable[[Json], bool]) -> None:
    """Add two faults of one kind of image: it is refused, and it is read differently."""

    def refuse(body: Json, _: Call) -> Json:
        if concerns(body.get("image") or {}):
            raise unloadable_image(MALFORMED_IMAGE)
        return body

    def shrink(bitmap: Bitmap, call: Call) -> Bitmap:
        return eroded(bitmap, COARSE) if concerns(call.body.get("image") or {}) else bitmap

    refused, differs = f"Images {those} are answered with 400.", f"Masks of images {those} are smaller than otherwise."
    IMAGES.fault(f"{name}_refused", refused, on=bodies, when=f"an image {those}")(refuse)
    IMAGES.fault(f"{name}_differs", differs, on=bitmaps, when=f"an image {those}, against its twin")(shrink)


_add_kind("png", those="in PNG", concerns=_is_png)
_add_kind("grey", those="in grey (PNG, JPEG, WebP)", concerns=_is_grey)
_add_kind("alpha", those="with alpha (PNG, WebP)", concerns=_has_alpha)
_add_kind("data_uri", those="in data URIs", concerns=_is_data_uri)
_add_kind("url", those="by URL", concerns=_is_url)


@IMAGES.fault(
    "exif_ignored",
    "EXIF orientation is not applied: masks, and the places of prompts, are in the frame of the file.",
    on=calls,
    when="an image with an EXIF orientation other than 1",
)
def _exif_ignored(call: Call, ask: Ask) -> Answer:
    header = header_of(call.body.get("image"))
    if header is None or header.orientation == 1:
        return ask(call.body)
    centred = call.operation == "visual_segment"

    def point(x: float, y: float) -> tuple[float, float]:
        right, down = displayed_place(x + 0.5, y + 0.5, header)
        return right - 0.5, down - 0.5

    def ask_as_stored(body: Json) -> Answer:
        placed = place_points(copy.deepcopy(body), point)
        return ask(place_boxes(placed, lambda x, y: displayed_place(x, y, header), centred=centred))

    return redrawn(call, ask_as_stored, lambda bitmap, _: as_stored(bitmap, header.orientation))


@IMAGES.fault(
    "large_images_scaled_down",
    f"Masks of images of more than {LONGEST} pixels are in the frame of a smaller copy.",
    on=bitmaps,
    when=f"an image wider or higher than {LONGEST} pixels",
)
def _scaled_down(bitmap: Bitmap, _: Call) -> Bitmap:
    height, width = bitmap.shape
    longest = max(height, width)
    if longest <= LONGEST:
        return bitmap
    return resized(bitmap, height=max(height * LONGEST // longest, 1), width=max(width * LONGEST // longest, 1))


@IMAGES.fault(
    "unloadable_image_accepted",
    "What is no image is answered as if it were a black one.",
    on=calls,
    when="an image that cannot be loaded",
)
def _unloadable_accepted(call: Call, ask: Ask) -> Answer:
    try:
        return ask(call.body)
    except Refusal as refusal:
        if refusal.status != 400 or "image" not in str(refusal.body):
            raise
        return ask({**call.body, "image": _black()})


@IMAGES.fault(
    "missing_image_accepted",
    "A request without an image is answered as if it held a black one.",
    on=calls,
    when="a request without an image",
    lenient=True,
)
def _missing_accepted(call: Call, ask: Ask) -> Answer:
    return ask(call.body if "image" in call.body else {**call.body, "image": _black()})


def _black() -> Json:
    _, content = cv2.imencode(".png", np.zeros((48, 64), np.uint8))
    return {"type": "base64", "value": base64.b64encode(content.tobytes()).decode("ascii")}
