from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as pycoco

from sam3_contract import masks
from sam3_contract.errors import RleError
from sam3_contract.testing import SPECIMENS, specimen
from tests.properties import examples

THOROUGHLY = examples(80)

bitmaps = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


@pytest.mark.parametrize("name", SPECIMENS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_specimen_is_encoded_as_pycocotools_does(name: str, order: str) -> None:
    bitmap = np.array(specimen(name), order=order)

    rle = masks.rle_from_bitmap(bitmap)

    assert rle["counts"].encode() == pycoco.encode(np.asfortranarray(bitmap.view(np.uint8)))["counts"]
    assert np.array_equal(masks.bitmap_from_rle(rle), bitmap)


@THOROUGHLY
@given(bitmaps)
def test_round_trip_is_identity(bitmap: np.ndarray) -> None:
    rle = masks.rle_from_bitmap(bitmap)

    decoded = masks.bitmap_from_rle(json.loads(json.dumps(rle)))

    assert decoded.dtype == np.bool_
    assert np.array_equal(decoded, bitmap)
    assert rle["counts"].encode() == pycoco.encode(np.asfortranarray(bitmap.view(np.uint8)))["counts"]


@THOROUGHLY
@given(bitmaps)
def test_views_are_encoded_as_copies(bitmap: np.ndarray) -> None:
    wide = np.repeat(bitmap, 2, axis=1)

    assert masks.rle_from_bitmap(wide[:, ::2]) == masks.rle_from_bitmap(bitmap)
    assert masks.rle_from_bitmap(wide[::-1, ::-2]) == masks.rle_from_bitmap(np.ascontiguousarray(bitmap[::-1, ::-1]))


@THOROUGHLY
@given(st.lists(st.integers(0, 2**29 - 1), min_size=1, max_size=12))
def test_any_runs_survive_the_text(runs: list[int]) -> None:
    """Also runs as long as the limit allows, whose differences take all seven characters."""
    run_lengths = np.array([runs[0], *(run + 1 for run in runs[1:])])
    text = masks.counts_from_run_lengths(run_lengths)

    from_many = masks.counts_from_run_lengths_of_many(
        np.concatenate([run_lengths, run_lengths]), offsets=np.array([0, len(runs), 2 * len(runs)])
    )

    assert from_many == [text, text]
    if 0 < run_lengths.sum() < 2**29:
        assert np.array_equal(masks.run_lengths_from_counts(text, size=(1, int(run_lengths.sum()))), run_lengths)


def test_uncompressed_counts_are_read() -> None:
    assert masks.run_lengths_from_rle({"size": [4, 6], "counts": [5, 2, 17]}).tolist() == [5, 2, 17]


def test_bytes_of_pycocotools_are_read() -> None:
    assert masks.run_lengths_from_rle({"size": [4, 6], "counts": b"5220;"}).tolist() == [5, 2, 2, 2, 13]


@pytest.mark.parametrize(
    ("rle", "code", "message"),
    [
        ({"size": [4, 6], "counts": "522"}, "RLE18", "$.counts is runs of 9 pixels, expected 24 pixels (4 x 6)"),
        ({"size": [4, 6], "counts": [5, -2, 21]}, "RLE16", "$.counts is -2, expected runs of at least 1 pixel"),
        ({"size": [4, 6], "counts": [5, 2.5]}, "RLE23", "$.counts[1] is 2.5, expected an integer"),
        ({"size": [0, 6], "counts": "0"}, "RLE02", "$.size is [0, 6], expected sides of at least 1 pixel"),
        (7, "MSK01", "$ is 7, expected an object"),
    ],
)
def test_error_names_value_and_expectation(rle: object, code: str, message: str) -> None:
    with pytest.raises(RleError) as caught:
        masks.run_lengths_from_rle(rle)

    assert caught.value.code == code
    assert str(caught.value).startswith(message)


def test_bitmap_of_other_type_is_refused() -> None:
    with pytest.raises(RleError, match=r"uint8 of shape \(2, 2\), expected bool"):
        masks.rle_from_bitmap(np.zeros((2, 2), np.uint8))  # type: ignore[arg-type]


def test_decoding_is_bounded() -> None:
    rle = masks.rle_from_run_lengths(np.array([2**28]), size=(2**14, 2**14))

    assert masks.is_canonical(rle)
    with pytest.raises(RleError, match="limit 134217728"):
        masks.bitmap_from_rle(rle)
