"""Masks in a file with what stands around them, for commands that make something of them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract.mask_files.batches import Archive, Lines, Records, batches_of
from sam3_contract.mask_files.foreign import with_proposal
from sam3_contract.mask_files.judging import TOO_LONG
from sam3_contract.mask_files.opening import Size, Source, Unreadable, opened
from sam3_contract.masks import (
    Absent,
    Finding,
    MaskRecord,
    find_defects_in_many,
    find_defects_in_npz,
    masks_of_record,
    parse_json,
    rle_from_bitmap,
)
from sam3_contract.masks.formats import image_size_of
from sam3_contract.masks.json_files.records import id_of

__all__ = ["FoundMask", "Runs", "SoundMask", "Value", "at_path", "found_mask", "names_of_categories", "values_of_file"]

Runs = NDArray[np.int64]

_STEP: Final = re.compile(r"\.([a-z_]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True, eq=False)
class FoundMask:
    """One mask and what stands around it.

    Attributes:
        path: JSON path of the payload.
        masks: The payload; a `CocoSegmentation` if it is to be read as COCO's, a `DialectRle` if as a dialect's.
        image_size: ``(height, width)`` of its image in pixels; for an RLE whose image is not known, its own; None for
            polygons of an unknown image.
        entry: The prediction or annotation that holds it; empty for a bare mask.
        concept: What was asked for: the text of the prompt or the name of the category; None if nothing says.
        group: The prompt or category that it belongs to, counted from 0; None if nothing says.
        errors: Findings that are errors: with any, the mask is not sound.
        place: Where it stands in the file, if the value was made of one of another layout.
    """

    path: str
    masks: Any
    image_size: Size | None
    entry: dict[str, Any]
    concept: str | None
    group: int | None
    errors: tuple[Finding, ...]
    place: str = ""

    @property
    def shown_place(self) -> str:
        """Where the user finds it."""
        return self.place or self.path

    @property
    def confidence(self) -> float | None:
        """The prediction's ``confidence``, or the ``score`` of a COCO result; None if it has neither."""
        for key in ("confidence", "score"):
            value = self.entry.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A whole JSON value and its masks.

    Attributes:
        where: The file, and the line if it is read by lines.
        line: Number of the line, counted from 1; None if the file is not read by lines.
        value: The JSON value; for an npz, the list of predictions that would hold its masks as RLE.
        masks: Its masks.
        absent: Where masks were looked for and none is.
        errors: What is wrong with the text itself.
    """

    where: str
    line: int | None
    value: Any
    masks: tuple[FoundMask, ...]
    errors: tuple[Finding, ...]
    absent: tuple[MaskRecord, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class SoundMask:
    """A mask that can be converted.

    Attributes:
        found: The mask as it stands in its value.
        size: ``(height, width)`` of its image in pixels.
        runs: Its run lengths.
    """

    found: FoundMask
    size: Size
    runs: Runs


def values_of_file(name: str, *, as_lines: bool = False, image_size: Size | None = None) -> Iterator[Value]:
    """Read a file of masks, one JSON value after the other.

    Args:
        name: Path of the file; ``-`` for standard input.
        as_lines: Take it for JSON Lines, whatever it looks like.
        image_size: ``(height, width)`` in pixels of the masks' image; None if not known.

    Yields:
        One value per line of JSON Lines, else a single one.

    Raises:
        Unreadable: If the file, or a line of it, cannot be read.
    """
    with opened(name) as source:
        for batch in batches_of(source, as_lines=as_lines, image_size=image_size, whole=True):
            if isinstance(batch, Archive):
                yield _value_of_archive(name, batch.payload, image_size)
            elif isinstance(batch, Lines):
                yield from _values_of_lines(source, batch, image_size)
            else:
                assert not isinstance(batch, Records)
                yield _value_of_text(name, None, batch.text, image_size)


def at_path(value: Any, path: str) -> tuple[list[Any], list[str | int]]:
    """Follow a JSON path.

    Args:
        value: What ``$`` stands for.
        path: Such as ``$.predictions[2].masks``.

    Returns:
        Every value on the way, the last one the payload, and the steps between them.

    Example:
        >>> at_path({"predictions": [{"masks": [[]]}]}, "$.predictions[0].masks")[1]
        ['predictions', 0, 'masks']
    """
    steps: list[str | int] = [int(index) if index else key for key, index in _STEP.findall(path)]
    way = [value]
    for step in steps:
        way.append(way[-1][step])
    return way, steps


def _values_of_lines(source: Source, batch: Lines, image_size: Size | None) -> Iterator[Value]:
    for line, text in enumerate(batch.texts, start=batch.first):
        if text is None:
            raise Unreadable(f"{source.name}:{line} is {TOO_LONG}")
        if text.strip():
            yield _value_of_text(f"{source.name}:{line}", line, text, image_size)


def _value_of_text(where: str, line: int | None, text: bytes, image_size: Size | None) -> Value:
    if not text.strip():
        return Value(where, line, None, (), ())
    value, findings = parse_json(text)
    findings = with_proposal(findings, text)
    records = [] if value is None and findings else list(masks_of_record(value, image_size=image_size))
    absent = tuple(record for record in records if isinstance(record.masks, Absent))
    records = [record for record in records if not isinstance(record.masks, Absent)]
    its = find_defects_in_many(records)
    names = names_of_categories(value)
    found = tuple(found_mask(value, record, of_mask, names) for record, of_mask in zip(records, its, strict=True))
    errors = tuple(finding for finding in findings if finding.severity == "error")
    return Value(where, line, value, found, errors, absent)


def names_of_categories(value: Any) -> dict[int | str, str]:
    """Look up what a COCO file calls its categories, by id; once for all masks, as there may be many of both.

    Example:
        >>> names_of_categories({"categories": [{"id": 1, "name": "cat"}, {"id": 1, "name": "dog"}, {"id": [2]}, 3]})
        {1: 'cat'}
    """
    categories = value.get("categories") if isinstance(value, dict) else None
    names: dict[int | str, str] = {}
    for one in categories if isinstance(categories, list) else ():
        identity = id_of(one.get("id")) if isinstance(one, dict) else None
        if identity is not None and isinstance(one.get("name"), str):
            names.setdefault(identity, one["name"])
    return names


def found_mask(
    value: Any, record: MaskRecord, findings: Sequence[Finding], names: Mapping[int | str, str]
) -> FoundMask:
    """Describe a mask and what stands around it.

    Args:
        value: The whole JSON value.
        record: The mask in it.
        findings: What is wrong with it.
        names: Those of the categories in the value, by id.
    """
    errors = tuple(finding for finding in findings if finding.severity == "error")
    way, _ = at_path(value, record.path)
    entry = way[-2] if len(way) > 1 and isinstance(way[-2], dict) else {}
    size = record.image_size
    if size is None and not errors:
        size = image_size_of(record.masks)
    concept, group = _concept(way, names)
    return FoundMask(record.path, record.masks, size, entry, concept, group, errors)


def _concept(way: list[Any], names: Mapping[int | str, str]) -> tuple[str | None, int | None]:
    """Find out what a mask was asked for, from the prompt's echo or the categories of a COCO file."""
    for level in way:
        if isinstance(level, dict) and isinstance(level.get("predictions"), list) and "prompt_index" in level:
            echo, index = level.get("echo"), level["prompt_index"]
            group = index if type(index) is int and index >= 0 else None
            text = echo.get("text") if isinstance(echo, dict) else None
            return (text if isinstance(text, str) and text else f"exemplar {index}"), group
    entry = way[-2] if len(way) > 1 else None
    category = id_of(entry.get("category_id")) if isinstance(entry, dict) else None
    if category is None:
        return None, None
    if isinstance(category, str):
        return names.get(category, category), None
    return names.get(category, f"category {category}"), max(category - 1, 0)


def _value_of_archive(name: str, payload: bytes, image_size: Size | None) -> Value:
    findings = find_defects_in_npz(payload, image_size=image_size)
    # Masks alone, as `masks convert --to npz` writes them, are enough here: nobody asks for the logits of the model.
    errors = tuple(f for f in findings if (f.name, f.path) != ("array_missing", "$.low_res_masks"))
    if errors:
        return Value(name, None, None, (), errors)
    predictions: list[dict[str, Any]] = [
        {"masks": rle_from_bitmap(bitmap), "format": "rle"} for bitmap in _bitmaps(payload)
    ]
    found = []
    for index, prediction in enumerate(predictions):
        height, width = prediction["masks"]["size"]
        found.append(FoundMask(f"$[{index}].masks", prediction["masks"], (height, width), prediction, None, None, ()))
    return Value(name, None, predictions, tuple(found), ())


def _bitmaps(payload: bytes) -> Iterator[np.ndarray[Any, np.dtype[np.bool_]]]:
    """Yield the masks of an archive that was found sound."""
    with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
        masks = arrays["masks"]
    for mask in masks:
        yield mask if mask.dtype == np.bool_ else mask >= 0
