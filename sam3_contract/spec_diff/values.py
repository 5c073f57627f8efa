"""JSON values as values: the same or not, as a key of a dictionary, and as a few words.

Nothing here trusts the shape of what it is given: documents may be deep, shared or (by YAML's anchors) circular.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable
from typing import Any, Final

from sam3_contract.spec_diff.document import LimitError

__all__ = ["fields_of", "is_number", "key_of", "same", "shortened", "shown"]

MAX_DEPTH: Final = 40
MAX_NODES: Final = 5_000
MAX_SHOWN: Final = 100  # characters
MAX_NUMBER: Final = 10**300  # still a float


def same(first: Any, second: Any) -> bool:
    """Tell whether two JSON values are equal, whatever their depth; ``1`` and ``1.0`` are, ``1`` and ``true`` not."""
    pairs = [(first, second)]
    seen: set[tuple[int, int]] = set()
    for one, other in pairs:
        if isinstance(one, dict | list):
            if (id(one), id(other)) in seen:
                continue
            seen.add((id(one), id(other)))
        if isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            pairs += [(value, other[key]) for key, value in one.items()]
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            pairs += zip(one, other, strict=True)
        elif _scalar_key(one) != _scalar_key(other):
            return False
    return True


def key_of(value: Any) -> Hashable:
    """Make a JSON value a dictionary's key.

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
            return ("object", frozenset((str(name), key(entry, depth + 1)) for name, entry in node.items()))
        if isinstance(node, list):
            return ("array", tuple(key(entry, depth + 1) for entry in node))
        return _scalar_key(node)

    return key(value, 0)


def shown(value: Any) -> str:
    """Write a JSON value in a few words."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str, sort_keys=False)
    except (ValueError, RecursionError, TypeError):
        text = f"a {'list' if isinstance(value, list) else 'mapping'}, too deep to be shown"
    return shortened(text)


def shortened(text: str, *, limit: int = MAX_SHOWN) -> str:
    """Cut a text to a number of characters, without line breaks and what else a terminal would obey."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text[: 4 * limit].split()))
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."


def is_number(value: Any) -> bool:
    """Tell whether a bound is one that can be compared."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= MAX_NUMBER if isinstance(value, int) else math.isfinite(value)


def fields_of(node: Any) -> dict[str, Any]:
    """Read a mapping's fields; anything else has none."""
    return {str(name): value for name, value in node.items()} if isinstance(node, dict) else {}


def _scalar_key(value: Any) -> Hashable:
    if isinstance(value, bool | None):
        return ("constant", value)
    if isinstance(value, int | float):
        # NaN alone differs from itself.
        return ("nan",) if value != value else ("number", value)
    return (type(value).__name__, str(value))
