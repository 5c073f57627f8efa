"""Answers whose status, media type or bytes are not the service's, and connections that end or are slow."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import orjson
from flask import Response

from mock_server.faults.editing.changes import calls, replies, written
from mock_server.faults.fault import Ask, Call, Chapter, Parameter
from mock_server.faults.parameters import number, one_of, whole
from mock_server.http.auth import REFUSALS, KeySettings, check_key
from mock_server.http.pauses import RETRY_AFTER, pausing
from mock_server.http.protocol import MODEL_LOCKED, WORDINGS
from mock_server.http.refusals import INTERNAL_ERROR, MALFORMED_IMAGE, Refusal, unloadable_image
from mock_server.http.request_context import current_request
from mock_server.operations.backend import Answer

HTTP: Final = Chapter("http")

JSON: Final = "application/json"
LONGEST_WAIT: Final = 600  # seconds
PARTS: Final = 10  # of a body that drips
_PACKED: Final = {"unasked": False, "unsaid": True}  # whether gzip is accepted where it shows

_STATUSES: Final = ("400", *REFUSALS, *map(str, WORDINGS))
_PROXY: Final = {
    "413": "Request Entity Too Large",
    "502": "Bad Gateway",
    "503": "Service Temporarily Unavailable",
    "504": "Gateway Time-out",
}


@HTTP.fault(
    "status",
    "Good requests are refused, with the status and the body that the service has for other reasons.",
    on=calls,
    parameter=Parameter(f"one of {', '.join(_STATUSES)}", "500", one_of(*_STATUSES)),
)
def _status(call: Call, _: Ask) -> Answer:
    if call.value == "400":
        raise unloadable_image(MALFORMED_IMAGE)
    if call.value in REFUSALS:
        check_key("", KeySettings(refused={"": call.value}))
    status = int(call.value)
    headers = _wait() if status in {429, 503} else {}
    raise Refusal(status, {"message": WORDINGS[status]}, headers=headers)


@HTTP.fault(
    "rate_limited",
    "Good requests are refused with 429 and a Retry-After.",
    on=calls,
    parameter=Parameter(f"Retry-After in seconds, from 0 to {LONGEST_WAIT}", "1", whole(0, LONGEST_WAIT)),
)
def _rate_limited(call: Call, _: Ask) -> Answer:
    raise Refusal(429, {"message": WORDINGS[429]}, headers={"retry-after": str(call.value)})


@HTTP.fault(
    "model_locked",
    "Good requests are refused with 503 and a Retry-After: the server waits for another to load the model.",
    on=calls,
)
def _model_locked(_: Call, __: Ask) -> Answer:
    raise Refusal(503, {"message": MODEL_LOCKED}, headers=_wait())


def _wait() -> dict[str, str]:
    return {"retry-after": current_request().environ.get(RETRY_AFTER, "1")}


@HTTP.fault(
    "html_from_proxy",
    "A proxy before the service answers with a page in HTML.",
    on=replies,
    when="every request",
    parameter=Parameter(f"status: {', '.join(_PROXY)}", "502", one_of(*_PROXY)),
)
def _html_from_proxy(_: Response, call: Call) -> Response:
    title = f"{call.value} {_PROXY[call.value]}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    page += "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    return Response(page, int(call.value), content_type="text/html")


@HTTP.fault(
    "success_status_wrong",
    "Good requests are answered with another status than 200.",
    on=replies,
    parameter=Parameter("201, 202 or 206", "201", one_of("201", "202", "206")),
)
def _success_status(response: Response, call: Call) -> Response:
    if response.status_code == 200:
        response.status_code = int(call.value)
    return response


@HTTP.fault("no_content", "Good requests are answered with 204 and nothing.", on=replies)
def _no_content(response: Response, _: Call) -> Response:
    return Response(status=204) if response.status_code == 200 else response


@HTTP.fault(
    "redirected",
    "Good requests are sent on to the same path with a slash behind it, which does not exist.",
    on=replies,
)
def _redirected(response: Response, call: Call) -> Response:
    if response.status_code != 200:
        return response
    return Response(status=307, headers={"location": f"/sam3/{call.operation}/"})


@HTTP.fault(
    "content_type_wrong",
    "Answers have another Content-Type than what they hold, or none.",
    on=replies,
    parameter=Parameter(
        "the media type, or none", "text/html", one_of("text/html", "text/plain", "application/json", "none")
    ),
)
def _content_type(response: Response, call: Call) -> Response:
    if response.status_code == 200:
        response.headers.pop("content-type", None)
        if call.value != "none":
            response.headers["content-type"] = call.value
    return response


@HTTP.fault("body_empty", "Good requests are answered with 200 and no bytes.", on=replies)
def _empty(response: Response, _: Call) -> Response:
    return _with_bytes(response, b"")


@HTTP.fault("body_truncated", "Answers end in the middle, with a fitting Content-Length.", on=replies)
def _truncated(response: Response, _: Call) -> Response:
    content = response.get_data()
    return _with_bytes(response, content[: len(content) // 2])


@HTTP.fault("trailing_garbage", "Behind the JSON of an answer comes more.", on=replies)
def _trailing(response: Response, _: Call) -> Response:
    return _with_json(response, lambda content: content + b"\n<!-- end -->")


@HTTP.fault("two_documents", "An answer holds its JSON twice, line by line.", on=replies)
def _two_documents(response: Response, _: Call) -> Response:
    return _with_json(response, lambda content: content + b"\n" + content)


@HTTP.fault("byte_order_mark", "The JSON of an answer begins with a byte order mark.", on=replies)
def _byte_order_mark(response: Response, _: Call) -> Response:
    return _with_json(response, lambda content: b"\xef\xbb\xbf" + content)


@HTTP.fault("utf8_broken", "The JSON of an answer holds a byte that is no UTF-8.", on=replies)
def _utf8_broken(response: Response, _: Call) -> Response:
    return _with_json(response, lambda content: content.replace(b'":"', b'":"\xff', 1))


@HTTP.fault("encoded_as_utf16", "The JSON of an answer is UTF-16.", on=replies)
def _utf16(response: Response, _: Call) -> Response:
    return _with_json(response, lambda content: content.decode().encode("utf-16"))


@HTTP.fault("encoded_twice", "The answer is a JSON text that holds JSON.", on=replies)
def _twice(response: Response, _: Call) -> Response:
    return _with_json(response, lambda content: written(content.decode()))


@HTTP.fault(
    "connection_reset",
    "The connection ends before the answer is whole.",
    on=replies,
    when="every request",
    parameter=Parameter("before the answer begins, or in the middle of its body", "before", one_of("before", "middle")),
)
def _reset(response: Response, call: Call) -> Response:
    content = response.get_data()
    sent = content[: len(content) // 2] if call.value == "middle" else b""
    response.response = _until_reset(sent)
    response.headers["content-length"] = str(len(content) + 1)
    return response


def _until_reset(sent: bytes) -> Iterator[bytes]:
    if sent:
        yield sent
    raise ConnectionResetError("the fault connection_reset")


@HTTP.fault(
    "slow",
    "Answers are late.",
    on=replies,
    when="every request",
    parameter=Parameter(f"by how many seconds, from 0 to {LONGEST_WAIT}", "2", number(0, LONGEST_WAIT)),
)
def _slow(response: Response, call: Call) -> Response:
    pausing()(call.value)
    return response


@HTTP.fault(
    "body_drips",
    f"Answers come in {PARTS} parts with pauses between them.",
    on=replies,
    when="every request",
    parameter=Parameter(f"seconds for the whole body, from 0 to {LONGEST_WAIT}", "2", number(0, LONGEST_WAIT)),
)
def _drips(response: Response, call: Call) -> Response:
    content = response.get_data()
    response.response = _dripping(content, partial(pausing(), call.value / PARTS))
    response.headers["content-length"] = str(len(content))
    return response


def _dripping(content: bytes, pause: Callable[[], None]) -> Iterator[bytes]:
    size = -(-len(content) // PARTS) or 1
    for start in range(0, len(content), size):
        yield content[start : start + size]
        pause()


@HTTP.fault("error_in_success", "Good requests are answered with 200 and an error's body.", on=calls)
def _error_in_success(call: Call, ask: Ask) -> Answer:
    answer = ask(call.body)
    return Answer(orjson.dumps({"message": INTERNAL_ERROR}), JSON, answer.model_id, answer.seconds)


@HTTP.fault(
    "answer_packed",
    "Answers are packed with gzip, unasked or unsaid.",
    on=replies,
    when="a request that says what it accepts: not gzip, or gzip",
    parameter=Parameter("unasked: though gzip is not accepted; unsaid: without a header", "unasked", one_of(*_PACKED)),
)
def _packed(response: Response, call: Call) -> Response:
    accepted = current_request().accept_encodings
    accepts = not accepted or accepted.quality("gzip") > 0
    if accepts is not _PACKED[call.value] or response.status_code != 200:
        return response
    if call.value == "unasked":
        response.headers["content-encoding"] = "gzip"
    return _with_bytes(response, gzip.compress(response.get_data(), mtime=0))


@HTTP.fault("charset_not_utf8", "JSON is declared to be in Latin 1.", on=replies, when="every request")
def _charset(response: Response, _: Call) -> Response:
    if response.mimetype == JSON:
        response.headers["content-type"] = f"{JSON}; charset=iso-8859-1"
    return response


@HTTP.fault("request_id_repeated", "Every answer has the same x-request-id.", on=replies, when="every request")
def _repeated(response: Response, _: Call) -> Response:
    response.headers["x-request-id"] = "0" * 32
    return response


@HTTP.fault(
    "request_id_replaced",
    "x-request-id is a new one although the client sent a UUID.",
    on=replies,
    when="a request with a UUID for its x-request-id",
)
def _replaced(response: Response, call: Call) -> Response:
    response.headers["x-request-id"] = f"{call.memory.count() + 1:032x}"
    return response


@HTTP.fault("allow_left_out", "A 405 does not say which methods there are.", on=replies, when="a request by GET")
def _no_allow(response: Response, _: Call) -> Response:
    response.headers.pop("allow", None)
    return response


@HTTP.fault(
    "origin_not_answered", "No origin is allowed to read an answer.", on=replies, when="a request with an Origin"
)
def _no_origin(response: Response, _: Call) -> Response:
    for name in [name for name, _ in response.headers if name.lower().startswith("access-control-")]:
        del response.headers[name]
    return response


def _with_bytes(response: Response, content: bytes) -> Response:
    if response.status_code == 200:
        response.set_data(content)
    return response


def _with_json(response: Response, change: Callable[[bytes], bytes]) -> Response:
    return _with_bytes(response, change(response.get_data())) if response.mimetype == JSON else response
