"""What is quick enough for the event loop, told from the bytes of a request."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from mock_server.serving.cost import QUICK_PIXELS, Cost, pixels_of
from tests.mock_server.client import png

CONCEPT = {"PATH_INFO": "/sam3/concept_segment"}
DOG = [{"text": "dog"}]


def written(size: tuple[int, int], kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB" if kind != "GIF" else "L", size, 200).save(file, kind, **options)
    return file.getvalue()


def exif() -> Any:
    found = Image.Exif()
    found[0x010E] = "a long description " * 1000
    return found


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"exif": exif(), "comment": b"?" * 30_000}),
        ("GIF", {}),
        ("BMP", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": exif()}),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value) or "plain",
)
def test_pixels_are_told_by_the_first_bytes(kind: str, options: dict[str, Any]) -> None:
    assert pixels_of(written((70, 33), kind, **options)[:60_000]) == 70 * 33


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no image",
        b"\xff\xd8",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF????WEBPVP8X",
        b"\xff\xd8" + b"\xff\xfe\0\2" * 5000,
    ],
)
def test_pixels_of_what_is_cut_or_no_image_are_not_told(content: bytes) -> None:
    assert pixels_of(content) is None


def body(image: Any, **fields: Any) -> bytes:
    sent = {"type": "base64", "value": base64.b64encode(image).decode()} if isinstance(image, bytes) else image
    return json.dumps({"image": sent, "prompts": DOG, **fields}).encode()


SMALL, LARGE = png(64, 48), png(23_170, 23_170)
URL = {"type": "url", "value": "https://example.com/dog.jpg"}


def quick(content: bytes, *, always: bool = False, environ: dict[str, Any] = CONCEPT) -> bool:
    return Cost(lambda _, name: {"large": QUICK_PIXELS * 2}.get(name), always=always).is_quick(environ, content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        body(SMALL),
        body(URL),
        body(written((640, 480), "JPEG")),
        body(written((640, 480), "JPEG", exif=exif())),
        body({"type": "base64", "value": "data:image/png;base64," + base64.b64encode(SMALL).decode()}),
        body(SMALL).replace(b"/", b"\\/"),  # as PHP writes slashes
        body(SMALL, image_id=None),
        body(SMALL, image_id="small"),
        body(SMALL, prompts=DOG * 16),
    ],
)
def test_ordinary_requests_are_quick(content: bytes) -> None:
    assert quick(content)


@pytest.mark.parametrize(
    "content",
    [
        body(LARGE),
        body(SMALL, image_id="large"),
        body(SMALL, prompts=[{"boxes": [{}] * 100}]),
        body(SMALL, prompts=[1] * 2000),
        body(written((1500, 1000), "PNG"), prompts=DOG * 16),
        body(SMALL) + b" " * 1024 * 1024,
        body({"type": "numpy", "value": [[1, 2]]}),
        body(SMALL).replace(b'"value"', b'"valu\\u0065"'),
        body(SMALL)[:-1]
        + b',"image":'
        + json.dumps({"type": "base64", "value": base64.b64encode(LARGE).decode()}).encode()
        + b"}",
        body(SMALL, image_id="x")[:-1] + b',"image_id":"large"}',
        body(b"no image"),
        b"{" * 100,
    ],
)
def test_what_may_be_work_is_not_quick(content: bytes) -> None:
    assert not quick(content)


def test_other_paths_cost_what_they_cost() -> None:
    assert quick(LARGE, environ={"PATH_INFO": "/healthz"})
    assert not quick(b"", environ={"PATH_INFO": "/_mock/requests"})
    assert not quick(body(SMALL), always=True)


def test_progressive_jpeg_weighs_what_its_decoding_does() -> None:
    assert quick(body(written((1_700, 1_600), "JPEG")))
    assert not quick(body(written((1_700, 1_600), "JPEG", progressive=True)))


def test_many_prompts_for_200_masks_each_are_work() -> None:
    prompts = [{"text": "specimen:many"}] * 3

    assert quick(body(SMALL, prompts=prompts[:2]))
    assert not quick(body(SMALL, prompts=prompts))


def test_archive_weighs_what_its_packing_does() -> None:
    photo = written((1_500, 1_500), "JPEG")

    assert quick(body(photo))
    assert not quick(body(photo, format="binary"))


def test_suppression_among_all_that_the_model_looks_at_is_work() -> None:
    thresholds = {"nms_iou_threshold": 0.5, "output_prob_thresh": -1}

    assert quick(body(SMALL, prompts=[{"text": "dog"}] * 4, **thresholds))
    assert not quick(body(SMALL, prompts=[{"text": "dog"}] * 5, **thresholds))
