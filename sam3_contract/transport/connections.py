"""Connections that end: the bytes and the time of an answer are bounded, whatever a server does.

A timeout of a socket bounds the wait for the next byte. A server that sends a byte now and then, one header after
another or `100 Continue` for ever, keeps within it. Here every read counts what is left of the whole.
"""

from __future__ import annotations

import errno
import io
import ssl
import time
from collections.abc import Callable
from email.errors import MissingHeaderBodySeparatorDefect
from functools import lru_cache, partial
from http.client import BadStatusLine, HTTPException, HTTPResponse, parse_headers
from typing import Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError, ProxyError

from sam3_contract.transport.causes import ToldError

MAX_HEAD: Final = 2**20
"""Bytes of status line and headers, interim answers included."""

MAX_JSON: Final = 64 * 2**20
"""Bytes of a JSON body, once decoded; a thousand prompts on a large photograph come to 59 MB."""

MAX_BODY: Final = 256 * 2**20
"""Bytes of any other body: three arrays of logits of 16 megapixels are 192 MiB."""


_ANNOUNCEMENTS: Final = range(102, 200)
_SHOWN: Final = 40  # characters of what is no length
_SETTINGS: Final = "\x04\x00\x00\x00\x00\x00"
"""Of the frame that HTTP/2 begins with, what follows its length: its type, no flags, and the stream 0."""


class TooMuchError(ToldError, HTTPException):
    """A server sent more than an answer may have."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"it sends {what} of more than {most // 2**20} MiB")


class TooLateError(ToldError, TimeoutError):
    """An answer did not end in time."""


class HandshakeError(ToldError):
    """There is no TLS with a server; it was asked nothing yet."""


class MalformedError(ToldError, HTTPException):
    """The head of an answer is none of HTTP."""


class UnsupportedError(ToldError, HTTPException):
    """A server wants to be asked in another way: in HTTP/2, or with a certificate."""


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
        self.has_ended = False
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
        except ssl.SSLError as error:
            if {"ALERT", "CERTIFICATE"} <= {*(error.reason or "").split("_")}:
                # None was sent. In TLS 1.3 a client is done with the handshake before the server looks for one.
                raise UnsupportedError("it asks for a certificate of the client, and none is sent") from error
            raise
        self.has_ended = count == 0
        self._allowance.spend(count or 0)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _MeteredSocket:
    """What a response needs of a socket."""

    def __init__(self, metered: _Metered) -> None:
        self._metered = metered

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - http.client's signature; always "rb"
        return io.BufferedReader(self._metered)


class _BoundedResponse(HTTPResponse):
    def __init__(self, sock: Any, *arguments: Any, allowance: _Allowance, **more: Any) -> None:
        self._allowance = allowance
        self._metered = _Metered(sock, allowance)
        super().__init__(_MeteredSocket(self._metered), *arguments, **more)  # type: ignore[arg-type]

    def begin(self) -> None:
        self._allowance.begin("headers", MAX_HEAD)
        super().begin()
        self._refuse_malformed_head()
        self._allowance.begin("a body", MAX_BODY)

    def _refuse_malformed_head(self) -> None:
        """Refuse what http.client makes the best of, and reads another body, or other headers, than were sent.

        Raises:
            MalformedError: If the headers end before they are complete, or hold a line or a length that is none.
        """
        if self._metered.has_ended:
            raise MalformedError("the connection ends within the headers of the answer")
        if any(isinstance(one, MissingHeaderBodySeparatorDefect) for one in self.msg.defects):
            raise MalformedError("a line of the headers does not begin with a name and a colon")
        lengths = [] if self.chunked else self.msg.get_all("content-length", [])
        odd = next((one for told in lengths for one in told.split(",") if not _is_length(one.strip())), None)
        if odd is not None:
            raise MalformedError(f"the length of the body makes no sense: {odd[:_SHOWN]!r}")

    def _read_status(self) -> tuple[str, int, str]:
        """Pass over what only announces an answer, such as 103 Early Hints; http.client passes over 100 alone."""
        while True:
            try:
                version, status, reason = super()._read_status()  # type: ignore[misc]  # has no public name
            except BadStatusLine as error:
                if str(error)[3:].startswith(_SETTINGS):
                    raise UnsupportedError("it speaks HTTP/2 only, and was asked in HTTP/1.1") from error
                raise
            if status not in _ANNOUNCEMENTS:
                return version, status, reason
            parse_headers(self.fp)


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdigit()


class _Bounded:
    """Mixed into a connection: it is made for one request, and its time begins when it is made."""

    timeout: Any
    sock: Any
    _has_tunnel = False

    def connect(self) -> None:
        self._allowance = _Allowance(float(self.timeout))
        # http.client makes all its responses by this, that of a proxy to CONNECT as well.
        self.response_class = partial(_BoundedResponse, allowance=self._allowance)
        try:
            super().connect()  # type: ignore[misc]
        except (TimeoutError, ConnectionError, ssl.SSLError) as error:
            # Of the TLS handshake: nothing has been asked yet. Other errors of connecting are told apart already.
            told = HandshakeError(f"no TLS handshake: {_why_no_tls(error)}")
            raise NewConnectionError(self, str(told)) from told  # type: ignore[arg-type]

    def _tunnel(self) -> None:
        try:
            super()._tunnel()  # type: ignore[misc]
        except (HTTPException, OSError) as error:
            # Nothing has been asked of the server either.
            raise NewConnectionError(self, "no tunnel") from ProxyError("no tunnel", error)  # type: ignore[arg-type]
        self._has_tunnel = True

    @property
    def has_connected_to_proxy(self) -> bool:
        """Whether what fails now is not the proxy's fault; urllib3 forgets a tunnel when the connection ends."""
        return self._has_tunnel or bool(super().has_connected_to_proxy)  # type: ignore[misc]

    def send(self, data: Any) -> None:
        if self.sock is not None:  # else it is connected first
            self.sock.settimeout(self._allowance.seconds())
        try:
            super().send(data)  # type: ignore[misc]
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            # As without TLS: who reads no further may have answered already, and urllib3 goes on to look.
            raise BrokenPipeError(errno.EPIPE, "broken pipe") from error


def _why_no_tls(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "not in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    if reason == "WRONG_VERSION_NUMBER":  # as OpenSSL says of all that is none
        return "what it answers is no TLS; a server without it has a URL with http"
    return (reason or str(error)).replace("_", " ").lower()


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


POOLS: Final[dict[str, type]] = {"http": _BoundedHTTPPool, "https": _BoundedHTTPSPool}
"""What a pool manager of urllib3 takes as ``pool_classes_by_scheme``."""


@lru_cache(maxsize=1)
def socks_pools() -> dict[str, type]:
    """Make what a manager for a SOCKS proxy takes in the place of `POOLS`; its library is an extra of urllib3."""
    from urllib3.contrib.socks import SOCKSConnection, SOCKSHTTPSConnection  # noqa: PLC0415

    class BoundedConnection(_Bounded, SOCKSConnection):  # type: ignore[misc]  # response_class: see `_Bounded`
        pass

    class BoundedTLSConnection(_Bounded, SOCKSHTTPSConnection):  # type: ignore[misc]  # likewise
        pass

    class Pool(_Closing, HTTPConnectionPool):
        ConnectionCls = BoundedConnection

    class TLSPool(_Closing, HTTPSConnectionPool):
        ConnectionCls = BoundedTLSConnection

    return {"http": Pool, "https": TLSPool}
