"""A request of any HTTP library, answered by a WSGI application in this process."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from mock_server.http.pauses import CLOCK, PATIENCE, Clock
from mock_server.http.protocol import SAID_ONCE

WsgiApp = Callable[..., Iterable[bytes]]
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """A request on its way out.

    Attributes:
        method: HTTP method, in upper case.
        url: Whole URL.
        headers: Name and value of each header, in order.
        body: Its bytes.
        patience: Seconds that the client waits for the answer, and for each part of it; ``None`` for ever.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    patience: float | None = None


@dataclass(frozen=True, slots=True)
class WsgiAnswer:
    """What the application said.

    Attributes:
        status: HTTP status.
        reason: The words that follow the status.
        headers: Name and value of each header, in order.
        body: Its bytes.
    """

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class TooSlow(Exception):  # noqa: N818 - each library has an error of its own for this, raised in its place
    """The application took longer than the client waits."""


class CutShort(Exception):  # noqa: N818 - as above
    """The application ended the connection before its answer was whole.

    Attributes:
        answer: What had come of it by then; the headers claim more.
    """

    def __init__(self, answer: WsgiAnswer) -> None:
        super().__init__("the connection was closed before the answer was whole")
        self.answer = answer


def answer_of(app: WsgiApp, request: OutgoingRequest) -> WsgiAnswer:
    """Ask the application.

    Raises:
        TooSlow: If it let the client wait longer than its patience for the status or a part of the body. Nobody can
            interrupt a call within a process, so this is said once the part has come.
        CutShort: If it reset the connection, as a mock with a fault may.
    """
    clock = Clock()
    started = time.perf_counter()
    start = _Start()
    body = bytearray()
    parts = app(_environ(request) | {CLOCK: clock}, start.start_response)
    try:
        for part in parts:
            _check(request.patience, time.perf_counter() - started + clock.ahead)
            body += part
            started, clock.ahead = time.perf_counter(), 0.0
        _check(request.patience, time.perf_counter() - started + clock.ahead)
    except ConnectionResetError as error:
        raise CutShort(start.answer(bytes(body))) from error
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    return start.answer(bytes(body))


class _Start:
    """What an application says before the body."""

    def __init__(self) -> None:
        self._status = ""
        self._headers: list[tuple[str, str]] = []

    def start_response(self, status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], None]:
        self._status, self._headers = status, headers
        return _refuse_write

    def answer(self, body: bytes) -> WsgiAnswer:
        code, _, reason = self._status.partition(" ")
        return WsgiAnswer(int(code), reason, tuple(self._headers), body)


def _refuse_write(_: bytes) -> None:
    raise NotImplementedError("WSGI's old way to write a body; Flask returns it")


def _check(patience: float | None, seconds: float) -> None:
    if patience is not None and seconds > patience:
        raise TooSlow(f"no answer within {patience:g} s")


def _environ(request: OutgoingRequest) -> dict[str, Any]:
    """Bring a request to what a WSGI server makes of it (PEP 3333), the path as it stands on the wire."""
    parts = urlsplit(request.url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port or _PORTS.get(parts.scheme, 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": parts.netloc.rpartition("@")[2],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        PATIENCE: request.patience,
    }
    seen: set[str] = set()
    for name, value in request.headers:
        if "_" in name:  # would be taken for the header that has a dash there; to the service it is another one
            continue
        key = name.upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        if key not in seen:
            environ[key] = value
        elif key not in SAID_ONCE:
            environ[key] += f",{value}"
        seen.add(key)
    if "chunked" not in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        environ["CONTENT_LENGTH"] = str(len(request.body))
    return environ
