"""From a schema to its shape.

Alternatives (``anyOf``, ``oneOf``, a list of types) become forms, whatever their order; alternatives that only refine
what stands beside them (*has a text*, *has a box*) are rules. ``oneOf`` is read as ``anyOf``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Final

from sam3_contract.spec_diff.document import Document, LimitError
from sam3_contract.spec_diff.merging import CHOICES, Merged, merge, parts_of
from sam3_contract.spec_diff.plain import rule_key
from sam3_contract.spec_diff.shape import ABSENT, ANY, Form, Shape
from sam3_contract.spec_diff.values import MAX_DEPTH, shown

__all__ = ["shape_of"]

MAX_FORMS: Final = 64
_NUMBERS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_STRINGS: Final = frozenset({"minLength", "maxLength", "pattern"})
_ARRAYS: Final = frozenset({"minItems", "maxItems", "uniqueItems"})
_OBJECTS: Final = frozenset({"minProperties", "maxProperties"})
_KEYWORDS: Final[Mapping[str, frozenset[str]]] = {
    "integer": _NUMBERS | {"format"},
    "number": _NUMBERS | {"format"},
    "string": _STRINGS | {"format"},
    "array": _ARRAYS,
    "object": _OBJECTS,
}
_TYPES: Final = ("boolean", "integer", "number", "string", "array", "object", "null")
# Alternatives with one of these are kinds of value of their own.
_FORMATIVE: Final = frozenset({"$ref", "type", "anyOf", "oneOf", "allOf", "enum", "const", "items"})


def shape_of(node: Any, document: Document) -> Shape:
    """Bring a schema to its normal form.

    Raises:
        UnresolvedError: If a reference cannot be followed, a part is no schema, or there are too many forms.
    """
    shape: Shape = document.made((id(node), "shape"), lambda: _shape(node, document, (), 0))
    return shape


def _shape(node: Any, document: Document, opened: tuple[str, ...], depth: int) -> Shape:
    document.spend()
    if depth > MAX_DEPTH:
        raise LimitError(f"has alternatives nested deeper than {MAX_DEPTH}")
    parts, followed = document.made((id(node), "parts"), lambda: parts_of(node, document))
    default = next((part["default"] for part in parts if "default" in part), ABSENT)
    choice = _first_choice(parts)
    if choice is None:
        return Shape(tuple(_distinct(_forms(node, parts, followed, document))), default)
    forms: list[Form] = []
    trail = (*opened, *followed)
    for number, branch in enumerate(parts[choice[0]][choice[1]]):
        if isinstance(branch, dict) and branch.get("$ref") in trail:
            continue  # a union that has itself for an alternative gains nothing by it
        forms += _shape(_branch(node, parts, choice, number, document), document, trail, depth + 1).forms
        if len(forms) > MAX_FORMS:
            raise LimitError(f"has more than {MAX_FORMS} forms")
    return Shape(tuple(_distinct(forms)), default)


def _branch(node: Any, parts: list[dict[str, Any]], choice: tuple[int, str], number: int, document: Document) -> Any:
    """Make the schema of one alternative together with what stands beside the alternatives."""
    index, keyword = choice

    def joined() -> dict[str, Any]:
        beside = {key: value for key, value in parts[index].items() if key != keyword}
        return {"allOf": [parts[index][keyword][number], *parts[:index], beside, *parts[index + 1 :]]}

    return document.made((id(node), index, keyword, number), joined)


def _first_choice(parts: Sequence[Mapping[str, Any]]) -> tuple[int, str] | None:
    for index, part in enumerate(parts):
        for keyword in CHOICES:
            if any(isinstance(branch, bool) or _FORMATIVE & _keys(branch) for branch in _branches(part, keyword)):
                return index, keyword
    return None


def _branches(part: Mapping[str, Any], keyword: str) -> list[Any]:
    branches = part.get(keyword)
    return branches if isinstance(branches, list) else []


def _keys(node: Any) -> frozenset[Any]:
    return frozenset(node) if isinstance(node, dict) else frozenset()


def _forms(node: Any, parts: list[dict[str, Any]], followed: Sequence[str], document: Document) -> Iterator[Form]:
    merged = merge(parts)
    name = followed[0].rpartition("/")[2] if followed else ""
    rules = dict(_rules(parts, merged, document))
    types = _types(merged)
    for kind in types:
        values = None if merged.values is None else {k: v for k, v in merged.values.items() if _is_of(v, kind)}
        if values is None or values or kind == ANY:
            yield _form(kind, name, values, merged, rules, (node, document))
    if merged.nullable and not {"null", ANY} & set(types):
        yield Form("null")


def _form(
    kind: str,
    name: str,
    values: Mapping[Hashable, Any] | None,
    merged: Merged,
    rules: Mapping[Hashable, str],
    home: tuple[Any, Document],
) -> Form:
    if kind in {"null", ANY}:
        return Form(kind, rules=rules if kind == ANY else {})
    if kind == "boolean" and values is not None and len(values) == 2:
        values = None
    keywords = {key: value for key, value in merged.keywords.items() if key in _KEYWORDS.get(kind, frozenset())}
    form = Form(kind, name, values, keywords, rules=rules)
    if kind == "array":
        return Form(kind, name, values, keywords, items=_all(merged.items, "items", home), rules=rules)
    if kind == "object":
        properties = {field: _all(schemas, f".{field}", home) for field, schemas in merged.properties.items()}
        additional = False if False in merged.additional else _all(merged.additional, "additional", home)
        return Form(kind, name, values, keywords, properties, tuple(merged.required), additional, rules=rules)
    return form


def _all(schemas: list[Any], role: str, home: tuple[Any, Document]) -> Any:
    """Make one schema of those that hold together; ``True``, which allows anything, of none."""
    node, document = home
    if len(schemas) < 2:
        return schemas[0] if schemas else True
    return document.made((id(node), "all", role), lambda: {"allOf": schemas})


def _types(merged: Merged) -> list[str]:
    """Tell the types: those named, else those of the values listed, else what the keywords are about."""
    if merged.types is not None:
        return [kind for kind in _TYPES if kind in merged.types] + sorted(merged.types - set(_TYPES))
    if merged.values is not None:
        return [
            kind for kind in _TYPES if kind != "number" and any(_is_of(v, kind) for v in merged.values.values())
        ] + (["number"] if any(isinstance(v, float) and not v.is_integer() for v in merged.values.values()) else [])
    if merged.properties or merged.required or merged.additional or _OBJECTS & merged.keywords.keys():
        return ["object"]
    telltales = {"array": _ARRAYS, "string": _STRINGS, "number": _NUMBERS}
    told = [kind for kind, keywords in telltales.items() if keywords & merged.keywords.keys()]
    return ["array"] if merged.items else told or [ANY]


def _is_of(value: Any, kind: str) -> bool:
    if isinstance(value, bool) or value is None:
        return kind == ("null" if value is None else "boolean")
    if isinstance(value, int | float):
        return kind == "number" or (kind == "integer" and (isinstance(value, int) or value.is_integer()))
    return kind == ("array" if isinstance(value, list) else "object" if isinstance(value, dict) else "string")


def _rules(parts: Sequence[Mapping[str, Any]], merged: Merged, document: Document) -> Iterator[tuple[Hashable, str]]:
    for keyword, value in merged.rules:
        yield (keyword, rule_key(value, document)), f"{keyword} {shown(value)}"
    for part in parts:
        for keyword in CHOICES:
            branches = _branches(part, keyword)
            if branches:
                key = frozenset(rule_key(branch, document) for branch in branches)
                yield ("choice", key), f"{keyword} {shown(branches)}"


def _distinct(forms: Sequence[Form] | Iterator[Form]) -> list[Form]:
    """Drop the forms that another one covers, and list the values of one type together."""
    kept: list[Form] = []
    listed = list(forms)
    bare = {form.type for form in listed if _is_bare(form)}
    if ANY in bare:
        return [next(form for form in listed if form.type == ANY)]
    for form in listed:
        covered = (form.type in bare and not _is_bare(form)) or (form.type == "integer" and "number" in bare)
        twin = next((other for other in kept if other.type == form.type and _are_twins(other, form)), None)
        if twin is not None and twin.values is not None and form.values is not None:
            kept[kept.index(twin)] = Form(twin.type, twin.name, {**twin.values, **form.values}, rules=twin.rules)
        elif not covered and twin is None:
            kept.append(form)
    return kept


def _is_bare(form: Form) -> bool:
    if form.type in {"array", "object"}:
        return False
    return form.values is None and not form.keywords and not form.rules


def _are_twins(one: Form, other: Form) -> bool:
    """Tell whether two forms of one type are one: alike but for a list of values."""
    if one.type in {"array", "object"} and _nodes(one) != _nodes(other):
        return False
    same = dict(one.keywords) == dict(other.keywords) and one.rules.keys() == other.rules.keys()
    return same and (one.values is None) == (other.values is None)


def _nodes(form: Form) -> tuple[Hashable, ...]:
    inner = tuple((name, id(schema)) for name, schema in form.properties.items())
    return (inner, frozenset(form.required), id(form.items), id(form.additional))
