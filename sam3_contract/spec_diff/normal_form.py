"""The normal form in which schemas are compared: alternatives, each of one type.

Brings the spellings of one meaning together: ``const`` and an ``enum`` of one, a list of types and ``anyOf``,
a default beside ``$ref`` and beside an ``allOf`` of one. ``oneOf`` is read as ``anyOf``; alternatives that only refine
what stands beside them (*has a text*, *has a box*) are rules, and rules are compared as a whole, as they are written.
Schemas are those of OpenAPI 3.1.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sam3_contract.spec_diff.document import (
    MAX_DEPTH,
    Document,
    LimitError,
    UnresolvedError,
    fields_of,
    is_number,
    key_of,
    list_of,
    shortened,
    shown,
)

ANY: Final = "any"

Bound = tuple[float, bool]
"""A limit, and whether it is itself excluded."""

MAX_PARTS: Final = 200
MAX_FORMS: Final = 64
MAX_STEPS: Final = 50_000
_TYPES: Final = ("boolean", "integer", "number", "string", "array", "object", "null")
_CHOICES: Final = ("anyOf", "oneOf")
# Alternatives with one of these are kinds of value of their own.
_FORMATIVE: Final = frozenset({"$ref", "type", "anyOf", "oneOf", "allOf", "enum", "const", "items"})
_BOUNDS: Final[Mapping[str, frozenset[str]]] = {
    "integer": frozenset({"minimum", "maximum"}),
    "number": frozenset({"minimum", "maximum"}),
    "string": frozenset({"minLength", "maxLength"}),
    "array": frozenset({"minItems", "maxItems"}),
}
_RULES: Final = frozenset(
    {"not", "multipleOf", "pattern", "uniqueItems", "prefixItems", "contains",
     "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas"}
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """One alternative: a type, and what a value of it must keep.

    Attributes:
        type: A JSON type, or ``any``.
        name: Of the schema in ``components``, where it has one.
        values: The values allowed, by their keys; ``None`` if all are.
        bounds: By the inclusive keyword, such as ``minimum``.
        properties: The schema of each field of an object.
        required: The fields that must be there.
        is_closed: Whether there are no fields but those listed.
        items: The schema of a list's entries; ``True`` if they may be anything.
        rules: What is compared as a whole: keyword and value as a key, with the words to show.
    """

    type: str
    name: str = ""
    values: Mapping[Hashable, Any] | None = None
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    is_closed: bool = False
    items: Any = True
    rules: Mapping[tuple[str, Hashable], str] = field(default_factory=dict)

    @property
    def is_free(self) -> bool:
        """Whether it is any value at all, or an object with any fields."""
        is_open = not self.properties and not self.required and not self.is_closed and not self.rules
        return self.type == ANY or (self.type == "object" and is_open)

    @property
    def is_bare(self) -> bool:
        """Whether it is a scalar of which nothing but the type is demanded."""
        return self.type not in {"array", "object"} and self.values is None and not self.bounds and not self.rules


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What a schema allows.

    Attributes:
        forms: The alternatives.
        default: What stands for an absent value, as a key and in words; ``None`` if nothing is said.
    """

    forms: tuple[Form, ...]
    default: tuple[Hashable, str] | None = None

    @property
    def types(self) -> dict[str, None]:
        """The types it allows, in the order of the document."""
        return {form.type: None for form in self.forms}

    def of(self, kind: str) -> list[Form]:
        """Pick the alternatives of one type."""
        return [form for form in self.forms if form.type == kind]

    def __str__(self) -> str:
        return shortened(" or ".join(dict.fromkeys(map(_described, self.forms))) or "nothing")


