"""What the gateway leaves behind when a request is answered, and how it sends bodies that grow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from mock_server.http.growing import Growing
from mock_server.serving import gateway as gateway_module
from mock_server.serving.gateway import Gateway, Limits

SCOPE: dict[str, Any] = {
    "type": "http",
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "query_string": b"",
    "headers": [],
    "server": ("127.0.0.1", 1),
    "client": ("127.0.0.1", 2),
}


class Client:
    """A client that reads what is sent, until it leaves."""

    def __init__(self, *, leaves_after: int = 10**9) -> None:
        self.statuses: list[int] = []
        self.parts: list[bytes] = []
        self.ended = 0
        self._leaves_after = leaves_after
        self._left = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.statuses.append(message["status"])
            return
        if message["body"]:
            self.parts.append(message["body"])
        self.ended += not message["more_body"]
        if len(self.parts) == self._leaves_after:
            self._left.set()

    async def ask(self, gateway: Gateway) -> None:
        await gateway(SCOPE, self.receive, self.send)


def test_nothing_watches_a_kept_connection_once_its_request_is_answered() -> None:
    def app(_: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("content-length", "4")])
        return [b"done"]

    limits = Limits(body=100, read_timeout=30, threads=1)

    async def ask() -> tuple[Client, set[Any]]:
        client = Client()
        gateway = Gateway(app, limits, may_wait=lambda _: True, is_quick=lambda *_: False)
        for _ in range(3):
            await client.ask(gateway)
        await asyncio.sleep(0)  # what was cancelled ends in the next turn
        return client, asyncio.all_tasks() - {asyncio.current_task()}

    client, left = asyncio.run(ask())
    assert (client.statuses, client.parts, client.ended, left) == ([200] * 3, [b"done"] * 3, 3, set())


class Counting(Growing):
    """A body that has another number each time, as long as *parts* has any."""

    def __init__(self, parts: Iterator[bytes | None]) -> None:
        self._parts = parts

    def more(self) -> bytes | None:
        return next(self._parts)

    def __iter__(self) -> Iterator[bytes]:
        yield b"what there is"


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
    client = Client()

    streamed(client.ask, lambda: iter([b"a", b"", b"", b"b", None]))

    assert (client.parts, client.ended) == ([b"a", b"b"], 1)


def for_ever() -> Iterator[bytes]:
    while True:
        yield b"again"


def test_body_ends_when_its_client_has_gone() -> None:
    clients = [Client(leaves_after=3), Client(leaves_after=4)]

    async def read(gateway: Gateway) -> None:
        for one in clients:
            await one.ask(gateway)

    streamed(read, for_ever, streams=1)

    assert [len(one.parts) for one in clients] == [3, 4]


def test_body_ends_at_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_module, "_GROWN", 12)
    client = Client()

    streamed(client.ask, for_ever)

    assert (client.parts, client.ended) == ([b"again"] * 3, 1)


def test_body_ends_with_the_server() -> None:
    client = Client()

    streamed(client.ask, for_ever, is_stopping=lambda: len(client.parts) == 5)

    assert (client.parts, client.ended) == ([b"again"] * 5, 1)


def test_client_that_is_told_nothing_for_long_is_told_that_it_is_still_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_module, "_SIGNS_OF_LIFE", -1)
    client = Client()

    streamed(client.ask, lambda: iter([b"", None]))

    assert client.parts == [b":\n\n"]


def test_more_streams_than_there_may_be_get_what_there_is_and_wait_for_no_thread() -> None:
    clients, late = [Client(leaves_after=50) for _ in range(2)], Client()

    async def read(gateway: Gateway) -> None:
        under_way = [asyncio.ensure_future(one.ask(gateway)) for one in clients]
        while not all(one.parts for one in clients):  # both, with one thread between them
            await asyncio.sleep(0)
        await late.ask(gateway)
        await asyncio.gather(*under_way)

    streamed(read, for_ever)

    assert ([len(one.parts) for one in clients], late.parts) == ([50, 50], [b"what there is"])
