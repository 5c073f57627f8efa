"""PNG files whose pixels can be decoded for certain, told in a third of the time that decoding takes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

START: Final = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS: Final = 65_536
MAX_SIDE: Final = 1_000_000
"""Pixels; libpng takes no larger side."""
_HEADER: Final = struct.Struct(">IIBBBBB")  # width, height, bits, colours, compression, filters, interlace
_CHANNELS: Final = {0: 1, 2: 3, 4: 2, 6: 4}  # by colours; without palettes
_BITS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 4: (8, 16), 6: (8, 16)}
# What may stand beside the pixels; damage in it is no reason to refuse the file.
_HARMLESS: Final = frozenset(b"IHDR IDAT IEND gAMA cHRM sRGB iCCP sBIT tRNS pHYs tIME tEXt zTXt iTXt eXIf".split())
_END: Final = b"\0\0\0\0IEND\xaeB`\x82"
_ANIMATED: Final = frozenset({b"acTL", b"fcTL", b"fdAT"})
_LARGEST: Final = 7  # of the windows that a stream of zlib can have
_PIECE: Final = 2**20  # bytes that are unpacked at a time
_EXCESS: Final = 2**22  # bytes behind the rows, or the end, which nobody needs
_LAST_FILTER: Final = 4


def size_of_header(content: bytes) -> tuple[int, int] | None:
    """Read ``(width, height)`` from the first chunk; ``None`` if another stands there, as in files for iOS (CgBI)."""
    if content[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def has_end(content: bytes) -> bool:
    """Check whether the last chunk is there."""
    return any(kind == b"IEND" and begin + 12 <= len(content) for kind, begin, _ in _places(content))


def is_bounded(content: bytes) -> bool:
    """Check whether no chunk says that it is far larger than the file: OpenCV takes as much memory as it says.

    What follows the end is no chunk, whatever it says.
    """
    lengths = [end - begin - 12 for _, begin, end in _places(content)]
    return len(lengths) < MAX_CHUNKS and max(lengths, default=0) <= len(content) + _EXCESS


def still(content: bytes) -> bytes:
    """Take the animation out of a PNG: what is left is its one image, which is an animation's first frame.

    OpenCV 4.12 to 5.0 end the process at an animation that has no control chunk in front of its image, as one is
    allowed to have none. Further frames may be damaged, or be missing.
    """
    if b"acTL" not in content:
        return content
    parts, has_pixels = [content[:8]], False
    for kind, begin, end in _places(content):
        if kind not in _ANIMATED:
            parts.append(content[begin:end])
            has_pixels = has_pixels or kind == b"IDAT"
        elif has_pixels:
            return b"".join([*parts, _END])
    return b"".join(parts)


def is_sound(content: bytes) -> bool | None:
    """Check whether a PNG can be decoded for certain: an ordinary one, each sum and length in it right.

    Returns:
        None for what needs a closer look: whatever is wrong, palettes, interlaced and animated files, unknown chunks.
        False for such a file that unpacks to far more than its pixels: nobody should try.
    """
    chunks = list(_chunks(content))
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != _HEADER.size:
        return None
    kinds = [kind for kind, _ in chunks]
    pixels = [body for kind, body in chunks if kind == b"IDAT"]
    first = kinds.index(b"IDAT") if pixels else 0
    together = kinds[first : first + len(pixels)] == [b"IDAT"] * len(pixels)
    ordinary = together and kinds.count(b"IHDR") == 1 and chunks[-1] == (b"IEND", b"") and _HARMLESS.issuperset(kinds)
    return _rows_are_sound(b"".join(pixels), _Rows.of(chunks[0][1]), ordinary=ordinary)


def exif_of(content: bytes) -> bytes:
    """Take what an eXIf chunk in front of the pixels holds; nothing if there is none, or damage is in front of it."""
    if b"eXIf" not in content:
        return b""
    head = takewhile(lambda chunk: chunk[0] != b"IDAT", _chunks(content))
    return next((body for kind, body in head if kind == b"eXIf"), b"")


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the rows of an image have to be.

    Attributes:
        stride: Bytes of a row, with the one that tells its filter.
        length: Bytes of all; at most, if they are interlaced.
        ordinary: Whether neither a palette nor interlacing nor anything unknown has a part in it.
    """

    stride: int
    length: int
    ordinary: bool

    @classmethod
    def of(cls, header: bytes) -> _Rows:
        width, height, bits, colours, compression, filters, interlace = _HEADER.unpack(header)
        stride = 1 + (width * _CHANNELS.get(colours, 1) * bits + 7) // 8
        ordinary = (compression, filters, interlace) == (0, 0, 0) and bits in _BITS.get(colours, ())
        return cls(stride, stride * height * (1 if ordinary else 2) + 64 * (not ordinary), ordinary)


def _rows_are_sound(packed: bytes, rows: _Rows, *, ordinary: bool) -> bool | None:
    """Unpack the rows: as many as there have to be, each with a filter that there is, their sum right."""
    unpacking, seen = zlib.decompressobj(), 0
    sound = ordinary and rows.ordinary and _reaches_back(packed, rows.length)
    try:
        while not unpacking.eof and seen <= rows.length + _EXCESS:
            part = unpacking.decompress(packed, _PIECE)
            if not part and not unpacking.eof:
                return None
            filters = part[-seen % rows.stride : max(rows.length - seen, 0) : rows.stride]
            sound = sound and max(filters, default=0) <= _LAST_FILTER
            seen, packed = seen + len(part), unpacking.unconsumed_tail
    except zlib.error:
        return None
    if not unpacking.eof:
        return sound
    return True if sound and seen >= rows.length and not unpacking.unused_data else None


def _reaches_back(packed: bytes, size: int) -> bool:
    """Check whether a stream of zlib has the largest window, or one that holds it all; else it may reach too far."""
    window = packed[0] >> 4 if packed else 0
    return window == _LARGEST or 2 ** (window + 8) >= size


def _places(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Say of what kind each chunk is, where it begins, and where it would end by its own word; up to the last."""
    begin = 8
    for _ in range(MAX_CHUNKS):
        if begin + 8 > len(content):
            return
        kind, end = content[begin + 4 : begin + 8], begin + 12 + int.from_bytes(content[begin : begin + 4], "big")
        yield kind, begin, end
        if kind == b"IEND":
            return
        begin = end


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Take a file apart, up to its end or the first chunk whose length or sum is wrong."""
    position = 8
    for _ in range(MAX_CHUNKS):
        length = int.from_bytes(content[position : position + 4], "big")
        end = position + 8 + length
        kind, body = content[position + 4 : position + 8], content[position + 8 : end]
        if zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(content[end : end + 4], "big") or len(body) < length:
            return
        yield kind, body
        if kind == b"IEND" or end + 12 > len(content):
            return
        position = end + 4
