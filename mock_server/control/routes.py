"""The mock's own routes under ``/_mock``, for tests in other languages.

Like all requests they may name a session, and are about that one. They are no part of the contract: they ask for no
key, and the journal does not hold them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Flask, Request, Response, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException

from mock_server.control.guard import Guard
from mock_server.control.mock_control import MockControl
from mock_server.http.inspection import texts_of
from mock_server.http.protocol import CONTROL_ENDPOINT, CONTROL_PREFIX
from mock_server.http.session_address import HEADER
from mock_server.scenarios.files import MOST_BYTES, FileFormat, Source, parse
from mock_server.scenarios.mistakes import mistake_of
from sam3_contract.errors import UsageError
from sam3_contract.suggestions import unknown

PREFIX: Final = CONTROL_PREFIX
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")  # all but the known ones get a 405 in JSON
_LIMIT: Final = 100  # requests that are listed unless told otherwise
_FORMATS: Final[Mapping[str, FileFormat]] = {
    "application/yaml": "yaml",
    "application/x-yaml": "yaml",
    "text/yaml": "yaml",
    "application/toml": "toml",
}

Route = Callable[[MockControl, Request], Any]


class _Faults(BaseModel):
    """What switches faults on."""

    model_config = ConfigDict(extra="forbid", strict=True)
    faults: list[str] = Field(max_length=64)


def install(app: Flask, control_at_hand: Callable[[], MockControl], guard: Guard) -> None:
    """Add the routes to an application.

    Args:
        app: The mock.
        control_at_hand: Finds what the request at hand reads and sets.
        guard: Who may use them.
    """

    def view(rest: str = "") -> Response:  # noqa: ARG001 - the path is looked up whole
        objection = guard.objection(request)
        if objection is not None:
            status, why = objection
            return _json({"error": why}, status)
        return _answer(control_at_hand(), request)

    for rule in (PREFIX, f"{PREFIX}/", f"{PREFIX}/<path:rest>"):
        app.add_url_rule(rule, CONTROL_ENDPOINT, view, methods=_METHODS, provide_automatic_options=False)


def _answer(control: MockControl, request: Request) -> Response:
    """Answer a request to a path under ``/_mock``: 400 if it makes no sense, 404 and 405 as ever; always in JSON."""
    path = request.path.rstrip("/")
    methods = _ROUTES.get(path)
    if methods is None:
        return _json({"error": f"{unknown('control path', path, _ROUTES)}"}, 404)
    route = methods.get("GET" if request.method == "HEAD" else request.method)
    if route is None:
        allowed = ", ".join(methods)
        return _json({"error": f"{path} takes {allowed}, not {request.method}"}, 405, {"allow": allowed})
    # The body is read here: the limit is another one than that of the operations.
    request.max_content_length = MOST_BYTES
    try:
        return _json(route(control, request))
    except UsageError as error:
        return _json({"error": str(error)}, 400)
    except HTTPException as error:
        return _json({"error": error.description or error.name}, error.code or 400)


def _index(control: MockControl, _: Request) -> Any:
    about = {
        path: {method: _first_line(route) for method, route in methods.items()} for path, methods in _ROUTES.items()
    }
    state = {"requests": len(control.journal.requests), "session": control.session, "sessions": control.sessions}
    return {"what": "the control routes of this mock", "paths": about, **state}


def _requests(control: MockControl, request: Request) -> Any:
    """List the journal, oldest first: ?operation=, ?text= and ?status= filter, ?limit= takes the last so many."""
    query = _query(request, ("operation", "text", "status", "limit"))
    limit = _whole(query, "limit", _LIMIT)
    status = _whole(query, "status", 0)
    found = [
        entry
        for entry in control.journal.requests
        if ("operation" not in query or entry.operation == query["operation"])
        and (not status or entry.status == status)
        and ("text" not in query or query["text"] in texts_of(entry.body))
    ]
    listed = [entry.as_json() for entry in found[max(len(found) - limit, 0) :]]
    counts = {"matching": len(found), "dropped": control.journal.dropped}
    return {"session": control.session, **counts, "requests": listed}


def _forget(control: MockControl, request: Request) -> Any:
    """Empty the journal."""
    _query(request, ())
    control.journal.clear()
    return {"cleared": True}


def _scenarios(control: MockControl, request: Request) -> Any:
    """List the scenarios, how far each has come, and what was expected otherwise."""
    _query(request, ())
    return control.scenarios.as_json()


def _replace_scenarios(control: MockControl, request: Request) -> Any:
    """Put these scenarios in the place of all: JSON, or YAML or TOML if the content type says so."""
    control.scenarios.load_source(_source(request), anew=True)
    return control.scenarios.as_json()


def _add_scenarios(control: MockControl, request: Request) -> Any:
    """Add scenarios, or a single one, behind those that there are."""
    source = _source(request)
    single = isinstance(source.value, dict) and "scenarios" not in source.value and "strict" not in source.value
    add = control.scenarios.add_one if single else control.scenarios.load_source
    add(source)
    return control.scenarios.as_json()


def _drop_scenarios(control: MockControl, request: Request) -> Any:
    """Drop every scenario."""
    _query(request, ())
    control.scenarios.clear()
    return control.scenarios.as_json()


def _faults(control: MockControl, request: Request) -> Any:
    """List the faults that there are, and which are on for every request."""
    _query(request, ())
    return {"on": list(control.faults), "catalogue": control.catalogue()}


def _set_faults(control: MockControl, request: Request) -> Any:
    """Put these faults on every request: {"faults": ["name", "name:parameter"]}."""
    source = _source(request)
    try:
        control.faults = _Faults.model_validate(source.value).faults
    except ValidationError as error:
        raise source.error(mistake_of(error, _Faults, source.value)) from error
    return {"on": list(control.faults)}


def _drop_faults(control: MockControl, request: Request) -> Any:
    """Take every fault off."""
    _query(request, ())
    control.faults = []
    return {"on": []}


def _reset(control: MockControl, request: Request) -> Any:
    """Begin anew: an empty journal, no remembered image, scenarios and faults as at the start."""
    _query(request, ())
    control.reset()
    return {"reset": True}


def _end_session(control: MockControl, request: Request) -> Any:
    """End the session that is named: nothing of it is kept, and the next request that names it makes another."""
    _query(request, ())
    if control.session is None:
        raise UsageError(f"the default session never ends; the header {HEADER} or a base URL /s/ID names another")
    control.end()
    return {"ended": control.session}


_ROUTES: Final[Mapping[str, Mapping[str, Route]]] = {
    PREFIX: {"GET": _index},
    f"{PREFIX}/requests": {"GET": _requests, "DELETE": _forget},
    f"{PREFIX}/scenarios": {
        "GET": _scenarios,
        "PUT": _replace_scenarios,
        "POST": _add_scenarios,
        "DELETE": _drop_scenarios,
    },
    f"{PREFIX}/faults": {"GET": _faults, "PUT": _set_faults, "DELETE": _drop_faults},
    f"{PREFIX}/reset": {"POST": _reset},
    f"{PREFIX}/session": {"DELETE": _end_session},
}


def _first_line(route: Route) -> str:
    return (route.__doc__ or "List these paths.").partition("\n")[0]


def _source(request: Request) -> Source:
    """Read the body; it may name no files, as whoever sends it need not be on this machine."""
    return parse(request.get_data(cache=False), _FORMATS.get(request.mimetype, "json"), origin="the request's body")


def _query(request: Request, known: tuple[str, ...]) -> Mapping[str, str]:
    for name in request.args:
        if name not in known:
            hint = (
                unknown("query parameter", name, known) if known else f"no query parameter is read, {name!r} is given"
            )
            raise UsageError(hint)
    return request.args


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f"{name} is {text[:60]!r}, has to be a whole number")
    return int(text)


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    # Not orjson: a body in the journal may hold integers over 64 bits, or half a surrogate pair.
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Response(text, status, dict(headers or {}), content_type="application/json")
