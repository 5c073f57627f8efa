"""Archives cut into units of work: small, opened by whoever judges them, each judged by itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from sam3_contract.auditing.tables import is_parquet, lengths_of_row_groups
from sam3_contract.auditing.tars import is_tar, ranges_of_members
from sam3_contract.errors import UsageError
from sam3_contract.mask_files.batches import holds_lines
from sam3_contract.mask_files.opening import STANDARD_STREAM, Size, Source, Unreadable, opened
from sam3_contract.mask_files.urls import is_url

__all__ = ["UNIT_BYTES", "Shard", "Terms", "Unit", "units_of"]

UNIT_BYTES: Final = 2**22
"""Text of a unit: some 5,000 masks, a fifth of a second; long enough to outweigh sending what came of it."""
_FILES_PER_SHARD: Final = 4


@dataclass(frozen=True, slots=True)
class Terms:
    """How files are read, and what is looked for in them.

    Attributes:
        image_size: ``(height, width)`` in pixels of the masks' image; None if not known.
        codes: Codes of the defects to report; None for all.
        as_lines: Take every file for JSON Lines, whatever its first line is.
        column: The column of masks in Parquet; None to look for it.
    """

    image_size: Size | None = None
    codes: frozenset[str] | None = None
    as_lines: bool = False
    column: str | None = None


class Shard(NamedTuple):
    """A share of the work.

    Attributes:
        number: Which one, counted from 1.
        of: How many there are.
    """

    number: int
    of: int

    def takes(self, place: int) -> bool:
        """Tell whether what stands at a place, counted from 0, belongs to it."""
        return place % self.of == self.number - 1


@dataclass(frozen=True, slots=True)
class Unit:
    """A part of the work.

    Attributes:
        file: Place of its file among the files.
        name: The file.
        part: Its place among the units of the file.
        n_parts: How many units the file is cut into.
        kind: ``whole`` for a whole file; ``lines`` for those lines of JSON Lines that begin in a range of bytes;
            ``members`` for those of a tar; ``rows`` for row groups of Parquet.
        start: Where the range begins, in bytes; the number of the first row group.
        stop: Where it ends; None for the end of the file.
        n_bytes: How much of the file it is; 0 if not known.
    """

    file: int
    name: str
    part: int = 0
    n_parts: int = 1
    kind: Literal["whole", "lines", "members", "rows"] = "whole"
    start: int = 0
    stop: int | None = None
    n_bytes: int = 0


def units_of(
    files: Sequence[str], terms: Terms, *, shard: Shard | None = None, unit_bytes: int = UNIT_BYTES
) -> Iterator[Unit]:
    """Plan the work; the same files give the same plan everywhere.

    Args:
        files: Files of masks.
        terms: How they are read.
        shard: Only this share of the work; None for all.
        unit_bytes: Length from which on a file is cut, if it can be.

    Yields:
        Units in the order of the files. What cannot be opened is a unit too: judging it says why.
    """
    # Of many files each is one shard's, so that no other has to look into it.
    by_file = shard is not None and len(files) >= _FILES_PER_SHARD * shard.of
    number = 0
    for place, name in enumerate(files):
        if shard is not None and by_file and not shard.takes(place):
            continue
        parts = _parts_of(name, terms, unit_bytes)
        for part, (kind, start, stop, n_bytes) in enumerate(parts):
            if shard is None or by_file or shard.takes(number):
                yield Unit(place, name, part, len(parts), kind, start, stop, n_bytes)
            number += 1


_Part = tuple[Literal["whole", "lines", "members", "rows"], int, int | None, int]


def _parts_of(name: str, terms: Terms, unit_bytes: int) -> list[_Part]:
    n_bytes = 0
    if name == STANDARD_STREAM:
        return [("whole", 0, None, 0)]
    try:
        # Most files of a large number are small, and not opened twice.
        if not is_url(name) and (n_bytes := os.path.getsize(name)) <= unit_bytes:  # noqa: PTH202 - fast
            return [("whole", 0, None, n_bytes)]
        with opened(name) as source:
            n_bytes = source.n_bytes or 0
            return _cut(source, n_bytes, terms, unit_bytes)
    except (OSError, UsageError, Unreadable):
        return [("whole", 0, None, n_bytes)]


def _cut(source: Source, n_bytes: int, terms: Terms, unit_bytes: int) -> list[_Part]:
    if source.is_packed or n_bytes <= unit_bytes or not source.packed.seekable():
        return [("whole", 0, None, n_bytes)]
    if is_parquet(source.stream):
        source.packed.seek(0)
        lengths = lengths_of_row_groups(source.packed, name=source.name)
        return [("rows", group, group + 1, length) for group, length in enumerate(lengths)]
    if is_tar(source.stream):
        # With a service each header would be a request.
        return [("whole", 0, None, n_bytes)] if is_url(source.name) else _cut_tar(source, n_bytes, unit_bytes)
    if not (terms.as_lines or holds_lines(source)):
        return [("whole", 0, None, n_bytes)]
    starts = range(0, n_bytes, unit_bytes)
    return [("lines", start, stop, stop - start) for start in starts for stop in [min(start + unit_bytes, n_bytes)]]


def _cut_tar(source: Source, n_bytes: int, unit_bytes: int) -> list[_Part]:
    source.packed.seek(0)
    starts = list(ranges_of_members(source.packed, unit_bytes))
    stops = [*starts[1:], None]
    return [
        ("members", start, stop, (n_bytes if stop is None else stop) - start)
        for start, stop in zip(starts, stops, strict=True)
    ]
