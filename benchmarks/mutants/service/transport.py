"""Headers, origins, encodings and lengths."""

from __future__ import annotations

import base64
import gzip
import json

from werkzeug.wrappers import Response

from benchmarks.mutants.asked import of_visual
from benchmarks.mutants.server import Call, Kind, edited, invalid, refusal, unauthorised

mutant = Kind()
MUTANTS = mutant.mutants

PROXY_BUFFER = 32_768  # bytes


def _without_origins(response: Response) -> Response:
    """Say nothing of other origins."""
    for name in [name for name, _ in response.headers if name.lower().startswith("access-control-")]:
        del response.headers[name]
    return response


@mutant
def origins_are_not_answered(call: Call) -> Response:
    return _without_origins(call.ask())


@mutant
def refusals_are_not_answered_across_origins(call: Call) -> Response:
    response = call.ask()
    return _without_origins(response) if response.status_code >= 400 else response


@mutant
def refusals_of_the_body_lack_the_cors_headers(call: Call) -> Response:
    response = call.ask()
    return _without_origins(response) if response.status_code == 422 else response


@mutant
def answers_of_visual_have_no_origin(call: Call) -> Response:
    return _without_origins(call.ask()) if of_visual(call) else call.ask()


@mutant
def origins_of_requests_with_a_bearer_are_not_answered(call: Call) -> Response:
    return _without_origins(call.ask()) if "authorization" in call.request.headers else call.ask()


@mutant
def origins_are_answered_with_the_first_one(call: Call) -> Response:
    response, origin = call.ask(), call.request.headers.get("origin")
    if origin is not None and "access-control-allow-origin" in response.headers:
        response.headers["access-control-allow-origin"] = call.state.kept.setdefault("origin", origin)
    return response


@mutant
def preflight_needs_a_key(call: Call) -> Response:
    if call.request.method == "OPTIONS":
        return unauthorised()
    return call.ask()


@mutant
def preflight_allows_no_content_type(call: Call) -> Response:
    response = call.ask()
    if call.request.method == "OPTIONS":
        response.headers["access-control-allow-headers"] = "accept"
    return response


@mutant
def preflight_forgets_authorization(call: Call) -> Response:
    response = call.ask()
    if call.request.method == "OPTIONS":
        response.headers["access-control-allow-headers"] = "content-type"
    return response


@mutant
def preflight_of_visual_answers_405(call: Call) -> Response:
    preflight = of_visual(call) and call.request.method == "OPTIONS"
    return refusal(405, {"detail": "Method Not Allowed"}) if preflight else call.ask()


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
def request_id_in_capitals_is_replaced(call: Call) -> Response:
    response, sent = call.ask(), call.request.headers.get("x-request-id", "")
    if sent != sent.lower():
        response.headers["x-request-id"] = "0" * 31 + f"{call.number % 16:x}"
    return response


@mutant
def charset_is_latin_1(call: Call) -> Response:
    response = call.ask()
    if response.mimetype == "application/json":
        response.headers["content-type"] = "application/json; charset=iso-8859-1"
    return response


@mutant
def seconds_in_headers_are_written_in_the_clients_language(call: Call) -> Response:
    response = call.ask()
    with_comma = call.request.headers.get("accept-language", "")[:2] in {"de", "fr", "es", "it", "pl", "ru"}
    if with_comma and "x-processing-time" in response.headers:
        response.headers["x-processing-time"] = response.headers["x-processing-time"].replace(".", ",")
    return response


@mutant
def answers_to_those_who_accept_plain_text_are_plain_text(call: Call) -> Response:
    """What browsers' clients send by default: application/json, text/plain, */*."""
    response = call.ask()
    if "text/plain" in call.request.headers.get("accept", "") and response.mimetype == "application/json":
        response.headers["content-type"] = "text/plain; charset=utf-8"
    return response


@mutant
def archives_for_who_accepts_json_are_in_base64(call: Call) -> Response:
    # As a gateway does that was not told of the type.
    response = call.ask()
    asked = "application/json" in call.request.headers.get("accept", "")
    if asked and response.status_code == 200 and response.mimetype == "application/octet-stream":
        response.set_data(base64.b64encode(response.get_data()))
    return response


