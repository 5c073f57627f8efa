"""Instances are matched one to one, so that the overlaps have the largest sum."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam3_contract.masks import iou_matrix, run_lengths_from_bitmap
from sam3_contract.snapshots import Instance
from sam3_contract.snapshots.matching import LEAST_IOU, centroid, matched
from tests.snapshots.answers import SIZE, bitmap_of

SQUARES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(4, 9)), max_size=4)


def instance(x: int, y: int, side: int, confidence: float | None = 0.5) -> Instance:
    runs = run_lengths_from_bitmap(bitmap_of(x, y, side))
    return Instance.from_run_lengths(runs, size=SIZE, confidence=confidence, format="rle")


@given(SQUARES, SQUARES)
def test_matching_is_as_good_as_the_best_of_all_permutations(
    olds: list[tuple[int, int, int]], news: list[tuple[int, int, int]]
) -> None:
    old, new = [instance(*one) for one in olds], [instance(*one) for one in news]

    pairs = [pair for pair in matched(old, new) if pair[2] >= LEAST_IOU]

    assert len({row for row, _, _ in pairs}) == len({column for _, column, _ in pairs}) == len(pairs)
    overlaps = iou_matrix([one.run_lengths for one in old], [one.run_lengths for one in new])
    worth = np.where(overlaps >= LEAST_IOU, overlaps, 0)
    short, long = sorted((len(old), len(new)))
    table = worth if len(old) <= len(new) else worth.T
    best = max(sum(table[row, column] for row, column in enumerate(way)) for way in permutations(range(long), short))
    assert sum(overlap for _, _, overlap in pairs) == pytest.approx(best, abs=1e-4)


def test_matching_takes_the_best_sum_where_the_best_pair_first_leaves_one_alone() -> None:
    """Greedy matching takes the pair of IoU 0.82, and the other two do not meet."""
    old = [instance(0, 0, 20), instance(8, 0, 20)]
    new = [instance(2, 0, 20), instance(-1, 0, 20)]

    assert [(row, column) for row, column, _ in matched(old, new)] == [(0, 1), (1, 0)]


def test_matching_gives_equal_overlaps_to_the_nearer_confidence() -> None:
    old = [instance(0, 0, 20, 0.9), instance(0, 0, 20, 0.5)]
    new = [instance(0, 0, 20, 0.51), instance(0, 0, 20, 0.89)]

    assert [(row, column) for row, column, _ in matched(old, new)] == [(0, 1), (1, 0)]


def test_matching_leaves_what_hardly_overlaps_alone() -> None:
    assert matched([instance(0, 0, 10)], [instance(8, 8, 11)]) == []


def test_empty_masks_match_each_other() -> None:
    assert matched([instance(0, 0, 0)], [instance(0, 0, 0)]) == [(0, 0, 1.0)]


@given(st.integers(-5, 75), st.integers(-5, 55), st.integers(1, 80))
def test_centroid_is_the_mean_of_the_pixels(x: int, y: int, side: int) -> None:
    rows, columns = np.nonzero(bitmap_of(x, y, side))
    found = centroid(instance(x, y, side))

    if not rows.size:
        assert found is None
    else:
        assert found == pytest.approx((columns.mean(), rows.mean()))
