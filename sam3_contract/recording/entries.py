"""One recorded call as an entry of an archive: without any key, with its image in a file of its own, and judged."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import harfile

from sam3_contract.checks import judge
from sam3_contract.errors import ImageError
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.har.entry import Entry, Unusable
from sam3_contract.har.reading import exchange_of
from sam3_contract.har.writing import post_data, response_of
from sam3_contract.images import bytes_from_base64, read_header
from sam3_contract.recording.messages import Answer, Headers, Request
from sam3_contract.recording.secrets import Secrets, loaded, secrets_of, without_image
from sam3_contract.spec import Contract

MOST_FINDINGS: Final = 20  # of one answer
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
    secrets, decoded = secrets_of(request), loaded(request.body)
    image = _image_apart(decoded)
    body = _plain_body(request.body, decoded, secrets)
    plain = Request(request.method, secrets.url(request.url), secrets.headers(request.headers), body)
    node = node_of(plain, secrets.answer(answer), seconds=seconds, ended=ended)
    findings = tuple(_findings(Entry(Path("recording"), 0, node), operation, contract))
    if image is not None:
        shown = {**decoded, "image": {**decoded["image"], "value": ""}}
        node["request"]["postData"]["text"] = _as_text(secrets.json(shown))
    node["request"]["bodySize"] = len(request.body)
    return Recorded({**node, "_findings": list(findings)}, image, findings)


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


def _image_apart(body: Any) -> Image | None:
    """Take the image out of a body, if its file makes the same base64 again."""
    image = body.get("image") if isinstance(body, dict) else None
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


def _plain_body(body: bytes, decoded: Any, secrets: Secrets) -> bytes:
    """Take secrets out of a body, however short in their places; not out of an image, whose characters are chance."""
    if decoded is None:
        return secrets.content(body)
    apart = without_image(decoded)
    plain = secrets.json(apart)
    if apart is not decoded:
        plain["image"]["value"] = decoded["image"]["value"]
    return _as_text(plain).encode()


def _as_text(value: Any) -> str:
    """Write what Python reads as JSON: orjson has no NaN, no halves of surrogate pairs, and no integers of 65 bits."""
    return json.dumps(value, separators=(",", ":"))
