"""A server that the page's requests are passed on to.

In a file of its own: what sends is not imported by a mock that only has the page beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from werkzeug.wrappers import Response

from sam3_contract.errors import TransportError
from sam3_contract.playground.targets import StartResponse
from sam3_contract.recording import Budget, Upstream
from sam3_contract.recording.messages import Request
from sam3_contract.redaction import bytes_without_key, without_key
from sam3_contract.spec import Operation

LEFT: Final = "x-playground-calls-left"
_REDIRECTIONS: Final = frozenset({301, 302, 303, 307, 308})


class ServerTarget:
    """A server that requests are passed on to, within a budget.

    Args:
        upstream: The server.
        key: The key that it wants; it goes nowhere else.
        budget: How many calls it may be asked.
        free: Whether its calls cost nothing.
    """

    def __init__(self, upstream: Upstream, key: str | None, budget: Budget, *, free: bool = False) -> None:
        self._upstream = upstream
        self._key = key
        self._budget = budget
        self._free = free

    def about(self, url: str) -> dict[str, Any]:  # noqa: ARG002 - the snippets name the server, not this page
        """Say what it is, for the page."""
        base = self._upstream.base
        about = {"mock": False, "target": base, "words": f"passes on to {base}", "faults": [], "engines": []}
        return {**about, "journal": False, "costs": not self._free, "calls_left": self._left}

    def ask(
        self,
        operation: Operation,
        body: bytes,
        environ: Mapping[str, Any],
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        """Pass a request on, and its answer back, without the key wherever it may stand."""
        # Nothing of the browser's own request goes further.
        return self._answered(operation, body)(dict(environ), start_response)

    @property
    def _left(self) -> int:
        return max(self._budget.calls - self._budget.spent, 0)

    def _answered(self, operation: Operation, body: bytes) -> Response:
        over = self._budget.take()
        if over:
            return _said(599, f"{over}; --max-calls sets another", self._left)
        headers = [("Content-Type", "application/json"), ("Accept", "*/*")]
        if self._key:
            headers.append(("Authorization", f"Bearer {self._key}"))
        url = f"http://playground{operation.path}"
        try:
            answer, _ = self._upstream.send(Request(operation.method, url, tuple(headers), body))
        except TransportError as error:
            return _said(502, without_key(str(error), self._key), self._left)
        if answer.status in _REDIRECTIONS:  # the browser would follow it, as another call
            return _said(502, f"the server sends on ({answer.status}); name the URL that it sends to", self._left)
        response = Response(bytes_without_key(answer.body, self._key), answer.status)
        response.headers.clear()
        for name, value in answer.headers:
            if not name.lower().startswith(("access-control-", "set-cookie", "strict-transport", "content-security")):
                response.headers.add(name, without_key(value, self._key))
        response.headers[LEFT] = str(self._left)
        return response


def _said(status: int, sentence: str, left: int) -> Response:
    body = orjson.dumps({"message": sentence})
    return Response(body, status, {LEFT: str(left)}, content_type="application/json")
