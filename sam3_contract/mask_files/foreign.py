"""Files of other programs that hold masks: tables like Kaggle's, CVAT's JSON and XML, Label Studio's exports, answers.

What is looked for is where a mask stands, how large its image is, and what it is of; what the mask itself says is read
by :mod:`sam3_contract.masks.dialects`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from xml.parsers import expat

from sam3_contract.mask_files.opening import Size, Unreadable
from sam3_contract.masks import Dialect, Finding
from sam3_contract.masks.dialects.detection import proposed_dialect
from sam3_contract.masks.dialects.numbers import numbers_of

__all__ = ["ForeignMask", "masks_of_json", "masks_of_table", "masks_of_xml", "with_proposal"]

_LONGEST_CELL: Final = 2**26
_HEAD: Final = 2**18
"""Bytes of a text that are looked at to say what it is."""
_NONE: Final = frozenset({"", "-1", "nan", "none", "null", "na", "n/a", "#n/a", "<na>"})
"""What tables have for an image without the object: what pandas takes for a missing value, and a number of Kaggle's."""
_WHOLE: Final = re.compile(r"([0-9]{1,9})(?:\.0*)?")

_PAIRS: Final = (
    "encodedpixels",
    "rle",
    "rles",
    "rle_mask",
    "mask_rle",
    "counts",
    "annotation",
    "segmentation",
    "masks",
)
_COUNTS: Final[Mapping[Dialect, tuple[str, ...]]] = {
    "kaggle": _PAIRS,
    "start-length": _PAIRS,
    "uncompressed": _PAIRS,
    "cvat": ("points",),
    "label-studio": ("rle",),
}
"""Where a mask stands, in lower case."""
_COLUMNS: Final = (*_PAIRS, "encoded_pixels", "encoding", "predicted", "prediction", "expected", "mask")
"""Where it stands in a table."""

_HEIGHTS: Final = ("height", "original_height", "image_height", "img_height")
_WIDTHS: Final = ("width", "original_width", "image_width", "img_width")
_IMAGES: Final = ("file_name", "filename", "image_name", "imageid", "image_id", "image", "img", "frame")
_IMAGE_COLUMNS: Final = (*_IMAGES, "imageid_classid", "image_label", "record_id", "id")
_LABELS: Final = ("label", "label_name", "category", "class", "classid", "class_id", "cell_type", "label_id")
_LABEL_LISTS: Final = ("brushlabels", "labels")
_NOT_MEANT: Final = ("outside", "was_cancelled", "skipped")
_REPEATED: Final = frozenset({"predictions", "drafts"})
"""What stands beside Label Studio's annotations and is of the same things."""


@dataclass(frozen=True, slots=True)
class ForeignMask:
    """A mask in a file of another program, or an image without one.

    Attributes:
        place: Where it stands: a JSON path, or a line.
        counts: Text or a list, unchecked; None if the image has no mask.
        size: ``(height, width)`` of the image in pixels; None if the file does not say.
        image: Name or number of the image; None if the file does not say.
        label: What it is of; None if the file does not say.
        score: How sure somebody is of it; None if the file does not say.
    """

    place: str
    counts: Any = None
    size: Size | None = None
    image: str | int | None = None
    label: str | None = None
    score: float | None = None


def masks_of_json(value: Any, *, dialect: Dialect) -> Iterator[ForeignMask]:
    """Find the masks in a parsed JSON value, wherever they stand in it.

    Args:
        value: The value.
        dialect: Decides under which names masks are looked for.

    Example:
        >>> [(mask.place, mask.size) for mask in masks_of_json({"rle": ["0 2", "5 1"]}, dialect="start-length")]
        [('$.rle[0]', None), ('$.rle[1]', None)]
    """
    if isinstance(value, list) and _are_counts(value):
        yield from (ForeignMask(f"$[{index}]", one) for index, one in enumerate(value))
    else:
        yield from _masks_within(value, ForeignMask("$"), dialect)


def _masks_within(value: Any, around: ForeignMask, dialect: Dialect) -> Iterator[ForeignMask]:
    """Search a value; *around* is what stands around it."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            if isinstance(one, dict | list):
                yield from _masks_within(one, replace(around, place=f"{around.place}[{index}]"), dialect)
    if not isinstance(value, dict) or _is_left_out(value):
        return
    known = _described(value, around)
    if dialect == "cvat" and "points" not in value and {"rle", "left", "top"} <= value.keys():
        # The size beside it is the box's; only the image's own stands further out.
        yield replace(known, place=f"{around.place}.rle", counts=_with_box(value), size=around.size)
        return
    for key, inner in value.items():
        if key in _REPEATED and value.get("annotations"):
            continue
        here = replace(known, place=f"{around.place}.{key}")
        if key.lower() in _COUNTS[dialect] and _is_asked_for(value, dialect):
            if _is_counts(inner):
                yield replace(here, counts=inner)
                continue
            if isinstance(inner, list) and _are_counts(inner):
                yield from (
                    replace(here, place=f"{here.place}[{index}]", counts=one) for index, one in enumerate(inner)
                )
                continue
        yield from _masks_within(inner, here, dialect)


def _is_asked_for(entry: Mapping[str, Any], dialect: Dialect) -> bool:
    """Leave CVAT's shapes out that have points, but are no masks."""
    return dialect != "cvat" or entry.get("type", "mask") == "mask"


