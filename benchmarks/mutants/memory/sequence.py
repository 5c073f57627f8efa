"""Answers that depend on the requests before them, where nothing was to be kept."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable

import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.asked import NMS, THRESHOLD, is_number, listed, of_concept, of_visual, with_prompts
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import (
    Bitmap,
    Call,
    Json,
    Kind,
    edited,
    lists_of,
    redrawn,
    refusal,
    unauthorised,
    unloadable,
)

mutant = Kind()
MUTANTS = mutant.mutants

REST = 1.5  # seconds without a request after which the server is put to sleep


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


def _standing(call: Call, field: str) -> Response:
    """Let a field of a request for concepts that was answered stand for those after it which leave it out."""
    if not of_concept(call):
        return call.ask()
    if field not in call.body:
        return call.ask(**{field: call.state.kept[field]}) if field in call.state.kept else call.ask()
    response = call.ask()
    if response.status_code == 200 and call.body[field] is not None:
        call.state.kept[field] = call.body[field]
    return response


@mutant
def nms_stays_on_for_the_requests_after(call: Call) -> Response:
    return _standing(call, NMS)


@mutant
def a_threshold_stays_for_the_requests_after_that_have_none(call: Call) -> Response:
    return _standing(call, THRESHOLD)


@mutant
def clicks_of_earlier_requests_of_an_id_count(call: Call) -> Response:
    name = call.body.get("image_id")
    if not of_visual(call) or not isinstance(name, str) or len(call.prompts) != 1 or not call.prompts[0].get("points"):
        return call.ask()
    points = copy.deepcopy(call.prompts[0]["points"])
    before, call.state.kept[name] = call.state.kept.get(name, []), points
    return call.ask(prompts=[{**call.prompts[0], "points": [*before, *points]}])


@mutant
def click_more_than_in_the_request_before_is_lost(call: Call) -> Response:
    points = listed(call.prompts[0], "points") if len(call.prompts) == 1 else []
    if not of_visual(call) or not points:
        return call.ask()
    rest = json.dumps({**call.body, "prompts": [{**call.prompts[0], "points": None}]}, sort_keys=True)
    before: list[Json] = call.state.kept.get(rest, [])
    call.state.kept[rest] = points
    if before and len(points) == len(before) + 1 and points[:-1] == before:
        return call.ask(prompts=[{**call.prompts[0], "points": before}])
    return call.ask()


@mutant
def image_sent_before_is_used_where_it_is_as_large(call: Call) -> Response:
    """A pinned buffer that is not overwritten if the size is the same, of visual requests only."""
    frame = frame_of(call)
    if not of_visual(call) or frame is None or call.body.get("image_id") is not None:
        return call.ask()
    before, image = call.state.kept.get("last", (None, None))
    call.state.kept["last"] = (frame, call.body["image"])
    return call.ask(image=image) if before == frame else call.ask()


@mutant
def run_lengths_after_those_of_a_larger_image_have_its_frame(call: Call) -> Response:
    frame = frame_of(call)
    if frame is None:
        return call.ask()
    before: tuple[int, int] = call.state.kept.get("frame", frame)
    height, width = call.state.kept["frame"] = (max(before[0], frame[0]), max(before[1], frame[1]))

    def widen(bitmap: Bitmap, _: Json) -> Bitmap:
        missing = [(0, max(whole - part, 0)) for whole, part in zip((height, width), bitmap.shape, strict=True)]
        return np.pad(bitmap, missing)

    return redrawn(call.ask(), widen, size=None)


@mutant
def answer_after_a_refusal_is_empty(call: Call) -> Response:
    after_refusal = call.state.kept.get("refused", False)
    response = call.ask()
    call.state.kept["refused"] = response.status_code >= 400

    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()) if after_refusal else ():
            result["predictions"] = []

    return edited(response, change)


@mutant
def request_after_a_wrong_key_is_refused_too(call: Call) -> Response:
    if call.state.kept.pop("refused", False):
        return unauthorised()
    response = call.ask()
    call.state.kept["refused"] = response.status_code == 401
    return response


@mutant
def after_an_unreadable_image_the_next_is_refused_too(call: Call) -> Response:
    poisoned, response = call.state.kept.pop("poisoned", False), call.ask()
    if response.status_code == 400 and b"Could not load" in response.get_data():
        call.state.kept["poisoned"] = True
    return unloadable() if poisoned and response.status_code == 200 else response


@mutant
def the_second_of_two_equal_calls_is_empty(call: Call) -> Response:
    key = (call.operation, json.dumps(call.body, sort_keys=True))
    again = key in call.state.kept
    call.state.kept[key] = True

    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()) if again else ():
            result["predictions"] = []

    return edited(call.ask(), change)


@mutant
def order_of_results_changes_from_call_to_call(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            if call.number % 2:
                result["predictions"].reverse()

    return edited(call.ask(), change)


@mutant
def every_seventh_answer_lacks_its_last_prediction(call: Call) -> Response:
    def change(body: Json) -> None:
        lists = [predictions for predictions in lists_of(body) if len(predictions) > 1]
        if call.number % 7 == 6 and lists and of_concept(call):
            lists[-1].pop()

    return edited(call.ask(), change)


@mutant
def one_in_four_requests_reaches_a_version_without_multimask(call: Call) -> Response:
    return call.ask(multimask_output=False) if call.number % 4 == 3 and of_visual(call) else call.ask()


@mutant
def one_in_four_requests_reaches_a_version_that_takes_exemplars_by_their_centre(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        for box in listed(prompt, "boxes"):
            for name, side in (("x", "width"), ("y", "height")):
                if is_number(box.get(name)) and is_number(box.get(side)):
                    box[name] -= box[side] / 2
        return prompt

    return with_prompts(call, change) if call.number % 4 == 3 and of_concept(call) else call.ask()


@mutant
def the_fortieth_request_and_all_after_answer_503(call: Call) -> Response:
    return refusal(503, {"message": "Model is not ready."}) if call.number >= 40 else call.ask()


@mutant
def first_request_after_a_rest_is_answered_by_the_proxy(call: Call) -> Response:
    now = time.monotonic()
    asleep = now - call.state.kept.get("last", now) > REST
    call.state.kept["last"] = now
    return Response("<h1>504 Gateway Time-out</h1>", 504, content_type="text/html") if asleep else call.ask()
