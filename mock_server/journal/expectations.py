"""What a test expects to have been called, and how the requests that came differ from it."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypedDict

from mock_server.journal.entry import Entry
from sam3_contract.errors import UsageError

_SHOWN: Final = 80  # characters of a text in a message
_NEAREST: Final = 3  # requests that a message shows
_DIGEST: Final = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")


def named_image(image: bytes | str | Path) -> str:
    """Name an image as requests are compared by it.

    Args:
        image: The file's bytes, its path, its SHA-256 in hexadecimal, or the URL that a request holds.

    Returns:
        ``sha256:...``, or the URL.

    Raises:
        UsageError: If the file cannot be read, or a text is neither a digest nor a URL.
    """
    if isinstance(image, str):
        digest = _DIGEST.fullmatch(image)
        if digest is None and "://" not in image:
            raise UsageError(
                f"image is {image[:_SHOWN]!r}, neither a SHA-256 in hexadecimal nor a URL; give a file as Path or bytes"
            )
        return f"sha256:{digest[1].lower()}" if digest else image
    if isinstance(image, Path):
        path = image
        try:
            image = path.read_bytes()
        except OSError as error:
            raise UsageError(f"image {path} cannot be read: {error.strerror}") from error
    return f"sha256:{hashlib.sha256(image).hexdigest()}"


class Expected(TypedDict, total=False):
    """What a test may tell of a call; what it leaves out may be anything.

    Attributes:
        text: The text of one of the prompts.
        texts: The texts of all prompts, in order.
        format: The format that was asked for.
        image: The file's bytes, its path, its SHA-256 in hexadecimal, or the URL that the request holds.
        image_id: The client's name for the image.
        status: How the request was answered.
    """

    text: str | None
    texts: Sequence[str] | None
    format: str | None
    image: bytes | str | Path | None
    image_id: str | None
    status: int | None


@dataclass(frozen=True, slots=True)
class ExpectedRequest:
    """What is expected of a request; ``None`` leaves it open.

    Attributes:
        operation: Its ``operationId``.
        text: The text of one of its prompts.
        texts: The texts of all of its prompts, in order.
        format: The format it asks for.
        image: As :func:`named_image` names it.
        image_id: The client's name for the image.
        status: How it was answered.
    """

    operation: str
    text: str | None = None
    texts: tuple[str, ...] | None = None
    format: str | None = None
    image: str | None = None
    image_id: str | None = None
    status: int | None = None

    @classmethod
    def expecting(cls, operation: str, expected: Expected) -> Self:
        """Take what a test tells.

        Raises:
            UsageError: If the image cannot be named, or the texts are a single one.
        """
        texts, image = expected.get("texts"), expected.get("image")
        if isinstance(texts, str):
            raise UsageError(f"texts is {texts!r}, has to be a list of texts; `text` takes a single one")
        return cls(
            operation,
            text=expected.get("text"),
            texts=None if texts is None else tuple(texts),
            format=expected.get("format"),
            image=None if image is None else named_image(image),
            image_id=expected.get("image_id"),
            status=expected.get("status"),
        )

    def __str__(self) -> str:
        """Say it in words."""
        named = ("text", "texts", "format", "image", "image_id", "status")
        wanted = [(name, getattr(self, name)) for name in named]
        words = [f"{name} {_shown(value)}" for name, value in wanted if value is not None]
        return f"{self.operation} with {', '.join(words)}" if words else self.operation

    def differences(self, entry: Entry) -> list[str]:
        """Say what a request has otherwise; nothing if it is the one that is expected."""
        if entry.operation != self.operation:
            return [f"operation is {entry.operation or f'none, {entry.method} {entry.path}'}"]
        found = []
        texts = entry.texts if self.text is not None or self.texts is not None else []
        if self.text is not None and self.text not in texts:
            found.append(f"texts are {_shown(texts)}" if len(texts) != 1 else f"text is {_shown(texts[0])}")
        if self.texts is not None and list(self.texts) != texts:
            found.append(f"texts are {_shown(texts)}")
        if self.image is not None and self.image not in _names_of_image(entry):
            found.append(f"image is {_shown(next(iter(_names_of_image(entry)), None))}")
        plain = ((self.format, entry.format, "format"), (self.image_id, entry.image_id, "image_id"))
        found += [f"{name} is {_shown(has)}" for wanted, has, name in plain if wanted is not None and wanted != has]
        if self.status is not None and self.status != entry.status:
            found.append(f"status is {entry.status}")
        return found

    def nearest(self, requests: Sequence[Entry]) -> list[str]:
        """Describe the requests that differ least, a line for each."""
        others = [(entry, found) for entry in requests if (found := self.differences(entry))]
        others.sort(key=lambda other: (other[0].operation != self.operation, len(other[1]), -self._likeness(other[0])))
        return [
            f"#{entry.number} {entry.operation or entry.path}: {', '.join(found)}" for entry, found in others[:_NEAREST]
        ]

    def _likeness(self, entry: Entry) -> float:
        wanted = self.text if self.text is not None else " ".join(self.texts or ())
        if not wanted or entry.operation != self.operation:
            return 0.0
        return max(
            (_ratio(wanted, text) for text in (entry.texts if self.text else [" ".join(entry.texts)])), default=0.0
        )


def _ratio(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one[:_SHOWN], other[:_SHOWN]).ratio()


def _names_of_image(entry: Entry) -> list[str]:
    image = entry.image
    if image is None:
        return []
    return [name for name in (image.url, image.sha256 and f"sha256:{image.sha256}") if name]


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        value = list(value)
    text = "not given" if value is None else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
