"""The size that a file has by its first bytes, from where the formats say it: enough to bound what decoding would cost.

Nothing here tells whether there is an image. What OpenCV makes of the file does, and gives the true size.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Final

from sam3_contract.errors import ImageError
from sam3_contract.images import png
from sam3_contract.images.jpeg import size_of_frame

_WEBP_HEADER: Final = 30  # bytes
_HEAD: Final = 65_536  # bytes in which a header of text, or a box of an ISO file, is looked for
# Possessive, as what looks for two numbers in 64 kB of digits or of blanks must not try each place again. For the same
# reason those that can run to the end of it are matched at the beginning, and not looked for.
_COMMENT: Final = rb"(?:\s|#[^\n]*+\n)++"
# OpenCV takes whatever single sign is behind a number for its end.
_PNM: Final = re.compile(rb"P\d" + _COMMENT + rb"\+?(\d++)[^\d](?:" + _COMMENT + rb")?+\+?(\d++)")
_PFM: Final = re.compile(rb"P[Ff]\s\+?(\d++)\S*+\s\+?(\d++)")
_PAM_WIDTH, _PAM_HEIGHT = (re.compile(rb"\n[ \t]*+" + name + rb"[ \t]++(\d++)") for name in (b"WIDTH", b"HEIGHT"))
_HDR: Final = re.compile(rb"\n\n-Y\s*+\+?(\d++)\s*+\+X\s*+\+?(\d++)")
_ISPE: Final = re.compile(rb"ispe....(.{8})", re.DOTALL)
_SIZ: Final = re.compile(rb"\xff\x4f\xff\x51....(.{16})", re.DOTALL)
_TIFF_SIDES: Final = (256, 257)
_TILE_SIDES: Final = (322, 323)
_TIFF_NUMBERS: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}
_MAX_TAGS: Final = 4096


Sides = tuple[int, int] | None


def rough_size(content: bytes) -> Sides:
    """Find the size of an image in the first bytes of its file.

    Args:
        content: The file, or its beginning.

    Returns:
        ``(width, height)`` in pixels, not turned; ``None`` if they do not tell.

    Example:
        >>> rough_size(b"GIF89a" + bytes([64, 0, 48, 0]))
        (64, 48)
    """
    read = next((read for start, read in _READERS.items() if content.startswith(start)), None)
    if read is None:
        read = _largest_box if content[4:8] == b"ftyp" else _nothing
    try:
        sides = read(content)
    except (struct.error, OverflowError, IndexError, ImageError):  # it is cut, or has more than any program writes
        return None
    return None if sides is None else (abs(sides[0]), abs(sides[1]))


def _nothing(_: bytes) -> Sides:
    return None


def _packed(layout: str, place: int) -> Callable[[bytes], Sides]:
    numbers = struct.Struct(layout)

    def read(content: bytes) -> Sides:
        first, second = numbers.unpack_from(content, place)
        return first, second

    return read


def _of_bmp(content: bytes) -> Sides:
    is_core = content[14:18] == b"\x0c\0\0\0"
    return _packed("<HH" if is_core else "<ii", 18)(content)


def _of_webp(content: bytes) -> Sides:
    kind = content[12:16]
    if content[8:12] != b"WEBP" or len(content) < _WEBP_HEADER:
        return None
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height
    return None


def tile_size(content: bytes) -> Sides:
    """Read ``(width, height)`` of the tiles of a TIFF, which may be larger than the image; ``None`` without tiles."""
    try:
        numbers = _tiff_numbers(content)
    except (struct.error, OverflowError):
        return None
    return (numbers[_TILE_SIDES[0]], numbers[_TILE_SIDES[1]]) if numbers.keys() >= {*_TILE_SIDES} else None


def _of_tiff(content: bytes) -> Sides:
    numbers = _tiff_numbers(content)
    return (numbers[_TIFF_SIDES[0]], numbers[_TIFF_SIDES[1]]) if numbers.keys() >= {*_TIFF_SIDES} else None


def _tiff_numbers(content: bytes) -> dict[int, int]:
    """Read the sides from the first directory, of the classic kind or of BigTIFF."""
    endian = "<" if content.startswith(b"II") else ">"
    big = struct.unpack_from(endian + "H", content, 2)[0] != 42
    (start,) = struct.unpack_from(endian + ("Q" if big else "I"), content, 8 if big else 4)
    (count,) = struct.unpack_from(endian + ("Q" if big else "H"), content, start)
    head, length, value_at = (8, 20, 12) if big else (2, 12, 8)
    numbers: dict[int, int] = {}
    for place in range(start + head, start + head + length * min(count, _MAX_TAGS), length):
        tag, kind = struct.unpack_from(endian + "HH", content, place)
        if tag in _TIFF_SIDES + _TILE_SIDES and kind in _TIFF_NUMBERS:
            (numbers[tag],) = struct.unpack_from(endian + _TIFF_NUMBERS[kind], content, place + value_at)
    return numbers


def _largest_box(content: bytes) -> Sides:
    """Take the largest extent that a file of AVIF tells of its items."""
    extents = [struct.unpack(">II", found) for found in _ISPE.findall(content[:_HEAD])]
    return max(((width, height) for width, height in extents), key=lambda sides: sides[0] * sides[1], default=None)


def _of_jpeg2000(content: bytes) -> Sides:
    found = _SIZ.search(content[:_HEAD])
    if found is None:
        return None
    right, bottom, left, top = struct.unpack(">IIII", found[1])
    return right - left, bottom - top


def _of_pam(content: bytes) -> Sides:
    head = content[:_HEAD]
    width, height = _PAM_WIDTH.search(head), _PAM_HEIGHT.search(head)
    return None if width is None or height is None else (_number(width[1]), _number(height[1]))


def _worded(pattern: re.Pattern[bytes]) -> Callable[[bytes], Sides]:
    def read(content: bytes) -> Sides:
        found = pattern.match(content, 0, _HEAD)
        return None if found is None else (_number(found[1]), _number(found[2]))

    return read


def _of_hdr(content: bytes) -> Sides:
    found = _HDR.search(content, 0, _HEAD)
    return None if found is None else (_number(found[2]), _number(found[1]))


def _number(digits: bytes) -> int:
    return int(digits[-20:])  # more would be an accident, or an attempt to make Python refuse them


_READERS: Final[dict[bytes, Callable[[bytes], Sides]]] = {
    png.START: png.size_of_header,
    b"\xff\xd8": size_of_frame,
    b"GIF8": _packed("<HH", 6),
    b"BM": _of_bmp,
    b"RIFF": _of_webp,
    b"II": _of_tiff,
    b"MM": _of_tiff,
    b"\0\0\0\x0cjP  ": _of_jpeg2000,
    b"\xff\x4f\xff\x51": _of_jpeg2000,
    b"\x59\xa6\x6a\x95": _packed(">II", 4),
    b"P7": _of_pam,
    b"PF": _worded(_PFM),
    b"Pf": _worded(_PFM),
    b"P": _worded(_PNM),
    b"#?RADIANCE": _of_hdr,
    b"#?RGBE": _of_hdr,
}
