"""Requests and answers cut short for reading: what is long is measured, what was found fault with is marked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sam3_contract.errors import ImageError, MaskError
from sam3_contract.exchanges.exchange import Exchange, keys_sent
from sam3_contract.images import bytes_from_base64, read_header
from sam3_contract.masks import masks_from_npz
from sam3_contract.redaction import MASK, bytes_without_key, without_key
from sam3_contract.report.words import safe

__all__ = ["Line", "answer_lines", "digest_of", "request_lines", "steps_of"]

MAX_LINES: Final = 80
MAX_ITEMS: Final = 4  # of a list, beside the one that is marked
MAX_MEMBERS: Final = 40  # of an object, likewise
MAX_INLINE: Final = 88  # characters of a list or object on one line
MAX_TEXT: Final = 120  # characters of a string
MAX_DEPTH: Final = 24
MAX_PREVIEW: Final = 2_000  # bytes of an answer that is no JSON

_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a request or an answer.

    Attributes:
        text: Without the key and control characters.
        marked: Whether the breach is here.
    """

    text: str
    marked: bool = False


def steps_of(path: str) -> Steps:
    """Take a JSON path apart; empty if it is none, or of the whole.

    Example:
        >>> steps_of("$.predictions[0].masks")
        ('predictions', 0, 'masks')
    """
    if not path.startswith("$"):
        return ()
    return tuple(name or int(index) for name, index in _STEP.findall(path))


def digest_of(content: bytes) -> str:
    """Name a file by its size and digest."""
    return f"{len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()[:12]}"


def request_lines(exchange: Exchange) -> list[Line]:
    """Show the body of a request; of an image only what it is."""
    case = exchange.case
    if case.body is None:
        return []
    if isinstance(case.body, bytes):
        return _preview(case.body, exchange)
    body: dict[str, Any] = {**case.body}
    if body.get("api_key") is not None or keys_sent(case.key_in, exchange.key).body:
        body["api_key"] = MASK
    if isinstance(body.get("image"), Mapping):
        body["image"] = {**body["image"], "value": _image(body["image"])}
    return _cut(_Printer(exchange, ()).lines(body))


def answer_lines(exchange: Exchange, at: str) -> list[Line]:
    """Show the body of an answer.

    Args:
        exchange: The exchange.
        at: JSON path of what was found, which is kept and marked.
    """
    if exchange.answer is None:
        return _archive(exchange) or _preview(exchange.body, exchange)
    return _cut(_Printer(exchange, _existing(steps_of(at), exchange.answer)).lines(exchange.answer))


@dataclass(frozen=True, slots=True)
class _Raw:
    """Stands for what is not shown."""

    text: str


def _image(image: Mapping[str, Any]) -> Any:
    value = image.get("value")
    if image.get("type") != "base64" or not isinstance(value, str) or len(value) <= MAX_TEXT:
        return value
    try:
        content = bytes_from_base64(value)
    except ImageError:
        return _Raw(f"({len(value):,} characters that are no base64)")
    try:
        header = read_header(content)
    except ImageError:
        return _Raw(f"(no image, {digest_of(content)})")
    return _Raw(f"({header.format}, {header.width} x {header.height}, {digest_of(content)})")


def _existing(steps: Steps, value: Any) -> Steps:
    """Cut a path off where the answer has nothing: a missing field is marked by what lacks it."""
    for number, step in enumerate(steps):
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return steps[:number]
        elif not isinstance(value, dict) or step not in value:
            return steps[:number]
        value = value[step]
    return steps


