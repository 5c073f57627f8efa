"""COCO's segmentations are judged by COCO's rules, and the odd ring is named."""

from __future__ import annotations

from typing import Any

import pytest

from sam3_contract.errors import MaskError
from sam3_contract.masks import CocoSegmentation, bitmap_from_masks, compare, find_defects

SQUARE = [1, 1, 3, 1, 3, 3, 1, 3]


def found_in(segmentation: Any, image_size: tuple[int, int] | None = (48, 64)) -> list[tuple[str, str]]:
    findings = find_defects(CocoSegmentation(segmentation), image_size=image_size, path="$.segmentation")
    return [(finding.name, finding.path.removeprefix("$.segmentation")) for finding in findings]


@pytest.mark.parametrize(
    "segmentation",
    [
        [[10.33, 9.87, 30.41, 10.02, 64.0, 30.5, 10.12, 48.0]],
        [[0, 0, 64, 0, 64, 48, 0, 48]],
        [[*SQUARE, 1, 1]],  # closed
        [SQUARE, [2, 2, 5, 2, 5, 5, 2, 5]],  # overlapping
        {"size": [48, 64], "counts": [490, 20, 2562]},
        {"size": [48, 64], "counts": [0, 3072]},
    ],
)
def test_ordinary_segmentations_have_no_defect(segmentation: Any) -> None:
    assert found_in(segmentation) == []


@pytest.mark.parametrize(
    ("segmentation", "name", "place"),
    [
        ([SQUARE, [40, 40, 45, 45]], "ring_too_short", "[1]"),
        ([SQUARE, SQUARE, []], "ring_too_short", "[2]"),
        ([SQUARE, [1, 1, 3, 1, 3, 3, 2]], "ring_of_odd_length", "[1]"),
        ([SQUARE, [[1, 1], [3, 1], [3, 3]]], "ring_not_flat", "[1]"),
        ([SQUARE, {"x": 1}], "ring_not_flat", "[1]"),
        ([SQUARE, [1, 1, None, 1, 3, 3]], "coordinate_not_number", "[1][2]"),
        ([SQUARE, [1, 1, "3", 1, 3, 3]], "coordinate_not_number", "[1][2]"),
        ([SQUARE, [1, 1, True, 1, 3, 3]], "coordinate_not_number", "[1][2]"),
        ([SQUARE, [1, 1, float("inf"), 1, 3, 3]], "coordinate_not_finite", "[1][2]"),
        ([SQUARE, [1, 1, 3, 1e9, 3, 3]], "coordinate_too_large", "[1][3]"),
        ([SQUARE, [1, 1, 90, 1, 90, 3]], "coordinate_outside", "[1][2]"),
        ([SQUARE, [1, 1, 3, -9, 3, 3]], "coordinate_negative", "[1][2]"),
        ([[10, 10, 48, 10, 48, 60]], "axes_swapped", "[0][4]"),
        ([[10, 10, 1000, 10, 1000, 900]], "model_frame", "[0][2]"),
        ([[0.1, 0.1, 0.5, 0.1, 0.5, 0.5]], "coordinates_normalised", "[0][0]"),
        ([SQUARE, [1, 1, 64.4, 1, 64.4, 3]], "coordinate_clipped", "[1][2]"),
        ([SQUARE, [7, 7, 7, 9, 7, 12]], "ring_draws_nothing", "[1]"),
        ([[7, 7, 7, 9, 7, 12]], "mask_empty", ""),
        ([[10, 10], [30, 10], [30, 30]], "ring_not_flat", ""),
        ([[10, 10], [30, 10]], "ring_too_short", "[0]"),
        ([[10, 10], [30, 10], []], "ring_too_short", "[0]"),
        (SQUARE, "segmentation_not_nested", ""),
        ([], "segmentation_missing", ""),
        (None, "segmentation_missing", ""),
        ("b'5220;'", "not_a_mask", ""),
    ],
)
def test_the_odd_ring_is_named(segmentation: Any, name: str, place: str) -> None:
    assert found_in(segmentation) == [(name, place)]


def test_uncompressed_counts_are_judged_as_any_rle() -> None:
    assert found_in({"size": [48, 64], "counts": [490, 20]}) == [("pixels_missing", ".counts")]


def test_place_is_not_judged_where_the_image_is_not_known() -> None:
    assert found_in([[10, 10, 9000, 10, 9000, 900]], image_size=None) == []
    assert found_in([[10, 10, 9000, 10, -9000, 900]], image_size=None) == [("coordinate_negative", "[0][4]")]


def test_what_lies_a_little_outside_is_cut_off() -> None:
    bitmap = bitmap_from_masks(CocoSegmentation([[4, 1, 6.8, 1, 6.8, 3, 4, 3]]), image_size=(4, 6))

    assert bitmap.sum() == 4


def test_segmentation_is_compared_with_masks_of_the_service() -> None:
    same = compare(CocoSegmentation([SQUARE]), [[[1, 1], [1, 2], [2, 2], [2, 1]]], image_size=(4, 6))
    crowd = compare(
        CocoSegmentation({"size": [4, 6], "counts": [5, 2, 2, 2, 13]}), [SQUARE_OF_PIXELS], image_size=(4, 6)
    )

    assert same.same
    assert crowd.same


SQUARE_OF_PIXELS = [[1, 1], [1, 2], [2, 2], [2, 1]]


@pytest.mark.parametrize("segmentation", [None, [], "x", [[1, 1, 2, 2]], [[1, 1, 90, 1, 90, 3]]])
def test_what_is_not_sound_is_not_drawn(segmentation: Any) -> None:
    with pytest.raises(MaskError) as refusal:
        bitmap_from_masks(CocoSegmentation(segmentation), image_size=(4, 6))

    assert refusal.value.code
