"""Breaches that show under a condition only: at some values, in some company, after some other request."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from mock_server.faults.editing.changes import answers, bodies, calls, results_of
from mock_server.faults.editing.images import content_of, header_of
from mock_server.faults.editing.prompts import numbers, points_of
from mock_server.faults.editing.results import with_echoes_of
from mock_server.faults.fault import EVERY_OPERATION, Ask, Call, Chapter, Json, Parameter
from mock_server.faults.parameters import one_of, whole
from mock_server.http.inspection import prompts_of
from mock_server.http.pauses import pausing
from mock_server.operations.backend import Answer

CONDITIONS: Final = Chapter("semantics", operation="concept_segment")

THRESHOLD: Final = "output_prob_thresh"
NMS: Final = "nms_iou_threshold"
MOST_INSTANCES: Final = 10
HEAD: Final = 1024  # bytes of a file that a cache looks at
PAUSE: Final = 0.2  # seconds in which requests under way at once meet
VISUAL: Final = "visual_segment"
_SIMPLE: Final[Mapping[str, Callable[[str], str]]] = {
    "lower": str.lower,
    "stripped": str.strip,
    "name": lambda name: name.rpartition("/")[2],
    "end": lambda name: name[-16:],
}
_IN_PROMPTS: Final = ("box_labels", "own_threshold", "positive")
_CACHED: Final = ("format", THRESHOLD, NMS, "multimask_output", "image_id", "end_of_image", *_IN_PROMPTS)


@CONDITIONS.fault(
    "low_own_threshold_ignored",
    "A prompt's own threshold counts only if it is above the request's.",
    on=bodies,
    when="a concept request with a prompt whose threshold is below the request's",
)
def _low_own(body: Json, _: Call) -> Json:
    least = (numbers(body, THRESHOLD) if body.get(THRESHOLD) is not None else None) or [0.5]
    for prompt in prompts_of(body):
        own = numbers(prompt, THRESHOLD) if prompt.get(THRESHOLD) is not None else None
        if own is not None and own[0] < least[0]:
            prompt[THRESHOLD] = least[0]
    return body


@CONDITIONS.fault(
    "third_prompt_at_default_threshold",
    "From the third prompt on the request's threshold is 0.5.",
    on=bodies,
    when="a concept request with three prompts and a threshold",
)
def _third_prompt(body: Json, _: Call) -> Json:
    for prompt in prompts_of(body)[2:]:
        if prompt.get(THRESHOLD) is None:
            prompt[THRESHOLD] = 0.5
    return body


@CONDITIONS.fault(
    "nms_null_suppresses",
    "nms_iou_threshold: null suppresses as 0.2 does.",
    on=bodies,
    when="a concept request with nms_iou_threshold: null, and instances that overlap",
)
def _null_suppresses(body: Json, _: Call) -> Json:
    if NMS in body and body[NMS] is None:
        body[NMS] = 0.2
    return body


@CONDITIONS.fault(
    "null_boxes_find_nothing",
    "A prompt whose boxes are null is taken for one of exemplars without any, and finds nothing.",
    on=answers,
    when="a concept prompt with boxes: null",
)
def _null_boxes(answer: Any, call: Call) -> None:
    for result, prompt in zip(results_of(answer), prompts_of(call.body), strict=False):
        if "boxes" in prompt and prompt["boxes"] is None:
            result["predictions"] = []


@CONDITIONS.fault(
    "nms_of_polygons_ignored",
    "nms_iou_threshold counts for run lengths only.",
    on=bodies,
    when="a concept request for polygons with nms_iou_threshold, and instances that overlap",
)
def _polygons_overlap(body: Json, _: Call) -> Json:
    if body.get("format", "polygon") != "rle":
        body.pop(NMS, None)
    return body


@CONDITIONS.fault(
    "hidden_instances_suppress",
    "What a threshold leaves out still suppresses what it overlaps.",
    on=calls,
    when="a concept request with nms_iou_threshold, where a better instance is below its prompt's threshold",
)
def _hidden_suppress(call: Call, ask: Ask) -> Answer:
    if call.body.get(NMS) is None:
        return ask(call.body)
    unsure = [{**prompt, THRESHOLD: 0.0} for prompt in call.body["prompts"]]
    everything = ask({**call.body, "prompts": unsure})

    def filtered(answer: Any, _: Call) -> None:
        for result, prompt in zip(results_of(answer), call.body["prompts"], strict=True):
            own, request = prompt.get(THRESHOLD), call.body.get(THRESHOLD)
            least = own if own is not None else 0.5 if request is None else request
            result["predictions"] = [one for one in result["predictions"] if one["confidence"] >= least]

    around = answers(filtered).around
    assert around is not None
    return around(replace(call, body=call.body), lambda _: everything)


@CONDITIONS.fault(
    "second_exemplar_ignored",
    "Of several exemplar boxes only the first counts.",
    on=calls,
    when="a concept prompt with two exemplar boxes",
)
def _second_exemplar(call: Call, ask: Ask) -> Answer:
    body = json.loads(json.dumps(call.body))
    for prompt in prompts_of(body):
        for name in ("boxes", "box_labels"):
            if isinstance(prompt.get(name), list):
                prompt[name] = prompt[name][:1]
    return ask(call.body) if body == call.body else with_echoes_of(call.body, ask(body), ask)


@CONDITIONS.fault(
    "instances_left_out",
    f"A prompt has {MOST_INSTANCES} instances at most.",
    on=answers,
    when=f"a concept request that finds more than {MOST_INSTANCES} instances of a prompt",
)
def _left_out(answer: Any, _: Call) -> None:
    for result in results_of(answer):
        result["predictions"] = result["predictions"][:MOST_INSTANCES]


@CONDITIONS.fault(
    "instances_twice", "Every instance is answered twice.", on=answers, when="a concept request that finds something"
)
def _twice(answer: Any, _: Call) -> None:
    for result in results_of(answer):
        result["predictions"] = [one for one in result["predictions"] for _ in range(2)]


@CONDITIONS.fault(
    "results_reordered_now_and_then",
    "The instances of a prompt come in reverse order in every other answer.",
    on=answers,
    when="a concept request that finds two instances of a prompt, twice",
)
def _reordered(answer: Any, call: Call) -> None:
    if call.memory.count() % 2:
        for result in results_of(answer):
            result["predictions"].reverse()


@CONDITIONS.fault(
    "later_points_ignored",
    "Points of a visual prompt after the first few change nothing.",
    on=bodies,
    when="a visual prompt with more points",
    operation=VISUAL,
    parameter=Parameter("how many points count, from 1 to 99", "3", whole(1, 99)),
)
def _later_points(body: Json, call: Call) -> Json:
    for prompt in prompts_of(body):
        if isinstance(prompt.get("points"), list):
            prompt["points"] = prompt["points"][: call.value]
    return body


@CONDITIONS.fault(
    "first_pixels_read_as_fractions",
    "Points whose coordinates are 1 or less are taken for fractions of the image.",
    on=bodies,
    when="a visual prompt with a point on one of the first pixels",
    operation=VISUAL,
)
def _fractions(body: Json, _: Call) -> Json:
    header = header_of(body.get("image"))
    for point in (point for prompt in prompts_of(body) for point in points_of(prompt)):
        place = numbers(point, "x", "y")
        if header is not None and place is not None and 0 < max(place) <= 1 and min(place) > 0:
            point["x"], point["y"] = place[0] * (header.width - 1), place[1] * (header.height - 1)
    return body


@CONDITIONS.fault(
    "positive_points_beside_box_ignored",
    "Positive points of a prompt that has a box change nothing.",
    on=bodies,
    when="a visual prompt with a box, and a positive point on something else",
    operation=VISUAL,
)
def _positive_beside_box(body: Json, _: Call) -> Json:
    for prompt in prompts_of(body):
        if prompt.get("box") and isinstance(prompt.get("points"), list):
            prompt["points"] = [point for point in points_of(prompt) if not point.get("positive")]
    return body


@CONDITIONS.fault(
    "answers_cached_without",
    "Answers are kept for requests that differ in nothing but one thing.",
    on=calls,
    when="two requests that differ in that thing only",
    operation=("concept_segment", "visual_segment"),
    parameter=Parameter(f"the thing: {', '.join(_CACHED)}", "format", one_of(*_CACHED)),
)
def _cached(call: Call, ask: Ask) -> Answer:
    answer = ask(call.body)  # refuses what cannot be loaded
    kept: Answer = call.memory.first(answer, json.dumps([call.operation, _simplified(call)], sort_keys=True))
    return kept


def _simplified(call: Call) -> Json:
    body: Json = json.loads(json.dumps(call.body))
    if call.value == "end_of_image":
        content, header = content_of(body.get("image")) or b"", header_of(body.get("image"))
        body["image"] = [content[:HEAD].hex(), len(content), header and header.size]
    elif call.value == "positive":
        for point in (point for prompt in prompts_of(body) for point in points_of(prompt)):
            point.pop("positive", None)
    elif call.value in _IN_PROMPTS:
        for prompt in prompts_of(body):
            prompt.pop("box_labels" if call.value == "box_labels" else THRESHOLD, None)
    else:
        body.pop(call.value, None)
    return body


@CONDITIONS.fault(
    "embedding_replaced",
    "embed_image replaces what is kept under an image_id.",
    on=calls,
    when="an image_id that is embedded a second time, with another image",
    operation=(VISUAL, "embed_image"),
)
def _replaced(call: Call, ask: Ask) -> Answer:
    name = call.body.get("image_id")
    if not isinstance(name, str):
        return ask(call.body)
    turn = call.memory.find(name) or 0
    if call.operation == "embed_image":
        turn += 1
        call.memory.swap(turn, name)
    answer = ask({**call.body, "image_id": f"{name}#{turn}"} if turn > 1 else call.body)
    return replace(answer, body=answer.body.replace(f"#{turn}".encode(), b""))


@CONDITIONS.fault(
    "embedding_not_kept",
    "embed_image keeps nothing.",
    on=calls,
    when="an image_id that was embedded, sent along with another image",
    operation="embed_image",
)
def _not_kept(call: Call, ask: Ask) -> Answer:
    name = call.body.get("image_id")
    if not isinstance(name, str):
        return ask(call.body)
    answer = ask({**call.body, "image_id": f"lost/{name}"})
    return replace(answer, body=answer.body.replace(b"lost/", b""))


@CONDITIONS.fault(
    "image_ids_simplified",
    "image_ids that differ in little stand for one image.",
    on=calls,
    when="two image_ids that differ in little, with two images",
    operation=(VISUAL, "embed_image"),
    parameter=Parameter("lower, stripped, name or end: what is made of an id", "lower", one_of(*_SIMPLE)),
)
def _simplified_ids(call: Call, ask: Ask) -> Answer:
    name = call.body.get("image_id")
    if not isinstance(name, str):
        return ask(call.body)
    answer = ask({**call.body, "image_id": _SIMPLE[call.value](name)})
    if call.operation != "embed_image":
        return answer
    return replace(answer, body=json.dumps({**json.loads(answer.body), "image_id": name}).encode())


@CONDITIONS.fault(
    "logits_of_another_prompt",
    "Loaded logits are those that were kept last, of whichever prompt.",
    on=calls,
    when="a visual request that loads logits after another one kept some",
    operation=VISUAL,
)
def _other_logits(call: Call, ask: Ask) -> Answer:
    answer = ask(call.body)
    kept = call.memory.find("prompts")
    if call.body.get("load_logits_from_cache") is True and kept is not None:
        answer = ask({**call.body, "prompts": kept})
    if call.body.get("save_logits_to_cache") is True:
        call.memory.swap(call.body.get("prompts"), "prompts")
    return answer


@CONDITIONS.fault(
    "requests_mixed",
    "Of requests that are under way at once the image that came last is used for all.",
    on=calls,
    when="requests under way at once, with images that differ",
    operation=EVERY_OPERATION,
)
def _mixed(call: Call, ask: Ask) -> Answer:
    if "image" not in call.body:
        return ask(call.body)
    call.memory.swap(call.body["image"])
    pausing()(PAUSE)
    return ask({**call.body, "image": call.memory.find("")})


@CONDITIONS.fault(
    "unknown_model_accepted",
    "Any model_id is taken for the base model.",
    on=bodies,
    when="a concept request with the model_id of no model",
)
def _any_model(body: Json, _: Call) -> Json:
    body.pop("model_id", None)
    return body
