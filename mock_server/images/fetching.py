"""Images fetched from where their URL says, for those who ask for it; only from public hosts, and within bounds.

Whoever may send a request to the mock could otherwise make it call what only the mock's machine can reach. So a name is
looked up once, every address it has is checked, and the connection goes to a checked address, not to the name again: a
name that has another address a moment later gains nothing. Redirects are followed by the same rules. The connection
carries no credentials, no cookies and the settings of no proxy.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import certifi

from mock_server.annotations.library import Library
from mock_server.http.protocol import MAX_BODY
from mock_server.http.refusals import NOT_FETCHED, unloadable_image
from mock_server.images.addresses import Address, addresses_of, is_public
from mock_server.images.by_url import NO_IMAGE
from mock_server.images.loading import NO_LIBRARY, Picture, picture_from_content, refuse_unreachable

NOT_ALLOWED: Final = "URL points to a network destination that is not allowed."
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final = {"http": 80, "https": 443}
_HEADERS: Final = {
    "User-Agent": "sam3-contract",
    "Accept": "image/*, */*;q=0.1",
    # Never anything to unpack: a few bytes could become gigabytes.
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_WRITTEN_AS_IT_IS: Final = "%/:;@!$&'()*+,=~?-._"
_PART: Final = 64 * 1024  # bytes
_AT_ONCE: Final = 16  # images that are held in memory while they come


def _certificates() -> ssl.SSLContext:
    """Trust what the system trusts, and what Mozilla does, for systems that tell nothing."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one image may cost.

    Attributes:
        bytes: Of its file.
        seconds: From the first look-up to the last byte, redirects included.
        pause: Seconds without a byte, while connecting or reading.
        redirects: How many are followed.
    """

    bytes: int = MAX_BODY
    seconds: float = 10.0
    pause: float = 5.0
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches the picture that a URL names.

    Attributes:
        only_https: Refuse what the real server refuses, see :func:`mock_server.pictures.refuse_unreachable`.
        library: The images that are known.
        bounds: What one image may cost.
        allowed: Tells whether an address may be connected to.
        resolve: Looks up the addresses of a host, given its name, a port and the seconds left.
        tls: What certificates are checked with.
    """

    only_https: bool = False
    library: Library = NO_LIBRARY
    bounds: Bounds = field(default_factory=Bounds)
    allowed: Callable[[Address], bool] = is_public
    resolve: Callable[..., list[Address]] = addresses_of
    tls: ssl.SSLContext = field(default_factory=_certificates)
    _turns: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_AT_ONCE))

    def __call__(self, url: str) -> Picture:
        """Fetch a picture.

        Raises:
            Refusal: 400, as the service words it, if the URL may not be fetched, cannot be, or holds no image.
        """
        until = time.monotonic() + self.bounds.seconds
        if not self._turns.acquire(timeout=self.bounds.seconds):
            raise unloadable_image(NOT_FETCHED)
        try:
            content = self._content(url, until)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise unloadable_image(NOT_FETCHED) from error
        finally:
            self._turns.release()
        return picture_from_content(content, otherwise=NO_IMAGE, library=self.library)

    def _content(self, url: str, until: float) -> bytes:
        """Read the file that a URL leads to, over redirects."""
        for _ in range(self.bounds.redirects + 1):
            refuse_unreachable(url, only_https=self.only_https)
            with self._answer(urlsplit(url), until) as answer:
                location = answer.getheader("Location")
                if answer.status not in _REDIRECTS or not location:
                    return self._file(answer, until)
            url = urljoin(url, location)
        raise unloadable_image(NOT_FETCHED)

    @contextmanager
    def _answer(self, url: SplitResult, until: float) -> Iterator[http.client.HTTPResponse]:
        """Ask for a URL, on a connection to an address that was checked."""
        host, port = url.hostname or "", url.port or _PORTS[url.scheme]
        path = quote(url.path or "/", safe=_WRITTEN_AS_IT_IS)
        query = f"?{quote(url.query, safe=_WRITTEN_AS_IT_IS)}" if url.query else ""
        with self._connected(host, port, until) as plain, _cut_off(plain, until):
            secured = url.scheme == "https"
            with self.tls.wrap_socket(plain, server_hostname=host) if secured else plain as channel:
                kind = http.client.HTTPSConnection if secured else http.client.HTTPConnection
                connection = kind(host, port)
                connection.sock = channel  # so that it has no reason to look the name up again
                connection.auto_open = 0
                connection.request("GET", path + query, headers=_HEADERS)
                with contextlib.closing(connection.getresponse()) as answer:
                    yield answer

    def _connected(self, host: str, port: int, until: float) -> socket.socket:
        addresses = self.resolve(host, port, seconds=until - time.monotonic())
        # One that is not public spoils them all: no honest name has both.
        if not addresses or not all(map(self.allowed, addresses)):
            raise unloadable_image(NOT_ALLOWED)
        for address in addresses:
            patience = min(self.bounds.pause, until - time.monotonic())
            with contextlib.suppress(OSError):
                return socket.create_connection((str(address), port), timeout=max(patience, 0.001))
        raise ConnectionError(f"no address of {host!r} takes a connection")

    def _file(self, answer: http.client.HTTPResponse, until: float) -> bytes:
        length = answer.length  # None if it was not told
        if not 200 <= answer.status < 300 or (length or 0) > self.bounds.bytes:
            raise unloadable_image(NOT_FETCHED)
        content = bytearray()
        while len(content) != length and (part := answer.read1(_PART)):
            content += part
            if len(content) > self.bounds.bytes:
                raise unloadable_image(NOT_FETCHED)
        if time.monotonic() >= until or (length is not None and len(content) != length):
            raise unloadable_image(NOT_FETCHED)
        return bytes(content)


@contextmanager
def _cut_off(connection: socket.socket, until: float) -> Iterator[None]:
    """Shut a connection when its time is over, whatever it is waiting for: each byte may come within its pause."""
    with connection.dup() as same:
        timer = threading.Timer(max(until - time.monotonic(), 0), _shut, (same,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed meanwhile
        connection.shutdown(socket.SHUT_RDWR)
