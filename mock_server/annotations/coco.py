"""Annotation files of the COCO kind, LVIS' among them, read strictly: a mask that is off is an error, not a guess."""

from __future__ import annotations

import hashlib
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, PositiveInt, ValidationError

from mock_server.annotations.annotated_image import AnnotatedImage, Annotation, Category, annotation_from_runs
from mock_server.annotations.library import MAX_DECODED, KnownImage, Pixels, pixels_from_content
from mock_server.annotations.nouns import forms_of
from mock_server.annotations.segmentations import packed, runs_from_segmentation
from sam3_contract.bounded import without_mark
from sam3_contract.errors import ImageError, UsageError
from sam3_contract.images import read_header

NAMED: Final = 3  # files that a message names
QUIET: Final = 2.0  # seconds of reading before it is said how far it got, and between two such lines
_NO_NAMES: Final = frozenset({"", "none"})  # what exporters write where there is no supercategory

Id = int | str
Item = TypeVar("Item")


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Image(_Part):
    id: Id
    file_name: str | None = None
    coco_url: str | None = None  # LVIS tells the file's name only here
    width: PositiveInt | None = None
    height: PositiveInt | None = None


class _Category(_Part):
    id: Id
    name: str
    synonyms: list[str] = []
    supercategory: str | None = None


class _Annotation(_Part):
    id: Id | None = None
    image_id: Id
    category_id: Id
    segmentation: Annotated[Any, AfterValidator(packed)] = None
    iscrowd: bool = False


class _File(_Part):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def load_coco(annotations: Path, images: Path) -> list[KnownImage]:
    """Load an annotation file and the images it tells of.

    Every image file is read once, for its size and digest; none is decoded. Masks are kept as run lengths. An
    annotation whose mask has no pixel is left out.

    Args:
        annotations: JSON of ``images``, ``annotations`` and ``categories``; segmentations as polygons, as compressed
            or as uncompressed run lengths. A category answers to its ``name``, ``synonyms`` and ``supercategory``.
        images: The folder of the files that ``file_name`` names.

    Raises:
        UsageError: If the file cannot be read, is not of this kind, or does not fit the images; the message names the
            entry.
    """
    read = _read(annotations)
    known = _annotated_images(read.images, annotations, images)
    categories = {one.id: _category(one) for one in _unique(read.categories, "category", annotations)}
    found: dict[Id, list[Annotation]] = {image_id: [] for image_id in known}
    for index, entry in enumerate(_Progress(read.annotations, f"annotations of {annotations.name}")):
        try:
            annotation = _annotation(entry, known, categories)
        except ValueError as error:
            raise UsageError(f"{annotations}: {_called(entry, index)} {error}") from error
        if annotation is not None:
            found[entry.image_id].append(annotation)
    return [
        KnownImage(AnnotatedImage(one.path.name, one.size, tuple(found[image_id])), one.pixels, one.digest)
        for image_id, one in known.items()
    ]


class _ImageFile:
    """An image file of the set, as much of it as is kept."""

    __slots__ = ("digest", "path", "pixels", "size")

    def __init__(self, path: Path, content: bytes, size: tuple[int, int]) -> None:
        self.path = path
        self.digest = hashlib.sha256(content).digest()
        self.size = size
        self.pixels = partial(_pixels_of_file, path, size)


