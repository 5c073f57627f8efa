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
_SQUARE: Final = bytes.maketrans(b"{}", b"[]")


class _Masks(NamedTuple):
    """The masks of one text: the counts of each, and ``(height, width)`` in pixels."""

    counts: list[bytes]
    sizes: list[Size]


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
    found = [_masks_of_text(text, image_size=image_size) for text in texts]
    read = [masks for masks in found if masks is not None]
    sound = plainly_sound(
        [counts for masks in read for counts in masks.counts], sizes=[size for masks in read for size in masks.sizes]
    )
    bounds = np.cumsum([0] + [len(masks.counts) for masks in read])
    whole = np.logical_and.reduceat(sound, bounds[:-1]) if len(sound) else ()
    of_text = iter(zip(read, whole, strict=True))
    for masks in found:
        if masks is None:
            yield None
            continue
        _, plain = next(of_text)
        yield len(masks.counts) if plain else None


def _masks_of_text(text: bytes, *, image_size: Size | None) -> _Masks | None:
    """Take the masks out of a text; None if it holds none, or anything out of the ordinary."""
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
    if b"\\" in rest or rest.count(b'"counts"') != len(counts) or _has_wide_number(rest) or not _is_shallow(rest):
        return None
    try:
        value = orjson.loads(rest)
    except orjson.JSONDecodeError:
        return None
    # Of two equal keys one is lost, and its quotes with it.
    if orjson.dumps(value).count(b'"') != rest.count(b'"'):
        return None
    sizes = _sizes_of_masks(value, image_size=image_size)
    return _Masks(counts, sizes) if sizes is not None and len(sizes) == len(counts) else None


def _has_wide_number(rest: bytes) -> bool:
    """Look for what may be an integer beyond 64 bits or no finite number: orjson makes another of it in silence."""
    digits = rest.translate(_NUMBERS, b"+")
    return b"0000000000000000000" in digits or b"0e000" in digits


def _is_shallow(rest: bytes) -> bool:
    """Tell whether lists and objects nest no deeper than allowed; False also for strings with brackets in them."""
    if rest.count(b"[") + rest.count(b"{") <= MAX_DEPTH:
        return True
    brackets = rest.translate(_SQUARE, _NO_BRACKETS).replace(b'""', b"")
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return True
    return False


def _sizes_of_masks(value: Any, *, image_size: Size | None) -> list[Size] | None:
    """Return the size of each mask, all of them RLEs whose counts were cut out; None if anything else is among them."""
    sizes = []
    for record in masks_of_record(value, image_size=image_size):
        size = _plain_size(record)
        if size is None or record.masks["counts"] != "":
            return None
        sizes.append(size)
    return sizes


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
