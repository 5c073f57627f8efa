"""Every specimen shows what it says it shows, on images of any size."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from mock_server import create_app
from mock_server.engines.specimens import PREFIX, SPECIMENS, specimen_of
from sam3_contract.masks import find_defects

# pycocotools 2.0 hands numpy 2 its arrays in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CLIENT = create_app().test_client()


def ask(text: str, *, size: tuple[int, int] = (60, 90), **options: Any) -> Any:
    file = io.BytesIO()
    Image.new("RGB", (size[1], size[0])).save(file, "PNG")
    image = {"type": "base64", "value": base64.b64encode(file.getvalue()).decode()}
    body = {"image": image, "prompts": [{"text": text}], "output_prob_thresh": 0, **options}
    return CLIENT.post("/sam3/concept_segment?api_key=any", json=body)


def predictions(name: str, **options: Any) -> list[dict[str, Any]]:
    result = ask(PREFIX + name, **options).get_json()["prompt_results"][0]
    assert result["echo"]["text"] == PREFIX + name
    return list(result["predictions"])


def bitmaps(name: str, **options: Any) -> list[Any]:
    return [coco.decode(one["masks"]).astype(bool) for one in predictions(name, format="rle", **options)]


@pytest.mark.parametrize("name", SPECIMENS)
@pytest.mark.parametrize("size", [(60, 90), (1, 1), (1, 40), (40, 1), (3, 2)], ids=str)
def test_specimen_is_sound_on_any_image(name: str, size: tuple[int, int]) -> None:
    for form in ("polygon", "rle"):
        for one in predictions(name, size=size, format=form):
            found = find_defects(one["masks"], declared_format=form, image_size=size)
            assert [finding for finding in found if finding.severity == "error"] == []


def test_hole_has_a_hole_that_polygons_lose() -> None:
    [mask] = bitmaps("hole")
    [polygon] = predictions("hole")

    assert not mask[30, 45]
    assert mask[30, 45 - 15]
    assert len(polygon["masks"]) == 1


def test_nested_loses_its_island_as_polygon() -> None:
    whole, island = bitmaps("nested")

    assert (whole & island).sum() == island.sum()
    assert len(predictions("nested")[0]["masks"]) == 1


def test_parts_are_six() -> None:
    assert len(predictions("parts")[0]["masks"]) == 6


def test_many_are_two_hundred_apart_from_each_other() -> None:
    masks = bitmaps("many", size=(400, 800))

    assert len(masks) == 200
    assert np.sum(masks, axis=0).max() == 1


def test_tiny_has_one_pixel_each_and_thin_has_lines() -> None:
    assert [int(mask.sum()) for mask in bitmaps("tiny")] == [1, 1, 1]
    assert [int(mask.sum()) for mask in bitmaps("thin")] == [90, 60, 60]


def test_touching_share_the_frame_without_overlap() -> None:
    assert np.sum(bitmaps("touching"), axis=0).tolist() == np.ones((60, 90), int).tolist()


def test_full_frame_is_every_pixel_empty_is_none_nothing_is_no_prediction() -> None:
    assert bitmaps("full-frame")[0].all()
    assert predictions("empty")[0]["masks"] == [[]]
    assert predictions("nothing") == []


def test_overlapping_lose_the_less_confident_one_to_nms() -> None:
    assert len(predictions("overlapping")) == 2
    assert [one["confidence"] for one in predictions("overlapping", nms_iou_threshold=0.1)] == [0.949999988079071]


@pytest.mark.parametrize(("threshold", "count"), [(0, 9), (0.25, 7), (0.5, 5), (0.75, 3), (1, 1)])
def test_confidences_tell_where_a_threshold_cuts(threshold: float, count: int) -> None:
    assert len(predictions("confidences", output_prob_thresh=threshold)) == count


def test_unicode_is_echoed() -> None:
    assert predictions("unicode 猫 🐈")


def test_unknown_specimen_is_no_answer_and_names_the_known_ones() -> None:
    answer = ask("specimen:hol")

    assert answer.status_code == 599
    assert "no specimen named 'hol'; there are hole, nested" in answer.get_json()["message"]


def test_specimens_of_huge_images_are_no_answer() -> None:
    assert specimen_of("a dog", (30_000, 30_000)) is None
    assert specimen_of("specimen:nothing", (8192, 8192)) == []
    with pytest.raises(Exception, match="specimens of images over"):
        specimen_of("specimen:nothing", (8192, 8193))


def test_specimens_are_listed_by_the_server() -> None:
    listed = CLIENT.get("/").get_json()["specimens"]

    assert list(listed) == [PREFIX + name for name in SPECIMENS]
