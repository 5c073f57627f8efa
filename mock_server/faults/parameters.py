"""Readers of the texts that follow a fault's name: its parameter, and of how many requests it is on for which."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sam3_contract.errors import UsageError


def one_of(*names: str) -> Callable[[str], str]:
    """Read one of a few names."""

    def read(text: str) -> str:
        if text not in names:
            raise ValueError("one of " + ", ".join(names))
        return text

    return read


def number(low: float, high: float) -> Callable[[str], float]:
    """Read a number from ``low`` to ``high``."""

    def read(text: str) -> float:
        try:
            value = float(text) if text.isascii() else math.nan
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return value

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    """Read an integer from ``low`` to ``high``."""

    def read(text: str) -> int:
        # Not every digit of Unicode, and not thousands of them.
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and low <= int(text) <= high):
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


@dataclass(frozen=True, slots=True)
class Times:
    """Which requests have a fault, of those it was asked for.

    Attributes:
        first: Only so many; ``None`` for all.
        every: Only every second, third and so on.
    """

    first: int | None = None
    every: int = 1

    @property
    def always(self) -> bool:
        """Whether every request has it."""
        return self.first is None and self.every == 1

    def holds(self, count: int) -> bool:
        """Whether the request with this number, counted from 0, has it."""
        return (self.first is None or count < self.first) and (count + 1) % self.every == 0


def times_of(written: str, text: str) -> Times:
    """Read ``N`` or ``1/N``; nothing is always.

    Args:
        written: What is to be read.
        text: The whole that it stands in, for the message.

    Raises:
        UsageError: If it is neither.
    """
    if not written:
        return Times()
    whole, slash, part = written.rpartition("/")
    counts = part.isascii() and part.isdecimal() and len(part) < 7 and int(part) > 0
    if not counts or (slash and whole != "1"):
        raise UsageError(
            f"{text[:80]!r} ends with {written[:80]!r}; there stands 2 for the first two requests only, "
            "or 1/3 for every third"
        )
    return Times(every=int(part)) if slash else Times(first=int(part))
