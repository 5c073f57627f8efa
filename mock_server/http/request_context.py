"""The request at hand and what is noted of it, looked up once.

Flask's proxies look their object up at every use, and cost half a microsecond each time: what is done for every request
does without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from flask import Flask, Request, g, request
from flask.ctx import _AppCtxGlobals
from flask.sessions import NullSession, SessionInterface
from werkzeug.datastructures import MultiDict
from werkzeug.local import LocalProxy
from werkzeug.routing import MapAdapter, Rule
from werkzeug.utils import cached_property

from mock_server.http.session_address import take_base

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Notes = _AppCtxGlobals
"""What is noted of a request: ``flask.g``."""

_REQUEST: Final = cast("LocalProxy[Request]", request)
_NOTES: Final = cast("LocalProxy[Notes]", g)
_NO_ROUTE: Final = "/\0"
_AS_FLASK_ASKS: Final = {"return_rule": True}
_MOST_KNOWN: Final = 64  # queries
_LONGEST_KNOWN: Final = 256  # bytes of one
_KNOWN_QUERIES: Final[dict[bytes, MultiDict[str, str]]] = {}  # immutable ones


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

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """What the query says. Most clients send the same one with every request, so it is not read anew each time."""
        query = self.query_string
        known = _KNOWN_QUERIES.get(query)
        if known is None:
            known = super().args
            if len(query) <= _LONGEST_KNOWN:
                if len(_KNOWN_QUERIES) >= _MOST_KNOWN:
                    _KNOWN_QUERIES.clear()
                _KNOWN_QUERIES[query] = known
        return known


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


_Found = dict[tuple[str, str], Rule]


class _Adapter(MapAdapter):
    """Finds the route of a request; by what was found before, if path and method are the same.

    Args:
        found: What was found of paths without variable parts: never more than there are routes and methods.
        **place: As of werkzeug's.
    """

    def __init__(self, found: _Found, **place: Any) -> None:
        super().__init__(**place)
        self._found = found

    def match(self, *args: Any, **options: Any) -> Any:
        """Find a route, as werkzeug does."""
        if args or options != _AS_FLASK_ASKS:
            return super().match(*args, **options)
        at = (self.path_info, self.default_method)
        rule = self._found.get(at)
        if rule is not None:
            return rule, {}
        rule, values = super().match(return_rule=True)
        if not values:
            self._found[at] = rule
        return rule, values


class Application(Flask):
    """A Flask application without what costs time in every request and nothing here needs.

    That is sessions, coroutines, and routes or links that depend on the server's name.
    """

    request_class = _Request
    url_rule_class = _Rule
    session_interface = _NoSessions()

    def __init__(self, *args: Any, **options: Any) -> None:
        self._found: _Found = {}
        super().__init__(*args, **options)

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; the base URL of a session is no part of its path."""
        take_base(environ)
        return super().wsgi_app(environ, start_response)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Take a hook as it is."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Look at the path and the method of a request, and at nothing else."""
        if request is None:
            return None
        return _Adapter(
            self._found,
            map=self.url_map,
            server_name="",
            script_name="/",
            subdomain="",
            url_scheme="http",
            # No route begins with several slashes, which werkzeug would pass over.
            path_info=_NO_ROUTE if request.path.startswith("//") else request.path,
            default_method=request.method,
        )
