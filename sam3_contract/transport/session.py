"""Sending over HTTP, with nothing carried over from one request to the next."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from http.client import PROXY_AUTHENTICATION_REQUIRED, BadStatusLine, HTTPException, UnknownProtocol
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import _basic_auth_str
from requests.structures import CaseInsensitiveDict
from requests.utils import get_auth_from_url
from urllib3.exceptions import ConnectTimeoutError, HTTPError, ProxyError

from sam3_contract.errors import TransportError
from sam3_contract.transport.causes import ToldError, layers_of
from sam3_contract.transport.connections import (
    MAX_BODY,
    MAX_JSON,
    POOLS,
    HandshakeError,
    TooMuchError,
    UnsupportedError,
    socks_pools,
)
from sam3_contract.transport.packing import PackedError, codings_of, unpacking
from sam3_contract.transport.surroundings import proxies_for, shown_proxy, tls_context

_PIECE: Final = 2**16  # bytes
_TIMEOUT: Final = 60.0  # seconds
_SHOWN: Final = 100  # characters of what is no HTTP


class Session(requests.Session):
    """A session of requests whose answers are bounded, and which remembers nothing.

    No cookies, no redirects, no ``~/.netrc``. Each request has a connection of its own: one that was kept may be closed
    by the server at the very moment it is used again, which nobody could tell from a server that breaks off. An answer
    is read whole before it is returned, within the timeout, which holds for all of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.headers.clear()
        self.headers.update({"Accept": "*/*", "Accept-Encoding": "gzip, deflate", "User-Agent": "sam3-contract"})
        bound(self)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request; see :meth:`requests.Session.send`, of whose options only ``timeout`` counts.

        Raises:
            TransportError: If what the environment says of proxies or certificates cannot be used.
            requests.RequestException: If there is no whole answer; `was_not_reached` tells whether it was asked for.
        """
        assert request.url is not None
        proxies = proxies_for(request.url)
        adapter = self.get_adapter(request.url)
        timeout = options.get("timeout") or _TIMEOUT
        started = time.perf_counter()
        try:
            with adapter.send(request, stream=True, timeout=timeout, proxies=proxies) as response:
                pieces = response.raw.stream(_PIECE, decode_content=False)
                response._content = _whole_body(pieces, response.headers)  # noqa: SLF001 - requests has no other way
                response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001 - likewise
            if response.status_code == PROXY_AUTHENTICATION_REQUIRED and _are_forwarding(proxies):
                raise requests.exceptions.ProxyError("407 Proxy Authentication Required", request=request)
        except requests.RequestException as error:
            why = failure_of_proxy(error, proxies)
            if not why:
                raise
            raise requests.exceptions.ProxyError(ToldError(why), request=request) from error
        except (HTTPError, HTTPException, OSError, ValueError, PackedError) as error:
            # What reading a body raises, and what urllib3 does not wrap: all that hostile bytes can bring about.
            told = (
                ToldError(f"the length of the body makes no sense: {error}") if isinstance(error, ValueError) else error
            )
            raise requests.exceptions.ChunkedEncodingError(told, request=request) from error
        finally:
            adapter.close()  # forgets what it connected to
        response.elapsed = timedelta(seconds=time.perf_counter() - started)
        return response


def _are_forwarding(proxies: Mapping[str, str]) -> bool:
    """Check whether a proxy hears the requests themselves, and answers by itself where it refuses them."""
    return proxies.get("http", "").lower().startswith("http")


def failure_of_proxy(error: BaseException, proxies: Mapping[str, str]) -> str:
    """Say that the proxy of `proxies_for` failed; nothing if the server did.

    One for SOCKS makes the whole connection, and its errors are like a server's own.
    """
    layers = layers_of(error)
    of_proxy: tuple[type[BaseException], ...] = (requests.exceptions.ProxyError, ProxyError)
    is_socks = any(proxy.lower().startswith("socks") for proxy in proxies.values())
    if is_socks and not any(isinstance(layer, HandshakeError) for layer in layers):
        of_proxy += (ConnectTimeoutError,)
    if not any(isinstance(layer, of_proxy) for layer in layers):
        return ""
    return f"the proxy {shown_proxy(proxies)}, which the environment names, cannot be used: {cause_of(error)}"


def bound(session: requests.Session) -> None:
    """Have a session make no connections but those that end."""
    for scheme in POOLS:
        session.mount(f"{scheme}://", _Adapter())


class _Adapter(HTTPAdapter):
    """Makes bounded connections, which trust what `tls_context` says."""

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        super().init_poolmanager(*arguments, **more)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """Send name and password in UTF-8, as curl does; requests has no bytes for those beyond Latin-1."""
        name, password = get_auth_from_url(proxy)
        as_bytes = [text.encode("utf-8", "surrogateescape") for text in (name, password)]
        return {"Proxy-Authorization": _basic_auth_str(*as_bytes)} if name else {}

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        if proxy.lower().startswith("https"):
            more["proxy_ssl_context"] = tls_context()
        manager = super().proxy_manager_for(proxy, **more)
        manager.pool_classes_by_scheme = socks_pools() if proxy.lower().startswith("socks") else POOLS
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": tls_context()} if host["scheme"] == "https" else {}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave it as it is: the context knows what to trust, and asks for a certificate."""


