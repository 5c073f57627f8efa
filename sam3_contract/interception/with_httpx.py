"""Requests made with httpx, of both kinds of client, caught by `respx <https://github.com/lundberg/respx>`_."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import anyio.to_thread
import httpx
import respx
from respx.models import AllMockedAssertionError, PassThrough

from sam3_contract.interception.guard import GUARD
from sam3_contract.interception.wsgi import CutShort, OutgoingRequest, TooSlow, WsgiAnswer

_PORTS: Final = {"http": 80, "https": 443}


class _Router(respx.MockRouter):
    """Answers what is claimed, for both kinds of client, and leaves the rest to whoever else wants it.

    Routes with side effects would do, but a side effect cannot tell whether it may be awaited, so an answer that takes
    long would stop the event loop.
    """

    def __init__(self, claims: Callable[[str], bool], answer: Callable[[OutgoingRequest], WsgiAnswer]) -> None:
        super().__init__(assert_all_called=False)
        self._claims = claims
        self._answer = answer

    def handler(self, request: httpx.Request) -> httpx.Response:
        self._pass_on_unless_claimed(request)
        return self._reply(request)

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        self._pass_on_unless_claimed(request)
        return await anyio.to_thread.run_sync(self._reply, request, abandon_on_cancel=True)

    def _pass_on_unless_claimed(self, request: httpx.Request) -> None:
        url = str(request.url)
        if self._claims(url):
            return
        if self.Mocker is not None and len(self.Mocker.routers) > 1:
            raise AllMockedAssertionError(f"{url} is not a host of the interception")  # asks the other routers
        parts = urlsplit(url)
        GUARD.check(parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))  # uvloop's sockets go unseen
        raise PassThrough("not a host of the interception", request=request, origin=respx.Route())

    def _reply(self, request: httpx.Request) -> httpx.Response:
        try:
            found = self._answer(_outgoing(request))
        except TooSlow as error:
            raise httpx.ReadTimeout(str(error), request=request) from error
        except CutShort as error:
            raise httpx.RemoteProtocolError(str(error), request=request) from error
        return httpx.Response(
            found.status,
            headers=list(found.headers),
            stream=httpx.ByteStream(found.body),
            extensions={"reason_phrase": found.reason.encode("ascii", "replace")},
        )


@contextmanager
def catching(claims: Callable[[str], bool], answer: Callable[[OutgoingRequest], WsgiAnswer]) -> Iterator[None]:
    """Let *answer* stand for every host that is claimed; pass on all other requests.

    Args:
        claims: Tells whether a URL is to be answered.
        answer: Answers it.
    """
    with _Router(claims, answer):
        yield


def _outgoing(request: httpx.Request) -> OutgoingRequest:
    patience = request.extensions.get("timeout", {}).get("read")
    headers = tuple(request.headers.multi_items())
    return OutgoingRequest(request.method.upper(), str(request.url), headers, request.content, patience)
