"""An answer that goes out as it was made is what werkzeug makes of the same, and so is one that was changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Response
from werkzeug.test import create_environ, run_wsgi_app

from mock_server.http.answered import Answered

BODY = b'{"time": 0.1}'
HEADERS = [("x-model-id", "sam3/sam3_final"), ("Content-Type", "application/json")]


def put(name: str, value: str) -> Callable[[Response], None]:
    return lambda response: response.headers.set(name, value)


def with_status(status: int) -> Callable[[Response], None]:
    return lambda response: setattr(response, "status_code", status)


CHANGES: dict[str, Callable[[Response], object]] = {
    "nothing": lambda _: None,
    "a header": put("vary", "Origin"),
    "a place": put("Location", "/caf\u00e9"),
    "a place of the content": put("content-location", "/caf\u00e9"),
    "another length": put("Content-Length", "5"),
    "no length": lambda response: response.headers.remove("content-length"),
    "another body": lambda response: response.set_data("caf\u00e9"),
    "a body of text": lambda response: setattr(response, "response", ["caf\u00e9"]),
    "parts": lambda response: setattr(response, "response", [b"one", b"other"]),
    "a stream": lambda response: setattr(response, "response", iter([b"one", b"other"])),
    **{f"status {status}": with_status(status) for status in (204, 206, 304, 400, 503)},
}


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("change", CHANGES)
def test_answer_goes_out_as_werkzeug_has_it(change: str, method: str) -> None:
    sent = []
    for response in (Answered(BODY, HEADERS), Response(BODY, headers=HEADERS)):
        CHANGES[change](response)
        parts, status, headers = run_wsgi_app(response, create_environ("/", method=method))
        sent.append((b"".join(parts), status, list(headers)))

    assert sent[0] == sent[1]


def test_what_is_to_be_done_at_the_end_is_done() -> None:
    closed: list[str] = []
    response = Answered(BODY, HEADERS)
    response.call_on_close(lambda: closed.append("closed"))

    parts, *_ = run_wsgi_app(response, create_environ("/"), buffered=True)

    assert (b"".join(parts), closed) == (BODY, ["closed"])


def test_header_that_would_be_two_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="newline"):
        Answered(BODY, [("x-model-id", "one\r\nset-cookie: other")])
