"""What goes wrong only while several requests are under way, or after many of them."""

from __future__ import annotations

import time
from typing import Any

from werkzeug.wrappers import Response

from benchmarks.mutants.requests.thresholds import of_concept, of_visual
from benchmarks.mutants.server import Call, Kind, edited, refusal

mutant = Kind()
MUTANTS = mutant.mutants

PAUSE = 0.02  # seconds that a request takes at least, so that some are under way at once


def _together(call: Call) -> int:
    """Wait for a moment; count the requests that were under way at its beginning."""
    under_way: int
    with call.state.lock:
        under_way = call.state.kept["under way"] = call.state.kept.get("under way", 0) + 1
    time.sleep(PAUSE if under_way > 1 or call.state.kept.get("busy") else PAUSE / 10)
    with call.state.lock:
        call.state.kept["busy"] = call.state.kept["under way"] > 1
        return max(under_way, int(call.state.kept["under way"]))


def _leave(call: Call) -> None:
    with call.state.lock:
        call.state.kept["under way"] -= 1


def _with_anothers(call: Call, field: str, value: Any) -> Response:
    """Ask with what the last request had in a field, if several are under way."""
    call.state.kept[field] = value
    try:
        together = _together(call) > 1
        return call.ask(**{field: call.state.kept[field]}) if together else call.ask()
    finally:
        _leave(call)


@mutant
def image_of_another_request_under_way_is_used(call: Call) -> Response:
    return call.ask() if call.body.get("image") is None else _with_anothers(call, "image", call.body["image"])


@mutant
def prompts_of_another_request_under_way_are_used(call: Call) -> Response:
    return _with_anothers(call, "prompts", call.prompts) if of_concept(call) and call.prompts else call.ask()


@mutant
def clicks_of_another_request_under_way_are_used(call: Call) -> Response:
    return _with_anothers(call, "prompts", call.prompts) if of_visual(call) and call.prompts else call.ask()


@mutant
def format_of_another_request_under_way_is_used(call: Call) -> Response:
    return _with_anothers(call, "format", call.body.get("format", "polygon")) if of_concept(call) else call.ask()


@mutant
def image_id_of_another_request_under_way_is_used(call: Call) -> Response:
    name = call.body.get("image_id")
    return _with_anothers(call, "image_id", name) if of_visual(call) and isinstance(name, str) else call.ask()


@mutant
def threshold_of_another_request_under_way_is_used(call: Call) -> Response:
    if call.operation != "concept_segment":
        return call.ask()
    call.state.kept["threshold"] = call.body.get("output_prob_thresh", 0.5)
    try:
        together = _together(call) > 1
        own = call.body.get("output_prob_thresh", 0.5)
        return call.ask(output_prob_thresh=max(call.state.kept["threshold"], own)) if together else call.ask()
    finally:
        _leave(call)


@mutant
def two_requests_at_once_answer_500(call: Call) -> Response:
    try:
        return refusal(500, {"message": "Internal error."}) if _together(call) > 1 else call.ask()
    finally:
        _leave(call)


@mutant
def three_requests_at_once_answer_503_as_text(call: Call) -> Response:
    try:
        busy = _together(call) > 2
        return Response("Service Unavailable", 503, content_type="text/plain") if busy else call.ask()
    finally:
        _leave(call)


@mutant
def embedding_under_way_is_answered_503(call: Call) -> Response:
    try:
        busy = _together(call) > 1 and call.operation == "embed_image"
        return refusal(503, {"message": "busy"}) if busy else call.ask()
    finally:
        _leave(call)


@mutant
def half_the_results_are_lost_under_load(call: Call) -> Response:
    try:
        together = _together(call) > 1

        def change(body: dict[str, object]) -> None:
            results = body.get("prompt_results")
            if together and isinstance(results, list):
                for result in results[len(results) // 2 :]:
                    result["predictions"] = []

        return edited(call.ask(), change)
    finally:
        _leave(call)


@mutant
def the_fortieth_request_and_all_after_answer_503(call: Call) -> Response:
    return refusal(503, {"message": "Model is not ready."}) if call.number >= 40 else call.ask()
