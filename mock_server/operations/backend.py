"""What an operation works with besides its request: an engine, images, and what is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from mock_server.annotations.library import Library
from mock_server.engines.protocol import Engine
from mock_server.images.by_url import PictureOfUrl, virtual_photograph
from mock_server.operations.caches import Caches, caches_in
from mock_server.store.memory import MemoryStore


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer.

    Attributes:
        body: The bytes to send.
        content_type: Their media type.
        model_id: The model that is said to have answered, for the header ``x-model-id``.
        seconds: What the answer claims to have taken.
        headers: What else the mock tells of it, in headers of its own.
    """

    body: bytes
    content_type: str
    model_id: str
    seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Backend:
    """What the operations of one mock share.

    Attributes:
        engine: Where masks come from.
        caches: What is remembered from one request to the next.
        picture_of_url: Loads the images that requests name by URL.
        library: The images of which it is known what is in them.
    """

    engine: Engine
    caches: Caches = field(default_factory=lambda: caches_in(MemoryStore()))
    picture_of_url: PictureOfUrl = virtual_photograph
    library: Library = field(default_factory=Library)


def json_answer(
    results: dict[str, Any],
    *,
    model_id: str,
    resolved: str,
    microseconds: int,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Write a JSON answer with the fields that all operations share, in the service's order.

    Args:
        results: What the operation found; rings may be arrays.
        model_id: As the client asked for it.
        resolved: The model that answers.
        microseconds: What the answer's ``time`` says; made up, so that the same request gets the same bytes.
        headers: What else the mock tells of it.
    """
    shared: dict[str, Any] = {
        "inference_id": None,
        "frame_id": None,
        "time": microseconds / 1_000_000,
        "resolved_model": {
            "model_id": resolved,
            "model_package_id": "synthetic",
            "backend": "sam3-contract",
            "quantization": None,
        },
    }
    body = orjson.dumps(shared | results, option=orjson.OPT_SERIALIZE_NUMPY)
    return Answer(body, "application/json", model_id, shared["time"], headers or {})
