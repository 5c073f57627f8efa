"""A document of which nothing is taken for granted: references may lead nowhere, values may be deep or circular."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable
from typing import Any, Final
from urllib.parse import unquote

MAX_DEPTH: Final = 40
MAX_NODES: Final = 5_000
MAX_SHOWN: Final = 100  # characters
MAX_NUMBER: Final = 10**300  # still a float
PROSE: Final = frozenset({"title", "description", "examples", "example", "$comment", "deprecated", "externalDocs"})
"""Keywords that describe and do not constrain."""


class UnresolvedError(Exception):
    """A part of a document cannot be followed; the text says which reference, and why not."""


class LimitError(UnresolvedError):
    """A part of a document is larger or deeper than what is looked at."""


class Document:
    """A parsed OpenAPI document.

    Args:
        root: Any JSON-like value.
    """

    def __init__(self, root: Any) -> None:
        self.root = root

    @property
    def components(self) -> dict[str, Any]:
        """What the document refers to, by kind."""
        return fields_of(fields_of(self.root).get("components"))

    def resolve(self, node: Any) -> Any:
        """Follow ``$ref`` until something else is found.

        Raises:
            UnresolvedError: If it leads nowhere, into another file, or back to itself.
        """
        for _ in range(MAX_DEPTH):
            if not isinstance(node, dict) or "$ref" not in node:
                return node
            node = self.lookup(node["$ref"])
        raise UnresolvedError(f"{node['$ref']!r} refers to itself")

    def lookup(self, reference: Any) -> Any:
        """Find what a reference points to.

        Raises:
            UnresolvedError: If it leads nowhere or into another file.
        """
        if not isinstance(reference, str):
            raise UnresolvedError(f"$ref holds {type(reference).__name__}, not a text")
        if reference != "#" and not reference.startswith("#/"):
            raise UnresolvedError(f"{reference!r} points to another file")
        node = self.root
        for token in unquote(reference[1:]).split("/")[1:]:
            node = _child(node, token.replace("~1", "/").replace("~0", "~"), reference)
        return node


def _child(node: Any, key: str, reference: str) -> Any:
    if isinstance(node, list) and key.isascii() and key.isdigit() and len(key) < 10 and int(key) < len(node):
        return node[int(key)]
    if isinstance(node, dict):
        for name, value in node.items():
            if str(name) == key:  # YAML reads the key 200 as a number
                return value
    raise UnresolvedError(f"{reference!r} leads nowhere")


def fields_of(node: Any) -> dict[str, Any]:
    """Read a mapping's fields; anything else has none."""
    return {str(name): value for name, value in node.items()} if isinstance(node, dict) else {}


def list_of(node: Any) -> list[Any]:
    """Read a list; anything else is an empty one."""
    return node if isinstance(node, list) else []


def key_of(value: Any) -> Hashable:
    """Make a JSON value a dictionary's key: prose is left out; ``1`` and ``1.0`` are one, ``1`` and ``true`` are not.

    Raises:
        LimitError: If it is too deep or too large.
    """
    left = MAX_NODES

    def key(node: Any, depth: int) -> Hashable:
        nonlocal left
        left -= 1
        if depth > MAX_DEPTH or left < 0:
            raise LimitError("a value is too large or too deep")
        if isinstance(node, dict):
            return ("object", frozenset((name, key(entry, depth + 1)) for name, entry in _telling(node)))
        if isinstance(node, list):
            return ("array", tuple(key(entry, depth + 1) for entry in node))
        if isinstance(node, bool | None):
            return ("constant", node)
        if isinstance(node, int | float):
            # NaN alone differs from itself.
            return ("nan",) if node != node else ("number", node)
        return (type(node).__name__, str(node))

    return key(value, 0)


def _telling(node: dict[Any, Any]) -> list[tuple[str, Any]]:
    return [(str(name), entry) for name, entry in node.items() if name not in PROSE and not str(name).startswith("x-")]


def is_number(value: Any) -> bool:
    """Tell whether a bound is one that can be compared."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= MAX_NUMBER if isinstance(value, int) else math.isfinite(value)


def shown(value: Any) -> str:
    """Write a JSON value in a few words."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError, TypeError):
        text = f"a {'list' if isinstance(value, list) else 'mapping'}, too deep to be shown"
    return shortened(text)


def shortened(text: str, *, limit: int = MAX_SHOWN) -> str:
    """Cut a text to a number of characters, without line breaks and what else a terminal would obey."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text[: 4 * limit].split()))
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."
