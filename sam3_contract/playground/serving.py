"""The page's own paths, in front of an application: ``/`` for browsers, and all below ``/playground``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson
from flask import Flask
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from mock_server import MockControl, Settings, control_of
from mock_server.control.guard import Guard
from mock_server.http.protocol import MAX_BODY
from mock_server.http.refusals import NO_ANSWER
from sam3_contract.errors import Sam3ContractError, StoreError
from sam3_contract.playground import files, watching
from sam3_contract.playground.targets import MockTarget, StartResponse, Target, WsgiApp
from sam3_contract.spec import Contract, load

PREFIX: Final = "/playground"
HEADER: Final = "X-Playground"
"""What the page's own requests carry: a form of another page cannot."""


class Playground:
    """Answers the page's paths, and lets an application answer all others.

    Args:
        beside: The application; ``None`` if there is nothing but the page.
        target: Whom the page asks.
        control: Of the mock whose requests are shown; ``None`` if they are not.
        guard: Who may use it.
        contract: Has the operations.
    """

    def __init__(
        self, beside: WsgiApp | None, target: Target, control: MockControl | None, guard: Guard, contract: Contract
    ) -> None:
        self._beside = beside
        self._target = target
        self._control = control
        self._guard = guard
        self._contract = contract

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        return self._answering(Request(environ, populate_request=False))(environ, start_response)

    def _answering(self, request: Request) -> WsgiApp:
        """Choose what answers a request."""
        if request.path.startswith(f"{PREFIX}/"):
            request.max_content_length = MAX_BODY
            try:
                return self._own(request)
            except HTTPException as error:  # of the server, about a body that did not come or is too large
                return _json({"error": error.description or error.name}, error.code or 400)
            except StoreError as error:
                return _json({"error": str(error)}, NO_ANSWER)
        if _is_for_the_page(request):
            return files.page()
        return self._beside or _json({"error": "there is nothing here but the page at /"}, 404)

    def _own(self, request: Request) -> WsgiApp:
        path = request.path.removeprefix(f"{PREFIX}/")
        file = files.file_of(path) if request.method in {"GET", "HEAD"} else None
        if file is not None:
            return file
        objection = self._objection(request)
        if objection is not None:
            return objection
        match request.method, path.partition("/")[::2]:
            case "GET", ("about", ""):
                return _json(self._target.about(request.host_url.rstrip("/")))
            case "GET", ("journal", "") if self._control is not None:
                return watching.events(self._control.journal, request.environ)
            case "POST", ("judge", ""):
                return self._judged(request)
            case "POST", ("ask", operation) if operation in {one.id for one in self._contract.operations}:
                asked, body = self._contract.operation(operation), request.get_data()
                return lambda environ, start: self._target.ask(asked, body, environ, start)
        return _json({"error": f"the page has nothing under {request.method} {request.path[:100]}"}, 404)

    def _objection(self, request: Request) -> Response | None:
        objection = self._guard.objection(request)
        if objection is None and request.method != "GET" and request.headers.get(HEADER) != "1":
            objection = 403, f"the page's own requests carry the header {HEADER}: 1"
        return None if objection is None else _json({"error": objection[1]}, objection[0])

    def _judged(self, request: Request) -> Response:
        # Only here: no mock waits at its start for the checks to be imported.
        from sam3_contract.playground.judging import Asked, findings_of  # noqa: PLC0415

        try:
            asked = Asked.model_validate_json(request.get_data())
            return _json({"findings": findings_of(asked, self._contract)})
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            return _json({"error": f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}"}, 422)
        except Sam3ContractError as error:
            return _json({"error": str(error)}, 422)


def beside_mock(served: WsgiApp, app: Flask, settings: Settings, contract: Contract | None = None) -> Playground:
    """Put the page in front of a mock.

    Args:
        served: What answers operations: the mock, or a recording before it.
        app: The mock.
        settings: How it behaves.
        contract: What it serves; the project's own document by default.

    Example:
        >>> from mock_server import create_app
        >>> from werkzeug.test import Client
        >>> app = create_app()
        >>> Client(beside_mock(app, app, Settings())).get("/", headers={"Accept": "text/html"}).mimetype
        'text/html'
    """
    control = control_of(app)
    guard = Guard(settings.allowed_hosts, settings.control_token)
    return Playground(served, MockTarget(served, control, settings), control, guard, contract or load())


def before_server(target: Target, contract: Contract | None = None) -> Playground:
    """Make the page for a server that its requests are passed on to; there is nothing beside it."""
    return Playground(None, target, None, Guard(), contract or load())


def _is_for_the_page(request: Request) -> bool:
    if request.path != "/" or request.method not in {"GET", "HEAD"}:
        return False
    return request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html"


def _json(value: Any, status: int = 200) -> Response:
    headers = {name: files.HEADERS[name] for name in ("Content-Security-Policy", "X-Content-Type-Options")}
    headers["Cache-Control"] = "no-store"
    return Response(orjson.dumps(value), status, headers, content_type="application/json")
