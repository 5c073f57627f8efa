"""Connections as uvicorn has them, with bounds that it does not have: on heads, on their time, on idle ones."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["ABORT", "CONNECTIONS", "Connection"]

CONNECTIONS: Final = 256  # of each worker, idle ones included; as many of its requests can wait at the same time
ABORT: Final = "sam3_contract.abort"
"""Where a request's scope has what ends its connection at once, among the extensions."""
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

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent does
        """Wait for a head, and end the connection that has waited longest if there are too many."""
        super().connection_made(transport)
        self._waiting[self] = None
        self._bound_the_wait()
        if len(self.connections) > CONNECTIONS and len(self._waiting) > 1:
            next(iter(self._waiting)).transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, but no head without an end."""
        is_waiting = self in self._waiting
        super().data_received(_without_upgrade(data) if is_waiting else data)
        if self in self._waiting and not self.transport.is_closing():
            self._bound_the_wait()
            if self._head_bytes is not None:
                self._head_bytes += len(data)
                if self._head_bytes > _LONGEST_HEAD:
                    self.send_400_response(_TOO_LONG)

    def on_message_begin(self) -> None:
        """Begin to read a head, and give what will answer it a way to end the connection."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """Have the request answered."""
        self._head_bytes = None
        self._stop_waiting()
        super().on_headers_complete()

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
