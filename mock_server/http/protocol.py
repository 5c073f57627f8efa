"""What surrounds the operations: cross-origin requests, headers, and answers to unknown paths and methods."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, Literal

from flask import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from mock_server.http.query import parameters
from mock_server.http.refusals import INTERNAL_ERROR, NOT_FOUND, PLAIN_ERROR, Refusal, detail, fits_a_header, message
from sam3_contract.exchanges.exchange import MASKS_HEADER

Profile = Literal["documented", "observed"]
"""Which side of the deviations a mock plays: what the documentation says, or what the server does."""

MAX_BODY: Final = 20 * 1024 * 1024  # bytes; what the public pages allow an upload
WHOLE_BODY: Final = "sam3_contract.body"
"""Where a server that has read the whole body, within the limit, puts it into the environ: as bytes, to be read once.

Werkzeug's stream with a limit copies a body of 1 MB for longer than all the rest of the work on it takes.
"""
SAID_ONCE: Final[Mapping[str, str]] = {
    "CONTENT_TYPE": "content-type",
    "HTTP_AUTHORIZATION": "authorization",
    "HTTP_ORIGIN": "origin",
    "HTTP_X_REQUEST_ID": "x-request-id",
}
"""Headers, by their names in WSGI, of which the service reads the first where a request has two of them."""
_KNOWN_METHODS: Final = (
    "ACL BIND CHECKOUT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS "
    "PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK "
    "UNSUBSCRIBE"
)
METHODS: Final = frozenset(_KNOWN_METHODS.split())
"""Those that uvicorn's parser knows; of any other it says that it is no HTTP."""
NO_HTTP: Final = "Invalid HTTP request received."
"""In its words."""
_NO_CONTENT_TYPE: Final = "Content-Type header not provided with request."
_PREFLIGHT_METHODS: Final = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY"
_PREFLIGHT_VARY: Final = (
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network"
)
_EXPOSED: Final = (
    "X-Processing-Time, X-Remote-Processing-Time, X-Remote-Processing-Times, X-Model-Cold-Start, "
    "X-Model-Cold-Start-Count, X-Model-Load-Time, X-Model-Load-Details, X-Model-Id, X-Workflow-Id, X-Workspace-Id, "
    "X-Trace-Id, execution_id, traceparent, tracestate"
)
OPEN_PATHS: Final = frozenset({"/", "/docs", "/healthz", "/info", "/openapi.json", "/model/registry", "/readiness"})
"""What is answered without a key."""
_OPEN_FOLDERS: Final = ("/static/", "/_next/")  # of the service's own page, which the mock has not
_FILES: Final = ("/static/", "/_next/static/")  # those in which there are files and no models
_NO_WORK: Final = "0.0005"  # seconds, of what no model worked on
CONTROL_PREFIX: Final = "/_mock"
"""Where the mock's own routes are, for testers."""
CONTROL_ENDPOINT: Final = "control"
"""Their name in the application."""
_TRUE_AND_FALSE: Final = frozenset({"true", "false"})
# Pydantic's spellings of a boolean, in lower case.
_LENIENT_BOOLEANS: Final = frozenset({"true", "false", "1", "0", "yes", "no", "on", "off", "t", "f", "y", "n"})

MODEL_LOCKED: Final = "Could not acquire model manager lock"
"""The other 503: users report it from the hosted service (read 2026-11-27)."""
WORDINGS: Final[Mapping[int, str]] = {
    404: NOT_FOUND,
    413: f"The body is larger than {MAX_BODY} bytes.",
    429: "Too many requests.",
    500: INTERNAL_ERROR,
    502: "Internal error. Request to Roboflow API failed.",
    503: "Model is temporarily not ready - retry request.",
    504: "Timeout when attempting to connect to Roboflow API.",
    507: "Model is too big for this server.",
}
"""Sentences by status, in the words of the server's source, as far as they are known."""


def is_control(request: Request) -> bool:
    """Check whether a request is one of the mock's own routes, which are no part of the service it plays."""
    return request.endpoint == CONTROL_ENDPOINT


def preflight(request: Request) -> Response | None:
    """Answer a browser that asks whether it may send; ``None`` if it does not ask."""
    if "Origin" not in request.headers or "Access-Control-Request-Method" not in request.headers:
        return None
    headers = {
        "vary": _PREFLIGHT_VARY,
        "access-control-allow-methods": _PREFLIGHT_METHODS,
        "access-control-max-age": "600",
    }
    allowed = request.headers.get("Access-Control-Request-Headers")
    if allowed is not None:
        headers["access-control-allow-headers"] = allowed
    # In capitals, as which they are listed: a browser sends `patch` as it is written.
    is_known = request.headers["Access-Control-Request-Method"] in _PREFLIGHT_METHODS.split(", ")
    mistakes = {
        "method": not is_known,
        "private-network": "Access-Control-Request-Private-Network" in request.headers,
    }
    refused = ", ".join(name for name, is_made in mistakes.items() if is_made)
    text, status = (f"Disallowed CORS {refused}", 400) if refused else ("OK", 200)
    return Response(text, status, headers, content_type="text/plain; charset=utf-8")


def is_open(path: str) -> bool:
    """Check whether a path asks for no key."""
    return path in OPEN_PATHS or path.startswith(_OPEN_FOLDERS)


