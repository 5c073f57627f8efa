"""Drawing and tracing against OpenCV, which sees only what our own bounds have let through."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from sam3_contract import masks
from sam3_contract.errors import PolygonError
from sam3_contract.masks.polygons.contours import survey_contours
from sam3_contract.masks.polygons.rings import read_rings
from sam3_contract.testing import SPECIMENS, specimen
from tests.properties import examples

THOROUGHLY = examples(80)

bitmaps = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))
points = st.tuples(st.integers(0, 15), st.integers(0, 15)).map(list)
polygons = st.lists(st.lists(points, min_size=1, max_size=8), min_size=1, max_size=4)


def blobs(seed: int, number: int) -> list[np.ndarray]:
    """Smooth random shapes with holes and islands, 40 to 90 pixels a side."""
    generator = np.random.default_rng(seed)
    shapes = generator.integers(40, 90, (number, 2))
    noise = [cv2.GaussianBlur(generator.random(tuple(shape)), (0, 0), generator.uniform(1, 5)) for shape in shapes]
    return [field > np.quantile(field, generator.uniform(0.3, 0.9)) for field in noise]


def traced_by_opencv(bitmap: np.ndarray) -> list[list[list[int]]]:
    found, _ = cv2.findContours(bitmap.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [contour[:, 0, :].tolist() for contour in found] or [[]]


def drawn_by_opencv(rings: list[list[list[int]]], size: tuple[int, int]) -> np.ndarray:
    canvas = np.zeros(size, np.uint8)
    cv2.fillPoly(canvas, [np.array(ring, np.int32) for ring in rings], 1)
    return canvas.astype(np.bool_)


@THOROUGHLY
@given(bitmaps)
def test_tracing_equals_opencv(bitmap: np.ndarray) -> None:
    height, width = bitmap.shape
    runs = masks.run_lengths_from_bitmap(bitmap)

    assert masks.polygons_from_bitmap(bitmap) == traced_by_opencv(bitmap)
    assert masks.polygons_from_run_lengths(runs, size=(height, width)) == traced_by_opencv(bitmap)


@THOROUGHLY
@given(bitmaps)
def test_polygon_round_trip_fills_holes_and_nothing_else(bitmap: np.ndarray) -> None:
    height, width = bitmap.shape
    rings = masks.polygons_from_bitmap(bitmap)
    filled = masks.holes_filled(masks.run_lengths_from_bitmap(bitmap), size=(height, width))

    runs = masks.run_lengths_from_polygons(rings, image_size=(height, width))

    assert np.array_equal(runs, filled)
    drawn = masks.bitmap_from_polygons(rings, image_size=(height, width))
    assert np.array_equal(masks.run_lengths_from_bitmap(drawn), filled)


@THOROUGHLY
@given(bitmaps)
def test_contours_pass_and_their_area_is_exact(bitmap: np.ndarray) -> None:
    rings = read_rings(masks.polygons_from_bitmap(bitmap))
    assert rings is not None

    assert masks.contour_breaches(rings) == []
    drawn = masks.bitmap_from_polygons(masks.polygons_from_bitmap(bitmap), image_size=bitmap.shape)
    assert masks.area_of_contours(rings) == drawn.sum()


@pytest.mark.parametrize("seed", range(6))
def test_blobs_survive(seed: int) -> None:
    for bitmap in blobs(seed, 20):
        height, width = bitmap.shape
        rings = masks.polygons_from_bitmap(bitmap)
        runs = masks.run_lengths_from_bitmap(bitmap)

        back = masks.run_lengths_from_polygons(rings, image_size=(height, width))

        assert rings == traced_by_opencv(bitmap)
        assert masks.polygons_from_run_lengths(runs, size=(height, width)) == rings
        assert np.array_equal(back, masks.holes_filled(runs, size=(height, width)))
        assert [f for f in masks.find_defects(rings, image_size=(height, width)) if f.severity != "note"] == []


@THOROUGHLY
@given(polygons)
def test_any_polygon_is_drawn_as_opencv_draws_it(rings: list[list[list[int]]]) -> None:
    """Crossing, overlapping and slanted rings too: pixels in two rings are background, boundaries foreground."""
    expected = drawn_by_opencv(rings, (16, 16))

    runs = masks.run_lengths_from_polygons(rings, image_size=(16, 16))

    assert np.array_equal(masks.bitmap_from_polygons(rings, image_size=(16, 16)), expected)
    assert np.array_equal(runs, masks.run_lengths_from_bitmap(expected))


@pytest.mark.parametrize("name", SPECIMENS)
def test_specimen_is_traced(name: str) -> None:
    bitmap = specimen(name)

    rings = masks.polygons_from_bitmap(bitmap)

    assert rings == traced_by_opencv(bitmap)
    assert (rings == [[]]) == (name == "empty")


@pytest.mark.parametrize(
    ("rings", "code", "message"),
    [
        ([[[1, 1], [1, 9]]], "POL09", r"\$\[0\]\[1\] is \[1, 9\], expected x below 8 and y below 6"),
        ([[1, 2, 3, 4, 5, 6]], "POL02", r"\$\[0\] is \[1, 2, 3, 4, \.\.\.\]"),
        ([[[1, 1], [10**8, 1]]], "POL13", "at most 32767 either way"),
        ({"size": 1}, "MSK01", "expected"),
    ],
)
def test_error_names_value_and_expectation(rings: object, code: str, message: str) -> None:
    with pytest.raises(PolygonError, match=message) as caught:
        masks.bitmap_from_polygons(rings, image_size=(6, 8))

    assert caught.value.code == code


def test_fill_that_would_take_long_is_refused() -> None:
    generator = np.random.default_rng(1)
    star = [generator.integers(0, 4096, (20_000, 2)).tolist()]
    rings = read_rings(star)
    assert rings is not None

    assert survey_contours(rings).fill_work > 2**32
    with pytest.raises(PolygonError, match="edges cross too often") as caught:
        masks.bitmap_from_polygons(star, image_size=(4096, 4096))
    assert caught.value.code == "POL28"


def test_image_beyond_the_limit_is_refused() -> None:
    with pytest.raises(PolygonError, match="expected sides of at least 1 and at most 134217728 pixels"):
        masks.bitmap_from_polygons([[[1, 1]]], image_size=(2**16, 2**16))


@pytest.mark.parametrize("seed", [7])
def test_traced_rings_need_no_lists(seed: int) -> None:
    for bitmap in blobs(seed, 20):
        height, width = bitmap.shape
        runs = masks.run_lengths_from_bitmap(bitmap)
        rings = masks.rings_from_run_lengths(runs, size=(height, width))

        assert masks.polygons_from_rings(rings) == masks.polygons_from_bitmap(bitmap)
        back = masks.run_lengths_from_rings(rings, image_size=(height, width))
        assert np.array_equal(back, masks.holes_filled(runs, size=(height, width)))
