"""Requests to record, and a stand-in for the service that counts them."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from mock_server import Settings, create_app
from sam3_contract.recording import Request
from tests.servers import serving

KEY = "s3cret/key+of&tests"
HOST = "https://serverless.roboflow.com"


def pixels(seed: int = 0, *, size: tuple[int, int] = (96, 128)) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A picture with soft edges, as photographs have; shape ``(height, width, 3)``."""
    rough = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(rough).resize((size[1], size[0]), Image.Resampling.BICUBIC))


def encoded(picture: Any, format_name: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format_name, **options)
    return file.getvalue()


def concept(text: str = "dog", image: bytes | None = None, **fields: Any) -> dict[str, Any]:
    content = base64.b64encode(image or encoded(pixels())).decode()
    return {"image": {"type": "base64", "value": content}, "prompts": [{"type": "text", "text": text}], **fields}


def request(body: Any = None, *, operation: str = "concept_segment", key: str = KEY, **headers: str) -> Request:
    content = body if isinstance(body, bytes) else json.dumps(concept() if body is None else body).encode()
    given = {"Content-Type": "application/json", **headers}
    return Request("POST", f"{HOST}/sam3/{operation}?api_key={quote(key, safe='')}", tuple(given.items()), content)


class StandIn:
    """The service: a mock that counts what it is asked, and may answer otherwise."""

    def __init__(self, answer: Callable[[int], tuple[int, bytes] | None] = lambda _: None, **headers: str) -> None:
        self._headers = headers.items()
        self.asked = 0
        self._mock = create_app(Settings())
        self._answer = answer
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._lock:
            number, self.asked = self.asked, self.asked + 1
        answer = self._answer(number)
        if answer is None:
            return self._mock(environ, start_response)
        start_response(f"{answer[0]} Made", [("Content-Type", "application/json"), *self._headers])
        return [answer[1]]


@contextmanager
def standing_in(
    answer: Callable[[int], tuple[int, bytes] | None] = lambda _: None, **headers: str
) -> Iterator[tuple[str, StandIn]]:
    service = StandIn(answer, **headers)
    with serving(service) as url:
        yield url, service
