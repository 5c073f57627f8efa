"""What goes wrong only while several requests are under way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.wrappers import Response

from benchmarks.mutants.asked import THRESHOLD, of_concept, of_visual
from benchmarks.mutants.server import Call, Json, Kind, edited, failure, refusal

mutant = Kind()
MUTANTS = mutant.mutants

PAUSE = 0.02  # seconds that a request takes at least, so that some are under way at once


@contextmanager
def _under_way(call: Call) -> Iterator[list[Call]]:
    """Stay for a moment; tell the other requests that were under way in it."""
    calls: list[Call] = call.state.kept.setdefault("under way", [])
    with call.state.lock:
        met = list(calls)
        calls.append(call)
        for other in met:
            call.state.kept.setdefault(id(other), []).append(call)
    time.sleep(PAUSE if met or call.state.kept.get("busy") else PAUSE / 5)
    with call.state.lock:
        met += call.state.kept.pop(id(call), [])
        call.state.kept["busy"] = bool(met)
    try:
        yield met
    finally:
        with call.state.lock:
            calls.remove(call)
            call.state.kept.pop(id(call), None)


def _with_anothers(call: Call, field: str, value: Any) -> Response:
    """Ask with what the last request had in a field, if several are under way."""
    call.state.kept[field] = value
    with _under_way(call) as others:
        return call.ask(**{field: call.state.kept[field]}) if others else call.ask()


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
    if not of_concept(call):
        return call.ask()
    own = call.state.kept["threshold"] = call.body.get(THRESHOLD, 0.5)
    with _under_way(call) as others:
        return call.ask(**{THRESHOLD: max(call.state.kept["threshold"], own)}) if others else call.ask()


@mutant
def two_requests_at_once_answer_500(call: Call) -> Response:
    with _under_way(call) as others:
        return failure() if others else call.ask()


@mutant
def three_requests_at_once_answer_503_as_text(call: Call) -> Response:
    with _under_way(call) as others:
        busy = len(others) > 1
        return Response("Service Unavailable", 503, content_type="text/plain") if busy else call.ask()


@mutant
def embedding_under_way_is_answered_503(call: Call) -> Response:
    with _under_way(call) as others:
        busy = others and call.operation == "embed_image"
        return refusal(503, {"message": "busy"}) if busy else call.ask()


@mutant
def half_the_results_are_lost_under_load(call: Call) -> Response:
    def change(body: Json) -> None:
        results = body.get("prompt_results", [])
        for result in results[len(results) // 2 :]:
            result["predictions"] = []

    with _under_way(call) as others:
        return edited(call.ask(), change) if others else call.ask()
