"""The engine that looks at the picture: photographs with outlines drawn by hand, and drawn scenes."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage import data

from mock_server.drawing.encoding import rle_from_patch
from mock_server.engines.pixels.engine import KEPT, Pixels
from mock_server.engines.pixels.pieces import PIECES
from mock_server.engines.pixels.regions import regions_of
from mock_server.engines.pixels.words import known_words, shapes_of
from mock_server.engines.protocol import Box, Click, Concept, Instance, Picture, Target
from sam3_contract.images.scenes import Scene, Thing, built_in_scenes, further_scenes
from tests.servers import ROOT

Bitmap = NDArray[np.bool_]

ENGINE = Pixels()
OUTLINES = json.loads((ROOT / "tests" / "data" / "outlines.json").read_text(encoding="utf-8"))["things"]
CLEAR = [one for one in OUTLINES if one["clear"]]
SHAPES, AWKWARD = built_in_scenes()
CROWD = further_scenes()[0]


def picture_of(pixels: NDArray[np.uint8]) -> Picture:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    content = file.getvalue()
    return Picture(hashlib.sha256(content).digest(), (pixels.shape[0], pixels.shape[1]), file=content)


PHOTOGRAPHS = {name: picture_of(getattr(data, name)()) for name in ("coffee", "astronaut", "chelsea")}


def bitmap_of(instance: Instance, size: tuple[int, int]) -> Bitmap:
    bitmap = np.zeros(size, np.bool_)
    patch = instance.patch
    bitmap[patch.top : patch.bottom, patch.left : patch.right] = patch.pixels
    return bitmap


def drawn(outline: list[list[int]], size: tuple[int, int]) -> Bitmap:
    canvas = Image.new("1", size[::-1])
    ImageDraw.Draw(canvas).polygon([(x, y) for x, y in outline], fill=1)
    return np.asarray(canvas)


def overlap(one: Bitmap, other: Bitmap) -> float:
    return float((one & other).sum() / (one | other).sum())


def clicked(picture: Picture, *clicks: tuple[int, int, bool], box: Box | None = None) -> list[Bitmap]:
    target = Target(tuple(Click(x, y, positive) for x, y, positive in clicks), box)
    return [bitmap_of(one, picture.size) for one in ENGINE.segment(target, picture)]


def found(text: str | None, scene: Scene, **boxes: Any) -> list[Bitmap]:
    picture = picture_of(scene.pixels)
    instances = ENGINE.find(Concept(text, **boxes), picture)
    return [bitmap_of(one, picture.size) for one in instances if one.confidence >= 0.5]


def box_of(thing: Thing) -> Box:
    return Box(*map(float, thing.edges))


@pytest.mark.parametrize("known", CLEAR, ids=lambda known: known["thing"])
def test_click_finds_a_thing_of_clear_outline(known: dict[str, Any]) -> None:
    picture = PHOTOGRAPHS[known["photograph"]]
    outline = drawn(known["outline"], picture.size)

    for x, y in known["clicks"]:
        assert max(overlap(mask, outline) for mask in clicked(picture, (x, y, True))) >= 0.7, (x, y)


@pytest.mark.parametrize("known", CLEAR, ids=lambda known: known["thing"])
def test_box_finds_a_thing_of_clear_outline(known: dict[str, Any]) -> None:
    picture = PHOTOGRAPHS[known["photograph"]]
    outline = drawn(known["outline"], picture.size)
    columns, rows = zip(*known["outline"], strict=True)
    box = Box(max(min(columns), 0), max(min(rows), 0), max(columns), max(rows))

    masks = clicked(picture, box=box)

    assert max(overlap(mask, outline) for mask in masks) >= 0.7
    beside = masks[0].copy()
    beside[max(int(box.top) - 3, 0) : int(box.bottom) + 3, int(box.left) - 3 : int(box.right) + 3] = False
    assert not beside.any()


def test_masks_are_a_whole_a_part_and_a_subpart_best_first() -> None:
    instances = ENGINE.segment(Target((Click(270, 150, True),)), PHOTOGRAPHS["coffee"])
    masks = sorted((bitmap_of(one, (400, 600)) for one in instances), key=np.count_nonzero)

    assert [one.confidence for one in instances] == sorted((one.confidence for one in instances), reverse=True)
    assert [int((smaller & ~larger).sum()) for smaller, larger in pairwise(masks)] == [0, 0]
    assert len({int(mask.sum()) for mask in masks}) == 3


def test_negative_click_takes_the_region_around_it_away() -> None:
    photograph = PHOTOGRAPHS["coffee"]
    mouth = next(mask for mask in clicked(photograph, (390, 100, True)) if mask[150, 290] and not mask[300, 290])
    place = next(n for n, mask in enumerate(clicked(photograph, (390, 100, True))) if np.array_equal(mask, mouth))

    without = clicked(photograph, (390, 100, True), (290, 170, False))[place]

    espresso = drawn(next(one["outline"] for one in OUTLINES if one["thing"] == "espresso"), photograph.size)
    assert overlap(mouth & ~without, espresso) > 0.7
    assert without[100, 390]


def test_only_negative_clicks_leave_nothing() -> None:
    assert [int(mask.sum()) for mask in clicked(PHOTOGRAPHS["coffee"], (290, 170, False))] == [0, 0, 0]


def test_without_prompts_something_salient_is_segmented() -> None:
    assert all(0 < mask.mean() < 0.7 for mask in clicked(PHOTOGRAPHS["chelsea"]))


def test_box_beside_the_picture_is_empty_and_the_smallest_one_is_not() -> None:
    photograph = PHOTOGRAPHS["chelsea"]

    assert [int(mask.sum()) for mask in clicked(photograph, box=Box(-50, -50, -10, -10))] == [0, 0, 0]
    assert all(mask.any() for mask in clicked(photograph, box=Box(171.2, 110.1, 171.4, 110.3)))


def scattered(seed: int) -> Picture:
    """Blocks of random colours, larger than a frame."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 256, (15, 23, 3), np.uint8)
    return picture_of(np.kron(blocks, np.ones((30, 30, 1), np.uint8)))


