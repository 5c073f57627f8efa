"""What the gateway leaves behind when a request is answered."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from mock_server.serving.gateway import Gateway, Limits


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
    request = {"method": "GET", "path": "/", "query_string": "", "http_version": "1.1", "scheme": "http"}
    scope: Any = SimpleNamespace(headers={}, server="127.0.0.1:1", client="127.0.0.1:2", **request)

    async def ask() -> tuple[list[int], set[Any]]:
        connection: Any = Connection()
        gateway = Gateway(app, limits, may_wait=lambda _: True, is_quick=lambda *_: False)
        for _ in range(3):
            await gateway(scope, connection)
        await asyncio.sleep(0)  # what was cancelled ends in the next turn
        return connection.statuses, asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(ask()) == ([200] * 3, set())
