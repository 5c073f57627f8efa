"""Files that would cost a decoder far more time or memory than their pixels."""

from __future__ import annotations

from typing import Final

from sam3_contract.images import jpeg, png
from sam3_contract.images.rough_size import rough_size, tile_size

MAX_TRIED: Final = 2**24
"""Pixels; an image of more is not decoded to find out whether it can be: that would hold up others."""
_MAX_DRAWN: Final = 2**30  # pixels of all scans of a JPEG: about a second of work


def may_be_tried(name: str, sides: tuple[int, int]) -> bool:
    """Check whether an image is small enough to be decoded to find out whether it can be.

    Args:
        name: Its format, as :class:`~sam3_contract.images.ImageHeader` names it.
        sides: Width and height, in either order, in pixels.
    """
    # JPEG 2000 takes 16 bytes for each pixel.
    return sides[0] * sides[1] <= MAX_TRIED // (2 if name == "JPEG2000" else 1)


def is_bounded(content: bytes, name: str) -> bool:
    """Check whether decoding costs what the pixels do: no chunk, tile or number of scans that is out of proportion.

    Args:
        content: The whole file.
        name: Its format, as :class:`~sam3_contract.images.ImageHeader` names it.
    """
    if name == "PNG":
        return png.is_bounded(content)
    if name == "TIFF":
        width, height = tile_size(content) or (0, 0)
        return width * height <= MAX_TRIED
    if name == "JPEG":
        width, height = rough_size(content) or (0, 0)
        scans = jpeg.count_scans(content)
        return scans is not None and width * height * scans <= _MAX_DRAWN
    return True
