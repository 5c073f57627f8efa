"""Something that answers cases, and what does it in this process: a WSGI application."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from werkzeug.test import Client, TestResponse

from sam3_contract.exchanges.exchange import MASKS_HEADER, Case, Exchange, keys_sent, scheme_of
from sam3_contract.redaction import without_key
from sam3_contract.spec import Contract

WsgiApp = Callable[..., Iterable[bytes]]
ENCODING: Final = "transfer-encoding"
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
        return {"base_url": "http://localhost", "headers": as_bearer(self._key)}

    @property
    def is_free(self) -> bool:
        """Calls within the process cost nothing."""
        return True

    def send(self, case: Case) -> Exchange:
        """Call the application; a connection that it breaks is an answer that failed."""
        query, headers, content = with_key(case, self._key)
        headers.pop(ENCODING, "")  # there is no connection to send chunks over
        path = self._contract.operation(case.operation).path
        started = time.perf_counter()
        try:
            answer = self._client.open(path, method=case.method, query_string=query, data=content, headers=headers)
            body = _unpacked(answer)
        except (ConnectionError, TimeoutError) as error:
            cause = without_key(str(error) or type(error).__name__, self._key)
            return Exchange(case, 0, {}, b"", time.perf_counter() - started, self._key, cause, self._exact)
        seconds = time.perf_counter() - started
        received = {name.lower(): value for name, value in answer.headers.items()}
        return Exchange(
            case, answer.status_code, received, body, seconds, self._key, exact=self._exact or says_exact(received)
        )


def _unpacked(answer: TestResponse) -> bytes:
    """Take the body of an answer as it was before it was packed for its way.

    Raises:
        ConnectionError: If it is not packed in the way that it says.
    """
    if "content-encoding" not in answer.headers:
        return answer.get_data()
    from sam3_contract.transport.session import unpacked  # noqa: PLC0415 - takes a while to import, and few need it

    return unpacked(answer.get_data(), dict(answer.headers))


def says_exact(headers: Mapping[str, str]) -> bool:
    """Tell whether a server says that it answers alike to the last pixel; names are in lower case."""
    return headers.get(MASKS_HEADER) == "exact"


def with_key(case: Case, key: str | None) -> tuple[dict[str, str], dict[str, str], bytes]:
    """Put the key where the case wants it: query, headers and body to send."""
    sent = keys_sent(case.key_in, key)
    query = {**case.query, **({} if sent.query is None else {"api_key": sent.query})}
    headers = {**JSON_HEADERS, **case.headers}
    if sent.bearer is not None:
        headers["authorization"] = f"{scheme_of(case.key_in)} {sent.bearer}"
    keyed = case if sent.body is None else replace(case, body={**case.sent, "api_key": sent.body})
    return query, headers, keyed.content


def as_bearer(key: str | None) -> dict[str, str]:
    """Write the header that holds a key, if there is one."""
    return {"Authorization": f"Bearer {key}"} if key else {}
