"""Choices that are the same everywhere: made of hashes and integers, nothing else."""

from __future__ import annotations

import hashlib
import struct
from typing import Final

__all__ = ["Dice"]

_WORDS: Final = struct.Struct(">8I")  # of one digest


class Dice:
    """A stream of choices told by its key alone.

    The same key gives the same stream in every process, on every machine, in every version of Python and numpy;
    that rules out ``random``, numpy's generators and ``hash``.

    Args:
        *key: Strings and bytes; their boundaries count, ``("ab", "c")`` is another stream than ``("a", "bc")``.

    Example:
        >>> dice = Dice("photograph", "dog")
        >>> [dice.below(6) for _ in range(8)]
        [4, 2, 4, 5, 1, 5, 3, 1]
    """

    def __init__(self, *key: str | bytes) -> None:
        self._key = key
        self._state: hashlib.blake2b | None = None
        self._words: list[int] = []  # those that the last digest still has, the next one last

    def below(self, bound: int) -> int:
        """Choose from 0 up to, not including, ``bound`` (at most 2**32; 0 for a bound under 1)."""
        if not self._words:
            self._roll()
        # Multiply and shift instead of modulo: the bias is under bound / 2**32.
        return self._words.pop() * max(bound, 0) >> 32

    def between(self, low: int, high: int) -> int:
        """Choose from ``low`` up to and including ``high``."""
        return low + self.below(high - low + 1)

    def fork(self) -> Dice:
        """Make dice whose choices follow from these ones' so far, and change none of their next."""
        return Dice(self.below(2**32).to_bytes(4, "big"))

    def _roll(self) -> None:
        # Not before the first choice: of most things that could be drawn nobody asks for the details.
        if self._state is None:
            self._state = hashlib.blake2b(digest_size=32)
            for part in self._key:
                octets = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
                self._state.update(len(octets).to_bytes(8, "big") + octets)
        self._state.update(b"next")
        self._words += reversed(_WORDS.unpack(self._state.digest()))