def check_query(request: Request, profile: Profile, check_body: Callable[[], object]) -> None:
    """Refuse a ``countinference`` that is no boolean.

    Args:
        request: What the client sent.
        profile: Which side of the deviations is played.
        check_body: Refuses a body with mistakes, which are told together with those of the query.

    Raises:
        Refusal: 422.
    """
    value = parameters(request).get("countinference")
    known = _TRUE_AND_FALSE if profile == "documented" else _LENIENT_BOOLEANS
    if value is None or (value if profile == "documented" else value.lower()) in known:
        return
    finding = {
        "type": "bool_parsing",
        "loc": ["query", "countinference"],
        "msg": "Input should be a valid boolean, unable to interpret input",
        "input": value,
    }
    try:
        check_body()
    except Refusal as refusal:
        if refusal.status != 422 or not isinstance(refusal.body, dict):
            raise
        raise detail(422, [finding, *refusal.body["detail"]], headers=refusal.headers) from refusal
    raise detail(422, [finding])


def as_refusal(error: HTTPException, request: Request, profile: Profile) -> Refusal:
    """Word the framework's own errors as the service does."""
    if isinstance(error, NotFound | MethodNotAllowed):
        return _legacy_route(request) if profile == "observed" else _no_such_route(error)
    if isinstance(error, RequestEntityTooLarge):
        return message(413, f"The body is larger than {MAX_BODY} bytes.")
    if error.code is not None and error.code < 500:
        return detail(error.code, error.name)
    return message(500, INTERNAL_ERROR)


def add_headers(response: Response, request: Request, profile: Profile, *, masks: str) -> Response:
    """Add the headers that every answer of the service carries; the control routes are not for other origins.

    Args:
        response: The answer.
        request: What it answers.
        profile: Which side of the deviations is played.
        masks: What the mock says of its masks: ``exact`` if a request always gets the same ones, else ``estimated``.
    """
    if is_control(request):
        return response
    if response.status_code == 500 and response.mimetype == "text/plain":
        return response  # uncaught in the server: nothing behind the error adds a header
    response.headers[MASKS_HEADER] = masks
    # Looked up in the environ: werkzeug's headers raise and catch an error for each that is not there.
    sent = request.environ.get("HTTP_X_REQUEST_ID", "")
    response.headers["x-request-id"] = sent if _is_uuid(sent) else uuid.uuid4().hex
    origin = request.environ.get("HTTP_ORIGIN")
    if origin and response.status_code not in {401, 402}:
        response.headers["access-control-allow-origin"] = origin
        response.headers["access-control-allow-credentials"] = "true"
        if request.method != "OPTIONS":
            response.headers["access-control-expose-headers"] = _EXPOSED
    if "vary" not in response.headers and response.status_code not in {401, 402}:
        response.headers["vary"] = "Origin"
    if profile == "observed":
        _add_server_headers(response, request)
    return response


def _add_server_headers(response: Response, request: Request) -> None:
    response.headers["x-inference-engine"] = "inference-models"
    response.headers["x-model-cold-start"] = "false"
    response.headers["x-model-cold-start-count"] = "0"
    if request.method in {"GET", "POST"} and not is_open(request.path) and response.status_code not in {401, 402}:
        response.headers["x-workspace-id"] = "mock-workspace"
    if request.method == "OPTIONS" and response.status_code != 405:
        return  # a preflight, which is answered before anything is counted
    response.headers["execution_id"] = f"{time.time_ns()}_{uuid.uuid4().hex[:4]}"
    response.headers.setdefault("x-processing-time", _NO_WORK)
    if response.status_code not in {401, 402}:
        response.headers["x-internal-remote-exec-req-verified"] = "false"


def _no_such_route(error: NotFound | MethodNotAllowed) -> Refusal:
    if isinstance(error, NotFound):
        return message(404, NOT_FOUND)
    methods = sorted(set(error.valid_methods or ()) - {"HEAD", "OPTIONS"})
    return detail(405, "Method Not Allowed", headers={"allow": ", ".join(methods)})


def _legacy_route(request: Request) -> Refusal:
    """Answer as the server's old ``/{dataset}/{version}`` route or its files, into which every other request falls."""
    segments = request.path.split("/")[1:]
    in_route = len(segments) == 2 and all(segments) and not request.path.startswith(_FILES)
    if in_route and request.method in {"GET", "POST"}:
        says_what_it_sends = "Content-Type" in request.headers or "image" in parameters(request)
        return _no_such_model(request.path[1:]) if says_what_it_sends else message(400, _NO_CONTENT_TYPE)
    if request.method in {"GET", "HEAD"}:
        return detail(404, "Not Found")
    return detail(405, "Method Not Allowed", headers={"allow": "GET, HEAD"})


def _no_such_model(model_id: str) -> Refusal:
    if not fits_a_header(model_id):
        return Refusal(500, PLAIN_ERROR)
    return Refusal(404, {"message": NOT_FOUND}, headers={"x-model-id": model_id})


def _is_uuid(text: str) -> bool:
    if not text:
        return False
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


def wording_of(status: int) -> str:
    """Say what goes with a status: the service's sentence, else the status's own name.

    Example:
        >>> wording_of(503), wording_of(418), wording_of(598)
        ('Model is temporarily not ready - retry request.', "I'm a Teapot", 'Status 598')
    """
    names = {int(one): one.phrase for one in HTTPStatus}
    return WORDINGS.get(status) or names.get(status, f"Status {status}")
