"""Units of work opened and judged, piece by piece."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from sam3_contract.auditing.memory import keep_freed_memory
from sam3_contract.auditing.outcome import Outcome, outcome_of, sum_of
from sam3_contract.auditing.tables import is_parquet, records_of_row_groups
from sam3_contract.auditing.tars import DAMAGE, is_tar, members_of
from sam3_contract.auditing.units import Terms, Unit
from sam3_contract.files.bounded import open_regular
from sam3_contract.mask_files.batches import (
    Batch,
    Lines,
    Records,
    batches_of,
    batches_of_lines,
    is_named_as_lines,
    skip_line,
)
from sam3_contract.mask_files.judging import MOST_FINDINGS, judge
from sam3_contract.mask_files.opening import (
    CHUNK,
    STANDARD_STREAM,
    Source,
    Unreadable,
    file_of,
    opened,
    reading,
    skip_byte_order_mark,
    unpacked,
)
from sam3_contract.mask_files.plain import numbers_of_plain_masks
from sam3_contract.mask_files.urls import is_url, shown

__all__ = ["batches_of_unit", "judge_unit", "judge_units", "pieces_of", "pieces_of_units"]

_BUFFER: Final = 2**15
"""Bytes read at a time of a tar: with each header so much of the photograph behind it comes along, in vain."""
_SMALL: Final = 2**16
"""Longest file, in bytes, that is judged together with others: of a longer one the masks cost more than the file."""
_FEWEST: Final = 2
_END: Final = 2**63
"""Beyond the end of any file, in bytes."""


def judge_units(units: tuple[Unit, ...], terms: Terms) -> list[Outcome]:
    """Judge several units; this is what processes and machines are sent."""
    plain = _plain_files(units, terms)
    return [plain.get(place) or judge_unit(unit, terms) for place, unit in enumerate(units)]


def pieces_of_units(units: Sequence[Unit], terms: Terms) -> Iterator[Outcome]:
    """Judge several units piece by piece, as `pieces_of` does one."""
    plain = _plain_files(units, terms)
    for place, unit in enumerate(units):
        if place in plain:
            yield plain[place]
        else:
            yield from pieces_of(unit, terms)


def judge_unit(unit: Unit, terms: Terms) -> Outcome:
    """Judge a unit at once."""
    return sum_of(list(pieces_of(unit, terms)))


def pieces_of(unit: Unit, terms: Terms) -> Iterator[Outcome]:
    """Judge a unit piece by piece.

    Args:
        unit: What to judge.
        terms: How it is read, and what is looked for.

    Yields:
        One outcome or more, together of no more than `MOST_FINDINGS` findings; further ones are only counted. If
        something cannot be read, the last one says why.
    """
    keep_freed_memory()
    nothing = Outcome(unit.file, unit.part, unit.n_parts)
    room = MOST_FINDINGS
    try:
        for piece in _pieces_of(unit, terms, nothing):
            bounded = piece.with_at_most(room)
            room -= len(bounded.findings)
            yield bounded
    except Unreadable as error:
        yield replace(nothing, unread=(str(error),))
    except DAMAGE as error:
        yield replace(nothing, unread=(f"{shown(unit.name)} is a tar that is damaged or cut short: {error}",))


def _plain_files(units: Sequence[Unit], terms: Terms) -> dict[int, Outcome]:
    """Judge small files together, by place: those in which there is nothing to find, at a fraction of the price."""
    texts = {place: text for place, unit in enumerate(units) if (text := _text_of_small(unit, terms))}
    if len(texts) < _FEWEST:
        return {}
    keep_freed_memory()
    numbers = numbers_of_plain_masks(list(texts.values()), image_size=terms.image_size)
    return {
        place: Outcome(unit.file, unit.part, unit.n_parts, n_masks=number, n_bytes=unit.n_bytes)
        for place, number in zip(texts, numbers, strict=True)
        for unit in [units[place]]
        if number is not None
    }


def _text_of_small(unit: Unit, terms: Terms) -> bytes | None:
    """Read a small file that may be a document; None for what is something else, has changed, or cannot be read."""
    lines = terms.as_lines or is_named_as_lines(unit.name)
    if (
        unit.kind != "whole"
        or not 0 < unit.n_bytes <= _SMALL
        or lines
        or unit.name == STANDARD_STREAM
        or is_url(unit.name)
    ):
        return None
    try:
        with open_regular(Path(unit.name)) as file:
            text = file.read(unit.n_bytes + 1)
    except OSError:
        return None
    return text if len(text) == unit.n_bytes else None


def batches_of_unit(unit: Unit, terms: Terms) -> Iterator[tuple[str, Batch]]:
    """Read a unit without judging it.

    Yields:
        Batches, each with the member of the file that it is from, empty if there is none.

    Raises:
        Unreadable: If it cannot be read to its end.
    """
    try:
        yield from ((member, batch) for member, batch, _ in _batches_of(unit, terms))
    except DAMAGE as error:
        raise Unreadable(f"{shown(unit.name)} is a tar that is damaged or cut short: {error}") from error


def _pieces_of(unit: Unit, terms: Terms, nothing: Outcome) -> Iterator[Outcome]:
    read = n_lines = 0
    for member, batch, passed in _batches_of(unit, terms):
        judged = judge(batch, image_size=terms.image_size, codes=terms.codes)
        yield outcome_of(judged, member=member, n_bytes=passed - read, of=nothing)
        read = max(read, passed)
        if unit.kind == "lines":
            assert isinstance(batch, Lines)
            n_lines += len(batch.texts)
    yield replace(nothing, n_lines=n_lines, n_bytes=max(0, unit.n_bytes - read))


_PlacedBatches = Iterator[tuple[str, Batch, int]]
"""Batches, each with the member of the file it is from and how many bytes of the file were read up to its end."""


def _batches_of(unit: Unit, terms: Terms) -> _PlacedBatches:
    if unit.kind == "lines":
        yield from _batches_of_range(unit)
    elif unit.kind == "members":
        with reading(unit.name), file_of(unit.name) as (raw, _):
            file = io.BufferedReader(raw, _BUFFER)  # type: ignore[type-var]  # it is one without a buffer
            file.seek(unit.start)
            stop = _END if unit.stop is None else unit.stop
            for member, batch in _batches_of_members(members_of(file, stop=stop), terms):
                yield member, batch, file.tell() - unit.start
    elif unit.kind == "rows":
        assert unit.stop is not None
        with reading(unit.name), file_of(unit.name) as (table, _):
            for batch in _batches_of_table(table, unit, terms, groups=range(unit.start, unit.stop)):
                yield "", batch, 0
    else:
        with opened(unit.name) as source:
            for member, batch in _batches_of_whole(source, unit, terms):
                yield member, batch, _position(source.packed)


def _batches_of_whole(source: Source, unit: Unit, terms: Terms) -> Iterator[tuple[str, Batch]]:
    if is_tar(source.stream):
        yield from _batches_of_members(members_of(source.stream), terms)
        return
    if not is_parquet(source.stream):
        yield from (("", batch) for batch in _batches_of_source(source, terms))
        return
    if source.is_packed or not source.packed.seekable():
        raise Unreadable(f"{source.name} is Parquet packed once more, or in a pipe; unpack it into a file")
    source.packed.seek(0)
    yield from (("", batch) for batch in _batches_of_table(source.packed, unit, terms, groups=None))


def _batches_of_range(unit: Unit) -> _PlacedBatches:
    assert unit.stop is not None
    with reading(unit.name), file_of(unit.name) as (raw, _):
        file = io.BufferedReader(raw, CHUNK)  # type: ignore[type-var]  # it is one without a buffer
        n_bytes = unit.stop - unit.start
        if unit.start:
            # A line that ends just before the range leaves the first one in it whole.
            file.seek(unit.start - 1)
            n_bytes -= skip_line(file, within=n_bytes) - 1
        else:
            # The first line begins the file, mark or not.
            n_bytes = max(1, n_bytes - skip_byte_order_mark(file))
        for batch in batches_of_lines(file, n_bytes=n_bytes):
            yield "", batch, file.tell() - unit.start


def _batches_of_members(members: Iterable[tuple[str, io.BufferedReader]], terms: Terms) -> Iterator[tuple[str, Batch]]:
    for member, packed in members:
        content = unpacked(packed)
        skip_byte_order_mark(content)
        for batch in _batches_of_source(Source(member, content, packed, None), terms):
            yield member, batch


def _batches_of_table(file: IO[bytes], unit: Unit, terms: Terms, *, groups: Sequence[int] | None) -> Iterator[Records]:
    return records_of_row_groups(
        file, name=shown(unit.name), groups=groups, column=terms.column, image_size=terms.image_size
    )


def _batches_of_source(source: Source, terms: Terms) -> Iterator[Batch]:
    return batches_of(source, as_lines=terms.as_lines, image_size=terms.image_size)


def _position(stream: IO[bytes]) -> int:
    """Return how far a file was read; 0 for a pipe."""
    try:
        return stream.tell()
    except OSError:
        return 0
