"""Whom the page asks, and the mock beside it: the usual one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from werkzeug.test import EnvironBuilder

from mock_server import MockControl, Settings
from mock_server.http.pauses import GONE
from sam3_contract.spec import Operation

StartResponse = Callable[..., Any]
WsgiApp = Callable[..., Iterable[bytes]]

_CHOSEN: Final = ("HTTP_X_MOCK_FAULT", "HTTP_X_MOCK_ENGINE")
_ENGINES: Final = ("pixels", "synthetic")
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
