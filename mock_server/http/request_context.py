"""The request at hand and what is noted of it, looked up once.

Flask's proxies look their object up at every use, and cost half a microsecond each time: what is done for every request
does without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from flask import Flask, Request, Response, g, request
from flask.ctx import _AppCtxGlobals
from flask.sessions import NullSession, SessionInterface
from werkzeug.local import LocalProxy
from werkzeug.routing import MapAdapter, Rule

from mock_server.http.protocol import METHODS, NO_HTTP
from mock_server.http.session_address import take_base

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Notes = _AppCtxGlobals
"""What is noted of a request: ``flask.g``."""

_REQUEST: Final = cast("LocalProxy[Request]", request)
_NOTES: Final = cast("LocalProxy[Notes]", g)
_NO_ROUTE: Final = "/\0"


def current_request() -> Request:
    """Take the request at hand."""
    return _REQUEST._get_current_object()  # noqa: SLF001 - public in werkzeug


def current_notes() -> Notes:
    """Take what is noted of the request at hand."""
    return _NOTES._get_current_object()  # noqa: SLF001 - public in werkzeug


class _Request(Request):
    """A request whose path is the one that was sent: werkzeug takes all slashes but one from its beginning.

    To the service ``//sam3/x`` and ``/sam3/x`` are two paths, and only one of them is there.
    """

    def __init__(self, environ: WSGIEnvironment, populate_request: bool = True, shallow: bool = False) -> None:
        super().__init__(environ, populate_request, shallow)
        if environ.get("PATH_INFO", "").startswith("//"):
            self.path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        elif environ.get("REQUEST_URI", "").startswith("//"):  # werkzeug's own server takes one away itself
            self.path = f"/{self.path}"


class _NoSessions(SessionInterface):
    """Nothing is remembered of a client, so no cookie is looked at."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002 - Flask's signature
        return self._none


class _Rule(Rule):
    """A route that is only ever looked up: nothing here makes links, and code to make them costs most of a start."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: ARG002
        return _no_link


def _no_link(*_: object, **__: object) -> tuple[str, str]:
    raise NotImplementedError("the mock makes no links to its routes")


class Application(Flask):
    """A Flask application without what costs time in every request and nothing here needs.

    That is sessions, coroutines, and routes or links that depend on the server's name.
    """

    request_class = _Request
    url_rule_class = _Rule
    session_interface = _NoSessions()

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; the base URL of a session is no part of its path.

        What has a method that nobody knows does not get past the server of the service, and so past none that plays it.
        """
        if environ["REQUEST_METHOD"] not in METHODS:
            return Response(NO_HTTP, 400, content_type="text/plain; charset=utf-8")(environ, start_response)
        take_base(environ)
        return super().wsgi_app(environ, start_response)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Take a hook as it is."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Look at the path and the method of a request, and at nothing else."""
        if request is None:
            return None
        return MapAdapter(
            map=self.url_map,
            server_name="",
            script_name="/",
            subdomain="",
            url_scheme="http",
            # No route begins with several slashes, which werkzeug would pass over.
            path_info=_NO_ROUTE if request.path.startswith("//") else request.path,
            default_method=request.method,
        )
