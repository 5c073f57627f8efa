"""A recording as a server: a WSGI application that plays, records, or lets another application answer."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from werkzeug.exceptions import HTTPException

from sam3_contract.errors import TransportError
from sam3_contract.recording.messages import Answer, Request, operation_of
from sam3_contract.recording.player import Miss
from sam3_contract.recording.session import NO_ANSWER, Session, refusal
from sam3_contract.recording.upstream import Upstream
from sam3_contract.spec import Contract, load

WsgiApp = Callable[..., Iterable[bytes]]
MAX_BODY: Final = 20 * 1024 * 1024  # bytes, as the service
_PHRASES: Final = {int(status): status.phrase for status in HTTPStatus} | {NO_ANSWER: "Mock Has No Answer"}


class ReplayApp:
    """Answers operations from a session, and everything else from another application.

    Args:
        session: Plays and records.
        beside: Answers what is no operation, such as ``/healthz``.
        on_miss: Whether *beside* answers operations as well that have no recorded answer.
        contract: Has the operations; the project's own by default.
    """

    def __init__(
        self, session: Session, beside: WsgiApp, *, on_miss: bool = False, contract: Contract | None = None
    ) -> None:
        self._session = session
        self._beside = beside
        self._on_miss = on_miss
        self._contract = contract or load()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        if operation_of(environ["REQUEST_METHOD"], path, self._contract) is None:
            return self._beside(environ, start_response)
        body = _body_of(environ)
        if body is None:
            return self._beside(environ, start_response)  # which knows how to say that it is too large
        found = self._session.answer(_request_of(environ, path, body))
        if isinstance(found, Miss):
            if self._on_miss:
                return self._beside({**environ, "wsgi.input": io.BytesIO(body)}, start_response)
            found = refusal(found)
        return _sent(found, start_response)


class PassThrough:
    """Sends requests on and keeps nothing: for what is no operation while a server is recorded.

    Args:
        upstream: Where they go.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        body = _body_of(environ)
        if body is None:
            return _sent(
                refusal(Miss(path, f"the body is larger than {MAX_BODY} bytes, or did not come")), start_response
            )
        try:
            found, _ = self._upstream.send(_request_of(environ, path, body))
        except TransportError as error:
            found = refusal(Miss(path, str(error)))
        return _sent(found, start_response)


def _sent(answer: Answer, start_response: Callable[..., Any]) -> list[bytes]:
    headers = [*answer.headers, ("Content-Length", str(len(answer.body)))]
    start_response(f"{answer.status} {answer.reason or _PHRASES.get(answer.status, 'Unknown')}", headers)
    return [answer.body]


def _body_of(environ: dict[str, Any]) -> bytes | None:
    """Read the body; ``None`` if it is larger than the service takes, or does not come."""
    try:
        return _read(environ)
    except HTTPException:  # of the server, about a sender that stalled or went
        return None


def _read(environ: dict[str, Any]) -> bytes | None:
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isascii() and length.isdigit():
        if int(length) > MAX_BODY:
            return None
        body: bytes = environ["wsgi.input"].read(int(length))
    elif environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read(MAX_BODY + 1)
    else:
        return b""
    return body if len(body) <= MAX_BODY else None


def _request_of(environ: dict[str, Any], path: str, body: bytes) -> Request:
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-").title(), str(value))
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name == "CONTENT_TYPE" and value)
    ]
    query = environ.get("QUERY_STRING", "")
    host = environ.get("HTTP_HOST") or f"{environ.get('SERVER_NAME')}:{environ.get('SERVER_PORT')}"
    url = f"{environ.get('wsgi.url_scheme', 'http')}://{host}{quote(path)}{'?' if query else ''}{query}"
    return Request(environ["REQUEST_METHOD"], url, tuple(headers), body)
