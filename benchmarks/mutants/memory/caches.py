"""Caches whose key knows too little of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from benchmarks.mutants.asked import THRESHOLD, is_number, of_concept
from benchmarks.mutants.kept import cached_without
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
def cache_that_ignores_own_thresholds(call: Call) -> Response:
    return cached_without(call, lambda body: {**body, "prompts": _without(body.get("prompts"), "output_prob_thresh")})


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
def cache_that_ignores_the_order_of_prompts(call: Call) -> Response:
    return cached_without(
        call, lambda body: {**body, "prompts": sorted(map(repr, body["prompts"]))} if _prompts_of(body) else body
    )


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
