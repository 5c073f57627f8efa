"""Sockets of the main thread that wait for an answer of a server of this process: their time may pass at once.

Such a client does nothing but wait, and how long it will, its socket tells. So a server that is to hold an answer back
hands the time to whoever waits for it: the wait ends when it would end, only sooner.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from mock_server.http.pauses import Clock

__all__ = ["ServedClock", "hastened", "serving"]

_UNTIL_IT_WAITS: Final = 0.5  # seconds in which a client that has sent its request begins to wait for the answer
_UNTIL_TAKEN: Final = 10.0  # seconds in which a client answers that waits
_UNTIL_NOTED: Final = 1.0  # seconds that a client whose time is over leaves to whoever notes the answer
_READING: Final = ("recv", "recv_into")
"""What requests, httpx and `http.client` read an answer by."""

_lock: Final = threading.Condition()
_served: Final[set[int]] = set()  # ports of servers of this process
_waiting: Final[dict[int, _Wait]] = {}  # by the client's port


class ServedClock(Clock):
    """The time of one request over a socket.

    Args:
        port: The client's.

    Attributes:
        noted: Set once its answer is noted: what the client does next comes behind it.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        self.noted = threading.Event()
        self._port = port

    def let_pass(self, seconds: float) -> bool:
        """Let time pass at once for a client of this process that waits for this answer; say whether it did."""
        did, ends = None, time.monotonic() + _UNTIL_IT_WAITS
        while did is None and (wait := self._offered(seconds, until=ends)) is not None:
            did = wait.taken()  # unless it ended meanwhile, with what was sent before
        return bool(did)

    def _offered(self, seconds: float, *, until: float) -> _Wait | None:
        with _lock:
            if _hastened and _lock.wait_for(lambda: self._port in _waiting, until - time.monotonic()):
                _waiting[self._port].offer(self, seconds)
                return _waiting[self._port]
        return None

    def was_noted(self) -> None:
        """Let a client go on that gave up."""
        self.noted.set()


class _Wait:
    """A client's wait for something to read."""

    def __init__(self, patience: float | None) -> None:
        self._left = patience
        self._inbox, self._outbox = os.pipe()
        self._offered: tuple[ServedClock, float] | None = None
        self._answered = threading.Event()
        self._did: bool | None = None

    def offer(self, clock: ServedClock, seconds: float) -> None:
        """Offer that time passes; the lock is held. One connection has one request at a time."""
        self._offered = clock, seconds
        self._answered.clear()
        os.write(self._outbox, b"x")

    def taken(self) -> bool | None:
        """Wait until the client has answered: whether the time did pass; None if its wait had come to an end."""
        self._answered.wait(_UNTIL_TAKEN)  # a run that is stopped may be stopped here
        return self._did

    def until_readable(self, connection: socket.socket) -> None:
        """Wait, as reading would.

        Raises:
            TimeoutError: If nothing comes within the client's patience.
        """
        ready = select.poll()
        for descriptor in (connection.fileno(), self._inbox):
            ready.register(descriptor, select.POLLIN)
        while True:
            began = time.monotonic()
            found = {descriptor for descriptor, _ in ready.poll(None if self._left is None else self._left * 1000)}
            if connection.fileno() in found:
                return
            if self._left is not None:
                self._left = max(0.0, self._left - (time.monotonic() - began))
            if self._inbox in found:
                self._take()
            elif not found:
                raise TimeoutError("timed out")

    def _take(self) -> None:
        """Let the offered time pass, up to what is left of the client's patience."""
        os.read(self._inbox, 1)
        offered = self._offered
        assert offered is not None, "there is one byte for each"
        clock, seconds = offered
        is_late = self._left is not None and self._left <= seconds
        did = False
        try:
            did = clock.passes(self._left if self._left is not None and is_late else seconds)  # or the run is over
        finally:
            clock.is_late = did and is_late
            self._answer(did=did)
        if did and self._left is not None:
            self._left = max(0.0, self._left - seconds)
        if clock.is_late:
            clock.noted.wait(_UNTIL_NOTED)
            raise TimeoutError("timed out")

    def _answer(self, *, did: bool | None) -> None:
        self._offered, self._did = None, did
        self._answered.set()

    def close(self) -> None:
        """End it; a server that has just offered something is told so. The lock is held."""
        if self._offered is not None:
            self._answer(did=None)
        os.close(self._inbox)
        os.close(self._outbox)


@contextmanager
def serving(port: int) -> Iterator[None]:
    """Count a port as one of this process's servers."""
    _served.add(port)
    try:
        yield
    finally:
        _served.discard(port)


_hastened = False


@contextmanager
def hastened() -> Iterator[None]:
    """Let the main thread's waits for servers of this process be as short as these allow, until the block ends."""
    global _hastened
    kind: Any = socket.socket  # tests, and plugins for them, put others in its place, and may take them away meanwhile
    if _hastened or not hasattr(select, "poll") or not isinstance(kind, type):
        yield
        return
    own = {name: vars(kind)[name] for name in _READING if name in vars(kind)}
    for name in _READING:
        setattr(kind, name, _waiting_first(getattr(kind, name)))
    _hastened = True
    try:
        yield
    finally:
        _hastened = False
        for name in _READING:
            if name in own:
                setattr(kind, name, own[name])
            else:
                delattr(kind, name)


def _waiting_first(read: Callable[..., Any]) -> Callable[..., Any]:
    def reading(connection: socket.socket, *args: Any, **kwargs: Any) -> Any:
        # Flags may say not to wait; none of those who read answers gives any.
        port = _port_of(connection) if len(args) == 1 and not kwargs else None
        if port is not None:
            with _waited_for(port, connection.gettimeout()) as wait:
                wait.until_readable(connection)
        return read(connection, *args, **kwargs)

    return reading


@contextmanager
def _waited_for(port: int, patience: float | None) -> Iterator[_Wait]:
    wait = _Wait(patience)
    with _lock:
        _waiting[port] = wait
        _lock.notify_all()
    try:
        yield wait
    finally:
        with _lock:
            del _waiting[port]
            wait.close()


def _port_of(connection: socket.socket) -> int | None:
    """Return the port of a socket that waits in the main thread for a server of this process; ``None`` of any other."""
    if threading.current_thread() is not threading.main_thread() or connection.family != socket.AF_INET:
        return None
    with suppress(OSError):
        if connection.gettimeout() != 0 and connection.getpeername()[1] in _served:
            port: int = connection.getsockname()[1]
            return port
    return None