SCATTERED = [scattered(seed) for seed in (1, 2)]
PIXEL = st.tuples(st.integers(0, 689), st.integers(0, 449))


@given(
    st.sampled_from([*SCATTERED, PHOTOGRAPHS["chelsea"]]),
    st.lists(PIXEL, min_size=1, max_size=3, unique=True),
    st.lists(PIXEL, max_size=2, unique=True),
    st.one_of(st.none(), st.tuples(PIXEL, PIXEL)),
    PIXEL,
)
def test_further_clicks_only_add_or_only_remove(
    picture: Picture,
    positive: list[tuple[int, int]],
    negative: list[tuple[int, int]],
    corners: tuple[tuple[int, int], tuple[int, int]] | None,
    further: tuple[int, int],
) -> None:
    height, width = picture.size

    def place(click: tuple[int, int], kind: bool) -> tuple[int, int, bool]:
        return click[0] % width, click[1] % height, kind

    clicks = [*(place(one, True) for one in positive), *(place(one, False) for one in negative)]
    box = None
    if corners is not None:
        (left, right), (top, bottom) = (sorted(axis) for axis in zip(*corners, strict=True))
        box = Box(left, top, right, bottom)
    hits = {click[:2] for click in clicks}
    x, y, _ = place(further, True)

    before = clicked(picture, *clicks, box=box)
    more = clicked(picture, *clicks, (x, y, True), box=box)
    less = clicked(picture, *clicks, (x, y, False), box=box)

    assert all(not (one & ~other).any() for one, other in zip(before, more, strict=True))
    assert all(not (other & ~one).any() for one, other in zip(before, less, strict=True))
    if (x, y) not in hits:
        assert all(mask[y, x] for mask in more)
        assert not any(mask[y, x] for mask in less)


@pytest.mark.parametrize("text", ["red circle", "blue squares", "Green Triangle"])
def test_colors_and_shapes_are_understood(text: str) -> None:
    things = SHAPES.things_of(text.casefold().removesuffix("s"))

    masks = found(text, SHAPES)

    assert len(masks) == len(things)
    assert all(max(overlap(mask, thing.bitmap) for mask in masks) > 0.9 for thing in things)


def test_what_is_not_of_the_color_or_shape_is_not_found() -> None:
    assert found("purple square", SHAPES) == found("red triangle", SHAPES) == []
    assert len(found("ring", AWKWARD)) == 1


def test_other_texts_pick_what_stands_out_and_always_the_same() -> None:
    photograph = PHOTOGRAPHS["coffee"]

    def sure(text: str) -> list[Any]:
        picked = ENGINE.find(Concept(text), photograph)
        return [rle_from_patch(one.patch, size=photograph.size) for one in picked if one.confidence >= 0.5]

    texts = ["cup", "spoon", "person", "zebra", "table"]
    assert all(1 <= len(sure(text)) <= 3 for text in texts)
    assert [sure(text) for text in texts] == [sure(text) for text in texts]
    assert len({str(sure(text)) for text in texts}) > 1


def test_exemplar_finds_what_looks_alike() -> None:
    coins = CROWD.things_of("yellow coin")

    masks = found(None, CROWD, positive=(box_of(coins[0]),))

    assert all(max(overlap(mask, coin.bitmap) for mask in masks) > 0.6 for coin in coins)
    assert not any(overlap(mask, stone.bitmap) > 0.5 for mask in masks for stone in CROWD.things_of("grey diamond"))


def test_negative_exemplar_takes_away_what_looks_like_it() -> None:
    squares = SHAPES.things_of("blue square")

    (kept,) = found("red circle", SHAPES, negative=(box_of(squares[0]),))

    assert overlap(kept, SHAPES.things_of("red circle")[0].bitmap) > 0.9
    assert found("blue square", SHAPES, negative=(box_of(squares[0]),)) == []