def _is_left_out(entry: Mapping[str, Any]) -> bool:
    """Tell what the programs' own exports leave out: where a track is not seen, and what was skipped."""
    return any(entry.get(mark) is True for mark in _NOT_MEANT)


def _is_counts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and bool(value) and all(map(_is_number, value)))


def _are_counts(values: list[Any]) -> bool:
    return bool(values) and not all(map(_is_number, values)) and all(map(_is_counts, values))


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def _described(entry: Mapping[str, Any], around: ForeignMask) -> ForeignMask:
    """Add what an entry says of its image and of the thing in it."""
    fields = {key.lower(): found for key, found in entry.items()}
    image = _image(fields)
    score = _first(fields, ("score", "confidence"), int | float)
    return replace(
        around,
        size=_size(fields) or around.size,
        image=around.image if image is None or isinstance(around.image, str) else image,
        label=_label(fields) or around.label,
        score=around.score if score is None else score,
    )


def _image(fields: Mapping[str, Any]) -> str | int | None:
    data = fields.get("data")
    if isinstance(data, dict):  # of a task of Label Studio, whose image has whatever name the project gave it
        of_task: str | int | None = _first(data, ("image", *data), str) or _first(fields, ("id",), int)
        return of_task
    found: str | int | None = _first(fields, _IMAGES, str | int)
    return found


def _first(fields: Mapping[str, Any], names: Iterable[str], kind: Any) -> Any:
    found = (fields.get(name) for name in names)
    return next((one for one in found if isinstance(one, kind) and not isinstance(one, bool)), None)


def _size(fields: Mapping[str, Any]) -> Size | None:
    size, image = fields.get("size"), fields.get("image")
    if isinstance(image, dict) and (beside := _size(image)):
        return beside
    height, width = _side(fields, _HEIGHTS), _side(fields, _WIDTHS)
    if height is None and isinstance(size, list) and len(size) == 2 and all(type(side) is int for side in size):
        height, width = size
    return (height, width) if height and width and height > 0 and width > 0 else None


def _side(fields: Mapping[str, Any], names: Iterable[str]) -> int | None:
    side: int | None = _first({name: _whole(fields.get(name)) for name in names}, names, int)
    return side


def _label(fields: Mapping[str, Any]) -> str | None:
    label = _first(fields, _LABELS, str | int)
    if label is not None:
        return str(label)
    for name in _LABEL_LISTS:
        labels = fields.get(name)
        if isinstance(labels, list) and labels and isinstance(labels[0], str):
            return labels[0]
    return None


def _with_box(mask: Mapping[str, Any]) -> Any:
    """Put the box of a mask behind its runs, as CVAT's API has them; what cannot be read stays as it is."""
    runs = numbers_of(mask["rle"])
    box = [numbers_of([_whole(mask.get(side))]) for side in ("left", "top", "width", "height")]
    if runs is None or any(side is None for side in box):
        return mask["rle"]
    left, top, width, height = (int(side[0]) for side in box if side is not None)
    return [*runs.tolist(), left, top, left + width - 1, top + height - 1]


def _whole(value: Any) -> Any:
    """Read a whole number, which tables write as a fraction where another row has none."""
    if isinstance(value, str) and (number := _WHOLE.fullmatch(value)):
        return int(number[1])
    return int(value) if type(value) is float and value.is_integer() else value


