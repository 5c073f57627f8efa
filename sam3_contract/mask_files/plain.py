"""JSON text whose masks are plainly sound RLEs, told at a third of the price of reading it in full.

Most text of an archive is that. The long strings of ``counts`` are cut out, so that little is left to parse, and judged
all at once. Whatever is unusual, in the text or in a mask, is left to `parse_json` and `find_defects_in_many`: a text
is plain only if they would find nothing in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from sam3_contract.mask_files.opening import Size
from sam3_contract.masks import MaskRecord, masks_of_record, plainly_sound
from sam3_contract.masks.json_files.text import MAX_DEPTH

__all__ = ["are_plain", "numbers_of_plain_masks"]

_COUNTS: Final = re.compile(rb'"counts": ?"([^"]*)"')
_NUMBERS: Final = bytes(ord("0" if byte in b"0123456789" else "e" if byte in b"eE" else " ") for byte in range(256))
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_TEXTS_AT_ONCE: Final = 64
"""Texts that are read as one; if one is out of the ordinary, so many are read one by one."""
_MARK: Final = "next text"
_BETWEEN: Final = b',"next text",'
_SQUARE: Final = bytes.maketrans(b"{}", b"[]")


class _Masks(NamedTuple):
    """The masks of some texts: the counts of each, ``(height, width)`` in pixels, and how many each text holds."""

    counts: list[bytes]
    sizes: list[Size]
    numbers: list[int]


def numbers_of_plain_masks(texts: Sequence[bytes], *, image_size: Size | None) -> Iterator[int | None]:
    """Look for texts in which there is nothing to find.

    Args:
        texts: JSON, each by itself.
        image_size: ``(height, width)`` in pixels of the masks' image; None if not known.

    Yields:
        For each text, how many masks it holds if all of it is plainly sound; None if it needs a closer look.

    Example:
        >>> sound, broken = (b'{"masks": {"size": [4, 6], "counts": "%s"}}' % counts for counts in (b"5220;", b"522"))
        >>> list(numbers_of_plain_masks([sound, broken, b"null"], image_size=None))
        [1, None, None]
    """
    found = list(_masks_of_texts(texts, image_size=image_size))
    read = [masks for masks in found if masks is not None]
    sound = plainly_sound(
        [counts for masks in read for counts in masks.counts], sizes=[size for masks in read for size in masks.sizes]
    )
    bounds = np.cumsum([0] + [number for masks in read for number in masks.numbers])
    whole = iter(np.logical_and.reduceat(sound, bounds[:-1]).tolist() if len(sound) else ())
    for masks in found:
        if masks is None:
            yield None
        else:
            yield from (number if next(whole) else None for number in masks.numbers)


def _masks_of_texts(texts: Sequence[bytes], *, image_size: Size | None) -> Iterator[_Masks | None]:
    """Take the masks out of texts, of many at once where nothing is out of the ordinary; None for a text that is."""
    for first in range(0, len(texts), _TEXTS_AT_ONCE):
        some = texts[first : first + _TEXTS_AT_ONCE]
        masks = _masks_of_joined(some, image_size=image_size)
        if masks is None and len(some) > 1:
            yield from (_masks_of_joined([text], image_size=image_size) for text in some)
        else:
            yield masks


def _masks_of_joined(texts: Sequence[bytes], *, image_size: Size | None) -> _Masks | None:
    """Take the masks out of texts; None if one of them holds none, or anything out of the ordinary.

    They are read as one list, with a mark between each and the next. Where every other element is a mark, and no mark
    is anywhere else, each text is one value by itself: no bracket or quote of one text reaches into the next.
    """
    text = b"[" + _BETWEEN.join(texts) + b"]"
    # A backslash belongs to counts and is written twice; any other escape is rare.
    if b"\\" in text:
        if text.count(b"\\") != 2 * text.count(b"\\\\"):
            return None
        text = text.replace(b"\\\\", b"\\")
    parts = _COUNTS.split(text)
    counts = parts[1::2]
    if not counts:
        return None
    rest = b'"counts":""'.join(parts[::2])
    n_marks = len(texts) - 1
    if b"\\" in rest or rest.count(b'"counts"') != len(counts) or rest.count(_BETWEEN[1:-1]) != n_marks:
        return None
    if _has_wide_number(rest) or not _is_shallow(rest, at_most=MAX_DEPTH + 1):
        return None
    try:
        values = orjson.loads(rest)
    except orjson.JSONDecodeError:
        return None
    # Of two equal keys one is lost, and its quotes with it.
    if values[1::2] != [_MARK] * n_marks or orjson.dumps(values).count(b'"') != rest.count(b'"'):
        return None
    return _with_sizes(counts, values[::2], image_size=image_size)


def _with_sizes(counts: list[bytes], values: Sequence[Any], *, image_size: Size | None) -> _Masks | None:
    """Put the sizes beside the counts that were cut out of values; None if there is anything but such RLEs in them."""
    sizes: list[Size] = []
    numbers = []
    for value in values:
        before = len(sizes)
        for record in masks_of_record(value, image_size=image_size):
            size = _plain_size(record)
            if size is None or record.masks["counts"] != "":
                return None
            sizes.append(size)
        numbers.append(len(sizes) - before)
    return _Masks(counts, sizes, numbers) if len(sizes) == len(counts) and all(numbers) else None


def _has_wide_number(rest: bytes) -> bool:
    """Look for what may be an integer beyond 64 bits or no finite number: orjson makes another of it in silence."""
    digits = rest.translate(_NUMBERS, b"+")
    return b"0000000000000000000" in digits or b"0e000" in digits


def _is_shallow(rest: bytes, *, at_most: int) -> bool:
    """Tell whether lists and objects nest no deeper than *at_most*; False also for strings with brackets in them."""
    if rest.count(b"[") + rest.count(b"{") <= at_most:
        return True
    brackets = rest.translate(_SQUARE, _NO_BRACKETS).replace(b'""', b"")
    for _ in range(at_most):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return True
    return False


def are_plain(records: Sequence[MaskRecord]) -> list[bool]:
    """Say of each mask whether it is a plainly sound RLE, in which there is nothing to find."""
    sizes = [_plain_size(record) for record in records]
    chosen = [index for index, size in enumerate(sizes) if size is not None]
    counts = [records[index].masks["counts"].encode("utf-8", "surrogatepass") for index in chosen]
    plain = [False] * len(records)
    sound = plainly_sound(counts, sizes=[size for size in sizes if size is not None])
    for index, is_sound in zip(chosen, sound.tolist(), strict=True):
        plain[index] = is_sound
    return plain


def _plain_size(record: MaskRecord) -> Size | None:
    """Return the ``(height, width)`` of a mask in pixels if, but for its counts, it is an RLE as it should be."""
    rle = record.masks
    if type(rle) is not dict or type(rle.get("counts")) is not str or record.declared_format not in (None, "rle"):
        return None
    size = rle.get("size")
    if type(size) is not list or len(size) != 2:
        return None
    height, width = size
    if type(height) is not int or type(width) is not int:
        return None
    return None if record.image_size is not None and record.image_size != (height, width) else (height, width)
