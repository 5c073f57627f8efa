"""A WSGI application around the mock that answers some requests otherwise."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Request, Response

from sam3_contract.errors import MaskError
from sam3_contract.masks import bitmap_from_masks, polygons_from_bitmap, rle_from_bitmap

Json = dict[str, Any]
WsgiApp = Callable[..., Iterable[bytes]]
Bitmap = NDArray[np.bool_]


@dataclass
class State:
    """What a mutant remembers from request to request."""

    calls: int = 0
    kept: dict[Any, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Call:
    """One request to a mutant.

    Attributes:
        operation: Last part of the path, such as ``concept_segment``.
        request: As it came in.
        body: The decoded JSON object; empty if there is none.
        number: How many requests came before.
        state: What is remembered.
    """

    operation: str
    request: Request
    body: Json
    number: int
    state: State
    app: WsgiApp

    def ask(self, **changes: Any) -> Response:
        """Ask the mock, with some fields of the body changed; ``...`` takes a field away."""
        body = {name: value for name, value in {**self.body, **changes}.items() if value is not ...}
        return self.ask_body(json.dumps(body).encode() if changes else self.request.get_data())

    def ask_body(self, content: bytes, **environ: Any) -> Response:
        """Ask the mock with these bytes for a body."""
        changed = {**self.request.environ, "wsgi.input": io.BytesIO(content), "CONTENT_LENGTH": str(len(content))}
        body, status, headers = run_wsgi_app(self.app, {**changed, **environ}, buffered=True)
        return Response(b"".join(body), status, headers)

    @property
    def prompts(self) -> list[Json]:
        """The prompts that are given as a list."""
        prompts = self.body.get("prompts")
        return prompts if isinstance(prompts, list) and all(isinstance(one, dict) for one in prompts) else []


Behaviour = Callable[[Call], Response]


@dataclass(frozen=True)
class Mutant:
    """One defective server.

    Attributes:
        name: What is wrong, and when.
        behaviour: Answers a request.
        preflight: Whether it also answers OPTIONS.
    """

    name: str
    behaviour: Behaviour

    def around(self, app: WsgiApp) -> WsgiApp:
        """Make the application, around the mock's."""
        state = State()

        def answer(environ: Json, start_response: Any) -> Iterable[bytes]:
            request = Request(environ)
            content = request.get_data(cache=True)
            try:
                body = json.loads(content)
            except ValueError:
                body = {}
            with state.lock:
                number, state.calls = state.calls, state.calls + 1
            call = Call(
                request.path.rpartition("/")[2], request, body if isinstance(body, dict) else {}, number, state, app
            )
            return self.behaviour(call)(environ, start_response)

        return answer


class Kind:
    """The mutants of one file, gathered by a decorator."""

    def __init__(self) -> None:
        self.mutants: list[Mutant] = []

    def __call__(self, behaviour: Behaviour) -> Behaviour:
        """Add the mutant that a function makes."""
        self.mutants.append(Mutant(behaviour.__name__, behaviour))
        return behaviour


def edited(response: Response, change: Callable[[Any], Any]) -> Response:
    """Change the JSON of a successful answer: in place, or by returning another."""
    if response.status_code == 200 and response.mimetype == "application/json":
        body = json.loads(response.get_data())
        changed = change(body)
        response.set_data(json.dumps(body if changed is None else changed, ensure_ascii=False).encode())
    return response


def lists_of(body: Json) -> Iterator[list[Json]]:
    """List the lists of predictions in an answer."""
    for holder in (*body.get("prompt_results", ()), body):
        if isinstance(holder.get("predictions"), list):
            yield holder["predictions"]


def redrawn(response: Response, change: Callable[[Bitmap, Json], Bitmap], *, size: tuple[int, int] | None) -> Response:
    """Change each mask of an answer, in whichever format it is given."""

    def each(body: Json) -> None:
        for predictions in lists_of(body):
            for prediction in predictions:
                redraw(prediction, change, size=size)

    return edited(response, each)


def redraw(prediction: Json, change: Callable[[Bitmap, Json], Bitmap], *, size: tuple[int, int] | None) -> None:
    """Change one mask in place."""
    masks = prediction["masks"]
    frame = tuple(masks["size"]) if isinstance(masks, dict) else size
    if frame is None:
        return
    try:
        bitmap = bitmap_from_masks(masks, image_size=(frame[0], frame[1]))
    except MaskError:
        return
    changed = np.ascontiguousarray(change(bitmap, prediction))
    if not np.array_equal(changed, bitmap):
        prediction["masks"] = rle_from_bitmap(changed) if isinstance(masks, dict) else polygons_from_bitmap(changed)


def drawn(prediction: Json, *, size: tuple[int, int] | None) -> Bitmap:
    """Draw the mask of a prediction; a single empty pixel if it cannot be."""
    try:
        return np.zeros((1, 1), bool) if size is None else bitmap_from_masks(prediction["masks"], image_size=size)
    except MaskError:
        return np.zeros((1, 1), bool)


def refusal(status: int, body: Json, **headers: str) -> Response:
    """Make a refusal in JSON."""
    return Response(json.dumps(body), status, headers, content_type="application/json")


def failure() -> Response:
    """Fail as a framework does of which nobody caught the exception."""
    return refusal(500, {"message": "Internal error."})


def unloadable() -> Response:
    """Refuse an image."""
    return refusal(400, {"message": "Could not load input image. Cause: Malformed base64 input image."})


def unauthorised() -> Response:
    """Refuse a key."""
    return refusal(401, {"status": 401, "message": "Unauthorized api_key"})


def invalid(kind: str, message: str, given: Any, *place: str | int, **more: Any) -> Response:
    """Refuse a value of the body, as the framework does."""
    entry = {"type": kind, "loc": ["body", *place], "msg": message, "input": given, **more}
    return refusal(422, {"detail": [entry]})


def request_of(path: str, body: Json, key: str) -> Json:
    """Make the environ of a request, for tests of the mutants themselves."""
    return EnvironBuilder(path=path, method="POST", json=body, query_string={"api_key": key}).get_environ()
