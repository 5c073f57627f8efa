"""The strict parser against pycocotools, which sees only what our parser has accepted."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as pycoco

from sam3_contract.masks import Breach, parse_rles, rle_from_bitmap
from sam3_contract.masks.rle.batch import _runs_of_canonical
from sam3_contract.masks.rle.encode import counts_from_run_lengths
from tests.properties import examples

THOROUGHLY = examples(80)

# pycocotools 2.0 hands numpy 2 its arrays in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

bitmaps = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))
texts = st.text(st.characters(min_codepoint=48, max_codepoint=111), max_size=24)


def rle_of(*runs: int, size: tuple[int, int] = (4, 6)) -> dict[str, object]:
    return {"size": list(size), "counts": counts_from_run_lengths(np.array(runs))}


@THOROUGHLY
@given(st.lists(bitmaps, min_size=1, max_size=8))
def test_batch_equals_pycocotools(masks: list[np.ndarray]) -> None:
    rles = [pycoco.encode(np.asfortranarray(mask.view(np.uint8))) for mask in masks]

    batch = parse_rles([{"size": rle["size"], "counts": rle["counts"].decode()} for rle in rles])
    areas, boxes = batch.areas_and_boxes()

    assert not batch.breaches.any()
    assert areas.tolist() == [int(pycoco.area(rle)) for rle in rles]
    assert boxes.tolist() == [pycoco.toBbox(rle).astype(int).tolist() for rle in rles]
    for index, mask in enumerate(masks):
        foreground = np.arange(len(batch.run_lengths_of(index))) % 2 == 1
        drawn = np.repeat(foreground, batch.run_lengths_of(index)).reshape(mask.shape, order="F")
        assert np.array_equal(drawn, mask)


@THOROUGHLY
@given(texts, st.integers(1, 12), st.integers(1, 12))
@example("", 1, 1)
@example("0", 1, 1)
@example("01", 1, 1)
def test_text_that_passes_is_what_pycocotools_writes(counts: str, height: int, width: int) -> None:
    rle = {"size": [height, width], "counts": counts}

    passes = parse_rles([rle]).breaches[0] == Breach.NONE

    if passes:
        assert pycoco.encode(pycoco.decode(rle))["counts"].decode() == counts


@THOROUGHLY
@given(
    texts | st.lists(st.integers(-3, 2**33), max_size=40).map(lambda runs: counts_from_run_lengths(np.array(runs, int)))
)
@example("0" * 9 + "P0")
@example("PPPPPPP0" * 20)
@example("PPPPPP1" * 20)
@example("k" * 12 + "0")
def test_mask_alone_is_judged_as_among_others(counts: str) -> None:
    rles = [{"size": [500, 700], "counts": counts}, rle_of(5, 2, 17)]

    alone, among = parse_rles(rles[:1]), parse_rles(rles)

    assert alone.breaches[0] == among.breaches[0]
    assert np.array_equal(alone.run_lengths, among.run_lengths_of(0))
    assert alone.offsets.tolist() == among.offsets[:2].tolist()


@pytest.mark.parametrize("size", [(1, 1), (9, 7), (90, 130), (3000, 2), (2, 3000), (1200, 1500)])
@pytest.mark.parametrize("density", [0.0, 0.001, 0.5, 1.0])
def test_sound_mask_alone_takes_the_short_way(size: tuple[int, int], density: float) -> None:
    bitmap = np.random.default_rng(3).random(size) < density
    rle = rle_from_bitmap(bitmap)

    runs = _runs_of_canonical(rle["counts"].encode(), pixels=bitmap.size)

    assert runs is not None
    foreground = np.arange(len(runs)) % 2 == 1
    assert np.array_equal(np.repeat(foreground, runs).reshape(size, order="F"), bitmap)


@pytest.mark.parametrize(
    ("rle", "breach"),
    [
        (None, Breach.NO_OBJECT),
        ([], Breach.NO_OBJECT),
        ({}, Breach.SIZE_NOT_INTEGERS),
        ({"size": [4, True], "counts": "5220;"}, Breach.SIZE_NOT_INTEGERS),
        ({"size": [4, 6, 1], "counts": "5220;"}, Breach.SIZE_NOT_INTEGERS),
        ({"size": ["4", "6"], "counts": "5220;"}, Breach.SIZE_NOT_INTEGERS),
        ({"size": [4, -6], "counts": "5220;"}, Breach.SIZE_NOT_POSITIVE),
        ({"size": [2**32, 2**32], "counts": "5220;"}, Breach.SIZE_TOO_LARGE),
        ({"size": [2**29, 1], "counts": "5220;"}, Breach.SIZE_TOO_LARGE),
        ({"size": [4, 6], "counts": b"5220;"}, Breach.COUNTS_NOT_TEXT),
        ({"size": [4, 6], "counts": ""}, Breach.COUNTS_EMPTY),
        ({"size": [1, 1], "counts": "0" * 15}, Breach.COUNTS_TOO_LONG),
        ({"size": [4, 6], "counts": "522\u00e90;"}, Breach.OUTSIDE_ALPHABET),
        ({"size": [4, 6], "counts": "5220;\0"}, Breach.OUTSIDE_ALPHABET),
        ({"size": [4, 6], "counts": "5220k"}, Breach.CUT_SHORT),
        ({"size": [4, 6], "counts": "PPPPPPP0"}, Breach.VALUE_TOO_LONG),
        ({"size": [4, 6], "counts": "5220[0"}, Breach.NOT_MINIMAL),
        ({"size": [4, 6], "counts": "5220ko"}, Breach.CUT_SHORT),
        (rle_of(5, 2, 2, 2, -3, 16), Breach.NEGATIVE_RUN),
        (rle_of(-1, 25), Breach.NEGATIVE_RUN),
        (rle_of(5, 2, 0, 4, 13), Breach.ZERO_RUN),
        (rle_of(0, 0, 24), Breach.ZERO_RUN),
        (rle_of(5, 2), Breach.PIXELS_MISSING),
        (rle_of(5, 20), Breach.PIXELS_EXCESS),
    ],
    ids=str,
)
def test_breach_is_named(rle: object, breach: Breach) -> None:
    assert Breach(parse_rles([rle]).breaches[0]) == breach


def test_one_bad_mask_does_not_spoil_the_others() -> None:
    """Every kind of damage between sound neighbours, in every order, over several passes."""
    rng = random.Random(11)
    generator = np.random.default_rng(11)
    sound = [rle_from_bitmap(generator.random((h, w)) < 0.5) for h, w in [(3, 5), (1, 9), (7, 1), (40, 50)] * 5]
    broken: list[object] = [
        {"size": [4, 6], "counts": text}
        for text in ("5220k", "5~0;", "PPPPPPPPPP0", "522", "ooooooO", "0", "5202=", "\u20ac", "", "5220[0", "5220K>")
    ] + [None, {"size": [2, 2]}, {"size": [2**40, 2], "counts": "1"}]
    alone = parse_rles(sound)
    for _ in range(60):
        order = [(True, index) for index in range(len(sound))] + [(False, index) for index in range(len(broken))]
        rng.shuffle(order)

        batch = parse_rles([sound[index] if ok else broken[index] for ok, index in order])

        assert [bool(breach) for breach in batch.breaches] == [not ok for ok, _ in order]
        areas, _ = batch.areas_and_boxes()
        for place, (ok, index) in enumerate(order):
            expected = alone.run_lengths_of(index).tolist() if ok else []
            assert batch.run_lengths_of(place).tolist() == expected
            assert areas[place] == sum(expected[1::2])


def test_several_passes_equal_one_by_one() -> None:
    generator = np.random.default_rng(5)
    rles = [rle_from_bitmap(generator.random((150, 200)) < 0.5) for _ in range(24)]

    batch = parse_rles(rles)

    assert sum(len(rle["counts"]) for rle in rles) > 2**18
    for index, rle in enumerate(rles):
        assert np.array_equal(batch.run_lengths_of(index), parse_rles([rle]).run_lengths)


def test_empty_batch() -> None:
    batch = parse_rles([])

    assert len(batch) == 0
    assert batch.areas_and_boxes()[1].shape == (0, 4)
