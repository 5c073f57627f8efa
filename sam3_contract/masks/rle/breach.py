"""The rules of a canonical RLE, and those of them that format, size and length alone decide."""

from __future__ import annotations

from enum import IntEnum

from sam3_contract.masks.limits import MAX_COUNTS_LENGTH, MAX_RLE_PIXELS

__all__ = ["CHARACTERS_PER_VALUE", "Breach", "breach_of_structure"]

CHARACTERS_PER_VALUE = 7
"""Groups of 5 bits that one value may take: enough for every run of a mask within the limits."""


class Breach(IntEnum):
    """Why an RLE is not canonical: the first rule it breaks, in the order they are checked."""

    NONE = 0
    NO_OBJECT = 1
    SIZE_NOT_INTEGERS = 2
    SIZE_NOT_POSITIVE = 3
    SIZE_TOO_LARGE = 4
    COUNTS_NOT_TEXT = 5
    COUNTS_EMPTY = 6
    COUNTS_TOO_LONG = 7
    OUTSIDE_ALPHABET = 8
    CUT_SHORT = 9
    VALUE_TOO_LONG = 10
    NOT_MINIMAL = 11
    NEGATIVE_RUN = 12
    ZERO_RUN = 13
    PIXELS_MISSING = 14
    PIXELS_EXCESS = 15


def breach_of_structure(rle: object) -> Breach:
    """Return what forbids reading an RLE's counts at all: its fields, size or length.

    Args:
        rle: Any value; the format asked for is ``{"size": [height, width], "counts": str}``.

    Returns:
        `Breach.NONE` for counts of ASCII text within the limits.
    """
    if not isinstance(rle, dict):
        return Breach.NO_OBJECT
    size, counts = rle.get("size"), rle.get("counts")
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        return Breach.SIZE_NOT_INTEGERS
    height, width = size
    # bool is a subclass of int, and `true` is no height.
    if type(height) is not int or type(width) is not int:
        return Breach.SIZE_NOT_INTEGERS
    if height <= 0 or width <= 0:
        return Breach.SIZE_NOT_POSITIVE
    if height > MAX_RLE_PIXELS or width > MAX_RLE_PIXELS or height * width > MAX_RLE_PIXELS:
        return Breach.SIZE_TOO_LARGE
    return _breach_of_text(counts, pixels=height * width)


def _breach_of_text(counts: object, *, pixels: int) -> Breach:
    if not isinstance(counts, str):
        return Breach.COUNTS_NOT_TEXT
    if not counts:
        return Breach.COUNTS_EMPTY
    # More runs than pixels cannot be right, and would cost memory before the sum tells.
    if len(counts) > MAX_COUNTS_LENGTH or len(counts) > CHARACTERS_PER_VALUE * (pixels + 1):
        return Breach.COUNTS_TOO_LONG
    return Breach.NONE if counts.isascii() else Breach.OUTSIDE_ALPHABET
