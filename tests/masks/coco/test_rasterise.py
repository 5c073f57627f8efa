"""COCO's rings cover the pixels that pycocotools reads, and rings traced from pixels give those pixels back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as pycoco
from scipy import ndimage

from sam3_contract.errors import PolygonError
from sam3_contract.masks import counts_from_run_lengths, flat_rings_from_run_lengths, run_lengths_from_bitmap
from sam3_contract.masks.coco import rasterise
from sam3_contract.masks.coco.rasterise import run_lengths_from_flat_rings
from tests.properties import examples

THOROUGHLY = examples(200)

coordinates = st.one_of(
    st.integers(-4, 40).map(float),
    st.integers(-40, 400).map(lambda tenths: tenths / 10),
    st.floats(-60, 100, allow_nan=False, width=32),
)
flat_rings = st.lists(coordinates, min_size=6, max_size=16).map(lambda numbers: numbers[: len(numbers) // 2 * 2])
bitmaps = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=16))


def counts_of_pycocotools(rings: list[Any], size: tuple[int, int]) -> str:
    counts: bytes = pycoco.merge(pycoco.frPyObjects(rings, *size))["counts"]
    return counts.decode()


@THOROUGHLY
@given(st.lists(flat_rings, min_size=1, max_size=3), st.integers(1, 36), st.integers(1, 36))
@example([[10.33, 9.87, 30.41, 10.02, 64.0, 30.5, 10.12, 48.0]], 48, 64)  # x and y as large as the image
@example([[0.0, 0, 6, 0, 6, 4, 0, 4, 0, 0]], 4, 6)  # closed
@example([[1.0, 1, 5, 1, 5, 1]], 4, 6)  # without area
@example([[-30.0, -30, 90, -30, 90, 90, -30, 90]], 7, 5)  # around the whole image
def test_rings_cover_the_pixels_that_pycocotools_reads(rings: list[list[float]], height: int, width: int) -> None:
    size = (height, width)

    runs = run_lengths_from_flat_rings([np.array(ring) for ring in rings], image_size=size)

    assert counts_from_run_lengths(runs) == counts_of_pycocotools(rings, size)


@pytest.mark.parametrize("seed", range(3))
def test_large_rings_cover_the_pixels_that_pycocotools_reads(seed: int) -> None:
    generator = np.random.default_rng(seed)
    size = (1080, 1920)
    rings = [(generator.random(60) * np.tile(size[::-1], 30)).round(seed).tolist() for _ in range(2)]

    runs = run_lengths_from_flat_rings([np.array(ring) for ring in rings], image_size=size)

    assert counts_from_run_lengths(runs) == counts_of_pycocotools(rings, size)


def test_crossings_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rasterise, "MAX_CROSSINGS", 9)
    ring = np.array([0.0, 0, 6, 0, 6, 4, 0, 4])

    with pytest.raises(PolygonError, match="12 times, limit 9"):
        run_lengths_from_flat_rings([ring], image_size=(4, 6))


@THOROUGHLY
@given(bitmaps)
@example(np.array([[1, 0], [0, 1]], np.bool_))
@example(np.array([[0, 1], [1, 0]], np.bool_))
@example(np.array([[1, 1, 1], [1, 0, 1], [0, 1, 1]], np.bool_))  # a gap that leads out over a corner is no hole
@example(np.pad(np.pad(np.ones((1, 1), np.bool_), 1), 1, constant_values=True))  # an island in a hole
def test_traced_rings_give_the_pixels_back_but_for_holes(bitmap: np.ndarray) -> None:
    rings = flat_rings_from_run_lengths(run_lengths_from_bitmap(bitmap), size=bitmap.shape)

    # A part's pixels share sides, and gaps lead out over corners.
    assert len(rings) == ndimage.label(bitmap)[1]
    assert all(len(ring) >= 8 for ring in rings)
    outside, _ = ndimage.label(~np.pad(bitmap, 1), structure=np.ones((3, 3)))
    filled = (outside != outside[0, 0])[1:-1, 1:-1]
    if rings:
        expected: bytes = pycoco.encode(np.asfortranarray(filled.astype(np.uint8)))["counts"]
        assert counts_of_pycocotools(rings, bitmap.shape) == expected.decode()


def test_outline_of_too_many_points_is_refused() -> None:
    bitmap = np.indices((600, 600)).sum(axis=0) % 2 == 0

    with pytest.raises(PolygonError, match="the outline has 720000 points, limit 262144") as refusal:
        flat_rings_from_run_lengths(run_lengths_from_bitmap(bitmap), size=bitmap.shape)

    assert refusal.value.code == "POL14"
