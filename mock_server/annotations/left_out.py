"""What of an annotation file is not served, and why, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NAMED: Final = 3  # entries of each kind that the line names
MOST: Final = 200  # characters said of one of them


class LeftOut:
    """Entries of an annotation file that are not sound.

    Args:
        totals: How many entries of each kind the file has: ``images``, ``categories``, ``annotations``.
    """

    def __init__(self, totals: Mapping[str, int]) -> None:
        self._totals = totals
        self._numbers = dict.fromkeys(totals, 0)
        self._reasons: dict[str, list[str]] = {kind: [] for kind in totals}

    def __bool__(self) -> bool:
        return any(self._numbers.values())

    def add(self, kind: str, reason: str = "") -> None:
        """Note an entry.

        Args:
            kind: Of which list it is.
            reason: Which one it is, and what is wrong with it; nothing if that is said of another one already.
        """
        self._numbers[kind] += 1
        if reason and len(self._reasons[kind]) < NAMED:
            self._reasons[kind].append(_in_short(reason))

    def __str__(self) -> str:
        """How many are left out, and why the first of each kind are.

        Example:
            >>> left_out = LeftOut({"images": 2, "annotations": 9})
            >>> left_out.add("images", "image 2: there is no 2.jpg")
            >>> left_out.add("annotations")
            >>> str(left_out)
            '1 of 2 images (image 2: there is no 2.jpg), 1 of 9 annotations'
        """
        return ", ".join(
            f"{number} of {self._totals[kind]} {kind}{self._examples(kind)}"
            for kind, number in self._numbers.items()
            if number
        )

    def _examples(self, kind: str) -> str:
        reasons = self._reasons[kind]
        more = ["..."] if reasons and self._numbers[kind] > len(reasons) else []
        return f" ({'; '.join([*reasons, *more])})" if reasons else ""


def _in_short(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= MOST else f"{line[:MOST]}..."
