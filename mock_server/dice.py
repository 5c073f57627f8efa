"""Choices that are the same everywhere: made of hashes and integers, nothing else."""

from __future__ import annotations

import hashlib

__all__ = ["Dice"]


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
        self._state = hashlib.blake2b(digest_size=32)
        for part in key:
            octets = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            self._state.update(len(octets).to_bytes(8, "big") + octets)
        self._pool = b""

    def below(self, bound: int) -> int:
        """Choose from 0 up to, not including, ``bound`` (at most 2**32; 0 for a bound under 1)."""
        if len(self._pool) < 4:
            self._state.update(b"next")
            self._pool = self._state.digest()
        word, self._pool = self._pool[:4], self._pool[4:]
        # Multiply and shift instead of modulo: the bias is under bound / 2**32.
        return int.from_bytes(word, "big") * max(bound, 0) >> 32

    def between(self, low: int, high: int) -> int:
        """Choose from ``low`` up to and including ``high``."""
        return low + self.below(high - low + 1)

    def fork(self) -> Dice:
        """Make dice whose choices follow from these ones' so far, and change none of their next."""
        return Dice(self.below(2**32).to_bytes(4, "big"))
