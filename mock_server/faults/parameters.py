"""Readers of the texts that follow a fault's name."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["number", "one_of", "whole"]


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
