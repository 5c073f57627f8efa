"""From a request to what is kept of it, and back to a request that can be asked again."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Final

import orjson

from sam3_contract.errors import ImageError, SnapshotError
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.images import ImageHeader, bytes_from_base64, read_header
from sam3_contract.snapshots.model import ImageReference, KeptRequest, Snapshot
from sam3_contract.snapshots.reading import Reading, read_exchange, without_key
from sam3_contract.spec import Contract

MAX_BODY_BYTES: Final = 2**20
"""Bytes of a request without its image that a snapshot keeps."""


def snapshot_of(exchange: Exchange, contract: Contract, *, image_name: str = "image") -> Snapshot:
    """Take a snapshot of a request and its answer.

    Args:
        exchange: What was sent and what came back; the case's id becomes the snapshot's name.
        contract: Has the schemas of answers.
        image_name: What to call the image.

    Raises:
        NoAnswerError: If there is no answer to look at.
        SnapshotError: If the answer holds a mask that is none, or the request is too large to be kept.
    """
    reading = read_exchange(exchange, contract)
    refuse_unreadable(reading)
    request = request_from_case(exchange.case, key=exchange.key, image_name=image_name)
    return Snapshot(exchange.case.id, request, reading.status, reading.answer, created_by())


def refuse_unreadable(reading: Reading) -> None:
    """Refuse an answer that does not show what is to be kept.

    Raises:
        SnapshotError: If a mask of it is none, or it is no JSON.
    """
    if not reading.is_whole:
        reason = [*reading.unreadable, *reading.breaches.values()][0]
        raise SnapshotError(f"the answer is not sound, and is not kept: {reason}")


def created_by() -> str:
    """Name the tool and its version."""
    return f"sam3-contract {metadata.version('sam3-contract')}"


def reference_to(content: bytes, *, name: str) -> ImageReference:
    """Describe an image file without its bytes.

    Raises:
        ImageError: If it is no image that the service takes.
    """
    header = read_header(content)
    return ImageReference(name[:200], hashlib.sha256(content).hexdigest(), len(content), header.format, header.size)


def request_from_case(case: Case, *, key: str | None, image_name: str) -> KeptRequest:
    """Keep a request, without the image's bytes and without any key.

    Args:
        case: The request; one whose image is base64 must hold one that can be read.
        key: The API key that was sent; it is masked wherever it shows.
        image_name: What to call the image.

    Raises:
        SnapshotError: If the request is no JSON object, holds no readable image, or is too large.
    """
    if not isinstance(case.body, Mapping):
        raise SnapshotError(f"{case.id}: the body is no JSON object; a snapshot keeps no other")
    body = {name: value for name, value in case.body.items() if name != "api_key"}
    image = None
    content = image_of(body)
    if content is not None:
        try:
            image = reference_to(content, name=image_name)
        except ImageError as error:
            raise SnapshotError(f"{case.id}: {error}") from error
        del body["image"]
    text = orjson.dumps(body)
    if len(text) > MAX_BODY_BYTES:
        raise SnapshotError(f"{case.id}: the request has {len(text)} bytes without its image, limit {MAX_BODY_BYTES}")
    for secret in (key, case.body.get("api_key")):
        text = without_key(text, secret if isinstance(secret, str) else None)
    return KeptRequest(case.operation, orjson.loads(text), image)


def image_of(body: Mapping[str, Any]) -> bytes | None:
    """Decode the image that a request sends as base64; None if it sends none, or a URL.

    Raises:
        SnapshotError: If it is no base64.
    """
    image = body.get("image")
    if not isinstance(image, Mapping) or image.get("type") != "base64":
        return None
    value = image.get("value")
    try:
        return bytes_from_base64(value if isinstance(value, str) else "")
    except ImageError as error:
        raise SnapshotError(f"image.value: {error}") from error


def case_from_request(name: str, request: KeptRequest, *, content: bytes | None) -> Case:
    """Make a request that asks again what was asked.

    Args:
        name: Of the snapshot.
        request: What is kept.
        content: The image file it refers to; None if it refers to none.

    Raises:
        SnapshotError: If the body was not kept.
    """
    if request.body is None:
        raise SnapshotError(f"{name} keeps an answer only, taken in a test: there is no request to ask again")
    body = dict(request.body)
    header: ImageHeader | None = None
    if request.image is not None and content is not None:
        body["image"] = {"type": "base64", "value": base64.b64encode(content).decode("ascii")}
        # An image_id may stand for another image, which the service saw earlier.
        if body.get("image_id") is None:
            header = ImageHeader(request.image.format, request.image.size[1], request.image.size[0])
    return Case(name, request.operation, "asks again what a snapshot keeps", body, image=header)
