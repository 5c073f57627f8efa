"""What was found in a mask payload: the `Finding`, and offending values cut short for showing."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Finding", "Severity", "shown"]

Severity = Literal["error", "warning", "note"]
"""``error``: not the mask the contract promises. ``warning``: a mask, but odd. ``note``: legal, trips consumers."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect at one place; of a defect that repeats within a mask, the first place.

    Attributes:
        code: The defect's code in the catalogue, such as ``RLE13``.
        name: Its name, such as ``counts_cut_short``.
        severity: ``error``, ``warning`` or ``note``.
        path: Where, as a JSON path, such as ``$.masks.counts``.
        found: The offending value, cut short.
        expected: What should be there.
        diagnosis: What probably went wrong, or more about the place; empty if nothing is known.
    """

    code: str
    name: str
    severity: Severity
    path: str
    found: str
    expected: str
    diagnosis: str = ""

    def __str__(self) -> str:
        text = f"{self.code} {self.name} at {self.path}: {self.found}, expected {self.expected}"
        return f"{text}; {self.diagnosis}" if self.diagnosis else text


class _Shortener(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 3, 40, 40
        self.maxdict, self.maxlist, self.maxtuple = 3, 4, 4

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to print integers of more than 4,300 digits.
        return super().repr_int(x, level) if x.bit_length() < 128 else f"<integer of {x.bit_length()} bits>"

    def repr_instance(self, x: Any, level: int) -> str:  # noqa: ARG002 - reprlib passes it
        # Of any other type the name is enough: its own repr might be long, or slow, or raise.
        return repr(x) if x is None or isinstance(x, (bool, float)) else f"<{type(x).__name__}>"

    def repr_bytes(self, x: bytes, level: int) -> str:
        return self.repr_str(x, level)  # type: ignore[arg-type]  # slices and repr are all it needs


_SHORTENER = _Shortener()


def shown(value: object) -> str:
    """Return *value* as Python shows it, cut short whatever its size, depth or type.

    Example:
        >>> shown([10**5000, 1.5, None, "x" * 100])
        "[<integer of 16610 bits>, 1.5, None, 'xxxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxxxx']"
    """
    return _SHORTENER.repr(value)
