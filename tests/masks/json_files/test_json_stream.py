from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam3_contract.errors import MaskError
from sam3_contract.masks import check_records, elements_of_text, masks_of_record, masks_of_text
from sam3_contract.masks.json_files.text import MAX_DEPTH, depth_of, parse_json
from tests.properties import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

THOROUGHLY = examples(80)

RLE = {"size": [4, 6], "counts": "5220;"}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def cut(text: str, length: int) -> list[str]:
    return [text[place : place + length] for place in range(0, len(text), length)]


@THOROUGHLY
@given(st.lists(values, max_size=4), st.integers(1, 9), st.sampled_from([None, 1]))
def test_array_in_pieces_equals_array_at_once(array: list[Any], length: int, indent: int | None) -> None:
    found = list(elements_of_text(cut(json.dumps(array, indent=indent), length)))

    assert found == [(f"$[{index}]", value) for index, value in enumerate(array)]


@THOROUGHLY
@given(st.dictionaries(st.text(max_size=3), values, max_size=4), st.integers(1, 9))
def test_object_in_pieces_equals_object_at_once(record: dict[str, Any], length: int) -> None:
    found = list(elements_of_text(cut(json.dumps(record), length)))

    expected: list[tuple[str, Any]] = []
    for key, value in record.items():
        if isinstance(value, list):
            expected += [(f"$.{key}[{index}]", element) for index, element in enumerate(value)]
        else:
            expected.append((f"$.{key}", value))
    assert found == expected


@pytest.mark.parametrize(
    "text", ["", "[", "[1", "[1 2]", "[1,]", '{"a" 1}', '{"a": ', "[1] 2", "nul", "[" + "[" * 100_000]
)
@pytest.mark.parametrize("length", [1, 7, 10**6])
def test_what_is_no_json_is_named(text: str, length: int) -> None:
    with pytest.raises(MaskError, match="expected") as caught:
        list(elements_of_text(cut(text[:3000], length)))

    assert caught.value.code == "TXT01"


@pytest.mark.parametrize(
    "document",
    [
        {"images": [{"id": 1, "height": 4, "width": 6}], "annotations": [{"image_id": 1, "segmentation": RLE}] * 3},
        {"time": 0.1, "predictions": [{"masks": RLE, "format": "rle"}] * 2},
        {"prompt_results": [{"prompt_index": 0, "predictions": [{"masks": [[]], "format": "polygon"}]}], "time": 0.1},
        [{"image_id": 1, "category_id": 1, "segmentation": RLE, "score": 0.5}],
    ],
    ids=["COCO file", "visual_segment", "concept_segment", "COCO results"],
)
def test_masks_in_pieces_equal_masks_at_once(document: Any) -> None:
    found = list(masks_of_text(cut(json.dumps(document), 11), image_size=(4, 6)))

    assert found == list(masks_of_record(document, image_size=(4, 6)))
    assert found


def test_long_file_is_read_in_bounded_memory() -> None:
    def chunks() -> Iterator[str]:
        yield '{"images": [], "annotations": ['
        annotation = json.dumps({"image_id": 1, "segmentation": RLE})
        for _ in range(200):
            yield ", ".join([annotation] * 100) + ", "
        yield annotation + "]}"

    tracemalloc.start()
    number = sum(not findings for _, findings in check_records(masks_of_text(chunks())))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert number == 20_001
    assert peak < 5 * 2**20


def test_arrays_that_hold_no_masks_are_passed_over() -> None:
    coco = {
        "licenses": [{"id": 1}],
        "images": [{"id": 1, "height": 4, "width": 6}],
        "annotations": [{"image_id": 1, "segmentation": RLE}],
        "categories": [{"id": 1, "name": "cat"}],
    }

    found = list(masks_of_text(cut(json.dumps(coco), 11)))

    assert found == list(masks_of_record(coco))
    assert len(found) == 1


def test_image_beside_the_masks_states_their_size() -> None:
    record = {"image": {"width": 6, "height": 4}, "annotations": [{"segmentation": RLE}]}

    found = list(masks_of_text(cut(json.dumps(record), 11), image_size=(9, 9)))

    assert [mask.image_size for mask in found] == [(4, 6)]
    assert found == list(masks_of_record(record, image_size=(9, 9)))


@pytest.mark.parametrize(
    "text",
    [
        '[{"x": 1, "x": 2}]',
        '{"a": [1], "a": [2]}',
        '[{"x": NaN}]',
        '{"x": 1e400}',
        '{"a": [' + "9" * 5000 + "]}",
        "[" * 70 + "]" * 70,
        '[{"x": [1.5, "]]", "\\"[["]}]',
    ],
    ids=["key", "outermost key", "NaN", "overflow", "integer", "depth", "nothing"],
)
@pytest.mark.parametrize("length", [1, 7, 10**6])
def test_what_parsers_accept_is_noted_in_a_stream_as_in_a_whole_text(text: str, length: int) -> None:
    findings: list[Any] = []

    noted = list(elements_of_text(cut(text, length), findings=findings))

    assert [finding.name for finding in findings] == [finding.name for finding in parse_json(text)[1]]
    assert str(list(elements_of_text(cut(text, length)))) == str(noted)


@THOROUGHLY
@given(st.text(alphabet='[]{}"\\a,', max_size=60), st.integers(0, 90))
def test_depth_is_bounded_from_above_and_exact_beyond_the_limit(text: str, more: int) -> None:
    deep = "[{" * (more // 2) + text + "}]" * (more // 2)
    depth = deepest = 0
    inside = escaped = False
    for character in deep:
        if inside:
            inside = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1

    assert depth_of(deep) >= min(deepest, MAX_DEPTH + 1)
    assert (depth_of(deep) > MAX_DEPTH) == (deepest > MAX_DEPTH)


@pytest.mark.parametrize(
    ("number", "odd"),
    [
        ("18446744073709551615", set()),
        ("18446744073709551616", {"integer_too_wide"}),
        ("-9223372036854775808", set()),
        ("-9223372036854775809", {"integer_too_wide"}),
        ("1e308", set()),
        ("1E309", {"number_not_finite"}),
        ("9" * 309 + ".5", {"number_not_finite"}),
        ("0." + "3" * 30, set()),
        ('"' + "9" * 30 + 'e9"', set()),
    ],
)
def test_numbers_that_are_too_wide_are_found_at_their_very_limits(number: str, odd: set[str]) -> None:
    value, findings = parse_json(f'{{"id": [1, 0.5, {number}]}}')

    assert {finding.name for finding in findings} == odd
    assert value == json.loads(f'{{"id": [1, 0.5, {number}]}}')
