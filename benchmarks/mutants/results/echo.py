"""Echoes that say something else than what was asked."""

from __future__ import annotations

import html
import json
import unicodedata
from collections.abc import Callable

from werkzeug.wrappers import Response

from benchmarks.mutants.asked import listed, of_concept
from benchmarks.mutants.server import Call, Json, Kind, edited

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def boxes_in_the_echo_are_the_positive_ones(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body.get("prompt_results", ()), call.prompts, strict=False):
            result["echo"]["num_boxes"] = sum(prompt.get("box_labels") or ())

    return edited(call.ask(), change)


@mutant
def negative_exemplars_are_not_counted_in_the_echo(call: Call) -> Response:
    # As a number of them, also where a label is 1.0.
    def change(body: Json) -> None:
        for result, prompt in zip(body.get("prompt_results", ()), call.prompts, strict=False):
            result["echo"]["num_boxes"] = sum(bool(label) for label in prompt.get("box_labels") or ())

    return edited(call.ask(), change)


@mutant
def boxes_in_the_echo_are_those_of_all_prompts(call: Call) -> Response:
    def change(body: Json) -> None:
        total = sum(result["echo"]["num_boxes"] for result in body["prompt_results"])
        for result in body["prompt_results"]:
            result["echo"]["num_boxes"] = total if result["echo"]["num_boxes"] else 0

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def equal_exemplars_count_once_in_the_echo(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            result["echo"]["num_boxes"] = len({json.dumps(box, sort_keys=True) for box in listed(prompt, "boxes")})

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def numbers_of_prompts_begin_again_after_the_eighth(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            result["prompt_index"] %= 8

    return edited(call.ask(), change)


@mutant
def prompts_beyond_the_eighth_are_counted_from_zero_again(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            result["prompt_index"] = result["echo"]["prompt_index"] = result["prompt_index"] % 8

    return edited(call.ask(), change)


@mutant
def numbers_in_the_echo_pass_over_what_found_nothing(call: Call) -> Response:
    def change(body: Json) -> None:
        number = 0
        for result in body["prompt_results"]:
            result["echo"]["prompt_index"] = number
            number += bool(result["predictions"])

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def kind_in_the_echo_is_the_one_that_was_written(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            result["echo"]["type"] = prompt.get("type", "text")

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def echoed_type_is_the_one_that_was_sent(call: Call) -> Response:
    return kind_in_the_echo_is_the_one_that_was_written(call)


@mutant
def a_text_beside_exemplars_is_echoed_as_of_type_text(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            if result["echo"]["text"]:
                result["echo"]["type"] = "text"

    return edited(call.ask(), change)


@mutant
def texts_that_differ_in_case_only_are_answered_as_the_first(call: Call) -> Response:
    def change(body: Json) -> None:
        seen: dict[str, str] = {}
        for result in body["prompt_results"]:
            text = result["echo"].get("text")
            if text:
                result["echo"]["text"] = seen.setdefault(text.casefold(), text)

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def text_is_folded_to_ascii_for_exemplars(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body.get("prompt_results", ()), call.prompts, strict=False):
            text = result["echo"].get("text")
            if prompt.get("boxes") and isinstance(text, str):
                result["echo"]["text"] = text.encode("ascii", "ignore").decode()

    return edited(call.ask(), change)


def _echo_changed(call: Call, change: Callable[[str | None], str | None]) -> Response:
    """Change the text of each echo."""

    def changed(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            result["echo"]["text"] = change(result["echo"].get("text"))

    return edited(call.ask(), changed)


@mutant
def texts_in_the_echo_end_after_64_characters(call: Call) -> Response:
    return _echo_changed(call, lambda text: text and text[:64])


@mutant
def texts_over_255_letters_are_echoed_cut(call: Call) -> Response:
    return _echo_changed(call, lambda text: text and text[:255])


@mutant
def spaces_around_and_within_a_text_are_echoed_collapsed(call: Call) -> Response:
    return _echo_changed(call, lambda text: text and " ".join(text.split()))


@mutant
def accents_are_composed_in_the_echo(call: Call) -> Response:
    return _echo_changed(call, lambda text: text and unicodedata.normalize("NFC", text))


@mutant
def marks_at_the_end_of_a_text_are_missing_in_the_echo(call: Call) -> Response:
    return _echo_changed(call, lambda text: text and text.rstrip("?!:"))


@mutant
def echo_escapes_markup(call: Call) -> Response:
    return _echo_changed(call, lambda text: text if text is None else html.escape(text, quote=False))


@mutant
def echo_of_text_is_escaped_for_a_page(call: Call) -> Response:
    return _echo_changed(call, lambda text: text and html.escape(text))


@mutant
def quotes_and_ampersands_are_echoed_escaped(call: Call) -> Response:
    escapes = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "'": "&#39;"})
    return _echo_changed(call, lambda text: text and text.translate(escapes))


@mutant
def echo_of_characters_beyond_16_bits_is_a_question_mark(call: Call) -> Response:
    def change(text: str | None) -> str | None:
        return text if text is None else "".join(c if ord(c) < 65536 else "?" for c in text)

    return _echo_changed(call, change)


@mutant
def letters_beyond_the_basic_plane_are_echoed_as_question_marks(call: Call) -> Response:
    return echo_of_characters_beyond_16_bits_is_a_question_mark(call)


@mutant
def echo_of_a_missing_text_is_empty(call: Call) -> Response:
    return _echo_changed(call, lambda text: text or "")


@mutant
def exemplars_without_a_text_echo_the_word_visual(call: Call) -> Response:
    # Which the model is given in its place.
    return _echo_changed(call, lambda text: "visual" if text is None else text)


@mutant
def echo_beyond_ascii_is_read_as_latin_1(call: Call) -> Response:
    return _echo_changed(call, lambda text: text and text.encode("utf-8", "replace").decode("latin-1"))
