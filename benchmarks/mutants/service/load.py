"""What goes wrong only while several requests are under way."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.asked import NMS, THRESHOLD, id_of, key_of, of_concept, of_visual
from benchmarks.mutants.kept import renamed
from benchmarks.mutants.pictures import file_of, frame_of
from benchmarks.mutants.server import (
    Bitmap,
    Call,
    Json,
    Kind,
    edited,
    failure,
    lists_of,
    redrawn,
    refusal,
    unauthorised,
)

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


def _in_order(call: Call, others: list[Call]) -> list[Call]:
    """Put a request and those of its operation that are under way with it in the order in which they came."""
    return sorted((one for one in (call, *others) if one.operation == call.operation), key=lambda one: one.number)


def _with_anothers(call: Call, field: str, value: Any) -> Response:
    """Ask with what the last request had in a field, if several are under way."""
    call.state.kept[field] = value
    with _under_way(call) as others:
        return call.ask(**{field: call.state.kept[field]}) if others else call.ask()


@mutant
def image_of_another_request_under_way_is_used(call: Call) -> Response:
    return call.ask() if call.body.get("image") is None else _with_anothers(call, "image", call.body["image"])


@mutant
def clicks_at_once_fall_on_the_image_that_came_last(call: Call) -> Response:
    # One predictor for all threads, which is given an image and then asked about it.
    sent = of_visual(call) and id_of(call) is None and file_of(call) is not None
    return _with_anothers(call, "image", call.body["image"]) if sent else call.ask()


@mutant
def requests_at_once_with_images_of_one_size_get_the_first_image(call: Call) -> Response:
    # A batch that is made of the first one's pixels.
    with _under_way(call) as others:
        first, frame = _in_order(call, others)[0], frame_of(call)
        alike = first is not call and frame is not None and frame_of(first) == frame
        return call.ask(image=first.body["image"]) if alike and call.ask().status_code == 200 else call.ask()


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
def requests_at_once_get_the_threshold_of_the_first(call: Call) -> Response:
    if not of_concept(call) or call.ask().status_code != 200:
        return call.ask()
    with _under_way(call) as others:
        return call.ask(**{THRESHOLD: _in_order(call, others)[0].body.get(THRESHOLD, ...)})


@mutant
def embedding_answers_the_id_of_another_one_under_way(call: Call) -> Response:
    if call.operation != "embed_image":
        return call.ask()
    with _under_way(call) as others:
        response = call.ask()

        def change(body: Json) -> None:
            named = [other.body["image_id"] for other in others if isinstance(other.body.get("image_id"), str)]
            body["image_id"] = named[0] if named else body["image_id"]

        return edited(response, change)


@mutant
def request_id_of_another_request_under_way_is_answered(call: Call) -> Response:
    with _under_way(call) as others:
        response = call.ask()
        named = [other.request.headers["x-request-id"] for other in others if "x-request-id" in other.request.headers]
        if named:
            response.headers["x-request-id"] = named[0]
        return response


@mutant
def requests_under_way_together_have_one_request_id(call: Call) -> Response:
    response = call.ask()
    call.state.kept["id"] = response.headers.get("x-request-id", "")
    with _under_way(call) as others:
        if others:
            response.headers["x-request-id"] = call.state.kept["id"]
        return response


@mutant
def masks_beside_a_larger_image_under_way_are_padded_to_it(call: Call) -> Response:
    own = frame_of(call)
    if not of_concept(call) or own is None:
        return call.ask()
    with _under_way(call) as others:
        frames = [own, *(frame for other in others if (frame := frame_of(other)))]
        height, width = (max(sides) for sides in zip(*frames, strict=True))

        def pad(bitmap: Bitmap, _: Json) -> Bitmap:
            return np.pad(bitmap, ((0, height - own[0]), (0, width - own[1])))

        return redrawn(call.ask(), pad, size=own)


@mutant
def binary_answers_at_once_share_a_temporary_file(call: Call) -> Response:
    with _under_way(call) as others:
        response = call.ask()
        if response.mimetype != "application/octet-stream":
            return response
        answers = (one.ask() for one in reversed(_in_order(call, others)))
        return next(one for one in answers if one.mimetype == response.mimetype)


@mutant
def equal_requests_at_once_are_joined_and_one_finds_nothing(call: Call) -> Response:
    with _under_way(call) as others:
        earlier = any(other.number < call.number and other.body == call.body for other in others)

        def change(body: Json) -> None:
            for predictions in lists_of(body) if earlier and of_concept(call) else ():
                predictions.clear()

        return edited(call.ask(), change)


@mutant
def requests_at_once_about_one_image_have_each_others_results(call: Call) -> Response:
    if not of_concept(call) or not call.prompts:
        return call.ask()
    with _under_way(call) as others:
        same = [other for other in others if of_concept(other) and other.body.get("image") == call.body.get("image")]

        def change(body: Json) -> None:
            for other in same:
                answer = other.ask()
                if answer.status_code == 200:
                    body["prompt_results"] += json.loads(answer.get_data())["prompt_results"]

        return edited(call.ask(), change)


@mutant
def refusal_of_a_request_is_that_of_those_under_way_with_it(call: Call) -> Response:
    """A batch that fails as a whole."""
    response = call.ask()
    if response.status_code in {400, 422}:
        call.state.kept["failed"] = time.monotonic()
    with _under_way(call) as others:
        failed = time.monotonic() - call.state.kept.get("failed", 0) < 0.05
        return failure() if others and failed and response.status_code == 200 else response


@mutant
def wrong_key_is_accepted_while_a_good_one_is_under_way(call: Call) -> Response:
    response, key = call.ask(), call.request.args.get("api_key")
    if response.status_code == 200 and key:
        call.state.kept["key"] = key
    with _under_way(call) as others:
        if others and response.status_code == 401 and "key" in call.state.kept:
            query = f"api_key={call.state.kept['key']}"
            return call.ask_body(call.request.get_data(), QUERY_STRING=query)
        return response


@mutant
def third_request_at_once_with_a_key_is_unauthorised(call: Call) -> Response:
    with _under_way(call) as others:
        same = [other for other in others if key_of(other) == key_of(call)]
        return unauthorised() if len(same) > 1 else call.ask()


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
def four_requests_at_once_answer_429_of_another_shape(call: Call) -> Response:
    with _under_way(call) as others:
        return refusal(429, {"error": "rate_limited"}) if len(others) > 2 else call.ask()


@mutant
def refusals_under_load_say_200(call: Call) -> Response:
    with _under_way(call) as others:
        return refusal(200, {"message": "Model is busy, retry request."}) if len(others) > 2 else call.ask()


@mutant
def refusals_under_load_tell_to_wait_half_a_second(call: Call) -> Response:
    with _under_way(call) as others:
        busy = {"message": "Model is temporarily not ready - retry request."}
        return refusal(503, busy, **{"retry-after": "0.5"}) if len(others) > 2 else call.ask()


@mutant
def bodies_of_a_megabyte_together_are_too_large(call: Call) -> Response:
    with _under_way(call) as others:
        lengths = [len(one.request.get_data()) for one in (call, *others)]
        page = "<html><head><title>413 Request Entity Too Large</title></head></html>"
        full = others and sum(lengths) > 1_000_000 > lengths[0]
        return Response(page, 413, content_type="text/html") if full else call.ask()


@mutant
def embedding_under_way_is_answered_503(call: Call) -> Response:
    with _under_way(call) as others:
        busy = others and call.operation == "embed_image"
        return refusal(503, {"message": "busy"}) if busy else call.ask()


@mutant
def embeddings_made_at_once_are_not_kept(call: Call) -> Response:
    if call.operation != "embed_image" or not isinstance(call.body.get("image_id"), str):
        return call.ask()
    with _under_way(call) as others:
        return renamed(call, lambda one: f"{one}#{call.number}") if others else call.ask()


@mutant
def more_than_six_requests_at_once_find_nothing(call: Call) -> Response:
    # The wait for the batch is over, and its results are an empty list by then.
    def change(body: Json) -> None:
        for predictions in lists_of(body):
            predictions.clear()

    with _under_way(call) as others:
        return edited(call.ask(), change) if _in_order(call, others).index(call) > 5 else call.ask()


@mutant
def half_the_results_are_lost_under_load(call: Call) -> Response:
    def change(body: Json) -> None:
        results = body.get("prompt_results", [])
        for result in results[len(results) // 2 :]:
            result["predictions"] = []

    with _under_way(call) as others:
        return edited(call.ask(), change) if others else call.ask()


@mutant
def results_come_in_another_order_under_load(call: Call) -> Response:
    # As each of them is done.
    def change(body: Json) -> None:
        body["prompt_results"].reverse()

    if not of_concept(call) or len(call.prompts) < 2:
        return call.ask()
    with _under_way(call) as others:
        return edited(call.ask(), change) if others else call.ask()


@mutant
def nms_is_left_out_under_load(call: Call) -> Response:
    if not of_concept(call) or call.body.get(NMS) is None:
        return call.ask()
    with _under_way(call) as others:
        return call.ask(**{NMS: ...}) if others else call.ask()


@mutant
def masks_are_coarse_while_four_requests_are_under_way(call: Call) -> Response:
    def coarsen(bitmap: Bitmap, _: Json) -> Bitmap:
        height, width = bitmap.shape
        small = cv2.resize(bitmap.astype(np.uint8), (max(1, width // 8), max(1, height // 8)))
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)

    with _under_way(call) as others:
        return redrawn(call.ask(), coarsen, size=frame_of(call)) if len(others) > 2 else call.ask()
