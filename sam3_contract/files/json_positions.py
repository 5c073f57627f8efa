"""Where a value stands in JSON: its path, and its line in the text, which parsers do not keep."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

JsonPath = Sequence[str | int]
"""Keys and indices from the outside in."""

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder()
_HALF: Final = re.compile("[\ud800-\udfff]")


def json_path(steps: JsonPath, *, any_index: bool = False) -> str:
    """Write a path as JSONPath does.

    Args:
        steps: Keys and indices from the outside in.
        any_index: Whether to leave the indices out, so that all elements of a list have one path.

    Example:
        >>> json_path(["prompts", 0, "text"]), json_path(["prompts", 0, "text"], any_index=True)
        ('$.prompts[0].text', '$.prompts[].text')
    """
    parts = (f"[{'' if any_index else step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return "$" + "".join(parts)


def line_of(text: str, path: JsonPath) -> int:
    r"""Find the line of a value, or of the innermost thing around it that is there.

    Args:
        text: Sound JSON, nested no deeper than Python's parser goes.
        path: Keys and indices from the outside in.

    Returns:
        Counted from 1; of a field, the line of its name.

    Example:
        >>> line_of('{"size": [4, 6],\n "masks": [\n  {"counts": 5}]}', ["masks", 0, "counts"])
        3
    """
    place = value = _after_space(text, 0)
    for wanted in path:
        found = next((entry for entry in _entries(text, value) if entry[0] == wanted), None)
        if found is None:
            break
        _, place, value = found
    return text.count("\n", 0, place) + 1


def repeated_key(text: str) -> tuple[int, str] | None:
    r"""Find the first key that an object has twice, and its line counted from 1.

    Example:
        >>> repeated_key('{"a": 1,\n "a": 2}')
        (2, 'a')
    """
    return _repeated_in(text, _after_space(text, 0))


def half_pair(value: Any) -> list[str | int] | None:
    r"""Find the first text, or the first name, that holds half of a surrogate pair: UTF-8 cannot write it.

    Args:
        value: What JSON holds.

    Returns:
        Its path; of a name, that of the object.

    Example:
        >>> half_pair(json.loads('{"prompts": [{"text": "\ud83d"}]}'))
        ['prompts', 0, 'text']
    """
    pending: list[tuple[Any, list[str | int]]] = [(value, [])]
    for node, path in pending:
        texts = [node] if isinstance(node, str) else list(node) if isinstance(node, dict) else []
        if any(_HALF.search(text) for text in texts):
            return path
        entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        pending += [(inner, [*path, step]) for step, inner in entries if isinstance(inner, dict | list | str)]
    return None


def _repeated_in(text: str, start: int) -> tuple[int, str] | None:
    met: set[str | int] = set()
    for step, place, value in _entries(text, start):
        if step in met:
            return text.count("\n", 0, place) + 1, str(step)
        met.add(step)
        inner = _repeated_in(text, value)
        if inner is not None:
            return inner
    return None


def _entries(text: str, start: int) -> Iterator[tuple[str | int, int, int]]:
    """List the entries of the object or list that begins at *start*; anything else has none.

    Yields:
        The key or index; where the entry begins, its key included; and where its value begins.
    """
    if text[start] not in "[{":
        return
    is_object = text[start] == "{"
    position, index = _after_space(text, start + 1), 0
    while text[position] not in "]}":
        place, step = position, index
        if is_object:
            step, position = _DECODER.raw_decode(text, position)
            position = _after_space(text, _after_space(text, position) + 1)
        yield step, place, position
        position = _after_space(text, _DECODER.raw_decode(text, position)[1])
        if text[position] == ",":
            position = _after_space(text, position + 1)
        index += 1


def _after_space(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    assert space is not None
    return space.end()
