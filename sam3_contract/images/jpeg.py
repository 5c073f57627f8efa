"""The segments of a JPEG in front of its pixels, walked within bounds."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from sam3_contract.errors import ImageError

SEGMENT: Final = struct.Struct(">BBH")
"""255, marker, length of the rest with these two bytes."""
START_OF_SCAN: Final = 0xDA
APP1: Final = 0xE1
MAX_SEGMENTS: Final = 4096
"""Of 64 kB each they hold 256 MB."""
MAX_SIDE: Final = 65_500
"""Pixels; libjpeg takes no larger side."""

_FRAME: Final = struct.Struct(">BHHB")  # bits, height, width, layers
_HUFFMAN, _QUANTIZATION, _JFIF, _COMMENT = 0xC4, 0xDB, 0xE0, 0xFE
_FRAMES: Final = frozenset({0xC0, 0xC1})  # the whole picture in one scan, by Huffman codes
_ALL_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # progressive, lossless, arithmetic ones too
# What a JPEG without metadata is made of: tables, the frame's header, JFIF's own header, comments.
_PLAIN: Final = _FRAMES | {_HUFFMAN, _QUANTIZATION, START_OF_SCAN, 0xDD, _JFIF, _COMMENT}
_COMMON: Final = _PLAIN | frozenset(range(0xE0, 0xF0))
_FILLING: Final = b"\xff\xff"
_FILL: Final = re.compile(rb"\xff*(?=\xff)")
_END: Final = b"\xff\xd9"
# But for restarts. Of bytes that fill, only the last one is looked at: `\xff+` would try each of a run to its end.
_MARKER: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_END_OF_IMAGE: Final = 0xD9
_WITHOUT_BODY: Final = frozenset({0x01, 0xD8})
_DC_CODES: Final = 15
_FACTORS: Final = frozenset(range(1, 5))
_MAX_PLAIN: Final = 2**30  # pixels; more is looked at more closely, as OpenCV refuses it
_MAX_SAMPLING: Final = 10  # blocks that a scan may hold of all layers together


def plain_size(content: bytes) -> tuple[int, int] | None:
    """Read the size of a JPEG as most programs write it, in a tenth of Pillow's time.

    Returns:
        ``(width, height)``; ``None`` for whatever needs a closer look, be it metadata, which may turn the image, or
        damage.
    """
    return _size(content, _PLAIN)


def is_common(content: bytes) -> bool:
    """Check whether its structure is sound, and such that OpenCV draws it whatever its one scan holds."""
    return _size(content, _COMMON) is not None


def _size(content: bytes, allowed: frozenset[int]) -> tuple[int, int] | None:
    """Read the size of a JPEG of one scan and segments of some kinds, each of them sound."""
    if not content.startswith(b"\xff\xd8\xff"):
        return None
    position, frame, tables = 2, b"", set[int]()
    for _ in range(MAX_SEGMENTS):
        if position + 4 > len(content):
            return None
        fill, marker, length = SEGMENT.unpack_from(content, position)
        start, position = position + 4, position + 2 + length
        if fill != 0xFF or length < 2 or marker not in allowed or position > len(content):
            return None
        body = content[start:position]
        if marker in _FRAMES:
            if frame or not _is_frame(body):
                return None
            frame = body
        elif marker == START_OF_SCAN:
            break
        elif not _is_sound(marker, body, tables):
            return None
    else:
        return None
    if not frame or not _is_scan(body, frame, tables) or not _ends_with_its_scan(content, position):
        return None
    _, height, width, _ = _FRAME.unpack_from(frame)
    return width, height


def _is_sound(marker: int, body: bytes, tables: set[int]) -> bool:
    """Check a segment that is neither frame nor scan, and note its tables: those of Huffman codes below 32."""
    if marker == _HUFFMAN:
        found = _huffman_tables(body)
        tables.update(found)
        return bool(found)
    if marker == _QUANTIZATION:
        numbers = body[::65]
        tables.update(32 + number for number in numbers)
        return len(body) % 65 == 0 and max(numbers, default=4) < 4
    if marker == _JFIF:
        return len(body) >= 14
    return marker != 0xDD or len(body) == 2


@lru_cache(maxsize=64)  # most files have the tables of the standard
def _huffman_tables(body: bytes) -> frozenset[int]:
    """Check the tables of Huffman codes of one segment; none if one is such that no decoder can use it."""
    found, position = set[int](), 0
    while position < len(body):
        table, counts = body[position], body[position + 1 : position + 17]
        codes = body[position + 17 : position + 17 + sum(counts)]
        position += 17 + sum(counts)
        if len(counts) < 16 or position > len(body) or table & 0xEF > 3 or not _fits(counts):
            return frozenset()
        if table < 16 and max(codes, default=0) > _DC_CODES:
            return frozenset()
        found.add(table)
    return frozenset(found)


def _fits(counts: bytes) -> bool:
    """Check whether there are as many codes of each length, from 1 to 16 bits, as counted."""
    code = 0
    for bits, count in enumerate(counts, 1):
        code += count
        if code > 1 << bits or (count and code == 1 << bits and bits == 16):
            return False
        code <<= 1
    return sum(counts) <= 256


def _is_frame(body: bytes) -> bool:
    """Check a frame of 8 bits, of one, three or four layers in sizes that a scan can hold together."""
    if len(body) < _FRAME.size:
        return False
    bits, height, width, layers = _FRAME.unpack_from(body)
    samplings = body[7::3]
    across, down = {sampling >> 4 for sampling in samplings}, {sampling & 15 for sampling in samplings}
    return (
        bits == 8
        and min(height, width) > 0
        and max(height, width) <= MAX_SIDE
        and height * width <= _MAX_PLAIN
        and layers in {1, 3, 4}
        and len(body) == _FRAME.size + 3 * layers
        and all(
            factors <= _FACTORS and not any(max(factors) % factor for factor in factors) for factors in (across, down)
        )
        and sum((sampling >> 4) * (sampling & 15) for sampling in samplings) <= _MAX_SAMPLING
        and len(set(body[6::3])) == layers
    )


def _is_scan(body: bytes, frame: bytes, tables: set[int]) -> bool:
    """Check a scan of all layers of a frame, for which every table is there."""
    layers = frame[5]
    if len(body) != 4 + 2 * layers or body[0] != layers or body[-3:] != b"\0\x3f\0":
        return False
    named = {32 + number for number in frame[8::3]}
    for byte in body[2:-3:2]:
        named |= {byte >> 4, 16 + (byte & 15)}
    return body[1:-3:2] == frame[6::3] and named <= tables


def _ends_with_its_scan(content: bytes, position: int) -> bool:
    """Check whether what follows the data of a scan, but for restarts, is the end of the image."""
    import numpy as np  # noqa: PLC0415 - a header alone does not need it

    octets = np.frombuffer(content, np.uint8)[position:]
    # Most of a file is passed over by numpy, in a quarter of the time that the expression takes.
    marked = (octets[:-1] == 0xFF) & (octets[1:] != 0)
    found = _MARKER.search(content, position + (int(marked.argmax()) if marked.size else 0))
    return found is not None and found[0].endswith(b"\xd9")


def segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Walk a JPEG's segments up to the start of scan.

    Yields:
        Marker, and where the rest of the segment begins and ends, its length not counted.

    Raises:
        ImageError: If there are more than any program writes: each costs time, and 15 MB hold millions.
    """
    position = 2
    for _ in range(MAX_SEGMENTS):
        if content.startswith(_FILLING, position):
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


