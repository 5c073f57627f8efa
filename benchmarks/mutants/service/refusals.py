"""Refusals that are not told as they should be, or not made."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from PIL import Image
from werkzeug.wrappers import Response

from benchmarks.mutants.asked import NMS, THRESHOLD, is_number, of_concept, of_visual
from benchmarks.mutants.pictures import as_image, content_of
from benchmarks.mutants.server import Call, Json, Kind, refusal

mutant = Kind()
MUTANTS = mutant.mutants

JPEG = b"\xff\xd8"  # how it begins
TRACEBACK = (
    'Traceback (most recent call last):\n  File "/app/inference/core/managers/base.py", line 93, in infer\n'
    "    return self._models[model_id].infer(request)\nValueError: cannot reshape array"
)


@mutant
def validation_does_not_name_the_place(call: Call) -> Response:
    response = call.ask()
    if response.status_code == 422:
        body = json.loads(response.get_data())
        if isinstance(body.get("detail"), list):
            for one in body["detail"]:
                one["loc"] = one["loc"][:1]
            return refusal(422, body)
    return response


@mutant
def validation_names_the_first_prompt_always(call: Call) -> Response:
    response = call.ask()
    if response.status_code == 422:
        body = json.loads(response.get_data())
        for one in body["detail"] if isinstance(body.get("detail"), list) else ():
            one["loc"] = [
                0 if isinstance(part, int) and one["loc"][1:2] == ["prompts"] else part for part in one["loc"]
            ]
        return refusal(422, body)
    return response


@mutant
def place_of_a_mistake_is_not_in_the_body(call: Call) -> Response:
    response = call.ask()
    if response.status_code == 422:
        body = json.loads(response.get_data())
        for entry in body.get("detail", ()):
            if isinstance(entry, dict) and entry.get("loc", [None])[0] == "body":
                entry["loc"] = entry["loc"][1:]
        response.set_data(json.dumps(body))
    return response


@mutant
def places_of_mistakes_end_at_the_prompt(call: Call) -> Response:
    response = call.ask()
    if response.status_code == 422:
        body = response.get_json()
        for entry in body.get("detail", ()):
            if isinstance(entry, dict):
                entry["loc"] = entry["loc"][:3]
        return refusal(422, body)
    return response


@mutant
def mistakes_of_visual_are_not_located(call: Call) -> Response:
    response = call.ask()
    if of_visual(call) and response.status_code == 422:
        body = json.loads(response.get_data())
        for entry in body.get("detail", ()):
            entry["loc"] = entry["loc"][:1]
        response.set_data(json.dumps(body))
    return response


def _mistakes_changed(response: Response, change: Callable[[list[Json]], Any]) -> Response:
    """Change what a 422 says: in place, or by returning something else."""
    if response.status_code != 422:
        return response
    body = json.loads(response.get_data())
    if isinstance(body.get("detail"), list):
        changed = change(body["detail"])
        body["detail"] = body["detail"] if changed is None else changed
    response.set_data(json.dumps(body))
    return response


@mutant
def place_of_a_mistake_in_a_box_counts_from_one(call: Call) -> Response:
    def change(entries: list[Json]) -> None:
        for entry in entries:
            where = entry["loc"]
            entry["loc"] = [
                part + 1 if isinstance(part, int) and where[index - 1] in {"boxes", "points"} else part
                for index, part in enumerate(where)
            ]

    return _mistakes_changed(call.ask(), change)


@mutant
def the_place_of_a_mistake_is_always_the_first_prompt(call: Call) -> Response:
    # And the first of the prompts only, not of their boxes.
    def change(entries: list[Json]) -> None:
        for entry in entries:
            where = entry["loc"]
            if len(where) > 3 and where[1] == "prompts" and isinstance(where[2], int):
                where[2] = 0

    return _mistakes_changed(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def mistakes_in_the_nested_form_lack_a_step_of_their_place(call: Call) -> Response:
    def change(entries: list[Json]) -> None:
        for entry in entries:
            if entry["loc"][1:3] == ["prompts", "prompts"]:
                del entry["loc"][1]

    return _mistakes_changed(call.ask(), change)


@mutant
def only_the_first_of_several_mistakes_is_told(call: Call) -> Response:
    return _mistakes_changed(call.ask(), lambda entries: entries[:1])


@mutant
def mistakes_after_the_first_are_not_told(call: Call) -> Response:
    return only_the_first_of_several_mistakes_is_told(call)


@mutant
def of_several_mistakes_the_first_alone_is_told(call: Call) -> Response:
    return only_the_first_of_several_mistakes_is_told(call)


@mutant
def mistakes_are_told_in_the_order_of_the_alphabet(call: Call) -> Response:
    def change(entries: list[Json]) -> list[Json]:
        return sorted(entries, key=lambda entry: [str(part) for part in entry["loc"]])

    return _mistakes_changed(call.ask(), change)


@mutant
def mistakes_in_thresholds_lack_their_input(call: Call) -> Response:
    def change(entries: list[Json]) -> None:
        for entry in entries:
            if entry["loc"][-1] in {THRESHOLD, NMS}:
                del entry["input"]

    return _mistakes_changed(call.ask(), change)


@mutant
def offending_values_are_told_as_texts(call: Call) -> Response:
    def change(findings: list[Json]) -> list[Json]:
        return [{**one, "input": str(one["input"])} if is_number(one.get("input")) else one for one in findings]

    return _mistakes_changed(call.ask(), change)


@mutant
def broken_json_is_repeated_in_its_refusal(call: Call) -> Response:
    def change(entries: list[Json]) -> None:
        for entry in entries:
            if entry["type"] == "json_invalid":
                entry["input"] = call.request.get_data().decode("utf-8", "replace")

    return _mistakes_changed(call.ask(), change)


@mutant
def malformed_json_for_an_embedding_answers_400(call: Call) -> Response:
    response = call.ask()
    if call.operation == "embed_image" and b"json_invalid" in response.get_data()[:60] and response.status_code == 422:
        return refusal(400, {"message": "Failed to decode JSON object"})
    return response


@mutant
def traceback_in_the_message_about_an_image(call: Call) -> Response:
    response = call.ask()
    return refusal(400, {"message": TRACEBACK}) if response.status_code == 400 else response


@mutant
def path_of_the_server_in_the_message_about_an_image(call: Call) -> Response:
    response = call.ask()
    if response.status_code == 400 and "image" in response.get_data(as_text=True):
        return refusal(400, {"message": "Could not load input image. Cause: /usr/app/inference/tmp/upload-3fa2.png"})
    return response


@mutant
def an_unreadable_image_leaks_the_decoders_exception(call: Call) -> Response:
    response = call.ask()
    if response.status_code == 400 and b"Malformed base64" in response.get_data() and content_of(call):
        cause = "cannot identify image file <_io.BytesIO object at 0x7f3c1c2a5d60> (/app/inference/core/images.py:212)"
        return refusal(400, {"message": f"Could not load input image. Cause: {cause}"})
    return response


@mutant
def refusals_of_embeddings_are_pages(call: Call) -> Response:
    response = call.ask()
    if call.operation == "embed_image" and response.status_code >= 400:
        return Response("<html><h1>Error</h1></html>", response.status_code, content_type="text/html")
    return response


@mutant
def refusals_of_visual_are_pages(call: Call) -> Response:
    response = call.ask()
    if of_visual(call) and response.status_code in {400, 422}:
        return Response("<html><h1>Error</h1></html>", response.status_code, content_type="text/html")
    return response


@mutant
def too_many_prompts_answer_400(call: Call) -> Response:
    response = call.ask()
    too_many = of_concept(call) and len(call.prompts) > 16 and response.status_code == 422
    return refusal(400, {"message": "Too many prompts."}) if too_many else response


@mutant
def deleting_answers_200(call: Call) -> Response:
    gone = call.request.method in {"DELETE", "PUT", "PATCH"}
    return Response("{}", 200, content_type="application/json") if gone else call.ask()


@mutant
def refused_methods_are_not_told_what_is_allowed(call: Call) -> Response:
    response = call.ask()
    if response.status_code == 405 and "allow" in response.headers:
        del response.headers["allow"]
    return response


@mutant
def get_is_refused_in_html_without_allow(call: Call) -> Response:
    response = call.ask()
    page = "<!doctype html>\n<html lang=en>\n<title>405 Method Not Allowed</title>\n<h1>Method Not Allowed</h1>\n"
    return Response(page, 405, content_type="text/html; charset=utf-8") if response.status_code == 405 else response


def _nothing(index: int, prompt: dict[str, object]) -> dict[str, object]:
    echo = {"prompt_index": index, "type": "text", "text": prompt.get("text"), "num_boxes": 0}
    return {"prompt_index": index, "echo": echo, "predictions": []}


@mutant
def truncated_image_is_answered_200(call: Call) -> Response:
    response = call.ask()
    if of_concept(call) and response.status_code == 400 and content_of(call).startswith(b"\x89PNG"):
        return Response(
            json.dumps(
                {"time": 0.1, "prompt_results": [_nothing(index, one) for index, one in enumerate(call.prompts)]}
            ),
            200,
            content_type="application/json",
        )
    return response


def _as_far_as_it_goes(call: Call, least: int) -> Response:
    """Take a JPEG of so many bytes that breaks off as far as it goes, as Pillow does that is told to load them."""
    content, response = content_of(call), call.ask()
    if response.status_code != 400 or not content.startswith(JPEG) or len(content) < least:
        return response
    pixels = cv2.imdecode(np.frombuffer(content + b"\xff\xd9", np.uint8), cv2.IMREAD_COLOR_RGB)
    return response if pixels is None else call.ask(image=as_image(Image.fromarray(pixels)))


@mutant
def truncated_jpegs_are_taken_as_far_as_they_go(call: Call) -> Response:
    return _as_far_as_it_goes(call, 1000)


@mutant
def truncated_jpegs_are_answered_with_a_grey_rest(call: Call) -> Response:
    return _as_far_as_it_goes(call, 500)


@mutant
def jpeg_that_breaks_off_is_filled_up_with_grey(call: Call) -> Response:
    content, response = content_of(call), call.ask()
    if response.status_code != 400 or not content.startswith(JPEG):
        return response
    try:
        size = Image.open(io.BytesIO(content)).size
    except OSError:
        return response
    return call.ask(image=as_image(Image.new("RGB", size, "grey")))


@mutant
def unknown_model_is_answered_200(call: Call) -> Response:
    return call.ask(model_id=...) if "model_id" in call.body else call.ask()


@mutant
def unknown_models_are_answered_by_the_base_model(call: Call) -> Response:
    # Those that are known still say their names.
    response = call.ask()
    return call.ask(model_id=...) if response.status_code == 404 and of_concept(call) else response


@mutant
def unknown_model_is_answered_as_a_page(call: Call) -> Response:
    response = call.ask()
    if "model_id" in call.body and response.status_code == 404:
        return Response("<html><h1>404 Not Found</h1></html>", 404, content_type="text/html")
    return response


@mutant
def unknown_path_is_answered_as_a_page(call: Call) -> Response:
    response = call.ask()
    unknown = response.status_code == 404 and call.operation not in {"concept_segment", "visual_segment", "embed_image"}
    page = "<!doctype html><title>404 Not Found</title><h1>Not Found</h1>"
    return Response(page, 404, content_type="text/html; charset=utf-8") if unknown else response
