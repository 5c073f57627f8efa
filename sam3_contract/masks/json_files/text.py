"""Parse JSON text without losing what parsers drop in silence: repeated keys, NaN, integers beyond 64 bits."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from sam3_contract.files.kinds import kind_of
from sam3_contract.masks.catalogue.lookup import finding_of

if TYPE_CHECKING:
    from sam3_contract.masks.catalogue.finding import Finding

__all__ = ["MAX_DEPTH", "NotingReader", "depth_of", "parse_json"]

MAX_DEPTH = 64
"""Levels of lists and objects; Python's parser runs out of stack at about a thousand."""

_HEAD = 512
"""Characters by which other files than JSON are told."""
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKET = re.compile(_STRING.pattern + r"|[\[\]{}]", re.DOTALL)
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_SQUARE = bytes.maketrans(b"{}", b"[]")
_DIGITS_ALIKE = bytes(ord("0") if 48 <= byte < 58 else ord("e") if byte in b"eE" else 32 for byte in range(256))
_MANY_DIGITS = b"0" * 19


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
            diagnosis = _with_kind(f"byte {error.start} is {error.object[error.start]:#04x}", error.object)
            return None, [finding_of("not_json", path=path, found=text, expected="UTF-8", diagnosis=diagnosis)]
    depth = depth_of(text)
    if depth > MAX_DEPTH:
        expected = f"at most {MAX_DEPTH} levels"
        return None, [finding_of("nested_too_deep", path=path, said="more levels", expected=expected)]
    reader = NotingReader(path)
    try:
        value = reader.decoder(odd_numbers=_may_hold_odd_numbers(text)).decode(text)
    except json.JSONDecodeError as error:
        diagnosis = _with_kind(
            f"line {error.lineno}, column {error.colno}: {error.msg}", text[:_HEAD].encode("utf-8", "surrogatepass")
        )
        found = text[max(0, error.pos - 20) : error.pos + 20]
        return None, [finding_of("not_json", path=path, found=found, expected="JSON", diagnosis=diagnosis)]
    return value, list(reader.findings.values())


def _with_kind(diagnosis: str, content: bytes) -> str:
    kind = kind_of(content)
    return f"{diagnosis}; it is {kind}" if kind else diagnosis


class NotingReader:
    """Hooks for a JSON decoder that note what they were given.

    Attributes:
        path: Name of the text, for the findings.
        findings: What was found since it was last cleared, by name: each defect once.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.findings: dict[str, Finding] = {}

    def decoder(self, *, odd_numbers: bool = True) -> json.JSONDecoder:
        """Make a decoder that tells this reader.

        Args:
            odd_numbers: Whether there may be numbers that are too wide or not finite; without, it is twice as fast.
        """
        return json.JSONDecoder(
            object_pairs_hook=self.pairs,
            parse_constant=self.constant,
            parse_float=self.fraction if odd_numbers else None,
            parse_int=self.integer if odd_numbers else None,
        )

    def _note(self, name: str, *, found: object, expected: str) -> None:
        if name not in self.findings:
            self.findings[name] = finding_of(name, path=self.path, found=found, expected=expected)

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Make an object of its members."""
        value = dict(pairs)
        if len(value) < len(pairs):
            repeated = Counter(key for key, _ in pairs).most_common(1)[0][0]
            self._note("key_repeated", found=repeated, expected="each key once")
        return value

    def constant(self, name: str) -> float:
        """Read NaN, Infinity or -Infinity."""
        self._note("number_not_finite", found=float(name), expected="a finite number")
        return float(name)

    def fraction(self, digits: str) -> float:
        """Read a number with a point or an exponent."""
        value = float(digits)
        if not math.isfinite(value):
            self._note("number_not_finite", found=digits, expected="a number within the range of a double")
        return value

    def integer(self, digits: str) -> int:
        """Read an integer."""
        # Python refuses more than 4,300 digits, or 640 if so set; any value beyond 64 bits serves.
        value = int(digits) if len(digits) <= 640 else int(digits[:20]) << 64
        if not -(2**63) <= value < 2**64:
            self._note("integer_too_wide", found=digits, expected="an integer of at most 64 bits")
        return value


def _may_hold_odd_numbers(text: str) -> bool:
    """Check whether there is what every number beyond 64 bits or beyond all doubles has, and some others have too."""
    alike = text.encode("utf-8", "surrogatepass").translate(_DIGITS_ALIKE)
    return _MANY_DIGITS in alike or b"0e" in alike


def depth_of(text: str) -> int:
    """Bound how deep lists and objects nest, from above; what is more than `MAX_DEPTH` is so for certain.

    Example:
        >>> depth_of('[[1, 2], "]]]"]') <= MAX_DEPTH, depth_of("[" * 200) > MAX_DEPTH
        (True, True)
    """
    n_opening = text.count("[") + text.count("{")
    if n_opening <= MAX_DEPTH:
        return n_opening
    brackets = _STRING.sub("", text).encode("utf-8", "surrogatepass").translate(_SQUARE, _NO_BRACKETS)
    for depth in range(MAX_DEPTH + 1):
        if not brackets:
            return depth
        # Peels off the innermost level, all over the text at once; what is out of balance stays.
        brackets = brackets.replace(b"[]", b"")
    return _exact_depth_of(text)


def _exact_depth_of(text: str) -> int:
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
