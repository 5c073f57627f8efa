"""What leaks where prompts are worked on together, or one request after the other."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.images.formats import frame_of
from benchmarks.mutants.memory.names import cached_without
from benchmarks.mutants.requests.thresholds import (
    NMS,
    THRESHOLD,
    is_number,
    of_concept,
    of_visual,
    threshold_of,
    with_prompts,
)
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, drawn, edited, refusal

mutant = Kind()
MUTANTS = mutant.mutants

Overlap = Callable[[Bitmap, Bitmap], float]


def _sticky(field: str, operation: str) -> Callable[[Call], Response]:
    def behave(call: Call) -> Response:
        if call.operation != operation:
            return call.ask()
        if call.body.get(field) is not None:
            call.state.kept[field] = call.body[field]
        return call.ask(**{field: call.state.kept[field]}) if field in call.state.kept else call.ask()

    behave.__name__ = f"{field}_of_{operation}_stays_for_the_next_request"
    return behave


for _field, _operation in (
    (THRESHOLD, "concept_segment"),
    (NMS, "concept_segment"),
    ("format", "concept_segment"),
    ("multimask_output", "visual_segment"),
):
    mutant(_sticky(_field, _operation))


@mutant
def own_threshold_counts_for_the_prompts_after_it(call: Call) -> Response:
    last: list[Any] = []

    def change(_: int, prompt: Json) -> Json:
        if prompt.get(THRESHOLD) is not None:
            last[:] = [prompt[THRESHOLD]]
        return {THRESHOLD: last[0], **prompt} if last else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def results_of_equal_texts_are_the_last_ones(call: Call) -> Response:
    def change(body: Json) -> None:
        results = body.get("prompt_results", ())
        last = {result["echo"]["text"]: result["predictions"] for result in results}
        for result in results:
            result["predictions"] = last[result["echo"]["text"]]

    return edited(call.ask(), change)


@mutant
def results_beyond_whole_batches_of_four_are_empty(call: Call) -> Response:
    def change(body: Json) -> None:
        results = body.get("prompt_results", [])
        for result in results[len(results) // 4 * 4 :] if len(results) > 4 else ():
            result["predictions"] = []

    return edited(call.ask(), change)


@mutant
def prompts_with_unlike_numbers_of_boxes_answer_500(call: Call) -> Response:
    counts = {len(prompt["boxes"]) for prompt in call.prompts if isinstance(prompt.get("boxes"), list)} - {0}
    return refusal(500, {"message": "Internal error."}) if of_concept(call) and len(counts) > 1 else call.ask()


@mutant
def exemplars_from_the_third_on_are_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        cut = {name: prompt[name][:2] for name in ("boxes", "box_labels") if isinstance(prompt.get(name), list)}
        return {**prompt, **cut}

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def prompts_of_equal_text_have_the_threshold_of_the_first(call: Call) -> Response:
    first: dict[str, Any] = {}

    def change(_: int, prompt: Json) -> Json:
        text = prompt.get("text")
        if not isinstance(text, str):
            return prompt
        own = first.setdefault(text, prompt.get(THRESHOLD))
        if own is not None:
            return {**prompt, THRESHOLD: own}
        return {name: value for name, value in prompt.items() if name != THRESHOLD}

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def own_thresholds_move_to_the_first_prompts(call: Call) -> Response:
    own = [prompt[THRESHOLD] for prompt in call.prompts if prompt.get(THRESHOLD) is not None]

    def change(index: int, prompt: Json) -> Json:
        prompt.pop(THRESHOLD, None)
        return {**prompt, THRESHOLD: own[index]} if index < len(own) else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def prompts_of_a_batch_of_four_share_the_lowest_threshold(call: Call) -> Response:
    thresholds = [threshold_of(call, prompt) for prompt in call.prompts]

    def change(index: int, prompt: Json) -> Json:
        batch = index // 4 * 4
        return {**prompt, THRESHOLD: min(thresholds[batch : batch + 4])}

    several = of_concept(call) and len(thresholds) > 4 and all(map(is_number, thresholds))
    return with_prompts(call, change) if several else call.ask()


@mutant
def repeated_text_finds_nothing(call: Call) -> Response:
    def change(body: Json) -> None:
        seen: set[str] = set()
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            if prompt.get("text") is not None and not prompt.get("boxes"):
                if prompt["text"] in seen:
                    result["predictions"] = []
                seen.add(prompt["text"])

    return edited(call.ask(), change) if of_concept(call) else call.ask()


def _give(results: list[Json], found: Sequence[list[Json]]) -> None:
    """Give each prompt what was found, in that order."""
    for result, predictions in zip(results, found, strict=True):
        result["predictions"] = predictions


def _ordered(call: Call, rank: Callable[[Json], int]) -> Response:
    """Answer what was found in the order of a rank of the prompts, not in theirs."""

    def change(body: Json) -> None:
        results = body["prompt_results"]
        order = sorted(range(len(results)), key=lambda index: rank(call.prompts[index]))
        _give(results, [results[index]["predictions"] for index in order])

    return edited(call.ask(), change) if of_concept(call) and call.prompts else call.ask()


@mutant
def results_of_long_batches_come_by_length_of_text(call: Call) -> Response:
    long = len(call.prompts) > 8
    return _ordered(call, lambda prompt: len(str(prompt.get("text") or "")) if long else 0)


@mutant
def results_of_texts_come_before_those_of_boxes(call: Call) -> Response:
    return _ordered(call, lambda prompt: bool(prompt.get("boxes")))


def _padded(call: Call, padding: Callable[[Json], Json]) -> Response:
    """Fill up the clicks of each prompt to as many as the one with the most has."""
    most = max((len(prompt.get("points") or ()) for prompt in call.prompts), default=0)

    def change(_: int, prompt: Json) -> Json:
        points = prompt.get("points") or []
        missing = most - len(points) if points else 0
        return {**prompt, "points": [*points, *[padding(points[-1])] * missing]} if missing else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def prompts_of_few_clicks_are_filled_up_with_the_first_pixel(call: Call) -> Response:
    return _padded(call, lambda _: {"x": 0, "y": 0, "positive": True})


@mutant
def prompts_of_few_clicks_are_filled_up_with_negative_ones(call: Call) -> Response:
    return _padded(call, lambda last: {**last, "positive": False})


@mutant
def two_equal_clicks_cancel_out(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        points = prompt.get("points") or []
        single = [point for point in points if points.count(point) == 1]
        return {**prompt, "points": single} if points else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def clicks_of_earlier_requests_of_an_id_count(call: Call) -> Response:
    name = call.body.get("image_id")
    if not of_visual(call) or not isinstance(name, str) or len(call.prompts) != 1 or not call.prompts[0].get("points"):
        return call.ask()
    points = copy.deepcopy(call.prompts[0]["points"])
    before, call.state.kept[name] = call.state.kept.get(name, []), points
    return call.ask(prompts=[{**call.prompts[0], "points": [*before, *points]}])


@mutant
def cache_that_knows_images_by_their_size(call: Call) -> Response:
    return cached_without(call, lambda body: {**body, "image": frame_of(call)}) if of_concept(call) else call.ask()


def _asks_for_nms(call: Call) -> bool:
    return of_concept(call) and call.body.get(NMS) is not None


def _suppressed(
    call: Call,
    order: Callable[[Json, Bitmap], float],
    overlap: Overlap,
    *,
    class_of: Callable[[Json], Any] = lambda _: None,
) -> Response:
    """Suppress what overlaps something of its class that comes before it in an order, by some measure of overlap."""
    if not _asks_for_nms(call):
        return call.ask()
    response = call.ask(**{NMS: None})
    if response.status_code != 200:
        return call.ask()
    body = json.loads(response.get_data())
    found = [
        (one, drawn(one, size=frame_of(call)), class_of(prompt))
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=True)
        for one in result["predictions"]
    ]
    kept: list[tuple[Json, Bitmap, Any]] = []
    for one, mask, of in sorted(found, key=lambda each: order(*each[:2])):
        if all(overlap(mask, other) <= call.body[NMS] for _, other, others in kept if others == of):
            kept.append((one, mask, of))
    for result in body["prompt_results"]:
        result["predictions"] = [one for one in result["predictions"] if any(one is other for other, _, _ in kept)]
    response.set_data(json.dumps(body).encode())
    return response


def _by(of: Callable[[Sequence[int]], int]) -> Overlap:
    """Divide the intersection by something of both areas and the union."""

    def overlap(one: Bitmap, other: Bitmap) -> float:
        if one.shape != other.shape:
            return 0.0
        whole = of([int(one.sum()), int(other.sum()), int((one | other).sum())])
        return int((one & other).sum()) / whole if whole else 0.0

    return overlap


_iou = _by(lambda areas: areas[2])


def _least_sure_last(prediction: Json, _: Bitmap) -> float:
    return -float(prediction["confidence"])


@mutant
def nms_keeps_what_comes_first(call: Call) -> Response:
    return _suppressed(call, lambda _one, _mask: 0.0, _iou)


@mutant
def nms_keeps_the_largest(call: Call) -> Response:
    return _suppressed(call, lambda _one, mask: -float(mask.sum()), _iou)


@mutant
def nms_divides_by_the_smaller_area(call: Call) -> Response:
    return _suppressed(call, _least_sure_last, _by(lambda areas: min(areas[:2])))


@mutant
def nms_of_one_prompt_goes_by_boxes(call: Call) -> Response:
    def boxed(bitmap: Bitmap) -> Bitmap:
        rows, columns = np.flatnonzero(bitmap.any(axis=1)), np.flatnonzero(bitmap.any(axis=0))
        filled = np.zeros_like(bitmap)
        if rows.size:
            filled[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        return filled

    most = call.body.get(NMS)
    if len(call.prompts) != 1 or not is_number(most) or most > 1:
        return call.ask()
    return _suppressed(call, _least_sure_last, lambda one, other: _iou(boxed(one), boxed(other)))


@mutant
def nms_compares_small_copies_of_masks(call: Call) -> Response:
    def overlap(one: Bitmap, other: Bitmap) -> float:
        return _iou(one[4::8, 4::8], other[4::8, 4::8])

    return _suppressed(call, _least_sure_last, overlap)


@mutant
def nms_fills_holes_before_it_compares(call: Call) -> Response:
    def filled(bitmap: Bitmap) -> Bitmap:
        contours, _hierarchy = cv2.findContours(bitmap.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        canvas = np.zeros(bitmap.shape, np.uint8)
        cv2.drawContours(canvas, contours, -1, 1, cv2.FILLED)
        return canvas.astype(bool)

    return _suppressed(call, _least_sure_last, lambda one, other: _iou(filled(one), filled(other)))


@mutant
def nms_passes_over_instances_of_exemplars(call: Call) -> Response:
    texts = [prompt for prompt in call.prompts if not prompt.get("boxes")]
    if not _asks_for_nms(call) or not texts or len(texts) == len(call.prompts):
        return call.ask()
    plain, of_texts = call.ask(**{NMS: ...}), call.ask(prompts=texts)
    if plain.status_code != 200 or of_texts.status_code != 200:
        return call.ask()
    kept = iter(of_texts.get_json()["prompt_results"])

    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=True):
            if not prompt.get("boxes"):
                result["predictions"] = next(kept)["predictions"]

    return edited(plain, change)


@mutant
def nms_runs_within_batches_of_eight_prompts(call: Call) -> Response:
    if not _asks_for_nms(call) or len(call.prompts) <= 8:
        return call.ask()
    batches = [call.ask(prompts=call.prompts[start : start + 8]) for start in range(0, len(call.prompts), 8)]
    whole = call.ask()
    if any(response.status_code != 200 for response in (*batches, whole)):
        return whole
    found = [result["predictions"] for batch in batches for result in batch.get_json()["prompt_results"]]
    return edited(whole, lambda body: _give(body["prompt_results"], found))


@mutant
def nms_of_equal_confidences_takes_both(call: Call) -> Response:
    if not _asks_for_nms(call):
        return call.ask()
    plain, response = call.ask(**{NMS: None}), call.ask()
    if response.status_code != 200:
        return response
    size = frame_of(call)
    found = [one for result in plain.get_json()["prompt_results"] for one in result["predictions"]]
    drawings = [(one["confidence"], drawn(one, size=size)) for one in found]

    def is_alone(prediction: Json) -> bool:
        mask = drawn(prediction, size=size)
        equals = [other for confidence, other in drawings if confidence == prediction["confidence"]]
        return sum(_iou(mask, other) > float(call.body[NMS]) for other in equals) < 2  # one of them is itself

    def change(body: Json) -> None:
        for result in body["prompt_results"]:
            result["predictions"] = list(filter(is_alone, result["predictions"]))

    return edited(response, change)


@mutant
def nms_looks_at_the_surest_ten_only(call: Call) -> Response:
    def change(body: Json) -> None:
        found = [one for result in body["prompt_results"] for one in result["predictions"]]
        surest = sorted(found, key=lambda one: -one["confidence"])[:10]
        for result in body["prompt_results"]:
            result["predictions"] = [one for one in result["predictions"] if any(one is other for other in surest)]

    return edited(call.ask(), change) if _asks_for_nms(call) else call.ask()


@mutant
def nms_lowers_confidences_instead(call: Call) -> Response:
    if not _asks_for_nms(call):
        return call.ask()
    suppressed, plain = call.ask(), call.ask(**{NMS: None})
    if suppressed.status_code != 200:
        return suppressed
    kept = [one for result in suppressed.get_json()["prompt_results"] for one in result["predictions"]]

    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            for one in result["predictions"]:
                if one not in kept:
                    one["confidence"] = round(one["confidence"] * 0.5, 6)
            least = threshold_of(call, prompt)
            result["predictions"] = [one for one in result["predictions"] if one["confidence"] >= least]

    return edited(plain, change)


@mutant
def nms_suppresses_within_prompts_only_if_they_are_the_same_text(call: Call) -> Response:
    """Keyed by class name: other texts do not suppress each other, equal ones do."""
    return _suppressed(call, _least_sure_last, _iou, class_of=lambda prompt: prompt.get("text"))
