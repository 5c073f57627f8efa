"""The Flask application, made from the OpenAPI document: its paths, its methods, its request models."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final

import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from mock_server import faults
from mock_server.annotations.known_images import library_of
from mock_server.annotations.library import Library
from mock_server.control import mock_control, routes
from mock_server.control.answering import answering
from mock_server.control.guard import Guard
from mock_server.control.mock_control import MockControl
from mock_server.engines.annotated import Annotated
from mock_server.engines.mixed import Mixed
from mock_server.engines.named import engine_of
from mock_server.engines.plugged_in import held_to_protocol
from mock_server.engines.protocol import Engine
from mock_server.engines.specimens import PREFIX, SPECIMENS
from mock_server.http import access_log, docs_page
from mock_server.http.auth import KeySettings, check_key, keys_sent, presented_key
from mock_server.http.bodies import decode_json, is_json, masked_text, validate, with_exact_integers, without_keys
from mock_server.http.pauses import pausing
from mock_server.http.protocol import (
    MAX_BODY,
    WHOLE_BODY,
    Profile,
    add_headers,
    as_refusal,
    check_query,
    is_control,
    is_open,
    preflight,
)
from mock_server.http.refusals import NO_ANSWER, PLAIN_ERROR, Refusal, no_answer
from mock_server.http.request_context import Application, current_notes, current_request
from mock_server.images.by_url import PictureOfUrl, local_files, virtual_photograph
from mock_server.journal.recorder import Recorder
from mock_server.metrics import Measured
from mock_server.operations import concept, observed, visual
from mock_server.operations.backend import Answer, Backend
from mock_server.operations.backends import Engines
from mock_server.scenarios.files import read
from mock_server.scenarios.player import plan_at_start
from mock_server.sessions import at_hand
from mock_server.sessions.at_hand import plan_at_hand, session_at_hand
from mock_server.sessions.session import MakeSession, refuse_early_fault
from mock_server.sessions.sessions import Sessions
from mock_server.settings import Settings
from mock_server.store.memory import MemoryStore
from mock_server.store.opening import open_store
from mock_server.store.protocol import Store
from sam3_contract import spec, wire
from sam3_contract.errors import SpecError, StoreError, UsageError
from sam3_contract.wire.requests import CONCEPT_MODEL

Implementation = tuple[type[wire.Request], Callable[[Any, Backend], Answer]]

# What clients ask of a server before they use it; a release like the one that `observed` was measured with.
_IDENTITY: Final = {"name": "Roboflow Inference Server", "version": "1.8.3"}
_TASK: Final = "unsupervised-segmentation"
_KNOWN_MODELS: Final = frozenset({CONCEPT_MODEL, visual.MODEL})


def create_app(
    settings: Settings | None = None,
    *,
    contract: spec.Contract | None = None,
    engine: Engine | None = None,
    store: Store | None = None,
) -> Flask:
    """Make a mock service, for any WSGI server or for ``app.test_client()``.

    Args:
        settings: How it behaves.
        contract: The document it serves; the project's own by default.
        engine: Where masks come from, but of specimens and known images; by default what ``settings.engine`` names.
        store: Where it keeps what outlasts a request; by default where ``settings.store`` says.

    Raises:
        SpecError: If the document holds an operation the mock has no implementation of, or a request that differs
            from what the mock validates.
        UsageError: If ``url_images``, ``coco``, ``coco_images``, ``scenarios``, ``store`` or ``engine`` cannot be used,
            or ``metrics`` lacks its library.

    Example:
        >>> create_app().test_client().get("/healthz").get_json()
        {'status': 'healthy'}
    """
    settings = settings or Settings()
    served = contract or spec.load()
    _refuse_what_is_not_implemented(served, own=contract is None)
    operations = [operation.id for operation in served.operations]
    paths = {operation.path: operation.id for operation in served.operations}
    library = library_of(
        coco=settings.coco, images=settings.coco_images, scenes=settings.scenes, strict=settings.coco_strict
    )
    engines = _engines(settings, engine, library)
    app = _application()
    # What is hooked in first sees a request before all others, and its answer after them.
    access_log.install(app, settings.access_log, operations)
    sessions = _sessions(settings, operations, engines, store or _store(settings))
    at_hand.install(app, sessions)
    mock_control.install(app, sessions)
    _recorder(settings, paths).install(app)
    faults.install(app, paths, lambda: plan_at_hand().faults, lambda: session_at_hand().fault_memories)
    for operation in served.operations:
        _add_operation(app, operation, settings)
    chosen = engine or settings.engine
    name = chosen if isinstance(chosen, str) else type(chosen).__name__
    _add_service_paths(app, served, engine=name, known_images=len(library), control=settings.control)
    if settings.profile == "observed":
        app.add_url_rule("/model/registry", "registry", lambda: _json(_registry(served)), methods=["GET"])
    if settings.control:
        guard = Guard(settings.allowed_hosts, settings.control_token)
        routes.install(app, lambda: MockControl(app, sessions, session_at_hand()), guard)
    _admit_and_finish(app, served, settings, engines)
    if settings.metrics:
        app.wsgi_app = Measured(app.wsgi_app, paths, sessions)  # type: ignore[method-assign]
    return app


def _application() -> Application:
    app = Application(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # the service has none
    app.url_map.merge_slashes = False  # a redirect is no answer of the service
    return app


def _engines(settings: Settings, engine: Engine | None, library: Library) -> Engines:
    def mixed(chosen: Engine | str) -> Engine:
        return Mixed(Annotated(settings.seed), held_to_protocol(engine_of(chosen, settings.seed)))

    usual = mixed(engine or settings.engine)
    return Engines(usual, cache(mixed), _picture_of_url(settings, library), library, may_choose=settings.control)


def _recorder(settings: Settings, paths: Mapping[str, str]) -> Recorder:
    return Recorder(
        lambda: session_at_hand().journal,
        paths.values(),
        strict=settings.profile == "documented",
        thumbnails=settings.journal_thumbnails,
        keys_change=lambda: current_request().path in paths and bool(plan_at_hand().faults),
    )


def _admit_and_finish(app: Flask, contract: spec.Contract, settings: Settings, engines: Engines) -> None:
    """Check keys before a request is answered, word what refuses it, and put the service's headers on the answer."""
    profile = settings.profile
    guarded = {"GET", "POST", *(operation.method for operation in contract.operations)}
    keys = KeySettings(settings.auth, settings.api_keys, settings.refused_keys)

    def finish(response: Response) -> Response:
        # By this a verification knows that no model with misses of its own answers.
        reads_pixels = current_notes().get("reads_pixels", engines.usual.reads_pixels)
        masks = "estimated" if reads_pixels else "exact"
        return add_headers(response, current_request(), profile, masks=masks)

    app.before_request(lambda: _admit(keys, guarded, strict=profile == "documented"))
    app.after_request(finish)
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(StoreError, _store_gone)
    app.register_error_handler(HTTPException, lambda error: _refused(as_refusal(error, request, profile)))


