"""On which line of a JSON text a value stands: parsers do not tell once they are through."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

__all__ = ["line_of", "repeated_key"]

Path = tuple[str | int, ...]

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder()


def line_of(text: str, path: Sequence[str | int]) -> int:
    r"""Find the line of a value, or of the innermost thing around it that is there.

    Args:
        text: Sound JSON, nested no deeper than Python's parser goes.
        path: Keys and indices from the outside in.

    Returns:
        Counted from 1.

    Example:
        >>> line_of('{"size": [4, 6],\n "masks": [\n  {"counts": 5}]}', ["masks", 0, "counts"])
        3
    """
    wanted = tuple(path)
    start = 0
    for place, found in _places(text):
        # Outer values come before what is in them.
        if found == wanted[: len(found)]:
            start = place
        if found == wanted:
            break
    return text.count("\n", 0, start) + 1


def repeated_key(text: str) -> tuple[int, str] | None:
    r"""Find the first key that an object has twice, and its line counted from 1.

    Example:
        >>> repeated_key('{"a": 1,\n "a": 2}')
        (2, 'a')
    """
    seen: set[Path] = set()
    for place, path in _places(text):
        if path in seen:
            return text.count("\n", 0, place) + 1, str(path[-1])
        seen.add(path)
    return None


def _places(text: str) -> Iterator[tuple[int, Path]]:
    """Yield where each value begins, with its path, in the order of the text."""
    yield from _places_in(text, _skip(text, 0), ())


def _places_in(text: str, start: int, path: Path) -> Iterator[tuple[int, Path]]:
    yield start, path
    opening = text[start]
    if opening not in "[{":
        return
    index = 0
    position = _skip(text, start + 1)
    while text[position] not in "]}":
        step: str | int = index
        if opening == "{":
            step, position = _DECODER.raw_decode(text, position)
            position = _skip(text, _skip(text, position) + 1)
        yield from _places_in(text, position, (*path, step))
        position = _skip(text, _DECODER.raw_decode(text, position)[1])
        if text[position] == ",":
            position = _skip(text, position + 1)
        index += 1


def _skip(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    assert space is not None
    return space.end()
