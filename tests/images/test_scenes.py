"""The drawn scenes: exact, the same everywhere, and awkward where they say so."""

from __future__ import annotations

import hashlib
import io

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from sam3_contract.images import read_header
from sam3_contract.images.scenes import (
    BORDER,
    FALL,
    GRAIN,
    Border,
    Scene,
    Thing,
    built_in_scenes,
    derived_scenes,
    filled,
    further_scenes,
    grey,
    innermost_pixel,
    mirrored,
    padded,
    stencil,
)

SHAPES, AWKWARD = built_in_scenes()
EVERY = built_in_scenes() + derived_scenes() + further_scenes()
CROWD, WIDE, TINY, LARGE, FULLER, TALL, BEADS = further_scenes()
THINGS = [pytest.param(scene, thing, id=f"{scene.name}, {thing.category}") for scene in EVERY for thing in scene.things]
BARE = [pytest.param(thing, id=f"{scene.name}, {thing.category}") for scene in EVERY for thing in scene.things]

PIXELS = {
    "shapes": "ce6c613e",
    "awkward": "2a7794b4",
    "crowd": "5383f329",
    "wide": "825cf5f2",
    "tiny": "dde394c8",
    "large": "12e4b6d1",
    "fuller": "35561137",
    "tall": "99ca8f1d",
    "beads": "a750f8a6",
    "stencil": "cdb61bfd",
    "filled": "20c4b32c",
}


def parts_of(thing: Thing) -> int:
    count, _ = cv2.connectedComponents(thing.bitmap.view(np.uint8), connectivity=8)
    return int(count) - 1


def digest(scene: Scene) -> str:
    """Digest pixels and bitmaps."""
    hashed = hashlib.sha256(scene.pixels.tobytes())
    for thing in scene.things:
        hashed.update(np.packbits(thing.bitmap).tobytes())
    return hashed.hexdigest()[:8]


@pytest.mark.parametrize(
    "scene", [*built_in_scenes(), *further_scenes(), stencil(), filled()], ids=lambda scene: scene.name
)
def test_scene_is_what_it_always_was(scene: Scene) -> None:
    """A release that changes a scene changes the recorded tests of every user: say so in the changelog."""
    assert digest(scene) == PIXELS[scene.name]


@pytest.mark.parametrize("scene", EVERY, ids=lambda scene: scene.name)
def test_file_is_a_png_of_the_very_pixels(scene: Scene) -> None:
    assert read_header(scene.content).size == scene.size
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(scene.content))), scene.pixels)
    assert scene.size[0] != scene.size[1]