@dataclass(frozen=True, slots=True)
class _Printer:
    """Writes JSON, indented, with what is long cut short.

    Attributes:
        exchange: Whose key is masked.
        marked: Path of the value to mark; empty for none.
    """

    exchange: Exchange
    marked: Steps

    def lines(self, value: Any, *, path: Steps = (), name: str = "", end: str = "") -> Iterator[Line]:
        """Write a value.

        Args:
            value: What ``orjson`` has read, or a stand-in.
            path: Where it lies.
            name: What stands before it on its line.
            end: What stands behind it on its line.
        """
        indent = "  " * len(path)
        is_here = bool(self.marked) and path == self.marked
        inside = is_here or (bool(self.marked) and path[: len(self.marked)] == self.marked)
        leads_there = not inside and self.marked[: len(path)] == path and bool(self.marked)
        text = None if leads_there else self._inline(value)
        if text is None and len(path) >= MAX_DEPTH:
            text = "…"
        if text is not None:
            yield self._line(f"{indent}{name}{text}{end}", marked=inside)
        elif isinstance(value, dict):
            yield self._line(f"{indent}{name}{{", marked=inside)
            yield from self._members(value, path)
            yield self._line(f"{indent}}}{end}", marked=inside)
        else:
            yield self._line(f"{indent}{name}[", marked=inside)
            yield from self._items(value, path)
            yield self._line(f"{indent}]{end}", marked=inside)

    def _members(self, value: dict[str, Any], path: Steps) -> Iterator[Line]:
        last = len(value) - 1
        wanted = self._wanted(path)
        for number, (key, member) in enumerate(value.items()):
            if number < MAX_MEMBERS or key == wanted:
                name = f"{self._text(key)}: "
                yield from self.lines(member, path=(*path, key), name=name, end="," * (number < last))
        if len(value) > MAX_MEMBERS:
            yield Line(f"{'  ' * (len(path) + 1)}… {len(value) - MAX_MEMBERS:,} more")

    def _wanted(self, path: Steps) -> str | int | None:
        """Tell the step that leads from a place to what is marked."""
        leads_there = len(self.marked) > len(path) and self.marked[: len(path)] == path
        return self.marked[len(path)] if leads_there else None

    def _items(self, value: Sequence[Any], path: Steps) -> Iterator[Line]:
        wanted = self._wanted(path)
        shown = sorted({*range(min(len(value), MAX_ITEMS)), *([wanted] if isinstance(wanted, int) else [])})
        before = -1
        for index in [*shown, len(value)]:
            if index - before > 1:
                yield Line(f"{'  ' * (len(path) + 1)}… {index - before - 1:,} more")
            if index < len(value):
                yield from self.lines(value[index], path=(*path, index), end="," * (index < len(value) - 1))
            before = index

    def _inline(self, value: Any) -> str | None:
        """Write a value on one line; ``None`` if it is too long for that."""
        if isinstance(value, _Raw):
            return value.text
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict | list):
            return self._inline_container(value)
        return _as_json(value)

    def _inline_container(self, value: dict[str, Any] | list[Any]) -> str | None:
        nested = list(value.values()) if isinstance(value, dict) else value
        if len(nested) > MAX_INLINE // 2 or any(isinstance(inner, dict | _Raw) for inner in nested):
            return None
        # Lists of points are short; anything deeper is not worth a look before it is cut.
        if any(isinstance(inner, list) and any(isinstance(deep, dict | list) for deep in inner) for inner in nested):
            return None
        if any(isinstance(inner, list | str) and len(inner) > MAX_INLINE for inner in nested):
            return None
        text = _as_json(value)
        return text if len(text) <= MAX_INLINE else None

    def _text(self, text: str) -> str:
        """Write a string; the key is masked first, so that no part of it is left by the cut."""
        text = without_key(text, self.exchange.key)
        if len(text) <= MAX_TEXT:
            return json.dumps(text, ensure_ascii=False)
        cut = f"{text[: MAX_TEXT // 2]}…{text[-MAX_TEXT // 2 :]}"
        return f"{json.dumps(cut, ensure_ascii=False)} ({len(text):,} characters)"

    def _line(self, text: str, *, marked: bool) -> Line:
        return Line(safe(text, self.exchange), marked)


def _as_json(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, TypeError):  # a number of more digits than Python writes
        return f"({type(value).__name__})"
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def _cut(lines: Iterator[Line]) -> list[Line]:
    """Keep the first lines, and those around the first that is marked."""
    listed = list(lines)
    if len(listed) <= MAX_LINES:
        return listed
    first = next((number for number, line in enumerate(listed) if line.marked), 0)
    if first < MAX_LINES - 10:
        return [*listed[:MAX_LINES], Line(f"… {len(listed) - MAX_LINES:,} more lines")]
    head, begin = listed[: MAX_LINES // 4], first - MAX_LINES // 4
    body = listed[begin : begin + MAX_LINES * 3 // 4]
    rest = len(listed) - begin - len(body)
    tail = [Line(f"… {rest:,} more lines")] if rest > 0 else []
    return [*head, Line(f"… {begin - len(head):,} lines"), *body, *tail]


def _archive(exchange: Exchange) -> list[Line]:
    """Say what an npz holds; nothing if the answer is none."""
    try:
        binary = masks_from_npz(exchange.body)
    except MaskError:
        return []
    arrays = (("masks", binary.masks), ("low_res_masks", binary.low_res_masks))
    return [
        Line(f"npz archive, {digest_of(exchange.body)}"),
        *(Line(f"  {name}: {array.dtype} {array.shape}") for name, array in arrays),
    ]


def _preview(content: bytes, exchange: Exchange) -> list[Line]:
    """Show bytes that are no JSON: as text if they are, else what they begin with."""
    if not content:
        return [Line("(empty)")]
    masked = bytes_without_key(content, exchange.key)
    part = masked[:MAX_PREVIEW]
    try:
        text = masked.decode()[:MAX_PREVIEW]
    except UnicodeDecodeError:
        return [Line(f"({digest_of(content)}; it begins with {part[:48]!r})")]
    lines = [Line(safe(line, exchange)) for line in text.splitlines()[:MAX_LINES]]
    return [*lines, Line(f"… {len(content):,} bytes in all")] if len(content) > MAX_PREVIEW else lines
