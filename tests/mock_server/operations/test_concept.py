"""What concept_segment finds: the same for the same prompt, filtered and suppressed as asked."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from mock_server import Settings
from mock_server.drawing.patches import Patch
from mock_server.engines.protocol import Instance
from mock_server.operations.concept import suppress_overlaps
from tests.mock_server.client import IMAGE, Client, Json, bitmap_of, image

CLIENT = Client()
LARGE = image(200, 160)
NOUNS = [f"noun {number}" for number in range(160)]
TEXTS = st.text(max_size=12) | st.sampled_from(["dog", "yellow school bus", " ", "\x00", "犬", "🐕", "'\"\\"])
PLAIN_PROMPTS = st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS})
BOXES = st.builds(
    lambda x, y, width, height: {"x": x, "y": y, "width": width, "height": height},
    *[st.integers(-8, 60)] * 2,
    *[st.integers(0, 40)] * 2,
)
EXEMPLARS = st.builds(
    lambda pairs: {"type": "visual", "boxes": [box for box, _ in pairs], "box_labels": [label for _, label in pairs]},
    st.lists(st.tuples(BOXES, st.sampled_from([0, 1])), min_size=1, max_size=3),
)
PROMPTS = PLAIN_PROMPTS | EXEMPLARS | st.builds(lambda plain, boxed: plain | boxed, PLAIN_PROMPTS, EXEMPLARS)


def all_found(**fields: Any) -> list[Json]:
    """Everything that the many nouns find, in batches of as many prompts as the service takes."""
    return [
        result
        for start in range(0, len(NOUNS), 16)
        for result in CLIENT.concept([{"text": noun} for noun in NOUNS[start : start + 16]], **fields)
    ]


def predictions_of(results: Iterable[Json]) -> list[Json]:
    return [prediction for result in results for prediction in result["predictions"]]


def is_subset_in_order(part: list[Json], whole: list[Json]) -> bool:
    rest = iter(whole)
    return all(any(entry == other for other in rest) for entry in part)


def ious(first: list[Json], second: list[Json]) -> np.ndarray[Any, Any]:
    """Overlaps of masks, by the reference implementation."""
    rles = [[{**one["masks"], "counts": one["masks"]["counts"].encode()} for one in group] for group in (first, second)]
    return np.array(coco.iou(rles[0], rles[1], [0] * len(second))).reshape(len(first), len(second))


@given(st.lists(PROMPTS, min_size=1, max_size=16))
def test_each_prompt_gets_its_result_in_order_with_an_echo(prompts: list[Json]) -> None:
    results = CLIENT.concept(prompts)

    assert [result["prompt_index"] for result in results] == list(range(len(prompts)))
    for index, (prompt, result) in enumerate(zip(prompts, results, strict=True)):
        boxes = len(prompt.get("boxes", []))
        kind = "visual" if boxes else "text"
        expected = {"prompt_index": index, "type": kind, "text": prompt.get("text"), "num_boxes": boxes}
        assert result["echo"] == expected


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ({"type": "text", "text": "dog", "boxes": [], "box_labels": []}, "text"),
        ({"text": "dog", "boxes": [{"x0": 1, "y0": 1, "x1": 9, "y1": 9}], "box_labels": [1]}, "visual"),
        ({"text": ""}, "text"),
    ],
    ids=["empty list of boxes", "boxes in a text prompt", "empty text"],
)
def test_echo_tells_the_kind_from_the_boxes(prompt: Json, kind: str) -> None:
    assert CLIENT.concept([prompt])[0]["echo"]["type"] == kind


@given(st.lists(PROMPTS, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_result_is_independent_of_the_other_prompts_and_of_their_order(prompts: list[Json], random: Any) -> None:
    alone = [CLIENT.concept([prompt])[0]["predictions"] for prompt in prompts]
    order = random.sample(range(len(prompts)), len(prompts))

    together = CLIENT.concept([prompts[place] for place in order])

    assert [result["predictions"] for result in together] == [alone[place] for place in order]


@given(st.lists(PROMPTS, min_size=1, max_size=4))
def test_result_is_the_same_in_both_formats(prompts: list[Json]) -> None:
    by_runs = predictions_of(CLIENT.concept(prompts))
    by_polygons = predictions_of(CLIENT.concept(prompts, format="polygon"))

    assert [one["confidence"] for one in by_runs] == [one["confidence"] for one in by_polygons]
    assert {one["format"] for one in by_runs} <= {"rle"}
    assert {one["format"] for one in by_polygons} <= {"polygon"}
    for runs, polygons in zip(by_runs, by_polygons, strict=True):
        contours, _ = cv2.findContours(bitmap_of(runs).view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        assert polygons["masks"] == ([contour.reshape(-1, 2).tolist() for contour in contours] or [[]])


def test_result_is_the_same_again_and_with_an_image_id() -> None:
    first = CLIENT.concept([{"text": "dog"}, {"text": "noun 3"}])

    CLIENT.ask("embed_image", {"image": LARGE, "image_id": "taken"})

    assert CLIENT.concept([{"text": "dog"}, {"text": "noun 3"}]) == first
    assert CLIENT.concept([{"text": "dog"}, {"text": "noun 3"}], image_id="taken") == first


@pytest.mark.parametrize(
    ("other", "fields"),
    [
        (CLIENT, {"image": image(64, 48, "another content")}),
        (CLIENT, {"image": image(48, 64)}),
        (Client(Settings(seed=1)), {}),
    ],
    ids=["content", "size", "seed"],
)
def test_result_depends_on_image_and_seed(other: Client, fields: Json) -> None:
    prompts = [{"text": noun} for noun in NOUNS[:16]]

    assert other.concept(prompts, **fields) != CLIENT.concept(prompts)


def test_texts_that_differ_find_different_things() -> None:
    found = [repr(result["predictions"]) for result in all_found() if result["predictions"]]

    assert len(set(found)) == len(found)


def test_texts_are_compared_letter_by_letter() -> None:
    spellings = ["noun 3", " noun 3", "noun 3 ", "Noun 3", "noun  3", "noun 3\x00"]

    found = [repr(result["predictions"]) for result in CLIENT.concept([{"text": text} for text in spellings])]

    assert len(set(found)) == len(spellings)


def test_many_texts_find_none_one_and_several() -> None:
    counts = [len(result["predictions"]) for result in all_found()]

    assert set(counts) == {0, 1, 2, 3, 4, 5, 6}
    assert 5 <= counts.count(0) <= 40


def test_confidences_are_spread_from_0_to_1() -> None:
    confidences = [one["confidence"] for one in predictions_of(all_found())]

    counts, _ = np.histogram(confidences, bins=10, range=(0, 1))
    assert counts.min() >= len(confidences) / 25
    assert all(float(np.float32(confidence)) == confidence for confidence in confidences)


def test_masks_have_holes_and_several_parts_now_and_then() -> None:
    bitmaps = [bitmap_of(one) for one in predictions_of(all_found(image=LARGE))]

    holed = parted = 0
    for bitmap in bitmaps:
        contours, hierarchy = cv2.findContours(bitmap.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        if contours:
            holed += bool((hierarchy[0, :, 3] >= 0).any())
            parted += int((hierarchy[0, :, 3] < 0).sum()) > 1
    assert holed >= len(bitmaps) / 20
    assert parted >= len(bitmaps) / 20


def test_default_threshold_is_one_half() -> None:
    body = {"image": IMAGE, "prompts": [{"text": noun} for noun in NOUNS[:16]], "format": "rle"}

    results = CLIENT.ask("concept_segment", body)["prompt_results"]

    assert results == CLIENT.concept(body["prompts"], output_prob_thresh=0.5)
    assert predictions_of(results) != predictions_of(CLIENT.concept(body["prompts"]))


@pytest.mark.parametrize("where", ["request", "prompt"])
@given(low=st.floats(0, 1), high=st.floats(0, 1), start=st.integers(0, 140))
def test_lower_threshold_only_adds(where: str, low: float, high: float, start: int) -> None:
    low, high = sorted((low, high))
    nouns = [{"text": noun} for noun in NOUNS[start : start + 8]]

    def found(threshold: float) -> list[Json]:
        if where == "request":
            return CLIENT.concept(nouns, output_prob_thresh=threshold)
        return CLIENT.concept([{**noun, "output_prob_thresh": threshold} for noun in nouns])

    for more, fewer, all_there_is in zip(found(low), found(high), CLIENT.concept(nouns), strict=True):
        assert is_subset_in_order(fewer["predictions"], more["predictions"])
        kept = [one for one in all_there_is["predictions"] if one["confidence"] >= high]
        assert fewer["predictions"] == kept


def test_threshold_0_keeps_all_and_1_next_to_nothing() -> None:
    everything = predictions_of(all_found())

    assert len(everything) > 300
    assert min(one["confidence"] for one in everything) < 0.1
    assert len(predictions_of(all_found(output_prob_thresh=1))) < len(everything) / 50


@pytest.mark.parametrize("where", ["request", "prompt"])
def test_threshold_keeps_what_is_exactly_as_confident(where: str) -> None:
    noun = next(result["echo"]["text"] for result in all_found() if len(result["predictions"]) > 2)
    for confidence in [one["confidence"] for one in CLIENT.concept([{"text": noun}])[0]["predictions"]]:
        for threshold, kept in ((confidence, True), (math.nextafter(confidence, 2), False)):
            own = {"output_prob_thresh": threshold}
            fields, prompt = (own, {}) if where == "request" else ({}, own)

            found = CLIENT.concept([{"text": noun, **prompt}], **fields)[0]["predictions"]

            assert (confidence in [one["confidence"] for one in found]) == kept


@pytest.mark.parametrize(("own", "asked", "effective"), [(0, 0.9, 0), (0.9, 0, 0.9), (None, 0.7, 0.7)])
def test_prompt_s_threshold_comes_before_the_request_s(own: float | None, asked: float, effective: float) -> None:
    nouns = NOUNS[:16]

    results = CLIENT.concept([{"text": noun, "output_prob_thresh": own} for noun in nouns], output_prob_thresh=asked)

    assert results == CLIENT.concept([{"text": noun} for noun in nouns], output_prob_thresh=effective)
    assert results != CLIENT.concept([{"text": noun} for noun in nouns], output_prob_thresh=0.8)


def test_prompt_s_threshold_holds_for_that_prompt_alone() -> None:
    """The server filters the last of these at 0.2; the document takes the side of the public page."""
    noun = {"text": NOUNS[1]}

    results = CLIENT.concept(
        [{**noun, "output_prob_thresh": 0.2}, {**noun, "output_prob_thresh": 0.8}, noun], output_prob_thresh=0.5
    )

    expected = [CLIENT.concept([noun], output_prob_thresh=threshold)[0] for threshold in (0.2, 0.8, 0.5)]
    assert [result["predictions"] for result in results] == [result["predictions"] for result in expected]


@given(
    threshold=st.sampled_from([0, 0.05, 0.3, 0.5, 0.9]) | st.floats(0, 0.99),
    prompts=st.lists(st.sampled_from(NOUNS).map(lambda noun: {"text": noun}) | PROMPTS, min_size=1, max_size=12),
)
def test_nms_keeps_exactly_what_overlaps_no_better_one(threshold: float, prompts: list[Json]) -> None:
    before, after = CLIENT.concept(prompts), CLIENT.concept(prompts, nms_iou_threshold=threshold)

    survivors, removed = [], []
    for whole, part in zip(before, after, strict=True):
        assert part["echo"] == whole["echo"]
        assert is_subset_in_order(part["predictions"], whole["predictions"])
        rest = list(part["predictions"])
        for one in whole["predictions"]:
            (survivors if one in rest else removed).append(one)
            if one in rest:
                rest.remove(one)
    overlaps = ious(survivors, survivors)
    assert np.triu(overlaps, k=1).max(initial=0) <= threshold
    for one in removed:
        better = [other for other in survivors if other["confidence"] >= one["confidence"]]
        assert ious([one], better).max(initial=0) > threshold


def test_nms_at_0_leaves_no_two_that_touch_and_removes_some() -> None:
    prompts = [{"text": noun} for noun in NOUNS[:16]]

    before, after = CLIENT.concept(prompts), CLIENT.concept(prompts, nms_iou_threshold=0)

    covered = np.sum([bitmap_of(one) for one in predictions_of(after)], axis=0)
    assert covered.max() == 1
    assert 0 < len(predictions_of(after)) < len(predictions_of(before))


@pytest.mark.parametrize("threshold", [1, 1.0, None], ids=["1", "1.0", "null"])
def test_nms_removes_nothing_at_1_or_unset(threshold: float | None) -> None:
    twice = [{"text": noun} for noun in NOUNS[:8]] * 2

    assert CLIENT.concept(twice, nms_iou_threshold=threshold) == CLIENT.concept(twice)


def test_nms_works_across_prompts_and_the_first_of_equals_stays() -> None:
    twice = [{"text": NOUNS[0]}, {"text": NOUNS[0]}]

    first, second = CLIENT.concept(twice, nms_iou_threshold=0.99)

    assert first["predictions"] == CLIENT.concept(twice[:1], nms_iou_threshold=0.99)[0]["predictions"] != []
    assert second["predictions"] == []


def found(left: int, confidence: float, pixels: Any) -> Instance:
    return Instance(confidence, lambda: Patch(0, left, pixels))


@pytest.mark.parametrize(
    ("confidences", "kept"), [((0.9, 0.2), (1, 0)), ((0.2, 0.9), (0, 1)), ((0.5, 0.5), (1, 0))], ids=str
)
def test_nms_keeps_the_better_of_a_pair(confidences: tuple[float, float], kept: tuple[int, int]) -> None:
    pixels = np.ones((2, 4), np.bool_)
    pair = [found(0, confidences[0], pixels), found(1, confidences[1], pixels)]

    survivors = suppress_overlaps([[pair[0]], [pair[1]]], 0.5)

    assert tuple(map(len, survivors)) == kept


def test_nms_threshold_itself_is_no_overlap_too_much() -> None:
    pixels = np.ones((2, 4), np.bool_)
    pair = [found(0, 0.9, pixels), found(1, 0.8, pixels)]  # 6 of 10 pixels

    assert suppress_overlaps([pair], 0.6) == [pair]
    assert suppress_overlaps([pair], 0.59) == [pair[:1]]


def test_nms_sees_only_what_is_confident_enough() -> None:
    prompts = [{"text": noun} for noun in NOUNS[:16]]
    confident = CLIENT.concept(prompts, output_prob_thresh=0.6)

    suppressed = CLIENT.concept(prompts, output_prob_thresh=0.6, nms_iou_threshold=0.1)

    assert all(one["confidence"] >= 0.6 for one in predictions_of(suppressed))
    assert is_subset_in_order(predictions_of(suppressed), predictions_of(confident))


@given(
    st.tuples(*[st.integers(-40, 120).map(lambda half: half / 2)] * 2),
    st.tuples(*[st.integers(-10, 80).map(lambda half: half / 2)] * 2),
    st.sampled_from([None, "dog"]),
)
def test_both_forms_of_a_box_find_the_same(
    corner: tuple[float, float], extent: tuple[float, float], text: str | None
) -> None:
    (x, y), (width, height) = corner, extent
    top_left = {"x": x, "y": y, "width": width, "height": height}
    corners = {"x0": x, "y0": y, "x1": x + width, "y1": y + height}

    found = [CLIENT.concept([{"text": text, "boxes": [box], "box_labels": [1]}]) for box in (top_left, corners)]

    assert found[0] == found[1]


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 28), st.integers(6, 20), st.integers(6, 20)),
        min_size=1,
        max_size=5,
    )
)
def test_instance_overlaps_each_positive_box(boxes: list[tuple[int, int, int, int]]) -> None:
    asked = [{"x": x, "y": y, "width": width, "height": height} for x, y, width, height in boxes]

    (result,) = CLIENT.concept([{"boxes": asked, "box_labels": [1] * len(asked)}], output_prob_thresh=0.9)

    bitmaps = [bitmap_of(one) for one in result["predictions"]]
    for x, y, width, height in boxes:
        assert any(bitmap[y : y + height, x : x + width].any() for bitmap in bitmaps)


@given(prompt=PROMPTS, box=BOXES, text=st.sampled_from(NOUNS))
def test_nothing_touches_a_negative_box(prompt: Json, box: Json, text: str) -> None:
    boxes, labels = [*prompt.get("boxes", []), box], [*prompt.get("box_labels", []), 0]
    asked = {"text": text, "boxes": boxes, "box_labels": labels}
    everything = CLIENT.concept([{**asked, "box_labels": [1] * len(labels)}])[0]["predictions"]

    found = CLIENT.concept([asked])[0]["predictions"]

    for one in found:
        bitmap = bitmap_of(one)
        for entry, label in zip(boxes, labels, strict=True):
            rows = slice(max(entry["y"], 0), max(entry["y"] + entry["height"], 0))
            columns = slice(max(entry["x"], 0), max(entry["x"] + entry["width"], 0))
            assert label or not bitmap[rows, columns].any()
    assert is_subset_in_order(found, everything)


def test_negative_box_over_all_leaves_nothing_but_empty_masks() -> None:
    whole = {"x": 0, "y": 0, "width": 64, "height": 48}

    results = CLIENT.concept([{"text": noun, "boxes": [whole], "box_labels": [0]} for noun in NOUNS[:16]])

    assert not any(bitmap_of(one).any() for one in predictions_of(results))


def test_negative_box_beside_all_takes_nothing_away() -> None:
    beside = {"x": 64, "y": 0, "width": 64, "height": 48}

    results = CLIENT.concept([{"text": noun, "boxes": [beside], "box_labels": [0]} for noun in NOUNS[:16]])

    found = CLIENT.concept([{"text": noun} for noun in NOUNS[:16]])
    assert [result["predictions"] for result in results] == [result["predictions"] for result in found]


@pytest.mark.parametrize("text", NOUNS[:6])
def test_text_and_boxes_find_what_each_finds(text: str) -> None:
    boxes = {"boxes": [{"x": 4, "y": 4, "width": 20, "height": 20}], "box_labels": [1]}

    both, of_text, of_boxes = CLIENT.concept([{"text": text, **boxes}, {"text": text}, boxes])

    assert both["predictions"] == of_text["predictions"] + of_boxes["predictions"]
    assert of_boxes["predictions"] != []


@pytest.mark.parametrize("model_id", ["sam3", "sam3/sam3_final", "my-project/3"])
def test_known_model_answers_under_the_name_it_was_asked_by(model_id: str) -> None:
    answer = CLIENT.post("concept_segment", {"image": IMAGE, "prompts": [{"text": "dog"}], "model_id": model_id})

    assert answer.status_code == 200
    assert answer.headers["x-model-id"] == model_id
    assert answer.get_json()["resolved_model"]["model_id"] == "sam3/sam3_final"


NOT_FOUND = (
    "Requested Roboflow resource not found. Make sure that workspace, project or model you referred in request exists."
)


@pytest.mark.parametrize(
    ("model_id", "status", "said"),
    [
        ("sam3/sam3_final/1", 400, "Invalid Model ID sent in request."),
        ("//", 400, "Invalid Model ID sent in request."),
        ("sam3/other", 404, NOT_FOUND),
        ("sam3/sam3_interactive", 404, NOT_FOUND),
        ("sam2", 404, NOT_FOUND),
        ("my-project", 404, NOT_FOUND),
        ("my-project/", 404, NOT_FOUND),
        ("/3", 404, NOT_FOUND),
        ("SAM3", 404, NOT_FOUND),
    ],
)
def test_other_model_is_refused_before_the_image_is_read(model_id: str, status: int, said: str) -> None:
    body = {"image": {"type": "base64", "value": "!!"}, "prompts": [{"text": "dog"}], "model_id": model_id}

    answer = CLIENT.post("concept_segment", body)

    assert (answer.status_code, answer.get_json()) == (status, {"message": said})


def test_invalid_body_is_refused_before_the_model() -> None:
    answer = CLIENT.post("concept_segment", {"image": IMAGE, "prompts": [], "model_id": "a/b/c"})

    assert answer.status_code == 422


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 300), (300, 1), (2, 2), (7, 5), (20_000, 3)])
def test_image_of_any_shape_gets_masks_of_its_size(width: int, height: int) -> None:
    results = CLIENT.concept([{"text": noun} for noun in NOUNS[:8]], image=image(width, height))

    sizes = {tuple(one["masks"]["size"]) for one in predictions_of(results)}
    assert sizes == {(height, width)}


@pytest.mark.parametrize("far", [1e30, -1e30, 1.7e308, 5e-324])
def test_box_of_any_numbers_is_answered(far: float) -> None:
    boxes = [
        {"x": far, "y": far, "width": far, "height": far},
        {"x0": -far, "y0": 0, "x1": far, "y1": 9},
        {"x": 5, "y": 5, "width": -far, "height": 3},
    ]

    results = CLIENT.concept([{"text": None, "boxes": boxes, "box_labels": [1, 1, 1]}])

    assert len(predictions_of(results)) >= 3


def test_most_exemplars_and_prompts_are_answered() -> None:
    boxes = [{"x": place % 60, "y": place % 40, "width": 9, "height": 9} for place in range(100)]
    prompts = [{"text": "dog", "boxes": boxes, "box_labels": [1] * 100}] * 16

    assert len(CLIENT.concept(prompts, output_prob_thresh=0.99)) == 16


def test_time_is_no_clock_s() -> None:
    body = {"image": IMAGE, "prompts": [{"text": "dog"}]}

    answers = [CLIENT.post("concept_segment", body).get_data() for _ in range(2)]

    assert answers[0] == answers[1]
