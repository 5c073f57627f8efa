"""One recorded call as an entry of an archive: without any key, with its image in a file of its own, and judged."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import harfile
import orjson

from sam3_contract.checks import judge
from sam3_contract.errors import ImageError
from sam3_contract.exchange import Case, Exchange
from sam3_contract.har.cases import sent_in
from sam3_contract.har.entry import Entry, Unusable
from sam3_contract.har.reading import exchange_of
from sam3_contract.har.writing import post_data, response_of
from sam3_contract.images import bytes_from_base64, read_header
from sam3_contract.recording.messages import Answer, Headers, Request
from sam3_contract.redaction import MASK, MIN_KEY, bytes_without_key, without_key
from sam3_contract.spec import Contract

MOST_FINDINGS: Final = 20  # of one answer
_KEY_IN_BYTES: Final = re.compile(rb'"api_key"\s*:\s*"((?:[^"\\]|\\.)*)')
_SECRETS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key"})
_SUFFIXES: Final = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tif"} | {
    "AVIF": "avif",
    "JPEG2000": "jp2",
    "PNM": "ppm",
    "SUN": "ras",
}

Image = tuple[str, bytes]
"""Name and content of an image's file."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call that is to be kept.

    Attributes:
        node: The entry, as JSON.
        image: The file that is to hold its image; ``None`` if the entry holds it, or there is none.
        findings: What the answer breaks, a sentence each.
    """

    node: dict[str, Any] = field(repr=False)
    image: Image | None = field(repr=False)
    findings: tuple[str, ...]


def recorded(
    request: Request, answer: Answer, operation: str, contract: Contract, *, seconds: float, ended: datetime
) -> Recorded:
    """Make the entry of a call.

    Args:
        request: What was sent, with its key.
        answer: What came back.
        operation: The ``operationId``.
        contract: What the answer is held to.
        seconds: How long the answer took.
        ended: When it had come.
    """
    whole = node_of(request, answer, seconds=seconds, ended=ended)
    entry = Entry(Path("recording"), 0, whole)
    secrets = _keys_of(entry, request.body)
    findings = [_without(finding, secrets) for finding in _findings(entry, operation, contract)]
    image = _image_apart(request.body)
    plain = {
        **whole,
        "request": _without(_plain_request(whole["request"], request.body, image, secrets), secrets),
        "response": _without(response_of(_exchange(_plain_answer(answer, secrets))), secrets),
        "_findings": findings,
    }
    return Recorded(plain, image, tuple(findings))


def node_of(request: Request, answer: Answer, *, seconds: float, ended: datetime) -> dict[str, Any]:
    """Write a call as it was, key and all: what is judged, and what the key is looked for in."""
    url = urlsplit(request.url)
    sent = harfile.Request(
        method=request.method,
        url=request.url,
        httpVersion="HTTP/1.1",
        headers=[harfile.Record(name, value) for name, value in request.headers],
        queryString=[harfile.Record(name, value) for name, value in parse_qsl(url.query, keep_blank_values=True)],
        bodySize=len(request.body),
    ).asdict()
    if request.body:
        sent["postData"] = {"mimeType": _media_type(request.headers), **post_data(request.body, is_json=True)}
    return {
        "startedDateTime": (ended - timedelta(seconds=seconds)).isoformat(timespec="milliseconds"),
        "time": seconds * 1000,
        "request": sent,
        "response": response_of(_exchange(answer)),
        "cache": {},
        "timings": harfile.Timings(send=0, wait=seconds * 1000, receive=0).asdict(),
    }


def _exchange(answer: Answer) -> Exchange:
    headers: dict[str, str] = {}
    for name, value in answer.headers:
        headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    return Exchange(Case("", "", "", None), answer.status, headers, answer.body)


def _media_type(headers: Headers) -> str:
    return next((value for name, value in headers if name.lower() == "content-type"), "")


def _findings(entry: Entry, operation: str, contract: Contract) -> Iterator[str]:
    """Judge an answer by itself: checks that compare answers have to wait for ``verify --har``."""
    try:
        exchange = exchange_of(entry, operation, contract)
    except Unusable:
        return
    counted = [
        f"{code} at {breach.at}: {breach.found}, expected {breach.expected}"
        for code, judgement in judge([exchange], contract).items()
        for breach in judgement.breaches
        if not breach.deviation
    ]
    yield from counted[:MOST_FINDINGS]


def _keys_of(entry: Entry, body: bytes) -> list[str]:
    """List the keys of a request that are long enough to be told from words."""
    keys = [key for _, key in sent_in(entry).keys]
    # A body that is no JSON may have been one, such as one that was cut.
    keys += [match[1].decode("utf-8", "replace") for match in _KEY_IN_BYTES.finditer(body)]
    return [key for key in dict.fromkeys(keys) if len(key) >= MIN_KEY]


def _image_apart(body: bytes) -> Image | None:
    """Take the image out of a body, if its file makes the same base64 again."""
    image = _decoded(body).get("image")
    value = image.get("value") if isinstance(image, dict) and image.get("type") == "base64" else None
    if not isinstance(value, str):
        return None
    try:
        content = bytes_from_base64(value)
        suffix = _SUFFIXES[read_header(content).format]
    except (ImageError, KeyError):
        return None
    if base64.b64encode(content).decode("ascii") != value:
        return None
    return f"{hashlib.sha256(content).hexdigest()}.{suffix}", content


def _plain_answer(answer: Answer, secrets: Sequence[str]) -> Answer:
    """Take keys out of the bytes of an answer, before those become base64."""
    headers = tuple((name, MASK if name.lower() in _SECRETS else value) for name, value in answer.headers)
    return Answer(answer.status, headers, _bytes_without(answer.body, secrets), answer.reason)


def _plain_request(sent: dict[str, Any], body: bytes, image: Image | None, secrets: Sequence[str]) -> dict[str, Any]:
    """Take keys out of their places, however short, and the image out of the body."""
    url = urlsplit(sent["url"])
    query = [
        (name, MASK if name == "api_key" and value else value)
        for name, value in parse_qsl(url.query, keep_blank_values=True)
    ]
    plain = {
        **sent,
        "url": urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, urlencode(query, safe="*"), "")),
        "queryString": [{"name": name, "value": value} for name, value in query],
        "headers": [{**one, "value": _plain_header(one["name"], one["value"])} for one in sent["headers"]],
    }
    decoded = _decoded(body)
    if decoded:
        shown = {**decoded, **({"api_key": MASK} if isinstance(decoded.get("api_key"), str) else {})}
        if image is not None:
            shown["image"] = {**shown["image"], "value": ""}
        plain["postData"] = {**sent["postData"], "text": orjson.dumps(_without(shown, secrets)).decode()}
    elif body:
        plain["postData"] = {**sent["postData"], **post_data(_bytes_without(body, secrets))}
    return plain


def _plain_header(name: str, value: str) -> str:
    if name.lower() not in _SECRETS:
        return value
    return f"Bearer {MASK}" if value[:7].lower() == "bearer " else MASK


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
        orjson.dumps(value)  # what is nested deeper than orjson writes stays as it came
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return {}
    return value if isinstance(value, dict) else {}


def _without(value: Any, secrets: Sequence[str]) -> Any:
    """Mask keys in every text of a JSON value."""
    if isinstance(value, str):
        for key in secrets:
            value = without_key(value, key)
        return value
    if isinstance(value, list):
        return [_without(entry, secrets) for entry in value]
    if isinstance(value, dict):
        return {name: _without(entry, secrets) for name, entry in value.items()}
    return value


def _bytes_without(content: bytes, secrets: Sequence[str]) -> bytes:
    for key in secrets:
        content = bytes_without_key(content, key)
    return content
