"""Two ends of a connection within one event loop: what is written at one end arrives at the other, without a socket."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any


class _End(asyncio.Transport):
    """One end; what it is given goes to the protocol of the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol) -> None:
        super().__init__({"peername": ("127.0.0.1", 0), "sockname": ("127.0.0.1", 0)})
        self.other: _End
        self._loop = loop
        self._protocol = protocol
        self._arrived: deque[bytes] = deque()
        self._paused = False
        self._closing = False
        self._other_closed = False
        self._lost = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing and data:
            self.other.arrive(bytes(data))

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        """Close this end: nothing arrives at it any more, and the other end closes once all has arrived there."""
        if not self._closing:
            self._closing = True
            self._arrived.clear()
            self._loop.call_soon(self._lose)
            self.other.end()

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._soon()

    def is_reading(self) -> bool:
        return not self._paused

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Hold nothing back: a request and its answer have limits of their own."""

    def can_write_eof(self) -> bool:
        return False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def arrive(self, data: bytes) -> None:
        """Take what was written at the other end."""
        self._arrived.append(data)
        self._soon()

    def end(self) -> None:
        """Close once all has arrived that the other end wrote."""
        self._other_closed = True
        self._soon()

    def _soon(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        while self._arrived and not self._paused and not self._closing:
            self._protocol.data_received(self._arrived.popleft())
        if self._other_closed and not self._arrived:
            self.close()

    def _lose(self) -> None:
        if not self._lost:
            self._lost = True
            self._protocol.connection_lost(None)


def link(loop: asyncio.AbstractEventLoop, client: asyncio.Protocol, server: asyncio.Protocol) -> None:
    """Connect two protocols with each other.

    Args:
        loop: The event loop of both.
        client: The one that speaks first.
        server: The one that answers.
    """
    ends = _End(loop, client), _End(loop, server)
    ends[0].other, ends[1].other = ends[1], ends[0]
    server.connection_made(ends[1])
    client.connection_made(ends[0])
