"""Engines that break the protocol: the answer says which and how, and is no error of the mock's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mock_server.drawing.patches import Patch
from mock_server.engines.plugged_in import held_to_protocol
from mock_server.engines.protocol import Instance, Picture
from mock_server.engines.synthetic import Synthetic
from mock_server.settings import Settings
from tests.mock_server.client import IMAGE, Client, bitmap_of, click


class Giving:
    """Gives what it is told to."""

    reads_pixels = False

    def __init__(self, make: Callable[[Picture], Any]) -> None:
        self.make = make

    def find(self, _: Any, picture: Picture) -> Any:
        return self.make(picture)

    segment = find


def of(make: Callable[[Picture], Any], confidence: Any = 0.9) -> Callable[[Picture], Any]:
    return lambda picture: [Instance(confidence, lambda: make(picture))] * 3


def raising(_: Any) -> Any:
    raise ZeroDivisionError("no such luck")


def all_of(picture: Picture, kind: Any = np.bool_) -> Any:
    return np.ones(picture.size, kind)


WRONG = {
    "raises": (raising, "raised ZeroDivisionError: no such luck"),
    "raises-late": (of(raising), "raised ZeroDivisionError"),
    "raises-while-listing": (lambda picture: (raising(one) for one in [picture]), "raised ZeroDivisionError"),
    "nothing": (lambda _: None, "raised TypeError"),
    "arrays": (lambda picture: [all_of(picture)] * 3, "gave ndarray, expected instances of Instance"),
    "not-a-number": (of(lambda one: Patch(0, 0, all_of(one)), math.nan), "gave a confidence of nan"),
    "percent": (of(lambda one: Patch(0, 0, all_of(one)), 90), "gave a confidence of 90, expected a number in 0..1"),
    "text": (of(lambda one: Patch(0, 0, all_of(one)), "high"), "gave a confidence of 'high'"),
    "no-patch": (of(all_of), "gave a mask of ndarray, expected bool of"),
    "bytes": (of(lambda one: Patch(0, 0, all_of(one, np.uint8))), "gave a mask of uint8 of"),
    "colours": (of(lambda one: Patch(0, 0, np.ones((*one.size, 3), np.bool_))), "gave a mask of bool of"),
    "turned": (of(lambda one: Patch(0, 0, all_of(one).T)), "that is not within the picture of"),
    "outside": (of(lambda one: Patch(-1, 0, all_of(one)[:1])), "that is not within the picture of"),
}


@pytest.mark.parametrize(("make", "said"), WRONG.values(), ids=WRONG)
def test_what_an_engine_does_wrong_is_said(make: Any, said: str) -> None:
    client = Client(engine=Giving(make))
    asked = {
        "visual_segment": {"prompts": [{"points": [click(1, 1)]}]},
        "concept_segment": {"prompts": [{"text": "a"}]},
    }

    for operation, body in asked.items():
        answer = client.post(operation, {"image": IMAGE, "format": "rle", **body})

        assert answer.status_code == 599
        assert answer.get_json()["message"].startswith("Mock Has No Answer: Giving.")
        assert said in answer.get_json()["message"]


def test_objects_are_three_masks_and_numbers_of_numpy_are_numbers() -> None:
    sure = of(lambda picture: Patch(0, 0, all_of(picture)), np.float32(0.5))
    two = Client(engine=Giving(lambda picture: sure(picture)[:2]))
    answer = two.post("visual_segment", {"image": IMAGE, "prompts": [{"points": [click(1, 1)]}]})
    (found, *_) = Client(engine=Giving(sure)).visual([{"points": [click(1, 1)]}])

    assert answer.status_code == 599
    assert "gave 2 instances, expected 3" in answer.get_json()["message"]
    assert found["confidence"] == 0.5


def test_masks_of_the_whole_picture_count_by_what_is_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def small(picture: Picture) -> Patch:
        bitmap = np.zeros(picture.size, np.bool_)
        bitmap[7:11, 9:12] = True
        return Patch(0, 0, bitmap)

    monkeypatch.setattr("mock_server.operations.concept.MOST_HELD", 2**10)
    client = Client(engine=Giving(of(small)))

    (result,) = client.concept([{"text": "a"}], nms_iou_threshold=1.0)

    assert [bitmap_of(one).sum() for one in result["predictions"]] == [12] * 3
    assert np.argwhere(bitmap_of(result["predictions"][0]))[0].tolist() == [7, 9]


def test_mask_without_pixels_is_one_of_an_engine_too() -> None:
    (result,) = Client(engine=Giving(of(lambda picture: Patch(0, 0, ~all_of(picture))))).concept([{"text": "a"}])

    assert [bitmap_of(one).sum() for one in result["predictions"]] == [0] * 3


def test_own_engines_are_taken_as_they_are() -> None:
    engine = Synthetic(Settings().seed)

    assert held_to_protocol(engine) is engine
