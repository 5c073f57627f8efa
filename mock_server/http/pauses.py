"""Waits that end when nobody waits for the answer any more: the client has gone, or the mock begins anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Event, Lock
from typing import Any, Final

from flask import Flask, current_app

from mock_server.http.request_context import current_request
from mock_server.http.session_address import named_session

GONE: Final = "sam3_contract.gone"
"""Where a server that notices when a client goes puts an event into the environ, to be set then."""
PATIENCE: Final = "sam3_contract.patience"
"""Where a server that knows how many seconds a client waits puts them: nobody waits for what comes later."""
CLOCK: Final = "sam3_contract.clock"
"""Where a server in the client's own process puts the :class:`Clock` by which the client waits for an answer."""
RETRY_AFTER: Final = "sam3_contract.retry_after"
"""Where whoever tries clients puts the seconds after which faults let them ask again, in place of the service's."""
_BEYOND: Final = 0.01  # seconds by which a pause outlasts a client's patience
_EXTENSION: Final = "sam3_contract_mock_pauses"


class Clock:
    """The time that a client waits for an answer, if some of it may pass without anybody waiting.

    Attributes:
        passes: Lets so many seconds pass at once; says whether it did.
        ahead: Seconds that passed so.
        is_late: Whether the client is known to have given up before the answer came.
    """

    def __init__(self) -> None:
        self.passes: Callable[[float], bool] = lambda _: False
        self.ahead = 0.0
        self.is_late = False

    def let_pass(self, seconds: float) -> bool:
        """Let time pass at once, if that may be; say whether it did."""
        if not self.passes(seconds):
            return False
        self.ahead += seconds
        return True

    def was_noted(self) -> None:
        """Hear that the answer was noted by whoever keeps account of answers."""


class Pauses:
    """The waits of one mock. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._under_way: dict[Event, str | None] = {}  # of which session each is
        self._lock = Lock()

    def pause(self, seconds: float, environ: Mapping[str, Any]) -> None:
        """Hold a request back until the time is over, its client has gone, or :meth:`end` is called.

        Args:
            seconds: How long.
            environ: The request's.
        """
        gone: Event = environ.get(GONE) or Event()
        patience: float | None = environ.get(PATIENCE)
        if patience is not None:
            seconds = min(seconds, patience + _BEYOND)
        with self._lock:  # first of all: whoever ends it may do so while the clock is asked
            self._under_way[gone] = named_session(environ)
        began = time.monotonic()
        clock: Clock | None = environ.get(CLOCK)
        try:
            if clock is None or not clock.let_pass(max(seconds, 0)):
                gone.wait(max(seconds - (time.monotonic() - began), 0))
        finally:
            with self._lock:
                self._under_way.pop(gone, None)

    def end(self, session: str | None = None) -> None:
        """End the waits of a session that are under way; by default those of the default session."""
        with self._lock:
            for one, of_session in self._under_way.items():
                if of_session == session:
                    one.set()


def install(app: Flask) -> Pauses:
    """Let the requests of an application wait."""
    pauses: Pauses = app.extensions.setdefault(_EXTENSION, Pauses())
    return pauses


def pausing() -> Callable[[float], None]:
    """Take what holds the request at hand back for some seconds; it may be used when that is over, by its answer."""
    pauses: Pauses = current_app.extensions[_EXTENSION]
    environ = current_request().environ
    return lambda seconds: pauses.pause(seconds, environ)
