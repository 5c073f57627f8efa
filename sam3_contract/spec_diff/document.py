"""A document whose references may lead nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

__all__ = ["Document", "LimitError", "UnresolvedError"]

MAX_STEPS: Final = 50_000


class UnresolvedError(Exception):
    """A part of a document cannot be followed; the text says which reference, and why not."""


class LimitError(UnresolvedError):
    """A part of a document is larger or deeper than what is looked at."""


class Document:
    """A parsed OpenAPI document, of which nothing is taken for granted.

    Args:
        root: Any JSON-like value.
    """

    def __init__(self, root: Any) -> None:
        self.root = root
        # Nodes that normalisation makes live as long as the document, so that their identity names them.
        self._made: dict[tuple[Any, ...], Any] = {}
        self._steps = 0

    def spend(self) -> None:
        """Count one step of normalisation.

        Raises:
            LimitError: If the document has cost more steps than any that people write.
        """
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise LimitError(f"the document takes more than {MAX_STEPS} steps to compare")

    def made(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """Make a value once for each key; the key's identities belong to nodes of this document."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def resolve(self, node: Any) -> Any:
        """Follow ``$ref`` until something else is found.

        Raises:
            UnresolvedError: If it leads nowhere, into another file, or back to itself.
        """
        trail: list[Any] = []
        while isinstance(node, dict) and "$ref" in node:
            reference = node["$ref"]
            if reference in trail:
                raise UnresolvedError(f"{reference!r} refers to itself")
            trail.append(reference)
            node = self.lookup(reference)
        return node

    def lookup(self, reference: Any) -> Any:
        """Find what a reference points to.

        Raises:
            UnresolvedError: If it leads nowhere or into another file.
        """
        if not isinstance(reference, str):
            raise UnresolvedError(f"$ref holds {type(reference).__name__}, not a text")
        if not reference.startswith("#"):
            raise UnresolvedError(f"{reference!r} points to another file")
        node = self.root
        for token in unquote(reference[1:]).split("/")[1:]:
            node = _child(node, token.replace("~1", "/").replace("~0", "~"), reference)
        if reference != "#" and not reference.startswith("#/"):
            raise UnresolvedError(f"{reference!r} leads nowhere")
        return node


def _child(node: Any, key: str, reference: str) -> Any:
    if isinstance(node, list) and key.isascii() and key.isdigit() and len(key) < 10 and int(key) < len(node):
        return node[int(key)]
    if isinstance(node, dict):
        for name, value in node.items():
            if str(name) == key:  # YAML reads the key 200 as a number
                return value
    raise UnresolvedError(f"{reference!r} leads nowhere")
