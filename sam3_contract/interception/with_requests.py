"""Requests made with requests, caught by `responses <https://github.com/getsentry/responses>`_."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests
import responses

from sam3_contract.interception.wsgi import METHODS, CutShort, OutgoingRequest, TooSlow, WsgiAnswer

if TYPE_CHECKING:
    from requests import PreparedRequest

_ADAPTER: Final = requests.adapters.HTTPAdapter()


@contextmanager
def catching(claims: Callable[[str], bool], answer: Callable[[OutgoingRequest], WsgiAnswer]) -> Iterator[None]:
    """Let *answer* stand for every host that is claimed; pass on all other requests.

    Args:
        claims: Tells whether a URL is to be answered.
        answer: Answers it.
    """
    # Who asked for a library before us keeps what is not ours: a test's own `responses`, for one.
    net = responses.RequestsMock(
        assert_all_requests_are_fired=False, real_adapter_send=requests.adapters.HTTPAdapter.send
    )

    def reply(request: PreparedRequest) -> tuple[int, Any, bytes]:
        # What `responses` remembers would grow without bound; the mock has a journal of its own.
        net.calls.reset()
        for registered in net.registered():
            registered.calls.reset()
        try:
            found = answer(_outgoing(request))
        except TooSlow as error:
            raise requests.exceptions.ReadTimeout(str(error), request=request) from error
        except CutShort as error:
            # As requests has it: no answer at all is another thing than half of one.
            kind = requests.exceptions.ChunkedEncodingError if error.answer.body else requests.ConnectionError
            raise kind(str(error), request=request) from error
        return found.status, list(found.headers), found.body

    def is_claimed(request: PreparedRequest) -> tuple[bool, str]:
        return claims(request.url or ""), "not a host of the interception"

    anything = re.compile("")
    for method in METHODS:
        net.add_callback(method, anything, callback=reply, content_type=None, match=[is_claimed])
    net.add_passthru(anything)
    with net:
        yield


def _outgoing(request: PreparedRequest) -> OutgoingRequest:
    headers = tuple((name, _text(value)) for name, value in request.headers.items())
    sent: dict[str, Any] = getattr(request, "req_kwargs", {})
    timeout = sent.get("timeout")
    patience = timeout[1] if isinstance(timeout, tuple) else timeout
    parts = urlsplit(request.url or "")
    # As it would be sent: older versions of requests take all slashes but one from the beginning of a path.
    url = f"{parts.scheme}://{parts.netloc}{_ADAPTER.request_url(request, {})}"
    return OutgoingRequest(request.method or "GET", url, headers, _bytes(request.body), patience)


def _bytes(body: str | bytes | Iterable[bytes] | None) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode("utf-8")
    return body if isinstance(body, bytes) else b"".join(body)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
