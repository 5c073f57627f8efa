"""What has become of an answer: every verdict, of instances and of requests, and its tolerance."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from sam3_contract.errors import UsageError
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.masks import polygons_from_bitmap, rle_from_bitmap
from sam3_contract.snapshots import (
    Change,
    Tolerances,
    Verdict,
    as_json,
    compare_reading,
    lines_of,
    read_exchange,
    snapshot_of,
)
from tests.snapshots.answers import (
    CONTRACT,
    bitmap_of,
    change_of,
    concept_answer,
    exchange_of,
    prediction,
    reading_with,
    snapshot_with,
)

DOG = (10, 10, 20, 0.9)


def changes(found: Any) -> list[Change]:
    return [one.change for one in found.instances]


def test_comparison_finds_the_same_when_nothing_changed() -> None:
    found = change_of({"dog": [DOG], "cat": []}, {"dog": [DOG], "cat": []})

    assert found.verdict == Verdict.SAME
    assert changes(found) == [Change.SAME]
    assert list(lines_of(found)) == ["request  same: 1 same"]


def test_comparison_finds_the_same_when_instances_change_places() -> None:
    cat = (50, 30, 10, 0.7)

    assert change_of({"dog": [DOG, cat]}, {"dog": [cat, DOG]}).verdict == Verdict.SAME


def test_comparison_tells_how_far_a_mask_moved() -> None:
    found = change_of({"dog": [DOG]}, {"dog": [(14, 12, 20, 0.9)]})

    [one] = found.instances
    assert (one.change, one.shift) == (Change.MOVED, (4.0, 2.0))
    assert one.iou == pytest.approx(16 * 18 / (800 - 16 * 18), abs=1e-4)
    assert one.explanation == "the new mask is the kept one, moved by 4 px to the right and 2 px down"
    assert found.verdict == Verdict.MODEL


def test_comparison_matches_a_mask_that_moved_away_from_itself() -> None:
    [one] = change_of({"dog": [DOG]}, {"dog": [(50, 35, 20, 0.9)]}).instances

    assert (one.change, one.iou, one.shift) == (Change.MOVED, 0.0, (40.0, 25.0))


def test_comparison_tells_appeared_from_vanished() -> None:
    found = change_of({"dog": [DOG]}, {"dog": [(50, 35, 9, 0.6)]})

    assert changes(found) == [Change.VANISHED, Change.APPEARED]
    assert found.verdict == Verdict.MODEL


def test_comparison_keeps_to_the_prompt_when_masks_change_theirs() -> None:
    found = change_of({"dog": [DOG], "cat": []}, {"dog": [], "cat": [DOG]})

    assert [(one.prompt, one.change) for one in found.instances] == [(0, Change.VANISHED), (1, Change.APPEARED)]


@pytest.mark.parametrize(
    ("tolerances", "verdict"), [({}, Verdict.MODEL), ({"iou": 0.8}, Verdict.SAME), ({"iou": 0.95}, Verdict.MODEL)]
)
def test_tolerance_of_overlap_decides_what_moved(tolerances: dict[str, float], verdict: Verdict) -> None:
    moved = change_of({"dog": [DOG]}, {"dog": [(11, 11, 20, 0.9)]}, **tolerances)

    assert moved.instances[0].iou == pytest.approx(0.8223, abs=1e-4)
    assert moved.verdict == verdict


@pytest.mark.parametrize(
    ("confidence", "change"), [(0.85, Change.SAME), (0.84, Change.CONFIDENCE), (0.95, Change.SAME)]
)
def test_tolerance_of_confidence_includes_its_bound(confidence: float, change: Change) -> None:
    """0.9 - 0.85 is a little more than 0.05 in binary fractions."""
    found = change_of({"dog": [DOG]}, {"dog": [(*DOG[:3], confidence)]})

    assert changes(found) == [change]


def test_tolerance_of_count_lets_instances_come_and_go() -> None:
    old, new = {"dog": [DOG, (50, 5, 9, 0.6)]}, {"dog": [DOG, (40, 40, 12, 0.6)]}

    assert change_of(old, new).verdict == Verdict.MODEL
    tolerated = change_of(old, new, count=1)
    assert tolerated.verdict == Verdict.SAME
    assert changes(tolerated) == [Change.SAME, Change.VANISHED, Change.APPEARED]
    assert "(2 tolerated)" in next(lines_of(tolerated))


def test_tolerance_of_count_holds_for_each_prompt() -> None:
    assert change_of({"dog": [DOG, (50, 5, 9, 0.6)]}, {"dog": []}, count=1).verdict == Verdict.MODEL


@pytest.mark.parametrize("tolerances", [{"iou": 1.1}, {"iou": float("nan")}, {"confidence": -0.1}, {"count": -1}])
def test_tolerances_refuse_what_is_out_of_range(tolerances: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(tolerances))):
        Tolerances(**tolerances)


def test_comparison_calls_it_a_change_of_schema_when_the_format_changes() -> None:
    found = compare_reading(
        snapshot_with({"dog": [DOG]}, "polygon"), reading_with({"dog": [DOG]}, "rle"), tolerances=Tolerances()
    )

    assert found.verdict == Verdict.SCHEMA
    assert "format changed: masks come as rle, they came as polygon" in found.schema
    assert changes(found) == [Change.SAME]
    assert not found.model_changed


def test_comparison_between_formats_overlooks_holes_that_polygons_cannot_have() -> None:
    ring = bitmap_of(10, 10, 30) & ~bitmap_of(15, 15, 20)
    answers = [concept_answer({"dog": [DOG]}) for _ in range(2)]
    for answer, form, masks in zip(
        answers, ("polygon", "rle"), (polygons_from_bitmap(ring), rle_from_bitmap(ring)), strict=True
    ):
        answer["prompt_results"][0]["predictions"] = [{"masks": masks, "confidence": 0.9, "format": form}]
    old, new = (exchange_of(answer) for answer in answers)

    found = compare_reading(snapshot_of(old, CONTRACT), read_exchange(new, CONTRACT), tolerances=Tolerances())

    assert found.schema
    assert not found.model_changed


@pytest.mark.parametrize(
    ("break_", "sentence"),
    [
        (lambda answer: answer.pop("time"), "$.time is gone, it was of type number"),
        (lambda answer: answer.update(time="soon"), '$.time: "soon" is not of type "number"'),
        (
            lambda answer: answer["prompt_results"][0].update(predictions=None),
            '$.prompt_results[].predictions: null is not of type "array"',
        ),
        (
            lambda answer: answer["prompt_results"][0]["predictions"][0].pop("confidence"),
            "$.prompt_results[].predictions[].confidence is gone, it was of type number",
        ),
        (
            lambda answer: answer["prompt_results"][0]["predictions"][0]["masks"].update(size=[80, 60]),
            "RLE04 size_swapped at $.prompt_results[0].predictions[0].masks.size",
        ),
        (lambda answer: answer["prompt_results"].pop(), "there are results for 1 prompts, there were for 2"),
        (lambda answer: answer["prompt_results"][0]["echo"].update(text="cat"), "is for 'cat', it was for 'dog'"),
    ],
    ids=["field gone", "type", "null", "confidence gone", "unsound mask", "prompt gone", "echo"],
)
def test_comparison_calls_it_a_change_of_schema_when_a_reader_would_trip(break_: Any, sentence: str) -> None:
    old = {"dog": [DOG], "bird": []}
    answer = concept_answer(old)
    break_(answer)

    found = compare_reading(snapshot_with(old), read_exchange(exchange_of(answer), CONTRACT), tolerances=Tolerances())

    assert found.verdict == Verdict.SCHEMA
    assert any(sentence in said for said in found.schema), found.schema
    assert not found.model_changed


def test_comparison_does_not_judge_the_model_by_an_unsound_answer() -> None:
    answer = concept_answer({"dog": [DOG]})
    answer["prompt_results"][0]["predictions"][0]["masks"]["counts"] = "522"

    found = compare_reading(
        snapshot_with({"dog": [DOG]}), read_exchange(exchange_of(answer), CONTRACT), tolerances=Tolerances()
    )

    assert found.verdict == Verdict.SCHEMA
    assert not found.instances


def test_comparison_tells_schema_and_model_when_both_changed() -> None:
    answer = concept_answer({"dog": []})
    del answer["time"]

    found = compare_reading(
        snapshot_with({"dog": [DOG]}), read_exchange(exchange_of(answer), CONTRACT), tolerances=Tolerances()
    )

    assert (found.verdict, found.model_changed) == (Verdict.SCHEMA, True)
    assert next(lines_of(found)) == "request  the schema changed and the model changed: 1 vanished"


def test_comparison_only_notes_new_fields_and_another_model() -> None:
    old, new = concept_answer({"dog": [DOG]}), concept_answer({"dog": [DOG]})
    old["resolved_model"] = {"model_id": "sam3/sam3_final"}
    new["resolved_model"] = {"model_id": "sam3/sam3_better"}
    new["server"] = "eu"

    found = compare_reading(
        snapshot_of(exchange_of(old), CONTRACT), read_exchange(exchange_of(new), CONTRACT), tolerances=Tolerances()
    )

    assert found.verdict == Verdict.SAME
    assert found.notes == (
        "new fields: $.server",
        "resolved_model: model_id is 'sam3/sam3_better', was 'sam3/sam3_final'",
    )


def test_comparison_misses_no_field_of_a_list_that_is_empty_now() -> None:
    assert change_of({"dog": [DOG]}, {"dog": []}).schema == ()


def test_comparison_calls_it_a_change_of_schema_when_the_request_is_refused() -> None:
    refusal = exchange_of({"detail": [{"loc": ["body", "prompts"], "msg": "Field required"}]}, status=422)

    found = compare_reading(snapshot_with({"dog": [DOG]}), read_exchange(refusal, CONTRACT), tolerances=Tolerances())

    assert found.schema == ("the status is 422, it was 200: body.prompts: Field required",)
    assert found.verdict == Verdict.SCHEMA


def test_comparison_of_visual_answers_goes_on_when_prompts_cannot_be_told_apart() -> None:
    def visual(*squares: tuple[int, int, int, float]) -> Any:
        answer = {"time": 0.1, "predictions": [prediction(square) for square in squares]}
        exchange = exchange_of(answer)
        body = {**exchange.case.sent, "prompts": [{"points": []}, {"points": []}]}
        case = Case("request", "visual_segment", "clicks", body, image=exchange.case.image)
        return Exchange(case, 200, exchange.headers, exchange.body)

    near, far = DOG, (50, 35, 9, 0.8)
    old = snapshot_of(visual(near, far), CONTRACT)
    assert [len(prompt.instances) for prompt in old.answer.prompts] == [1, 1]

    swapped = compare_reading(old, read_exchange(visual(far, near), CONTRACT), tolerances=Tolerances())
    one_left = compare_reading(old, read_exchange(visual(far), CONTRACT), tolerances=Tolerances())

    assert Counter(changes(swapped)) == {Change.VANISHED: 2, Change.APPEARED: 2}
    assert changes(one_left) == [Change.SAME, Change.VANISHED]


def test_json_tells_all_that_the_words_tell() -> None:
    found = change_of({"dog": [DOG, (40, 5, 9, 0.6)]}, {"dog": [(14, 10, 20, 0.7)]})

    told = as_json(found, file="request.json", picture="request.png")

    assert told["verdict"] == "the model changed"
    assert (told["schema_changed"], told["model_changed"], told["could_not_look"]) == (False, True, None)
    assert told["numbers"] == {"same": 0, "moved": 1, "changed confidence": 0, "appeared": 0, "vanished": 1}
    moved, vanished = told["instances"]
    assert (moved["shift"], moved["old"]["confidence"], moved["new"]["confidence"]) == ((4.0, 0.0), 0.9, 0.7)
    assert (vanished["old"]["box"], vanished["new"]) == ([40, 5, 9, 9], None)


def test_words_show_what_a_terminal_would_obey() -> None:
    found = change_of({"\x1b[31mdog": [DOG]}, {"\x1b[31mdog": []})

    assert "\x1b" not in "\n".join(lines_of(found))