def _sessions(settings: Settings, operations: Sequence[str], engines: Engines, store: Store) -> Sessions:
    """Make the sessions of a mock, each of which begins as the settings say."""
    if settings.sessions < 1 or settings.session_idle <= 0:
        raise UsageError(f"sessions is {settings.sessions}, session_idle {settings.session_idle}: both are above 0")
    texts = tuple(faults.parse(text).text for text in settings.faults)
    source = read(settings.scenarios) if settings.scenarios else None
    at_start = plan_at_start(source, operations, check_fault=refuse_early_fault, faults=texts)
    make = MakeSession(settings, operations, engines, store, at_start)
    return Sessions(make, store, at_start=at_start, most=settings.sessions, idle=settings.session_idle)


def _store(settings: Settings) -> Store:
    if settings.store is None:
        return MemoryStore()
    return open_store(settings.store, sessions=settings.sessions, idle=settings.session_idle)


def _picture_of_url(settings: Settings, library: Library) -> PictureOfUrl:
    if settings.fetch_urls and settings.url_images is not None:
        raise UsageError("images by URL are either fetched or stood for by local files: drop fetch_urls or url_images")
    if settings.fetch_urls:
        from mock_server.images.fetching import Fetcher  # noqa: PLC0415 - few mocks are on any network

        return Fetcher(only_https=settings.profile == "observed", library=library)
    return virtual_photograph if settings.url_images is None else local_files(settings.url_images, library)


