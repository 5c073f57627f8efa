"""Which fields of its answers a fault changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sam3_contract.interception.trial import ITEM, JsonPath

if TYPE_CHECKING:
    from sam3_contract.interception.trial import Answered

__all__ = ["changed_fields", "written"]


def changed_fields(clean: Sequence[Answered], answers: Sequence[Answered]) -> frozenset[JsonPath] | None:
    """List the fields that differ between answers to the same requests.

    Returns:
        Paths from the root, none if the JSON only is written otherwise; None if more than fields differ: the requests,
        a status, what is no JSON.

    Example:
        >>> from sam3_contract.interception.trial import Answered
        >>> one, other = (Answered("/", b"", 200, text) for text in (b'{"a": [{"b": 1}]}', b'{"a": [{"b": 2}]}'))
        >>> sorted(changed_fields([one], [other]))
        [('a', '[]', 'b')]
    """
    pairs = list(zip(clean, answers, strict=False))
    if len(clean) != len(answers) or any(
        (one.request, one.status, one.is_cut) != (other.request, other.status, other.is_cut) for one, other in pairs
    ):
        return None
    found: set[JsonPath] = set()
    for one, other in pairs:
        if one.content == other.content:
            continue
        try:
            found |= set(_differences(json.loads(one.content), json.loads(other.content), ()))
        except (ValueError, RecursionError):
            return None
    return None if () in found else frozenset(found)


def written(path: JsonPath) -> str:
    """Write a path as people do.

    Example:
        >>> written(("predictions", "[]", "masks"))
        'predictions[].masks'
    """
    return ".".join(path).replace(f".{ITEM}", ITEM)


def _differences(one: Any, other: Any, path: JsonPath) -> Iterator[JsonPath]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in one.keys() | other.keys():
            if name in one and name in other:
                yield from _differences(one[name], other[name], (*path, name))
            else:
                yield (*path, name)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for item, its in zip(one, other, strict=True):
            yield from _differences(item, its, (*path, ITEM))
    elif type(one) is not type(other) or one != other:
        yield _field(path)


def _field(path: JsonPath) -> JsonPath:
    """Leave out the way into a list of values: polygons are one field, whichever of their numbers differs."""
    while path and path[-1] == ITEM:
        path = path[:-1]
    return path
