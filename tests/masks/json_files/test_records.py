from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from sam3_contract.masks import Absent, CocoSegmentation, MaskRecord, check_records, masks_of_record, parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator

RLE = {"size": [4, 6], "counts": "5220;"}
FLAT = [1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0, 1.0]
CROWD = {"size": [4, 6], "counts": [5, 2, 2, 2, 13]}
RING = [[[1, 1], [1, 3], [3, 3], [3, 1]]]


def prediction(masks: Any, declared: str) -> dict[str, Any]:
    return {"masks": masks, "confidence": 0.9, "format": declared}


def test_answer_of_concept_segment() -> None:
    answer = {
        "time": 0.1,
        "prompt_results": [
            {"prompt_index": 0, "predictions": [prediction(RLE, "rle"), prediction(RING, "polygon")]},
            {"prompt_index": 1, "predictions": []},
            {"prompt_index": 2, "predictions": [prediction([[]], "polygon")]},
        ],
    }

    found = list(masks_of_record(answer, image_size=(4, 6)))

    assert found == [
        MaskRecord("$.prompt_results[0].predictions[0].masks", RLE, "rle", (4, 6)),
        MaskRecord("$.prompt_results[0].predictions[1].masks", RING, "polygon", (4, 6)),
        MaskRecord("$.prompt_results[2].predictions[0].masks", [[]], "polygon", (4, 6)),
    ]


def test_answer_of_visual_segment_and_its_parts() -> None:
    predictions = [prediction(RLE, "rle")]

    answer = list(masks_of_record({"time": 0.1, "predictions": predictions}))
    bare = list(masks_of_record(predictions))
    single = list(masks_of_record(predictions[0]))

    assert [record.path for record in (*answer, *bare, *single)] == [
        "$.predictions[0].masks",
        "$[0].masks",
        "$.masks",
    ]
    assert {record.declared_format for record in (*answer, *bare, *single)} == {"rle"}


def test_bare_masks() -> None:
    assert [record.path for record in masks_of_record(RLE)] == ["$"]
    assert [record.masks for record in masks_of_record(RING)] == [RING]
    assert [record.path for record in masks_of_record([RLE, RLE])] == ["$[0]", "$[1]"]


def test_coco_file_states_sizes() -> None:
    coco = {
        "images": [{"id": 7, "height": 4, "width": 6}, {"id": 8, "height": 9, "width": 9}],
        "annotations": [
            {"id": 1, "image_id": 7, "segmentation": RLE},
            {"id": 2, "image_id": 8, "segmentation": [FLAT]},
            {"id": 3, "image_id": 9, "segmentation": [[1.5, 1, 1, 3, 3, 3]]},
            {"id": 4, "image_id": 7, "segmentation": CROWD, "iscrowd": 1},
        ],
    }

    found = list(masks_of_record(coco, image_size=(5, 5)))

    assert found == [
        MaskRecord("$.annotations[0].segmentation", RLE, None, (4, 6)),
        MaskRecord("$.annotations[1].segmentation", CocoSegmentation([FLAT]), None, (9, 9)),
        MaskRecord("$.annotations[2].segmentation", CocoSegmentation([[1.5, 1, 1, 3, 3, 3]]), None, (5, 5)),
        MaskRecord("$.annotations[3].segmentation", CocoSegmentation(CROWD), None, (4, 6)),
    ]


def test_coco_results() -> None:
    results = [{"image_id": 7, "category_id": 1, "segmentation": RLE, "score": 0.5}]

    assert [record.path for record in masks_of_record(results)] == ["$[0].segmentation"]


def test_what_is_no_record_is_yielded_and_judged() -> None:
    """Nothing is skipped in silence: an unknown form ends as a finding."""
    for odd in (None, 7, "x", {}, {"error": "x"}, [{"error": "x"}, 3], {"predictions": [None]}):
        findings = [finding for _, found in check_records(masks_of_record(odd)) for finding in found]

        assert findings


@pytest.mark.parametrize(
    ("value", "path", "defect", "why"),
    [
        ({"status": 401, "message": "x"}, "$", "not_a_mask", "has no mask, but status, message: it looks like the"),
        ({"shapes": [], "version": "5"}, "$", "not_a_mask", "has no mask, but shapes, version: it looks like a file"),
        ({"predictions": [{"x": 1, "rle": {}}]}, "$.predictions[0]", "not_a_mask", "has no mask, but rle, x"),
        ([{"image_id": 1, "bbox": []}], "$[0]", "segmentation_missing", "has no segmentation, but bbox"),
        ({"annotations": [{"image_id": 1, "caption": ""}]}, "$.annotations[0]", "segmentation_missing", "has no segm"),
        ([{"image_id": 1, "segmentation": []}], "$[0]", "segmentation_missing", "has no segmentation"),
        ([{"image_id": 1, "segmentation": None}], "$[0]", "segmentation_missing", "has no segmentation"),
        ({"size": {"height": 4, "width": 6}, "objects": []}, "$", "not_a_mask", "has no mask, but size, objects"),
        ({"filename": "a.jpg", "size": 1234, "regions": []}, "$", "not_a_mask", "has no mask, but filename, size"),
    ],
)
def test_what_holds_no_mask_is_yielded_as_such(value: Any, path: str, defect: str, why: str) -> None:
    [record] = masks_of_record(value)
    [(_, [finding])] = check_records([record])

    assert isinstance(record.masks, Absent)
    assert (record.path, record.masks.defect) == (path, defect)
    assert record.masks.why.startswith(why)
    assert finding.name == defect


def test_empty_answers_hold_no_mask() -> None:
    assert list(masks_of_record([])) == []
    assert list(masks_of_record({"prompt_results": [{"predictions": []}]})) == []
    assert list(masks_of_record({"images": [], "annotations": []})) == []


def test_nested_answers_are_bounded() -> None:
    answer: dict[str, Any] = {"predictions": []}
    for _ in range(5000):
        answer = {"predictions": [answer]}

    assert len(list(masks_of_record(answer))) == 1


def test_stream_is_judged_in_bounded_memory() -> None:
    def lines() -> Iterator[str]:
        for number in range(20_000):
            counts = "5220" if number % 1000 == 999 else "5220;"
            yield f'{{"masks": {{"size": [4, 6], "counts": "{counts}"}}, "format": "rle"}}'

    tracemalloc.start()
    stream = (mask for line in lines() for mask in masks_of_record(parse_json(line)[0]))
    broken = [findings[0].name for _, findings in check_records(stream) if findings]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert broken == ["pixels_missing"] * 20
    assert peak < 5 * 2**20
