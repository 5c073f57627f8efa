"""Connections that end: the bytes and the time of an answer are bounded, whatever a server does.

A timeout of a socket bounds the wait for the next byte. A server that sends a byte now and then, one header after
another or `100 Continue` for ever, keeps within it. Here every read counts what is left of the whole.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from functools import partial
from http.client import HTTPException, HTTPResponse, parse_headers
from typing import Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError, ProxyError

MAX_HEAD: Final = 2**20
"""Bytes of status line and headers, interim answers included."""

MAX_JSON: Final = 64 * 2**20
"""Bytes of a JSON body, once decoded; a thousand prompts on a large photograph come to 59 MB."""

MAX_BODY: Final = 256 * 2**20
"""Bytes of any other body: three arrays of logits of 16 megapixels are 192 MiB."""


_ANNOUNCEMENTS: Final = range(102, 200)


class ToldError(Exception):
    """Says in its message what went wrong, for whoever looks for it under the errors of the HTTP libraries."""


class TooMuchError(ToldError, HTTPException):
    """A server sent more than an answer may have."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"it sends {what} of more than {most // 2**20} MiB")


class TooLateError(ToldError, TimeoutError):
    """An answer did not end in time."""


class _Allowance:
    """What is left of an answer's time and bytes."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._end = clock() + seconds
        self.begin("headers", MAX_HEAD)

    def begin(self, what: str, most: int) -> None:
        """Allow so many bytes for a part of the answer."""
        self._what, self._most, self._left = what, most, most

    def spend(self, count: int) -> None:
        """Take off bytes that came.

        Raises:
            TooMuchError: If there were too many.
        """
        self._left -= count
        if self._left < 0:
            raise TooMuchError(self._what, self._most)

    def seconds(self) -> float:
        """Count the seconds that are left.

        Raises:
            TooLateError: If none is.
        """
        left = self._end - self._clock()
        if left <= 0:
            raise TooLateError(f"no whole answer within {self._seconds:g} s")
        return left


class _Metered(io.RawIOBase):
    """Reads from a socket what an allowance allows."""

    def __init__(self, sock: Any, allowance: _Allowance) -> None:
        self._sock = sock
        self._allowance = allowance
        # Its own reader: it keeps the socket open until it is closed itself.
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._allowance.seconds())
        try:
            count: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            self._allowance.seconds()  # says how long it was in all
            raise
        self._allowance.spend(count or 0)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _MeteredSocket:
    """What a response needs of a socket."""

    def __init__(self, sock: Any, allowance: _Allowance) -> None:
        self._sock = sock
        self._allowance = allowance

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - http.client's signature; always "rb"
        return io.BufferedReader(_Metered(self._sock, self._allowance))


class _BoundedResponse(HTTPResponse):
    def __init__(self, sock: Any, *arguments: Any, allowance: _Allowance, **more: Any) -> None:
        self._allowance = allowance
        super().__init__(_MeteredSocket(sock, allowance), *arguments, **more)  # type: ignore[arg-type]

    def begin(self) -> None:
        self._allowance.begin("headers", MAX_HEAD)
        super().begin()
        self._allowance.begin("a body", MAX_BODY)

    def _read_status(self) -> tuple[str, int, str]:
        """Pass over what only announces an answer, such as 103 Early Hints; http.client passes over 100 alone."""
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # has no public name
            if status not in _ANNOUNCEMENTS:
                return version, status, reason
            parse_headers(self.fp)


class _Bounded:
    """Mixed into a connection: it is made for one request, and its time begins when it is made."""

    timeout: Any
    sock: Any

    def connect(self) -> None:
        self._allowance = _Allowance(float(self.timeout))
        # http.client makes all its responses by this, that of a proxy to CONNECT as well.
        self.response_class = partial(_BoundedResponse, allowance=self._allowance)
        try:
            super().connect()  # type: ignore[misc]
        except (TimeoutError, ConnectionError) as error:
            # Of the TLS handshake: nothing has been asked yet. Other errors of connecting are told apart already.
            why = "not in time" if isinstance(error, TimeoutError) else error.strerror
            told = ToldError(f"no TLS handshake: {why}")
            raise NewConnectionError(self, str(told)) from told  # type: ignore[arg-type]

    def _tunnel(self) -> None:
        try:
            super()._tunnel()  # type: ignore[misc]
        except (HTTPException, OSError) as error:
            raise ProxyError("no tunnel", error) from error

    def send(self, data: Any) -> None:
        if self.sock is not None:  # else it is connected first
            self.sock.settimeout(self._allowance.seconds())
        super().send(data)  # type: ignore[misc]


class _BoundedHTTPConnection(_Bounded, HTTPConnection):  # type: ignore[misc]  # response_class: see `_Bounded`
    pass


class _BoundedHTTPSConnection(_Bounded, HTTPSConnection):  # type: ignore[misc]  # likewise
    pass


class _Closing:
    """Mixed into a pool: it closes what it is given back, at once, and keeps nothing open."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.close()
        super()._put_conn(conn)  # type: ignore[misc]


class _BoundedHTTPPool(_Closing, HTTPConnectionPool):
    ConnectionCls = _BoundedHTTPConnection


class _BoundedHTTPSPool(_Closing, HTTPSConnectionPool):
    ConnectionCls = _BoundedHTTPSConnection


POOLS: Final = {"http": _BoundedHTTPPool, "https": _BoundedHTTPSPool}
"""What a pool manager of urllib3 takes as ``pool_classes_by_scheme``."""
