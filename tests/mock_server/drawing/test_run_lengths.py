"""Run lengths as pycocotools writes them are read to the pixel; what it would not check is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pycocotools import mask as coco

from mock_server.annotations.annotated_image import Category, PatchCache, annotation_from_runs
from mock_server.drawing.run_lengths import (
    counts_from_runs,
    edges_of_runs,
    patch_from_runs,
    runs_from_bitmap,
    runs_from_counts,
)

Bitmap = NDArray[np.bool_]
BITMAPS = arrays(np.bool_, st.tuples(st.integers(1, 20), st.integers(1, 20)))
DOG = Category("dog", frozenset({"dog"}))


@given(BITMAPS)
@example(np.ones((1, 1), np.bool_))
@example(np.zeros((300, 300), np.bool_))
def test_runs_are_those_of_pycocotools(bitmap: Bitmap) -> None:
    counts = coco.encode(np.asfortranarray(bitmap.astype(np.uint8)))["counts"]

    runs = runs_from_bitmap(bitmap)

    assert counts_from_runs(runs, size=(bitmap.shape[0], bitmap.shape[1])) == counts
    assert np.array_equal(runs_from_counts(counts), runs)


@given(BITMAPS)
def test_patch_of_runs_is_the_mask_in_its_window(bitmap: Bitmap) -> None:
    size = (bitmap.shape[0], bitmap.shape[1])
    runs = runs_from_bitmap(bitmap)
    edges = edges_of_runs(runs, size=size)

    if edges is None:
        assert not bitmap.any()
        return
    patch = patch_from_runs(runs, edges, size=size)
    rows, columns = np.nonzero(bitmap)
    assert edges == (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    assert (patch.top, patch.left, patch.bottom, patch.right) == edges
    assert np.array_equal(patch.pixels, bitmap[edges[0] : edges[2], edges[1] : edges[3]])
    assert patch.area == bitmap.sum()


@pytest.mark.parametrize("runs", [[5, 0, 0, 2, 0, 3, 2], [0, 0, 5, 5, 2]], ids=str)
def test_runs_of_no_pixels_change_nothing(runs: list[int]) -> None:
    size, flat = (4, 3), np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    edges = edges_of_runs(np.array(runs), size=size)
    assert edges is not None

    patch = patch_from_runs(np.array(runs), edges, size=size)

    assert np.array_equal(patch.pixels, flat.reshape(3, 4).T[edges[0] : edges[2], edges[1] : edges[3]])


@given(st.binary(max_size=40))
def test_any_counts_are_read_or_refused(counts: bytes) -> None:
    try:
        runs = runs_from_counts(counts)
    except ValueError:
        return
    assert not runs.size or runs.min() >= 0
    assert runs.size == sum(not (character - 48) & 32 for character in counts)


def test_patches_are_drawn_once_within_bounds() -> None:
    size = (10, 10)
    squares = []
    for start in range(4):
        bitmap = np.zeros(size, np.bool_)
        bitmap[start : start + 3, start : start + 3] = True
        squares.append(annotation_from_runs(runs_from_bitmap(bitmap), category=DOG, size=size))
    cache = PatchCache(20)
    first, second, third = (square for square in squares[:3] if square is not None)

    drawn = cache.draw(first, size)

    assert cache.draw(first, size) is drawn
    assert not drawn.pixels.flags.writeable
    cache.draw(second, size)
    assert cache.draw(first, size) is drawn
    cache.draw(third, size)
    assert cache.draw(first, size) is drawn, "the one drawn longest ago goes first"
    assert PatchCache(5).draw(first, size).area == 9
