"""A schema's parts (itself, what it refers to, its ``allOf``) as one set of keywords.

Brings the spellings of one meaning together: ``const`` and an ``enum`` of one, ``nullable`` of OpenAPI 3.0 and a type
``null``, ``exclusiveMinimum`` as a number and as a boolean, a default beside ``$ref`` and beside an ``allOf`` of one.
Titles, descriptions, examples and whatever begins with ``x-`` say nothing that is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sam3_contract.spec_diff.document import Document, LimitError, UnresolvedError
from sam3_contract.spec_diff.values import MAX_DEPTH, fields_of, is_number, key_of

__all__ = ["CHOICES", "Merged", "merge", "parts_of"]

CHOICES: Final = ("anyOf", "oneOf")
MAX_PARTS: Final = 200
_LOWER: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_UPPER: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
# Compared as a whole: they relate parts of a value to each other.
_RULES: Final = frozenset(
    {"not", "dependentRequired", "dependentSchemas", "dependencies", "patternProperties", "propertyNames",
     "contains", "minContains", "maxContains", "unevaluatedItems"}
)  # fmt: skip
_CONDITIONAL: Final = ("if", "then", "else")


@dataclass(slots=True)
class Merged:
    """What a schema demands, keyword by keyword.

    Attributes:
        types: The types it allows; ``None`` if it does not say.
        values: The values it allows, by their keys; ``None`` if it does not say.
        keywords: Bounds, ``pattern``, ``format`` and the like.
        properties: The schemas of each field, all of which hold.
        required: Fields that must be there.
        additional: What it says of fields that are not listed: ``True``, ``False`` or schemas, all of which hold.
        items: The schemas of a list's entries, all of which hold.
        rules: Keywords that relate parts of a value to each other, by name.
        nullable: Whether OpenAPI 3.0's ``nullable`` adds ``null``.
    """

    types: frozenset[str] | None = None
    values: dict[Hashable, Any] | None = None
    keywords: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, list[Any]] = field(default_factory=dict)
    required: dict[str, None] = field(default_factory=dict)
    additional: list[Any] = field(default_factory=list)
    items: list[Any] = field(default_factory=list)
    rules: list[tuple[str, Any]] = field(default_factory=list)
    nullable: bool = False


def parts_of(node: Any, document: Document) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Collect the parts that hold at once, outermost first, and the references followed.

    Raises:
        UnresolvedError: If a reference cannot be followed, or a part is no schema.
    """
    parts: list[dict[str, Any]] = []
    followed: list[str] = []
    # Each entry has the references on the way to it: only those make a circle.
    pending: list[tuple[Any, tuple[str, ...]]] = [(node, ())]
    while pending:
        part, trail = pending.pop(0)
        if part is True or part is False:
            parts.append({} if part else {"enum": []})
            continue
        if not isinstance(part, dict):
            raise UnresolvedError(f"a {type(part).__name__} stands where a schema belongs")
        inner = [(entry, trail) for entry in part["allOf"]] if isinstance(part.get("allOf"), list) else []
        if "$ref" in part:
            target = document.lookup(part["$ref"])
            if part["$ref"] in trail:
                raise UnresolvedError(f"{part['$ref']!r} refers to itself")
            followed.append(part["$ref"])
            inner.insert(0, (target, (*trail, part["$ref"])))
        parts.append({str(key): value for key, value in part.items() if key not in {"$ref", "allOf"}})
        pending = inner + pending
        if len(parts) > MAX_PARTS or len(trail) > MAX_DEPTH:
            raise LimitError(f"has more than {MAX_PARTS} parts")
    return parts, tuple(followed)


def merge(parts: Sequence[Mapping[str, Any]]) -> Merged:
    """Make one of the parts: the narrowest types, values and bounds, the fields of all."""
    merged = Merged()
    for part in parts:
        _merge_kinds(merged, part)
        _merge_fields(merged, part)
        for keyword, value in _numbers(part).items():
            _tighten(merged.keywords, keyword, value)
        for keyword in ("pattern", "format"):
            if isinstance(part.get(keyword), str):
                merged.keywords.setdefault(keyword, part[keyword])
        if is_number(part.get("multipleOf")) and part["multipleOf"] > 0:
            merged.keywords.setdefault("multipleOf", part["multipleOf"])
        if part.get("uniqueItems") is True:
            merged.keywords["uniqueItems"] = True
        merged.rules += [(keyword, part[keyword]) for keyword in sorted(_RULES & part.keys())]
        if "if" in part:
            merged.rules.append(("if", {keyword: part[keyword] for keyword in _CONDITIONAL if keyword in part}))
        merged.nullable |= part.get("nullable") is True
    _level_tuples(merged, parts)
    return merged


def _merge_kinds(merged: Merged, part: Mapping[str, Any]) -> None:
    types = _types(part.get("type"))
    if types is not None:
        merged.types = types if merged.types is None else _both(merged.types, types)
    listed = [part["const"]] if "const" in part else part.get("enum")
    if isinstance(listed, list):
        values = {key_of(value): value for value in listed}
        kept = merged.values
        merged.values = values if kept is None else {key: value for key, value in kept.items() if key in values}


def _merge_fields(merged: Merged, part: Mapping[str, Any]) -> None:
    for name, schema in fields_of(part.get("properties")).items():
        merged.properties.setdefault(name, []).append(schema)
    required = part.get("required")
    if isinstance(required, list):
        merged.required |= {name: None for name in required if isinstance(name, str)}
    for keyword in ("additionalProperties", "unevaluatedProperties"):
        if keyword in part and part[keyword] is not True and part[keyword] != {}:
            merged.additional.append(part[keyword])
    if "items" in part and part["items"] is not True:
        merged.items.append(part["items"])


def _types(value: Any) -> frozenset[str] | None:
    if isinstance(value, str):
        return frozenset({value})
    if isinstance(value, list):
        return frozenset(entry for entry in value if isinstance(entry, str))
    return None


def _both(first: frozenset[str], second: frozenset[str]) -> frozenset[str]:
    """Intersect types; every integer is a number."""
    narrowed = {"integer"} if "integer" in first | second and "number" in first | second else set()
    reached = first & second
    return reached if "number" in reached else reached | narrowed


def _numbers(part: Mapping[str, Any]) -> dict[str, Any]:
    """Read the bounds; a boolean ``exclusiveMinimum`` turns ``minimum`` into an exclusive one."""
    bounds = {name: value for name, value in part.items() if name in _LOWER | _UPPER and is_number(value)}
    for name, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if part.get(exclusive) is True and name in bounds:
            bounds[exclusive] = bounds.pop(name)
    return bounds


def _tighten(keywords: dict[str, Any], keyword: str, value: Any) -> None:
    narrower: Callable[[Any, Any], Any] = max if keyword in _LOWER else min
    keywords[keyword] = narrower(keywords[keyword], value) if keyword in keywords else value


def _level_tuples(merged: Merged, parts: Sequence[Mapping[str, Any]]) -> None:
    """Take a tuple whose entries are all alike, as pydantic writes one, for a list of a fixed length."""
    for part in parts:
        entries = part.get("prefixItems")
        if not isinstance(entries, list) or not entries:
            continue
        fixed = merged.keywords.get("maxItems") == len(entries) or part.get("items") is False
        if fixed and len({key_of(entry) for entry in entries}) == 1:
            merged.items = [entry for entry in merged.items if entry is not False] + entries[:1]
            _tighten(merged.keywords, "maxItems", len(entries))
        else:
            merged.rules.append(("prefixItems", entries))
