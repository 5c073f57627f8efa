"""Annotation files of the COCO kind, matched with their images: a mask that is off is left out and named, not guessed.

SA-Co lists an image file once for each noun phrase; entries of one file are one image.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final, Generic, Literal, TypeVar
from urllib.parse import urlsplit

from mock_server.annotations.annotated_image import AnnotatedImage, Annotation, Category, annotation_from_runs
from mock_server.annotations.coco_file import CocoAnnotation, CocoCategory, CocoImage, Id, Unreadable, read_coco_file
from mock_server.annotations.left_out import LeftOut
from mock_server.annotations.library import MAX_DECODED, KnownImage, Pixels, pixels_from_content
from mock_server.annotations.nouns import forms_of
from mock_server.annotations.segmentations import runs_from_segmentation
from sam3_contract.errors import ImageError, UsageError
from sam3_contract.files.bounded import read_bounded
from sam3_contract.images import read_header

QUIET: Final = 2.0  # seconds of reading before it is said how far it got, and between two such lines
_MAX_BYTES: Final = 2**28  # of an image file; a device that somebody's file names has no end
_NO_NAMES: Final = frozenset({"", "none"})  # what exporters write where there is no supercategory

Item = TypeVar("Item")
Entry = TypeVar("Entry", CocoImage, CocoCategory)


@dataclass(frozen=True, slots=True)
class AnnotatedSet:
    """What an annotation file and its folder of images hold.

    Attributes:
        images: Those that are there and fit, with the annotations that are sound.
        left_out: What was left out and why, in one line; empty if nothing was.
    """

    images: Sequence[KnownImage]
    left_out: str


def load_coco(annotations: Path, images: Path, *, strict: bool = False) -> AnnotatedSet:
    """Load an annotation file and the images it tells of.

    Every image file is read once, for its size and digest; none is decoded. Masks are kept as run lengths. An
    annotation that covers no pixel of its image is dropped: nothing could find it.

    Args:
        annotations: JSON of ``images``, ``annotations`` and ``categories``; segmentations as polygons, as compressed
            or as uncompressed run lengths. A category answers to its ``name``, ``synonyms`` and ``supercategory``, an
            annotation also to its image entry's ``text_input``.
        images: The folder of the files that ``file_name`` names.
        strict: Refuse the file if anything would be left out.

    Raises:
        UsageError: If the file cannot be read or is not of this kind, if no image of it can be served, or, if *strict*,
            if an entry is not sound.
    """
    read = read_coco_file(annotations)
    left_out = LeftOut({kind: len(getattr(read, kind)) for kind in ("images", "categories", "annotations")})
    views = _views(read.images, images, left_out, said=annotations.name)
    if not views:
        raise UsageError(f"{annotations}: no image can be served: {left_out or 'it lists none'}")
    categories = {one.id: one for one in _unambiguous(read.categories, "categories", left_out)}
    reader = _AnnotationReader(
        views, categories, left_out, listed=({one.id for one in read.images}, {one.id for one in read.categories})
    )
    for index, entry in enumerate(_Progress(read.annotations, f"annotations of {annotations.name}")):
        reader.add(entry, index)
    if strict and left_out:
        raise UsageError(f"{annotations} is not sound: {left_out}")
    files = dict.fromkeys(view.file for view in views.values())
    return AnnotatedSet([file.known() for file in files], str(left_out))


class _ImageFile:
    """An image file of the set, as much of it as is kept, and what is found to be in it."""

    __slots__ = ("annotations", "digest", "path", "size")

    def __init__(self, path: Path, content: bytes, size: tuple[int, int]) -> None:
        self.path = path
        self.digest = hashlib.sha256(content).digest()
        self.size = size
        self.annotations: list[Annotation] = []

    def known(self) -> KnownImage:
        image = AnnotatedImage(self.path.name, self.size, tuple(self.annotations))
        return KnownImage(image, partial(_pixels_of_file, self.path, self.size), self.digest)


@dataclass(frozen=True, slots=True)
class _View:
    """An entry of ``images``: a file, and the noun phrase that the entry's annotations answer to, if there is one."""

    file: _ImageFile
    phrase: str | None


def _views(entries: Sequence[CocoImage | Unreadable], folder: Path, left_out: LeftOut, *, said: str) -> dict[Id, _View]:
    """Find the file of each entry, by the entry's id; two entries of one file share it."""
    files: dict[Path, _ImageFile] = {}
    views = {}
    for entry in _Progress(list(_unambiguous(entries, "images", left_out)), f"images of {said}"):
        try:
            views[entry.id] = _View(_image_file(entry, folder, files), entry.text_input)
        except ValueError as error:
            left_out.add("images", f"image {entry.id}: {error}")
    return views