def connections_for(url: str, proxies: Mapping[str, str]) -> urllib3.PoolManager:
    """Make what connects to a server through the proxy of `proxies_for`, if any, for who sends bytes as they came.

    Raises:
        TransportError: If what the environment says of certificates cannot be used.
    """
    trusted = tls_context() if urlsplit(url).scheme == "https" else None
    proxy = next(iter(proxies.values()), "")
    if proxy:
        manager: urllib3.PoolManager = _Adapter().proxy_manager_for(proxy, ssl_context=trusted)
    else:
        manager = urllib3.PoolManager(ssl_context=trusted)
        manager.pool_classes_by_scheme = POOLS
    return manager


_ASKED_FOR: Final = frozenset({"gzip", "x-gzip", "deflate"})
"""How a body may be packed; what else this machine may have a library for makes no difference to what is judged."""


def _whole_body(pieces: Iterable[bytes], headers: Mapping[str, str]) -> bytes:
    """Read a body, unpacked.

    Raises:
        TooMuchError: If it is larger than an answer may be.
        PackedError: If it is packed in a way that was not asked for, or not as its headers say.
    """
    codings = codings_of(headers.items())
    if not _ASKED_FOR.issuperset(codings):
        raise PackedError("the body is packed in a way that was not asked for")
    most = MAX_JSON if "json" in headers.get("content-type", "").lower() else MAX_BODY
    body = bytearray()
    for piece in unpacking(pieces, codings):
        body += piece
        if len(body) > most:
            raise TooMuchError("a body", most)
    return bytes(body)


def unpacked(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Unpack a body that came without a connection.

    Raises:
        ConnectionError: If it is larger than an answer may be, or not packed in the way that its headers say.
    """
    try:
        return _whole_body([body], CaseInsensitiveDict(headers))
    except ToldError as error:
        raise ConnectionError(str(error)) from error


def landing_page(url: str, *, timeout: float) -> requests.Response:
    """Ask a server for its landing page, without a key.

    Args:
        url: The base URL.
        timeout: Seconds to wait.

    Raises:
        TransportError: If it gives no whole answer.
    """
    try:
        return Session().get(f"{url}/", timeout=timeout)
    except requests.RequestException as error:
        raise TransportError(f"{url} does not answer: {cause_of(error)}") from error


def was_not_reached(error: requests.RequestException) -> bool:
    """Whether a request failed before the server was asked anything."""
    unsent = requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | requests.exceptions.MissingSchema
    return isinstance(error, unsent) or any(isinstance(layer, ConnectTimeoutError) for layer in layers_of(error))


def is_no_answer(error: requests.RequestException) -> bool:
    """Whether a request that has left failed by what is not for the server's answers to keep: the way to it."""
    of_the_way = (requests.exceptions.ProxyError, UnsupportedError)
    return any(isinstance(layer, of_the_way) for layer in layers_of(error))


def cause_of(error: BaseException) -> str:
    """Find the sentence that says what went wrong, under the layers of the HTTP libraries."""
    layers = layers_of(error)
    own = next((layer for layer in layers if isinstance(layer, ToldError)), None)
    if own is not None:
        return str(own)
    odd = next((layer for layer in layers if type(layer) in {BadStatusLine, UnknownProtocol}), None)
    if odd is not None:
        return f"what it answers is no HTTP: it begins with {str(odd)[:_SHOWN]!r}"
    for layer in layers:
        if isinstance(layer, OSError) and not isinstance(layer, requests.RequestException) and layer.strerror:
            return layer.strerror.lower()
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    # The innermost has the reason; those around it say that there was one.
    return next((str(layer) for layer in layers[::-1] if str(layer)), type(error).__name__)