@cache
def _implementations(profile: Profile) -> Mapping[str, Implementation]:
    """List what answers each operation; the lenient models are not even built where nobody is answered by them."""
    if profile == "observed":
        return {
            "concept_segment": (wire.LenientConceptSegmentRequest, observed.concept_segment),
            "visual_segment": (wire.LenientVisualSegmentRequest, observed.visual_segment),
            "embed_image": (wire.LenientEmbedImageRequest, observed.embed_image),
        }
    return {
        "concept_segment": (wire.ConceptSegmentRequest, concept.concept_segment),
        "visual_segment": (wire.VisualSegmentRequest, visual.visual_segment),
        "embed_image": (wire.EmbedImageRequest, visual.embed_image),
    }


def _refuse_what_is_not_implemented(contract: spec.Contract, *, own: bool) -> None:
    implemented = _implementations("documented")
    for operation in contract.operations:
        if operation.id not in implemented:
            known = ", ".join(implemented)
            raise SpecError(f"{contract.origin}: the mock cannot answer {operation.id!r}; it implements {known}")
        model = implemented[operation.id][0].__name__
        if operation.request_schema != model:
            taken = operation.request_schema or "no schema of components"
            raise SpecError(f"{contract.origin}: {operation.id} takes {taken}, the mock validates {model}")
    # The project's own document is held to the models by its tests, not at every start.
    differences = [] if own else wire.disagreements(contract)
    if differences:
        raise SpecError(f"{contract.origin} and what the mock validates differ: " + "; ".join(differences))


def _add_operation(app: Flask, operation: spec.Operation, settings: Settings) -> None:
    profile = settings.profile
    model, implementation = _implementations(profile)[operation.id]
    strict = profile == "documented"

    def check(body: Any) -> wire.Request:
        notes = current_notes()
        try:
            return validate(model, body, strict=strict, size=len(notes.raw))
        except Refusal:
            exact = with_exact_integers(notes.raw) if body is notes.get("body") else None
            if exact is None:
                raise
        notes.body = exact
        return validate(model, exact, strict=strict, size=len(notes.raw))

    def answer_to(body: Any) -> Answer:
        backend = session_at_hand().backends.of(current_request().environ)
        current_notes().reads_pixels = backend.engine.reads_pixels
        return implementation(check(body), backend)

    def view() -> Response:
        started = time.perf_counter()
        faulty: faults.Faulty | None = current_notes().get("faulty")
        body = _body(strict=strict)
        check_query(current_request(), profile, lambda: check(body))
        answer = answer_to(body) if faulty is None else faulty.answer(body, answer_to, check=check)
        if settings.latency:
            pausing()(answer.seconds - (time.perf_counter() - started))
        worked = {"x-processing-time": f"{answer.seconds:g}"}
        headers = {**_safe({"x-model-id": answer.model_id}), **worked, **answer.headers}
        return Response(answer.body, content_type=answer.content_type, headers=headers)

    view = answering(operation.id, view, strict=strict)
    app.add_url_rule(operation.path, operation.id, view, methods=[operation.method], provide_automatic_options=False)


def _add_service_paths(app: Flask, contract: spec.Contract, *, engine: str, known_images: int, control: bool) -> None:
    """Add what says that this is a mock, and what it serves."""
    about = {
        "what": "a mock of Roboflow's hosted SAM 3 API by sam3-contract",
        # Where masks come from, but those of known images, which are annotated, and of specimens.
        "engine": engine,
        "operations": [f"{operation.method} {operation.path}" for operation in contract.operations],
        "specimens": {f"{PREFIX}{name}": specimen.shows for name, specimen in SPECIMENS.items()},
        "known_images": known_images,
        "contract": "/openapi.json",
        "docs": "/docs",
        "health": "/healthz",
        # What was asked, scenarios and faults; null where these routes are left out.
        "control": "/_mock" if control else None,
    }

    def document() -> Response:
        here = {"url": request.url_root.rstrip("/"), "description": "This mock."}
        return _json({**contract.document, "servers": [here]})

    docs_page.install(app, contract, about)
    identity = {**_IDENTITY, "uuid": str(uuid.uuid4())}
    for path, said in (("/healthz", {"status": "healthy"}), ("/readiness", {"status": "ready"}), ("/info", identity)):
        app.add_url_rule(path, path[1:], partial(_json, said), methods=["GET"])
    app.add_url_rule("/openapi.json", "document", document, methods=["GET"])


