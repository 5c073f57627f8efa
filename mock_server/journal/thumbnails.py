"""Small pictures of the images that were sent, for people who look at the journal."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Final

from PIL import Image

from sam3_contract.errors import ImageError
from sam3_contract.images import read_header

SIDE: Final = 64  # pixels, at most
_MOST_PIXELS: Final = 2**24  # an image with more is not decoded for this
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "SUN")


def thumbnail(content: bytes) -> bytes | None:
    """Draw an image small. Unlike all else in the mock, this decodes pixels.

    Args:
        content: The file.

    Returns:
        JPEG of at most 64 x 64 pixels, not turned; ``None`` if it cannot be decoded, or has more than 2^24 pixels.
    """
    try:
        header = read_header(content)
        if header.width * header.height > _MOST_PIXELS:
            return None
        with warnings.catch_warnings(), Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            warnings.simplefilter("ignore")
            image.draft("RGB", (SIDE, SIDE))
            image.thumbnail((SIDE, SIDE))
            file = io.BytesIO()
            image.convert("RGB").save(file, "JPEG", quality=70)
    except (ImageError, OSError, SyntaxError, ValueError, LookupError, TypeError, EOFError, struct.error):
        return None
    return file.getvalue()
