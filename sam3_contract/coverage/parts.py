"""The parts of the contract that a client's tests can meet, as the OpenAPI document lists them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from mock_server.faults import FAULTS
from sam3_contract.spec import Contract

__all__ = ["CUT", "OPERATIONS", "Part", "field_paths", "parts_of"]

Kind = Literal["operation", "format", "field", "answer", "fault family"]

CUT: Final = "no answer"
"""What stands for a status where the connection ended before the answer was whole."""
_STATUSES: Final = ("200", "400", "401", "402", "403", "422", "429", "500", "502", "503", "504")
"""Answers that a client's own code has to be ready for; what only a wrong address brings about is left out."""
OPERATIONS: Final = ("concept_segment", "visual_segment", "embed_image")
_DEEPEST: Final = 12
_BOOKKEEPING: Final = frozenset(
    {"api_key", "id", "usage_billable", "start", "source", "source_info", "sam2_version_id"}
)
"""Fields that change no answer."""
_WHOLE: Final = frozenset({"x", "y", "width", "height", "x0", "y0", "x1", "y1", "value"})
"""Fields that come with the box, the click or the image that they are of."""
_SPELLINGS: Final = {"prompts.prompts": "prompts", "prompts.": "prompts[]."}


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """Something that a test can meet.

    Attributes:
        kind: What kind of thing.
        operation: Whose; empty for what all operations share.
        name: Its name: a field as ``prompts[].text``, a status, a family.
    """

    kind: Kind
    operation: str
    name: str

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name if self.kind == "operation" else f"{self.operation} {self.name}".strip()


def parts_of(contract: Contract) -> list[Part]:
    """List every part, in the order of the document."""
    found: dict[Part, None] = {}
    for operation in OPERATIONS:
        found[Part("operation", operation, operation)] = None
        schema = {"$ref": f"#/components/schemas/{contract.operation(operation).request_schema}"}
        for path, values in _fields(contract, schema, ""):
            if path == "format":
                found |= dict.fromkeys(Part("format", operation, str(value)) for value in values)
            elif path not in _BOOKKEEPING:
                found[Part("field", operation, path)] = None
    found |= dict.fromkeys(Part("answer", "", status) for status in (*_STATUSES, CUT))
    found |= dict.fromkeys(Part("fault family", "", fault.family) for fault in FAULTS.values())
    return list(found)


def field_paths(value: Any, path: str = "", *, depth: int = 0) -> Iterator[str]:
    """List the fields of a request's body that say something, as :func:`parts_of` writes them.

    Example:
        >>> list(field_paths({"prompts": [{"text": "dog"}, {"box": None}]}))
        ['prompts', 'prompts[].text']
    """
    if isinstance(value, dict) and depth < _DEEPEST:
        for name, inner in value.items():
            here = f"{path}.{name}" if path else str(name)
            if inner is not None and inner != [] and name not in _WHOLE:
                yield _as_list(here)
                yield from field_paths(inner, here, depth=depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        for item in value:
            yield from field_paths(item, f"{path}[]", depth=depth + 1)


def _fields(contract: Contract, schema: Any, path: str, *, depth: int = 0) -> Iterator[tuple[str, list[Any]]]:
    """Yield each field below a schema, with the values that it is limited to."""
    schema = contract.resolve(schema)
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    for name, inner in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        if name not in _WHOLE:
            yield _as_list(here), list(_values(contract, inner))
        yield from _fields(contract, inner, here, depth=depth + 1)
    if "items" in schema:
        yield from _fields(contract, schema["items"], f"{path}[]", depth=depth + 1)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for branch in schema.get(keyword, ()):
            yield from _fields(contract, branch, path, depth=depth + 1)


def _as_list(path: str) -> str:
    """Write the three ways to send prompts of ``visual_segment`` as one: in a list, in an object around it, alone."""
    for other, one in _SPELLINGS.items():
        if path.startswith(other):
            return one + path[len(other) :]
    return path


def _values(contract: Contract, schema: Any) -> Iterator[Any]:
    schema = contract.resolve(schema)
    yield from schema.get("enum", ())
    for keyword in ("allOf", "anyOf", "oneOf"):
        for branch in schema.get(keyword, ()):
            yield from _values(contract, branch)
