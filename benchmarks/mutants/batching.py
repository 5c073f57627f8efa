"""What leaks where prompts are worked on together, or one request after the other."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.images import frame_of
from benchmarks.mutants.memory import cached_without
from benchmarks.mutants.requests import NMS, THRESHOLD, of_concept, of_visual, with_prompts
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, edited, refusal
from sam3_contract.errors import MaskError
from sam3_contract.masks import bitmap_from_masks

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


def _suppressed(call: Call, order: Callable[[Json, Bitmap], float], overlap: Overlap) -> Response:
    """Suppress what overlaps something that comes before it in an order, by some measure of overlap."""
    if not of_concept(call) or call.body.get(NMS) is None:
        return call.ask()
    response = call.ask(**{NMS: None})
    if response.status_code != 200:
        return call.ask()
    body = json.loads(response.get_data())
    found = [(one, _drawn(one, call)) for result in body["prompt_results"] for one in result["predictions"]]
    kept: list[tuple[Json, Bitmap]] = []
    for one, mask in sorted(found, key=lambda pair: order(*pair)):
        if all(overlap(mask, other) <= call.body[NMS] for _, other in kept):
            kept.append((one, mask))
    for result in body["prompt_results"]:
        result["predictions"] = [one for one in result["predictions"] if any(one is other for other, _ in kept)]
    response.set_data(json.dumps(body).encode())
    return response


def _drawn(prediction: Json, call: Call) -> Bitmap:
    try:
        return bitmap_from_masks(prediction["masks"], image_size=frame_of(call))
    except MaskError:
        return np.zeros((1, 1), bool)


def _by(of: Callable[[Sequence[int]], int]) -> Overlap:
    """Divide the intersection by something of both areas and the union."""

    def overlap(one: Bitmap, other: Bitmap) -> float:
        if one.shape != other.shape:
            return 0.0
        whole = of([int(one.sum()), int(other.sum()), int((one | other).sum())])
        return int((one & other).sum()) / whole if whole else 0.0

    return overlap


@mutant
def nms_keeps_what_comes_first(call: Call) -> Response:
    return _suppressed(call, lambda _one, _mask: 0.0, _by(lambda areas: areas[2]))


@mutant
def nms_keeps_the_largest(call: Call) -> Response:
    return _suppressed(call, lambda _one, mask: -float(mask.sum()), _by(lambda areas: areas[2]))


@mutant
def nms_divides_by_the_smaller_area(call: Call) -> Response:
    return _suppressed(call, lambda one, _mask: -one["confidence"], _by(lambda areas: min(areas[:2])))
