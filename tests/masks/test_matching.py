"""Masks are matched one to one, so that the overlaps have the largest sum."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sam3_contract.masks import matched

OVERLAPS = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.9, 1.0]))
)


def best_sum(overlaps: np.ndarray, least: float) -> float:
    """Try every matching there is."""
    wide = overlaps if overlaps.shape[0] <= overlaps.shape[1] else overlaps.T
    worth = np.where(wide >= least, wide, 0.0)
    choices = permutations(range(wide.shape[1]), wide.shape[0])
    return max(sum(worth[row, column] for row, column in enumerate(chosen)) for chosen in choices)


@given(OVERLAPS)
def test_no_other_matching_overlaps_more(overlaps: np.ndarray) -> None:
    pairs = matched(overlaps, least=0.1)

    rows, columns = [row for row, _ in pairs], [column for _, column in pairs]
    assert len(set(rows)) == len(set(columns)) == len(pairs)
    assert all(overlaps[pair] >= 0.1 for pair in pairs)
    assert np.isclose(sum(overlaps[pair] for pair in pairs), best_sum(overlaps, 0.1))


def test_equal_overlaps_go_to_what_is_nearer() -> None:
    overlaps, apart = np.ones((2, 2)), np.array([[0.5, 0.0], [0.0, 0.5]])

    assert matched(overlaps, least=0.1, apart=apart) == [(0, 1), (1, 0)]
    assert matched(overlaps, least=0.1, apart=1 - apart) == [(0, 0), (1, 1)]


def test_nothing_is_matched_below_the_least() -> None:
    assert matched(np.array([[0.05, 0.0]]), least=0.1) == []
