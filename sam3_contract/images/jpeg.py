"""The segments of a JPEG in front of its pixels, walked within bounds."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

from sam3_contract.errors import ImageError

SEGMENT: Final = struct.Struct(">BBH")
"""255, marker, length of the rest with these two bytes."""
START_OF_SCAN: Final = 0xDA
APP1: Final = 0xE1
MAX_SEGMENTS: Final = 4096
"""Of 64 kB each they hold 256 MB."""

_FRAME: Final = struct.Struct(">BHHB")  # bits, height, width, layers
_QUANTIZATION, _JFIF = 0xDB, 0xE0
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
_ALL_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # lossless and arithmetic ones too
# What a JPEG without metadata is made of: tables, the frame's header, JFIF's own header, comments.
_PLAIN: Final = _FRAMES | {0xC4, _QUANTIZATION, START_OF_SCAN, 0xDD, _JFIF, 0xFE}
_FILL: Final = re.compile(rb"\xff*(?=\xff)")
_END: Final = b"\xff\xd9"


def plain_size(content: bytes) -> tuple[int, int] | None:
    """Read the size of a JPEG as most programs write it, in a tenth of Pillow's time.

    Returns:
        ``(width, height)``; ``None`` for whatever needs a closer look, be it metadata, which may turn the image, or
        damage.
    """
    if not content.startswith(b"\xff\xd8\xff"):
        return None
    position, size = 2, (0, 0)
    for _ in range(MAX_SEGMENTS):
        if position + 4 > len(content):
            return None
        fill, marker, length = SEGMENT.unpack_from(content, position)
        start, position = position + 4, position + 2 + length
        if fill != 0xFF or length < 2 or marker not in _PLAIN or position > len(content):
            return None
        if marker == _JFIF and length < 16:
            return None
        if marker == _QUANTIZATION and (length % 65 != 2 or max(content[start:position:65], default=0) > 15):
            return None
        if marker in _FRAMES:
            if length < 8 or size != (0, 0):
                return None
            bits, height, width, layers = _FRAME.unpack_from(content, start)
            if bits != 8 or layers not in {1, 3, 4} or length != 8 + 3 * layers:
                return None
            size = (width, height)
        if marker == START_OF_SCAN:
            break
    else:
        return None
    return None if min(size) < 1 or content.rfind(_END) < position else size


def segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Walk a JPEG's segments up to the start of scan.

    Yields:
        Marker, and where the rest of the segment begins and ends, its length not counted.

    Raises:
        ImageError: If there are more than any program writes: each costs time, and 15 MB hold millions.
    """
    position = 2
    for _ in range(MAX_SEGMENTS):
        filled = _FILL.match(content, position)
        position = position if filled is None else filled.end()
        if position + 4 > len(content) or content[position] != 0xFF or content[position + 1] == START_OF_SCAN:
            return
        _, marker, length = SEGMENT.unpack_from(content, position)
        start, position = position + 4, position + 2 + max(length, 2)
        yield marker, start, position
    raise ImageError("the JPEG header has more parts than any program writes")


def first_app1(content: bytes) -> bytes:
    """Take what the first APP1 segment holds, which OpenCV 4.12 looks for EXIF in; nothing if there is none."""
    return next((content[start:end] for marker, start, end in segments(content) if marker == APP1), b"")


def has_end(content: bytes) -> bool:
    """Check whether the end marker is there, behind the segments in front of the scan: a thumbnail has one too."""
    position = max((end for _, _, end in segments(content)), default=2)
    return content.rfind(_END) >= position


def is_common(content: bytes) -> bool:
    """Check whether it has one frame, of a kind whose scans OpenCV draws whatever they hold: 8 bits, Huffman codes."""
    frames = [(marker, content[start : start + 1]) for marker, start, _ in segments(content) if marker in _ALL_FRAMES]
    return len(frames) == 1 and frames[0][0] in _FRAMES and frames[0][1] == b"\x08"
