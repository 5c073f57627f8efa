"""A value of a scenario, and where it stands: each mistake is told with its place."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, NoReturn

from sam3_contract.json_positions import json_path
from sam3_contract.suggestions import unknown

__all__ = ["Mistake", "Path", "Place"]

Path = tuple[str | int, ...]
"""The names and indices that lead to a value."""

_SHOWN: Final = 60  # characters of a value in a message
_LONGEST: Final = 10_000  # characters of a text


class Mistake(Exception):  # noqa: N818 - what somebody else did
    """A value is not what it has to be.

    Attributes:
        path: Where it stands.
        reason: What is wrong with it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{written(path)}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


def written(path: Path) -> str:
    """Write a place.

    Example:
        >>> written(("scenarios", 0, "when", "nth"))
        'scenarios[0].when.nth'
    """
    return json_path(path).removeprefix("$").removeprefix(".")


class Place:
    """A value and where it stands.

    Args:
        value: What JSON, YAML, TOML or Python hold.
        path: The names and indices that lead to it.
    """

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: Path = ()) -> None:
        self.value = value
        self.path = path

    def wrong(self, reason: str) -> NoReturn:
        """Raise a mistake at this place."""
        raise Mistake(self.path, reason)

    def fields(self, known: Collection[str]) -> dict[str, Place]:
        """Take an object of known names.

        Raises:
            Mistake: If it is none, or has another name.
        """
        found = self.entries()
        for name, place in found.items():
            if name not in known:
                place.wrong(unknown("field", name, known))
        return found

    def entries(self) -> dict[str, Place]:
        """Take an object of any names.

        Raises:
            Mistake: If it is none.
        """
        if not isinstance(self.value, dict):
            self._expected("an object")
        for name in self.value:
            if not isinstance(name, str):
                self.wrong(f"a name is {name!r}, has to be a text")
        return {name: Place(value, (*self.path, name)) for name, value in self.value.items()}

    def items(self, *, most: int) -> list[Place]:
        """Take a list of 1 to ``most`` entries.

        Raises:
            Mistake: If it is none, empty or too long.
        """
        if not isinstance(self.value, list | tuple):
            self._expected("a list")
        if not 1 <= len(self.value) <= most:
            self.wrong(f"has {len(self.value)} entries, may have 1 to {most}")
        return [Place(value, (*self.path, index)) for index, value in enumerate(self.value)]

    def text(self, *, longest: int = _LONGEST) -> str:
        """Take a text.

        Raises:
            Mistake: If it is none, or too long.
        """
        if not isinstance(self.value, str):
            hint = "; put it in quotes" if isinstance(self.value, int | float) else ""
            self._expected("a text", hint)
        if len(self.value) > longest:
            self.wrong(f"has {len(self.value)} characters, may have {longest}")
        return str(self.value)

    def choice(self, known: Collection[str]) -> str:
        """Take one of some texts.

        Raises:
            Mistake: If it is another.
        """
        if self.value not in known or not isinstance(self.value, str):
            self._expected(" or ".join(map(repr, known)))
        return str(self.value)

    def flag(self) -> bool:
        """Take true or false.

        Raises:
            Mistake: If it is neither.
        """
        if not isinstance(self.value, bool):
            self._expected("true or false")
        return bool(self.value)

    def whole(self, *, least: int, most: int) -> int:
        """Take an integer of a range.

        Raises:
            Mistake: If it is none, or outside.
        """
        whole = isinstance(self.value, int) and not isinstance(self.value, bool)
        if not whole or not least <= self.value <= most:
            self._expected(f"a whole number from {least} to {most}")
        return int(self.value)

    def number(self, *, least: float, most: float) -> float:
        """Take a number of a range.

        Raises:
            Mistake: If it is none, or outside.
        """
        numeric = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        if not numeric or not least <= self.value <= most:  # NaN is outside, too
            self._expected(f"a number from {least:g} to {most:g}")
        return float(self.value)

    def _expected(self, what: str, hint: str = "") -> NoReturn:
        shown = repr(self.value)
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
        self.wrong(f"is {shown}, has to be {what}{hint}")
