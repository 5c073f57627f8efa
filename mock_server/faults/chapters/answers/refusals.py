"""Refusals with another status or body than the service's, and requests that should have been refused."""

from __future__ import annotations

from typing import Any, Final

import orjson
from flask import Response

from mock_server.faults.editing.changes import replies
from mock_server.faults.fault import Call, Chapter
from mock_server.http.refusals import INTERNAL_ERROR

REFUSED: Final = Chapter("http")

JSON: Final = "application/json"


@REFUSED.fault(
    "errors_answered_200",
    "Refusals have the status 200, with the error's body.",
    on=replies,
    when="every refused request",
)
def _errors_200(response: Response, _: Call) -> Response:
    if response.status_code >= 400:
        response.status_code = 200
    return response


@REFUSED.fault(
    "validation_answered_500",
    "What is wrong with a request is answered with 500.",
    on=replies,
    when="a request that gets 422",
)
def _validation_500(response: Response, _: Call) -> Response:
    return _as_error(response, 500, {"message": INTERNAL_ERROR}) if response.status_code == 422 else response


@REFUSED.fault(
    "validation_accepted",
    "What is wrong with a request is overlooked: 200 and nothing found.",
    on=replies,
    when="a request that gets 422",
)
def _validation_accepted(response: Response, call: Call) -> Response:
    return _as_error(response, 200, _nothing(call.operation)) if response.status_code == 422 else response


@REFUSED.fault(
    "malformed_json_answered_500",
    "A body that is no JSON is answered with 500.",
    on=replies,
    when="a body that is no JSON",
)
def _malformed_500(response: Response, _: Call) -> Response:
    broken = response.status_code in {400, 422} and b'"json_invalid"' in response.get_data()
    return _as_error(response, 500, {"message": INTERNAL_ERROR}) if broken else response


@REFUSED.fault(
    "missing_key_answered_403",
    "A missing or wrong key is answered with 403.",
    on=replies,
    when="a request without a key, or with a wrong one",
)
def _key_403(response: Response, _: Call) -> Response:
    if response.status_code == 401:
        response.status_code = 403
    return response


@REFUSED.fault(
    "method_not_refused",
    "GET, PUT and the like are answered with 200.",
    on=replies,
    when="a request by another method than POST",
)
def _method_accepted(response: Response, call: Call) -> Response:
    if call.method in {"POST", "OPTIONS"} or response.status_code == 401:
        return response
    return _as_error(response, 200, _nothing(call.operation))


@REFUSED.fault("errors_as_text", "Errors are plain text instead of JSON.", on=replies, when="every refused request")
def _errors_as_text(response: Response, _: Call) -> Response:
    if response.status_code >= 400:
        response.set_data("Something went wrong")
        response.content_type = "text/plain; charset=utf-8"
    return response


@REFUSED.fault("errors_empty", "Errors have no body.", on=replies, when="every refused request")
def _errors_empty(response: Response, _: Call) -> Response:
    if response.status_code >= 400:
        response.set_data(b"")
    return response


@REFUSED.fault(
    "errors_worded_otherwise",
    'Errors are {"error": ...} instead of the service\'s forms.',
    on=replies,
    when="every refused request",
)
def _errors_renamed(response: Response, _: Call) -> Response:
    if response.status_code >= 400 and response.mimetype == JSON:
        response.set_data(orjson.dumps({"error": {"code": response.status_code}}))
    return response


def _nothing(operation: str) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {
        "concept_segment": {"prompt_results": []},
        "visual_segment": {"predictions": []},
    }
    return {"time": 0.001, **found.get(operation, {"image_id": ""})}


def _as_error(response: Response, status: int, value: dict[str, Any]) -> Response:
    response.status_code = status
    response.content_type = JSON
    response.set_data(orjson.dumps(value))
    return response


@REFUSED.fault(
    "errors_show_traceback",
    "Refusals hold the traceback of the exception behind them.",
    on=replies,
    when="every refused request",
)
def _traceback(response: Response, _: Call) -> Response:
    return _worded(response, f'{_TRACE}  File "/app/inference/core/managers/base.py", line 93, in infer\nKeyError')


@REFUSED.fault("errors_show_paths", "Refusals name files of the server.", on=replies, when="every refused request")
def _paths(response: Response, _: Call) -> Response:
    return _worded(response, "cannot read /usr/app/inference/uploads/7f3a.png")


@REFUSED.fault(
    "mistakes_not_located",
    "What is wrong with a request is said to be its body.",
    on=replies,
    when="a request that gets 422",
)
def _not_located(response: Response, _: Call) -> Response:
    body = response.get_json(silent=True) if response.status_code == 422 else None
    if isinstance(body, dict) and isinstance(body.get("detail"), list):
        for entry in body["detail"]:
            entry["loc"] = entry["loc"][:1]
        response.set_data(orjson.dumps(body))
    return response


_TRACE: Final = "Traceback (most recent call last):\n"


def _worded(response: Response, words: str) -> Response:
    """Put words into a refusal, whichever of the service's forms it has."""
    body = response.get_json(silent=True) if response.status_code >= 400 else None
    if not isinstance(body, dict):
        return response
    if isinstance(body.get("detail"), list):
        for entry in body["detail"]:
            entry["msg"] = words
    else:
        body["message" if "message" in body else "detail"] = words
    response.set_data(orjson.dumps(body))
    return response
