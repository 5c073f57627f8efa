"""The only code that sends requests: over HTTP, or to a WSGI application without a socket."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import requests
from werkzeug.test import Client

from sam3_contract.errors import TransportError, UsageError
from sam3_contract.exchange import Case, Exchange, redacted
from sam3_contract.spec import Contract

__all__ = ["HttpTransport", "Transport", "WsgiTransport"]

WsgiApp = Callable[..., Iterable[bytes]]
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
JSON_HEADERS: Final = {"Content-Type": "application/json"}


class Transport(Protocol):
    """Something that answers cases.

    Attributes:
        target: What it sends to, for reports.
        app: The WSGI application it calls; ``None`` if it sends over HTTP.
    """

    target: str
    app: WsgiApp | None

    @property
    def arguments(self) -> dict[str, Any]:
        """What schemathesis needs to send a case of its own to the same place."""
        ...

    @property
    def is_free(self) -> bool:
        """Whether calls cost nothing, because the server is on this machine."""
        ...

    def send(self, case: Case) -> Exchange:
        """Send a case and wait for its answer.

        Raises:
            TransportError: If there is no answer to judge.
        """
        ...


class HttpTransport:
    """Sends cases to a server.

    Args:
        base_url: Where the paths of the document begin, such as ``http://127.0.0.1:9001``.
        contract: Tells the path and method of each operation.
        key: The API key, sent as the query parameter ``api_key``.
        timeout: Seconds to wait for a connection, and for each part of an answer.

    Raises:
        UsageError: If the URL is none.
    """

    def __init__(self, base_url: str, contract: Contract, *, key: str | None = None, timeout: float = 60.0) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(f"{base_url!r} is no URL of a server; write it like http://127.0.0.1:9001")
        self.target = base_url.rstrip("/")
        self.app: WsgiApp | None = None
        self._contract = contract
        self._key = key
        self._timeout = timeout
        self._session = requests.Session()

    @property
    def arguments(self) -> dict[str, Any]:
        """What schemathesis needs to send a case of its own to the same place."""
        return {"base_url": self.target, "headers": _bearer(self._key), "timeout": self._timeout}

    @property
    def is_free(self) -> bool:
        """Whether the server is on this machine."""
        return urlsplit(self.target).hostname in _LOOPBACK

    def send(self, case: Case) -> Exchange:
        """Send a case over HTTP."""
        url = self.target + self._contract.operation(case.operation).path
        query = {"api_key": self._key} if self._key and case.with_key else None
        started = time.perf_counter()
        try:
            answer = self._session.request(
                case.method,
                url,
                params=query,
                data=case.content,
                headers=JSON_HEADERS,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise TransportError(redacted(f"{self.target} does not answer: {_cause(error)}", self._key)) from error
        seconds = time.perf_counter() - started
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Exchange(case, answer.status_code, headers, answer.content, seconds, self._key)


class WsgiTransport:
    """Sends cases to a WSGI application in this process.

    Args:
        app: The application.
        contract: Tells the path and method of each operation.
        key: The API key, sent as the query parameter ``api_key``.
        target: What to call it in reports.
    """

    def __init__(self, app: WsgiApp, contract: Contract, *, key: str | None = None, target: str = "in process") -> None:
        self.target = target
        self.app: WsgiApp | None = app
        self._client = Client(app)
        self._contract = contract
        self._key = key

    @property
    def arguments(self) -> dict[str, Any]:
        """What schemathesis needs to call the same application."""
        return {"base_url": "http://localhost", "headers": _bearer(self._key)}

    @property
    def is_free(self) -> bool:
        """Calls within the process cost nothing."""
        return True

    def send(self, case: Case) -> Exchange:
        """Call the application."""
        query = {"api_key": self._key} if self._key and case.with_key else None
        path = self._contract.operation(case.operation).path
        started = time.perf_counter()
        answer = self._client.open(
            path, method=case.method, query_string=query, data=case.content, headers=JSON_HEADERS
        )
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Exchange(case, answer.status_code, headers, answer.get_data(), time.perf_counter() - started, self._key)


def _bearer(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _cause(error: BaseException) -> str:
    """Find the sentence that the operating system gave, under the layers of the HTTP library."""
    layers: list[Any] = [error]
    for layer in layers:
        if isinstance(layer, OSError) and layer.strerror:
            return layer.strerror.lower()
        inner = (getattr(layer, "reason", None), layer.__cause__, layer.__context__, *layer.args)
        layers += [one for one in inner if isinstance(one, BaseException) and one not in layers]
    return "no answer in time" if isinstance(error, requests.Timeout) else str(error)
