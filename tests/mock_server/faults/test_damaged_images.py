"""Faults of images meet damaged ones: what the mock refuses is refused, what Pillow cannot read is no accident."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from mock_server import Settings, create_app
from mock_server.faults.chapters.pictures.encodings import ENCODINGS
from mock_server.faults.chapters.pictures.images import IMAGES
from tests.mock_server.client import KEY

NOISE = np.random.default_rng(1).integers(0, 2**16, (30, 40)).astype(np.uint16)


def written(name: str, picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, name, **options)
    return file.getvalue()


def damaged(content: bytes) -> bytes:
    return content[: len(content) // 2] + b"damage" + content[len(content) // 2 + 6 :]


def with_text(length: int) -> bytes:
    """Write a PNG with more text in it than Pillow unpacks."""
    info = PngImagePlugin.PngInfo()
    info.add_text("words", "a" * length, zip=True)
    return written("PNG", Image.new("RGB", (40, 30)), pnginfo=info)


PHOTO = Image.fromarray((NOISE >> 8).astype(np.uint8))
REFUSED = {
    "PNG of 16 bits": damaged(written("PNG", Image.fromarray(NOISE))),
    "PNG of grey": damaged(written("PNG", PHOTO)),
    "PNG of a palette": damaged(written("PNG", PHOTO.convert("P"))),
    "WebP": written("WEBP", PHOTO.convert("RGBA"), lossless=True)[:-40],
}
TAKEN = {"PNG of much text": with_text(2**21)}
APP = create_app(Settings(api_keys=frozenset({KEY})))
# The one answers 500 on purpose, the other takes what is damaged.
OTHERWISE = {"small_images_answered_500", "unloadable_image_accepted"}
FAULTS = [fault.name for fault in [*ENCODINGS.faults, *IMAGES.faults] if fault.name not in OTHERWISE]


def status_of(content: bytes, fault: str) -> int:
    image = {"type": "base64", "value": base64.b64encode(content).decode()}
    headers = {"Authorization": f"Bearer {KEY}", **({"X-Mock-Fault": fault} if fault else {})}
    body = {"image": image, "prompts": [{"text": "dog"}]}
    return APP.test_client().post("/sam3/concept_segment", json=body, headers=headers).status_code


@pytest.mark.parametrize("name", [*REFUSED, *TAKEN])
@pytest.mark.parametrize("fault", ["", *FAULTS])
def test_fault_of_images_leaves_a_damaged_one_to_the_mock(fault: str, name: str) -> None:
    assert status_of((REFUSED | TAKEN)[name], fault) in ({400} if name in REFUSED else {200, 400})
