"""The entries of annotation files of the COCO kind, LVIS' and SA-Co's among them: each is read or refused by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainValidator,
    PositiveInt,
    TypeAdapter,
    ValidationError,
)

from mock_server.annotations.segmentations import packed
from sam3_contract.errors import UsageError
from sam3_contract.files.bounded import without_mark
from sam3_contract.files.kinds import kind_of

Id = int | str
Model = TypeVar("Model", bound="_Part")
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")  # of a surrogate pair
# Some exporters write 0 where they do not know it; the image's own file tells.
Side = Annotated[PositiveInt | None, BeforeValidator(lambda value: None if value == 0 else value)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class CocoImage(_Part):
    """An entry of ``images``."""

    id: Id
    file_name: str | None = None
    coco_url: str | None = None  # LVIS tells the file's name only here
    text_input: str | None = None  # SA-Co's noun phrase, which all annotations of the entry answer to
    width: Side = None
    height: Side = None


class CocoCategory(_Part):
    """An entry of ``categories``."""

    id: Id
    name: str
    synonyms: list[str] = []
    supercategory: str | None = None


class CocoAnnotation(_Part):
    """An entry of ``annotations``."""

    id: Id | None = None
    image_id: Id
    category_id: Id
    segmentation: Annotated[Any, AfterValidator(packed)] = None
    bbox: Any = None
    # Some exporters write null where they know of no crowds.
    iscrowd: Annotated[bool, BeforeValidator(lambda value: value or False)] = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry that cannot be read.

    Attributes:
        id: Its id, if that can be.
        reason: What is wrong with it; begins with the place in the entry, such as ``.iscrowd:``.
    """

    id: Id | None
    reason: str


def _reader(model: type[Model]) -> Callable[[Any], Model | Unreadable]:
    adapter = TypeAdapter(model)

    def read(value: Any) -> Model | Unreadable:
        if not isinstance(value, dict):
            return Unreadable(None, ": is no object")
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            own_id = value.get("id")
            return Unreadable(own_id if isinstance(own_id, Id) else None, _first_error(error))

    return read


class CocoFile(_Part):
    """An annotation file."""

    images: list[Annotated[CocoImage | Unreadable, PlainValidator(_reader(CocoImage))]]
    annotations: list[Annotated[CocoAnnotation | Unreadable, PlainValidator(_reader(CocoAnnotation))]]
    categories: list[Annotated[CocoCategory | Unreadable, PlainValidator(_reader(CocoCategory))]]


def read_coco_file(path: Path) -> CocoFile:
    """Read an annotation file: JSON of ``images``, ``annotations`` and ``categories``.

    Raises:
        UsageError: If it cannot be read, or has no such lists; an entry that cannot be read is `Unreadable` instead.
    """
    try:
        content = without_mark(path.read_bytes())
        return _parsed(content)
    except OSError as error:
        raise UsageError(f"--coco names {path}, which cannot be read: {error.strerror}") from error
    except ValidationError as error:
        kind = kind_of(content)
        reason = f"it is {kind}" if kind else _first_error(error).lstrip(".: ")
        raise UsageError(f"--coco: {path} is no COCO annotation file: {reason}") from error


def _parsed(content: bytes) -> CocoFile:
    try:
        return CocoFile.model_validate_json(content)
    except ValidationError as error:
        # Python writes half a pair for a file name that is no UTF-8, and alone reads it: one entry is off, not all.
        if not _HALF.search(content):
            raise
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            raise error from None
        return CocoFile.model_validate(value)


def _first_error(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return f"{place}: {first['msg']}"
