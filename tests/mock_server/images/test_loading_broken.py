"""Images whose header is sound and whose pixels cannot be decoded are refused, as the service refuses them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mock_server.http.refusals import MALFORMED_IMAGE, Refusal
from mock_server.images import loading
from mock_server.images.loading import picture_from_content
from sam3_contract.images import is_sound

RGB = np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def written(name: str, pixels: Any = RGB, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, name, **options)
    return file.getvalue()


def by_another_frame(marker: int) -> bytes:
    content = written("JPEG")
    place = content.index(b"\xff\xc0")
    return content[: place + 1] + bytes([marker]) + content[place + 2 :]


BROKEN = {
    "PNG with a wrong sum": written("PNG")[:-14] + b"\0\0" + written("PNG")[-12:],
    "TIFF of 32 bit floats": written("TIFF", RGB[..., 0].astype(np.float32)),
    "JPEG of the lossless kind": by_another_frame(0xC3),
    "AVIF without its end": written("AVIF")[:-1],
    "PNM without its end": written("PPM")[:-1],
}


@pytest.mark.parametrize("name", BROKEN)
def test_image_whose_pixels_cannot_be_decoded_is_refused(name: str) -> None:
    with pytest.raises(Refusal) as caught:
        picture_from_content(BROKEN[name], otherwise=MALFORMED_IMAGE)

    assert (caught.value.status, MALFORMED_IMAGE in str(caught.value.body)) == (400, True)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was decoded, or unpacked."""
    seen: list[bytes] = []
    monkeypatch.setattr(loading, "_SOUND", {})
    monkeypatch.setattr(loading, "is_sound", lambda content, header: seen.append(content) or is_sound(content, header))
    return seen


def test_image_is_decoded_once_and_a_common_jpeg_never(looked_at: list[bytes]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    once = [*(written(name) for name in ("PNG", "WEBP", "AVIF", "PPM")), written("JPEG", progressive=True)]

    for content in (*once, *once, written("JPEG"), written("JPEG", exif=exif)):
        picture_from_content(content, otherwise=MALFORMED_IMAGE)

    assert looked_at == once


def test_no_more_digests_are_kept_than_allowed(looked_at: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "MAX_REMEMBERED", 2)

    for shade in range(5):
        picture_from_content(written("PNG", np.full((4, 4, 3), shade, np.uint8)), otherwise=MALFORMED_IMAGE)

    assert len(looked_at) == 5
    assert len(loading._SOUND) <= 2
