"""Keys, wherever they are sent."""

from __future__ import annotations

import json

from werkzeug.wrappers import Response

from benchmarks.mutants.asked import key_of, of_concept, of_visual
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Call, Kind, invalid, refusal, unauthorised

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def bearer_in_lower_case_is_refused(call: Call) -> Response:
    if call.request.headers.get("authorization", "").startswith("bearer "):
        return unauthorised()
    return call.ask()


@mutant
def a_bearer_scheme_in_small_letters_is_no_key(call: Call) -> Response:
    if call.request.headers.get("authorization", "").startswith("bearer ") and not call.request.args.get("api_key"):
        return unauthorised()
    return call.ask()


@mutant
def bearer_in_upper_case_is_refused(call: Call) -> Response:
    if call.request.headers.get("authorization", "").startswith("BEARER "):
        return unauthorised()
    return call.ask()


@mutant
def bearer_of_visual_is_refused(call: Call) -> Response:
    if of_visual(call) and "authorization" in call.request.headers:
        return unauthorised()
    return call.ask()


@mutant
def bearer_of_an_embedding_is_refused(call: Call) -> Response:
    if call.operation == "embed_image" and "authorization" in call.request.headers:
        return unauthorised()
    return call.ask()


@mutant
def key_in_the_body_of_visual_is_refused(call: Call) -> Response:
    if of_visual(call) and "api_key" in call.body:
        return unauthorised()
    return call.ask()


@mutant
def key_in_the_body_of_an_embedding_is_refused(call: Call) -> Response:
    return unauthorised() if call.operation == "embed_image" and "api_key" in call.body else call.ask()


@mutant
def key_in_the_body_of_concept_is_refused(call: Call) -> Response:
    return unauthorised() if of_concept(call) and "api_key" in call.body else call.ask()


@mutant
def key_of_null_in_the_body_hides_the_one_in_the_header(call: Call) -> Response:
    hidden = "api_key" in call.body and call.body["api_key"] is None and not call.request.args.get("api_key")
    return unauthorised() if hidden else call.ask()


@mutant
def right_bearer_outweighs_a_wrong_key_in_the_query(call: Call) -> Response:
    if "authorization" in call.request.headers and "api_key" in call.request.args:
        return call.ask_body(call.request.get_data(), QUERY_STRING="")
    return call.ask()


@mutant
def visual_needs_no_key(call: Call) -> Response:
    response = call.ask()
    if of_visual(call) and response.status_code == 401 and frame_of(call):
        return call.ask_body(call.request.get_data(), HTTP_AUTHORIZATION=f"Bearer {call.state.kept.get('key', '')}")
    key = call.request.args.get("api_key")
    if response.status_code == 200 and key:
        call.state.kept["key"] = key
    return response


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
def answers_to_a_good_key_are_kept_for_keys_that_begin_alike(call: Call) -> Response:
    response, key, good = call.ask(), key_of(call), call.state.kept
    if response.status_code == 401 and key[:4] in good and len(key) > 4:
        return call.ask_body(call.request.get_data(), QUERY_STRING=f"api_key={good[key[:4]]}")
    if response.status_code == 200 and len(key) > 4:
        good.setdefault(key[:4], key)
    return response


@mutant
def mistakes_are_told_before_the_key_is_looked_at(call: Call) -> Response:
    response, key = call.ask(), key_of(call)
    if response.status_code != 401:
        call.state.kept["key"] = key or call.state.kept.get("key")
    elif call.state.kept.get("key"):
        known = call.ask_body(call.request.get_data(), QUERY_STRING=f"api_key={call.state.kept['key']}")
        return known if known.status_code == 422 else response
    return response


@mutant
def mistake_in_the_body_is_told_to_who_has_no_key(call: Call) -> Response:
    response = call.ask()
    untold = response.status_code != 401 or key_of(call) or "image" in call.body
    return response if untold else invalid("missing", "Field required", call.body, "image")


@mutant
def wrong_key_is_repeated_in_the_refusal(call: Call) -> Response:
    response, key = call.ask(), key_of(call)
    if response.status_code == 401 and key:
        return refusal(401, {"status": 401, "message": f"Unauthorized api_key: {key}"})
    return response


@mutant
def wrong_key_is_repeated_in_its_refusal(call: Call) -> Response:
    response, key = call.ask(), call.request.args.get("api_key")
    if response.status_code == 401 and key:
        body = response.get_json()
        response.set_data(json.dumps({**body, "message": f"{body.get('message', '')} (api_key={key})"}))
    return response


@mutant
def missing_key_is_a_mistake_in_the_query(call: Call) -> Response:
    response = call.ask()
    placed = call.request.args.get("api_key"), call.request.headers.get("authorization"), call.body.get("api_key")
    if response.status_code == 401 and not any(placed):
        entry = {"type": "missing", "loc": ["query", "api_key"], "msg": "Field required", "input": None}
        return refusal(422, {"detail": [entry]})
    return response


@mutant
def refusal_without_a_key_says_another_status_than_it_has(call: Call) -> Response:
    # The status in its body was the one of the service that is asked about keys.
    response = call.ask()
    body = json.loads(response.get_data()) if response.status_code == 401 else {}
    if body.get("status") == 401 and not key_of(call):
        response.set_data(json.dumps({**body, "status": 403}))
    return response
