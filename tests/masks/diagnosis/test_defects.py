"""Each defect of the catalogue is tripped by its example alone; sound masks trip none."""

from __future__ import annotations

import io
import json
import re

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from sam3_contract import masks
from sam3_contract.errors import UsageError
from sam3_contract.masks import DEFECTS, Defect, Finding, defect_named, find_defects
from sam3_contract.masks.limits import MAX_ARCHIVE_BYTES
from tests.properties import examples
from tests.servers import ROOT

THOROUGHLY = examples(80)

bitmaps = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


def npz_of(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def archive_of(defect: Defect) -> bytes:
    low = np.zeros((1, 4, 4), np.float32)
    if defect.name == "not_npz":
        return b"Internal Server Error"
    if defect.name == "value_not_finite":
        return npz_of({"masks": np.full((1, 4, 6), np.nan, np.float32), "low_res_masks": low})
    if defect.name == "array_too_large":
        side = int(MAX_ARCHIVE_BYTES**0.5) + 1
        return npz_of({"masks": np.zeros((1, side, side), np.bool_), "low_res_masks": low})
    assert isinstance(defect.example, dict)
    return npz_of({name: np.zeros(shape, dtype) for name, (dtype, shape) in defect.example.items()})


def findings_of_example(defect: Defect) -> list[Finding]:
    if defect.code.startswith("BIN"):
        return masks.find_defects_in_npz(archive_of(defect), image_size=defect.image_size)
    if defect.code.startswith("TXT"):
        assert isinstance(defect.example, str)
        return masks.parse_json(defect.example)[1]
    if defect.name == "forms_disagree":
        assert isinstance(defect.example, tuple)
        assert defect.image_size is not None
        rle, polygons = defect.example
        return masks.find_disagreements(polygons, rle, image_size=defect.image_size)
    if defect.code.startswith("COC"):
        return find_defects(masks.CocoSegmentation(defect.example), image_size=defect.image_size)
    return find_defects(defect.example, declared_format=defect.declared_format, image_size=defect.image_size)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_example_trips_its_defect_alone(defect: Defect) -> None:
    findings = findings_of_example(defect)

    assert [finding.code for finding in findings] == [defect.code]
    [finding] = findings
    assert (finding.name, finding.severity) == (defect.name, defect.severity)
    assert finding.path.startswith("$")
    assert len(finding.found) < 200
    assert finding.expected


def test_catalogue_is_consistent() -> None:
    codes = [defect.code for defect in DEFECTS]

    assert len(set(codes)) == len(codes)
    assert len({defect.name for defect in DEFECTS}) == len(codes)
    for family in ("MSK", "RLE", "POL", "COC", "BIN", "TXT"):
        numbers = [int(code[3:]) for code in codes if code.startswith(family)]
        assert numbers == list(range(1, len(numbers) + 1))
    for defect in DEFECTS:
        assert re.fullmatch(r"[a-z0-9_]+", defect.name)
        for text in (defect.meaning, defect.cause, defect.mend):
            assert text.endswith(".")
            assert not re.search(r"invalid|failed to|please|!", text, re.IGNORECASE)


def test_page_on_masks_counts_the_defects() -> None:
    assert f"\n{len(DEFECTS)} defects have a code" in (ROOT / "docs" / "masks.md").read_text(encoding="utf-8")


def test_unknown_defect_is_answered_with_the_nearest() -> None:
    assert defect_named("RLE13") is defect_named("counts_cut_short")
    with pytest.raises(UsageError, match=r"no mask defect named 'count_cut_short'; did you mean 'counts_cut_short'\?"):
        defect_named("count_cut_short")


@THOROUGHLY
@given(bitmaps)
def test_sound_rle_has_no_errors(bitmap: np.ndarray) -> None:
    rle = masks.rle_from_bitmap(bitmap)

    findings = find_defects(rle, declared_format="rle", image_size=bitmap.shape)

    assert {finding.name for finding in findings} <= {"mask_empty", "looks_inverted", "looks_row_major"}
    assert ([f.name for f in findings] == ["mask_empty"]) == (not bitmap.any())


@THOROUGHLY
@given(bitmaps)
def test_sound_polygons_have_only_notes(bitmap: np.ndarray) -> None:
    findings = find_defects(masks.polygons_from_bitmap(bitmap), declared_format="polygon", image_size=bitmap.shape)

    assert {finding.name for finding in findings} <= {"mask_empty", "ring_few_points"}


@THOROUGHLY
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["size", "counts", "x"]), inner, max_size=3)
        ),
        max_leaves=24,
    )
)
def test_nothing_raises_on_any_value(value: object) -> None:
    findings = find_defects(value, declared_format="rle", image_size=(4, 6))

    assert findings or value in ([[]], {"size": [4, 6]})
    json.dumps([[f.code, f.path, f.found, f.expected, f.diagnosis] for f in findings])


