"""Whom the page asks: the mock beside it, or a server that its requests are passed on to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import orjson
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from mock_server import MockControl, Settings
from mock_server.http.pauses import GONE
from sam3_contract.errors import TransportError
from sam3_contract.recording import Budget, Upstream
from sam3_contract.recording.messages import Request
from sam3_contract.redaction import bytes_without_key, without_key
from sam3_contract.spec import Operation

StartResponse = Callable[..., Any]
WsgiApp = Callable[..., Iterable[bytes]]

LEFT: Final = "x-playground-calls-left"
_CHOSEN: Final = ("HTTP_X_MOCK_FAULT", "HTTP_X_MOCK_ENGINE")
_ENGINES: Final = ("pixels", "synthetic")
_REDIRECTIONS: Final = frozenset({301, 302, 303, 307, 308})
_ANY_KEY: Final = "playground"


class Target(Protocol):
    """Whom the page asks."""

    def about(self, url: str) -> dict[str, Any]:
        """Say what it is, for the page.

        Args:
            url: Where this page is.
        """
        ...

    def ask(
        self, operation: Operation, body: bytes, environ: Mapping[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Ask, and answer with what comes.

        Args:
            operation: What is asked for.
            body: The JSON body, without a key.
            environ: The page's request.
            start_response: As WSGI has it.
        """
        ...


class MockTarget:
    """The mock beside the page.

    Args:
        app: Answers, as it answers any client.
        control: What is held of it.
        settings: How it behaves.
    """

    def __init__(self, app: WsgiApp, control: MockControl, settings: Settings) -> None:
        self._app = app
        self._control = control
        self._key = min(settings.api_keys) if settings.api_keys else _ANY_KEY
        # Whoever clicks on a photograph wants to see it followed; another engine was chosen by somebody.
        self._engine = "pixels" if settings.engine == "synthetic" else ""
        self._behind = ": there is no model behind it" if settings.engine in _ENGINES else ", with an engine of its own"

    def about(self, url: str) -> dict[str, Any]:
        """Say what it is, for the page."""
        faults = [{name: one[name] for name in ("name", "breaks", "when")} for one in self._control.catalogue()]
        words = f"a mock at {url}{self._behind}"
        engines = {"engines": _ENGINES, "engine": self._engine}
        journal = self._control.journal.on
        return {"mock": True, "target": url, "words": words, "faults": faults, "journal": journal, **engines}

    def ask(
        self, operation: Operation, body: bytes, environ: Mapping[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Ask it as any client does, with the fault and the engine that the page chose for this request."""
        headers = [("Authorization", f"Bearer {self._key}")]
        builder = EnvironBuilder(
            operation.path, method=operation.method, data=body, headers=headers, content_type="application/json"
        )
        asked = builder.get_environ()
        builder.close()
        carried = (*_CHOSEN, GONE, "HTTP_HOST", "REMOTE_ADDR", "SERVER_NAME", "SERVER_PORT")
        asked.update({name: environ[name] for name in carried if name in environ})
        return self._app(asked, start_response)


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
