"""Servers that break the contract: the faultless mock, its answers changed on the way out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Request, Response

from mock_server import Settings, create_app

KEY = "a-key-for-tests"

Answer = dict[str, Any]


class FaultyServer:
    """A WSGI application that changes the mock's answers.

    Args:
        fault: Changes status, headers and body of each answer, given the request's JSON body.
    """

    def __init__(self, fault: Callable[[Response, Answer, Request], Response | None]) -> None:
        self._mock = create_app(Settings(api_keys=frozenset({KEY})))
        self._fault = fault

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        content = request.get_data(cache=True)
        response = Response.from_app(self._mock.wsgi_app, {**environ, "wsgi.input": io.BytesIO(content)})
        try:
            body = json.loads(content)
        except ValueError:
            body = {}
        changed = self._fault(response, body if isinstance(body, dict) else {}, request) or response
        return changed(environ, start_response)


def on_success(change: Callable[[Any, Answer], Any]) -> Callable[[Response, Answer, Request], None]:
    """Make a fault that changes the JSON of successful answers: in place, or by returning another."""

    def fault(response: Response, sent: Answer, _: Request) -> None:
        if response.status_code == 200 and response.mimetype == "application/json":
            body = response.get_json()
            changed = change(body, sent)
            response.set_data(json.dumps(body if changed is None else changed))

    return fault


def on_predictions(change: Callable[[Answer], None]) -> Callable[[Response, Answer, Request], None]:
    """Make a fault that changes each prediction in place."""

    def each(body: Any, _: Answer) -> None:
        lists = [body, *body.get("prompt_results", [])]
        for holder in lists:
            for prediction in holder.get("predictions", []):
                change(prediction)

    return on_success(each)


def on_polygons(change: Callable[[list[list[list[Any]]]], Any]) -> Callable[[Response, Answer, Request], None]:
    def each(prediction: Answer) -> None:
        if prediction["format"] == "polygon":
            changed = change(prediction["masks"])
            prediction["masks"] = prediction["masks"] if changed is None else changed

    return on_predictions(each)


def on_rle(change: Callable[[Answer], None]) -> Callable[[Response, Answer, Request], None]:
    def each(prediction: Answer) -> None:
        if prediction["format"] == "rle":
            change(prediction["masks"])

    return on_predictions(each)
