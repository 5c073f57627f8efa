"""What a store offers: four kinds of pieces, each of one session, and each bounded.

Whoever keeps something says what it is to him: images and logits are on a :class:`Shelf`, the journal is a
:class:`Log`, the requests of scenarios and faults are counted in a :class:`Tally`, and what is planned for a session is
a :class:`Value`. Each method is atomic, also among processes, but for `clear`; none takes a lock beyond its own end.

A store that cannot be reached raises :class:`~sam3_contract.errors.StoreError` from any method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """How a value is written where it cannot be kept as it is.

    Attributes:
        encode: Writes it.
        decode: Reads it again.
    """

    encode: Callable[[T], bytes]
    decode: Callable[[bytes], T]


@dataclass(frozen=True, slots=True)
class Bounds(Generic[T]):
    """How much is kept; the oldest goes first.

    Attributes:
        most: How many values.
        most_bytes: What they may weigh together.
        weigh: Weighs a value, in bytes.
    """

    most: int
    most_bytes: int
    weigh: Callable[[T], int]


class Shelf(Protocol[T]):
    """Values by name: the first one with a name keeps it. Bounded, the oldest going first."""

    def find(self, name: bytes) -> T | None:
        """Look a value up."""

    def group(self, group: bytes) -> Sequence[T]:
        """List the values of a group."""

    def keep(self, name: bytes, value: T, *, group: bytes = b"") -> T:
        """Keep a value, unless the name has one; return the one it has."""

    def clear(self) -> None:
        """Forget every value."""

    @property
    def memory(self) -> int:
        """What they weigh in this process, in bytes."""


class Log(Protocol[T]):
    """Values in the order in which they came, numbered from 1. Bounded, the oldest going first."""

    def add(self, make: Callable[[int], T]) -> None:
        """Keep a value, made from its number."""

    def all(self) -> list[T]:
        """List what is kept, oldest first."""

    @property
    def last(self) -> T | None:
        """The value that came last."""

    @property
    def dropped(self) -> int:
        """How many values had to go since the log was last cleared."""

    def clear(self) -> None:
        """Forget every value, and start counting from 1 again."""

    @property
    def memory(self) -> int:
        """What they weigh in this process, in bytes."""


class Tally(Protocol):
    """Counts by name, from 0. Bounded, those going first that were not counted for longest."""

    def add(self, name: str, *, below: int | None = None) -> int | None:
        """Count one more.

        Args:
            name: What is counted.
            below: Count only if there are fewer.

        Returns:
            The new count; ``None`` if nothing was counted.
        """

    def counts(self, names: Sequence[str]) -> list[int]:
        """Look counts up."""

    def admit(self, name: str, most: int, seconds: float, *, now: float | None = None) -> float | None:
        """Let something pass, unless so many passed in so many seconds before.

        Args:
            name: What passes.
            most: How many may.
            seconds: In which time.
            now: The time; by default the store's own clock.

        Returns:
            ``None`` if it passed, else the seconds until the next one may.
        """

    def forget(self, names: Sequence[str]) -> None:
        """Forget some counts, and what passed by those names."""

    def clear(self) -> None:
        """Forget all of them."""


class Value(Protocol[T]):
    """One value."""

    def read(self) -> T:
        """Take it."""

    def change(self, change: Callable[[T], T]) -> T:
        """Change it; *change* is called again with the newer value if another was faster.

        Returns:
            The value as it is now.
        """


class Store(Protocol):
    """Makes the pieces of sessions. In a session, a name is that of one piece.

    Attributes:
        shared: Whether other processes see the same: then a method may take a while, and may fail.
    """

    shared: bool

    def shelf(self, session: str, name: str, codec: Codec[T], bounds: Bounds[T]) -> Shelf[T]:
        """Take the shelf of that name."""

    def log(
        self, session: str, name: str, codec: Codec[T], bounds: Bounds[T], *, numbered: Callable[[T, int], T]
    ) -> Log[T]:
        """Take the log of that name; *numbered* gives a value its number, where it was written before it had one."""

    def tally(self, session: str, name: str, *, most: int) -> Tally:
        """Take the tally of that name."""

    def value(self, session: str, name: str, codec: Codec[T], initial: T) -> Value[T]:
        """Take the value of that name; it is *initial* until it is changed."""

    def touch(self, session: str) -> None:
        """Say that a session is in use. What is not for long is forgotten, and what is one too many."""

    def end(self, session: str) -> None:
        """Forget a session and all that is its."""

    def close(self) -> None:
        """Let go of connections."""
