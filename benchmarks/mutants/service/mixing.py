"""What a request gets of others that are under way with it."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.asked import THRESHOLD, id_of, of_concept, of_visual
from benchmarks.mutants.at_once import batch_of, in_order, under_way
from benchmarks.mutants.pictures import file_of, frame_of, value_of
from benchmarks.mutants.server import (
    Bitmap,
    Call,
    Json,
    Kind,
    edited,
    failure,
    lists_of,
    redrawn,
    unloadable,
)

mutant = Kind()
MUTANTS = mutant.mutants


def _with_anothers(call: Call, field: str, value: Any) -> Response:
    """Ask with what the last request had in a field, if several are under way."""
    call.state.kept[field] = value
    with under_way(call) as others:
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
    with under_way(call) as others:
        first, frame = in_order(call, others)[0], frame_of(call)
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
    with under_way(call) as others:
        return call.ask(**{THRESHOLD: max(call.state.kept["threshold"], own)}) if others else call.ask()


@mutant
def requests_at_once_get_the_threshold_of_the_first(call: Call) -> Response:
    if not of_concept(call) or call.ask().status_code != 200:
        return call.ask()
    with under_way(call) as others:
        return call.ask(**{THRESHOLD: in_order(call, others)[0].body.get(THRESHOLD, ...)})


@mutant
def requests_of_a_batch_get_the_threshold_of_its_first(call: Call) -> Response:
    if not of_concept(call):
        return call.ask()
    first = batch_of(call)[0]
    return call.ask() if first is call else call.ask(**{THRESHOLD: first.body.get(THRESHOLD, 0.5)})


@mutant
def embedding_answers_the_id_of_another_one_under_way(call: Call) -> Response:
    if call.operation != "embed_image":
        return call.ask()
    with under_way(call) as others:
        response = call.ask()

        def change(body: Json) -> None:
            named = [other.body["image_id"] for other in others if isinstance(other.body.get("image_id"), str)]
            body["image_id"] = named[0] if named else body["image_id"]

        return edited(response, change)


@mutant
def embeddings_at_once_are_answered_with_the_id_of_the_last(call: Call) -> Response:
    if call.operation != "embed_image":
        return call.ask()
    last = batch_of(call)[-1].body.get("image_id")
    return edited(call.ask(), lambda body: {**body, "image_id": last}) if isinstance(last, str) else call.ask()


@mutant
def request_id_of_another_request_under_way_is_answered(call: Call) -> Response:
    with under_way(call) as others:
        response = call.ask()
        named = [other.request.headers["x-request-id"] for other in others if "x-request-id" in other.request.headers]
        if named:
            response.headers["x-request-id"] = named[0]
        return response


@mutant
def requests_under_way_together_have_one_request_id(call: Call) -> Response:
    response = call.ask()
    call.state.kept["id"] = response.headers.get("x-request-id", "")
    with under_way(call) as others:
        if others:
            response.headers["x-request-id"] = call.state.kept["id"]
        return response


@mutant
def requests_at_once_share_a_request_id(call: Call) -> Response:
    batch, response = batch_of(call), call.ask()
    name = call.state.kept.setdefault(batch[0].number, response.headers.get("x-request-id", ""))
    response.headers["x-request-id"] = name
    return response


@mutant
def masks_beside_a_larger_image_under_way_are_padded_to_it(call: Call) -> Response:
    own = frame_of(call)
    if not of_concept(call) or own is None:
        return call.ask()
    with under_way(call) as others:
        frames = [own, *(frame for other in others if (frame := frame_of(other)))]
        height, width = (max(sides) for sides in zip(*frames, strict=True))

        def pad(bitmap: Bitmap, _: Json) -> Bitmap:
            return np.pad(bitmap, ((0, height - own[0]), (0, width - own[1])))

        return redrawn(call.ask(), pad, size=own)


@mutant
def masks_of_the_smaller_of_two_images_at_once_keep_the_padding(call: Call) -> Response:
    frame = frame_of(call)
    frames = [other for other in map(frame_of, batch_of(call)) if other]
    if frame is None or call.body.get("format") != "rle":
        return call.ask()
    height, width = (max(sides) for sides in zip(*frames, strict=True))

    def pad(bitmap: Bitmap, _: Json) -> Bitmap:
        return np.pad(bitmap, ((0, height - frame[0]), (0, width - frame[1])))

    return redrawn(call.ask(), pad, size=frame)


@mutant
def binary_answers_at_once_share_a_temporary_file(call: Call) -> Response:
    with under_way(call) as others:
        response = call.ask()
        if response.mimetype != "application/octet-stream":
            return response
        answers = (one.ask() for one in reversed(in_order(call, others)))
        return next(one for one in answers if one.mimetype == response.mimetype)


@mutant
def equal_requests_at_once_are_joined_and_one_finds_nothing(call: Call) -> Response:
    with under_way(call) as others:
        earlier = any(other.number < call.number and other.body == call.body for other in others)

        def change(body: Json) -> None:
            for predictions in lists_of(body) if earlier and of_concept(call) else ():
                predictions.clear()

        return edited(call.ask(), change)


@mutant
def requests_at_once_about_one_image_have_each_others_results(call: Call) -> Response:
    if not of_concept(call) or not call.prompts:
        return call.ask()
    with under_way(call) as others:
        same = [other for other in others if of_concept(other) and other.body.get("image") == call.body.get("image")]

        def change(body: Json) -> None:
            for other in same:
                answer = other.ask()
                if answer.status_code == 200:
                    body["prompt_results"] += json.loads(answer.get_data())["prompt_results"]

        return edited(call.ask(), change)


@mutant
def requests_at_once_about_one_image_share_the_first_answer(call: Call) -> Response:
    first = next(one for one in batch_of(call) if (one.operation, value_of(one)) == (call.operation, value_of(call)))
    return call.ask() if first is call else call.ask_body(first.request.get_data())


@mutant
def answers_of_a_batch_come_in_the_order_of_its_numbers_of_prompts(call: Call) -> Response:
    # Sorted for less padding, and not sorted back.
    batch = [one for one in batch_of(call) if one.operation == call.operation]
    answered = sorted(batch, key=lambda one: len(one.prompts))[batch.index(call)]
    return call.ask() if answered is call else call.ask_body(answered.request.get_data())


@mutant
def refusal_of_a_request_is_that_of_those_under_way_with_it(call: Call) -> Response:
    """A batch that fails as a whole."""
    response = call.ask()
    if response.status_code in {400, 422}:
        call.state.kept["failed"] = time.monotonic()
    with under_way(call) as others:
        failed = time.monotonic() - call.state.kept.get("failed", 0) < 0.05
        return failure() if others and failed and response.status_code == 200 else response


@mutant
def an_unreadable_image_fails_the_whole_batch(call: Call) -> Response:
    batch, response = batch_of(call), call.ask()
    failed = call.body and len(batch) > 1 and not all(map(frame_of, batch))
    return unloadable() if failed and response.status_code == 200 else response


@mutant
def wrong_key_is_accepted_while_a_good_one_is_under_way(call: Call) -> Response:
    response, key = call.ask(), call.request.args.get("api_key")
    if response.status_code == 200 and key:
        call.state.kept["key"] = key
    with under_way(call) as others:
        if others and response.status_code == 401 and "key" in call.state.kept:
            query = f"api_key={call.state.kept['key']}"
            return call.ask_body(call.request.get_data(), QUERY_STRING=query)
        return response
