"""Mistakes of a client at which a server fails instead of refusing them."""

from __future__ import annotations

import json
import re
from typing import Any

from werkzeug.wrappers import Response

from benchmarks.mutants.asked import of_concept, of_visual
from benchmarks.mutants.server import Call, Kind, failure

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def unknown_model_is_answered_500(call: Call) -> Response:
    response = call.ask()
    about_model = "model_id" in call.body and response.status_code in {400, 404}
    return failure() if about_model else response


@mutant
def visual_validates_nothing(call: Call) -> Response:
    response = call.ask()
    if of_visual(call) and response.status_code == 422:
        return failure()
    return response


@mutant
def two_mistakes_at_once_answer_500(call: Call) -> Response:
    response = call.ask()
    mistakes = response.get_json().get("detail") if response.status_code == 422 else None
    return failure() if isinstance(mistakes, list) and len(mistakes) > 1 else response


@mutant
def bad_image_of_visual_is_answered_500(call: Call) -> Response:
    response = call.ask()
    if not of_concept(call) and response.status_code == 400:
        return failure()
    return response


@mutant
def malformed_json_of_visual_is_answered_500(call: Call) -> Response:
    response = call.ask()
    if of_visual(call) and b"json_invalid" in response.get_data():
        return failure()
    return response


@mutant
def bodies_that_are_no_utf8_are_an_internal_error(call: Call) -> Response:
    try:
        call.request.get_data().decode()
    except UnicodeDecodeError:
        return failure()
    return call.ask()


@mutant
def text_of_a_number_answers_500(call: Call) -> Response:
    response = call.ask()
    numbers = any(isinstance(prompt.get("text"), int) for prompt in call.prompts)
    return failure() if numbers and response.status_code == 422 else response


@mutant
def mistakes_in_the_query_answer_500(call: Call) -> Response:
    response = call.ask()
    in_query = response.status_code == 422 and '"query"' in response.get_data(as_text=True)
    return failure() if in_query else response


def _failing(call: Call, mistaken: object, *statuses: int) -> Response:
    """Answer 500 to what the mock refuses with one of these statuses, if the request has that mistake."""
    response = call.ask()
    failing = mistaken and response.status_code in (statuses or (422,))
    return failure() if failing else response


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
def body_that_begins_with_a_bracket_or_quote_answers_500(call: Call) -> Response:
    content = call.request.get_data().strip()
    return failure() if content.startswith((b"[", b'"')) else call.ask()


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
def escapes_of_characters_beyond_ascii_are_not_read(call: Call) -> Response:
    """A hand-made parser that knows no escape by its number."""
    content = call.request.get_data()
    escaped = b"\\u" in content[:8000] or b"\\u00" in content[-4000:]
    return failure() if escaped else call.ask()


@mutant
def prompts_before_the_image_answer_500(call: Call) -> Response:
    order = [name for name in call.body if name in {"image", "prompts"}]
    return failure() if order == ["prompts", "image"] else call.ask()
