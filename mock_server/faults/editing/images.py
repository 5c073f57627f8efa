"""The image of a request, as a fault looks at it."""

from __future__ import annotations

from typing import Any, Final

from PIL import Image

from sam3_contract.errors import ImageError
from sam3_contract.images import ImageHeader, bytes_from_base64, examine, is_sound, read_header

UNREADABLE: Final = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
"""What Pillow raises, which is stricter than OpenCV in what may stand beside the pixels."""


def header_of(image: Any) -> ImageHeader | None:
    """Read the header of a request's image; ``None`` of one by URL."""
    content = content_of(image)
    return None if content is None else read_header(content)


def content_of(image: Any) -> bytes | None:
    """Decode the file of a request's image; ``None`` of one by URL, and of what the mock refuses."""
    if not isinstance(image, dict) or image.get("type") == "url" or not isinstance(image.get("value"), str):
        return None
    try:
        content = bytes_from_base64(image["value"])
        header, is_certain = examine(content)
    except ImageError:
        return None
    return content if is_certain or is_sound(content, header) else None