def _unambiguous(
    entries: Sequence[Entry | Unreadable], kind: Literal["images", "categories"], left_out: LeftOut
) -> Iterator[Entry]:
    """Yield the entries that can be read, each id once; of those that share one, none, unless they say the same."""
    by_id: dict[Id, list[Entry]] = {}
    for index, entry in enumerate(entries):
        if isinstance(entry, Unreadable):
            left_out.add(kind, f"{kind}[{index}]{entry.reason}")
        else:
            by_id.setdefault(entry.id, []).append(entry)
    for shared, entries_of_id in by_id.items():
        if all(one == entries_of_id[0] for one in entries_of_id):
            yield entries_of_id[0]
            continue
        left_out.add(kind, f"{len(entries_of_id)} different entries share the id {shared}")
        for _ in entries_of_id[1:]:
            left_out.add(kind)


def _image_file(entry: CocoImage, folder: Path, files: dict[Path, _ImageFile]) -> _ImageFile:
    name = entry.file_name or PurePosixPath(urlsplit(entry.coco_url or "").path).name
    if not name or "\0" in name:
        raise ValueError("it has no file_name")
    path = _path_in(folder, name)
    if path not in files:
        files[path] = _read_image_file(path)
    size = files[path].size
    told = (entry.height or size[0], entry.width or size[1])
    if told != size:
        raise ValueError(
            f"it is said to be {told[1]} wide and {told[0]} high; "
            f"{path.name} is {size[1]} wide and {size[0]} high, turned as its EXIF says"
        )
    return files[path]


def _path_in(folder: Path, name: str) -> Path:
    """Find the file that an entry names, be it as Windows names files in folders."""
    path = folder / name
    if "\\" in name and not os.path.exists(path):  # noqa: PTH110 - which takes names of any length
        return folder / name.replace("\\", "/")
    return path


def _read_image_file(path: Path) -> _ImageFile:
    try:
        content = read_bounded(path, most=_MAX_BYTES)
        size = read_header(content).size
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except ImageError as error:
        raise ValueError(f"{path}: {error}") from error
    if size[0] * size[1] > MAX_DECODED:
        raise ValueError(f"{path} has more than {MAX_DECODED} pixels, the most an annotated image may have")
    return _ImageFile(path, content, size)


def _pixels_of_file(path: Path, size: tuple[int, int]) -> Pixels | None:
    try:
        return pixels_from_content(read_bounded(path, most=_MAX_BYTES), size=size)
    except OSError:  # gone since it was listed
        return None


class _AnnotationReader:
    """Reads annotations into the files that they are of.

    Args:
        views: Entries of ``images`` by id, of those that are served.
        categories: By id, those that are sound.
        left_out: Takes what is not sound.
        listed: The ids of images, and those of categories, that the file lists, sound or not.
    """

    def __init__(
        self,
        views: Mapping[Id, _View],
        categories: Mapping[Id, CocoCategory],
        left_out: LeftOut,
        *,
        listed: tuple[set[Id | None], set[Id | None]],
    ) -> None:
        self._views = views
        self._categories = categories
        self._left_out = left_out
        self._images_listed, self._categories_listed = listed
        self._named: dict[tuple[Id, str | None], Category] = {}

    def add(self, entry: CocoAnnotation | Unreadable, index: int) -> None:
        """Read the annotation at a place of the file; one that is not sound is left out."""
        if isinstance(entry, Unreadable):
            self._left_out.add("annotations", f"annotations[{index}]{entry.reason}")
            return
        try:
            self._add(entry)
        except _LeftOutAlreadyError:
            self._left_out.add("annotations")
        except ValueError as error:
            called = (
                f"annotation {entry.id} at annotations[{index}]" if entry.id is not None else f"annotations[{index}]"
            )
            self._left_out.add("annotations", f"{called} {error}")

    def _add(self, entry: CocoAnnotation) -> None:
        view = _look_up("image", entry.image_id, self._views, self._images_listed)
        category = _look_up("category", entry.category_id, self._categories, self._categories_listed)
        if not entry.segmentation and isinstance(entry.bbox, list):
            raise ValueError("has a box only, no mask")
        size = view.file.size
        runs = runs_from_segmentation(entry.segmentation, size=size)
        named = (category.id, view.phrase)
        if named not in self._named:
            self._named[named] = _category(category, view.phrase)
        annotation = annotation_from_runs(runs, category=self._named[named], size=size, crowd=entry.iscrowd)
        if annotation is not None:
            view.file.annotations.append(annotation)


class _LeftOutAlreadyError(ValueError):
    """An annotation of an image or category that is left out itself: that is said already."""


def _look_up(kind: str, wanted: Id, sound: Mapping[Id, Item], listed: set[Id | None]) -> Item:
    if wanted in sound:
        return sound[wanted]
    if wanted in listed:
        raise _LeftOutAlreadyError
    lists = {"image": "images", "category": "categories"}[kind]
    raise ValueError(f"is of {kind} {wanted!r}, which `{lists}` does not list")


def _category(entry: CocoCategory, phrase: str | None) -> Category:
    names = {entry.name, *entry.synonyms}
    if entry.supercategory is not None and entry.supercategory.lower() not in _NO_NAMES:
        names.add(entry.supercategory)
    if phrase:
        names.add(phrase)
    return Category(phrase or entry.name, frozenset().union(*map(forms_of, names)))


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
