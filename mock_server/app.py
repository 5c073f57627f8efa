"""The Flask application, made from the OpenAPI document: its paths, its methods, its request models."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import flask
import orjson
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from mock_server.auth import check_key, presented_key
from mock_server.bodies import decode_json, is_json, validate, without_key
from mock_server.concept import concept_segment
from mock_server.refusals import NOT_FOUND, Refusal, detail, message
from mock_server.visual import embed_image, visual_segment
from mock_server.world import Answer, World
from sam3_contract import spec, wire
from sam3_contract.errors import SpecError

__all__ = ["Settings", "create_app"]

MAX_BODY: Final = 20 * 1024 * 1024  # bytes; what the public pages allow an upload
_OPEN_PATHS: Final = frozenset({"/", "/healthz", "/openapi.json"})

IMPLEMENTATIONS: Final[dict[str, tuple[type[wire.Request], Callable[[Any, World], Answer]]]] = {
    "concept_segment": (wire.ConceptSegmentRequest, concept_segment),
    "visual_segment": (wire.VisualSegmentRequest, visual_segment),
    "embed_image": (wire.EmbedImageRequest, embed_image),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a mock behaves.

    Attributes:
        api_keys: The keys it accepts; ``None`` for every key that is not empty.
        seed: Another seed gives other masks of the same images.
    """

    api_keys: frozenset[str] | None = None
    seed: int = 0


def create_app(settings: Settings | None = None, *, contract: spec.Contract | None = None) -> Flask:
    """Make a mock service, for any WSGI server or for ``app.test_client()``.

    Args:
        settings: How it behaves.
        contract: The document it serves; the project's own by default.

    Raises:
        SpecError: If the document holds an operation the mock has no implementation of, or a request that differs
            from what the mock validates.

    Example:
        >>> create_app().test_client().get("/healthz").get_json()
        {'status': 'healthy'}
    """
    settings = settings or Settings()
    served = contract or spec.load()
    _refuse_what_is_not_implemented(served, own=contract is None)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    world = World(seed=settings.seed)
    for operation in served.operations:
        _add_operation(app, operation, world)
    _add_service_paths(app, served)
    app.before_request(lambda: _admit(settings))
    app.after_request(_finish)
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    return app


def _refuse_what_is_not_implemented(contract: spec.Contract, *, own: bool) -> None:
    for operation in contract.operations:
        if operation.id not in IMPLEMENTATIONS:
            known = ", ".join(IMPLEMENTATIONS)
            raise SpecError(f"{contract.origin}: the mock cannot answer {operation.id!r}; it implements {known}")
        model = IMPLEMENTATIONS[operation.id][0].__name__
        if operation.request_schema != model:
            taken = operation.request_schema or "no schema of components"
            raise SpecError(f"{contract.origin}: {operation.id} takes {taken}, the mock validates {model}")
    # The project's own document is held to the models by its tests, not at every start.
    differences = [] if own else wire.disagreements(contract)
    if differences:
        raise SpecError(f"{contract.origin} and what the mock validates differ: " + "; ".join(differences))


def _add_operation(app: Flask, operation: spec.Operation, world: World) -> None:
    model, implementation = IMPLEMENTATIONS[operation.id]

    def view() -> Response:
        _check_query()
        answer = implementation(validate(model, _body()), world)
        return Response(answer.body, content_type=answer.content_type, headers={"x-model-id": answer.model_id})

    app.add_url_rule(operation.path, operation.id, view, methods=[operation.method], provide_automatic_options=False)


def _add_service_paths(app: Flask, contract: spec.Contract) -> None:
    """Add what says that this is a mock, and what it serves."""
    about = {
        "what": "a mock of Roboflow's hosted SAM 3 API by sam3-contract; its masks are synthetic",
        "operations": [f"{operation.method} {operation.path}" for operation in contract.operations],
        "contract": "/openapi.json",
        "health": "/healthz",
    }

    def document() -> Response:
        here = {"url": request.host_url.rstrip("/"), "description": "This mock."}
        return _json({**contract.document, "servers": [here]})

    app.add_url_rule("/", "about", lambda: _json(about), methods=["GET"])
    app.add_url_rule("/healthz", "health", lambda: _json({"status": "healthy"}), methods=["GET"])
    app.add_url_rule("/openapi.json", "document", document, methods=["GET"])


def _admit(settings: Settings) -> Response | None:
    """Answer a browser's preflight; read the body once; check the key, before routing as the service does."""
    g.key = None
    if request.method == "OPTIONS":
        return _preflight()
    g.raw = request.get_data(cache=False)
    if request.method not in {"GET", "POST"} or request.path in _OPEN_PATHS:
        return None
    g.key = presented_key(request, _body_for_key)
    check_key(g.key, settings.api_keys)
    return None


def _body_for_key() -> Any:
    if request.mimetype != "application/json" or not request.content_length:
        return None
    try:
        g.body = decode_json(g.raw)
    except Refusal:  # a body without a readable key; what is wrong with it is said once the key is known
        return None
    return g.body


def _body() -> Any:
    """Decode the body, once: JSON if it is declared so, else text."""
    if "body" in g:
        return g.body
    return decode_json(g.raw) if g.raw and is_json(request) else g.raw.decode("utf-8", "replace") or None


def _preflight() -> Response | None:
    if "Origin" not in request.headers or "Access-Control-Request-Method" not in request.headers:
        return None
    allowed = request.headers.get("Access-Control-Request-Headers", "")
    headers = {
        "access-control-allow-methods": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
        "access-control-max-age": "600",
        "access-control-allow-headers": allowed,
    }
    return Response("OK", content_type="text/plain; charset=utf-8", headers=headers)


def _check_query() -> None:
    value = request.args.get("countinference", "true")
    if value not in {"true", "false"}:
        finding = {
            "type": "bool_parsing",
            "loc": ["query", "countinference"],
            "msg": "Input should be a valid boolean, unable to interpret input",
            "input": value,
        }
        raise detail(422, [finding])


def _finish(response: Response) -> Response:
    sent = request.headers.get("x-request-id", "")
    response.headers["x-request-id"] = sent if _is_uuid(sent) else uuid.uuid4().hex
    origin = request.headers.get("Origin")
    if origin and response.status_code not in {401, 402}:
        response.headers["access-control-allow-origin"] = origin
        response.headers["access-control-allow-credentials"] = "true"
        response.headers["access-control-expose-headers"] = "x-request-id, x-model-id"
    response.headers["vary"] = "Origin"
    return response


def _is_uuid(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


def _refused(refusal: Refusal) -> Response:
    masked = without_key(refusal, g.get("key"))
    return _json(masked.body, status=masked.status, headers=masked.headers)


def _http_error(error: HTTPException) -> Response:
    """Word the framework's own errors as the service does."""
    if isinstance(error, NotFound):
        return _refused(message(404, NOT_FOUND))
    if isinstance(error, MethodNotAllowed):
        methods = sorted(set(error.valid_methods or ()) - {"HEAD", "OPTIONS"})
        return _refused(detail(405, "Method Not Allowed", headers={"allow": ", ".join(methods)}))
    if isinstance(error, RequestEntityTooLarge):
        return _refused(message(413, f"The body is larger than {MAX_BODY} bytes."))
    if error.code is not None and error.code < 500:
        return _refused(detail(error.code, error.name))
    return _refused(message(500, "Internal error."))


def _json(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> flask.Response:
    return Response(orjson.dumps(value), status=status, content_type="application/json", headers=headers)
