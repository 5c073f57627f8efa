from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from sam3_contract import masks
from sam3_contract.errors import RleError, UsageError
from sam3_contract.testing import (
    SPECIMENS,
    assert_masks_equal,
    bitmap_from_drawing,
    check_answer,
    specimen,
    write_difference,
)

if TYPE_CHECKING:
    from pathlib import Path


def forms_of(bitmap: np.ndarray) -> list[Any]:
    runs = masks.run_lengths_from_bitmap(bitmap)
    return [
        bitmap,
        masks.rle_from_bitmap(bitmap),
        {"size": list(bitmap.shape), "counts": runs.tolist()},
        masks.polygons_from_bitmap(bitmap),
    ]


@pytest.mark.parametrize("name", SPECIMENS)
def test_all_forms_of_a_specimen_are_equal(name: str) -> None:
    bitmap = specimen(name)

    for expected in forms_of(bitmap):
        for actual in forms_of(bitmap):
            assert_masks_equal(expected, actual, image_size=bitmap.shape, holes_matter=False)


def test_specimens_differ_from_each_other() -> None:
    assert len({masks.rle_from_bitmap(specimen(name))["counts"] for name in SPECIMENS}) == len(SPECIMENS)
    assert not specimen("empty").any()
    assert specimen("full").all()
    assert len(masks.parts_of_run_lengths(masks.run_lengths_from_bitmap(specimen("two_parts")), size=(5, 8))) == 2


def test_holes_matter_unless_said_otherwise() -> None:
    ring = specimen("ring")

    with pytest.raises(AssertionError, match="with its holes filled: 6 pixels"):
        assert_masks_equal(ring, masks.polygons_from_bitmap(ring))
    assert_masks_equal(ring, masks.polygons_from_bitmap(ring), holes_matter=False)


def test_message_explains_the_difference() -> None:
    expected = np.zeros((40, 60), np.bool_)
    expected[10:20, 10:30] = True

    with pytest.raises(AssertionError) as caught:
        assert_masks_equal(expected, np.roll(expected, 3, axis=1))

    assert str(caught.value) == (
        "masks differ in 60 of 2400 pixels, IoU 0.7391, expected at least 1.0:\n"
        "the second mask is the first, moved by 3 px to the right\n"
        "(the first mask is the expected one, 200 pixels; the second the actual one, 200 pixels)"
    )


def test_overlap_may_be_less_than_full() -> None:
    expected = np.zeros((40, 60), np.bool_)
    expected[10:20, 10:30] = True

    assert_masks_equal(expected, np.roll(expected, 1, axis=1), iou=0.9)
    with pytest.raises(AssertionError, match=r"IoU 0\.9048, expected at least 0\.91"):
        assert_masks_equal(expected, np.roll(expected, 1, axis=1), iou=0.91)


def test_picture_shows_missing_and_added(tmp_path: Path) -> None:
    file = tmp_path / "difference.png"

    with pytest.raises(AssertionError, match=r"picture of the difference: .*difference\.png"):
        assert_masks_equal(specimen("line"), specimen("line")[:, ::-1] ^ specimen("line"), difference=file)

    picture = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (3 * 73, 7 * 73, 3)
    colours = {tuple(colour) for colour in picture[::73, ::73].reshape(-1, 3).tolist()}
    assert colours == {(255, 255, 255), (180, 119, 31)}


def test_picture_of_unknown_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ends in no image type"):
        write_difference(specimen("line"), specimen("line"), image_size=(3, 7), file=tmp_path / "difference.mask")


def test_image_size_must_be_known() -> None:
    with pytest.raises(UsageError, match=r"pass image_size=\(height, width\)"):
        assert_masks_equal([[[1, 1]]], [[[1, 1]]])


def test_broken_mask_is_an_error_of_its_own() -> None:
    with pytest.raises(RleError, match="runs of 9 pixels"):
        assert_masks_equal(specimen("line"), {"size": [3, 7], "counts": "522"})


def test_unknown_specimen_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no specimen named 'blob'; there are one_pixel, line"):
        specimen("blob")
    with pytest.raises(UsageError, match=r"rows have lengths \[1, 2\]"):
        bitmap_from_drawing(("#", "##"))


@pytest.mark.parametrize(
    ("image", "operation", "said"),
    [
        ("photo.jpg", None, "image is str, expected the bytes of the file, or"),
        (np.zeros((4, 6, 3), np.uint8), None, "image is ndarray, expected the bytes of the file, or"),
        ((4, 6, 3), None, "image is tuple, expected the bytes of the file, or"),
        (None, "embed_image", "operation is 'embed_image', expected concept_segment or visual_segment"),
    ],
)
def test_what_an_answer_cannot_be_held_to_is_no_fault_of_the_answer(image: Any, operation: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_answer({"time": 0.1, "predictions": []}, image, operation=operation)
