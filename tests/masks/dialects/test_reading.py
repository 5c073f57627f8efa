"""Each dialect is read as its own program writes it, and what is not of it is refused by name."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as pycoco

from sam3_contract import masks
from sam3_contract.errors import RleError
from sam3_contract.masks import DIALECTS, Dialect, DialectRle, run_lengths_from_dialect
from tests.masks.dialects.writers import WRITERS, Bitmap, blob, label_studio

# pycocotools 2.0 hands numpy 2 its arrays in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

bitmaps = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20))


def read(dialect: str, counts: Any, size: tuple[int, int]) -> Bitmap:
    """Read a mask, and decode what we make of it with pycocotools."""
    runs = run_lengths_from_dialect(DialectRle(dialect, counts), image_size=size)  # type: ignore[arg-type]
    rle = masks.rle_from_run_lengths(runs, size=size)
    assert masks.is_canonical(rle)
    return pycoco.decode(rle).astype(bool)


def test_dialects_are_those_that_are_named() -> None:
    assert DIALECTS == get_args(Dialect) == tuple(WRITERS)


@pytest.mark.parametrize("dialect", WRITERS)
@given(bitmaps)
def test_mask_is_read_as_its_program_wrote_it(dialect: str, bitmap: Bitmap) -> None:
    assert np.array_equal(read(dialect, WRITERS[dialect](bitmap), bitmap.shape), bitmap)


@pytest.mark.parametrize("size", [(90, 130), (130, 90)])
@pytest.mark.parametrize("dialect", WRITERS)
def test_larger_mask_is_read_as_its_program_wrote_it(dialect: str, size: tuple[int, int]) -> None:
    bitmap = blob(*size)

    assert np.array_equal(read(dialect, WRITERS[dialect](bitmap), size), bitmap)


@given(bitmaps)
def test_brush_mask_of_numbers_that_seldom_repeat_is_read(bitmap: Bitmap) -> None:
    assert np.array_equal(read("label-studio", label_studio(bitmap, colours=True), bitmap.shape), bitmap)


def test_brush_mask_with_runs_longer_than_one_length_is_read() -> None:
    bitmap = np.zeros((200, 300), np.bool_)
    bitmap[150:] = True

    assert np.array_equal(read("label-studio", label_studio(bitmap), bitmap.shape), bitmap)


@pytest.mark.parametrize(
    ("dialect", "counts"),
    [
        ("kaggle", [6, 2, 10, 2]),
        ("kaggle", "6,2,10,2"),
        ("kaggle", " 6 2\n10 2 "),
        ("kaggle", "6 1 7 1 10 2"),
        ("start-length", [7, 2, 13, 2]),
        ("cvat", "0, 4, 1, 1, 2, 2"),
        ("cvat", [1, 2, 1, 2, 0, 1, 2, 2]),
        ("uncompressed", "5 2 2 2 13"),
        ("uncompressed", [5, 1, 0, 1, 2, 2, 13, 0]),
    ],
)
def test_other_spellings_of_a_block(dialect: str, counts: Any) -> None:
    block = np.zeros((4, 6), np.bool_)
    block[1:3, 1:3] = True

    assert np.array_equal(read(dialect, counts, (4, 6)), block)


@pytest.mark.parametrize("counts", ["", []])
@pytest.mark.parametrize("dialect", ["kaggle", "start-length"])
def test_nothing_is_a_mask_without_pixels(dialect: str, counts: Any) -> None:
    assert not read(dialect, counts, (4, 6)).any()


BRUSH = label_studio(np.ones((4, 6), np.bool_))


@pytest.mark.parametrize(
    ("dialect", "counts", "code", "said"),
    [
        ("kaggle", "5220;", "RLE06", "counts is '5220;', expected Kaggle's `start length` pairs"),
        ("kaggle", None, "RLE06", "counts is None"),
        ("kaggle", {}, "RLE06", "counts is a dict"),
        ("kaggle", "6 2 10 99999999999", "RLE06", "whole numbers from 0 to"),
        ("kaggle", "6 2 10", "RLE13", "counts holds 3 numbers"),
        ("kaggle", "0 2 10 2", "RLE16", "the first start is 0, expected 1 or more"),
        ("kaggle", "10 2 6 2", "RLE16", "span 1 of 2, counted from 0, begins at pixel 5, expected 11 or more"),
        ("kaggle", "24 2", "RLE19", "the last span ends at pixel 25, expected at most 24"),
        ("start-length", [6, -2], "RLE06", "counts is a list"),
        ("start-length", "23 2", "RLE19", "ends at pixel 25"),
        ("start-length", "6 3 8 2", "RLE16", "begins at pixel 8, expected 9 or more"),
        ("cvat", [4, 1, 1, 2], "RLE13", "counts holds 4 numbers"),
        ("cvat", [0.5, 4, 1, 1, 2, 2], "RLE06", "counts is a list"),
        ("cvat", [0, 4, 5, 1, 6, 2], "RLE05", r"the box is x 5..6, y 1..2, expected one inside the image of 6 x 4"),
        ("cvat", [0, 4, 2, 2, 1, 1], "RLE05", r"the box is x 2..1"),
        ("cvat", [0, 3, 1, 1, 2, 2], "RLE18", "runs of 3 pixels, expected the 4 of the box"),
        ("cvat", [0, 5, 1, 1, 2, 2], "RLE19", "runs of 5 pixels"),
        ("label-studio", [256, *BRUSH], "RLE23", "a byte is 256"),
        ("label-studio", BRUSH[:6], "RLE13", "ends after 6 bytes"),
        ("label-studio", BRUSH[:-2], "RLE13", "cut short"),
        ("label-studio", label_studio(np.ones((4, 7), np.bool_)), "RLE05", r"is of 28 pixels, expected the image's 24"),
        ("uncompressed", [5, 2, 16], "RLE18", "runs of 23 pixels, expected 24"),
        ("uncompressed", [5, 2, 18], "RLE19", "runs of 25 pixels"),
        ("uncompressed", "5220;", "RLE06", "expected run lengths"),
    ],
)
def test_what_is_not_of_the_dialect_is_refused(dialect: Dialect, counts: Any, code: str, said: str) -> None:
    with pytest.raises(RleError, match=said) as refused:
        run_lengths_from_dialect(DialectRle(dialect, counts), image_size=(4, 6))

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("size", "code"),
    [
        ([6, 4], "RLE04"),
        ([4, 7], "RLE05"),
        ([4.0, 6], "RLE01"),
        ("4", "RLE01"),
        ([0, 6], "RLE02"),
        ([9**9] * 2, "RLE03"),
    ],
)
def test_size_beside_the_mask_is_held_against_the_image(size: Any, code: str) -> None:
    with pytest.raises(RleError) as refused:
        run_lengths_from_dialect(DialectRle("kaggle", "6 2", size), image_size=(4, 6))

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("dialect", "counts"), [("start-length", "0 1"), ("cvat", [0, 1, 0, 0, 0, 0]), ("label-studio", BRUSH)]
)
def test_mask_too_large_to_be_drawn_is_refused(dialect: Dialect, counts: Any) -> None:
    with pytest.raises(RleError, match="limit"):
        run_lengths_from_dialect(DialectRle(dialect, counts), image_size=(2**14, 2**14))
