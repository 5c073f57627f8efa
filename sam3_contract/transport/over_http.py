"""Cases sent to a server over HTTP; apart from the other transports, as the HTTP libraries take a while to import."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import requests

from sam3_contract.errors import AskedError, TransportError
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.redaction import without_key
from sam3_contract.spec import Contract
from sam3_contract.transport.base_url import base_url as base_url_of
from sam3_contract.transport.base_url import is_loopback
from sam3_contract.transport.session import Session, cause_of, is_no_answer, was_not_reached
from sam3_contract.transport.transports import ENCODING, WsgiApp, as_bearer, says_exact, with_key

_SENT_ON: Final = frozenset({301, 302, 307, 308})


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
        headers = as_bearer(self._key)
        return {"base_url": self.target, "headers": headers, "timeout": self._timeout, "session": self._session}

    @property
    def is_free(self) -> bool:
        """Whether the server is on this machine."""
        return is_loopback(self.target)

    def send(self, case: Case) -> Exchange:
        """Send a case over HTTP.

        Raises:
            TransportError: If the server is not reached.
            AskedError: If a request that has left was lost on its way, or is sent on to another base URL.
        """
        url = self.target + self._contract.operation(case.operation).path
        query, headers, content = with_key(case, self._key)
        chunked = headers.pop(ENCODING, "") == "chunked"
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
            if is_no_answer(error):
                raise AskedError(f"{self.target} does not answer: {cause}") from error
            return Exchange(case, 0, {}, b"", time.perf_counter() - started, self._key, cause, self._exact)
        seconds = time.perf_counter() - started
        self._refuse_other_base(answer, self._contract.operation(case.operation).path)
        received = {name.lower(): value for name, value in answer.headers.items()}
        return Exchange(
            case,
            answer.status_code,
            received,
            answer.content,
            seconds,
            self._key,
            exact=self._exact or says_exact(received),
        )

    def _refuse_other_base(self, answer: requests.Response, path: str) -> None:
        """Tell a server that is elsewhere, as where http is sent on to https, from one that breaks the contract."""
        try:
            elsewhere = urlsplit(urljoin(answer.url, answer.headers.get("location", "")))
        except ValueError:  # half an IPv6 address
            return
        if answer.status_code not in _SENT_ON or not elsewhere.path.endswith(path):
            return
        base = f"{elsewhere.scheme}://{elsewhere.netloc.rpartition('@')[2]}{elsewhere.path.removesuffix(path)}"
        if base != self.target:
            shown = without_key(base, self._key)
            raise AskedError(f"{self.target} sends requests on to {shown!r}; give that as the base URL")

    @property
    def _session(self) -> Session:
        """The calling thread's own: sessions are not made to be shared."""
        if not hasattr(self._local, "session"):
            self._local.session = Session()
        session: Session = self._local.session
        return session


def _in_chunks(content: bytes) -> Iterator[bytes]:
    """Cut a body in the middle: what has no length is sent in chunks."""
    half = len(content) // 2
    yield from (content[:half], content[half:])