def _registry(contract: spec.Contract) -> dict[str, Any]:
    """List the models and their paths as the server does; there is no graphics card to tell the memory of."""
    unknown = ("batch_size", "input_height", "input_width", "vram_bytes")
    interactive = [operation.path for operation in contract.operations if operation.id != "concept_segment"]
    concepts = [operation.path for operation in contract.operations if operation.id == "concept_segment"]
    models = [
        {"model_id": name, "task_type": _TASK, **dict.fromkeys(unknown), "request_aliases": [], "request_paths": paths}
        for name, paths in ((CONCEPT_MODEL, concepts), (visual.MODEL, interactive))
    ]
    totals = ("total_vram_bytes", "gpu_memory_used", "gpu_memory_total", "torch_cuda_allocated")
    more = ("torch_cuda_reserved", "torch_cuda_allocator_cache", "non_torch_gpu_memory")
    return {"models": models, **dict.fromkeys((*totals, *more))}


def _admit(keys: KeySettings, guarded: set[str], *, strict: bool) -> Response | None:
    """Answer a browser's preflight; read the body once; check the key, before routing as the service does."""
    sent, notes = current_request(), current_notes()
    if is_control(sent):
        return None
    if sent.method == "OPTIONS":
        return preflight(sent)
    read: bytes | None = sent.environ.get(WHOLE_BODY)
    notes.raw = sent.get_data(cache=False) if read is None else read
    if sent.method not in guarded or is_open(sent.path):
        return None
    key = presented_key(sent, lambda: _body_for_key(strict=strict))
    if keys.required and not strict and key is None and "body" in notes and _ends_the_search(notes.body):
        raise Refusal(500, PLAIN_ERROR)
    faulty: faults.Faulty | None = notes.get("faulty")
    if faulty is None or not faulty.admits(key):
        check_key(key, keys)
    return None


def _ends_the_search(body: Any) -> bool:
    """Check whether the service fails as it looks for a key: it takes each body for an object, each key for a text."""
    return not isinstance(body, dict) or isinstance(body.get("api_key"), list | dict)


def _body_for_key(*, strict: bool) -> Any:
    sent, notes = current_request(), current_notes()
    declared = sent.environ.get("CONTENT_TYPE", "").partition(";")[0].strip()
    if declared != "application/json" or not sent.content_length:  # to the letter, as the service compares it
        return None
    try:
        notes.body = decode_json(notes.raw, strict=strict)
    except Refusal:  # a body without a readable key; what is wrong with it is said once the key is known
        return None
    return notes.body


def _body(*, strict: bool) -> Any:
    """Decode the body, once: JSON if it is declared so, else text."""
    notes = current_notes()
    if "body" not in notes:
        if notes.raw and is_json(current_request()):
            notes.body = decode_json(notes.raw, strict=strict)
        else:
            # What is no UTF-8 is nothing that the service can repeat, see `validate`.
            notes.body = notes.raw.decode("utf-8", "replace" if strict else "surrogateescape") or None
    return notes.body


def _refused(refusal: Refusal) -> Response:
    masked = without_keys(refusal, _keys_sent())
    if isinstance(masked.body, str):
        return Response(masked.body, masked.status, content_type="text/plain; charset=utf-8")
    return _json(masked.body, status=masked.status, headers=_safe(masked.headers))


def _store_gone(error: StoreError) -> Response:
    """Say that an answer needed what the mock shares with others, and could not have it."""
    if is_control(current_request()):
        return _json({"error": str(error)}, status=NO_ANSWER)
    return _refused(no_answer(str(error)))


def _keys_sent() -> set[str]:
    notes = current_notes()
    before_faults: set[str] = notes.get("keys", set())
    return keys_sent(current_request(), notes.get("body")) | before_faults


def _safe(headers: dict[str, str]) -> dict[str, str]:
    """Make what clients chose, such as a model id, fit for a header: ASCII without control characters, no key.

    The service writes Latin-1. What serves the mock writes UTF-8, and httpx makes no other headers than of ASCII.
    """
    if all(value in _KNOWN_MODELS for value in headers.values()):
        return headers
    keys = _keys_sent()
    return {
        name: "".join(c if c.isprintable() and c.isascii() else "?" for c in masked_text(value, keys))
        for name, value in headers.items()
    }


def _json(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    try:
        body = orjson.dumps(value)
    except TypeError:  # an echo of what only Python's parser reads: integers over 64 bits, half surrogate pairs
        body = json.dumps(value, separators=(",", ":")).encode()
    return Response(body, status=status, content_type="application/json", headers=headers)
