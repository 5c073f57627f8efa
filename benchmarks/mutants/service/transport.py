"""What a web framework around a model gets wrong: errors, headers, origins, encodings."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

from werkzeug.wrappers import Response

from benchmarks.mutants.images.formats import content_of, frame_of
from benchmarks.mutants.requests.thresholds import of_concept, of_visual
from benchmarks.mutants.server import Call, Kind, refusal

mutant = Kind()
MUTANTS = mutant.mutants

TRACEBACK = (
    'Traceback (most recent call last):\n  File "/app/inference/core/managers/base.py", line 93, in infer\n'
    "    return self._models[model_id].infer(request)\nValueError: cannot reshape array"
)


def _unauthorised() -> Response:
    return refusal(401, {"status": 401, "message": "Unauthorized api_key"})


@mutant
def unknown_model_is_answered_200(call: Call) -> Response:
    return call.ask(model_id=...) if "model_id" in call.body else call.ask()


@mutant
def unknown_model_is_answered_500(call: Call) -> Response:
    response = call.ask()
    about_model = "model_id" in call.body and response.status_code in {400, 404}
    return refusal(500, {"message": "Internal error."}) if about_model else response


@mutant
def unknown_model_is_answered_as_a_page(call: Call) -> Response:
    response = call.ask()
    if "model_id" in call.body and response.status_code == 404:
        return Response("<html><h1>404 Not Found</h1></html>", 404, content_type="text/html")
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
def origins_are_not_answered(call: Call) -> Response:
    response = call.ask()
    for name in [name for name, _ in response.headers if name.lower().startswith("access-control")]:
        del response.headers[name]
    return response


@mutant
def preflight_needs_a_key(call: Call) -> Response:
    if call.request.method == "OPTIONS":
        return _unauthorised()
    return call.ask()


@mutant
def preflight_allows_no_content_type(call: Call) -> Response:
    response = call.ask()
    if call.request.method == "OPTIONS":
        response.headers["access-control-allow-headers"] = "accept"
    return response


@mutant
def charset_is_latin_1(call: Call) -> Response:
    response = call.ask()
    if response.mimetype == "application/json":
        response.headers["content-type"] = "application/json; charset=iso-8859-1"
    return response


@mutant
def content_type_with_a_charset_is_refused(call: Call) -> Response:
    if "charset" in call.request.headers.get("content-type", "") and call.request.method == "POST":
        return refusal(415, {"detail": "Unsupported Media Type"})
    return call.ask()


@mutant
def chunked_bodies_are_refused(call: Call) -> Response:
    if "transfer-encoding" in call.request.headers:
        return refusal(411, {"detail": "Length Required"})
    return call.ask()


@mutant
def answers_are_compressed_unasked(call: Call) -> Response:
    response = call.ask()
    if response.status_code == 200 and "gzip" not in call.request.headers.get("accept-encoding", ""):
        response.set_data(gzip.compress(response.get_data()))
        response.headers["content-encoding"] = "gzip"
    return response


@mutant
def request_ids_are_all_the_same(call: Call) -> Response:
    response = call.ask()
    response.headers["x-request-id"] = "0" * 32
    return response


@mutant
def request_id_of_the_client_is_not_kept(call: Call) -> Response:
    response = call.ask()
    if "x-request-id" in call.request.headers:
        response.headers["x-request-id"] = "f" * 31 + f"{call.number % 16:x}"
    return response


@mutant
def bearer_in_lower_case_is_refused(call: Call) -> Response:
    if call.request.headers.get("authorization", "").startswith("bearer "):
        return _unauthorised()
    return call.ask()


@mutant
def visual_needs_no_key(call: Call) -> Response:
    response = call.ask()
    if call.operation == "visual_segment" and response.status_code == 401 and frame_of(call):
        return call.ask_body(call.request.get_data(), HTTP_AUTHORIZATION=f"Bearer {call.state.kept.get('key', '')}")
    key = call.request.args.get("api_key")
    if response.status_code == 200 and key:
        call.state.kept["key"] = key
    return response


@mutant
def visual_validates_nothing(call: Call) -> Response:
    response = call.ask()
    if call.operation == "visual_segment" and response.status_code == 422:
        return refusal(500, {"message": "Internal error."})
    return response


@mutant
def bad_image_of_visual_is_answered_500(call: Call) -> Response:
    response = call.ask()
    if call.operation != "concept_segment" and response.status_code == 400:
        return refusal(500, {"message": "Internal error."})
    return response


@mutant
def malformed_json_of_visual_is_answered_500(call: Call) -> Response:
    response = call.ask()
    if call.operation == "visual_segment" and b"json_invalid" in response.get_data():
        return refusal(500, {"message": "Internal error."})
    return response


@mutant
def bodies_of_a_megabyte_are_refused(call: Call) -> Response:
    return refusal(413, {"message": "too large"}) if len(call.request.get_data()) > 1_000_000 else call.ask()


@mutant
def truncated_image_is_answered_200(call: Call) -> Response:
    response = call.ask()
    if call.operation == "concept_segment" and response.status_code == 400 and content_of(call).startswith(b"\x89PNG"):
        return Response(
            json.dumps(
                {"time": 0.1, "prompt_results": [_nothing(index, one) for index, one in enumerate(call.prompts)]}
            ),
            200,
            content_type="application/json",
        )
    return response


def _nothing(index: int, prompt: dict[str, object]) -> dict[str, object]:
    echo = {"prompt_index": index, "type": "text", "text": prompt.get("text"), "num_boxes": 0}
    return {"prompt_index": index, "echo": echo, "predictions": []}


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
def refusals_are_not_answered_across_origins(call: Call) -> Response:
    response = call.ask()
    for name in [name for name, _ in response.headers if name.lower().startswith("access-control-")]:
        if response.status_code >= 400:
            del response.headers[name]
    return response


@mutant
def deleting_answers_200(call: Call) -> Response:
    gone = call.request.method in {"DELETE", "PUT", "PATCH"}
    return Response("{}", 200, content_type="application/json") if gone else call.ask()


@mutant
def text_of_a_number_answers_500(call: Call) -> Response:
    response = call.ask()
    numbers = any(isinstance(prompt.get("text"), int) for prompt in call.prompts)
    return refusal(500, {"message": "Internal error."}) if numbers and response.status_code == 422 else response


@mutant
def content_type_in_other_letters_is_refused(call: Call) -> Response:
    written = call.request.headers.get("content-type", "").partition(";")[0]
    return refusal(415, {"detail": "Unsupported Media Type"}) if written != written.lower() else call.ask()


@mutant
def bearer_of_visual_is_refused(call: Call) -> Response:
    if call.operation == "visual_segment" and "authorization" in call.request.headers:
        return _unauthorised()
    return call.ask()


@mutant
def key_in_the_body_of_visual_is_refused(call: Call) -> Response:
    if call.operation == "visual_segment" and "api_key" in call.body:
        return _unauthorised()
    return call.ask()


@mutant
def bearer_of_an_embedding_is_refused(call: Call) -> Response:
    if call.operation == "embed_image" and "authorization" in call.request.headers:
        return _unauthorised()
    return call.ask()


@mutant
def bearer_in_upper_case_is_refused(call: Call) -> Response:
    if call.request.headers.get("authorization", "").startswith("BEARER "):
        return _unauthorised()
    return call.ask()


@mutant
def refusals_of_embeddings_are_pages(call: Call) -> Response:
    response = call.ask()
    if call.operation == "embed_image" and response.status_code >= 400:
        return Response("<html><h1>Error</h1></html>", response.status_code, content_type="text/html")
    return response


@mutant
def mistakes_of_visual_are_not_located(call: Call) -> Response:
    response = call.ask()
    if call.operation == "visual_segment" and response.status_code == 422:
        body = json.loads(response.get_data())
        for entry in body.get("detail", ()):
            entry["loc"] = entry["loc"][:1]
        response.set_data(json.dumps(body))
    return response


@mutant
def compressed_answers_are_cut(call: Call) -> Response:
    response = call.ask()
    if "gzip" in call.request.headers.get("accept-encoding", "") and response.status_code == 200:
        response.set_data(gzip.compress(response.get_data())[:-20])
        response.headers["content-encoding"] = "gzip"
    return response


@mutant
def key_in_the_body_of_an_embedding_is_refused(call: Call) -> Response:
    return _unauthorised() if call.operation == "embed_image" and "api_key" in call.body else call.ask()


@mutant
def key_in_the_body_of_concept_is_refused(call: Call) -> Response:
    return _unauthorised() if of_concept(call) and "api_key" in call.body else call.ask()


def _asked_with_the_key_before(call: Call) -> Response:
    """Ask as one who has sent a good key before, whatever key comes now."""
    bearer = f"Bearer {call.state.kept.get('key', '')}"
    return call.ask_body(call.request.get_data(), HTTP_AUTHORIZATION=bearer, QUERY_STRING="")


@mutant
def empty_key_is_accepted(call: Call) -> Response:
    key = call.request.args.get("api_key")
    if key == "":
        return _asked_with_the_key_before(call)
    response = call.ask()
    if response.status_code == 200 and key:
        call.state.kept["key"] = key
    return response


@mutant
def wrong_key_of_visual_is_accepted(call: Call) -> Response:
    response, key = call.ask(), call.request.args.get("api_key")
    if response.status_code == 401 and of_visual(call) and key:
        return _asked_with_the_key_before(call)
    if response.status_code == 200 and key:
        call.state.kept["key"] = key
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


def _failing(call: Call, mistaken: object, *statuses: int) -> Response:
    """Answer 500 to what the mock refuses with one of these statuses, if the request has that mistake."""
    response = call.ask()
    failing = mistaken and response.status_code in (statuses or (422,))
    return refusal(500, {"message": "Internal error."}) if failing else response


@mutant
def bad_image_beside_an_image_id_of_visual_answers_500(call: Call) -> Response:
    return _failing(call, of_visual(call) and call.body.get("image_id"), 400)


@mutant
def huge_number_in_a_mistake_answers_500(call: Call) -> Response:
    content = call.request.get_data()
    # Not within the image between them, whose base64 may look like one.
    huge = any(re.search(rb"\d[eE]\+?\d{3,}", part) for part in (content[:4000], content[-4000:]))
    return _failing(call, huge, 400, 422)


@mutant
def body_that_is_no_object_answers_500(call: Call) -> Response:
    try:
        is_object = isinstance(json.loads(call.request.get_data()), dict)
    except ValueError:
        return call.ask()
    return _failing(call, not is_object)


@mutant
def empty_body_answers_500(call: Call) -> Response:
    return _failing(call, call.request.method == "POST" and not call.request.get_data(), 400, 422)


@mutant
def prompts_that_are_texts_answer_500(call: Call) -> Response:
    prompts = call.body.get("prompts")
    return _failing(call, isinstance(prompts, list) and any(isinstance(prompt, str) for prompt in prompts))


@mutant
def prompts_of_concept_in_an_object_answer_500(call: Call) -> Response:
    return _failing(call, of_concept(call) and isinstance(call.body.get("prompts"), dict))


@mutant
def unknown_type_of_image_answers_500(call: Call) -> Response:
    image = call.body.get("image")
    return _failing(call, isinstance(image, dict) and image.get("type") not in {"base64", "url"})


@mutant
def image_without_a_value_answers_500(call: Call) -> Response:
    image = call.body.get("image")
    return _failing(call, isinstance(image, dict) and not isinstance(image.get("value"), str))


@mutant
def coordinates_of_words_answer_500(call: Call) -> Response:
    def has_words(prompt: dict[str, Any]) -> bool:
        places = [*(prompt.get("points") or ()), *(prompt.get("boxes") or ()), prompt.get("box")]
        return any(isinstance(value, str) for one in places if isinstance(one, dict) for value in one.values())

    return _failing(call, any(map(has_words, call.prompts)))


@mutant
def preflight_of_visual_answers_405(call: Call) -> Response:
    preflight = of_visual(call) and call.request.method == "OPTIONS"
    return refusal(405, {"detail": "Method Not Allowed"}) if preflight else call.ask()


@mutant
def preflight_forgets_authorization(call: Call) -> Response:
    response = call.ask()
    if call.request.method == "OPTIONS":
        response.headers["access-control-allow-headers"] = "content-type"
    return response


@mutant
def answers_of_visual_have_no_origin(call: Call) -> Response:
    response = call.ask()
    for name in [name for name, _ in response.headers if name.lower().startswith("access-control")]:
        if of_visual(call):
            del response.headers[name]
    return response


@mutant
def origins_are_answered_with_the_first_one(call: Call) -> Response:
    response, origin = call.ask(), call.request.headers.get("origin")
    if origin is not None and "access-control-allow-origin" in response.headers:
        response.headers["access-control-allow-origin"] = call.state.kept.setdefault("origin", origin)
    return response


@mutant
def request_id_in_capitals_is_replaced(call: Call) -> Response:
    response, sent = call.ask(), call.request.headers.get("x-request-id", "")
    if sent != sent.lower():
        response.headers["x-request-id"] = "0" * 31 + f"{call.number % 16:x}"
    return response


@mutant
def answers_above_200_kilobytes_are_cut(call: Call) -> Response:
    response = call.ask()
    if response.status_code == 200:
        response.set_data(response.get_data()[:200_000])
    return response


@mutant
def bodies_with_line_breaks_are_refused(call: Call) -> Response:
    return refusal(400, {"message": "bad"}) if b"\n" in call.request.get_data() else call.ask()


@mutant
def escapes_of_characters_beyond_ascii_are_not_read(call: Call) -> Response:
    """A hand-made parser that knows no escape by its number."""
    content = call.request.get_data()
    escaped = b"\\u" in content[:8000] or b"\\u00" in content[-4000:]
    return refusal(500, {"message": "Internal error."}) if escaped else call.ask()


@mutant
def prompts_before_the_image_answer_500(call: Call) -> Response:
    order = [name for name in call.body if name in {"image", "prompts"}]
    return refusal(500, {"message": "Internal error."}) if order == ["prompts", "image"] else call.ask()
