"""By which orientation OpenCV 4.12, which the service runs, turns a file."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sam3_contract.images.jpeg import first_app1
from sam3_contract.images.png import exif_of

SIDEWAYS: Final = frozenset({5, 6, 7, 8})
"""Orientations that exchange width and height."""
_TAG: Final = 0x0112
_EXIF: Final = b"Exif\0\0"
_TIFF_MARK: Final = 42


def orientation_of(name: str, content: bytes, tags: Mapping[int, object] = MappingProxyType({})) -> int:
    """Read the orientation that a file is turned by.

    Of a JPEG OpenCV 4.12 looks into the first APP1 segment only, whatever that is (XMP in front of EXIF hides it), of a
    PNG into eXIf, of a TIFF at its tag, of all others nowhere.

    Args:
        name: The file's format.
        content: The whole file.
        tags: Those of a TIFF.

    Returns:
        From 1 (upright) to 8.
    """
    if name == "TIFF":
        orientation = tags.get(_TAG, 1)
    elif name == "JPEG":
        orientation = _of_exif(first_app1(content)[len(_EXIF) :])
    elif name == "PNG":
        orientation = _of_exif(exif_of(content).removeprefix(_EXIF))
    else:
        orientation = 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _of_exif(tiff: bytes) -> int:
    """Read the orientation as OpenCV does: 16 bits where the value begins, be it of type SHORT, LONG or BYTE."""
    endian = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if endian is None:
        return 1
    number, entry = struct.Struct(endian + "H"), struct.Struct(endian + "HHIH")
    try:
        (mark,), (start,) = number.unpack_from(tiff, 2), struct.unpack_from(endian + "I", tiff, 4)
        (count,) = number.unpack_from(tiff, start) if mark == _TIFF_MARK else (0,)
        for position in range(start + 2, start + 2 + 12 * count, 12):
            tag, _, _, value = entry.unpack_from(tiff, position)
            if tag == _TAG:
                return int(value)
    except struct.error:  # it ends inside
        return 1
    return 1
