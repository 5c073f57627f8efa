"""Requests made with requests, caught by `responses <https://github.com/getsentry/responses>`_."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import requests
import responses
from urllib3.util import Timeout

from sam3_contract.interception.wsgi import CutShort, OutgoingRequest, TooSlow, WsgiAnswer

if TYPE_CHECKING:
    from requests import PreparedRequest

_ADAPTER: Final = requests.adapters.HTTPAdapter()
_ANY_URL: Final = re.compile("")


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

    net.add(_Claimed(claims, reply))
    net.add_passthru(_ANY_URL)
    with net:
        yield


class _Claimed(responses.CallbackResponse):
    """Answers whatever is claimed, asked for by whichever method."""

    def __init__(self, claims: Callable[[str], bool], reply: Callable[[PreparedRequest], Any]) -> None:
        super().__init__("", _ANY_URL, reply, content_type=None)
        self._claims = claims

    def matches(self, request: PreparedRequest) -> tuple[bool, str]:
        return self._claims(request.url or ""), "not a host of the interception"


def _outgoing(request: PreparedRequest) -> OutgoingRequest:
    headers = tuple((name, _text(value)) for name, value in request.headers.items())
    sent: dict[str, Any] = getattr(request, "req_kwargs", {})
    parts = urlsplit(request.url or "")
    # As it would be sent: older versions of requests take all slashes but one from the beginning of a path.
    url = f"{parts.scheme}://{parts.netloc}{_ADAPTER.request_url(request, {})}"
    # A server reads as much as it is told: requests tells of some texts how many characters they have.
    told = request.headers.get("Content-Length")
    body = _bytes(request.body)[: int(told) if told else None]
    return OutgoingRequest(request.method or "GET", url, headers, body, _patience(sent.get("timeout")))


def _patience(timeout: Any) -> float | None:
    """Tell how long requests would wait for an answer; of what is no timeout it raises what requests raises."""
    if not isinstance(timeout, Timeout):
        connecting, reading = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        timeout = Timeout(connect=connecting, read=reading)
    at_work = timeout.clone()
    at_work.start_connect()
    return cast("float | None", at_work.read_timeout)


def _bytes(body: Any) -> bytes:
    """Take the bytes of a body: a text, whatever holds bytes, or parts of such kinds."""
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode("utf-8")
    try:
        return bytes(memoryview(body))
    except TypeError:  # no bytes of any kind, so parts of a body
        return b"".join(map(_bytes, body))


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
