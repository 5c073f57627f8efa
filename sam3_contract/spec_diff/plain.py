"""A schema as a key: two spellings of one rule across parts have the same."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

from sam3_contract.spec_diff.document import Document, LimitError, UnresolvedError
from sam3_contract.spec_diff.values import MAX_DEPTH, MAX_NODES, key_of

__all__ = ["PROSE", "rule_key"]

PROSE: Final = frozenset(
    {"title", "description", "examples", "example", "default", "$comment", "deprecated", "externalDocs", "xml",
     "discriminator", "readOnly", "writeOnly", "contentEncoding", "contentMediaType"}
)  # fmt: skip
"""Keywords that describe and do not constrain."""
_UNORDERED: Final = frozenset({"anyOf", "oneOf", "allOf"})
_NAMED: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "dependencies", "dependentRequired"})


def rule_key(schema: Any, document: Document) -> Hashable:
    """Make a schema a dictionary's key: references resolved, prose dropped, orders that say nothing forgotten.

    Raises:
        LimitError: If it is too deep or too large.
    """
    left = MAX_NODES

    def key(node: Any, depth: int, trail: tuple[Any, ...]) -> Hashable:
        nonlocal left
        left -= 1
        if depth > MAX_DEPTH or left < 0:
            raise LimitError("a rule is too large or too deep")
        if isinstance(node, list):
            return tuple(key(entry, depth + 1, trail) for entry in node)
        if not isinstance(node, dict):
            return key_of(node)
        if "$ref" in node:
            return referred(node["$ref"], depth, trail)
        return frozenset(
            keyword(str(name), entry, depth + 1, trail)
            for name, entry in node.items()
            if name not in PROSE and not str(name).startswith("x-")
        )

    def referred(reference: Any, depth: int, trail: tuple[Any, ...]) -> Hashable:
        if reference in trail:
            return ("circle", len(trail) - trail.index(reference))
        try:
            return key(document.lookup(reference), depth + 1, (*trail, reference))
        except LimitError:
            raise
        except UnresolvedError as error:
            return ("unresolved", str(error))

    def keyword(name: str, value: Any, depth: int, trail: tuple[Any, ...]) -> Hashable:
        if name in _NAMED and isinstance(value, dict):
            return (name, frozenset((str(field), key(entry, depth, trail)) for field, entry in value.items()))
        if name in _UNORDERED and isinstance(value, list):
            return (name, frozenset(key(entry, depth, trail) for entry in value))
        if name == "const":
            return ("enum", frozenset({key_of(value)}))
        if name in {"enum", "required", "type"}:
            return (name, frozenset(key_of(entry) for entry in (value if isinstance(value, list) else [value])))
        return (name, key(value, depth, trail))

    return key(schema, 0, ())
