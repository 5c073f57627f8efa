"""What the gateway leaves behind when a request is answered, and how it sends bodies that grow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # not marked as its export

from mock_server.http.growing import Growing
from mock_server.serving import gateway as gateway_module
from mock_server.serving.gateway import Gateway, Limits

REQUEST = {"method": "GET", "path": "/", "query_string": "", "http_version": "1.1", "scheme": "http"}
SCOPE: Any = SimpleNamespace(headers={}, server="127.0.0.1:1", client="127.0.0.1:2", **REQUEST)


class Connection:
    """A kept connection, whose client does not go away."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    async def client_disconnect(self) -> None:
        await asyncio.Event().wait()

    def response_bytes(self, status: int, *_: Any) -> None:
        self.statuses.append(status)


def test_nothing_watches_a_kept_connection_once_its_request_is_answered() -> None:
    def app(_: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("content-length", "4")])
        return [b"done"]

    limits = Limits(body=100, read_timeout=30, threads=1)

    async def ask() -> tuple[list[int], set[Any]]:
        connection: Any = Connection()
        gateway = Gateway(app, limits, may_wait=lambda _: True, is_quick=lambda *_: False)
        for _ in range(3):
            await gateway(SCOPE, connection)
        await asyncio.sleep(0)  # what was cancelled ends in the next turn
        return connection.statuses, asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(ask()) == ([200] * 3, set())


class Counting(Growing):
    """A body that has another number each time, as long as *parts* has any."""

    def __init__(self, parts: Iterator[bytes | None]) -> None:
        self._parts = parts

    def more(self) -> bytes | None:
        return next(self._parts)

    def __iter__(self) -> Iterator[bytes]:
        yield b"what there is"


class Reader:
    """A connection that is streamed to, until its client leaves."""

    def __init__(self, *, leaves_after: int = 10**9, breaks_after: int = 10**9) -> None:
        self.parts: list[bytes] = []
        self.whole: list[bytes] = []
        self._leaves_after, self._breaks_after = leaves_after, breaks_after
        self._left = asyncio.Event()

    async def client_disconnect(self) -> None:
        await self._left.wait()

    def response_bytes(self, _: int, __: Any, body: bytes) -> None:
        self.whole.append(body)

    def response_stream(self, *_: Any) -> Reader:
        return self

    async def send_bytes(self, part: bytes) -> None:
        if len(self.parts) == self._breaks_after:
            raise ProtocolClosed
        self.parts.append(part)
        if len(self.parts) == self._leaves_after:
            self._left.set()


def streamed(
    scenario: Callable[[Gateway], Awaitable[Any]],
    parts: Callable[[], Iterator[bytes | None]],
    *,
    streams: int = 2,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Any:
    def app(_: Any, start_response: Any) -> Growing:
        start_response("200 OK", [("content-type", "text/event-stream")])
        return Counting(parts())

    async def run() -> Any:
        limits = Limits(body=100, read_timeout=30, threads=1, streams=streams)
        gateway = Gateway(app, limits, lambda _: True, lambda *_: False, is_stopping)
        found = await scenario(gateway)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return found

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_module, "_LOOKS", 0)


def test_body_grows_in_one_answer_until_there_is_no_more() -> None:
    async def read(gateway: Gateway) -> list[bytes]:
        reader: Any = Reader()
        await gateway(SCOPE, reader)
        return [*reader.parts, *reader.whole]

    assert streamed(read, lambda: iter([b"a", b"", b"", b"b", None])) == [b"a", b"b"]


def for_ever() -> Iterator[bytes]:
    while True:
        yield b"again"


def test_body_ends_when_its_client_has_gone() -> None:
    async def read(gateway: Gateway) -> list[int]:
        leaving: list[Any] = [Reader(leaves_after=3), Reader(breaks_after=4)]
        for one in leaving:
            await gateway(SCOPE, one)
        return [len(one.parts) for one in leaving]

    assert streamed(read, for_ever, streams=1) == [3, 4]


def test_body_of_somebody_who_does_not_read_ends_at_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_module, "_GROWN", 12)

    async def read(gateway: Gateway) -> list[bytes]:
        reader: Any = Reader()
        await gateway(SCOPE, reader)
        return list(reader.parts)

    assert streamed(read, for_ever) == [b"again"] * 3


def test_body_ends_with_the_server() -> None:
    reader: Any = Reader()

    async def read(gateway: Gateway) -> list[bytes]:
        await gateway(SCOPE, reader)
        return list(reader.parts)

    assert streamed(read, for_ever, is_stopping=lambda: len(reader.parts) == 5) == [b"again"] * 5


def test_client_that_is_told_nothing_for_long_is_told_that_it_is_still_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_module, "_SIGNS_OF_LIFE", -1)

    async def read(gateway: Gateway) -> list[bytes]:
        reader: Any = Reader()
        await gateway(SCOPE, reader)
        return list(reader.parts)

    assert streamed(read, lambda: iter([b"", None])) == [b":\n\n"]


def test_more_streams_than_there_may_be_get_what_there_is_and_wait_for_no_thread() -> None:
    async def read(gateway: Gateway) -> tuple[list[int], list[bytes]]:
        readers: list[Any] = [Reader(leaves_after=50) for _ in range(2)]
        late: Any = Reader()
        under_way = [asyncio.ensure_future(gateway(SCOPE, one)) for one in readers]
        while not all(one.parts for one in readers):  # both, with one thread between them
            await asyncio.sleep(0)
        await gateway(SCOPE, late)
        await asyncio.gather(*under_way)
        return [len(one.parts) for one in readers], late.whole

    assert streamed(read, for_ever) == ([50, 50], [b"what there is"])
