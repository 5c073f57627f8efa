"""Parse JSON text without losing what parsers drop in silence: repeated keys, NaN, integers beyond 64 bits."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from sam3_contract.masks.catalogue import finding_of

if TYPE_CHECKING:
    from sam3_contract.masks.finding import Finding

__all__ = ["parse_json"]

MAX_DEPTH = 64
"""Levels of lists and objects; Python's parser runs out of stack at about a thousand."""

_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def parse_json(text: str | bytes, *, path: str = "$") -> tuple[Any, list[Finding]]:
    """Parse JSON, and find what is not JSON although parsers accept it.

    Args:
        text: JSON text, UTF-8 if bytes.
        path: Name of the text, for the findings: where in it is not known.

    Returns:
        The value, None if there is none, and the findings, each defect once.

    Example:
        >>> value, [finding] = parse_json('{"size": [4, 6], "size": [6, 4]}')
        >>> value, finding.name, finding.found
        ({'size': [6, 4]}, 'key_repeated', "'size'")
    """
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            diagnosis = f"byte {error.start} is {text[error.start]:#04x}"
            return None, [finding_of("not_json", path=path, found=text, expected="UTF-8", diagnosis=diagnosis)]
    depth = _depth_of(text)
    if depth > MAX_DEPTH:
        expected = f"at most {MAX_DEPTH} levels"
        return None, [finding_of("nested_too_deep", path=path, said="more levels", expected=expected)]
    reader = _Reader(path)
    try:
        value = json.loads(
            text,
            object_pairs_hook=reader.pairs,
            parse_constant=reader.constant,
            parse_float=reader.fraction,
            parse_int=reader.integer,
        )
    except json.JSONDecodeError as error:
        diagnosis = f"line {error.lineno}, column {error.colno}: {error.msg}"
        found = text[max(0, error.pos - 20) : error.pos + 20]
        return None, [finding_of("not_json", path=path, found=found, expected="JSON", diagnosis=diagnosis)]
    return value, list(reader.findings.values())


class _Reader:
    """Hooks for `json.loads` that note what they were given."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.findings: dict[str, Finding] = {}

    def _note(self, name: str, *, found: object, expected: str) -> None:
        if name not in self.findings:
            self.findings[name] = finding_of(name, path=self.path, found=found, expected=expected)

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            repeated = Counter(key for key, _ in pairs).most_common(1)[0][0]
            self._note("key_repeated", found=repeated, expected="each key once")
        return value

    def constant(self, name: str) -> float:
        self._note("number_not_finite", found=float(name), expected="a finite number")
        return float(name)

    def fraction(self, digits: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            self._note("number_not_finite", found=digits, expected="a number within the range of a double")
        return value

    def integer(self, digits: str) -> int:
        # Python refuses more than 4,300 digits; any value beyond 64 bits serves as well.
        value = int(digits) if len(digits) <= 20 else int(digits[:20]) << 64
        if not -(2**63) <= value < 2**64:
            self._note("integer_too_wide", found=digits, expected="an integer of at most 64 bits")
        return value


def _depth_of(text: str) -> int:
    """Measure how deep brackets nest, outside of strings; stops beyond the limit."""
    depth = deepest = 0
    for match in _BRACKET.finditer(text):
        bracket = match[0]
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                break
        elif bracket in "]}":
            depth -= 1
    return deepest
