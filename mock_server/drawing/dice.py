"""Choices that are the same everywhere: made of hashes and integers, nothing else."""

from __future__ import annotations

import hashlib
import struct
from operator import mul
from typing import Final

_WORDS: Final = struct.Struct(">8I")  # of one digest
_LENGTH: Final = struct.Struct(">Q")


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
        self._words: list[int] = []  # those that the last digest still has

    def below(self, bound: int) -> int:
        """Choose from 0 up to, not including, ``bound`` (at most 2**32; 0 for a bound under 1)."""
        return self.each_below(bound)[0]

    def each_below(self, *bounds: int) -> list[int]:
        """Choose below several bounds, one after the other, as :meth:`below` does."""
        words, count = self._words, len(bounds)
        while len(words) < count:
            words += self._roll()
        # Multiply and shift instead of modulo: the bias is under bound / 2**32.
        chosen = [product >> 32 for product in map(mul, words, bounds)]
        del words[:count]
        return chosen if min(bounds, default=0) >= 0 else [max(choice, 0) for choice in chosen]

    def between(self, low: int, high: int) -> int:
        """Choose from ``low`` up to and including ``high``."""
        return low + self.each_below(high + 1 - low)[0]

    def fork(self) -> Dice:
        """Make dice whose choices follow from these ones' so far, and change none of their next."""
        return self.forked(self.below(2**32))

    @classmethod
    def forked(cls, choice: int) -> Dice:
        """Make the dice that :meth:`fork` makes, of the choice below 2**32 that it takes for that."""
        return cls(choice.to_bytes(4, "big"))

    def _roll(self) -> tuple[int, ...]:
        # Not before the first choice: of most things that could be drawn nobody asks for the details.
        if self._state is None:
            self._state = hashlib.blake2b(b"".join(map(_framed, self._key)), digest_size=32)
        self._state.update(b"next")
        return _WORDS.unpack(self._state.digest())


def _framed(part: str | bytes) -> bytes:
    octets = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
    return _LENGTH.pack(len(octets)) + octets