def _read(path: Path) -> _File:
    try:
        return _File.model_validate_json(without_mark(path.read_bytes()))
    except OSError as error:
        raise UsageError(f"--coco names {path}, which cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        raise UsageError(f"--coco: {path} is no COCO annotation file: {place or 'it'}: {first['msg']}") from error


def _annotated_images(entries: Sequence[_Image], annotations: Path, folder: Path) -> dict[Id, _ImageFile]:
    paths = {one.id: folder / _file_name(one, annotations) for one in _unique(entries, "image", annotations)}
    [(path, times)] = Counter(paths.values()).most_common(1) or [(folder, 0)]
    if times > 1:
        raise UsageError(f"{annotations}: {times} images have the file name {path.name!r}")
    missing = [path.name for path in paths.values() if not path.is_file()]
    if missing:
        more = ", ..." if len(missing) > NAMED else ""
        raise UsageError(
            f"--images {folder} lacks {len(missing)} of the {len(paths)} images of {annotations.name}: "
            + ", ".join(missing[:NAMED])
            + more
        )
    files = {}
    for entry in _Progress(entries, f"images of {annotations.name}"):
        files[entry.id] = _image_file(paths[entry.id], entry, annotations)
    return files


def _file_name(entry: _Image, annotations: Path) -> str:
    name = entry.file_name or PurePosixPath(urlsplit(entry.coco_url or "").path).name
    if not name or "\0" in name:
        raise UsageError(f"{annotations}: image {entry.id} has no file_name")
    return name


def _image_file(path: Path, entry: _Image, annotations: Path) -> _ImageFile:
    try:
        content = path.read_bytes()
        size = read_header(content).size
    except OSError as error:
        raise UsageError(f"--images: {path} cannot be read: {error.strerror}") from error
    except ImageError as error:
        raise UsageError(f"--images: {path}: {error}") from error
    if size[0] * size[1] > MAX_DECODED:
        raise UsageError(f"--images: {path} has more than {MAX_DECODED} pixels, the most an annotated image may have")
    told = (entry.height or size[0], entry.width or size[1])
    if told != size:
        raise UsageError(
            f"{annotations}: image {entry.id} is said to be {told[1]} wide and {told[0]} high; "
            f"{path.name} is {size[1]} wide and {size[0]} high, turned as its EXIF says"
        )
    return _ImageFile(path, content, size)


def _pixels_of_file(path: Path, size: tuple[int, int]) -> Pixels | None:
    try:
        return pixels_from_content(path.read_bytes(), size=size)
    except OSError:  # gone since it was listed
        return None


def _category(entry: _Category) -> Category:
    names = {entry.name, *entry.synonyms}
    if entry.supercategory is not None and entry.supercategory.lower() not in _NO_NAMES:
        names.add(entry.supercategory)
    return Category(entry.name, frozenset().union(*map(forms_of, names)))


def _annotation(entry: _Annotation, images: dict[Id, _ImageFile], categories: dict[Id, Category]) -> Annotation | None:
    if entry.image_id not in images:
        raise ValueError(f"is of image {entry.image_id}, which `images` does not list")
    if entry.category_id not in categories:
        raise ValueError(f"is of category {entry.category_id}, which `categories` does not list")
    size = images[entry.image_id].size
    runs = runs_from_segmentation(entry.segmentation, size=size)
    return annotation_from_runs(runs, category=categories[entry.category_id], size=size, crowd=entry.iscrowd)


def _called(entry: _Annotation, index: int) -> str:
    return f"annotation {entry.id} (annotations[{index}])" if entry.id is not None else f"annotations[{index}]"


Entry = TypeVar("Entry", _Image, _Category)


def _unique(entries: Iterable[Entry], kind: str, annotations: Path) -> Iterator[Entry]:
    seen: set[Id] = set()
    for entry in entries:
        if entry.id in seen:
            raise UsageError(f"{annotations}: two entries share the {kind} id {entry.id}")
        seen.add(entry.id)
        yield entry


class _Progress(Generic[Item]):
    """Say on stderr how far a loop got, if it takes long."""

    def __init__(self, items: Sequence[Item], what: str) -> None:
        self._items = items
        self._what = what

    def __iter__(self) -> Iterator[Item]:
        due = time.monotonic() + QUIET
        for number, item in enumerate(self._items):
            if time.monotonic() >= due:
                due = time.monotonic() + QUIET
                sys.stderr.write(f"reading {self._what}: {number} of {len(self._items)}\n")
                sys.stderr.flush()
            yield item
