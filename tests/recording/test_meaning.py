"""Requests that ask the same have one meaning; images are the same by what they show."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
import pytest

from sam3_contract.recording.meaning import differing, meaning_of
from sam3_contract.recording.pictures import are_alike, blocks_of
from tests.recording.calls import concept, encoded, pixels

CLICK = {"x": 10, "y": 20, "positive": True}


def meaning(body: Any, operation: str = "concept_segment") -> Any:
    return meaning_of(operation, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize(
    "body",
    [
        dict(reversed(concept().items())),
        concept(api_key="k"),
        concept(id="another", source="x", usage_billable=False),
        concept(format="polygon", output_prob_thresh=0.5),
        concept(output_prob_thresh="0.5"),
        concept(image_id=None),
        {**concept(), "prompts": [{"text": "dog"}]},
        json.dumps(concept(), indent=4).encode(),
    ],
)
def test_request_means_the_same_however_it_is_written(body: Any) -> None:
    assert meaning(body) == meaning(concept())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (concept("cat"), ["prompts[0].text is 'cat', recorded was 'dog'"]),
        (concept(format="rle"), ["format is 'rle', recorded was 'polygon'"]),
        (concept(output_prob_thresh=0.4), ["output_prob_thresh is 0.4, recorded was 0.5"]),
        (concept(nms_iou_threshold=0.9), ["nms_iou_threshold is 0.9, recorded was absent"]),
        (concept(image_id="a"), ["image_id is 'a', recorded was absent"]),
    ],
)
def test_request_that_asks_for_something_else_says_where(body: Any, said: list[str]) -> None:
    assert meaning(body) != meaning(concept())
    assert differing(meaning(body), meaning(concept())) == said


def test_visual_prompts_have_one_meaning_in_all_forms_of_the_api() -> None:
    image = {"type": "url", "value": "https://example.com/dog.jpg"}
    one, other = ({"image": image, "prompts": prompts} for prompts in ([{"points": [CLICK]}], {"points": [CLICK]}))

    assert meaning(one, "visual_segment") == meaning(other, "visual_segment")
    assert meaning(one, "visual_segment") != meaning({"image": image}, "visual_segment")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b'"x"', b"[" * 2_000, b'{"prompts": {"a": ' * 300 + b"1" + b"}}" * 300]
)
def test_body_that_is_no_request_has_a_meaning_of_its_own(body: bytes) -> None:
    assert meaning(body) == meaning(body)
    assert meaning(body) != meaning(concept())


def test_image_by_url_is_compared_by_its_url() -> None:
    one, other = ({**concept(), "image": {"type": "url", "value": f"https://e.example/{name}"}} for name in "ab")

    assert meaning(one) == meaning(one)
    assert meaning(one) != meaning(other)


def by_opencv(picture: Any, quality: int) -> bytes:
    ok, content = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok
    return content.tobytes()


@pytest.mark.parametrize("seed", range(4))
def test_same_pixels_are_one_picture_whoever_encodes_them(seed: int) -> None:
    picture = pixels(seed, size=(97, 131))
    files = [
        encoded(picture),
        encoded(picture, "WEBP", lossless=True),
        encoded(picture, "JPEG", quality=75),
        encoded(picture, "JPEG", quality=95, subsampling=0, progressive=True),
        by_opencv(picture, 80),
        by_opencv(picture, 95),
    ]

    shown = [blocks_of(file) for file in files]

    assert all(are_alike(one, other) for one in shown for other in shown)


def moved(picture: Any) -> Any:
    changed = picture.copy()
    changed[40:52, 40:52] = 255 - changed[40:52, 40:52]
    return changed


@pytest.mark.parametrize(
    "change",
    [
        moved,
        lambda one: one[:, ::-1],
        lambda one: one[:-1],
        lambda one: np.clip(one.astype(int) + 12, 0, 255),
        np.rot90,
    ],
    ids=["a patch", "mirrored", "a row less", "brighter", "turned"],
)
def test_another_picture_is_another_one(change: Any) -> None:
    picture = pixels()
    other = np.ascontiguousarray(change(picture)).astype(np.uint8)

    assert not are_alike(blocks_of(encoded(picture)), blocks_of(encoded(other)))


def test_picture_that_exif_turns_is_the_turned_one() -> None:
    picture = pixels()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"

    turned = encoded(picture, "JPEG", quality=95, exif=exif)

    assert are_alike(blocks_of(turned), blocks_of(encoded(np.ascontiguousarray(np.rot90(picture, -1)))))


def test_what_is_no_image_shows_nothing() -> None:
    assert blocks_of(b"no image") is None
    assert not are_alike(None, None)
