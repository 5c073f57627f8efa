"""Patches against bitmaps of the whole image."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mock_server.drawing.patches import Patch, iou, union, without
from tests.mock_server.client import Bitmap

SIDE = 12
OFFSET = 8  # rows and columns of the canvas before the image's first, for windows that begin outside of it


@st.composite
def patches(draw: st.DrawFn) -> Patch:
    top, left = draw(st.integers(0, SIDE)), draw(st.integers(0, SIDE))
    shape = draw(st.tuples(st.integers(0, SIDE - top), st.integers(0, SIDE - left)))
    return Patch(top, left, draw(arrays(np.bool_, shape)))


def full(patch: Patch) -> Bitmap:
    canvas = np.zeros((SIDE + 2 * OFFSET, SIDE + 2 * OFFSET), np.bool_)
    rows = slice(patch.top + OFFSET, patch.bottom + OFFSET)
    columns = slice(patch.left + OFFSET, patch.right + OFFSET)
    canvas[rows, columns] = patch.pixels
    return canvas


@given(patches())
def test_area_and_edges_are_the_bitmap_s(patch: Patch) -> None:
    rows, columns = np.nonzero(full(patch))

    assert patch.area == rows.size
    assert all(patch.top <= row - OFFSET < patch.bottom for row in rows)
    assert all(patch.left <= column - OFFSET < patch.right for column in columns)


@given(st.lists(patches(), max_size=4))
def test_union_joins_bitmaps(parts: list[Patch]) -> None:
    before = [full(part) for part in parts]

    joined = union(parts)

    assert np.array_equal(full(joined), np.any([np.zeros_like(full(joined)), *before], axis=0))
    assert all(np.array_equal(full(part), bitmap) for part, bitmap in zip(parts, before, strict=True))


def test_union_of_nothing_is_an_empty_patch() -> None:
    assert union([]).pixels.shape == (0, 0)


@given(patches(), st.lists(patches(), max_size=4))
def test_without_takes_bitmaps_away(patch: Patch, others: list[Patch]) -> None:
    before = full(patch)

    rest = without(patch, others)

    assert np.array_equal(full(rest), before & ~np.any([np.zeros_like(before), *map(full, others)], axis=0))
    assert np.array_equal(full(patch), before)


@given(patches(), patches())
def test_iou_counts_the_pixels_of_both_and_of_either(first: Patch, second: Patch) -> None:
    ours, theirs = full(first), full(second)

    counted = iou(first, second)

    assert counted == (np.count_nonzero(ours & theirs), np.count_nonzero(ours | theirs))
    assert counted == iou(second, first)


@given(patches(), *[st.integers(-OFFSET, SIDE + OFFSET)] * 4)
def test_window_shows_what_lies_inside(patch: Patch, first: int, left: int, second: int, right: int) -> None:
    (top, bottom), (left, right) = sorted((first, second)), sorted((left, right))
    inside = np.zeros((SIDE + 2 * OFFSET, SIDE + 2 * OFFSET), np.bool_)
    inside[top + OFFSET : bottom + OFFSET, left + OFFSET : right + OFFSET] = True

    seen = patch.window(top, left, bottom, right)

    height = max(min(bottom, patch.bottom) - max(top, patch.top), 0)
    width = max(min(right, patch.right) - max(left, patch.left), 0)
    assert seen.shape == (height, width)
    rows = slice(max(top, patch.top) + OFFSET, max(top, patch.top) + OFFSET + height)
    columns = slice(max(left, patch.left) + OFFSET, max(left, patch.left) + OFFSET + width)
    assert np.array_equal(seen, (full(patch) & inside)[rows, columns])


def test_window_is_a_view() -> None:
    patch = Patch(1, 1, np.ones((3, 3), np.bool_))

    patch.window(2, 2, 9, 9)[:] = False

    assert patch.area == 5
