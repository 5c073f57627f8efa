"""The store of a single process: its memory. Pieces hold values as they are, and end with whoever holds the piece."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from mock_server.store.protocol import Bounds, Codec, Log, Shelf, Tally, Value

T = TypeVar("T")


class MemoryStore:
    """A store in the memory of this process."""

    shared = False

    def shelf(self, session: str, name: str, codec: Codec[T], bounds: Bounds[T]) -> Shelf[T]:  # noqa: ARG002
        """Make a shelf."""
        return MemoryShelf(bounds)

    def log(
        self,
        session: str,  # noqa: ARG002
        name: str,  # noqa: ARG002
        codec: Codec[T],  # noqa: ARG002
        bounds: Bounds[T],
        *,
        numbered: Callable[[T, int], T],  # noqa: ARG002
    ) -> Log[T]:
        """Make a log."""
        return MemoryLog(bounds)

    def tally(self, session: str, name: str, *, most: int) -> Tally:  # noqa: ARG002
        """Make a tally."""
        return MemoryTally(most)

    def value(self, session: str, name: str, codec: Codec[T], initial: T) -> Value[T]:  # noqa: ARG002
        """Make a value."""
        return MemoryValue(initial)

    def touch(self, session: str) -> None:
        """Do nothing: whoever holds a session ends it."""

    def end(self, session: str) -> None:
        """Do nothing, as for :meth:`touch`."""

    def close(self) -> None:
        """Do nothing: there is no connection."""


class _Shelved(NamedTuple, Generic[T]):
    value: T
    group: bytes
    weight: int


class MemoryShelf(Generic[T]):
    """:class:`~mock_server.store.protocol.Shelf` in memory."""

    def __init__(self, bounds: Bounds[T]) -> None:
        self._bounds = bounds
        self._kept: OrderedDict[bytes, _Shelved[T]] = OrderedDict()
        self._lock = Lock()
        self.memory = 0

    def find(self, name: bytes) -> T | None:
        """Look a value up."""
        kept = self._kept.get(name)
        return None if kept is None else kept.value

    def group(self, group: bytes) -> Sequence[T]:
        """List the values of a group."""
        with self._lock:
            return [kept.value for kept in self._kept.values() if kept.group == group]

    def keep(self, name: bytes, value: T, *, group: bytes = b"") -> T:
        """Keep a value, unless the name has one; return the one it has."""
        with self._lock:
            known = self._kept.get(name)
            if known is not None:
                return known.value
            weight = self._bounds.weigh(value)
            self._kept[name] = _Shelved(value, group, weight)
            self.memory += weight
            while len(self._kept) > self._bounds.most or self.memory > self._bounds.most_bytes:
                self.memory -= self._kept.popitem(last=False)[1].weight
        return value

    def clear(self) -> None:
        """Forget every value."""
        with self._lock:
            self._kept.clear()
            self.memory = 0


class MemoryLog(Generic[T]):
    """:class:`~mock_server.store.protocol.Log` in memory."""

    def __init__(self, bounds: Bounds[T]) -> None:
        self._bounds = bounds
        self._kept: deque[T] = deque()
        self._number = 0
        self._lock = Lock()
        self.memory = 0
        self.dropped = 0

    def add(self, make: Callable[[int], T]) -> None:
        """Keep a value, made from its number."""
        with self._lock:
            self._number += 1
            value = make(self._number)
            self._kept.append(value)
            self.memory += self._bounds.weigh(value)
            while len(self._kept) > self._bounds.most or self.memory > self._bounds.most_bytes:
                self.memory -= self._bounds.weigh(self._kept.popleft())
                self.dropped += 1

    def all(self) -> list[T]:
        """List what is kept, oldest first."""
        with self._lock:
            return list(self._kept)

    @property
    def last(self) -> T | None:
        """The value that came last."""
        with self._lock:
            return self._kept[-1] if self._kept else None

    def clear(self) -> None:
        """Forget every value, and start counting from 1 again."""
        with self._lock:
            self._kept.clear()
            self.memory = self._number = self.dropped = 0


class MemoryTally:
    """:class:`~mock_server.store.protocol.Tally` in memory."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._passed: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def add(self, name: str, *, below: int | None = None) -> int | None:
        """Count one more, if there are fewer than *below*."""
        with self._lock:
            count = self._counts.get(name, 0)
            if below is not None and count >= below:
                return None
            self._counts[name] = count + 1
            self._counts.move_to_end(name)
            while len(self._counts) > self._most:
                self._counts.popitem(last=False)
        return count + 1

    def counts(self, names: Sequence[str]) -> list[int]:
        """Look counts up."""
        with self._lock:
            return [self._counts.get(name, 0) for name in names]

    def admit(self, name: str, most: int, seconds: float, *, now: float | None = None) -> float | None:
        """Let something pass, unless *most* passed in the *seconds* before; else say how long until the next may."""
        now = time.monotonic() if now is None else now
        with self._lock:
            passed = self._passed.setdefault(name, deque())
            self._passed.move_to_end(name)
            while len(self._passed) > self._most:
                self._passed.popitem(last=False)
            while passed and passed[0] <= now - seconds:
                passed.popleft()
            if len(passed) < most:
                passed.append(now)
                return None
            return passed[0] + seconds - now if passed else seconds

    def forget(self, names: Sequence[str]) -> None:
        """Forget some counts, and what passed by those names."""
        with self._lock:
            for name in names:
                self._counts.pop(name, None)
                self._passed.pop(name, None)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._counts.clear()
            self._passed.clear()


class MemoryValue(Generic[T]):
    """:class:`~mock_server.store.protocol.Value` in memory."""

    def __init__(self, initial: T) -> None:
        self._value = initial
        self._lock = Lock()

    def read(self) -> T:
        """Take it."""
        return self._value

    def change(self, change: Callable[[T], T]) -> T:
        """Change it; nobody is faster meanwhile."""
        with self._lock:
            self._value = change(self._value)
            return self._value
