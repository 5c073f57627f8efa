"""A request of any HTTP library, answered by a WSGI application in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

__all__ = ["METHODS", "Answer", "Asked", "CutShort", "TooSlow", "WsgiApp", "answer_of"]

WsgiApp = Callable[..., Iterable[bytes]]
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")


@dataclass(frozen=True, slots=True)
class Asked:
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
class Answer:
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

    def __init__(self, answer: Answer) -> None:
        super().__init__("the connection was closed before the answer was whole")
        self.answer = answer


def answer_of(app: WsgiApp, asked: Asked) -> Answer:
    """Ask the application.

    Raises:
        TooSlow: If it let the client wait longer than its patience for the status or a part of the body. Nobody can
            interrupt a call within a process, so this is said once the part has come.
        CutShort: If it reset the connection, as a mock with a fault may.
    """
    started = time.perf_counter()
    start = _Start()
    body = bytearray()
    parts = app(_environ(asked), start.start_response)
    try:
        for part in parts:
            _check(asked.patience, time.perf_counter() - started)
            body += part
            started = time.perf_counter()
        _check(asked.patience, time.perf_counter() - started)
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

    def answer(self, body: bytes) -> Answer:
        code, _, reason = self._status.partition(" ")
        return Answer(int(code), reason, tuple(self._headers), body)


def _refuse_write(_: bytes) -> None:
    raise NotImplementedError("WSGI's old way to write a body; Flask returns it")


def _check(patience: float | None, seconds: float) -> None:
    if patience is not None and seconds > patience:
        raise TooSlow(f"no answer within {patience:g} s")


def _environ(asked: Asked) -> dict[str, Any]:
    parts = urlsplit(asked.url)
    builder = EnvironBuilder(
        method=asked.method,
        base_url=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
        path=parts.path or "/",
        query_string=parts.query,
        headers=Headers(list(asked.headers)),
        data=asked.body,
    )
    try:
        environ: dict[str, Any] = builder.get_environ()
    finally:
        builder.close()
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        # As a server passes it on: of unknown length, but known to end.
        environ.pop("CONTENT_LENGTH", None)
        environ["wsgi.input_terminated"] = True
    return environ
