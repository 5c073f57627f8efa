"""Geometry on runs against the same on bitmaps, with OpenCV and pycocotools as oracles."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as pycoco

from sam3_contract import masks
from sam3_contract.errors import RleError
from sam3_contract.testing import SPECIMENS, specimen
from tests.properties import examples

THOROUGHLY = examples(80)


@st.composite
def stacks(draw: st.DrawFn) -> list[np.ndarray]:
    """Bitmaps of one size, sparse and dense."""
    shape = draw(st.tuples(st.integers(1, 14), st.integers(1, 14)))
    number = draw(st.integers(1, 4))
    return [draw(arrays(np.bool_, shape)) for _ in range(number)]


def runs_of(stack: list[np.ndarray]) -> list[np.ndarray]:
    return [masks.run_lengths_from_bitmap(bitmap) for bitmap in stack]


def holes_filled_by_opencv(bitmap: np.ndarray) -> np.ndarray:
    padded = np.pad(~bitmap, 1, constant_values=True).astype(np.uint8)
    _, labels = cv2.connectedComponents(padded, connectivity=4)
    return (labels != labels[0, 0])[1:-1, 1:-1]


@THOROUGHLY
@given(stacks())
def test_overlap_equals_pycocotools(stack: list[np.ndarray]) -> None:
    rles = [pycoco.encode(np.asfortranarray(bitmap.view(np.uint8))) for bitmap in stack]

    matrix = masks.iou_matrix(runs_of(stack), runs_of(stack))

    # pycocotools gives two empty masks an IoU of 0; they are equal.
    theirs = pycoco.iou(rles, rles, [0] * len(rles))
    empty = np.array([not bitmap.any() for bitmap in stack])
    theirs[np.ix_(empty, empty)] = 1.0
    assert np.allclose(matrix, theirs)


@THOROUGHLY
@given(stacks())
def test_set_operations_equal_numpy(stack: list[np.ndarray]) -> None:
    height, width = stack[0].shape
    joined = masks.union(runs_of(stack))
    common = masks.intersection(runs_of(stack))

    assert np.array_equal(masks.bitmap_from_run_lengths(joined, size=(height, width)), np.any(stack, axis=0))
    assert np.array_equal(masks.bitmap_from_run_lengths(common, size=(height, width)), np.all(stack, axis=0))
    assert masks.is_canonical(masks.rle_from_run_lengths(joined, size=(height, width)))
    assert masks.is_canonical(masks.rle_from_run_lengths(common, size=(height, width)))


@THOROUGHLY
@given(stacks())
def test_holes_equal_opencv(stack: list[np.ndarray]) -> None:
    for bitmap in stack:
        height, width = bitmap.shape
        filled = masks.holes_filled(masks.run_lengths_from_bitmap(bitmap), size=(height, width))

        drawn = masks.bitmap_from_run_lengths(filled, size=(height, width))

        assert np.array_equal(drawn, holes_filled_by_opencv(bitmap))
        assert masks.is_canonical(masks.rle_from_run_lengths(filled, size=(height, width)))


@THOROUGHLY
@given(stacks())
def test_parts_equal_opencv(stack: list[np.ndarray]) -> None:
    for bitmap in stack:
        height, width = bitmap.shape
        number, labels = cv2.connectedComponents(bitmap.astype(np.uint8), connectivity=8)
        expected = {(labels == label).tobytes() for label in range(1, number)}

        parts = masks.parts_of_run_lengths(masks.run_lengths_from_bitmap(bitmap), size=(height, width))

        drawn = [masks.bitmap_from_run_lengths(part, size=(height, width)) for part in parts]
        assert {np.ascontiguousarray(part).tobytes() for part in drawn} == expected
        areas = [int(part.sum()) for part in drawn]
        assert areas == sorted(areas, reverse=True)


@pytest.mark.parametrize("name", SPECIMENS)
def test_specimen_is_measured(name: str) -> None:
    bitmap = specimen(name)
    runs = masks.run_lengths_from_bitmap(bitmap)

    box = masks.box_of_run_lengths(runs, height=bitmap.shape[0])

    assert masks.area_of_run_lengths(runs) == bitmap.sum()
    assert box == tuple(cv2.boundingRect(bitmap.view(np.uint8)))


def test_long_spiral_is_one_part() -> None:
    """A path that turns at every column is the worst case for labels that spread from run to run."""
    bitmap = np.zeros((200, 201), np.bool_)
    bitmap[:, ::2] = True
    bitmap[0, 1::4] = True
    bitmap[-1, 3::4] = True

    parts = masks.parts_of_run_lengths(masks.run_lengths_from_bitmap(bitmap), size=(200, 201))

    assert len(parts) == 1


def test_masks_of_different_sizes_are_refused() -> None:
    with pytest.raises(RleError, match="4 to 6 pixels, expected one size"):
        masks.iou(np.array([4]), np.array([6]))
    with pytest.raises(RleError, match="expected one size"):
        masks.union([np.array([4]), np.array([6])])
