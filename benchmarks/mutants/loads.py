"""What goes wrong only while several requests are under way, or after many of them."""

from __future__ import annotations

import time

from werkzeug.wrappers import Response

from benchmarks.mutants.server import Call, Kind, edited, refusal

mutant = Kind()
MUTANTS = mutant.mutants

PAUSE = 0.02  # seconds that a request takes at least, so that some are under way at once


def _together(call: Call) -> int:
    """Wait for a moment; count the requests that were under way at its beginning."""
    with call.state.lock:
        under_way = call.state.kept["under way"] = call.state.kept.get("under way", 0) + 1
    time.sleep(PAUSE if under_way > 1 or call.state.kept.get("busy") else PAUSE / 10)
    with call.state.lock:
        call.state.kept["busy"] = call.state.kept["under way"] > 1
        return max(under_way, call.state.kept["under way"])


def _leave(call: Call) -> None:
    with call.state.lock:
        call.state.kept["under way"] -= 1


@mutant
def image_of_another_request_under_way_is_used(call: Call) -> Response:
    if call.body.get("image") is None:
        return call.ask()
    call.state.kept["image"] = call.body["image"]
    try:
        together = _together(call) > 1
        return call.ask(image=call.state.kept["image"]) if together else call.ask()
    finally:
        _leave(call)


@mutant
def prompts_of_another_request_under_way_are_used(call: Call) -> Response:
    name = (call.operation, "prompts")
    if call.operation != "concept_segment" or not call.prompts:
        return call.ask()
    call.state.kept[name] = call.body["prompts"]
    try:
        together = _together(call) > 1
        return call.ask(prompts=call.state.kept[name]) if together else call.ask()
    finally:
        _leave(call)


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
