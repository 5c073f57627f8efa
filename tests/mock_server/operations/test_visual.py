"""What visual_segment finds under clicks and in boxes, and what image_id remembers."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mock_server import Settings
from mock_server.engines.synthetic import Synthetic
from mock_server.images.loading import Picture
from mock_server.operations.caches import EMBEDDINGS_KEPT, caches_in
from mock_server.operations.visual import target_of
from mock_server.store.memory import MemoryStore
from sam3_contract import masks, wire
from tests.mock_server.client import IMAGE, Bitmap, Client, Json, bitmap_of, bitmaps_of, center_box, click, image

CLIENT = Client()
SIZE = (48, 64)
CLICK = click(30, 20)
BOX = center_box(32, 24, 30, 22)
UNDECODABLE = {"type": "base64", "value": "!!"}
LEVELS = ("whole", "part", "subpart")

SIDES = st.integers(1, 60) | st.just(200)
STEPS = st.integers(-3, 3)
HALVES = st.integers(-20, 140).map(lambda half: half / 2)
FLAGS = st.booleans()
CENTER_BOXES = st.builds(center_box, HALVES, HALVES, HALVES, HALVES)


@st.composite
def scenes(draw: st.DrawFn, fewest: int = 1) -> tuple[Picture, list[wire.Point]]:
    """Draw an image of any shape and clicks in and around it."""
    width, height = draw(SIDES), draw(SIDES)
    picture = Picture(draw(st.binary(min_size=1, max_size=4)), (height, width))
    points = draw(st.lists(points_near(width, height), min_size=fewest, max_size=6))
    beside = [
        wire.Point(x=point.x + draw(STEPS), y=point.y + draw(STEPS), positive=not point.positive)
        for point in points[: draw(st.integers(0, 2))]
    ]
    return picture, points + beside


def points_near(width: int, height: int) -> st.SearchStrategy[wire.Point]:
    x, y = st.floats(-3, width + 3), st.floats(-3, height + 3)
    whole = st.builds(lambda x, y: (float(x), float(y)), st.integers(0, width - 1), st.integers(0, height - 1))
    places = whole | st.tuples(x, y)
    return st.builds(lambda place, positive: wire.Point(x=place[0], y=place[1], positive=positive), places, FLAGS)


def levels_of(
    picture: Picture, points: list[wire.Point] | None, box: Json | None = None
) -> tuple[list[Bitmap], list[float]]:
    """Segment; return the bitmaps of whole, part and subpart, and their confidences."""
    found = Synthetic().segment(target_of(wire.VisualPrompt(points=points, box=box)), picture)
    bitmaps = []
    for patch in (one.patch for one in found):
        bitmap = np.zeros(picture.size, np.bool_)
        bitmap[patch.top : patch.bottom, patch.left : patch.right] = patch.pixels
        bitmaps.append(bitmap)
    return bitmaps, [one.confidence for one in found]


def pixels_of(points: list[wire.Point], picture: Picture, *, positive: bool) -> set[tuple[int, int]]:
    """Pixels (row, column) that were clicked."""
    height, width = picture.size
    return {
        (int(point.y), int(point.x))
        for point in points
        if point.positive == positive and 0 <= point.x < width and 0 <= point.y < height
    }


def box_pixels(box: Json, size: tuple[int, int]) -> Bitmap:
    """Draw a centre-anchored box: the pixels whose centre lies in it."""
    height, width = size
    columns = np.abs(np.arange(width) + 0.5 - box["x"]) <= box["width"] / 2
    rows = np.abs(np.arange(height) + 0.5 - box["y"]) <= box["height"] / 2
    return rows[:, None] & columns[None, :]


@given(scene=scenes(), box=st.none() | CENTER_BOXES)
def test_mask_holds_positive_clicks_and_avoids_negative_ones(
    scene: tuple[Picture, list[wire.Point]], box: Json | None
) -> None:
    picture, points = scene
    positive, negative = (pixels_of(points, picture, positive=positive) for positive in (True, False))

    bitmaps, _ = levels_of(picture, points, box)

    for bitmap in bitmaps:
        assert all(bitmap[pixel] for pixel in positive - negative)
        assert not any(bitmap[pixel] for pixel in negative)


@given(scene=scenes(), box=st.none() | CENTER_BOXES, data=st.data())
@pytest.mark.parametrize("positive", [True, False], ids=["positive", "negative"])
def test_one_more_click_only_adds_or_only_removes(
    positive: bool, scene: tuple[Picture, list[wire.Point]], box: Json | None, data: st.DataObject
) -> None:
    picture, points = scene
    height, width = picture.size
    extra = data.draw(points_near(width, height)).model_copy(update={"positive": positive})
    place = data.draw(st.integers(0, len(points)))

    before, _ = levels_of(picture, points, box)
    after, _ = levels_of(picture, [*points[:place], extra, *points[place:]], box)

    for old, new in zip(before, after, strict=True):
        more, less = (new, old) if positive else (old, new)
        assert not (less & ~more).any()


@given(scene=scenes(), box=st.none() | CENTER_BOXES, order=st.randoms(use_true_random=False))
def test_order_of_clicks_does_not_matter(scene: tuple[Picture, list[wire.Point]], box: Json | None, order: Any) -> None:
    picture, points = scene
    shuffled = order.sample(points, len(points))

    first, second = levels_of(picture, points, box), levels_of(picture, shuffled, box)

    assert all(map(np.array_equal, first[0], second[0]))
    assert first[1] == second[1]


@given(scene=scenes(fewest=0), box=st.none() | CENTER_BOXES)
def test_best_comes_first_and_the_whole_holds_its_parts(
    scene: tuple[Picture, list[wire.Point]], box: Json | None
) -> None:
    picture, points = scene

    (whole, part, subpart), confidences = levels_of(picture, points, box)

    assert not (part & ~whole).any()
    assert not (subpart & ~part).any()
    assert confidences == sorted(confidences, reverse=True)
    assert all(0 < confidence < 1 for confidence in confidences)


@given(
    left=st.integers(0, 40), top=st.integers(0, 24), width=st.integers(22, 64), height=st.integers(22, 48), clicks=FLAGS
)
def test_mask_fills_most_of_a_box_and_stays_within(left: int, top: int, width: int, height: int, clicks: bool) -> None:
    assume(left + width <= SIZE[1])
    assume(top + height <= SIZE[0])
    box = center_box(left + width / 2, top + height / 2, width, height)
    prompt = {"box": box, "points": [click(left + width / 2, top + height / 2)]} if clicks else {"box": box}

    bitmap = bitmap_of(CLIENT.visual([prompt], multimask_output=False)[0])

    rows, columns = np.nonzero(bitmap)
    assert left <= columns.min()
    assert columns.max() < left + width
    assert top <= rows.min()
    assert rows.max() < top + height
    assert bitmap.sum() > 0.7 * width * height


@given(CENTER_BOXES)
def test_mask_stays_within_a_box_anywhere(box: Json) -> None:
    assume(min(box["width"], box["height"]) > 0)

    predictions = CLIENT.visual([{"box": box}])

    within = box_pixels(box, SIZE)
    assert not any((bitmap & ~within).any() for bitmap in bitmaps_of(predictions))


def test_box_is_anchored_at_its_centre() -> None:
    (prediction,) = CLIENT.visual([{"box": center_box(20, 30, 20, 10)}], multimask_output=False)

    rows, columns = np.nonzero(bitmap_of(prediction))
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (10, 29, 25, 34)


@pytest.mark.parametrize("form", ["json", "rle", "binary"])
@pytest.mark.parametrize(("multimask", "each"), [(True, 3), (False, 1), (None, 3)], ids=["three", "one", "default"])
def test_prompt_gets_three_masks_or_one(form: str, multimask: bool | None, each: int) -> None:
    prompts = [{"points": [CLICK]}, {"box": BOX, "points": [CLICK]}]
    fields: Json = {} if multimask is None else {"multimask_output": multimask}

    if form == "binary":
        found = len(CLIENT.arrays(prompts, **fields)["masks"])
    else:
        found = len(CLIENT.visual(prompts, format=form, **fields))

    assert found == 2 * each


def test_one_mask_is_the_best_of_three() -> None:
    prompts = [{"points": [CLICK]}, {"box": BOX}, {"points": [click(3, 3), CLICK]}]

    assert CLIENT.visual(prompts, multimask_output=False) == CLIENT.visual(prompts)[::3]


FORMS = {
    "nested": {"prompts": [{"points": [CLICK]}]},
    "flat": [{"points": [CLICK]}],
    "single": {"points": [CLICK]},
    "flat with nulls": [{"points": [CLICK], "box": None}],
    "single with nulls": {"points": [CLICK], "box": None},
}
NOTHING = {
    "null": None,
    "list": [],
    "object": {},
    "nested null": {"prompts": None},
    "nested list": {"prompts": []},
    "one empty prompt": [{}],
    "two empty prompts": [{}, {}],
    "nested empty prompt": {"prompts": [{}]},
    "no points": [{"points": []}],
    "nulls": [{"points": None, "box": None}],
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_a_prompt_asks_the_same(name: str) -> None:
    assert CLIENT.visual(FORMS[name]) == CLIENT.visual(FORMS["nested"])


@pytest.mark.parametrize("name", NOTHING)
def test_every_form_of_no_prompt_asks_for_one_object_of_the_model_s_choice(name: str) -> None:
    body = {"image": IMAGE, "format": "rle", "multimask_output": False}

    predictions = CLIENT.visual(NOTHING[name], multimask_output=False)

    assert predictions == CLIENT.ask("visual_segment", body)["predictions"]
    assert len(predictions) == 1
    assert bitmap_of(predictions[0]).any()


def test_prompts_are_answered_in_order_and_independently() -> None:
    prompts = [{"points": [click(5, 5)]}, {"points": [click(40, 30)]}, {"box": BOX, "points": [CLICK]}]

    together = CLIENT.visual(prompts)

    assert together == [one for prompt in prompts for one in CLIENT.visual([prompt])]
    assert CLIENT.visual(prompts[::-1]) == [*together[6:], *together[3:6], *together[:3]]


def test_prompts_are_not_limited_to_those_of_a_concept_request() -> None:
    assert len(CLIENT.visual([{"points": [click(place, 9)]} for place in range(20)], multimask_output=False)) == 20


def test_prompt_without_box_is_dropped_when_nothing_was_clicked() -> None:
    assert CLIENT.visual([{"box": BOX}, {}, {"points": []}]) == CLIENT.visual([{"box": BOX}])


@pytest.mark.parametrize(
    "prompts",
    [[{"points": [CLICK]}], [{"box": BOX}], None, [{"points": [CLICK, click(2, 2, positive=False)]}]],
    ids=str,
)
def test_formats_agree(prompts: Any) -> None:
    by_runs, by_polygons = CLIENT.visual(prompts), CLIENT.visual(prompts, format="json")
    arrays = CLIENT.arrays(prompts)

    assert [one["format"] for one in by_runs + by_polygons] == ["rle"] * 3 + ["polygon"] * 3
    assert [one["confidence"] for one in by_runs] == [one["confidence"] for one in by_polygons]
    for runs, polygons, logits in zip(by_runs, by_polygons, arrays["masks"], strict=True):
        assert np.array_equal(bitmap_of(runs), logits >= 0)
        assert polygons["masks"] == masks.polygons_from_bitmap(logits >= 0)


def test_binary_answer_is_an_archive_of_both_arrays() -> None:
    body = {"image": IMAGE, "prompts": [{"points": [CLICK]}], "format": "binary"}

    answer = CLIENT.post("visual_segment", body)

    assert answer.content_type == "application/octet-stream"
    assert answer.headers["x-model-id"] == "sam3/sam3_interactive"
    loaded = masks.masks_from_npz(answer.get_data(), image_size=SIZE)
    assert loaded.masks.shape == (3, *SIZE)
    assert loaded.low_res_masks.shape == (3, 256, 256)


@pytest.mark.parametrize(
    ("width", "height", "count"), [(4097, 4097, 1), (4000, 4000, 2)], ids=["one large mask", "many masks"]
)
def test_mock_says_that_it_cannot_when_arrays_would_be_too_large(width: int, height: int, count: int) -> None:
    body = {"image": image(width, height), "prompts": [{"points": [click(9, 9)]}] * count, "format": "binary"}

    answer = CLIENT.post("visual_segment", body)

    assert answer.status_code == 599
    assert answer.get_json()["message"].startswith("Mock Has No Answer: ")


@pytest.mark.parametrize(
    ("second", "lower"),
    [
        (click(32, 20, positive=False), True),
        (click(33, 23, positive=False), True),
        (click(62, 46, positive=False), False),
        (click(31, 20), False),
        (click(-5, 20, positive=False), False),
    ],
    ids=["beside", "close", "far", "agreeing", "outside"],
)
def test_contradiction_lowers_the_confidence(second: Json, lower: bool) -> None:
    alone = [one["confidence"] for one in CLIENT.visual([{"points": [CLICK]}])]

    both = [one["confidence"] for one in CLIENT.visual([{"points": [CLICK, second]}])]

    assert all(after < before for after, before in zip(both, alone, strict=True)) == lower
    assert lower or both == alone


def test_many_contradictions_leave_some_confidence() -> None:
    around = [click(30 + dx, 20 + dy, positive=False) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0)]

    confidences = [one["confidence"] for one in CLIENT.visual([{"points": [CLICK, *around]}])]

    assert all(0 < confidence < 0.2 for confidence in confidences)


@pytest.mark.parametrize("seed", [0, 7])
def test_masks_depend_on_the_image_and_on_the_seed(seed: int) -> None:
    client = Client(Settings(seed=seed))
    contents = [image(64, 48, str(number)) for number in range(8)]

    found = [repr(client.visual(None, image=content)) for content in contents]

    assert len(set(found)) == len(found)
    assert (found == [repr(CLIENT.visual(None, image=content)) for content in contents]) == (seed == 0)


FAR = [-1, 64, 1e6, -1e6, 1e30, -1e30, 1.7e308, -1.7e308]
SHAPES = [(1, 1), (1, 50), (50, 1), (2, 3), (64, 48), (3000, 1)]


@pytest.mark.parametrize("form", ["json", "rle", "binary"])
@pytest.mark.parametrize(("width", "height"), SHAPES)
def test_any_coordinates_are_answered_on_any_image(width: int, height: int, form: str) -> None:
    prompts = [
        *({"points": [click(far, 0), click(0, far, positive=False), click(far, far)]} for far in FAR),
        *({"box": center_box(far, far, far, far), "points": [click(0, 0)]} for far in FAR),
        {"points": [click(0, 0)], "box": center_box(0, 0, 1e30, 1e30)},
        {"points": [click(0, 0, positive=False)]},
        {"points": [click(width - 0.001, height - 0.001)]},
        {"points": [click(0.3, 0.3)], "box": center_box(0.3, 0.3, 0, 0)},
        {"points": [click(0, 0)], "box": center_box(0.5, 0.5, -4, -4)},
    ]
    body = {"image": image(width, height), "prompts": prompts, "format": form}

    answer = CLIENT.post("visual_segment", body)

    assert answer.status_code == 200
    if form == "binary":
        assert masks.masks_from_npz(answer.get_data(), image_size=(height, width)).masks.shape[0] == 3 * len(prompts)
    else:
        predictions = answer.get_json()["predictions"]
        assert len(predictions) == 3 * len(prompts)
        found = [masks.find_defects(one["masks"], image_size=(height, width)) for one in predictions]
        assert {finding.severity for findings in found for finding in findings} <= {"note"}


def test_clicks_that_miss_the_image_give_an_empty_mask() -> None:
    found = [CLIENT.visual([{"points": [click(-1, 5)]}], format=form) for form in ("rle", "json")]

    assert not any(bitmap_of(one).any() for one in found[0])
    assert [one["masks"] for one in found[1]] == [[[]]] * 3


def test_box_around_the_whole_image_and_far_beyond_fills_it() -> None:
    (prediction,) = CLIENT.visual([{"box": center_box(32, 24, 1000, 1000)}], multimask_output=False)

    assert bitmap_of(prediction).all()


# ---------------------------------------------------------------- image_id


def size_seen(client: Client, sent: Json, image_id: str | None) -> list[int]:
    size: list[int] = client.visual(None, image=sent, image_id=image_id)[0]["masks"]["size"]
    return size


@pytest.mark.parametrize("image_id", ["photo", "", "é 犬", "x" * 1000])
@pytest.mark.parametrize("first_seen", ["visual_segment", "embed_image"])
def test_first_image_sent_with_an_id_keeps_it(first_seen: str, image_id: str) -> None:
    client = Client()
    first = client.visual(None, image=image(20, 10))

    client.ask(first_seen, {"image": image(20, 10), "image_id": image_id})

    for sent in (image(20, 10), image(30, 40), UNDECODABLE, {"type": "url", "value": ""}):
        assert client.visual(None, image=sent, image_id=image_id) == first


def test_first_writer_wins_also_when_two_write_at_once() -> None:
    cache = caches_in(MemoryStore()).embeddings
    first, second = Picture(b"first", (10, 20)), Picture(b"second", (40, 30))

    kept = [cache.keep("photo", picture) for picture in (first, second)]

    assert kept == [first, first]
    assert cache.find("photo") == first
    assert cache.find("drawing") is None
    assert cache.find(None) is None


def test_first_writer_wins_also_when_embedding() -> None:
    client = Client()
    for sent in (image(20, 10), image(30, 40)):
        client.ask("embed_image", {"image": sent, "image_id": "photo"})

    assert size_seen(client, UNDECODABLE, "photo") == [10, 20]


def test_image_without_an_id_is_not_mistaken_for_another() -> None:
    client = Client()

    assert size_seen(client, image(20, 10), None) == [10, 20]
    assert size_seen(client, image(30, 40), None) == [40, 30]


def test_unknown_id_with_an_undecodable_image_is_refused_and_forgotten() -> None:
    client = Client()
    body = {"image": UNDECODABLE, "image_id": "photo"}

    answers = [client.post(operation, body) for operation in ("visual_segment", "embed_image")]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert size_seen(client, image(20, 10), "photo") == [10, 20]


def test_image_is_required_beside_a_known_id() -> None:
    client = Client()
    client.ask("embed_image", {"image": IMAGE, "image_id": "photo"})

    answer = client.post("visual_segment", {"image_id": "photo"})

    assert answer.status_code == 422
    assert [finding["loc"] for finding in answer.get_json()["detail"]] == [["body", "image"]]


@pytest.mark.parametrize("filler", ["visual_segment", "embed_image"])
def test_oldest_id_is_forgotten_when_one_too_many_comes(filler: str) -> None:
    client = Client()
    client.ask("embed_image", {"image": image(20, 10), "image_id": "oldest"})
    client.ask("embed_image", {"image": image(21, 11), "image_id": "second"})
    for number in range(EMBEDDINGS_KEPT - 2):
        client.ask(filler, {"image": IMAGE, "image_id": str(number)})
    assert EMBEDDINGS_KEPT == 100
    assert size_seen(client, UNDECODABLE, "oldest") == [10, 20]  # being used makes it no younger

    client.ask(filler, {"image": IMAGE, "image_id": "one too many"})

    assert size_seen(client, UNDECODABLE, "second") == [11, 21]
    assert client.post("visual_segment", {"image": UNDECODABLE, "image_id": "oldest"}).status_code == 400


def test_apps_do_not_share_what_they_remember() -> None:
    first, second = Client(), Client()
    first.ask("embed_image", {"image": IMAGE, "image_id": "photo"})

    assert second.post("visual_segment", {"image": UNDECODABLE, "image_id": "photo"}).status_code == 400


@pytest.mark.parametrize("image_id", ["photo", "", "犬"])
def test_embedding_answers_with_the_id_it_was_given(image_id: str) -> None:
    answer = Client().ask("embed_image", {"image": IMAGE, "image_id": image_id})

    assert answer["image_id"] == image_id
    assert list(answer) == ["inference_id", "frame_id", "time", "resolved_model", "image_id"]


def test_embedding_makes_an_id_of_the_content_when_it_is_given_none() -> None:
    client = Client()

    first, again, other = (
        client.ask("embed_image", {"image": sent})["image_id"] for sent in (IMAGE, IMAGE, image(64, 48, "other"))
    )

    assert first == again != other
    assert len(first) == hashlib.sha1(b"").digest_size * 2
    assert size_seen(client, UNDECODABLE, other) == [48, 64]
