"""Files of masks in a dialect of RLE, read as what the user says they are in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sam3_contract.files.kinds import kind_of
from sam3_contract.mask_files.batches import Document, Lines, batches_of
from sam3_contract.mask_files.foreign import ForeignMask, masks_of_json, masks_of_table, masks_of_xml
from sam3_contract.mask_files.judging import TOO_LONG
from sam3_contract.mask_files.opening import Size, Unreadable, opened
from sam3_contract.mask_files.values import FoundMask, Value, found_mask, names_of_categories
from sam3_contract.masks import (
    Absent,
    CocoSegmentation,
    Dialect,
    DialectRle,
    Finding,
    MaskRecord,
    find_defects_in_many,
    masks_of_record,
    parse_json,
)

__all__ = ["values_in_dialect"]


def values_in_dialect(
    name: str, dialect: Dialect, *, as_lines: bool = False, image_size: Size | None = None
) -> Iterator[Value]:
    """Read a file of masks in a dialect of RLE.

    Where our own files have masks, those of the dialect stay in their place. The masks of any other file become a COCO
    file: its images, annotations and categories.

    Args:
        name: Path of the file; ``-`` for standard input. JSON, JSON Lines, a table with commas, or CVAT's XML.
        dialect: What the masks are in.
        as_lines: Take it for JSON Lines, whatever it looks like.
        image_size: ``(height, width)`` in pixels of the masks' image; None if not known.

    Yields:
        One value per line of JSON Lines, else a single one.

    Raises:
        Unreadable: If the file, or a line of it, cannot be read.
    """
    reader = _Reader(dialect, image_size)
    with opened(name) as source:
        for batch in batches_of(source, as_lines=as_lines, image_size=image_size, whole=True):
            if isinstance(batch, Document):
                yield reader.read_document(name, batch.text)
            elif isinstance(batch, Lines):
                yield from reader.read_lines(name, batch)
            else:
                raise Unreadable(f"{name} is an npz, whose masks are in no dialect of RLE")


class _Reader:
    """Reads the values of one file, whose images and categories have their numbers in common."""

    def __init__(self, dialect: Dialect, image_size: Size | None) -> None:
        self._dialect = dialect
        self._image_size = image_size
        self._n_masks = 0
        self._numbers = {"image": _Numbers(), "category": _Numbers()}

    def read_lines(self, name: str, lines: Lines) -> Iterator[Value]:
        for line, text in enumerate(lines.texts, start=lines.first):
            if text is None:
                raise Unreadable(f"{name}:{line} is {TOO_LONG}")
            if text.strip():
                yield self._read_json(f"{name}:{line}", line, text)

    def read_document(self, name: str, text: bytes) -> Value:
        first = text.lstrip()[:1]
        if first == b"<" and self._dialect == "cvat":
            return self._laid_out(name, None, masks_of_xml(text, name=name))
        if first in (b"[", b"{") or self._dialect in ("cvat", "label-studio") or parse_json(text)[0] is not None:
            return self._read_json(name, None, text)
        try:
            return self._laid_out(name, None, masks_of_table(text.decode(), name=name))
        except UnicodeDecodeError as error:
            kind = kind_of(text)
            why = f"it is {kind}" if kind else f"byte {error.start} of it is not"
            raise Unreadable(f"{name} is no table in UTF-8: {why}") from error

    def _read_json(self, where: str, line: int | None, text: bytes) -> Value:
        value, findings = parse_json(text)
        errors = tuple(finding for finding in findings if finding.severity == "error")
        if errors:
            return Value(where, line, value, (), errors)
        records = list(masks_of_record(value, image_size=self._image_size))
        absent = tuple(record for record in records if isinstance(record.masks, Absent))
        if len(absent) == len(records) or _is_list_of_masks(value):
            laid_out = self._laid_out(where, line, masks_of_json(value, dialect=self._dialect))
            return laid_out if laid_out.masks else Value(where, line, value, (), (), absent)
        found = [record for record in records if not isinstance(record.masks, Absent)]
        return Value(where, line, value, tuple(_masks_in_place(value, found, self._dialect)), (), absent)

    def _laid_out(self, where: str, line: int | None, masks: Iterable[ForeignMask]) -> Value:
        """Lay masks of another program out as a COCO file."""
        images: dict[int, dict[str, Any]] = {}
        categories: dict[int, dict[str, Any]] = {}
        annotations: list[dict[str, Any]] = []
        found = []
        for mask in masks:
            size = mask.size or self._image_size
            # Of images without a name, those of two lines are two.
            image = self._numbers["image"].of(("line", line) if mask.image is None else mask.image)
            images.setdefault(image, _image(image, mask, size))
            if mask.counts is None:
                continue
            category = self._numbers["category"].of(mask.label)
            categories.setdefault(category, {"id": category, "name": mask.label or "object"})
            self._n_masks += 1
            entry = {"id": self._n_masks, "image_id": image, "category_id": category, "segmentation": mask.counts}
            if mask.score is not None:
                entry["score"] = mask.score
            path = f"$.annotations[{len(annotations)}].segmentation"
            rle = DialectRle(self._dialect, mask.counts)
            found.append(FoundMask(path, rle, size, entry, mask.label, category - 1, (), place=mask.place))
            annotations.append(entry)
        document = {
            "images": list(images.values()),
            "annotations": annotations,
            "categories": list(categories.values()),
        }
        return Value(where, line, document, tuple(found), ())


def _is_list_of_masks(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, str | list) for one in value)


def _masks_in_place(value: Any, records: Sequence[MaskRecord], dialect: Dialect) -> Iterator[FoundMask]:
    """Read the masks of our own files; polygons among them stay what they are."""
    polygons = [record for record in records if _is_polygons(_payload(record))]
    findings: dict[str, list[Finding]] = {
        record.path: its for record, its in zip(polygons, find_defects_in_many(polygons), strict=True)
    }
    names = names_of_categories(value)
    for record in records:
        if record.path in findings:
            yield found_mask(value, record, findings[record.path], names)
            continue
        payload = _payload(record)
        beside = isinstance(payload, dict)
        rle = DialectRle(dialect, payload.get("counts") if beside else payload, payload.get("size") if beside else None)
        size = record.image_size
        if size is None and isinstance(rle.size, list) and len(rle.size) == 2:
            size = (rle.size[0], rle.size[1])
        yield found_mask(value, record._replace(masks=rle, image_size=size), (), names)


def _payload(record: MaskRecord) -> Any:
    return record.masks.value if isinstance(record.masks, CocoSegmentation) else record.masks


def _is_polygons(payload: Any) -> bool:
    return isinstance(payload, list) and bool(payload) and all(isinstance(ring, list) for ring in payload)


def _image(number: int, mask: ForeignMask, size: Size | None) -> dict[str, Any]:
    sides = {} if size is None else {"height": size[0], "width": size[1]}
    return {"id": number, "file_name": str(mask.image) if mask.image is not None else f"image {number}", **sides}


class _Numbers:
    """Numbers names in their order, from 1."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def of(self, name: Any) -> int:
        return self._numbers.setdefault(name, len(self._numbers) + 1)
