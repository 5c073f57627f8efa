"""Whether the service can decode a file whose header is sound."""

from __future__ import annotations

from sam3_contract.images import png
from sam3_contract.images.bounds import may_be_tried
from sam3_contract.images.decoding import decode
from sam3_contract.images.image_header import ImageHeader


def is_sound(content: bytes, header: ImageHeader) -> bool:
    """Check whether the pixels can be decoded; they are, by OpenCV, unless the structure of a PNG decides.

    Of more than 2^24 pixels (2^23 of JPEG 2000) an image is taken at its header's word, as decoding it would hold up
    others.

    Args:
        content: The whole file.
        header: What was read of it.
    """
    if not may_be_tried(header.format, header.size):
        return True
    told = png.is_sound(content) if header.format == "PNG" else None
    return decode(content, header) is not None if told is None else told
