"""Caches whose key knows too little of a request, or which answer with another one's headers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from benchmarks.mutants.asked import NMS, THRESHOLD, is_number, key_of, listed, of_concept, of_visual, prompts_of
from benchmarks.mutants.kept import cached_without
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Call, Json, Kind

mutant = Kind()
MUTANTS = mutant.mutants


def _cache_without(field: str) -> Callable[[Call], Response]:
    def behave(call: Call) -> Response:
        return cached_without(call, lambda body: {name: value for name, value in body.items() if name != field})

    behave.__name__ = f"cache_that_ignores_{field}"
    return behave


for _field in ("output_prob_thresh", "format", "nms_iou_threshold", "multimask_output", "image_id"):
    mutant(_cache_without(_field))


@mutant
def answers_are_cached_without_the_nms_threshold(call: Call) -> Response:
    return _cache_without(NMS)(call)


@mutant
def answers_for_clicks_are_cached_without_format_and_multimask(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        return {name: value for name, value in body.items() if name not in {"format", "multimask_output"}}

    return cached_without(call, simplify) if of_visual(call) else call.ask()


def _without(prompts: Any, *fields: str) -> Any:
    if not isinstance(prompts, list):
        return prompts
    return [
        {name: value for name, value in one.items() if name not in fields} if isinstance(one, dict) else one
        for one in prompts
    ]


@mutant
def cache_that_ignores_labels_of_exemplars(call: Call) -> Response:
    return cached_without(call, lambda body: {**body, "prompts": _without(body.get("prompts"), "box_labels")})


@mutant
def answers_are_cached_without_the_labels_of_exemplars(call: Call) -> Response:
    return cache_that_ignores_labels_of_exemplars(call)


@mutant
def cache_that_ignores_own_thresholds(call: Call) -> Response:
    return cached_without(call, lambda body: {**body, "prompts": _without(body.get("prompts"), "output_prob_thresh")})


@mutant
def answers_are_cached_without_the_prompts_own_thresholds(call: Call) -> Response:
    return cache_that_ignores_own_thresholds(call)


def _prompts_of(body: Json) -> list[Json]:
    """List the prompts of a body that are objects."""
    prompts = body.get("prompts")
    return [one for one in prompts if isinstance(one, dict)] if isinstance(prompts, list) else []


@mutant
def cache_that_ignores_the_sign_of_clicks(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        for prompt in _prompts_of(body):
            for point in prompt.get("points") or ():
                if isinstance(point, dict):
                    point.pop("positive", None)
        return body

    return cached_without(call, simplify)


@mutant
def cache_that_rounds_clicks_to_tens(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        for prompt in _prompts_of(body):
            for point in prompt.get("points") or ():
                if isinstance(point, dict) and isinstance(point.get("x"), int | float):
                    point["x"], point["y"] = point["x"] // 40, point.get("y", 0) // 40
        return body

    return cached_without(call, simplify)


@mutant
def answers_are_cached_by_clicks_rounded_to_a_hundredth_of_the_image(call: Call) -> Response:
    height, width = frame_of(call) or (1, 1)

    def simplify(body: Json) -> Json:
        for point in (point for prompt in prompts_of(body) for point in listed(prompt, "points")):
            if is_number(point.get("x")) and is_number(point.get("y")):
                point.update(x=round(point["x"] / width, 2), y=round(point["y"] / height, 2))
        return body

    return cached_without(call, simplify) if of_visual(call) else call.ask()


@mutant
def cache_that_ignores_the_order_of_prompts(call: Call) -> Response:
    return cached_without(
        call, lambda body: {**body, "prompts": sorted(map(repr, body["prompts"]))} if _prompts_of(body) else body
    )


@mutant
def answers_are_cached_by_sorted_prompts(call: Call) -> Response:
    # Whose fields may come in any order.
    def simplify(body: Json) -> Json:
        return {**body, "prompts": sorted(json.dumps(prompt, sort_keys=True) for prompt in call.prompts)}

    return cached_without(call, simplify) if call.prompts else call.ask()


@mutant
def cache_that_joins_the_texts_of_prompts(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        return {**body, "prompts": " ".join(prompt["text"] for prompt in body["prompts"])}

    plain = all(set(prompt) <= {"type", "text"} and isinstance(prompt.get("text"), str) for prompt in call.prompts)
    return cached_without(call, simplify) if of_concept(call) and call.prompts and plain else call.ask()


@mutant
def cache_that_rounds_thresholds(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        value = body.get(THRESHOLD)
        return {**body, THRESHOLD: round(value, 1)} if is_number(value) else body

    return cached_without(call, simplify) if of_concept(call) else call.ask()


@mutant
def cache_that_ignores_the_size_of_boxes(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        for prompt in _prompts_of(body):
            for box in (*(prompt.get("boxes") or ()), prompt.get("box")):
                if isinstance(box, dict):
                    box.pop("width", None)
                    box.pop("height", None)
        return body

    return cached_without(call, simplify)


@mutant
def cache_that_ignores_boxes_beside_clicks(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        for prompt in _prompts_of(body):
            if prompt.get("points"):
                prompt.pop("box", None)
        return body

    return cached_without(call, simplify) if of_visual(call) else call.ask()


def _cached_by_prompt(call: Call, simplify: Callable[[Json], Any]) -> Response:
    """Answer from a cache that knows of each prompt only that."""
    if not call.prompts:
        return call.ask()
    return cached_without(call, lambda body: {**body, "prompts": [simplify(prompt) for prompt in body["prompts"]]})


@mutant
def cache_that_ignores_clicks_beside_boxes(call: Call) -> Response:
    def simplify(prompt: Json) -> Json:
        return {"box": prompt["box"]} if prompt.get("box") else prompt

    return _cached_by_prompt(call, simplify) if of_visual(call) else call.ask()


@mutant
def cache_that_ignores_texts_beside_boxes(call: Call) -> Response:
    def simplify(prompt: Json) -> Json:
        return {**prompt, "text": None} if prompt.get("boxes") else prompt

    return _cached_by_prompt(call, simplify)


@mutant
def concepts_are_cached_by_their_texts_in_lower_case(call: Call) -> Response:
    def simplify(prompt: Json) -> Json:
        text = prompt.get("text")
        return {**prompt, "text": text.strip().lower()} if isinstance(text, str) else prompt

    return _cached_by_prompt(call, simplify) if of_concept(call) else call.ask()


@mutant
def answers_are_cached_by_texts_in_lower_case(call: Call) -> Response:
    return concepts_are_cached_by_their_texts_in_lower_case(call)


@mutant
def cache_that_sorts_the_coordinates_of_clicks(call: Call) -> Response:
    def simplify(prompt: Json) -> Json:
        points = prompt.get("points") or []
        if len(points) < 2 or not all(isinstance(one, dict) for one in points):
            return prompt
        return {**prompt, "points": [sorted(str(one.get(name)) for one in points) for name in ("x", "y", "positive")]}

    return _cached_by_prompt(call, simplify) if of_visual(call) else call.ask()


@mutant
def cache_that_knows_exemplars_by_their_four_numbers(call: Call) -> Response:
    def numbers(box: Any) -> Any:
        names = ("x0", "y0", "x1", "y1") if isinstance(box, dict) and "x0" in box else ("x", "y", "width", "height")
        return [float(box[name]) for name in names if is_number(box.get(name))] if isinstance(box, dict) else box

    def simplify(prompt: Json) -> Json:
        return {**prompt, "boxes": [numbers(box) for box in prompt["boxes"]]} if prompt.get("boxes") else prompt

    return _cached_by_prompt(call, simplify) if of_concept(call) else call.ask()


def _kept_without(call: Call, key: tuple[Any, ...], status: int) -> Response:
    """Answer what was answered before, also where it is refused by now."""
    response = call.ask()
    if response.status_code == 200:
        call.state.kept[key] = (response.get_data(), response.headers["content-type"])
    if response.status_code == status and key in call.state.kept:
        content, content_type = call.state.kept[key]
        return Response(content, 200, {"x-request-id": response.headers.get("x-request-id", "")}, None, content_type)
    return response


@mutant
def wrong_keys_have_the_answers_that_are_kept(call: Call) -> Response:
    body = {name: value for name, value in call.body.items() if name != "api_key"}
    return _kept_without(call, (call.operation, json.dumps(body, sort_keys=True)), 401)


@mutant
def a_cached_answer_is_given_whatever_the_key(call: Call) -> Response:
    key, response = (call.operation, call.request.get_data()), call.ask()
    if response.status_code == 200:
        call.state.kept[key] = key_of(call)
    elif response.status_code == 401 and key in call.state.kept and call.request.method == "POST":
        return call.ask_body(call.request.get_data(), QUERY_STRING=f"api_key={call.state.kept[key]}")
    return response


@mutant
def a_refusal_of_a_key_is_cached_for_the_body(call: Call) -> Response:
    key, response = (call.operation, call.request.get_data()), call.ask()
    if response.status_code == 401 and call.body:
        call.state.kept[key] = response.get_data()
    elif response.status_code == 200 and key in call.state.kept:
        return Response(call.state.kept[key], 401, content_type="application/json")
    return response


@mutant
def unknown_models_have_the_answers_that_are_kept(call: Call) -> Response:
    body = {name: value for name, value in call.body.items() if name != "model_id"}
    return _kept_without(call, (call.operation, json.dumps(body, sort_keys=True)), 404)


@mutant
def unknown_model_is_answered_where_the_rest_was_answered_before(call: Call) -> Response:
    key = json.dumps({**call.body, "model_id": None}, sort_keys=True)
    response = call.ask()
    if response.status_code == 200:
        call.state.kept[key] = response.get_data()
    elif response.status_code in {400, 404} and "model_id" in call.body and key in call.state.kept:
        return Response(call.state.kept[key], 200, content_type="application/json")
    return response


def _answered_as_first(call: Call, key: Any) -> Response:
    """Answer what was answered first under that key."""
    response = call.ask()
    if response.status_code == 200:
        content, content_type = call.state.kept.setdefault(key, (response.get_data(), response.headers["content-type"]))
        response.set_data(content)
        response.headers["content-type"] = content_type
    return response


@mutant
def requests_of_one_id_are_answered_once(call: Call) -> Response:
    # The client's name for a request is taken for a key of idempotency.
    name = call.body.get("id")
    return _answered_as_first(call, (call.operation, name)) if isinstance(name, str) else call.ask()


@mutant
def visual_requests_and_embeddings_share_a_cache(call: Call) -> Response:
    # Its key is of the body, which is the same where there are no prompts.
    if of_concept(call) or not call.body:
        return call.ask()
    return _answered_as_first(call, json.dumps(call.body, sort_keys=True))


def _with_the_first_ones(call: Call, header: str) -> Response:
    """Answer with a header as it was when the same body was answered first."""
    key, response = (call.operation, call.request.get_data()), call.ask()
    if response.status_code != 200:
        return response
    first = call.state.kept.setdefault(key, response.headers.get(header))
    response.headers.pop(header, None)
    if first is not None:
        response.headers[header] = first
    return response


@mutant
def cached_answers_allow_the_origin_that_asked_first(call: Call) -> Response:
    return _with_the_first_ones(call, "access-control-allow-origin")


@mutant
def cached_answers_repeat_the_request_id_of_the_first(call: Call) -> Response:
    return _with_the_first_ones(call, "x-request-id")


@mutant
def cached_answers_lack_the_headers_of_the_model(call: Call) -> Response:
    key, response = (call.operation, call.request.get_data()), call.ask()
    if response.status_code == 200 and key in call.state.kept:
        response.headers.pop("x-model-id", None)
        response.headers.pop("x-processing-time", None)
    elif response.status_code == 200:
        call.state.kept[key] = True
    return response
