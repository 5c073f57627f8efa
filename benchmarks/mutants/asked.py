"""What a request asks beside its image, and how something else is asked in its place."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeGuard

from werkzeug.wrappers import Response

from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Call, Json

THRESHOLD, NMS = "output_prob_thresh", "nms_iou_threshold"
MOST_PROMPTS, BATCH = 16, 8  # of a request for concepts, and those of it that are worked on together


def of_concept(call: Call) -> bool:
    """Tell a request for what a text or exemplars name."""
    return call.operation == "concept_segment"


def of_visual(call: Call) -> bool:
    """Tell a request for what clicks and boxes point at."""
    return call.operation == "visual_segment"


def key_of(call: Call) -> str:
    """Take the key of the query, or the one of a header."""
    return call.request.args.get("api_key") or call.request.headers.get("authorization", "").partition(" ")[2]


def id_of(call: Call) -> str | None:
    """Take the name of an image, where it counts."""
    name = call.body.get("image_id")
    return name if isinstance(name, str) and not of_concept(call) else None


def is_number(value: Any) -> TypeGuard[float]:
    """Tell a number, which ``true`` is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_filled(value: Any) -> bool:
    """Tell a list that has something in it."""
    return isinstance(value, list) and bool(value)


def objects_of(prompt: Json, field: str) -> list[tuple[int, Json]]:
    """List what are objects in a list of a prompt, with their places."""
    given = prompt.get(field)
    return [(place, one) for place, one in enumerate(given if isinstance(given, list) else ()) if isinstance(one, dict)]


def listed(prompt: Json, field: str) -> list[Json]:
    """List the objects in a list of a prompt; none if there is something else in it, which the mock refuses."""
    given = prompt.get(field)
    return given if isinstance(given, list) and all(isinstance(one, dict) for one in given) else []


def prompts_of(body: Json) -> list[Json]:
    """List the prompts of a body that are objects, in whichever form they are given: listed, one alone, or nested."""
    prompts = body.get("prompts")
    if isinstance(prompts, dict):
        prompts = prompts.get("prompts", [prompts])
    return [one for one in prompts if isinstance(one, dict)] if isinstance(prompts, list) else []


def threshold_of(call: Call, prompt: Json) -> Any:
    """Tell the threshold that counts for a prompt: its own, the request's, or the default."""
    own, of_request = prompt.get(THRESHOLD), call.body.get(THRESHOLD)
    if own is not None:
        return own
    return 0.5 if of_request is None else of_request


def concept_as_polygons(call: Call) -> bool:
    """Tell a request for concepts whose answer is of polygons."""
    return of_concept(call) and call.body.get("format", "polygon") in {"polygon", "json"}


def with_prompts(call: Call, change: Callable[[int, Json], Json]) -> Response:
    """Ask with each prompt changed."""
    if not call.prompts:
        return call.ask()
    return call.ask(prompts=[change(index, copy.deepcopy(prompt)) for index, prompt in enumerate(call.prompts)])


def clicks_changed(call: Call, change: Callable[[Json, tuple[int, int]], None]) -> Response:
    """Ask with each whole click changed in place, in an image of that ``(height, width)``."""
    frame = frame_of(call)

    def each(_: int, prompt: Json) -> Json:
        for point in prompt.get("points") or ():
            if isinstance(point, dict) and {"x", "y", "positive"} <= set(point) and frame:
                change(point, frame)
        return prompt

    return with_prompts(call, each) if of_visual(call) else call.ask()
