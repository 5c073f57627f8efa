"""Short texts read in Python are what numpy makes of them in a batch, and what pycocotools writes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from sam3_contract.masks.rle import batch
from sam3_contract.masks.rle.batch import parse_rles, unchecked_run_lengths
from sam3_contract.masks.rle.breach import Breach
from sam3_contract.masks.rle.encode import counts_from_few, counts_from_run_lengths_of_many
from sam3_contract.masks.rle.short import SHORT, run_lengths_from_short, sound_run_lengths

SIDE = 40
RUNS = st.lists(st.integers(-3, 90) | st.integers(0, SIDE * SIDE), min_size=1, max_size=24)
MASKS = st.lists(st.integers(1, 90), min_size=1, max_size=24).map(lambda runs: [*runs, max(SIDE * SIDE - sum(runs), 0)])
ALPHABET = st.text(st.sampled_from([chr(code) for code in range(48, 112)]), min_size=1, max_size=SHORT)
ODD = st.text(st.sampled_from("0125;`aoP~/\x7f\u0660\u00df"), min_size=1, max_size=9)


def text_of(runs: list[int]) -> str:
    """Compress runs as batches are."""
    [counts] = counts_from_run_lengths_of_many(np.array(runs, np.int64), offsets=np.array([0, len(runs)]))
    return counts


@given(runs=RUNS | MASKS)
def test_few_runs_are_compressed_as_many_are(runs: list[int]) -> None:
    assert counts_from_few(runs) == text_of(runs)


@given(runs=st.lists(st.integers(1, 90), min_size=1, max_size=24))
def test_few_runs_are_compressed_as_pycocotools_does(runs: list[int]) -> None:
    theirs = coco.frPyObjects({"size": [sum(runs), 1], "counts": runs}, sum(runs), 1)

    assert counts_from_few(runs) == theirs["counts"].decode("ascii")


@given(counts=ALPHABET | (RUNS | MASKS).map(text_of) | ODD)
def test_sound_text_is_told_as_in_a_batch(counts: str) -> None:
    rle = {"size": [SIDE, SIDE], "counts": counts}
    both = parse_rles([rle, rle])  # two are never read one by one
    sound = both.breaches[0] == Breach.NONE

    runs = both.run_lengths[: both.offsets[1]].tolist()

    assert sound_run_lengths(counts, pixels=SIDE * SIDE) == (runs if sound else None)
    alone = parse_rles([rle])
    assert (alone.breaches[0], alone.run_lengths.tolist()) == (both.breaches[0], runs)


@given(counts=(RUNS | MASKS).map(text_of))
def test_runs_of_sound_characters_are_those_of_numpy(counts: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "SHORT", 0)
        by_numpy = unchecked_run_lengths(counts).tolist()

    assert run_lengths_from_short(counts) == by_numpy
    assert unchecked_run_lengths(counts).tolist() == by_numpy
