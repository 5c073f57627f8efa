"""How much one request may have drawn and written."""

from __future__ import annotations

from typing import Any

import pytest

from mock_server import Settings
from mock_server.operations import bounds
from tests.mock_server.client import Client, Json, center_box, image

LARGE = image(8192, 8192)
WHOLE = center_box(4096, 4096, 8192, 8192)
BOX = {"x": 0, "y": 0, "width": 4000, "height": 4000}


@pytest.fixture(params=["documented", "observed"])
def client(request: pytest.FixtureRequest) -> Client:
    return Client(Settings(profile=request.param))


def said(client: Client, operation: str, body: Json) -> Any:
    answer = client.post(operation, body)
    return answer.status_code, answer.get_json().get("message")


def test_masks_of_too_many_pixels_have_no_answer(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_DRAWN", 2**25)
    body: Json = {"image": LARGE, "multimask_output": False, "format": "rle"}

    few = client.post("visual_segment", {**body, "prompts": [{"box": WHOLE}]})
    many = said(client, "visual_segment", {**body, "prompts": [{"box": WHOLE}] * 4})

    assert few.status_code == 200
    assert many == (599, f"Mock Has No Answer: masks of more than {2**25} pixels in all")


def test_masks_that_take_too_much_room_to_write_have_no_answer(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_WRITTEN", 10_000)
    body: Json = {"image": image(640, 480)}

    for format_name in ("rle", "polygon"):
        few = client.post("concept_segment", {**body, "format": format_name, "prompts": [{"text": "specimen:hole"}]})
        many = said(
            client, "concept_segment", {**body, "format": format_name, "prompts": [{"text": "specimen:many"}] * 16}
        )
        assert few.status_code == 200
        assert many == (599, "Mock Has No Answer: masks that take more than 10000 bytes to write")


def test_masks_that_are_compared_are_held_within_bounds(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mock_server.operations.concept.MOST_HELD", 2**20)
    exemplars = {"boxes": [BOX] * 8, "box_labels": [1] * 8}
    body: Json = {"image": LARGE, "prompts": [exemplars] * 2, "output_prob_thresh": 0.01, "format": "rle"}

    alone = client.post("concept_segment", body)
    compared = said(client, "concept_segment", {**body, "nms_iou_threshold": 1.0})

    assert alone.status_code == 200
    assert compared == (599, f"Mock Has No Answer: masks of more than {2**20} pixels in all")


def test_mask_is_the_same_when_it_is_drawn_again() -> None:
    """What is let go of is drawn anew: behind negative exemplars, and with or without suppression."""
    client = Client()
    boxes = {"boxes": [BOX, {"x": 8000, "y": 8000, "width": 5, "height": 5}], "box_labels": [1, 0], "text": "dog"}

    (once,) = client.concept([boxes], image=LARGE)
    (again,) = client.concept([boxes], image=LARGE, nms_iou_threshold=1.0)
    (without,) = client.concept([{"boxes": [BOX], "box_labels": [1], "text": "dog"}], image=LARGE)

    assert once["predictions"] == again["predictions"]
    assert [one for one in without["predictions"] if one in once["predictions"]] == once["predictions"]
