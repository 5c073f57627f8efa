"""Find the masks in one JSON document too large for memory: an array of records, or a COCO file.

For JSON Lines, give each line to `parse_json` and `masks_of_record` instead.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sam3_contract.errors import MaskError
from sam3_contract.masks.catalogue.lookup import finding_of
from sam3_contract.masks.json_files.records import MaskRecord, id_of, masks_of_entry, size_of_entry
from sam3_contract.masks.json_files.text import MAX_DEPTH, NotingReader, depth_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sam3_contract.masks.catalogue.finding import Finding

__all__ = ["elements_of_text", "masks_of_text"]

MAX_ELEMENT = 2**26
"""Characters of one element, the most that is held in memory at a time."""

_SPACE = " \t\r\n"

_ARRAYS = ("$[", "$.annotations[", "$.predictions[", "$.prompt_results[")
"""How the paths of elements begin that hold masks; a COCO file also has arrays of categories and licences."""

_MAX_REMEMBERED_KEYS = 1000
"""Keys of the outermost object that are compared with later ones."""


def masks_of_text(
    chunks: Iterable[str], *, image_size: tuple[int, int] | None = None, findings: list[Finding] | None = None
) -> Iterator[MaskRecord]:
    """Yield every mask of a JSON document while it is being read.

    Args:
        chunks: The text in pieces of any length, such as reads of a megabyte.
        image_size: ``(height, width)`` in pixels of the image that all masks belong to; None if not known. The size
            that a COCO file states for an image takes precedence, if its ``images`` come before its ``annotations``.
        findings: Where to note what is not JSON although parsers accept it, as `parse_json` finds it; the caller may
            empty it at any time.

    Yields:
        One record per mask, in the order of the text.

    Raises:
        MaskError: If the text is no JSON, or one of its elements is larger than the limit.

    Example:
        >>> images = '{"images": [{"id": 7, "height": 4, "width": 6}], '
        >>> annotations = '"annotations": [{"image_id": 7, "segmentation": {"size": [4, 6], "counts": "5220;"}}]}'
        >>> next(masks_of_text([images, annotations[:50], annotations[50:]])).image_size
        (4, 6)
    """
    sizes: dict[object, tuple[int, int] | None] = {}
    for path, element in elements_of_text(chunks, findings=findings):
        if path == "$.image" and isinstance(element, dict):
            image_size = size_of_entry(element, default=image_size)
        own = image_size
        if path.startswith("$.images["):
            if isinstance(element, dict) and id_of(element.get("id")) is not None:
                sizes[id_of(element["id"])] = size_of_entry(element, default=image_size)
            continue
        if isinstance(element, dict) and id_of(element.get("image_id")) is not None:
            own = sizes.get(id_of(element["image_id"]), image_size)
        if path.startswith(_ARRAYS):
            yield from masks_of_entry(element, image_size=own, path=path)


def elements_of_text(chunks: Iterable[str], *, findings: list[Finding] | None = None) -> Iterator[tuple[str, Any]]:
    """Yield the elements of the outermost array, or of each array in the outermost object, one at a time.

    Args:
        chunks: The text in pieces of any length.
        findings: Where to note repeated keys, NaN, integers beyond 64 bits and deep nesting; None to look for none.

    Yields:
        ``(path, element)``, such as ``$[0]`` or ``$.annotations[0]``; an object's other values as ``$.key``.

    Raises:
        MaskError: If the text is no JSON, or one of its elements is larger than the limit.

    Example:
        >>> list(elements_of_text(['{"a": [1, ', '2], "b": "x"}']))
        [('$.a[0]', 1), ('$.a[1]', 2), ('$.b', 'x')]
    """
    text = _Text(chunks, findings)
    opening = text.peek()
    if opening == "[":
        yield from _elements(text, path="$")
    elif opening == "{":
        text.take("{")
        keys: set[object] = set()
        while text.peek() != "}":
            key = text.key()
            if key in keys:
                text.note(finding_of("key_repeated", path="$", found=key, expected="each key once"))
            elif len(keys) < _MAX_REMEMBERED_KEYS:
                keys.add(key)
            text.take(":")
            if text.peek() == "[":
                yield from _elements(text, path=f"$.{key}")
            else:
                yield f"$.{key}", text.value(f"$.{key}")
            text.step("}")
        text.take("}")
    else:
        yield "$", text.value("$")
    if text.peek():
        raise text.error("the end")


def _elements(text: _Text, *, path: str) -> Iterator[tuple[str, Any]]:
    text.take("[")
    index = 0
    while text.peek() != "]":
        yield f"{path}[{index}]", text.value(f"{path}[{index}]")
        index += 1
        text.step("]")
    text.take("]")


class _Text:
    """A window on the text that moves forward and is refilled on demand."""

    def __init__(self, chunks: Iterable[str], findings: list[Finding] | None) -> None:
        self._chunks = iter(chunks)
        self._findings = findings
        self._reader = NotingReader("$")
        self._decoder = self._reader.decoder()
        self._window = ""
        self._place = 0
        self._passed = 0

    def peek(self) -> str:
        """Return the next character that is no space, without taking it; empty at the end."""
        while True:
            while self._place < len(self._window):
                if self._window[self._place] not in _SPACE:
                    return self._window[self._place]
                self._place += 1
            if not self._refill():
                return ""

    def take(self, character: str) -> None:
        """Step over a character that must come next."""
        if self.peek() != character:
            raise self.error(repr(character))
        self._place += 1

    def step(self, closing: str) -> None:
        """Step over the comma before the next element, unless the list closes here."""
        if self.peek() != closing:
            self.take(",")
            if self.peek() == closing:
                raise self.error("a JSON value")

    def key(self) -> Any:
        """Take the key of a member."""
        if self.peek() != '"':
            raise self.error("a key")
        return self.value("$")

    def note(self, finding: Finding) -> None:
        """Note a finding, if any are wanted."""
        if self._findings is not None:
            self._findings.append(finding)

    def value(self, path: str) -> Any:
        """Take a whole value, whose place is *path*."""
        self.peek()
        self._reader.path = path
        while True:
            self._reader.findings.clear()
            try:
                value, end = self._decoder.raw_decode(self._window, self._place)
            except (json.JSONDecodeError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self._grow():
                    raise self.error("a JSON value") from error
                continue
            # A number near the end of the window may go on in the next piece: "1e+" is read as 1 so far.
            if end + 3 > len(self._window) and isinstance(value, (int, float)) and self._grow():
                continue
            self._note_findings(end, path=path)
            self._place = end
            return value

    def _note_findings(self, end: int, *, path: str) -> None:
        if self._findings is None:
            return
        self._findings.extend(self._reader.findings.values())
        if depth_of(self._window[self._place : end]) > MAX_DEPTH:
            expected = f"at most {MAX_DEPTH} levels"
            self.note(finding_of("nested_too_deep", path=path, said="more levels", expected=expected))

    def error(self, expected: str) -> MaskError:
        """Say what stands here and what was expected instead."""
        found = self._window[self._place : self._place + 20]
        return MaskError(f"character {self._passed + self._place} begins {found!r}, expected {expected}", code="TXT01")

    def _refill(self) -> bool:
        self._passed += self._place
        self._window, self._place = self._window[self._place :], 0
        chunk = next(self._chunks, None)
        self._window += chunk or ""
        return chunk is not None

    def _grow(self) -> bool:
        """Double the window, so that a value of many pieces is not read anew for each of them."""
        goal = 2 * (len(self._window) - self._place)
        if goal > 2 * MAX_ELEMENT:
            raise MaskError(f"the value at character {self._passed} is longer than {MAX_ELEMENT}", code="TXT01")
        pieces = []
        length = len(self._window) - self._place
        while length <= goal and (chunk := next(self._chunks, None)) is not None:
            pieces.append(chunk)
            length += len(chunk)
        if pieces:
            self._window = "".join([self._window[self._place :], *pieces])
            self._passed, self._place = self._passed + self._place, 0
        return bool(pieces)
