"""Masks as the mock writes them, against pycocotools and OpenCV on bitmaps of the whole image."""

from __future__ import annotations

import io
import json
import zipfile

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from mock_server.drawing.dice import Dice
from mock_server.drawing.encoding import confidence_from_permille, npz_from_patches, polygons_from_patch, rle_from_patch
from mock_server.drawing.patches import Patch
from mock_server.drawing.shapes import KINDS, compose
from sam3_contract import masks
from tests.mock_server.client import Bitmap

Size = tuple[int, int]


@st.composite
def patches_in_images(draw: st.DrawFn, largest: int = 14) -> tuple[Patch, Size]:
    """Draw a window anywhere in a small image, often as large as it, filled with noise or solid."""
    height, width = draw(st.tuples(st.integers(1, largest), st.integers(1, largest)))
    top, left = draw(st.integers(0, height) | st.just(0)), draw(st.integers(0, width) | st.just(0))
    rows = draw(st.integers(0, height - top) | st.just(height - top))
    columns = draw(st.integers(0, width - left) | st.just(width - left))
    solid = st.sampled_from([np.zeros((rows, columns), np.bool_), np.ones((rows, columns), np.bool_)])
    return Patch(top, left, draw(arrays(np.bool_, (rows, columns)) | solid)), (height, width)


def full(patch: Patch, size: Size) -> Bitmap:
    bitmap = np.zeros(size, np.bool_)
    bitmap[patch.top : patch.bottom, patch.left : patch.right] = patch.pixels
    return bitmap


