"""Requests made with aiohttp: where its connectors would connect, they are linked to a server in the same event loop.

The server is aiohttp's own, for this one request, and takes neither a socket nor a thread before it is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import aiohttp
from aiohttp import web
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from sam3_contract.interception.guard import GUARD
from sam3_contract.interception.linked import link
from sam3_contract.interception.wsgi import CutShort, OutgoingRequest, WsgiAnswer

_WORKERS: Final = 16  # answers at the same time, each in a thread; more of them wait
_SET_ANEW: Final = frozenset({"content-length", "transfer-encoding", "connection"})
_LONG: Final = 2**20  # bytes of a line or header; the client has limits of its own


@contextmanager
def catching(claims: Callable[[str], bool], answer: Callable[[OutgoingRequest], WsgiAnswer]) -> Iterator[None]:
    """Let *answer* stand for every host that is claimed; pass on all other requests that the guard allows.

    Args:
        claims: Tells whether a URL is to be answered.
        answer: Answers it.
    """
    inherited = aiohttp.TCPConnector.connect
    workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="sam3-aiohttp")

    async def connect(self: aiohttp.TCPConnector, req: Any, traces: Any, timeout: Any) -> Connection:
        if claims(str(req.url)):
            return _connected(self, req, answer, workers)
        # Here, since a proxy would be all that the guard sees, and a connection that was kept not even that.
        GUARD.check(req.url.raw_host or "", req.url.port or 0)
        return await inherited(self, req, traces, timeout)

    # The class has none of its own: what is set here shadows its base class's, and is taken away again.
    aiohttp.TCPConnector.connect = connect  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        del aiohttp.TCPConnector.connect
        workers.shutdown(wait=False)  # an answer may be held back until who gives it is told to end


def _connected(
    connector: aiohttp.TCPConnector,
    sent: Any,
    answer: Callable[[OutgoingRequest], WsgiAnswer],
    workers: ThreadPoolExecutor,
) -> Connection:
    loop = asyncio.get_running_loop()

    async def reply(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # what is counted is the answer
        outgoing = await _outgoing(request, str(sent.url))
        try:
            found = await loop.run_in_executor(workers, answer, outgoing)
        except CutShort as error:
            return await _cut_short(request, error.answer)
        headers = [(name, value) for name, value in found.headers if name.lower() not in _SET_ANEW]
        return web.Response(status=found.status, reason=found.reason, headers=headers, body=found.body)

    server = web.Server(
        reply,
        access_log=None,
        auto_decompress=False,  # a body is passed on as it was sent
        tcp_keepalive=False,
        max_line_size=_LONG,
        max_field_size=_LONG,
    )
    client = ResponseHandler(loop)
    link(loop, client, server())
    client.force_close()  # not kept: the next request may be for somebody else
    return Connection(connector, sent.connection_key, client, loop)


async def _outgoing(request: web.BaseRequest, url: str) -> OutgoingRequest:
    body = b"".join([piece async for piece in request.content.iter_any()])
    headers = tuple((name, value) for name, value in request.headers.items())
    return OutgoingRequest(request.method, url, headers, body)


async def _cut_short(request: web.BaseRequest, begun: WsgiAnswer) -> web.StreamResponse:
    """Send what there is of an answer, and close the connection."""
    response = web.StreamResponse(status=begun.status, reason=begun.reason, headers=list(begun.headers))
    if begun.body:
        await response.prepare(request)
        await response.write(begun.body)
    if request.transport is not None:
        request.transport.close()
    return response