def count_scans(content: bytes) -> int | None:
    """Count the scans up to the end marker; what is said in a segment, or follows the end, is none.

    Returns:
        ``None`` if there are more segments than any program writes.
    """
    position, scans = 2, 0
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(content, position)
        marker = _END_OF_IMAGE if found is None else found[0][1]
        if found is None or marker == _END_OF_IMAGE:
            return scans
        scans, position = scans + (marker == START_OF_SCAN), found.end()
        if marker not in _WITHOUT_BODY:
            position += max(int.from_bytes(content[position : position + 2], "big"), 2)
    return None


def size_of_frame(content: bytes) -> tuple[int, int] | None:
    """Read ``(width, height)`` from the first frame of a file, or of its beginning; ``None`` if it is not in there."""
    frame = first_frame(content)
    return None if frame is None else frame[1:]


def first_frame(content: bytes) -> tuple[bool, int, int] | None:
    """Read the first frame of a file, or of its beginning.

    Returns:
        Whether it is of a kind that mostly need not be decoded, its width, its height; ``None`` if it is not in there.

    Raises:
        ImageError: If there are more segments in front of it than any program writes.
    """
    for marker, start, _ in segments(content):
        if marker in _ALL_FRAMES and start + _FRAME.size <= len(content):
            _, height, width, _ = _FRAME.unpack_from(content, start)
            return marker in _FRAMES, width, height
    return None
