"""Request bodies: bytes to JSON to a model, and what is wrong with them in the server's words."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Collection
from typing import Any, Final, NoReturn

import orjson
from pydantic import ValidationError
from werkzeug import Request

from mock_server.http.refusals import PLAIN_ERROR, Refusal, detail
from mock_server.http.request_bounds import (
    ECHOED,
    MOST_FINDINGS,
    refuse_too_heavy,
    refuse_too_many_values,
    shortened,
)
from sam3_contract import wire
from sam3_contract.files.nesting import depth_of
from sam3_contract.redaction import MASK, MIN_KEY, without_key
from sam3_contract.wire.requests import AnyRequest, RequestPart

Finding = dict[str, Any]

_UNPARSABLE: Final = "There was an error parsing the body"
LONG_ENOUGH: Final = 6  # characters; a shorter key would mask half of any text
_KEY_IN_TEXT: Final = re.compile(r"""(api_key["']?\s*[:=]\s*["']?)[^"'&\s,}]+""")
_TOO_DEEP: Final = 240  # levels; the real server stops where its parser's stack ends
_LONG_INTEGER: Final = re.compile(rb"(?<![\w.+/-])-?[0-9]{19,}(?![\w.+/])")
FINDINGS_HEADER: Final = "x-mock-findings"


def is_json(request: Request) -> bool:
    """Check whether the declared media type is JSON: ``application/json`` or ``application/*+json``."""
    kind, _, subtype = request.mimetype.partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


def decode_json(body: bytes, *, strict: bool = True) -> Any:
    """Decode a JSON body.

    Args:
        body: The request's bytes.
        strict: Refuse what is no JSON though Python reads it: NaN, infinities, half surrogate pairs.

    Raises:
        Refusal: 422 with the position if it is no JSON; 400 if it cannot be parsed at all; 599 if it holds too much.
    """
    refuse_too_many_values(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _decode_slowly(body, strict=strict, at=error.pos)


def validate(model: type[AnyRequest], body: Any, *, strict: bool = True, size: int = 0) -> AnyRequest:
    """Validate a decoded body.

    Args:
        model: The operation's request model.
        body: Any JSON value.
        strict: Take what the document allows; else coerce as the server does.
        size: Of the body as it came, in bytes: of a large one not all is repeated.

    Raises:
        Refusal: 422 with every finding, each with its location in the body, up to a thousand; 599 if there is too much
            to validate; 500 if the service fails as it writes what it found.
    """
    try:
        return _validated(model, body, strict=strict, size=size)
    except Refusal as refusal:
        if strict or _can_be_written(refusal.body):
            raise
        raise Refusal(500, PLAIN_ERROR) from refusal


def _can_be_written(refused: Any) -> bool:
    """Check whether a refusal repeats nothing that JSON does not have: NaN, infinities, half surrogate pairs."""
    try:
        json.dumps(refused, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return False
    return True


def _validated(model: type[AnyRequest], body: Any, *, strict: bool, size: int) -> AnyRequest:
    if body is None:
        raise detail(422, [_finding("missing", "Field required", None)])
    if not isinstance(body, dict):
        _refuse_too_deep(body)
        words = "Input should be a valid dictionary or object to extract fields from"
        raise detail(422, [_finding("model_attributes_type", words, shortened(body) if size > ECHOED else body)])
    refuse_too_heavy(body)
    try:
        return wire.parse_request(model, body, strict=strict)
    except ValidationError as error:
        _refuse_too_deep(body)
        raise _refusal_of(error, size, named=None if strict else body) from error


def with_exact_integers(body: bytes) -> Any:
    """Decode a body again, whose integers beyond 64 bits the fast parser rounds to floats; ``None`` if it has none."""
    if len(body) > ECHOED or not _LONG_INTEGER.search(body):
        return None
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def _refusal_of(error: ValidationError, size: int, *, named: dict[str, Any] | None) -> Refusal:
    """Word what is wrong with a body; ``named`` is the body as the service repeats it, with an id of its making."""
    count = error.error_count()
    found = error.errors(include_url=False)[:MOST_FINDINGS]
    if named is not None and "id" not in named:
        named = {**named, "id": _id_of(named)}
    for one in found:
        if named is not None and one["type"] == "missing" and len(one["loc"]) == 1:
            one["input"] = named
        if size > ECHOED:
            one["input"] = shortened(one["input"])
        if one["loc"] and _is_key(one["loc"][-1]) and isinstance(one["input"], str) and one["input"]:
            one["input"] = MASK  # a key in a place where none belongs
    headers = {FINDINGS_HEADER: f"{len(found)} of {count}"} if len(found) < count else None
    return detail(422, list(map(_as_the_server_words_it, found)), headers=headers)


def _id_of(body: dict[str, Any]) -> str:
    """Make an id such as the service draws at random; here the same for the same request."""
    written = json.dumps(body, sort_keys=True).encode()
    return str(uuid.UUID(bytes=hashlib.sha256(written).digest()[:16], version=4))


def without_keys(refusal: Refusal, keys: Collection[str]) -> Refusal:
    """Mask API keys where a refusal echoes what was sent: those that were presented, and whatever is called one."""
    return Refusal(refusal.status, masked(refusal.body, keys), headers=masked(refusal.headers, keys))


def masked_text(text: str, keys: Collection[str]) -> str:
    """Mask API keys in a text; one too short to be told from any other word only where it is the whole text."""
    for key in keys:
        if len(key) >= MIN_KEY:
            text = without_key(text, key)  # percent-encoded and the like, too
        else:
            text = text.replace(key, MASK) if len(key) >= LONG_ENOUGH else MASK if text == key else text
    return _KEY_IN_TEXT.sub(rf"\1{MASK}", text)


def masked(value: Any, keys: Collection[str]) -> Any:
    """Mask API keys anywhere in a JSON value, and whatever is called one."""
    if isinstance(value, dict):
        return {
            masked_text(str(name), keys): MASK if _is_key(name) and entry else masked(entry, keys)
            for name, entry in value.items()
        }
    if isinstance(value, list):
        return [masked(entry, keys) for entry in value]
    return masked_text(value, keys) if isinstance(value, str) else value


def _is_key(name: Any) -> bool:
    return isinstance(name, str) and name.lower().replace("-", "_") in {"api_key", "apikey"}


def _decode_slowly(body: bytes, *, strict: bool, at: int) -> Any:
    """Decode what the fast parser refused: for the standard parser's message, or because that one is more liberal."""
    try:
        # The service reads what Python does: UTF-16 and UTF-32, too.
        text = body.decode("utf-8-sig") if strict else body.decode(json.detect_encoding(body), "surrogatepass")
        value = json.loads(text, parse_constant=_refuse_constant(text, at) if strict else float)
        if strict:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        finding = _finding("json_invalid", "JSON decode error", {}, error.pos)
        raise detail(422, [{**finding, "ctx": {"error": error.msg}}]) from error
    except (ValueError, RecursionError) as error:
        raise detail(400, _UNPARSABLE) from error
    _refuse_too_deep(value)
    return value


def _refuse_constant(text: str, at: int) -> Callable[[str], NoReturn]:
    def refuse(_: str) -> NoReturn:
        start = at - 1 if text[at - 1 : at] == "-" else at  # of -Infinity the fast parser points at the I
        raise json.JSONDecodeError("Expecting value", text, start)

    return refuse


def _refuse_too_deep(value: Any) -> None:
    """Refuse what no echo could be written of; looked at only where there is something to refuse already."""
    if depth_of(value) > _TOO_DEEP:
        raise detail(400, _UNPARSABLE)


def _finding(kind: str, words: str, value: Any, *location: str | int) -> Finding:
    return {"type": kind, "loc": ["body", *location], "msg": words, "input": value}


def _as_the_server_words_it(error: Any) -> Finding:
    """Bring one of pydantic's errors to what a FastAPI server sends."""
    finding = _finding(error["type"], error["msg"], error["input"], *error["loc"])
    context = dict(error.get("ctx", {}))
    if "error" in context:  # the exception itself, which the server serialises to nothing
        context["error"] = {}
    if "class_name" in context:
        context["class_name"] = _server_names().get(context["class_name"], context["class_name"])
        finding["msg"] = f"Input should be a valid dictionary or instance of {context['class_name']}"
    return {**finding, "ctx": context} if context else finding


def _server_names() -> dict[str, str]:
    # Made anew for each: some parts are imported only by a mock that plays the server's own side.
    parts = [RequestPart]
    for part in parts:
        parts += part.__subclasses__()
    return {part.__name__: part.server_name for part in parts}
