"""Find the masks in parsed JSON: answers of the service, lists of predictions, COCO files and results."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from sam3_contract.masks.coco.segmentation import as_segmentation
from sam3_contract.masks.diagnosis.defects import find_defects_in_many
from sam3_contract.masks.json_files.absent import absent_annotation, absent_mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sam3_contract.masks.catalogue.finding import Finding

__all__ = ["MaskRecord", "check_records", "id_of", "masks_of_entry", "masks_of_record", "size_of_entry"]

_DEEPEST = 4
"""Levels of answers in lists in answers that are looked into: real ones have three."""

_OF_ANNOTATIONS = frozenset({"category_id", "bbox", "caption", "keypoints", "segmentation"})
"""Fields of which an annotation or a result of COCO has one beside its ``image_id``."""


class MaskRecord(NamedTuple):
    """One mask payload and what the record around it says of it; `find_defects_in_many` takes it as it is.

    Attributes:
        path: JSON path of the payload, such as ``$.prompt_results[0].predictions[2].masks``.
        masks: The payload, unchecked; a `CocoSegmentation` where it stands under ``segmentation`` and is no compressed
            RLE, an `Absent` for a value that holds no mask.
        declared_format: The prediction's ``format``, unchecked; None if it has none.
        image_size: ``(height, width)`` in pixels; None if not known.
    """

    path: str
    masks: Any
    declared_format: Any
    image_size: tuple[int, int] | None


def masks_of_record(
    record: object, *, image_size: tuple[int, int] | None = None, path: str = "$"
) -> Iterator[MaskRecord]:
    """Yield every mask payload of a parsed JSON value, without judging any.

    Understood are an answer of ``concept_segment`` or ``visual_segment``, a list of predictions or a single one, a
    COCO file with ``images`` and ``annotations``, COCO results and annotations, and a bare RLE or list of polygons.
    What stands under ``segmentation`` is COCO's and marked so: its rings are flat and run along the edges of pixels.
    An empty list holds no mask; objects of any other kind are yielded as such that hold none.
    An object ``image`` with ``height`` and ``width`` beside the masks, as SA-1B has it, states their image's size.

    Args:
        record: A parsed JSON value: a whole file, or one line of JSON Lines.
        image_size: ``(height, width)`` in pixels of the image that all masks belong to; None if not known. The size
            that a record or a COCO file states for an image takes precedence.
        path: JSON path of the record itself.

    Yields:
        One record per mask, in the order of the text.

    Example:
        >>> answer = {"predictions": [{"masks": [[]], "confidence": 0.5, "format": "polygon"}]}
        >>> list(masks_of_record(answer))
        [MaskRecord(path='$.predictions[0].masks', masks=[[]], declared_format='polygon', image_size=None)]
    """
    if record == []:
        return
    if isinstance(record, list) and any(isinstance(entry, dict) for entry in record):
        yield from _masks_of_entries(record, image_size=image_size, path=path, depth=0)
    else:
        yield from _masks_of_entry(record, image_size=image_size, path=path, depth=0)


def _masks_of_entry(
    entry: object, *, image_size: tuple[int, int] | None, path: str, depth: int
) -> Iterator[MaskRecord]:
    if isinstance(entry, dict) and isinstance(entry.get("image"), dict):
        image_size = size_of_entry(entry["image"], default=image_size)
    if not isinstance(entry, dict) or depth > _DEEPEST:
        yield MaskRecord(path, entry, None, image_size)
    elif "masks" in entry:
        yield MaskRecord(f"{path}.masks", entry["masks"], entry.get("format"), image_size)
    elif "segmentation" in entry:
        own = size_of_entry(entry, default=image_size)
        yield _record_of_annotation(entry, image_size=own, path=path)
    elif isinstance(entry.get("annotations"), list):
        yield from _masks_of_coco(entry, image_size=image_size, path=path)
    elif isinstance(entry.get("prompt_results"), list):
        yield from _masks_of_entries(
            entry["prompt_results"], image_size=image_size, path=f"{path}.prompt_results", depth=depth
        )
    elif isinstance(entry.get("predictions"), list):
        yield from _masks_of_entries(
            entry["predictions"], image_size=image_size, path=f"{path}.predictions", depth=depth
        )
    elif "counts" in entry or isinstance(entry.get("size"), (list, str)):
        yield MaskRecord(path, entry, None, image_size)
    elif _is_annotation(entry):
        yield MaskRecord(path, absent_annotation(entry), None, image_size)
    else:
        yield MaskRecord(path, absent_mask(entry), None, image_size)


def _is_annotation(entry: Mapping[str, Any]) -> bool:
    return "image_id" in entry and not _OF_ANNOTATIONS.isdisjoint(entry)


def _record_of_annotation(entry: dict[str, Any], *, image_size: tuple[int, int] | None, path: str) -> MaskRecord:
    segmentation = entry["segmentation"]
    if segmentation is None or segmentation in ([], ""):
        return MaskRecord(path, absent_annotation(entry), None, image_size)
    return MaskRecord(f"{path}.segmentation", as_segmentation(segmentation), None, image_size)


def _masks_of_entries(
    entries: list[Any], *, image_size: tuple[int, int] | None, path: str, depth: int
) -> Iterator[MaskRecord]:
    for index, entry in enumerate(entries):
        yield from _masks_of_entry(entry, image_size=image_size, path=f"{path}[{index}]", depth=depth + 1)


def _masks_of_coco(record: dict[str, Any], *, image_size: tuple[int, int] | None, path: str) -> Iterator[MaskRecord]:
    sizes: dict[object, tuple[int, int] | None] = {}
    images = record.get("images")
    for image in images if isinstance(images, list) else ():
        if isinstance(image, dict) and id_of(image.get("id")) is not None:
            sizes[id_of(image["id"])] = size_of_entry(image, default=image_size)
    for index, annotation in enumerate(record["annotations"]):
        own = image_size
        if isinstance(annotation, dict) and id_of(annotation.get("image_id")) is not None:
            own = sizes.get(id_of(annotation["image_id"]), image_size)
        yield from _masks_of_entry(annotation, image_size=own, path=f"{path}.annotations[{index}]", depth=_DEEPEST)


def masks_of_entry(entry: object, *, image_size: tuple[int, int] | None, path: str) -> Iterator[MaskRecord]:
    """Yield the masks of one element of a list: a prediction, an annotation or an answer.

    Args:
        entry: Any value; one that is none of these is yielded as it is.
        image_size: ``(height, width)`` of its image in pixels; None if not known.
        path: JSON path of the element.

    Yields:
        One record per mask.
    """
    return _masks_of_entry(entry, image_size=image_size, path=path, depth=1)


def id_of(value: object) -> int | str | None:
    """Take an id of COCO, which tables write as a fraction where they know no whole numbers.

    Returns:
        None for what is no id.

    Example:
        >>> id_of(7), id_of(7.0), id_of("a.jpg"), id_of(7.5), id_of(None)
        (7, 7, 'a.jpg', None, None)
    """
    return value if isinstance(value, str) else _whole(value)


def _whole(value: object) -> int | None:
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def size_of_entry(entry: Mapping[str, Any], *, default: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return the ``(height, width)`` in pixels that a COCO image or annotation states, else *default*."""
    height, width = _whole(entry.get("height")), _whole(entry.get("width"))
    if height is not None and width is not None and height > 0 and width > 0:
        return height, width
    return default


def check_records(
    records: Iterable[MaskRecord], *, at_a_time: int = 1000
) -> Iterator[tuple[MaskRecord, list[Finding]]]:
    """Find the defects of a stream of masks, in bounded memory.

    Args:
        records: What `masks_of_record` yields, of any number of files.
        at_a_time: Masks that are held in memory and judged in one pass.

    Yields:
        Each record with its findings, in order.

    Example:
        >>> lines = [{"masks": [[]]}, {"masks": {"size": [4, 6], "counts": "522"}}]
        >>> stream = (mask for line in lines for mask in masks_of_record(line))
        >>> [[finding.code for finding in findings] for _, findings in check_records(stream)]
        [['MSK05'], ['RLE18']]
    """
    stream = iter(records)
    while chunk := list(islice(stream, at_a_time)):
        yield from zip(chunk, find_defects_in_many(chunk), strict=True)