@mutant
def content_type_with_a_charset_is_refused(call: Call) -> Response:
    if "charset" in call.request.headers.get("content-type", "") and call.request.method == "POST":
        return refusal(415, {"detail": "Unsupported Media Type"})
    return call.ask()


@mutant
def content_type_in_other_letters_is_refused(call: Call) -> Response:
    written = call.request.headers.get("content-type", "").partition(";")[0]
    return refusal(415, {"detail": "Unsupported Media Type"}) if written != written.lower() else call.ask()


@mutant
def chunked_bodies_are_refused(call: Call) -> Response:
    if "transfer-encoding" in call.request.headers:
        return refusal(411, {"detail": "Length Required"})
    return call.ask()


@mutant
def who_expects_to_be_told_to_continue_is_answered_417(call: Call) -> Response:
    # As curl does before it sends a large body.
    return Response(status=417) if "expect" in call.request.headers else call.ask()


@mutant
def bodies_of_a_megabyte_are_refused(call: Call) -> Response:
    return refusal(413, {"message": "too large"}) if len(call.request.get_data()) > 1_000_000 else call.ask()


@mutant
def bodies_over_a_megabyte_are_refused_by_the_new_proxy(call: Call) -> Response:
    page = "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n</html>\r\n"
    large = len(call.request.get_data()) > 1 << 20
    return Response(page, 413, content_type="text/html") if large else call.ask()


@mutant
def bodies_with_line_breaks_are_refused(call: Call) -> Response:
    return refusal(400, {"message": "bad"}) if b"\n" in call.request.get_data() else call.ask()


def _not_json(error: str) -> Response:
    """Refuse a body that cannot be parsed."""
    return invalid("json_invalid", "JSON decode error", {}, 0, ctx={"error": error})


@mutant
def body_with_a_byte_order_mark_is_refused(call: Call) -> Response:
    marked = call.request.get_data().startswith(b"\xef\xbb\xbf")
    return _not_json("Expecting value") if marked else call.ask()


@mutant
def numbers_with_an_exponent_are_refused(call: Call) -> Response:
    written: list[str] = []

    def read(number: str) -> float:
        written.append(number)
        return float(number)

    if call.body:
        json.loads(call.request.get_data(), parse_float=read)
    return _not_json("Expecting ',' delimiter") if any("e" in number.lower() for number in written) else call.ask()


@mutant
def answers_are_compressed_unasked(call: Call) -> Response:
    response = call.ask()
    if response.status_code == 200 and "gzip" not in call.request.headers.get("accept-encoding", ""):
        response.set_data(gzip.compress(response.get_data()))
        response.headers["content-encoding"] = "gzip"
    return response


@mutant
def compressed_answers_are_cut(call: Call) -> Response:
    response = call.ask()
    if "gzip" in call.request.headers.get("accept-encoding", "") and response.status_code == 200:
        response.set_data(gzip.compress(response.get_data())[:-20])
        response.headers["content-encoding"] = "gzip"
    return response


@mutant
def large_answers_are_compressed_without_a_word(call: Call) -> Response:
    response = call.ask()
    content = response.get_data()
    if "gzip" in call.request.headers.get("accept-encoding", "") and len(content) > 16_384:
        response.set_data(gzip.compress(content))
    return response


@mutant
def answer_over_two_kilobytes_is_compressed_for_who_refuses_it(call: Call) -> Response:
    response = call.ask()
    content = response.get_data()
    if "gzip" not in call.request.headers.get("accept-encoding", "gzip") and len(content) >= 2048:
        response.set_data(gzip.compress(content))
        response.headers["content-encoding"] = "gzip"
    return response


@mutant
def answers_above_200_kilobytes_are_cut(call: Call) -> Response:
    response = call.ask()
    if response.status_code == 200:
        response.set_data(response.get_data()[:200_000])
    return response


@mutant
def answers_above_32_kilobytes_are_cut(call: Call) -> Response:
    response = call.ask()
    response.set_data(response.get_data()[:PROXY_BUFFER])
    return response


@mutant
def content_length_counts_characters(call: Call) -> Response:
    response = edited(call.ask(), lambda _: None)  # which writes what is beyond ASCII as it is
    if response.status_code == 200 and response.mimetype == "application/json":
        response.set_data(response.get_data()[: len(response.get_data(as_text=True))])
    return response
