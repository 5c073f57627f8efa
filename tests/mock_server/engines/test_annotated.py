"""The drawn scenes, and any annotated image, are answered with what is in them, however they are asked about."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from mock_server import Settings
from mock_server.annotations.annotated_image import AnnotatedImage, Category, annotation_from_runs
from mock_server.annotations.known_images import known_scenes
from mock_server.drawing.run_lengths import runs_from_bitmap
from mock_server.engines.annotated import Annotated
from mock_server.engines.specimens import PREFIX, SPECIMENS
from mock_server.images.loading import Picture
from mock_server.operations.visual import target_of
from sam3_contract import masks, wire
from sam3_contract.images.scenes import (
    Scene,
    Thing,
    built_in_scenes,
    derived_scenes,
    filled,
    further_scenes,
    grey,
    mirrored,
    stencil,
)
from tests.mock_server.annotated_set import as_image
from tests.mock_server.client import Bitmap, Client, Json, bitmap_of, bitmaps_of, click, image

# pycocotools 2.0 hands numpy 2 its arrays in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHAPES, AWKWARD = built_in_scenes()
EVERY = built_in_scenes() + derived_scenes() + further_scenes()
NAMES = {scene.name: scene for scene in EVERY}
KNOWN = {known.image.name: known.image for known in known_scenes()}
PROFILES = ("documented", "observed")
CLIENTS = {profile: Client(Settings(profile=profile)) for profile in PROFILES}  # type: ignore[arg-type]
CLIENT = CLIENTS["documented"]
SQUARES = SHAPES.things_of("blue square")
(CIRCLE,), (TRIANGLE,) = SHAPES.things_of("red circle"), SHAPES.things_of("green triangle")
RING_DRAWN, MARK, DOT, *_ = AWKWARD.things


def of_text(text: str | None, scene: Scene = SHAPES, *, client: Client = CLIENT, **fields: Any) -> list[Json]:
    prompt = {"text": text} | {key: fields.pop(key) for key in ("boxes", "box_labels") if key in fields}
    (result,) = client.concept([prompt], image=as_image(scene.content), **{"output_prob_thresh": 0.5, **fields})
    return list(result["predictions"])


def of_clicks(scene: Scene, *points: Json, client: Client = CLIENT, **fields: Any) -> list[Bitmap]:
    return bitmaps_of(client.visual([{"points": list(points)}], image=as_image(scene.content), **fields))


def on(thing: Thing, *, positive: bool = True) -> Json:
    return click(*thing.click, positive=positive)


def same(found: list[Bitmap], expected: list[Bitmap]) -> bool:
    return len(found) == len(expected) and all(map(np.array_equal, found, expected))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("scene", EVERY, ids=lambda scene: scene.name)
def test_text_finds_the_very_pixels_of_every_category(scene: Scene, profile: str) -> None:
    prompts = [{"text": category} for category in scene.categories]

    results = CLIENTS[profile].concept(prompts, image=as_image(scene.content), output_prob_thresh=0.5)

    for category, result in zip(scene.categories, results, strict=True):
        decoded = [coco.decode(one["masks"]).astype(bool) for one in result["predictions"]]
        assert same(decoded, [thing.bitmap for thing in scene.things_of(category)])


@pytest.mark.parametrize("scene", EVERY, ids=lambda scene: scene.name)
def test_polygons_are_the_filled_outer_contours(scene: Scene) -> None:
    for category in scene.categories:
        found = of_text(category, scene, format="polygon")
        for one, thing in zip(found, scene.things_of(category), strict=True):
            outlines, _ = cv2.findContours(thing.bitmap.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
            with_holes, _ = cv2.findContours(thing.bitmap.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
            expected, drawn = (np.zeros(scene.size, np.uint8) for _ in range(2))
            cv2.drawContours(expected, outlines, -1, 1, cv2.FILLED)
            cv2.drawContours(drawn, [np.array(ring)[:, None] for ring in one["masks"]], -1, 1, cv2.FILLED)
            assert len(one["masks"]) == len(outlines)
            assert np.array_equal(drawn, expected)
            assert (drawn.sum() > thing.bitmap.sum()) == (len(with_holes) > len(outlines))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("blue square", 2),
        ("Blue Squares", 2),
        ("the blue-square", 2),
        ("  a  SQUARE ", 2),
        ("circle", 1),
        ("red discs", 1),
        ("rectangle", 0),
        ("dog", 0),
        ("blue", 0),
        ("", 0),
        ("   ", 0),
        ("犬", 0),
        ("the", 0),
        ("square " * 2000, 0),
    ],
)
def test_text_matches_names_and_synonyms_and_nothing_else(text: str, count: int) -> None:
    assert len(of_text(text)) == count


def test_prompts_are_answered_in_order_and_confidences_are_high_and_ranked() -> None:
    prompts = [{"text": text} for text in ("green triangle", "dog", "blue square", "red circle")]

    results = CLIENT.concept(prompts, image=as_image(SHAPES.content))

    assert [result["echo"]["text"] for result in results] == [prompt["text"] for prompt in prompts]
    assert [len(result["predictions"]) for result in results] == [1, 0, 2, 1]
    sure = {one["confidence"]: bitmap_of(one).sum() for result in results for one in result["predictions"]}
    assert len(sure) == 4
    assert all(0.85 <= confidence <= 0.991 for confidence in sure)
    assert [area for _, area in sorted(sure.items())] == sorted(sure.values())


@pytest.mark.parametrize("profile", PROFILES)
def test_thresholds_and_nms_hold_for_annotations_too(profile: str) -> None:
    client = CLIENTS[profile]
    confidences = sorted(one["confidence"] for one in of_text("square", client=client))

    between = sum(confidences) / 2
    assert [one["confidence"] for one in of_text("square", client=client, output_prob_thresh=between)] == [
        confidences[1]
    ]
    twice = [{"text": "square"}, {"text": "blue square"}]
    results = client.concept(twice, image=as_image(SHAPES.content), nms_iou_threshold=0.5, output_prob_thresh=0.5)
    assert [len(result["predictions"]) for result in results] == [2, 0]


def test_positive_box_finds_the_category_of_what_it_fits() -> None:
    fits = of_text(None, boxes=[SQUARES[1].top_left_box], box_labels=[1])
    corner = SQUARES[1].top_left_box
    edges = {"x0": corner["x"], "y0": corner["y"], "x1": corner["x"] + corner["width"]}
    fits_too = of_text(None, boxes=[edges | {"y1": corner["y"] + corner["height"]}], box_labels=[1])

    assert same(bitmaps_of(fits), [square.bitmap for square in SQUARES])
    assert fits_too == fits == of_text("square", boxes=[SQUARES[0].top_left_box], box_labels=[1])


def test_boxes_add_up_with_each_other_and_with_the_text() -> None:
    boxes = [SQUARES[0].top_left_box, CIRCLE.top_left_box]

    both = of_text(None, boxes=boxes, box_labels=[1, 1])
    with_text = of_text("green triangle", boxes=boxes, box_labels=[1, 1])

    assert same(bitmaps_of(both), [CIRCLE.bitmap, *(square.bitmap for square in SQUARES)])
    assert same(bitmaps_of(with_text), [thing.bitmap for thing in SHAPES.things])


def test_negative_box_leaves_out_what_is_there() -> None:
    boxes = [SQUARES[0].top_left_box, SQUARES[1].top_left_box]

    assert same(bitmaps_of(of_text("square", boxes=boxes, box_labels=[0, 0])), [])
    assert same(bitmaps_of(of_text(None, boxes=boxes, box_labels=[1, 0])), [SQUARES[0].bitmap])
    assert same(bitmaps_of(of_text("square", boxes=boxes[:1], box_labels=[0])), [SQUARES[1].bitmap])


@pytest.mark.parametrize(
    "box",
    [
        {"x": 2, "y": 2, "width": 20, "height": 20},
        {"x": -900, "y": 5, "width": 10, "height": 10},
        {"x0": 1e308, "y0": 1e308, "x1": -1e308, "y1": 1e308},
        {"x": 55, "y": 61, "width": 14, "height": 14},
    ],
    ids=["background", "outside", "absurd", "in the hole of the ring"],
)
def test_box_around_nothing_finds_nothing(box: Json) -> None:
    assert of_text(None, AWKWARD, boxes=[box], box_labels=[1]) == []


def test_box_without_area_finds_what_it_lies_on() -> None:
    x, y = CIRCLE.click

    found = of_text(None, boxes=[{"x": x + 0.5, "y": y + 0.5, "width": 0, "height": 0}], box_labels=[1])

    assert same(bitmaps_of(found), [CIRCLE.bitmap])


@pytest.mark.parametrize("name", SPECIMENS)
def test_specimens_are_there_on_known_images_too(name: str) -> None:
    known = of_text(PREFIX + name)
    plain = image(SHAPES.size[1], SHAPES.size[0])
    (unknown,) = CLIENT.concept([{"text": PREFIX + name}], image=plain, output_prob_thresh=0.5)

    assert known == unknown["predictions"]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("scene", EVERY, ids=lambda scene: scene.name)
def test_click_and_box_pick_the_very_pixels_of_every_thing(scene: Scene, profile: str) -> None:
    prompts: list[Json] = [{"points": [on(thing)]} for thing in scene.things]
    boxes = [{"box": thing.center_box} for thing in scene.things]
    fields: Json = {"image": as_image(scene.content), "multimask_output": False}

    for asked in (prompts, boxes, [one | other for one, other in zip(prompts, boxes, strict=True)]):
        found = bitmaps_of(CLIENTS[profile].visual(asked, **fields))
        assert same(found, [thing.bitmap for thing in scene.things])


@pytest.mark.parametrize("scene", EVERY, ids=lambda scene: scene.name)
def test_three_masks_are_the_thing_and_parts_that_hold_the_click(scene: Scene) -> None:
    for thing in scene.things:
        x, y = thing.click
        predictions = CLIENT.visual([{"points": [on(thing)]}], image=as_image(scene.content))
        confidences = [one["confidence"] for one in predictions]
        whole, part, subpart = bitmaps_of(predictions)

        assert np.array_equal(whole, thing.bitmap)
        assert not ((part & ~whole) | (subpart & ~part)).any()
        assert subpart[y, x]
        assert confidences == sorted(confidences, reverse=True)


def test_formats_agree_on_annotated_things() -> None:
    prompts, shown = [{"points": [on(thing)]} for thing in AWKWARD.things], as_image(AWKWARD.content)

    by_runs, by_polygons = CLIENT.visual(prompts, image=shown), CLIENT.visual(prompts, image=shown, format="json")
    arrays = CLIENT.arrays(prompts, image=shown)

    assert arrays["low_res_masks"].shape == (24, 256, 256)
    for runs, polygons, logits in zip(by_runs, by_polygons, arrays["masks"], strict=True):
        assert np.array_equal(bitmap_of(runs), logits >= 0)
        assert polygons["masks"] == masks.polygons_from_bitmap(logits >= 0)
        assert polygons["confidence"] == runs["confidence"]


def test_parts_are_smaller_unless_the_thing_is_tiny() -> None:
    areas = [int(bitmap.sum()) for bitmap in of_clicks(SHAPES, on(CIRCLE))]

    assert areas[0] > areas[1] > areas[2] > 0


def test_clicks_on_several_things_join_them() -> None:
    whole, *_ = of_clicks(SHAPES, on(SQUARES[0]), on(CIRCLE))

    assert np.array_equal(whole, SQUARES[0].bitmap | CIRCLE.bitmap)


def test_negative_click_takes_away_what_is_under_it() -> None:
    box = {"x": 160, "y": 104, "width": 320, "height": 208}
    around = CLIENT.visual([{"box": box}], image=as_image(SHAPES.content), multimask_output=False)
    whole, *_ = of_clicks(SHAPES, on(SQUARES[0]), on(CIRCLE, positive=False))

    assert same(bitmaps_of(around), [CIRCLE.bitmap])
    assert np.array_equal(whole, SQUARES[0].bitmap)


def test_contradicting_clicks_cut_a_piece_out_and_cost_confidence() -> None:
    beside = click(CIRCLE.click[0] + 30, CIRCLE.click[1], positive=False)
    alone = CLIENT.visual([{"points": [on(CIRCLE)]}], image=as_image(SHAPES.content))
    both = CLIENT.visual([{"points": [on(CIRCLE), beside]}], image=as_image(SHAPES.content))
    elsewhere = CLIENT.visual([{"points": [on(CIRCLE), on(TRIANGLE, positive=False)]}], image=as_image(SHAPES.content))

    cut = CIRCLE.bitmap & ~bitmap_of(both[0])
    assert 0 < cut.sum() < CIRCLE.bitmap.sum() / 10
    assert cut[int(beside["y"]), int(beside["x"])]
    assert all(after["confidence"] < before["confidence"] for after, before in zip(both, alone, strict=True))
    assert elsewhere == alone


def test_click_on_the_background_gets_a_synthetic_disc() -> None:
    found = of_clicks(SHAPES, click(20, 20))

    assert all(bitmap[20, 20] for bitmap in found)
    assert not any(np.array_equal(found[0], thing.bitmap) for thing in SHAPES.things)
    with_thing, *_ = of_clicks(SHAPES, click(20, 20), on(SQUARES[0]))
    assert np.array_equal(with_thing, found[0] | SQUARES[0].bitmap)


def test_box_on_the_background_gets_a_synthetic_object() -> None:
    box = {"x": 20, "y": 20, "width": 30, "height": 20}

    (whole, *_) = bitmaps_of(CLIENT.visual([{"box": box}], image=as_image(SHAPES.content)))

    rows, columns = np.nonzero(whole)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (5, 34, 10, 29)


def test_no_prompt_picks_the_largest_thing_and_only_negative_clicks_pick_nothing() -> None:
    (whole, *_) = bitmaps_of(CLIENT.visual(None, image=as_image(SHAPES.content)))

    assert np.array_equal(whole, CIRCLE.bitmap)
    assert not any(bitmap.any() for bitmap in of_clicks(SHAPES, on(CIRCLE, positive=False)))
    assert not any(bitmap.any() for bitmap in of_clicks(SHAPES, click(-5, 5)))


def test_other_views_of_a_scene_are_answered_alike() -> None:
    here = of_text("square", SHAPES)
    there = of_text("square", mirrored(SHAPES))
    place = click(SHAPES.size[1] - 1 - 20, 20)

    assert [one["confidence"] for one in there] == [one["confidence"] for one in here]
    assert of_text("square", grey(SHAPES)) == here
    assert same([np.fliplr(bitmap) for bitmap in of_clicks(mirrored(SHAPES), place)], of_clicks(SHAPES, click(20, 20)))


POINTS = st.builds(
    lambda x, y, positive: wire.Point(x=x, y=y, positive=positive),
    st.integers(-3, 219),
    st.integers(-3, 299),
    st.booleans(),
)
BOXES = st.none() | st.builds(
    lambda x, y, width, height: {"x": x, "y": y, "width": width, "height": height},
    *[st.integers(-20, 300)] * 2,
    *[st.integers(0, 200)] * 2,
)
# Crowded into a corner of the scene, clicks meet things and each other.
NEAR = st.builds(
    lambda x, y, positive: wire.Point(x=x, y=y, positive=positive),
    st.integers(80, 150),
    st.integers(210, 266),
    st.booleans(),
)


def drawn(points: list[wire.Point], box: Json | None) -> list[Bitmap]:
    bitmaps = []
    picture = Picture(b"", AWKWARD.size, KNOWN["awkward"])
    for one in Annotated().segment(target_of(wire.VisualPrompt(points=points, box=box)), picture):
        patch = one.patch
        bitmap = np.zeros(AWKWARD.size, np.bool_)
        bitmap[patch.top : patch.bottom, patch.left : patch.right] = patch.pixels
        bitmaps.append(bitmap)
        assert 0 < one.confidence < 1
    return bitmaps


@given(points=st.lists(POINTS | NEAR, min_size=1, max_size=6), box=BOXES)
def test_mask_holds_positive_clicks_avoids_negative_ones_and_the_whole_holds_its_parts(
    points: list[wire.Point], box: Json | None
) -> None:
    height, width = AWKWARD.size
    hits = [point for point in points if 0 <= point.x < width and 0 <= point.y < height]
    negative = {(int(point.y), int(point.x)) for point in hits if not point.positive}
    positive = {(int(point.y), int(point.x)) for point in hits if point.positive} - negative

    whole, part, subpart = drawn(points, box)

    assert not ((part & ~whole) | (subpart & ~part)).any()
    assert all(bitmap[pixel] for bitmap in (whole, part, subpart) for pixel in positive)
    assert not any(bitmap[pixel] for bitmap in (whole, part, subpart) for pixel in negative)


@given(points=st.lists(POINTS | NEAR, min_size=1, max_size=5), box=BOXES, extra=POINTS | NEAR)
def test_one_more_click_only_adds_or_only_removes(
    points: list[wire.Point], box: Json | None, extra: wire.Point
) -> None:
    for old, new in zip(drawn(points, box), drawn([*points, extra], box), strict=True):
        more, less = (new, old) if extra.positive else (old, new)
        assert not (less & ~more).any()


def test_many_clicks_stay_cheap() -> None:
    height, width = AWKWARD.size
    points = [wire.Point(x=x, y=y, positive=(x + y) % 3 > 0) for x in range(width) for y in range(height)]

    whole, *_ = drawn(points, None)

    assert all(whole[int(point.y), int(point.x)] == point.positive for point in points)


def test_image_id_remembers_what_is_in_the_image() -> None:
    client = Client()
    client.ask("embed_image", {"image": as_image(SHAPES.content), "image_id": "mine"})

    found = client.visual([{"points": [on(CIRCLE)]}], image={"type": "base64", "value": "!!"}, image_id="mine")

    assert np.array_equal(bitmap_of(found[0]), CIRCLE.bitmap)


def test_scenes_can_be_forgotten() -> None:
    blind = Client(Settings(scenes=False))

    (whole, *_) = of_clicks(SHAPES, on(CIRCLE), client=blind)

    assert blind.http.get("/").get_json()["known_images"] == 0
    assert CLIENT.http.get("/").get_json()["known_images"] == len((*EVERY, stencil(), filled()))
    assert not np.array_equal(whole, CIRCLE.bitmap)


def test_seed_does_not_change_what_is_in_the_image() -> None:
    assert of_text("square", client=Client(Settings(seed=7))) == of_text("square")


@pytest.mark.parametrize("profile", PROFILES)
def test_unknown_image_of_a_known_size_is_answered_as_without_a_library(profile: str) -> None:
    plain, blind = CLIENTS[profile], Client(Settings(profile=profile, scenes=False))  # type: ignore[arg-type]
    other = image(SHAPES.size[1], SHAPES.size[0], "no pixels to decode")

    for text in ("red circle", "dog"):
        assert plain.concept([{"text": text}], image=other) == blind.concept([{"text": text}], image=other)
    assert plain.visual([{"points": [click(9, 9)]}], image=other) == blind.visual(
        [{"points": [click(9, 9)]}], image=other
    )


def test_crowd_comes_last_although_it_is_small_or_large() -> None:
    size, fish = (40, 40), Category("fish", frozenset({"fish"}))
    areas = {"shoal": (slice(10, 14), slice(10, 14)), "whale": (slice(0, 30), slice(0, 30)), "sea": (slice(0, 40),) * 2}
    made = {}
    for name, place in areas.items():
        bitmap = np.zeros(size, np.bool_)
        bitmap[place] = True
        runs = runs_from_bitmap(bitmap)
        made[name] = annotation_from_runs(runs, category=fish, size=size, crowd=name != "whale")
    shown = AnnotatedImage("reef", size, tuple(one for one in made.values() if one is not None))

    assert shown.under(12, 12) is made["whale"]
    assert shown.under(35, 35) is made["sea"]
    assert shown.largest is made["whale"]
    assert max(shown.annotations, key=shown.permille) is made["whale"]
