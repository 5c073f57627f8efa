"""Requests with photographs that all differ, as the benchmarks send them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from itertools import count
from typing import Any, Final

import numpy as np
from PIL import Image

__all__ = ["HEADERS", "PATH", "bodies", "photograph"]

PATH: Final = "/sam3/concept_segment?api_key=any"
HEADERS: Final = {"Content-Type": "application/json"}
PROMPTS: Final = [{"type": "text", "text": "person"}, {"type": "text", "text": "dog"}]


def photograph(kilobytes: int) -> bytes:
    """Make a JPEG of about the size asked for, and no larger."""
    side = 400 if kilobytes <= 100 else 1500
    noise = np.random.default_rng(7).integers(0, 256, (side * 3 // 4, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    for quality in range(95, 5, -5):
        file = io.BytesIO()
        Image.fromarray(noise).save(file, "JPEG", quality=quality)
        if file.tell() <= kilobytes * 1024:
            break
    return file.getvalue()


def bodies(content: bytes, **fields: Any) -> Iterator[bytes]:
    """Make bodies of requests whose images all differ, without end."""
    for number in count():
        value = base64.b64encode(content + number.to_bytes(8, "big")).decode("ascii")
        image = {"type": "base64", "value": value}
        yield json.dumps({"image": image, "prompts": PROMPTS, **fields}).encode()
