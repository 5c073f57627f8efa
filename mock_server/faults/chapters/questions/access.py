"""Keys that are not asked for, not seen, or given away."""

from __future__ import annotations

import json
from typing import Final

from flask import Request, Response

from mock_server.faults.editing.changes import admissions, arrivals, replies
from mock_server.faults.fault import Call, Chapter

ACCESS: Final = Chapter("semantics")


@ACCESS.fault(
    "missing_key_accepted", "A request without a key is answered.", on=admissions, when="a request without a key"
)
def _missing_accepted(key: str | None) -> bool:
    return key is None


@ACCESS.fault(
    "wrong_key_accepted",
    "Every key is good, also one that is unknown, empty or out of credits.",
    on=admissions,
    when="a key that the mock is set to refuse, or an empty one",
)
def _wrong_accepted(key: str | None) -> bool:
    return key is not None


@ACCESS.fault("bearer_key_ignored", "The Authorization header is not read.", on=arrivals, when="a key in that header")
def _bearer_ignored(request: Request) -> None:
    request.environ.pop("HTTP_AUTHORIZATION", None)  # which is what its headers are a view of


@ACCESS.fault("query_key_ignored", "The query's api_key is not read.", on=arrivals, when="a key in the query")
def _query_ignored(request: Request) -> None:
    rest = [part for part in request.query_string.split(b"&") if part.partition(b"=")[0] != b"api_key"]
    request.query_string = b"&".join(rest)


@ACCESS.fault(
    "key_echoed_in_body",
    "JSON answers hold the API key.",
    on=replies,
    when="any JSON object that answers a request with a key",
)
def _echoed_in_body(response: Response, call: Call) -> Response:
    content = response.get_data()
    if call.key and response.mimetype == "application/json" and content.startswith(b"{") and content != b"{}":
        # Written into the text: what a refusal echoes is not always read again as it was.
        response.set_data(b'{"api_key":' + json.dumps(call.key).encode() + b"," + content[1:])
    return response


@ACCESS.fault(
    "key_echoed_in_header",
    "The header x-request-url holds the URL with the API key.",
    on=replies,
    when="a request with a key",
)
def _echoed_in_header(response: Response, call: Call) -> Response:
    if call.key:
        printable = "".join(c for c in call.key if c.isprintable() and ord(c) < 256)
        response.headers["x-request-url"] = f"/sam3/{call.operation}?api_key={printable}"
    return response
