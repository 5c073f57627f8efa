"""When to send: not faster than allowed, and again where a server asks for it and nothing was charged."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from sam3_contract.errors import AskedError, TransportError, UsageError
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.transport import Transport

ATTEMPTS: Final = 3
BUSY: Final = frozenset({429, 503})
"""Statuses after which a request may be sent again: it was refused before any work was done."""
LONGEST_WAIT: Final = 30.0  # seconds; a server that wants more is judged by what it answered
FIRST_WAIT: Final = 0.5  # seconds; doubled each time, where the server names none
_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)/([smh])")
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_between(rate: str) -> float:
    """Read a rate such as ``30/m`` as the seconds between two calls.

    Raises:
        UsageError: If it is no number over ``s``, ``m`` or ``h``.

    Example:
        >>> seconds_between("30/m")
        2.0
    """
    found = _RATE.fullmatch(rate.strip())
    if found is None or float(found[1]) == 0:
        raise UsageError(f"a rate of {rate!r} cannot be read; write calls per second, minute or hour, such as 30/m")
    return _UNITS[found[2]] / float(found[1])


@dataclass
class Turns:
    """Keeps calls apart, whichever thread they are of.

    Attributes:
        interval: Least seconds between two calls.
        clock: Seconds, monotonic.
        wait: Waits for seconds.
    """

    interval: float = 0.0
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)
    _next: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> None:
        """Wait until the next call may be made."""
        with self._lock:
            start = max(self._next, self.clock())
            self._next = start + self.interval
        if start > self.clock():
            self.wait(start - self.clock())


@dataclass
class Patience:
    """Sends cases through a transport, at a rate, and again where that costs nothing.

    What a server charged for is never sent again: neither an answer of any other status, nor a connection that broke
    after the request had left. Once a case was refused to the last attempt, later ones are not retried any more.

    Attributes:
        transport: What sends.
        interval: Least seconds between two calls.
        deadline: When to stop waiting, by `clock`; ``None`` for never.
        retries: How many calls were sent again.
        clock: Seconds, monotonic.
        wait: Waits for seconds.
    """

    transport: Transport
    interval: float = 0.0
    deadline: float | None = None
    retries: int = 0
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)
    _given_up: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Keep the calls apart."""
        self._turns = Turns(self.interval, self.clock, self.wait)

    def send(self, case: Case) -> Exchange:
        """Send a case and wait for its answer; those before it are kept with it.

        Raises:
            TransportError: If the server was not reached, not even later.
        """
        retried: list[Exchange] = []
        for attempt in range(ATTEMPTS):
            self._turns.take()
            try:
                exchange = self.transport.send(case)
            except AskedError:
                raise
            except TransportError:
                pause = self._pause(attempt, None)
                if pause is None:
                    raise
            else:
                pause = self._pause(attempt, exchange.headers.get("retry-after")) if exchange.status in BUSY else None
                if pause is None or exchange.status in case.expected:
                    return replace(exchange, retried=tuple(retried)) if retried else exchange
                retried.append(exchange)
            with self._lock:
                self.retries += 1
            self.wait(pause)
        raise AssertionError("the last attempt returns or raises")

    def _pause(self, attempt: int, wanted: str | None) -> float | None:
        """Tell how long to wait before the next attempt; ``None`` for no further one."""
        named = _seconds(wanted) if wanted is not None else None
        pause = FIRST_WAIT * 2**attempt if named is None else named
        if attempt == ATTEMPTS - 1 or pause > LONGEST_WAIT:
            self._given_up = True
        late = self.deadline is not None and self.clock() + pause > self.deadline
        return None if self._given_up or late else pause


def _seconds(value: str) -> float | None:
    """Read ``Retry-After``: seconds, also with a fraction, as some servers write them, or a date; else it is none."""
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value.strip()):  # not isdigit(), to which a superscript is one too
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        # Dates of HTTP are in UTC, those that name no zone as well.
        return max((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
