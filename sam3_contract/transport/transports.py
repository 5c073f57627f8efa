"""Something that answers cases: a server over HTTP, or a WSGI application in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

import orjson
import requests
from werkzeug.test import Client

from sam3_contract.errors import TransportError
from sam3_contract.exchanges.exchange import MASKS_HEADER, WRONG_KEY, Case, Exchange
from sam3_contract.redaction import without_key
from sam3_contract.spec import Contract
from sam3_contract.transport.base_url import base_url as base_url_of
from sam3_contract.transport.base_url import is_loopback
from sam3_contract.transport.session import Session, cause_of, was_not_reached

WsgiApp = Callable[..., Iterable[bytes]]
_ENCODING: Final = "transfer-encoding"
JSON_HEADERS: Final = {"content-type": "application/json"}


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

        Returns:
            The exchange; with a ``failure`` if the server was reached but gave no whole answer.

        Raises:
            TransportError: If the server was not reached.
        """
        ...


class HttpTransport:
    """Sends cases to a server; from several threads at once if need be.

    Args:
        base_url: Where the paths of the document begin, such as ``http://127.0.0.1:9001``.
        contract: Tells the path and method of each operation.
        key: The API key; where it is put is for each case to say.
        timeout: Seconds to wait for a whole answer.
        exact: Hold the server to exactness, whether or not it says that it answers alike to the last pixel.

    Raises:
        UsageError: If the URL is none, or has a query or the path of an operation.
    """

    def __init__(
        self, base_url: str, contract: Contract, *, key: str | None = None, timeout: float = 60.0, exact: bool = False
    ) -> None:
        self.target = base_url_of(base_url, contract)
        self.app: WsgiApp | None = None
        self._contract = contract
        self._key = key
        self._timeout = timeout
        self._exact = exact
        self._local = threading.local()

    @property
    def arguments(self) -> dict[str, Any]:
        """What schemathesis needs to send a case of its own to the same place, in the same way."""
        headers = _bearer(self._key)
        return {"base_url": self.target, "headers": headers, "timeout": self._timeout, "session": self._session}

    @property
    def is_free(self) -> bool:
        """Whether the server is on this machine."""
        return is_loopback(self.target)

    def send(self, case: Case) -> Exchange:
        """Send a case over HTTP."""
        url = self.target + self._contract.operation(case.operation).path
        query, headers, content = _with_key(case, self._key)
        chunked = headers.pop(_ENCODING, "") == "chunked"
        started = time.perf_counter()
        try:
            answer = self._session.request(
                case.method,
                url,
                params=query,
                data=_in_chunks(content) if chunked else content,
                headers=headers,
                timeout=self._timeout,
            )
        except requests.RequestException as error:
            cause = without_key(cause_of(error), self._key)
            if was_not_reached(error):
                raise TransportError(f"{self.target} does not answer: {cause}") from error
            return Exchange(case, 0, {}, b"", time.perf_counter() - started, self._key, cause, self._exact)
        seconds = time.perf_counter() - started
        received = {name.lower(): value for name, value in answer.headers.items()}
        return Exchange(
            case,
            answer.status_code,
            received,
            answer.content,
            seconds,
            self._key,
            exact=self._exact or _is_exact(received),
        )

    @property
    def _session(self) -> Session:
        """The calling thread's own: sessions are not made to be shared."""
        if not hasattr(self._local, "session"):
            self._local.session = Session()
        session: Session = self._local.session
        return session


class WsgiTransport:
    """Sends cases to a WSGI application in this process.

    Args:
        app: The application.
        contract: Tells the path and method of each operation.
        key: The API key; where it is put is for each case to say.
        target: What to call it in reports.
        exact: Hold it to exactness, whether or not it says that it answers alike to the last pixel.
    """

    def __init__(
        self,
        app: WsgiApp,
        contract: Contract,
        *,
        key: str | None = None,
        target: str = "in process",
        exact: bool = False,
    ) -> None:
        self.target = target
        self.app: WsgiApp | None = app
        self._client = Client(app)
        self._exact = exact
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
        """Call the application; a connection that it breaks is an answer that failed."""
        query, headers, content = _with_key(case, self._key)
        headers.pop(_ENCODING, "")  # there is no connection to send chunks over
        path = self._contract.operation(case.operation).path
        started = time.perf_counter()
        try:
            answer = self._client.open(path, method=case.method, query_string=query, data=content, headers=headers)
            body = answer.get_data()
        except (ConnectionError, TimeoutError) as error:
            cause = without_key(str(error) or type(error).__name__, self._key)
            return Exchange(case, 0, {}, b"", time.perf_counter() - started, self._key, cause, self._exact)
        seconds = time.perf_counter() - started
        received = {name.lower(): value for name, value in answer.headers.items()}
        return Exchange(
            case, answer.status_code, received, body, seconds, self._key, exact=self._exact or _is_exact(received)
        )


def _is_exact(headers: Mapping[str, str]) -> bool:
    return headers.get(MASKS_HEADER) == "exact"


def _with_key(case: Case, key: str | None) -> tuple[dict[str, str] | None, dict[str, str], bytes]:
    """Put the key where the case wants it: query, headers and body to send."""
    sent = {"query": key, "wrong": WRONG_KEY, "empty": ""}.get(case.key_in)
    query = None if sent is None else {"api_key": sent}
    headers = {**JSON_HEADERS, **case.headers}
    if case.key_in in {"bearer", "lower_bearer"} and key is not None:
        headers["authorization"] = f"{'Bearer' if case.key_in == 'bearer' else 'bearer'} {key}"
    in_body = case.key_in == "body" and key is not None
    return query, headers, orjson.dumps({**case.sent, "api_key": key}) if in_body else case.content


def _in_chunks(content: bytes) -> Iterator[bytes]:
    """Cut a body in the middle: what has no length is sent in chunks."""
    half = len(content) // 2
    yield from (content[:half], content[half:])


def _bearer(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}
