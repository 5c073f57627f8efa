"""Masks in Parquet, read row group by row group, of which only the columns that matter are read.

A cell of the column of masks is an RLE object, the text of its counts, rings, or anything that holds masks, as JSON or
as it is. Under the name ``segmentation`` it is COCO's. Columns ``height`` and ``width`` beside it are the image's, and
``size`` beside ``counts`` is the mask's.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

from sam3_contract.extras import extra
from sam3_contract.mask_files.batches import Records
from sam3_contract.mask_files.opening import Size, Unreadable
from sam3_contract.masks import Finding, MaskRecord, masks_of_record, parse_json
from sam3_contract.masks.json_files.records import masks_of_entry, size_of_entry

__all__ = ["is_parquet", "lengths_of_row_groups", "records_of_row_groups"]

_MAGIC: Final = b"PAR1"
_COLUMNS: Final = ("segmentation", "masks", "mask", "rle", "polygons", "counts", "segmentation.counts")
"""Where masks are looked for, in this order, unless somebody says where they are."""
_SIDES: Final = ("height", "width")
_ROWS: Final = 512
_COUNTS: Final = re.compile(r"\[[0-o]*[0-\\^-o]")
"""Text of an RLE that begins as a list does; closed as one is, it is none."""


def is_parquet(stream: io.BufferedReader) -> bool:
    """Tell whether a stream begins as a Parquet file."""
    return stream.peek(len(_MAGIC)).startswith(_MAGIC)


def lengths_of_row_groups(file: IO[bytes], *, name: str) -> list[int]:
    """Return how many bytes each row group of a Parquet file has, unpacked.

    Raises:
        Unreadable: If it is none that can be read.
    """
    metadata = _opened(file, name).metadata
    return [metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups)]


def records_of_row_groups(
    file: IO[bytes], *, name: str, groups: Sequence[int] | None, column: str | None, image_size: Size | None
) -> Iterator[Records]:
    """Read the masks of some row groups.

    Args:
        file: The Parquet file; has to be seekable.
        name: What to call it.
        groups: Numbers of the row groups; None for all.
        column: Where the masks are; None to look for it.
        image_size: ``(height, width)`` in pixels of the masks' image; None if not known.

    Yields:
        Masks in the order of the rows, a batch at a time. Their paths begin ``$[row].column``, rows counted from 0.

    Raises:
        Unreadable: If the file is none that can be read, or has no such column.
    """
    table = _opened(file, name)
    known = table.schema_arrow.names
    column = _column_of(known, column, name=name)
    metadata = table.metadata
    first = 0
    for group in range(metadata.num_row_groups):
        if groups is None or group in groups:
            beside = (*_SIDES, _size_beside(column))
            wanted = [column, *(one for one in beside if one in known and one != column)]
            yield from _records_of_group(table, group, first, wanted, image_size, name)
        first += metadata.row_group(group).num_rows


def _opened(file: IO[bytes], name: str) -> Any:
    parquet = extra("pyarrow.parquet", name="parquet", need="Parquet is read with it")
    try:
        return parquet.ParquetFile(file)
    except extra("pyarrow", name="parquet", need="Parquet is read with it").ArrowException as error:
        raise Unreadable(f"{name} is Parquet that is damaged or cut short: {_first_line(error)}") from error


def _column_of(known: Sequence[str], column: str | None, *, name: str) -> str:
    found = [one for one in ([column] if column else _COLUMNS) if one in known]
    if found:
        return found[0]
    sought = f"column {column!r}" if column else f"column of masks ({', '.join(_COLUMNS)})"
    raise Unreadable(f"{name} has no {sought}, but {', '.join(known) or 'none at all'}; --column names another")


def _records_of_group(
    table: Any, group: int, first: int, columns: list[str], image_size: Size | None, name: str
) -> Iterator[Records]:
    arrow = extra("pyarrow", name="parquet", need="Parquet is read with it")
    row = first
    try:
        for batch in table.iter_batches(batch_size=_ROWS, row_groups=[group], columns=columns):
            records: list[MaskRecord] = []
            findings: list[Finding] = []
            for cells in batch.to_pylist():
                records += _records_of_row(cells, columns[0], row, image_size, findings)
                row += 1
            yield Records(tuple(records), tuple(findings))
    except (arrow.ArrowException, UnicodeDecodeError) as error:
        raise Unreadable(f"{name} is Parquet that is damaged or cut short: {_first_line(error)}") from error


def _size_beside(column: str) -> str:
    return f"{column.removesuffix('counts')}size" if column.endswith("counts") else ""


def _records_of_row(
    cells: dict[str, Any], column: str, row: int, image_size: Size | None, findings: list[Finding]
) -> Iterator[MaskRecord]:
    path = f"$[{row}].{column}"
    size = size_of_entry(cells, default=image_size)
    value = _as_json(cells[column])
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") and not _COUNTS.fullmatch(value):
        parsed, its = parse_json(value, path=path)
        findings += its
        if parsed is not None:
            yield from masks_of_record(parsed, image_size=size, path=path)
        return
    if column != "segmentation" and (isinstance(value, dict) or _is_list_of_objects(value)):
        yield from masks_of_record(value, image_size=size, path=path)
        return
    own = cells.get(_size_beside(column))
    if isinstance(value, str) and (isinstance(own, list) or size is not None):
        value = {"size": own if size is None or isinstance(own, list) else list(size), "counts": value}
    # A cell without a value is an image or a thing without a mask.
    key = "segmentation" if column == "segmentation" or value is None else "masks"
    for record in masks_of_entry({key: value}, image_size=size, path=f"$[{row}]"):
        yield record._replace(path=path)


def _as_json(cell: Any) -> Any:
    """Read bytes as the text that they are: pycocotools keeps counts as bytes, and so do tables made of them."""
    if isinstance(cell, bytes):
        return cell.decode() if cell.isascii() else cell
    if isinstance(cell, dict):
        return {key: _as_json(one) for key, one in cell.items()}
    if _is_list_of_objects(cell):
        # What an object lacks that another one has is null in each.
        return [_as_json({key: one for key, one in (each or {}).items() if one is not None}) for each in cell]
    return cell


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
