"""Connections as uvicorn has them, with bounds that it does not have: on heads, on their time, on idle ones."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

__all__ = ["CONNECTIONS", "ENDING", "Connection"]

CONNECTIONS: Final = 256  # of each worker, idle ones included; as many of its requests can wait at the same time
ENDING: Final = "sam3_contract.ending"
"""Where a request's scope has ways to end its connection, among the extensions: ``abort`` at once, ``close``."""
_LONGEST_HEAD: Final = 64 * 1024  # bytes
_LARGE: Final = 1024 * 1024  # bytes of a body that are read on, whether anybody takes them or not
_TOO_LONG: Final = "Request Header Fields Too Large"
_UPGRADE: Final = re.compile(rb"\r\nupgrade:", re.IGNORECASE)


class Connection(HttpToolsProtocol):
    """One connection.

    It ends if it sends a head, or what is left of a body that was answered already, for longer than an idle connection
    may be; at a head that is too long; and, of more connections than there may be, the one that has waited for the
    longest time. Bodies that are not large are handed on in one piece.
    """

    _waiting: Final[dict[Connection, None]] = {}  # those without a request under way, the oldest first

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_bytes: int | None = None  # of one that has begun
        self._timer: asyncio.TimerHandle | None = None
        self._answered: RequestResponseCycle | None = None  # not the newest one, where requests are pipelined

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent does
        """Wait for a head, and end the connection that has waited longest if there are too many."""
        super().connection_made(transport)
        self._waiting[self] = None
        self._bound_the_wait()
        if len(self.connections) > CONNECTIONS and len(self._waiting) > 1:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more, and tell every request that is under way, of which uvicorn tells the last one."""
        self._stop_waiting()
        super().connection_lost(exc)
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()
        self.pipeline.clear()

    def data_received(self, data: bytes) -> None:
        """Read on, but no head without an end."""
        is_waiting = self in self._waiting
        super().data_received(_without_upgrade(data) if is_waiting else data)
        if self in self._waiting and not self.transport.is_closing():
            self._bound_the_wait()
        if self._head_bytes is not None and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > _LONGEST_HEAD:
                if self in self._waiting:
                    self.send_400_response(_TOO_LONG)
                else:  # of a request behind one that is under way: refused when that is answered
                    self.flow.pause_reading()

    def on_message_begin(self) -> None:
        """Begin to read a head, and give what will answer it a way to end the connection."""
        super().on_message_begin()
        self.scope["extensions"] = {ENDING: {"abort": self.transport.abort, "close": self.transport.close}}
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """Have the request answered."""
        self._head_bytes = None
        self._stop_waiting()
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """Wake nobody for a part of a body that is not large: the end of the message does."""
        if self.cycle.response_complete or len(self.cycle.body) + len(body) > _LARGE:
            super().on_body(body)
        else:
            self.cycle.body += body

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is there already."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._waiting[self] = None

    def _bound_the_wait(self) -> None:
        """End the connection in time, unless uvicorn does, as it does where nothing has come since the last answer."""
        if self._timer is None and self.timeout_keep_alive_task is None:
            self._timer = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _stop_waiting(self) -> None:
        self._waiting.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _without_upgrade(data: bytes) -> bytes:
    """Pass over an offer to speak another protocol, as Java's client makes it at first.

    uvicorn answers in HTTP/1.1 as well, but then reads no body.
    """
    end = data.find(b"\r\n\r\n")
    if data.find(b"pgrade", 0, end) < 0:
        return data
    return _UPGRADE.sub(b"\r\nx-upgrade:", data[:end]) + data[end:]
