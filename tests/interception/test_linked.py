"""A connection without a socket: what is written at one end arrives at the other, in order, until one closes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sam3_contract.interception.linked import link


class _Noting(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: Any = None
        self.seen: list[bytes | str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.seen.append(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.seen.append("lost")


def after(act: Callable[[_Noting, _Noting], None]) -> tuple[list[bytes | str], list[bytes | str]]:
    """What both ends have seen once everything has arrived."""

    async def run() -> tuple[list[bytes | str], list[bytes | str]]:
        client, server = _Noting(), _Noting()
        link(asyncio.get_running_loop(), client, server)
        act(client, server)
        for _ in range(9):
            await asyncio.sleep(0)
        return client.seen, server.seen

    return asyncio.run(run())


def test_data_arrive_in_order_at_the_other_end() -> None:
    def act(client: _Noting, server: _Noting) -> None:
        client.transport.write(b"one")
        client.transport.writelines([b"tw", bytearray(b"o")])
        client.transport.write(b"")
        server.transport.write(memoryview(b"three"))

    assert after(act) == ([b"three"], [b"one", b"two"])


def test_both_ends_are_lost_once_and_what_was_written_before_arrives() -> None:
    def act(client: _Noting, server: _Noting) -> None:
        server.transport.write(b"last")
        server.transport.close()
        server.transport.close()
        server.transport.write(b"too late")
        client.transport.write(b"nobody reads it")

    assert after(act) == ([b"last", "lost"], ["lost"])


def test_end_that_pauses_is_given_nothing_until_it_resumes() -> None:
    def pause(client: _Noting, server: _Noting) -> None:
        client.transport.pause_reading()
        server.transport.write(b"one")
        server.transport.close()

    def resume(client: _Noting, server: _Noting) -> None:
        pause(client, server)
        client.transport.resume_reading()

    assert after(pause) == ([], ["lost"])
    assert after(resume) == ([b"one", "lost"], ["lost"])


def test_abort_closes_and_protocols_can_be_changed() -> None:
    other = _Noting()

    def act(client: _Noting, server: _Noting) -> None:
        client.transport.set_protocol(other)
        assert client.transport.get_protocol() is other
        assert (client.transport.is_reading(), client.transport.can_write_eof()) == (True, False)
        server.transport.write(b"one")
        server.transport.abort()
        assert server.transport.is_closing()

    assert after(act) == ([], ["lost"])
    assert other.seen == [b"one", "lost"]