@pytest.mark.parametrize(("scene", "thing"), THINGS)
def test_pixels_are_nearer_to_what_their_mask_says(scene: Scene, thing: Thing) -> None:
    """Edges are anti-aliased: half way between thing and background is where the mask ends."""
    others = np.any(
        [other.bitmap for other in scene.things if other is not thing] or [np.zeros(scene.size, bool)], axis=0
    )
    grown = cv2.dilate(
        np.stack([thing.bitmap, others], axis=2).astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2
    )
    around = grown[:, :, 0].astype(bool) & ~grown[:, :, 1].astype(bool)
    nothing = ~cv2.dilate((thing.bitmap | others).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    pixels = scene.pixels.astype(int)
    # Of a thin line every pixel is mixed with what is beside it: the darkest tell its colour.
    own = np.percentile(pixels[thing.bitmap], 5 if thing.category == "black line" else 50, axis=0)
    ground = np.median(pixels[nothing], axis=0)

    assert thing.bitmap.shape == scene.size
    assert thing.bitmap.dtype == np.bool_
    nearer = ((pixels - own) ** 2).sum(axis=2) < ((pixels - ground) ** 2).sum(axis=2)
    assert np.array_equal(nearer[around], thing.bitmap[around])


@pytest.mark.parametrize("scene", EVERY, ids=lambda scene: scene.name)
def test_surfaces_have_a_grain_and_a_light(scene: Scene) -> None:
    surfaces = [~np.any([thing.bitmap for thing in scene.things], axis=0), *(thing.bitmap for thing in scene.things)]

    assert all(len(np.unique(scene.pixels[surface], axis=0)) > min(4, surface.sum() // 4) for surface in surfaces)


@pytest.mark.parametrize("thing", BARE)
def test_click_lies_well_inside(thing: Thing) -> None:
    x, y = thing.click

    assert thing.bitmap[y, x]
    depth = min(4, int(thing.bitmap.sum() ** 0.5) // 4) if thing.category != "black line" else 0
    around = np.pad(thing.bitmap, 4)[y + 4 - depth : y + 5 + depth, x + 4 - depth : x + 5 + depth]
    assert around.all()


@pytest.mark.parametrize("thing", BARE)
def test_boxes_are_exact_in_both_anchorings(thing: Thing) -> None:
    rows, columns = np.nonzero(thing.bitmap)
    corner, center = thing.top_left_box, thing.center_box

    assert (corner["x"], corner["y"]) == (columns.min(), rows.min())
    assert (corner["x"] + corner["width"], corner["y"] + corner["height"]) == (columns.max() + 1, rows.max() + 1)
    assert (center["width"], center["height"]) == (corner["width"], corner["height"])
    assert center["x"] == corner["x"] + corner["width"] / 2
    assert center["y"] == corner["y"] + corner["height"] / 2


@pytest.mark.parametrize("scene", EVERY, ids=lambda scene: scene.name)
def test_things_do_not_overlap_and_what_is_none_is_background(scene: Scene) -> None:
    drawn = np.sum([thing.bitmap for thing in scene.things], axis=0)

    assert drawn.max() == 1
    beside = cv2.dilate(drawn.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
    assert np.ptp(scene.pixels[beside].astype(int), axis=0).max() <= GRAIN + 2 * FALL


def test_shapes_hold_two_squares_beside_a_circle_and_a_triangle() -> None:
    assert SHAPES.categories == ("red circle", "blue square", "green triangle")
    assert [len(SHAPES.things_of(category)) for category in SHAPES.categories] == [1, 2, 1]
    big, small = (thing.top_left_box for thing in SHAPES.things_of("blue square"))
    assert big["width"] == big["height"] != small["width"] == small["height"]


def test_further_scenes_are_what_longer_runs_need() -> None:
    assert [len(CROWD.things_of(category)) for category in CROWD.categories] == [15, 3]
    assert WIDE.size[1] > 4 * WIDE.size[0]
    assert TALL.size[0] > 4 * TALL.size[1]
    assert max(TINY.size) < 16
    assert LARGE.size[0] * LARGE.size[1] > 2_000_000
    assert {side % 2 for scene in (CROWD, WIDE, LARGE) for side in scene.size} == {0, 1}
    assert len(BEADS.things) > 100
    (bar,) = WIDE.things_of("brown bar")
    assert bar.bitmap.any(axis=0).sum() > 2 * 256
    assert [thing.bitmap.tobytes() for thing in FULLER.things[:-1]] == [
        thing.bitmap.tobytes() for thing in CROWD.things
    ]
    # Whoever knows pictures by a smaller one takes them for the same.
    small = [cv2.resize(scene.pixels, (8, 8), interpolation=cv2.INTER_AREA) // 64 for scene in (CROWD, FULLER)]
    assert np.array_equal(small[0], small[1])
    assert parts_of(TALL.things[1]) == 2


def test_stencil_is_of_two_shades_and_has_a_line_that_is_a_ring_of_two_points() -> None:
    scene = stencil()
    contours, _ = cv2.findContours(scene.things[1].bitmap.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)

    assert set(np.unique(scene.pixels)) == {0, 255}
    assert np.array_equal(scene.pixels[:, :, 0] == 0, np.sum([thing.bitmap for thing in scene.things], axis=0) == 1)
    assert [parts_of(thing) for thing in scene.things] == [2, 1, 42]
    assert scene.size[0] == scene.size[1]
    assert [len(contour) for contour in contours] == [2]
    assert not np.array_equal(scene.things[0].bitmap, scene.things[0].bitmap.T)


def test_triangle_shows_every_turn_and_mirror() -> None:
    (triangle,) = SHAPES.things_of("green triangle")
    box = triangle.top_left_box
    rows = slice(int(box["y"]), int(box["y"] + box["height"]))
    cut = triangle.bitmap[rows, int(box["x"]) : int(box["x"] + box["width"])]

    views = [np.rot90(view, turns) for view in (cut, np.fliplr(cut)) for turns in range(4)]

    assert len({(view.shape, view.tobytes()) for view in views}) == 8


def test_awkward_things_are_awkward() -> None:
    ring, mark, dot, half, corner, line, *bricks = AWKWARD.things
    flooded = ring.bitmap.astype(np.uint8)
    cv2.floodFill(flooded, None, (0, 0), 1)

    assert not flooded.all(), "the ring has no hole"
    assert [parts_of(thing) for thing in AWKWARD.things] == [1, 2, 1, 1, 1, 1, 1, 1]
    assert parts_of(mark) == 2
    assert dot.bitmap.sum() < 16
    assert half.bitmap[:, 0].any()
    assert corner.bitmap[-1].any()
    assert corner.bitmap[:, -1].any()
    assert line.bitmap.sum(axis=0).max() == 1
    assert [brick.category for brick in bricks] == ["brown brick"] * 2
    assert parts_of(Thing("wall", (), bricks[0].bitmap | bricks[1].bitmap)) == 1


@pytest.mark.parametrize("scene", built_in_scenes(), ids=lambda scene: scene.name)
def test_mirrored_twice_is_the_scene_again(scene: Scene) -> None:
    once = mirrored(scene)

    assert once.name == f"{scene.name}-mirrored"
    assert digest(once) != digest(scene)
    assert digest(mirrored(once)) == digest(scene)


@pytest.mark.parametrize("border", [BORDER, Border(0, 0, 0, 0), Border(3, 0, 0, 0), Border(0, 1, 0, 2)], ids=str)
@pytest.mark.parametrize("scene", built_in_scenes(), ids=lambda scene: scene.name)
def test_padded_is_the_scene_inside_its_own_background(scene: Scene, border: Border) -> None:
    around = padded(scene, border)
    height, width = scene.size
    inner = (slice(border.top, border.top + height), slice(border.left, border.left + width))

    assert around.size == (height + border.top + border.bottom, width + border.left + border.right)
    assert np.array_equal(around.pixels[inner], scene.pixels)
    for thing, before in zip(around.things, scene.things, strict=True):
        assert np.array_equal(thing.bitmap[inner], before.bitmap)
        assert thing.bitmap.sum() == before.bitmap.sum()
        assert thing.click == (before.click[0] + border.left, before.click[1] + border.top)
    drawn = np.any([thing.bitmap for thing in around.things], axis=0)
    nothing = cv2.dilate(drawn.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
    assert np.abs(around.pixels[nothing].astype(int) - scene.background).max() <= GRAIN + 2 * FALL


def test_border_differs_on_every_side() -> None:
    assert len(set(BORDER)) == 4


@pytest.mark.parametrize("scene", built_in_scenes(), ids=lambda scene: scene.name)
def test_grey_has_no_color_but_the_same_things(scene: Scene) -> None:
    dull = grey(scene)

    assert np.ptp(dull.pixels, axis=2).max() == 0
    assert [thing.bitmap.tobytes() for thing in dull.things] == [thing.bitmap.tobytes() for thing in scene.things]
    assert np.abs(dull.pixels[:, :, 0].astype(int) - cv2.cvtColor(scene.pixels, cv2.COLOR_RGB2GRAY)).max() <= 1


@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_innermost_pixel_is_in_any_mask(bitmap: NDArray[np.bool_]) -> None:
    assume(bitmap.any())

    x, y = innermost_pixel(bitmap)

    assert bitmap[y, x]