@pytest.mark.parametrize(
    ("text", "colors", "shapes"),
    [("two RED squares", {"red"}, {"square"}), ("gray disc", {"grey"}, {"circle"}), ("reddish dog", set(), set())],
)
def test_words_that_are_known(text: str, colors: set[str], shapes: set[str]) -> None:
    assert known_words(text) == (colors, shapes)


def test_shapes_are_told_apart() -> None:
    shapes = {thing.category: shapes_of(thing.bitmap) for scene in (SHAPES, AWKWARD) for thing in scene.things}

    assert shapes["red circle"] == {"circle", "ellipse"}
    assert shapes["blue square"] == {"rectangle", "square"}
    assert shapes["green triangle"] == {"triangle"}
    assert "ring" in shapes["orange ring"]
    assert shapes["brown brick"] == {"rectangle"}
    assert shapes_of(np.zeros((5, 5), np.bool_)) == set()


def extremes() -> Iterator[NDArray[np.uint8]]:
    for height, width in ((1, 1), (1, 700), (900, 1), (3, 2), (7, 7), (401, 399)):
        yield np.full((height, width, 3), 77, np.uint8)
    yield np.random.default_rng(5).integers(0, 256, (90, 1300, 3), np.uint8)


@pytest.mark.parametrize("pixels", [*extremes()], ids=lambda pixels: "x".join(map(str, pixels.shape[:2])))
def test_pictures_of_any_size_and_content(pixels: NDArray[np.uint8]) -> None:
    picture = picture_of(pixels)
    height, width = picture.size
    last = (width - 1, height - 1)

    assert all(mask[last[1], last[0]] for mask in clicked(picture, (*last, True)))
    assert all(mask.any() for mask in clicked(picture, box=Box(0, 0, width, height)))
    assert len(clicked(picture)) == 3
    assert all(one.patch.pixels.any() for one in ENGINE.find(Concept("thing", (Box(0, 0, 1, 1),)), picture))


def test_many_clicks_are_bounded_work_and_all_heeded() -> None:
    photograph = PHOTOGRAPHS["chelsea"]
    clicks = [(x, y, (x + y) % 2 == 0) for x in range(0, 451, 13) for y in range(0, 300, 13)]

    for mask in clicked(photograph, *clicks):
        assert all(mask[y, x] == positive for x, y, positive in clicks)


def test_hosts_of_clicks_and_boxes_are_no_more_work_than_some() -> None:
    """Of each kind so many are looked at as regions, of the others only their pixels count."""
    photograph = PHOTOGRAPHS["astronaut"]
    clicks = [(x, y, (x * 7 + y) % 3 > 0) for x in range(0, 512, 2) for y in range(0, 512, 2)]
    box = Box(200, 90, 260, 180)

    mask = clicked(photograph, *clicks)[0]

    columns, rows, positive = np.array(clicks).T
    assert np.array_equal(mask[rows, columns], positive.astype(np.bool_))
    assert ENGINE.find(Concept("thing", (box,) * 5000, (Box(0, 0, 40, 40),) * 5000), photograph)


def test_work_is_bounded_whatever_the_picture() -> None:
    noise = regions_of(np.random.default_rng(3).integers(0, 256, (700, 900, 3), np.uint8))

    assert noise.tree.piece_at_rank.size < 2 * PIECES
    assert max(noise.tree.ranks.shape) <= 400


def test_pictures_are_kept_within_bounds() -> None:
    engine = Pixels()
    small = [picture_of(np.full((5, 5, 3), level, np.uint8)) for level in range(KEPT + 3)]

    for picture in small:
        engine.segment(Target(), picture)

    assert list(engine._seen) == [picture.digest for picture in small[3:]]
    engine.segment(Target(), small[3])
    assert next(reversed(engine._seen)) == small[3].digest


def test_masks_are_the_same_everywhere() -> None:
    """Whoever changes the masks of this engine changes these digests, and says so in the changelog."""
    digests = {}
    for scene in (AWKWARD, CROWD):
        picture = picture_of(scene.pixels)
        asked = [
            *ENGINE.segment(Target(tuple(Click(*thing.click, True) for thing in scene.things[:2])), picture),
            *ENGINE.segment(Target(box=box_of(scene.things[-1])), picture),
            *ENGINE.find(Concept("orange"), picture),
            *ENGINE.find(Concept("anything", (box_of(scene.things[0]),)), picture),
        ]
        masks = [[rle_from_patch(one.patch, size=picture.size)["counts"], one.confidence] for one in asked]
        digests[scene.name] = hashlib.sha256(json.dumps(masks).encode()).hexdigest()[:16]

    assert digests == {"awkward": "65d5d6b25a5e67cd", "crowd": "b0442cf32e043009"}
