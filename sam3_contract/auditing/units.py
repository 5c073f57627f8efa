"""Archives cut into units of work: small, opened by whoever judges them, each judged by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from sam3_contract.auditing.tars import is_tar, ranges_of_members
from sam3_contract.mask_files.batches import holds_lines
from sam3_contract.mask_files.opening import STDIN, Size, Source, Unreadable, opened

__all__ = ["UNIT_BYTES", "Terms", "Unit", "units_of"]

UNIT_BYTES: Final = 2**22
"""Text of a unit: some 5,000 masks, a fifth of a second; long enough to outweigh sending what came of it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How files are read, and what is looked for in them.

    Attributes:
        image_size: ``(height, width)`` in pixels of the masks' image; None if not known.
        codes: Codes of the defects to report; None for all.
        as_lines: Take every file for JSON Lines, whatever its first line is.
    """

    image_size: Size | None = None
    codes: frozenset[str] | None = None
    as_lines: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """A part of the work.

    Attributes:
        number: Its place in the plan.
        file: Place of its file among the files.
        name: The file.
        kind: ``whole`` for a whole file; ``lines`` for those lines of JSON Lines that begin in a range of bytes;
            ``members`` for those of a tar.
        start: Where the range begins, in bytes.
        stop: Where it ends; None for the end of the file.
        n_bytes: How much of the file it is; 0 if not known.
    """

    number: int
    file: int
    name: str
    kind: Literal["whole", "lines", "members"] = "whole"
    start: int = 0
    stop: int | None = None
    n_bytes: int = 0


def units_of(files: Sequence[str], terms: Terms, *, unit_bytes: int = UNIT_BYTES) -> Iterator[Unit]:
    """Plan the work; the same files give the same plan everywhere.

    Args:
        files: Files of masks.
        terms: How they are read.
        unit_bytes: Length from which on a file is cut, if it can be.

    Yields:
        Units in the order of the files. What cannot be opened is a unit too: judging it says why.
    """
    number = 0
    for place, name in enumerate(files):
        for kind, start, stop, n_bytes in _parts_of(name, terms, unit_bytes):
            yield Unit(number, place, name, kind, start, stop, n_bytes)
            number += 1


_Part = tuple[Literal["whole", "lines", "members"], int, int | None, int]


def _parts_of(name: str, terms: Terms, unit_bytes: int) -> list[_Part]:
    n_bytes = 0
    if name == STDIN:
        return [("whole", 0, None, 0)]
    try:
        n_bytes = Path(name).stat().st_size
        if n_bytes > unit_bytes:
            with opened(name) as source:
                return _cut(source, n_bytes, terms, unit_bytes)
    except (OSError, Unreadable):
        pass
    return [("whole", 0, None, n_bytes)]


def _cut(source: Source, n_bytes: int, terms: Terms, unit_bytes: int) -> list[_Part]:
    if not source.is_packed and is_tar(source.stream):
        return _cut_tar(source.name, n_bytes, unit_bytes)
    if source.is_packed or not (terms.as_lines or holds_lines(source)):
        return [("whole", 0, None, n_bytes)]
    starts = range(0, n_bytes, unit_bytes)
    return [("lines", start, stop, stop - start) for start in starts for stop in [min(start + unit_bytes, n_bytes)]]


def _cut_tar(name: str, n_bytes: int, unit_bytes: int) -> list[_Part]:
    starts = list(ranges_of_members(name, unit_bytes))
    stops = [*starts[1:], None]
    return [
        ("members", start, stop, (n_bytes if stop is None else stop) - start)
        for start, stop in zip(starts, stops, strict=True)
    ]
