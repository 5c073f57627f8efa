"""Requests made with aiohttp, caught by `aiointercept <https://github.com/Polandia94/aiointercept>`_.

It leads them to a server of aiohttp's own on this machine, in a thread, which passes them on to the mock: aiohttp has
no place where an answer could be put in without one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from aiohttp import web
from aiointercept import aiointercept
from aiointercept.core import AiointerceptRequest, MockResponse

from sam3_contract.interception.wsgi import METHODS, Answer, Asked, CutShort

__all__ = ["catching"]

_WORKERS: Final = 16  # answers at the same time, each in a thread; more of them wait
_ORIGINAL_SCHEME: Final = "x-aiointercept-orig-scheme"
_SET_ANEW: Final = frozenset({"content-length", "transfer-encoding", "connection"})


@contextmanager
def catching(hosts: Iterable[str], answer: Callable[[Asked], Answer]) -> Iterator[int]:
    """Let *answer* stand for some hosts; all other requests go their way.

    Args:
        hosts: Names, not addresses: those are never looked up, which is where the requests are led away.
        answer: Answers for them.

    Yields:
        The port of this machine that the requests are led to.
    """
    net = aiointercept(mock_external_urls=True, passthrough_unmatched=True)
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="sam3-aiohttp") as workers:

        async def reply(request: web.Request) -> web.StreamResponse:
            # What it remembers would grow without bound; the mock has a journal of its own.
            net.requests.clear()
            net.ordered_requests.clear()
            try:
                found = await asyncio.get_running_loop().run_in_executor(workers, answer, _asked(request))
            except CutShort as error:
                return await _cut_short(request, error.answer)
            headers = [(name, value) for name, value in found.headers if name.lower() not in _SET_ANEW]
            return web.Response(status=found.status, reason=found.reason, headers=headers, body=found.body)

        _elsewhere(net.start())
        try:
            for host in hosts:
                net.add(f"http://{host}/")  # claims the host; a claim by pattern would claim all hosts
            for method in METHODS:
                net.patterns_handler[re.compile(""), method] = MockResponse(reply)
            yield net.server_port
        finally:
            _elsewhere(net.stop())


async def _cut_short(request: web.Request, begun: Answer) -> web.StreamResponse:
    """Send what there is of an answer, and close the connection."""
    response = web.StreamResponse(status=begun.status, reason=begun.reason, headers=list(begun.headers))
    if begun.body:
        await response.prepare(request)
        await response.write(begun.body)
    if request.transport is not None:
        request.transport.close()
    return response


def _elsewhere(coroutine: Coroutine[object, object, None]) -> None:
    """Run a coroutine to its end in a thread of its own: here, an event loop may be running already."""
    with ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, coroutine).result()


def _asked(request: web.Request) -> Asked:
    assert isinstance(request, AiointerceptRequest)
    scheme = request.headers.get(_ORIGINAL_SCHEME, "http")
    headers = tuple((name, value) for name, value in request.headers.items() if name.lower() != _ORIGINAL_SCHEME)
    return Asked(request.method, f"{scheme}://{request.host}{request.raw_path}", headers, request.captured_body or b"")
