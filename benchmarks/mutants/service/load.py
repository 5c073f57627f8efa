"""What is refused, lost or done worse while several requests are under way."""

from __future__ import annotations

import cv2
import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.asked import NMS, key_of, of_concept
from benchmarks.mutants.at_once import at_work, in_order, under_way
from benchmarks.mutants.kept import renamed
from benchmarks.mutants.pictures import frame_of
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


@mutant
def third_request_at_once_with_a_key_is_unauthorised(call: Call) -> Response:
    with under_way(call) as others:
        same = [other for other in others if key_of(other) == key_of(call)]
        return unauthorised() if len(same) > 1 else call.ask()


@mutant
def two_requests_at_once_answer_500(call: Call) -> Response:
    with under_way(call) as others:
        return failure() if others else call.ask()


@mutant
def three_requests_at_once_answer_503_as_text(call: Call) -> Response:
    with under_way(call) as others:
        busy = len(others) > 1
        return Response("Service Unavailable", 503, content_type="text/plain") if busy else call.ask()


@mutant
def more_than_four_at_once_are_refused_in_html(call: Call) -> Response:
    page = "<html><head><title>503 Service Temporarily Unavailable</title></head></html>"
    with at_work(call) as count:
        return Response(page, 503, content_type="text/html") if count > 4 else call.ask()


@mutant
def four_requests_at_once_answer_429_of_another_shape(call: Call) -> Response:
    with under_way(call) as others:
        return refusal(429, {"error": "rate_limited"}) if len(others) > 2 else call.ask()


@mutant
def refusals_under_load_say_200(call: Call) -> Response:
    with under_way(call) as others:
        return refusal(200, {"message": "Model is busy, retry request."}) if len(others) > 2 else call.ask()


@mutant
def refusals_under_load_tell_to_wait_half_a_second(call: Call) -> Response:
    with under_way(call) as others:
        busy = {"message": "Model is temporarily not ready - retry request."}
        return refusal(503, busy, **{"retry-after": "0.5"}) if len(others) > 2 else call.ask()


@mutant
def more_than_four_at_once_are_told_to_wait_half_a_second(call: Call) -> Response:
    with at_work(call) as count:
        busy = {"message": "Model is temporarily not ready - retry request."}
        return refusal(503, busy, **{"retry-after": "0.5"}) if count > 4 else call.ask()


@mutant
def bodies_of_a_megabyte_together_are_too_large(call: Call) -> Response:
    with under_way(call) as others:
        lengths = [len(one.request.get_data()) for one in (call, *others)]
        page = "<html><head><title>413 Request Entity Too Large</title></head></html>"
        full = others and sum(lengths) > 1_000_000 > lengths[0]
        return Response(page, 413, content_type="text/html") if full else call.ask()


@mutant
def embedding_under_way_is_answered_503(call: Call) -> Response:
    with under_way(call) as others:
        busy = others and call.operation == "embed_image"
        return refusal(503, {"message": "busy"}) if busy else call.ask()


@mutant
def embeddings_made_at_once_are_not_kept(call: Call) -> Response:
    if call.operation != "embed_image" or not isinstance(call.body.get("image_id"), str):
        return call.ask()
    with under_way(call) as others:
        return renamed(call, lambda one: f"{one}#{call.number}") if others else call.ask()


@mutant
def more_than_six_requests_at_once_find_nothing(call: Call) -> Response:
    # The wait for the batch is over, and its results are an empty list by then.
    def change(body: Json) -> None:
        for predictions in lists_of(body):
            predictions.clear()

    with under_way(call) as others:
        return edited(call.ask(), change) if in_order(call, others).index(call) > 5 else call.ask()


@mutant
def more_than_four_at_once_find_nothing(call: Call) -> Response:
    # Of concepts: what is pointed at is found.
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            result["predictions"] = []

    with at_work(call) as count:
        return edited(call.ask(), change) if count > 4 else call.ask()


@mutant
def half_the_results_are_lost_under_load(call: Call) -> Response:
    def change(body: Json) -> None:
        results = body.get("prompt_results", [])
        for result in results[len(results) // 2 :]:
            result["predictions"] = []

    with under_way(call) as others:
        return edited(call.ask(), change) if others else call.ask()


@mutant
def results_come_in_another_order_under_load(call: Call) -> Response:
    # As each of them is done.
    def change(body: Json) -> None:
        body["prompt_results"].reverse()

    if not of_concept(call) or len(call.prompts) < 2:
        return call.ask()
    with under_way(call) as others:
        return edited(call.ask(), change) if others else call.ask()


@mutant
def nms_is_left_out_under_load(call: Call) -> Response:
    if not of_concept(call) or call.body.get(NMS) is None:
        return call.ask()
    with under_way(call) as others:
        return call.ask(**{NMS: ...}) if others else call.ask()


@mutant
def masks_are_coarse_while_four_requests_are_under_way(call: Call) -> Response:
    def coarsen(bitmap: Bitmap, _: Json) -> Bitmap:
        height, width = bitmap.shape
        small = cv2.resize(bitmap.astype(np.uint8), (max(1, width // 8), max(1, height // 8)))
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)

    with under_way(call) as others:
        return redrawn(call.ask(), coarsen, size=frame_of(call)) if len(others) > 2 else call.ask()
