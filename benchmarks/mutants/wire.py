"""What a web framework around a model gets wrong: errors, headers, origins, encodings."""

from __future__ import annotations

import gzip
import json

from werkzeug.wrappers import Response

from benchmarks.mutants.images import content_of, frame_of
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