def reference_rle(bitmap: Bitmap) -> dict[str, object]:
    encoded = coco.encode(np.asfortranarray(bitmap.view(np.uint8)))
    return {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")}


def reference_polygons(bitmap: Bitmap) -> list[list[list[int]]]:
    contours, _ = cv2.findContours(bitmap.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [contour.reshape(-1, 2).tolist() for contour in contours] or [[]]


PICTURED = {
    "no window": (Patch(0, 0, np.zeros((0, 0), np.bool_)), (4, 5)),
    "window without rows": (Patch(2, 1, np.zeros((0, 3), np.bool_)), (4, 5)),
    "empty window": (Patch(1, 1, np.zeros((2, 2), np.bool_)), (4, 5)),
    "full": (Patch(0, 0, np.ones((4, 5), np.bool_)), (4, 5)),
    "one pixel image": (Patch(0, 0, np.ones((1, 1), np.bool_)), (1, 1)),
    "first pixel": (Patch(0, 0, np.ones((1, 1), np.bool_)), (4, 5)),
    "last pixel": (Patch(3, 4, np.ones((1, 1), np.bool_)), (4, 5)),
    "one full column": (Patch(0, 2, np.ones((4, 1), np.bool_)), (4, 5)),
    "full columns side by side": (Patch(0, 1, np.ones((4, 3), np.bool_)), (4, 5)),
    "full columns apart": (Patch(0, 0, np.array([[1, 0, 1, 1]] * 4, np.bool_)), (4, 5)),
    "run over a column's end": (Patch(0, 1, np.array([[0, 1], [0, 1], [1, 0], [1, 0]], np.bool_)), (4, 5)),
    "full row": (Patch(2, 0, np.ones((1, 5), np.bool_)), (4, 5)),
    "all four borders": (Patch(0, 0, np.pad(np.zeros((2, 3), np.bool_), 1, constant_values=True)), (4, 5)),
    "one row image": (Patch(0, 1, np.array([[1, 0, 1]], np.bool_)), (1, 5)),
    "one column image": (Patch(1, 0, np.array([[1], [0], [1]], np.bool_)), (5, 1)),
}


@pytest.mark.parametrize("name", PICTURED)
def test_forms_of_a_special_mask_are_the_references(name: str) -> None:
    patch, size = PICTURED[name]

    assert rle_from_patch(patch, size=size) == reference_rle(full(patch, size))
    assert polygons_from_patch(patch) == reference_polygons(full(patch, size))


@given(patches_in_images())
def test_rle_is_what_pycocotools_writes(drawn: tuple[Patch, Size]) -> None:
    patch, size = drawn

    assert rle_from_patch(patch, size=size) == reference_rle(full(patch, size))


@given(patches_in_images())
def test_polygons_are_opencv_s_on_the_whole_image_in_its_order(drawn: tuple[Patch, Size]) -> None:
    patch, size = drawn

    assert polygons_from_patch(patch) == reference_polygons(full(patch, size))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("center", [(200, 150), (10, 290), (395, 5)], ids=["inside", "lower left", "upper right"])
def test_forms_of_a_composed_shape_are_the_references(kind: str, center: tuple[int, int]) -> None:
    size = (150, 200)
    patch = compose(kind, Dice("encoded"), center=center, radii=(90, 70), size=size)

    assert rle_from_patch(patch, size=size) == reference_rle(full(patch, size))
    assert polygons_from_patch(patch) == reference_polygons(full(patch, size))


def test_rle_of_a_huge_image_needs_no_bitmap_of_it() -> None:
    patch = Patch(19_998, 19_998, np.ones((2, 2), np.bool_))

    rle = rle_from_patch(patch, size=(20_000, 20_000))

    lengths = [19_998 * 20_000 + 19_998, 2, 19_998, 2]
    assert masks.run_lengths_from_counts(rle["counts"], size=(20_000, 20_000)).tolist() == lengths


@given(patches_in_images())
def test_both_forms_are_json(drawn: tuple[Patch, Size]) -> None:
    patch, size = drawn
    forms = [rle_from_patch(patch, size=size), polygons_from_patch(patch)]

    assert json.loads(json.dumps(forms)) == forms


def test_npz_of_no_mask_has_empty_arrays() -> None:
    with np.load(io.BytesIO(npz_from_patches([], size=(3, 4))), allow_pickle=False) as archive:
        assert archive["masks"].shape == (0, 3, 4)
        assert archive["low_res_masks"].shape == (0, 256, 256)


@given(patches_in_images(), st.integers(1, 3))
def test_npz_holds_the_masks_as_logits(drawn: tuple[Patch, Size], count: int) -> None:
    patch, size = drawn
    nothing = Patch(0, 0, np.zeros((0, 0), np.bool_))

    payload = npz_from_patches([patch, *[nothing] * (count - 1)], size=size)

    with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
        arrays_of = dict(archive)
    assert list(arrays_of) == ["masks", "low_res_masks"]
    assert arrays_of["masks"].dtype == arrays_of["low_res_masks"].dtype == np.float32
    assert arrays_of["masks"].shape == (count, *size)
    assert arrays_of["low_res_masks"].shape == (count, 256, 256)
    assert np.array_equal(arrays_of["masks"][0] >= 0, masks.bitmap_from_rle(rle_from_patch(patch, size=size)))
    assert not (arrays_of["masks"][1:] >= 0).any()
    assert masks.find_defects_in_npz(payload, image_size=size) == []


def test_low_resolution_logits_are_the_masks_on_a_grid() -> None:
    size = (300, 520)
    patch = compose("island", Dice("grid"), center=(520, 300), radii=(400, 200), size=size)
    rows = [cell * 300 // 256 for cell in range(256)]
    columns = [cell * 520 // 256 for cell in range(256)]

    with np.load(io.BytesIO(npz_from_patches([patch], size=size)), allow_pickle=False) as archive:
        low = archive["low_res_masks"][0] >= 0

    assert np.array_equal(low, full(patch, size)[np.ix_(rows, columns)])


def test_npz_is_the_same_bytes_each_time() -> None:
    patch, size = PICTURED["full columns apart"]

    payload = npz_from_patches([patch, patch], size=size)

    assert payload == npz_from_patches([patch, patch], size=size)
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        assert archive.testzip() is None


@pytest.mark.parametrize("permille", [0, 1, 10, 500, 880, 999, 1000])
def test_confidence_is_a_widened_32_bit_float(permille: int) -> None:
    confidence = confidence_from_permille(permille)

    assert type(confidence) is float
    assert confidence == float(np.float32(permille) / np.float32(1000))
    assert json.loads(json.dumps(confidence)) == confidence


def test_confidence_has_the_service_s_digits() -> None:
    assert [confidence_from_permille(permille) for permille in (880, 950)] == [0.8799999952316284, 0.949999988079071]
