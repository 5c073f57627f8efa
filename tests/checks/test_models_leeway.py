"""What answers of a model may differ in from call to call and from view to view, and what they may not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from sam3_contract import spec
from sam3_contract.checks import judge
from sam3_contract.checks.truth.mistakes import warp_between
from sam3_contract.exchanges.exchange import Case, Exchange, Twin
from sam3_contract.images import ImageHeader
from sam3_contract.images.scenes import Thing
from sam3_contract.masks import polygons_from_bitmap, rle_from_bitmap

Bitmap = NDArray[np.bool_]

CONTRACT = spec.load()
SIZE = (240, 480)
IMAGE = {"type": "url", "value": "https://example.com/things.png"}


def shape(*points: tuple[int, int]) -> Bitmap:
    canvas = np.zeros(SIZE, np.uint8)
    cv2.fillPoly(canvas, [np.array(points, np.int32)], 1)
    return canvas.astype(bool)


def rhombus(*, right: int = 0, down: int = 0) -> Bitmap:
    corners = [(20, 120), (230, 50), (440, 120), (230, 190)]
    return shape(*((x + right, y + down) for x, y in corners))


def rectangle(left: int, *, width: int = 80, top: int = 60, height: int = 80) -> Bitmap:
    right, bottom = left + width - 1, top + height - 1
    return shape((left, top), (right, top), (right, bottom), (left, bottom))


def thinner(bitmap: Bitmap, pixels: int = 1) -> Bitmap:
    side = 2 * pixels + 1
    return cv2.erode(bitmap.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)


def answered(
    name: str,
    found: Sequence[tuple[Bitmap, float]],
    *,
    twin: Twin | None = None,
    things: tuple[Thing, ...] = (),
    exact: bool = False,
    **fields: Any,
) -> Exchange:
    sent = {"image": IMAGE, "prompts": [{"text": "thing"}], "format": "rle", "output_prob_thresh": 0.1} | fields
    write = rle_from_bitmap if sent["format"] == "rle" else polygons_from_bitmap
    predictions = [
        {"masks": write(bitmap), "confidence": confidence, "format": sent["format"]} for bitmap, confidence in found
    ]
    echo = {"prompt_index": 0, "type": "text", "text": "thing", "num_boxes": 0}
    answer = {"time": 0.1, "prompt_results": [{"prompt_index": 0, "echo": echo, "predictions": predictions}]}
    header = ImageHeader("PNG", SIZE[1], SIZE[0])
    case = Case(name, "concept_segment", name, sent, image=header, twin=twin, things=things)
    return Exchange(case, 200, {"content-type": "application/json"}, orjson.dumps(answer), 0.1, exact=exact)


def breaches(code: str, *exchanges: Exchange) -> list[str]:
    return [breach.found for breach in judge(exchanges, CONTRACT)[code].breaches]


def low(*, right: int = 0, down: int = 0, half: int = 90) -> Bitmap:
    """Draw something long and low, with two tips."""
    x, y = 110 + right, 100 + down
    return shape((x - half, y), (x, y - 8), (x + half, y), (x, y + 8))


@pytest.mark.parametrize(
    ("drawn_again", "alike"),
    [
        pytest.param(thinner(low()), True, id="tips gone"),
        pytest.param(low(down=6), False, id="lower by more than an edge"),
        pytest.param(low(right=30), False, id="farther right"),
        pytest.param(low(half=60), False, id="shorter"),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_tips_of_what_is_long_and_low_may_be_seen_or_not(drawn_again: Bitmap, alike: bool, order: int) -> None:
    pair = [answered("first", [(low(), 0.9)]), answered("again", [(drawn_again, 0.9)])][::order]

    assert (breaches("R02", *pair) == []) is alike


@pytest.mark.parametrize(
    ("drawn_again", "alike"),
    [
        pytest.param(thinner(rhombus(right=2)), True, id="one tip gone"),
        pytest.param(rhombus(down=6), False, id="moved"),
        pytest.param(shape((30, 120), (230, 54), (430, 120), (230, 186)), True, id="both tips gone"),
        pytest.param(shape((50, 120), (230, 60), (410, 120), (230, 180)), False, id="smaller"),
        pytest.param(np.zeros(SIZE, np.bool_), False, id="nothing"),
    ],
)
def test_formats_of_a_model_agree_up_to_tips(drawn_again: Bitmap, *, alike: bool) -> None:
    once = answered("polygons", [(rhombus(), 0.9)], format="polygon")

    assert (not breaches("R01", once, answered("rle", [(drawn_again, 0.9)]))) is alike


@pytest.mark.parametrize(
    ("drawn_again", "alike"),
    [
        pytest.param(shape((100, 101), (129, 101), (129, 102), (100, 102)), True, id="half of it"),
        pytest.param(shape((100, 108), (189, 108), (189, 111), (100, 111)), False, id="moved"),
    ],
)
def test_model_may_see_part_of_a_sliver(drawn_again: Bitmap, *, alike: bool) -> None:
    sliver = shape((100, 100), (159, 100), (159, 103), (100, 103))

    assert (not breaches("R02", answered("one", [(sliver, 0.9)]), answered("two", [(drawn_again, 0.9)]))) is alike


@pytest.mark.parametrize(("down", "unseen", "alike"), [(0, 0, True), (1, 0, True), (0, 2, True), (-12, 0, False)])
def test_hole_that_the_border_opens_may_be_one_to_a_model(down: int, unseen: int, *, alike: bool) -> None:
    """The contour of a ring loses its hole, and that of one which is open at the border of the image does not."""
    rings = []
    for row in (SIZE[0] - 42, SIZE[0] - 42 + down):  # the first is closed by the last row of pixels
        canvas = np.zeros(SIZE, np.uint8)
        cv2.circle(canvas, (200, row), 80, 1, -1)
        cv2.circle(canvas, (200, row), 40, 0, -1)
        rings.append(canvas.astype(bool))
    rings[1][SIZE[0] - unseen :] = False

    found = breaches("R01", answered("once", [(rings[0], 0.9)], format="polygon"), answered("again", [(rings[1], 0.9)]))

    assert (not found) is alike


@pytest.mark.parametrize(
    ("stayed", "justified"),
    [
        pytest.param(thinner(rectangle(102, top=62)), True, id="the same, seen anew"),
        pytest.param(rectangle(140), False, id="another thing"),
    ],
)
def test_what_a_model_suppressed_overlapped_as_far_as_edges_go(stayed: Bitmap, *, justified: bool) -> None:
    everything = answered("everything", [(rectangle(100), 0.5), (rectangle(101), 0.8), (rectangle(140), 0.8)])
    suppressed = answered("suppressed", [(stayed, 0.8)], nms_iou_threshold=0.97)

    lost = [found for found in breaches("R05", everything, suppressed) if "confidence 0.5" in found]

    assert (not lost) is justified


@pytest.mark.parametrize(("exact", "breaks"), [(False, False), (True, True)])
def test_another_one_of_two_that_overlap_may_stay_in_another_call_of_a_model(*, exact: bool, breaks: bool) -> None:
    first = answered("polygons", [(rectangle(100), 0.8)], format="polygon", nms_iou_threshold=0.5, exact=exact)
    again = answered("rle", [(rectangle(120), 0.8)], nms_iou_threshold=0.5, exact=exact)
    more = answered("more", [(rectangle(120), 0.8), (rectangle(300), 0.8)], nms_iou_threshold=0.5, exact=exact)

    found = [breaches("R01", first, again), breaches("R01", first, more), breaches("R02", again, more)]

    assert list(map(bool, found)) == [breaks] * 3


def views(before: Sequence[Bitmap], seen: Sequence[Bitmap], *, exact: bool = False) -> list[str]:
    """Judge an image and the same one mirrored; what is seen in the latter is given in the frame of the first."""
    twin = Twin("as it is", "mirrored", lambda bitmap: bitmap[:, ::-1], moved=True)
    things = tuple(Thing("thing", (), bitmap) for bitmap in before)
    base = answered("as it is", [(bitmap, 0.9) for bitmap in before], things=things, exact=exact)
    mirrored = answered("mirrored", [(bitmap[:, ::-1], 0.9) for bitmap in seen], twin=twin, exact=exact)
    return breaches("R07", base, mirrored)


@pytest.mark.parametrize(("apart", "told"), [(1, False), (4, True)])
def test_map_of_all_shapes_counts_where_it_takes_them_and_not_the_corners_of_the_image(
    apart: int, *, told: bool
) -> None:
    lefts, tops = (10, 60, 10, 60), (10, 10, 60, 60)
    drawn = [rectangle(left, width=12, top=top, height=12) for left, top in zip(lefts, tops, strict=True)]
    found = [np.roll(bitmap, apart if left > 30 else -apart, 1) for bitmap, left in zip(drawn, lefts, strict=True)]

    assert ("one map" in warp_between(drawn, found)) is told


THREE = tuple(rectangle(left) for left in (20, 120, 220))
OTHER = rectangle(380)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(THREE, id="the same"),
        pytest.param(THREE[:1], id="two that are missed"),
        pytest.param((*THREE[:2], OTHER), id="one in the place of another"),
    ],
)
def test_model_may_miss_things_in_another_view(seen: Sequence[Bitmap]) -> None:
    assert views(THREE, seen) == []


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param([bitmap[:, ::-1] for bitmap in THREE], id="not mirrored"),
        pytest.param((THREE[0], OTHER, rectangle(300)), id="most are elsewhere"),
        pytest.param((), id="nothing"),
    ],
)
def test_view_in_which_things_are_elsewhere_is_a_miss(seen: Sequence[Bitmap]) -> None:
    assert views(THREE, seen)


def test_what_is_exact_misses_nothing_in_any_view() -> None:
    assert views(THREE, THREE[:2], exact=True) == [
        "2 of 3 masks agree, brought back into the frame of the image as it is"
    ]