def test_findings_of_many_equal_those_of_each() -> None:
    chosen = [d for d in DEFECTS if d.code[:3] in ("MSK", "RLE", "POL") and d.name != "forms_disagree"]
    items = [(f"$[{i}]", d.example, d.declared_format, d.image_size) for i, d in enumerate(chosen)]

    together = masks.find_defects_in_many(items)

    assert [[f.code for f in findings] for findings in together] == [[d.code] for d in chosen]
    assert all(f.path.startswith(f"$[{i}]") for i, findings in enumerate(together) for f in findings)


def blobs_of_rows(seed: int, number: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    canvases = []
    for _ in range(number):
        height, width = (int(side) for side in generator.integers(60, 400, 2))
        canvas = np.zeros((height, width), np.uint8)
        for _ in range(int(generator.integers(1, 4))):
            centre = (int(generator.integers(0, width)), int(generator.integers(0, height)))
            axes = tuple(int(axis) for axis in generator.integers(8, 60, 2))
            cv2.ellipse(canvas, centre, axes, int(generator.integers(0, 180)), 0, 360, 1, -1)
        canvases.append(canvas.astype(np.bool_))
    return canvases


def test_row_major_is_suspected_and_column_major_is_not() -> None:
    caught = 0
    for bitmap in blobs_of_rows(3, 200):
        right = masks.rle_from_bitmap(bitmap)
        wrong = masks.rle_from_bitmap(np.ascontiguousarray(bitmap.ravel().reshape(bitmap.shape, order="F")))

        assert "looks_row_major" not in [f.name for f in find_defects(right)]
        caught += "looks_row_major" in [f.name for f in find_defects(wrong)]

    # Near-square images and small shapes are left undecided.
    assert caught > 120


@pytest.mark.parametrize("seed", [5])
def test_inverted_is_suspected_only_where_all_of_the_border_is_covered(seed: int) -> None:
    for bitmap in blobs_of_rows(seed, 60):
        inner = np.pad(bitmap, 1)
        outer = [f.name for f in find_defects(masks.rle_from_bitmap(~inner))]

        assert ("looks_inverted" in outer) == bool(0 < 2 * inner.sum() < inner.size)
        assert "looks_inverted" not in [f.name for f in find_defects(masks.rle_from_bitmap(inner))]


def test_each_defect_is_reported_once_with_the_number_of_places() -> None:
    [finding] = find_defects([[[1, 1], [1, 90], [90, 90], [90, 1]]], image_size=(80, 500))

    assert finding.path == "$.masks[0][1]"
    assert finding.diagnosis.endswith("2 of 4 points")


def test_findings_come_errors_first() -> None:
    findings = find_defects([[[1, 1]], [[4, 90]], []], image_size=(80, 80))

    assert [f.severity for f in findings] == sorted(
        (f.severity for f in findings), key=("error", "warning", "note").index
    )
    assert len(findings) >= 3


@pytest.mark.parametrize("value", [{}, {"bytes": "", "path": "a.png"}, {"polygons": [[1, 1, 3, 1, 3, 3]]}])
def test_object_that_is_no_rle_is_not_judged_as_one(value: dict[str, object]) -> None:
    assert [finding.name for finding in find_defects(value)] == ["not_a_mask"]
    assert [finding.name for finding in find_defects(masks.CocoSegmentation(value))] == ["not_a_mask"]


def test_list_of_rles_is_told_to_be_several_masks() -> None:
    [finding] = find_defects([{"size": [4, 6], "counts": "5220;"}, {"size": [4, 6], "counts": "5220;"}])

    assert finding.name == "ring_not_points"
    assert finding.path.endswith("[0]")
    assert finding.diagnosis == "a list of RLE objects is no mask: each is one of its own"
