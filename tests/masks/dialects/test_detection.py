"""A dialect is told from the others and from COCO's own RLE, and where it cannot be, that is said."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from sam3_contract.masks import CocoSegmentation, find_defects, rle_from_bitmap
from sam3_contract.masks.dialects.detection import proposed_dialect
from tests.masks.dialects.writers import WRITERS, Bitmap, blob, uncompressed
from tests.properties import examples

bitmaps = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20))
SIZES = [(90, 130), (130, 90), (20, 300)]
CODES = {"kaggle": "RLE24", "start-length": "RLE25", "cvat": "RLE26", "label-studio": "RLE27"}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dialect", WRITERS)
def test_mask_is_told_to_be_of_its_dialect(dialect: str, size: tuple[int, int]) -> None:
    proposal = proposed_dialect(WRITERS[dialect](blob(*size)), size=size)

    assert proposal is not None
    assert proposal.dialect == dialect
    assert f"--from {dialect}`" in proposal.advice


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("dialect", "code"), CODES.items())
def test_finding_names_the_dialect_and_what_reads_it(dialect: str, code: str, size: tuple[int, int]) -> None:
    counts = WRITERS[dialect](blob(*size))
    listed = [int(one) for one in counts] if dialect == "cvat" else counts

    [finding] = find_defects({"size": list(size), "counts": listed}, image_size=size)

    assert (finding.code, finding.severity, finding.path) == (code, "error", "$.masks.counts")
    assert f"`masks convert --from {dialect}` reads it" in finding.diagnosis


@pytest.mark.parametrize("dialect", ["kaggle", "start-length"])
def test_list_of_pairs_is_told_as_their_text_is(dialect: str) -> None:
    listed = [int(one) for one in WRITERS[dialect](blob(90, 130)).split()]

    assert [one.code for one in find_defects({"size": [90, 130], "counts": listed})] == [CODES[dialect]]


@pytest.mark.parametrize("dialect", WRITERS)
def test_mask_without_an_object_around_it_is_told_too(dialect: str) -> None:
    counts = WRITERS[dialect](blob(90, 130))
    text = counts if isinstance(counts, str) else " ".join(f"{one:g}" for one in counts)

    [finding] = find_defects(text, image_size=(90, 130))
    [under_segmentation] = find_defects(CocoSegmentation(text), image_size=(90, 130))

    assert finding.code == under_segmentation.code == {**CODES, "uncompressed": "RLE28"}[dialect]


@pytest.mark.parametrize("dialect", ["cvat", "label-studio"])
def test_list_under_segmentation_is_told(dialect: str) -> None:
    [finding] = find_defects(CocoSegmentation(WRITERS[dialect](blob(90, 130))), image_size=(90, 130))

    assert finding.code == CODES[dialect]


@examples(100)
@given(bitmaps)
def test_sound_masks_are_of_no_other_dialect(bitmap: Bitmap) -> None:
    size = bitmap.shape
    codes = {*CODES.values(), "RLE28", "RLE29"}

    for counts in (rle_from_bitmap(bitmap)["counts"], uncompressed(bitmap)):
        found = find_defects({"size": list(size), "counts": counts}, image_size=size)
        assert not codes & {one.code for one in found}
    ring = [1.0, 1, size[1], 1, size[1], size[0], 1, size[0]]
    assert not codes & {one.code for one in find_defects(CocoSegmentation(ring), image_size=size)}


@pytest.mark.parametrize(
    ("counts", "size", "dialect", "why"),
    [
        ("6 2 10 2", None, "kaggle", "may as well be start-length: the size"),
        ("5 3", (4, 6), "kaggle", "may as well be start-length: both"),
        ("0 2 10 2", (4, 6), "start-length", "the first start is 0"),
        ("22 3", (4, 6), "kaggle", "counted from 0 they would leave"),
        ("6 2 10 2", (4, 6), "kaggle", "as start-length one that is less so"),
        ("15 2 21 2", (4, 6), "start-length", "as kaggle one that is less so"),
        ("7 2 13 2", (4, 6), "uncompressed", "may as well be start-length"),
        ("5 2 17", (4, 6), "uncompressed", "add up"),
        ([0, 4, 1, 1, 2, 2], None, "cvat", "a box"),
    ],
)
def test_proposal_says_what_else_it_may_be(counts: Any, size: tuple[int, int] | None, dialect: str, why: str) -> None:
    proposal = proposed_dialect(counts, size=size)

    assert proposal is not None
    assert proposal.dialect == dialect
    assert why in proposal.why


@pytest.mark.parametrize(
    "counts",
    ["", "5220", "5220;", "10 2 6 2", "6 2 10", "23 9", "1 0", "6 -2", "1.5 2", [], [5, 2], [5, 2, 9, 3], None],
)
def test_nothing_is_proposed_for_what_is_none(counts: Any) -> None:
    assert proposed_dialect(counts, size=(4, 6)) is None


def test_list_that_lacks_a_run_is_called_that() -> None:
    found = find_defects({"size": [4, 6], "counts": [5, 2, 9, 3]})

    assert [one.code for one in found] == ["RLE18", "RLE07"]


def test_pairs_of_a_square_image_are_told_to_be_either() -> None:
    # Read the other way they are the mask mirrored at its diagonal, but for the pixel counted from.
    proposal = proposed_dialect(WRITERS["start-length"](blob(64, 64)), size=(64, 64))

    assert proposal is not None
    assert "it may as well be start-length" in proposal.why


@examples(100)
@given(st.text("0123456789 ,-.\n", max_size=30) | st.lists(st.integers(-3, 300), max_size=14))
def test_any_text_and_list_is_judged(counts: Any) -> None:
    for payload in (counts, {"size": [4, 6], "counts": counts}, CocoSegmentation(counts)):
        for size in (None, (4, 6)):
            json.dumps([one.diagnosis for one in find_defects(payload, image_size=size)])