def masks_of_table(text: str, *, name: str) -> Iterator[ForeignMask]:
    r"""Find the masks in a table with commas and a heading, like those of Kaggle.

    Args:
        text: The table. A column of masks is called ``EncodedPixels``, ``rle`` or the like, in any case; images,
            classes, heights and widths are taken from the columns that say so.
        name: What to call the file.

    Yields:
        A mask for each row, or an image without one.

    Raises:
        Unreadable: If there is no column of masks, or it is no table.

    Example:
        >>> [mask] = masks_of_table("ImageId,EncodedPixels,Height,Width\na.jpg,6 2 10 2,4,6", name="train.csv")
        >>> mask.place, mask.counts, mask.size, mask.image
        ('line 2', '6 2 10 2', (4, 6), 'a.jpg')
    """
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        # Strict, for a cell that the end cuts off is no shorter mask.
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter_of(text), strict=True)
        columns = {column.strip().lower(): column for column in rows.fieldnames or () if column}
        counts = next((columns[one] for one in _COLUMNS if one in columns), None)
        if counts is None:
            shown = ", ".join(list(columns)[:8])
            raise Unreadable(f"{name} has no column of masks, such as EncodedPixels or rle, but {shown or 'nothing'}")
        for row in rows:
            yield _mask_of_row(
                {column: (row[found] or "").strip() for column, found in columns.items()},
                (row[counts] or "").strip(),
                line=rows.line_num,
            )
    except csv.Error as error:
        raise Unreadable(f"{name} is no table: {error}") from error
    finally:
        csv.field_size_limit(before)


def _delimiter_of(text: str) -> str:
    """Find what stands between the columns: commas; semicolons, as Excel has them in much of Europe; or tabs."""
    heading = text.partition("\n")[0]
    return next((one for one in (",", ";", "\t") if one in heading), ",")


def _mask_of_row(fields: Mapping[str, str], counts: str, *, line: int) -> ForeignMask:
    listed = counts.removeprefix("[").removesuffix("]").strip()  # as Python writes a list
    return ForeignMask(
        f"line {line}",
        counts=None if listed.lower() in _NONE else listed,
        size=_size(fields),
        image=_first(fields, _IMAGE_COLUMNS, str) or None,
        label=_label(fields) or None,
    )


def with_proposal(findings: Iterable[Finding], text: bytes) -> list[Finding]:
    """Say of a text that is not JSON what it looks like instead.

    Args:
        findings: What is wrong with the text.
        text: The text.

    Returns:
        The findings; with a table or XML of masks, that it is not JSON says what reads it.
    """
    return [
        replace(one, diagnosis="; ".join((one.diagnosis, advice)))
        if one.name == "not_json" and (advice := _advice(text[:_HEAD]))
        else one
        for one in findings
    ]


def _advice(head: bytes) -> str:
    if head.lstrip().startswith(b"<"):
        return "it looks like CVAT's XML; `masks convert --from cvat` reads it" if b"<annotations" in head else ""
    try:
        rows = masks_of_table(head.decode(errors="replace"), name="")
        counts = next((row.counts for row in rows if row.counts is not None), None)
    except Unreadable:
        return ""
    proposal = proposed_dialect(counts, size=None)
    return f"it looks like a table of masks: {proposal.dialect}, {proposal.advice}" if proposal else ""


class _CvatReader:
    """Takes the masks out of CVAT's XML as it is parsed."""

    def __init__(self) -> None:
        self.masks: list[ForeignMask] = []
        self._around = ForeignMask("$")
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._read_text
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._label: str | None = None
        self._tag = ""
        self._sides: dict[str, str] = {}
        self._sizes: set[Size | None] = set()

    def read(self, text: bytes) -> None:
        self._parser.Parse(text, True)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._tag = tag
        if tag == "image":
            size = _size({side: _whole(attributes.get(side)) for side in ("height", "width")})
            self._around = ForeignMask("", size=size, image=attributes.get("name") or attributes.get("id"))
        elif tag == "track":
            self._label = attributes.get("label")
        elif tag == "mask" and attributes.get("outside") != "1":
            self.masks.append(
                replace(
                    self._around,
                    place=f"line {self._parser.CurrentLineNumber}",
                    counts=_with_box({"rle": "", **attributes}),
                    # Of tracks only the head of the file says it, once for each task.
                    size=self._around.size or (next(iter(self._sizes)) if len(self._sizes) == 1 else None),
                    image=self._around.image or _whole(attributes.get("frame")),
                    label=attributes.get("label") or self._label,
                )
            )

    def _read_text(self, text: str) -> None:
        if self._tag in ("width", "height"):
            self._sides[self._tag] = text

    def _end(self, tag: str) -> None:
        self._tag = ""
        if tag == "original_size":
            self._sizes.add(_size(self._sides))

    def _refuse_doctype(self, *_: Any) -> None:
        # Entities can make a short file endless; CVAT writes none.
        raise ValueError("it declares a document type, which CVAT's files do not")


def masks_of_xml(text: bytes, *, name: str) -> list[ForeignMask]:
    """Find the masks in CVAT's XML, of images or of tracks.

    Args:
        text: The XML.
        name: What to call the file.

    Raises:
        Unreadable: If it is no XML, or declares entities.
    """
    reader = _CvatReader()
    try:
        reader.read(text)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the last of an encoding that nobody knows
        raise Unreadable(f"{name} is no XML of CVAT: {error}") from error
    return reader.masks
