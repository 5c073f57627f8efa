"""Of how many requests a fault is on for which: what a client's second try is tested with."""

from __future__ import annotations

from dataclasses import dataclass

from sam3_contract.errors import UsageError

__all__ = ["Times", "times_of"]


@dataclass(frozen=True, slots=True)
class Times:
    """Which requests have a fault, of those it was asked for.

    Attributes:
        first: Only so many; ``None`` for all.
        every: Only each so manieth.
    """

    first: int | None = None
    every: int = 1

    @property
    def always(self) -> bool:
        """Whether every request has it."""
        return self.first is None and self.every == 1

    def holds(self, count: int) -> bool:
        """Tell it of the request with this number, counted from 0."""
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
