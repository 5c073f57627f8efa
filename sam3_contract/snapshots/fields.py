"""The shape of an answer: which fields it has, of which types, and where it does not fit the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import jsonschema_rs

from sam3_contract.files.json_positions import json_path
from sam3_contract.spec import Contract

_DEEPEST: Final = 12
_MOST_FIELDS: Final = 500
_LONGEST_NAME: Final = 80
_MOST_BREACHES: Final = 20
_TYPES: Final[Mapping[type, str]] = {
    dict: "object",
    list: "list",
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def fields_of(answer: object) -> dict[str, str]:
    """List the fields of a JSON value with their types; elements of a list count as one. Masks are not looked into.

    Example:
        >>> fields_of({"time": 1.5, "predictions": [{"masks": [[[1, 2]]]}, {"masks": {"counts": "0"}}]})
        {'$.predictions': 'list', '$.predictions[].masks': 'list|object', '$.time': 'number'}
    """
    found: dict[str, set[str]] = {}
    for path, value in _walk(answer, "$", 0):
        if path in found or len(found) < _MOST_FIELDS:
            found.setdefault(path, set()).add(_TYPES[type(value)])
    return {path: "|".join(sorted(found[path])) for path in sorted(found)}


def lost_fields(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Say of each field that a reader of the old answer misses: gone, or of another type.

    A field in the elements of a list that is empty now is not missed, and null stands for any type.

    Example:
        >>> list(lost_fields({"$.time": "number", "$.id": "null"}, {"$.id": "string"}))
        ['$.time is gone, it was of type number']
    """
    for path, kept in old.items():
        now = new.get(path)
        if now is None:
            if _is_reached(path, new):
                yield f"{path} is gone, it was of type {kept}"
        elif not _agree(kept, now):
            yield f"{path} is of type {now}, it was of type {kept}"


def new_fields(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """List the fields that the old answer could have had and did not."""
    return [path for path in new if path not in old and _is_reached(path, old)]


def breaches_of(answer: object, contract: Contract, *, operation: str, status: int) -> dict[str, str]:
    """Hold an answer against its schema.

    Args:
        answer: The decoded JSON body.
        contract: Has the schemas.
        operation: The ``operationId``.
        status: HTTP status of the answer.

    Returns:
        For each breach, place and keyword, which are the same for every value, a sentence about this value. Empty if
        it fits, or the document leaves the body open.
    """
    validator = _validator(contract, operation, status)
    if validator is None:
        return {}
    found: dict[str, str] = {}
    try:
        errors = list(islice(validator.iter_errors(answer), _MOST_BREACHES))
    except ValueError as too_deep:
        return {"$: depth": f"$: cannot be held against the schema: {too_deep}"}
    for error in errors:
        place = json_path(error.instance_path, any_index=True)
        keyword = next((step for step in reversed(error.schema_path) if isinstance(step, str)), "")
        found.setdefault(f"{place}: {keyword}", f"{place}: {error.message.splitlines()[0][:160]}")
    return found


def _walk(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            name = f"{path}.{str(key)[:_LONGEST_NAME]}"
            yield name, inner
            if key != "masks":
                yield from _walk(inner, name, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, f"{path}[]", depth + 1)


def _is_reached(path: str, fields: Mapping[str, str]) -> bool:
    """Tell whether the object or list element that a field belongs to is in an answer."""
    around = path.rpartition(".")[0]
    if around == "$":
        return True
    if around.endswith("[]"):
        return any(other.startswith(f"{around}.") for other in fields)
    return "object" in fields.get(around, "").split("|")


def _agree(old: str, new: str) -> bool:
    one, other = (set(types.split("|")) - {"null"} for types in (old, new))
    return not one or not other or bool(one & other)


@lru_cache(maxsize=64)
def _validator(contract: Contract, operation: str, status: int) -> jsonschema_rs.Validator | None:
    schema = contract.operation(operation).answer_schemas.get(status, {}).get("application/json")
    return None if schema is None else contract.validator(schema)
