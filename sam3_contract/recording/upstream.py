"""The server that is recorded: a request goes to it as it came, its answer comes back whole or not at all."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import urllib3

from sam3_contract.errors import TransportError
from sam3_contract.recording.messages import Answer, Headers, Request
from sam3_contract.recording.packing import PackedError, codings_of, content_of
from sam3_contract.transport.base_url import server_url
from sam3_contract.transport.causes import system_cause
from sam3_contract.transport.session import connections_for, failure_of_proxy
from sam3_contract.transport.surroundings import proxies_for

MAX_ANSWER: Final = 2**27  # bytes, unpacked
_PIECE: Final = 2**16
# What says how a message is carried belongs to each connection; packed answers could not be kept as they are.
_OF_THE_WAY: Final = frozenset(
    {"host", "content-length", "accept-encoding", "connection", "keep-alive", "proxy-authenticate", "te", "trailer",
     "proxy-authorization", "transfer-encoding", "upgrade", "expect", "content-encoding"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Upstream:
    """A server.

    Attributes:
        base: Where its paths begin, such as ``https://serverless.roboflow.com``; empty sends each request where its
            URL says.
        timeout: Seconds that an answer may take in all.

    Raises:
        UsageError: If *base* is no URL of a server.
    """

    base: str = ""
    timeout: float = 120.0

    def __post_init__(self) -> None:
        if self.base:
            server_url(self.base)

    def url_of(self, url: str) -> str:
        """Tell where a request goes."""
        if not self.base:
            return url
        parts, base = urlsplit(url), urlsplit(self.base)
        return urlunsplit((base.scheme, base.netloc, f"{base.path.rstrip('/')}{parts.path}", parts.query, ""))

    def send(self, request: Request) -> tuple[Answer, float]:
        """Send a request, once, and wait for the answer.

        Returns:
            The answer, and the seconds it took.

        Raises:
            TransportError: If no whole answer came, it is larger than ``MAX_ANSWER``, or what the environment says of
                proxies and certificates cannot be used.
        """
        started = time.perf_counter()
        packing = {name: value for name, value in request.headers if name.lower() == "content-encoding"}
        headers = {**dict(carried_on(request.headers)), **packing, "Accept-Encoding": "identity"}
        url = self.url_of(request.url)
        proxies = proxies_for(url)
        try:
            # Of its own: a connection that is kept may have been closed by the time it is needed.
            answer = connections_for(url, proxies).request(
                request.method,
                url,
                body=request.body,
                headers=headers,
                timeout=urllib3.Timeout(total=self.timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = _received(answer)
            codings = codings_of(tuple(answer.headers.items()))
            body = content_of(body, codings, most=MAX_ANSWER) if body else body
        except PackedError as error:  # although it was asked not to be
            raise TransportError(f"{urlsplit(url).hostname} gave no answer that can be read: {error}") from error
        except urllib3.exceptions.HTTPError as error:
            why = failure_of_proxy(error, proxies) or system_cause(error)
            raise TransportError(f"{urlsplit(url).hostname} gave no whole answer: {why}") from error
        received = tuple((name, value) for name, value in answer.headers.items())
        return Answer(answer.status, carried_on(received), body, answer.reason or ""), time.perf_counter() - started


def _received(answer: urllib3.BaseHTTPResponse) -> bytes:
    body = bytearray()
    try:
        for piece in answer.stream(_PIECE, decode_content=False):
            body += piece
            if len(body) > MAX_ANSWER:
                raise TransportError(f"the answer is larger than {MAX_ANSWER} bytes")
    finally:
        answer.close()
    return bytes(body)


def carried_on(headers: Headers) -> Headers:
    """Leave out the headers that belong to one connection."""
    return tuple((name, value) for name, value in headers if name.lower() not in _OF_THE_WAY)