class Shapes:
    """Brings schemas of one document to their normal form, each once: what it makes can be told apart by identity.

    Args:
        document: To which the schemas belong.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self._known: dict[int, tuple[Any, Shape]] = {}
        self._steps = 0

    def of(self, node: Any, depth: int = 0) -> Shape:
        """Bring a schema to its normal form.

        Raises:
            UnresolvedError: If a reference cannot be followed, a part is no schema, or it is too large.
        """
        if id(node) not in self._known:
            self._known[id(node)] = (node, self._shape(node, depth))  # the node too, so that its id stays its own
        return self._known[id(node)][1]

    def _shape(self, node: Any, depth: int) -> Shape:
        self._steps += 1
        if depth > MAX_DEPTH or self._steps > MAX_STEPS:
            raise LimitError("too large or too deep to be compared")
        parts, name = _parts(node, self.document)
        defaults = (part["default"] for part in parts if "default" in part)
        default = next(((key_of(value), shown(value)) for value in defaults), None)
        choice = _first_choice(parts)
        if choice is None:
            return Shape(tuple(_forms(parts, name)), default)
        index, keyword = choice
        beside = [*parts[:index], {**parts[index], keyword: []}, *parts[index + 1 :]]
        branches = [{"allOf": [branch, *beside]} for branch in parts[index][keyword]]
        forms = [form for branch in branches for form in self.of(branch, depth + 1).forms]
        if len(forms) > MAX_FORMS:
            raise LimitError(f"has more than {MAX_FORMS} alternatives")
        return Shape(tuple(_distinct(forms)), default)


def _parts(node: Any, document: Document) -> tuple[list[dict[str, Any]], str]:
    """Collect the parts of a schema that hold at once, outermost first, and the name of the first reference."""
    parts: list[dict[str, Any]] = []
    name = ""
    pending = [node]
    while pending:
        part = pending.pop(0)
        if isinstance(part, bool):
            part = {} if part else {"enum": []}
        if not isinstance(part, dict):
            raise UnresolvedError(f"a {type(part).__name__} stands where a schema belongs")
        inner = list_of(part.get("allOf"))
        if "$ref" in part:
            name = name or str(part["$ref"]).rpartition("/")[2]
            inner = [document.lookup(part["$ref"]), *inner]
        parts.append({str(key): value for key, value in part.items() if key not in {"$ref", "allOf"}})
        pending = inner + pending
        if len(parts) > MAX_PARTS or len(pending) > MAX_PARTS:
            raise LimitError(f"has more than {MAX_PARTS} parts")
    return parts, name


def _first_choice(parts: Sequence[Mapping[str, Any]]) -> tuple[int, str] | None:
    for index, part in enumerate(parts):
        for keyword in _CHOICES:
            branches = list_of(part.get(keyword))
            if any(isinstance(branch, bool) or _FORMATIVE & fields_of(branch).keys() for branch in branches):
                return index, keyword
    return None


def _forms(parts: Sequence[Mapping[str, Any]], name: str) -> Iterator[Form]:
    """Make the forms of a schema without alternatives, one for each of its types."""
    values = _values(parts)
    types, rules = _types(parts, values), _rules(parts)
    for kind in types:
        own = None if values is None else {key: value for key, value in values.items() if _is_of(value, kind)}
        if own == {}:
            continue
        if kind in {"null", ANY}:
            yield Form(kind, rules=rules if kind == ANY else {})
            continue
        form = Form(kind, name, own, _bounds(parts, kind), rules=rules)
        yield form if kind not in {"array", "object"} else _container(form, parts)


def _container(form: Form, parts: Sequence[Mapping[str, Any]]) -> Form:
    if form.type == "array":
        return replace(form, items=_all([part["items"] for part in parts if part.get("items", True) is not True]))
    properties: dict[str, list[Any]] = {}
    for part in parts:
        for field_name, schema in fields_of(part.get("properties")).items():
            properties.setdefault(field_name, []).append(schema)
    required = [name for part in parts for name in list_of(part.get("required")) if isinstance(name, str)]
    return replace(
        form,
        properties={name: _all(schemas) for name, schemas in properties.items()},
        required=tuple(dict.fromkeys(required)),
        is_closed=any(part.get("additionalProperties") is False for part in parts),
    )


def _all(schemas: Sequence[Any]) -> Any:
    """Make one schema of those that hold together; ``True``, which allows anything, of none."""
    distinct = list({id(schema): schema for schema in schemas}.values())
    return (distinct[0] if len(distinct) == 1 else {"allOf": distinct}) if distinct else True


def _values(parts: Sequence[Mapping[str, Any]]) -> dict[Hashable, Any] | None:
    kept: dict[Hashable, Any] | None = None
    for part in parts:
        listed = [part["const"]] if "const" in part else part.get("enum")
        if isinstance(listed, list):
            values = {key_of(value): value for value in listed}
            kept = values if kept is None else {key: value for key, value in kept.items() if key in values}
    return kept


def _types(parts: Sequence[Mapping[str, Any]], values: Mapping[Hashable, Any] | None) -> list[str]:
    """Tell the types: those named in every part, else those of the values listed, else what the keywords are about."""
    named: set[str] | None = None
    for part in parts:
        own = part.get("type")
        types = {own} if isinstance(own, str) else {entry for entry in list_of(own) if isinstance(entry, str)}
        if isinstance(own, str | list):
            named = types if named is None else named & types or types
    if named is not None:
        return [kind for kind in _TYPES if kind in named] + sorted(named - set(_TYPES))
    if values is not None:
        is_of = {kind: any(_is_of(value, kind) for value in values.values()) for kind in _TYPES}
        return [kind for kind in _TYPES if is_of[kind] and not (kind == "number" and is_of["integer"])]
    keywords = {keyword for part in parts for keyword in part}
    if keywords & {"properties", "required", "additionalProperties"}:
        return ["object"]
    return ["array"] if keywords & {"items", "minItems", "maxItems"} else [ANY]


def _is_of(value: Any, kind: str) -> bool:
    if kind == ANY:
        return True
    if isinstance(value, bool) or value is None:
        return kind == ("null" if value is None else "boolean")
    if isinstance(value, int | float):
        return kind == "number" or (kind == "integer" and (isinstance(value, int) or value.is_integer()))
    return kind == ("array" if isinstance(value, list) else "object" if isinstance(value, dict) else "string")


def _bounds(parts: Sequence[Mapping[str, Any]], kind: str) -> dict[str, Bound]:
    found: dict[str, Bound] = {}
    for name in sorted(_BOUNDS.get(kind, ())):
        exclusive = f"exclusive{name.capitalize()}"
        stated = [(part[name], False) for part in parts if is_number(part.get(name))]
        stated += [(part[exclusive], True) for part in parts if is_number(part.get(exclusive))]
        if stated:
            narrowest = min(stated, key=lambda bound: reach(name, bound))
            found[name] = _included(name, narrowest) if kind == "integer" else narrowest
    return {name: bound for name, bound in found.items() if name not in {"minLength", "minItems"} or bound[0] > 0}


def _included(name: str, bound: Bound) -> Bound:
    """Bring a bound of whole numbers to one that is not itself excluded: above 0 is from 1 on."""
    value, is_excluded = bound
    step = 1 if name == "minimum" else -1
    nearest = math.ceil(value) if step == 1 else math.floor(value)
    return (nearest + step if is_excluded and nearest == value else nearest, False)


def reach(name: str, bound: Bound) -> tuple[float, bool]:
    """Order bounds of one keyword by how much they let through."""
    return (-bound[0] if name.startswith("min") else bound[0], not bound[1])


def _rules(parts: Sequence[Mapping[str, Any]]) -> dict[tuple[str, Hashable], str]:
    found: dict[tuple[str, Hashable], str] = {}
    for part in parts:
        rules = {keyword: part[keyword] for keyword in sorted(_RULES & part.keys())}
        if "if" in part:
            rules["if"] = {keyword: part[keyword] for keyword in ("if", "then", "else") if keyword in part}
        found |= {(keyword, key_of(value)): f"{keyword} {shown(value)}" for keyword, value in rules.items()}
        for keyword in _CHOICES:
            if branches := list_of(part.get(keyword)):
                found["choice", frozenset(map(key_of, branches))] = f"{keyword} {shown(branches)}"
    return found


def _distinct(forms: Sequence[Form]) -> list[Form]:
    """Bring scalars of one type together: the bare one covers the others, and lists of values become one list."""
    if any(form.type == ANY for form in forms):
        return [next(form for form in forms if form.type == ANY)]
    kept: dict[Hashable, Form] = {}
    for form in forms:
        if form.type in {"array", "object"}:
            kept[id(form)] = form
            continue
        is_listed = form.values is not None and not form.bounds and not form.rules
        key = (form.type, () if is_listed else (*form.bounds.items(), *form.rules))
        same = kept.get(key)
        if same is None or form.values is None:
            kept[key] = form
        elif same.values is not None:
            kept[key] = replace(form, values={**same.values, **form.values})
    bare = {form.type for form in kept.values() if form.is_bare}
    return [form for form in kept.values() if form.is_bare or form.type not in bare]


def _described(form: Form) -> str:
    if form.values is not None:
        return " or ".join(shown(value) for value in form.values.values())
    if form.type == "object":
        return form.name or (f"object {{{', '.join(form.properties)}}}" if form.properties else "object")
    return {ANY: "anything", "array": "list"}.get(form.type, form.type)
