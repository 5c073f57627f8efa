"""Shapes against their inequalities, pixel by pixel, and against OpenCV's idea of parts and holes."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mock_server.drawing.dice import Dice
from mock_server.drawing.patches import Patch
from mock_server.drawing.shapes import KINDS, MAX_EXTENT, _integer_roots, compose, draw
from tests.mock_server.client import Bitmap
from tests.properties import examples

# Whether a pixel whose centre is (dx, dy) half pixels off the shape's is in a shape of half sides a and b.
INEQUALITIES: dict[str, Callable[[int, int, int, int], bool]] = {
    "ellipse": lambda a, b, dx, dy: dx * dx * b * b + dy * dy * a * a <= a * a * b * b,
    "rectangle": lambda a, b, dx, dy: abs(dx) <= a and abs(dy) <= b,
    "rhombus": lambda a, b, dx, dy: abs(dx) * b + abs(dy) * a <= a * b,
    "triangle": lambda a, b, dx, dy: abs(dy) <= b and 2 * abs(dx) * b <= a * (dy + b),
    "hourglass": lambda a, b, dx, dy: abs(dy) <= b and 3 * abs(dx) * b <= a * (b + 2 * abs(dy)),
}
CENTERS = st.tuples(st.integers(-30, 70), st.integers(-30, 70))
RADII = st.tuples(st.integers(1, 50), st.integers(1, 50))
SIZES = st.tuples(st.integers(1, 20), st.integers(1, 20))
LARGE_RADII = st.tuples(st.integers(40, 90), st.integers(40, 90))


def full(patch: Patch, size: tuple[int, int]) -> Bitmap:
    """Draw a patch into its image; fails if it does not fit."""
    bitmap = np.zeros(size, np.bool_)
    assert patch.top >= 0
    assert patch.left >= 0
    assert patch.bottom <= size[0]
    assert patch.right <= size[1]
    bitmap[patch.top : patch.bottom, patch.left : patch.right] = patch.pixels
    return bitmap


def parts_and_holes(bitmap: Bitmap) -> tuple[int, int, int]:
    """Count connected parts, holes, and parts inside of holes."""
    parts = cv2.connectedComponents(bitmap.view(np.uint8))[0] - 1
    _, hierarchy = cv2.findContours(bitmap.view(np.uint8), cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    parents = [] if hierarchy is None else hierarchy[0, :, 3].tolist()
    depths = []
    for parent in parents:
        depth = 0
        while parent >= 0:
            depth, parent = depth + 1, parents[parent]
        depths.append(depth)
    return parts, depths.count(1), depths.count(2)


@given(st.lists(st.integers(0, MAX_EXTENT**2), min_size=1, max_size=30))
@example([root * root - 1 for root in range(1, MAX_EXTENT + 1)])
@example([root * root for root in range(MAX_EXTENT + 1)])
def test_integer_roots_are_exact(values: list[int]) -> None:
    roots = _integer_roots(np.array(values, dtype=np.int64))

    assert roots.tolist() == list(map(math.isqrt, values))


@pytest.mark.parametrize("profile", INEQUALITIES)
@given(center=CENTERS, radii=RADII, size=SIZES)
def test_profile_is_drawn_as_its_inequality_says(
    profile: str, center: tuple[int, int], radii: tuple[int, int], size: tuple[int, int]
) -> None:
    (x, y), (a, b) = center, radii
    expected = [
        [INEQUALITIES[profile](a, b, 2 * column + 1 - x, 2 * row + 1 - y) for column in range(size[1])]
        for row in range(size[0])
    ]

    drawn = draw(profile, center=center, radii=radii, size=size)

    assert full(drawn, size).tolist() == expected


@pytest.mark.parametrize("radii", [(0, 0), (-5, 0), (0, -5)])
def test_at_least_one_half_pixel_is_drawn(radii: tuple[int, int]) -> None:
    drawn = draw("ellipse", center=(7, 5), radii=radii, size=(9, 9))

    assert np.argwhere(full(drawn, (9, 9))).tolist() == [[2, 3]]


@pytest.mark.parametrize(
    "center",
    [(-100, 10), (10, -100), (200, 10), (10, 200), (-(10**9), 10**9), (-19, 10), (10, -19), (59, 10), (10, 59)],
    ids=str,
)
@pytest.mark.parametrize("kind", KINDS)
def test_shape_outside_the_image_is_empty(kind: str, center: tuple[int, int]) -> None:
    drawn = compose(kind, Dice("away"), center=center, radii=(18, 18), size=(20, 20))

    assert drawn.area == 0
    assert not full(drawn, (20, 20)).any()


@pytest.mark.parametrize("kind", KINDS)
@given(center=CENTERS, radii=RADII, size=SIZES, number=st.integers(0, 99))
def test_kind_is_clipped_to_the_image(
    kind: str, center: tuple[int, int], radii: tuple[int, int], size: tuple[int, int], number: int
) -> None:
    margin = 100
    moved = (center[0] + 2 * margin, center[1] + 2 * margin)
    larger = (size[0] + 2 * margin, size[1] + 2 * margin)
    whole = full(compose(kind, Dice(str(number)), center=moved, radii=radii, size=larger), larger)

    clipped = compose(kind, Dice(str(number)), center=center, radii=radii, size=size)

    assert np.array_equal(full(clipped, size), whole[margin:-margin, margin:-margin])


@pytest.mark.parametrize("kind", KINDS)
@given(radii=LARGE_RADII, number=st.integers(0, 99))
@examples(20)
def test_kind_stays_within_its_radii(kind: str, radii: tuple[int, int], number: int) -> None:
    (a, b), size = radii, (200, 200)

    rows, columns = np.nonzero(full(compose(kind, Dice(str(number)), center=(200, 201), radii=radii, size=size), size))

    assert np.abs(2 * columns + 1 - 200).max() <= a
    assert np.abs(2 * rows + 1 - 201).max() <= b


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("ellipse", (1, 0, 0)),
        ("blob", (1, 0, 0)),
        ("rectangle", (1, 0, 0)),
        ("ring", (1, 1, 0)),
        ("rhombus", (1, 0, 0)),
        ("pair", (2, 0, 0)),
        ("triangle", (1, 0, 0)),
        ("island", (2, 1, 1)),
        ("hourglass", (1, 0, 0)),
    ],
)
@given(radii=LARGE_RADII, number=st.integers(0, 999))
def test_kind_has_its_parts_and_holes(
    kind: str, expected: tuple[int, int, int], radii: tuple[int, int], number: int
) -> None:
    drawn = compose(kind, Dice(str(number)), center=(200, 200), radii=radii, size=(200, 200))

    assert parts_and_holes(full(drawn, (200, 200))) == expected


def test_every_kind_is_told_apart() -> None:
    drawn = [compose(kind, Dice("same"), center=(100, 100), radii=(80, 60), size=(100, 100)) for kind in KINDS]

    assert len({full(patch, (100, 100)).tobytes() for patch in drawn}) == len(KINDS)


@pytest.mark.parametrize("kind", ["blob", "pair"])
def test_details_of_a_composed_kind_are_the_dice_s(kind: str) -> None:
    drawn = [
        compose(kind, Dice(str(number)), center=(100, 100), radii=(80, 60), size=(100, 100)) for number in range(8)
    ]

    assert len({full(patch, (100, 100)).tobytes() for patch in drawn}) > 1


@pytest.mark.parametrize("profile", INEQUALITIES)
def test_extent_is_bounded_on_a_huge_image(profile: str) -> None:
    drawn = draw(profile, center=(20_000, 20_000), radii=(10**6, 10**6), size=(20_000, 20_000))

    rows, columns = (np.flatnonzero(drawn.pixels.any(axis=axis)) for axis in (1, 0))
    assert np.ptp(rows) + 1 <= MAX_EXTENT
    assert np.ptp(columns) + 1 == MAX_EXTENT
    assert max(drawn.pixels.shape) <= MAX_EXTENT + 1
