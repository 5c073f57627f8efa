"""Clicks and boxes that are misread, and masks that are handed out in the wrong number or order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np
import orjson

from mock_server.faults.editing.bitmaps import Bitmap, redrawn
from mock_server.faults.editing.changes import bodies, calls, is_json_answer, predictions_of, rewritten
from mock_server.faults.editing.prompts import boxes_of, numbers, place_points, points_of
from mock_server.faults.fault import Ask, Call, Chapter, Json, Parameter
from mock_server.faults.parameters import number, one_of
from mock_server.http.inspection import prompts_of
from mock_server.operations.backend import Answer

CLICKS: Final = Chapter("semantics", operation="visual_segment")

POINTS: Final = "a visual request with points"
NEGATIVE: Final = "a visual request with negative points"
MANY: Final = "a visual request with several prompts"
THREE: Final = "a visual request with multimask_output, the default (documented profile)"


@CLICKS.fault(
    "visual_boxes_top_left",
    "x and y of a visual prompt's box are read as its top-left corner.",
    on=bodies,
    when="a visual request with a box",
)
def _top_left(body: Json, _: Call) -> Json:
    for box in (box for prompt in prompts_of(body) for box in boxes_of(prompt)):
        sided = numbers(box, "x", "y", "width", "height")
        if sided is not None:
            box["x"], box["y"] = sided[0] + sided[2] / 2, sided[1] + sided[3] / 2
    return body


@CLICKS.fault(
    "visual_box_ignored", "A visual prompt's box changes nothing.", on=bodies, when="a visual request with a box"
)
def _box_ignored(body: Json, _: Call) -> Json:
    for prompt in prompts_of(body):
        prompt.pop("box", None)
    return body


@CLICKS.fault(
    "points_beside_box_ignored",
    "Points of a prompt that has a box change nothing.",
    on=bodies,
    when="a visual request with a box and points in one prompt",
)
def _beside_box_ignored(body: Json, _: Call) -> Json:
    for prompt in prompts_of(body):
        if prompt.get("box"):
            prompt.pop("points", None)
    return body


@CLICKS.fault("points_negated", "Positive points are read as negative ones, and the reverse.", on=bodies, when=POINTS)
def _negated(body: Json, _: Call) -> Json:
    for point in (point for prompt in prompts_of(body) for point in points_of(prompt)):
        if isinstance(point.get("positive"), bool):
            point["positive"] = not point["positive"]
    return body


@CLICKS.fault("point_labels_ignored", "All points are read as positive.", on=bodies, when=NEGATIVE)
def _labels_ignored(body: Json, _: Call) -> Json:
    for point in (point for prompt in prompts_of(body) for point in points_of(prompt)):
        point["positive"] = True
    return body


@CLICKS.fault("negative_points_ignored", "Negative points change nothing.", on=bodies, when=NEGATIVE)
def _negative_ignored(body: Json, _: Call) -> Json:
    for prompt in prompts_of(body):
        if isinstance(prompt.get("points"), list):
            prompt["points"] = [point for point in points_of(prompt) if point.get("positive") is not False]
    return body


@CLICKS.fault("points_swapped", "x and y of points are exchanged.", on=bodies, when=POINTS)
def _swapped(body: Json, _: Call) -> Json:
    return place_points(body, lambda x, y: (y, x))


@CLICKS.fault(
    "points_scaled",
    "Points are scaled, as on a screen of more pixels than the image is told in.",
    on=bodies,
    when=POINTS,
    parameter=Parameter("by which factor, from 0.01 to 100", "0.5", number(0.01, 100)),
)
def _scaled(body: Json, call: Call) -> Json:
    return place_points(body, lambda x, y: (x * call.value, y * call.value))


@CLICKS.fault(
    "second_point_ignored",
    "Only the first point of a prompt is read.",
    on=bodies,
    when="a visual request with several points in one prompt",
)
def _second_ignored(body: Json, _: Call) -> Json:
    for prompt in prompts_of(body):
        if isinstance(prompt.get("points"), list):
            prompt["points"] = prompt["points"][:1]
    return body


@CLICKS.fault("second_visual_prompt_ignored", "Only the first visual prompt is answered.", on=bodies, when=MANY)
def _second_prompt_ignored(body: Json, _: Call) -> Json:
    body["prompts"] = prompts_of(body)[:1]
    return body


@CLICKS.fault("first_visual_prompt_answers_all", "Every visual prompt has the first one's masks.", on=bodies, when=MANY)
def _first_answers_all(body: Json, _: Call) -> Json:
    prompts = prompts_of(body)
    if len(prompts) > 1:
        body["prompts"] = prompts[:1] * len(prompts)
    return body


@CLICKS.fault("visual_prompts_reversed", "The visual prompts are answered in reverse order.", on=bodies, when=MANY)
def _prompts_reversed(body: Json, _: Call) -> Json:
    prompts = prompts_of(body)
    if len(prompts) > 1:
        body["prompts"] = prompts[::-1]
    return body


@CLICKS.fault(
    "prompt_form_ignored",
    "Visual prompts of one shape are overlooked; the model chooses the object.",
    on=bodies,
    when="a visual request in that shape, against the same in another",
    parameter=Parameter(
        'the shape: flat [...], nested {"prompts": [...]} or single {...}', "nested", one_of("flat", "nested", "single")
    ),
)
def _form_ignored(body: Json, call: Call) -> Json:
    if _shape(body.get("prompts")) == call.value:
        body["prompts"] = None
    return body


def _shape(prompts: Any) -> str:
    if isinstance(prompts, dict):
        return "nested" if "prompts" in prompts else "single"
    return "flat" if isinstance(prompts, list) else "none"


def _counts(call: Call, ask: Ask) -> tuple[int, int]:
    """Count the predictions with ``multimask_output`` and without."""
    with_it, without = (
        len(orjson.loads(ask({**call.body, "format": "rle", "multimask_output": multimask}).body)["predictions"])
        for multimask in (True, False)
    )
    return with_it, without


def _regrouped(call: Call, ask: Ask, change: Callable[[list[Json]], list[Json]]) -> Answer:
    """Change the predictions of each prompt of a visual request that asks for three."""
    answer = ask(call.body)
    if not is_json_answer(answer) or call.body.get("multimask_output") is False:
        return answer
    value = orjson.loads(answer.body)
    found = value["predictions"]
    each = len(found) // max(_counts(call, ask)[1], 1)
    if each:
        starts = range(0, len(found), each)
        value["predictions"] = [one for start in starts for one in change(found[start : start + each])]
    return rewritten(answer, value)


@CLICKS.fault(
    "multimask_returns_one", "multimask_output has one mask for each prompt instead of three.", on=calls, when=THREE
)
def _returns_one(call: Call, ask: Ask) -> Answer:
    return _regrouped(call, ask, lambda group: group[:1])


@CLICKS.fault(
    "multimask_returns_two",
    "multimask_output has two masks for each prompt.",
    on=calls,
    when="a visual request with multimask_output, the default",
)
def _returns_two(call: Call, ask: Ask) -> Answer:
    return _regrouped(call, ask, lambda group: (group * 2)[:2])


@CLICKS.fault("multimask_worst_first", "multimask_output has the worst of three first.", on=calls, when=THREE)
def _worst_first(call: Call, ask: Ask) -> Answer:
    return _regrouped(call, ask, lambda group: group[::-1])


@CLICKS.fault(
    "multimask_confidences_reversed",
    "Of the three masks the worst has the best one's confidence.",
    on=calls,
    when=THREE,
)
def _confidences_reversed(call: Call, ask: Ask) -> Answer:
    def reverse(group: list[Json]) -> list[Json]:
        sure = [one["confidence"] for one in group]
        return [{**one, "confidence": other} for one, other in zip(group[::-1], sure, strict=True)]

    return _regrouped(call, ask, reverse)


@CLICKS.fault(
    "single_mask_returns_three",
    "Three masks come for each prompt, also without multimask_output.",
    on=bodies,
    when="a visual request without multimask_output (documented profile)",
)
def _returns_three(body: Json, _: Call) -> Json:
    return {**body, "multimask_output": True}


@CLICKS.fault(
    "multimask_picks_worst",
    "Who asks for one mask gets the worst of three.",
    on=calls,
    when="a visual request without multimask_output, against the same with it (observed profile: every one)",
)
def _picks_worst(call: Call, ask: Ask) -> Answer:
    answer = ask(call.body)
    if not is_json_answer(answer):
        return answer
    three, one = _counts(call, ask)
    if three == one:  # the server answers the best of three, whatever is asked
        return _less_sure(redrawn(call, ask, _core))
    if call.body.get("multimask_output") is not False:
        return answer
    value = orjson.loads(ask({**call.body, "multimask_output": True}).body)
    each = three // one
    return rewritten(answer, {**orjson.loads(answer.body), "predictions": value["predictions"][each - 1 :: each]})


def _less_sure(answer: Answer) -> Answer:
    value = orjson.loads(answer.body)
    for prediction in predictions_of(value):
        prediction["confidence"] *= 0.4
    return rewritten(answer, value)


def _core(bitmap: Bitmap, _: Call) -> Bitmap:
    """Take the innermost part of a mask, as a model takes for the subpart."""
    depth = cv2.distanceTransform(bitmap.astype(np.uint8), cv2.DIST_L2, 3)
    core: Bitmap = depth > 0.6 * depth.max()
    return core
