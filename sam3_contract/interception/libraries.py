"""The HTTP libraries whose calls can be caught here: the library, and what catches it."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Final, Literal

Library = Literal["requests", "httpx", "aiohttp"]

_CATCHERS: Final[dict[Library, str]] = {"requests": "responses", "httpx": "respx", "aiohttp": "aiohttp"}


@cache
def can_catch(library: Library) -> bool:
    """Whether a library and what catches it are installed."""
    return find_spec(library) is not None and find_spec(_CATCHERS[library]) is not None


def how_to_catch_more() -> str:
    """Say which libraries are caught, and what it takes to catch those that are installed but are not."""
    caught = [library for library in _CATCHERS if can_catch(library)]
    lines = [f"caught are calls made with {', '.join(caught)}"]
    lines += [
        f"  to catch {library}: pip install 'sam3-contract[{library}]'"
        for library in _CATCHERS
        if library not in caught and find_spec(library) is not None
    ]
    return "\n".join(lines)
