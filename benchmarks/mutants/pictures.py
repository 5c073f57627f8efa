"""The image of a request: what it is, and how another one is sent in its place."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

from PIL import Image
from werkzeug.wrappers import Response

from benchmarks.mutants.server import Call, Json
from sam3_contract.errors import ImageError
from sam3_contract.images import read_header


def value_of(call: Call, kind: str = "base64") -> str:
    """Take the image of a request as it is written; empty if there is none of that type."""
    image = call.body.get("image")
    value = image.get("value") if isinstance(image, dict) and image.get("type") == kind else None
    return value if isinstance(value, str) else ""


def content_of(call: Call) -> bytes:
    """Decode the image of a request; empty if there is none in base64."""
    value = value_of(call)
    try:
        return base64.b64decode((value.partition("base64,")[2] or value) + "==")
    except ValueError:
        return b""


def file_of(call: Call) -> Image.Image | None:
    """Open the image of a request; ``None`` if there is none that can be decoded, which the mock refuses."""
    content = content_of(call)
    try:
        Image.open(io.BytesIO(content)).load()  # another one: loading a TIFF turns it and takes its tag away
        return Image.open(io.BytesIO(content))
    except (OSError, SyntaxError):
        return None


def frame_of(call: Call) -> tuple[int, int] | None:
    """Tell the ``(height, width)`` of the image after EXIF orientation."""
    try:
        return read_header(content_of(call)).size
    except ImageError:
        return None


def orientation_of(file: Image.Image) -> int:
    """Read the EXIF orientation."""
    return int(file.getexif().get(0x0112, 1))


def exif_of(file: Image.Image) -> bytes:
    """Take the EXIF block as it is written."""
    exif = file.info.get("exif", b"")
    return exif if isinstance(exif, bytes) else b""


def as_image(picture: Image.Image) -> Json:
    """Write a picture as the ``image`` of a request."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return {"type": "base64", "value": base64.b64encode(buffer.getvalue()).decode()}


def decoded_otherwise(
    call: Call, concerns: Callable[[Image.Image], bool], decode: Callable[[Image.Image], Image.Image]
) -> Response:
    """Ask about what a decoder makes of those images that it gets wrong."""
    file = file_of(call)
    if file is None or not concerns(file):
        return call.ask()
    return call.ask(image=as_image(decode(file)))


def without_exif(file: Image.Image) -> Image.Image:
    """Take the pixels as they lie in the file."""
    plain = file.convert("RGB")
    plain.info.pop("exif", None)
    return plain
