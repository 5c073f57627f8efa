from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from sam3_contract import masks
from sam3_contract.errors import MaskError, PolygonError
from sam3_contract.masks import Verdict, compare
from sam3_contract.testing import SPECIMENS, specimen
from tests.properties import examples

THOROUGHLY = examples(80)

bitmaps = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


def blob(height: int = 120, width: int = 160) -> np.ndarray:
    """One lopsided shape without holes, away from the border."""
    outline = [[30, 20], [25, 70], [60, 95], [110, 80], [100, 45], [70, 50], [60, 25]]
    canvas = np.zeros((height, width), np.uint8)
    cv2.fillPoly(canvas, [np.array(outline, np.int32)], 1)
    return canvas.astype(np.bool_)


def rle_of(bitmap: np.ndarray) -> dict[str, object]:
    return masks.rle_from_bitmap(np.ascontiguousarray(bitmap))


SIZE = (120, 160)


@pytest.mark.parametrize("name", SPECIMENS)
def test_forms_of_a_specimen_are_equal(name: str) -> None:
    bitmap = specimen(name)
    size = bitmap.shape
    holes = "ring" in name or name == "checkerboard"

    assert compare(bitmap, rle_of(bitmap), image_size=size).verdict is Verdict.EQUAL
    found = compare(rle_of(bitmap), masks.polygons_from_bitmap(bitmap), image_size=size)
    assert found.same
    assert found.verdict is (Verdict.HOLES_FILLED if holes else Verdict.EQUAL)


@THOROUGHLY
@given(bitmaps, bitmaps)
def test_measures_equal_numpy(first: np.ndarray, second: np.ndarray) -> None:
    second = np.resize(second, first.shape)

    found = compare(first, rle_of(second), image_size=first.shape)

    together = int((first | second).sum())
    assert found.differing_pixels == (first ^ second).sum()
    assert found.iou == pytest.approx((first & second).sum() / together if together else 1.0)
    assert (found.verdict is Verdict.EQUAL) == np.array_equal(first, second)
    assert type(found.iou) is float
    assert type(found.differing_pixels) is int


def test_filled_holes_are_counted() -> None:
    bitmap = specimen("ring_with_island")

    found = compare(bitmap, masks.polygons_from_bitmap(bitmap), image_size=bitmap.shape)

    assert found.explanation == "the second mask is the first with its holes filled: 19 pixels"
    assert found.differing_pixels == 19


@pytest.mark.parametrize(("dx", "dy"), [(1, 0), (0, -3), (-7, 5), (45, 0), (0, 40), (-28, -22), (60, 30)])
def test_shift_is_measured(dx: int, dy: int) -> None:
    """Also where a part of the mask has left the image."""
    moved = cv2.warpAffine(blob().astype(np.uint8), np.array([[1, 0, dx], [0, 1, dy]], np.float64), SIZE[::-1])

    found = compare(blob(), rle_of(moved.astype(np.bool_)), image_size=SIZE)

    assert (found.verdict, found.shift) == (Verdict.SHIFTED, (dx, dy))


@pytest.mark.parametrize(
    ("wrong", "verdict"),
    [
        (rle_of(blob().T), Verdict.TRANSPOSED),
        ({**rle_of(blob()), "size": [160, 120]}, Verdict.TRANSPOSED),
        ([[p[::-1] for p in ring] for ring in masks.polygons_from_bitmap(blob())], Verdict.TRANSPOSED),
        (rle_of(~blob()), Verdict.INVERTED),
        (rle_of(blob().ravel().reshape(SIZE, order="F")), Verdict.ROW_MAJOR),
        (
            [[[x * 1008 // 160, y * 1008 // 120] for x, y in ring] for ring in masks.polygons_from_bitmap(blob())],
            Verdict.SCALED,
        ),
        ([[[x / 160, y / 120] for x, y in ring] for ring in masks.polygons_from_bitmap(blob())], Verdict.SCALED),
        (
            rle_of(cv2.resize(blob().astype(np.uint8), (1008, 1008), interpolation=0).astype(np.bool_)),
            Verdict.SCALED,
        ),
        (rle_of(cv2.resize(blob().astype(np.uint8), (80, 60), interpolation=0).astype(np.bool_)), Verdict.SCALED),
        ([[[x // 2, y // 2] for x, y in ring] for ring in masks.polygons_from_bitmap(blob())], Verdict.SCALED),
        ([[[5, 5]]], Verdict.DIFFERENT),
        ([[]], Verdict.DIFFERENT),
    ],
    ids=[
        "bitmap transposed",
        "size swapped",
        "x and y swapped",
        "inverted",
        "row-major",
        "model frame",
        "normalised",
        "RLE in the model frame",
        "RLE of half size",
        "half size in the image",
        "elsewhere",
        "empty",
    ],
)
def test_mistake_is_diagnosed(wrong: object, verdict: Verdict) -> None:
    found = compare(blob(), wrong, image_size=SIZE)

    assert found.verdict is verdict
    assert not found.same
    assert found.iou < 1.0


def test_model_frame_is_named_where_polygons_are_smaller_than_the_image() -> None:
    """An image larger than the frame: nothing lies outside, so only the comparison can tell."""
    bitmap = cv2.resize(blob().astype(np.uint8), (2000, 1500), interpolation=0).astype(np.bool_)
    rings = [[[x * 1008 // 2000, y * 1008 // 1500] for x, y in ring] for ring in masks.polygons_from_bitmap(bitmap)]

    found = compare(rle_of(bitmap), rings, image_size=(1500, 2000))

    assert found.verdict is Verdict.SCALED
    assert "in the model's frame of 1008 x 1008" in found.explanation


def test_largest_part_is_recognised() -> None:
    bitmap = blob()
    bitmap[5:9, 140:150] = True

    found = compare(bitmap, masks.polygons_from_bitmap(blob()), image_size=SIZE)

    assert found.verdict is Verdict.LARGEST_PART
    assert "only the largest of 2 parts" in found.explanation


def test_difference_is_measured_at_the_boundary() -> None:
    grown = cv2.dilate(blob().astype(np.uint8), np.ones((7, 7), np.uint8)).astype(np.bool_)

    found = compare(blob(), grown, image_size=SIZE)

    assert found.verdict is Verdict.DIFFERENT
    assert found.boundary_distance is not None
    assert 3.0 <= found.boundary_distance <= 5.0
    assert "boundaries at most" in found.explanation


@pytest.mark.parametrize("first_empty", [True, False])
def test_empty_mask_is_said_to_be_empty(first_empty: bool) -> None:
    pair = (np.zeros(SIZE, np.bool_), blob()) if first_empty else (blob(), np.zeros(SIZE, np.bool_))

    found = compare(*pair, image_size=SIZE)

    assert found.explanation.startswith(f"the {'first' if first_empty else 'second'} mask is empty")
    assert found.boundary_distance is None


def test_what_is_no_mask_is_refused() -> None:
    with pytest.raises(MaskError, match="mask is int"):
        compare(blob(), 7, image_size=SIZE)
    with pytest.raises(PolygonError, match="an integer"):
        compare(blob(), [[[1.5, 2]]], image_size=SIZE)
    with pytest.raises(MaskError, match="limit 134217728 pixels"):
        compare({"size": [1, 1], "counts": "1"}, {"size": [1, 1], "counts": "1"}, image_size=(2**16, 2**16))
