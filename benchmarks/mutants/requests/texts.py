"""Texts that are cut, changed, divided or refused, and texts beside boxes."""

from __future__ import annotations

import unicodedata
import urllib.parse
from collections.abc import Callable

from werkzeug.wrappers import Response

from benchmarks.mutants.answers import without_results
from benchmarks.mutants.asked import of_concept, with_prompts
from benchmarks.mutants.server import Call, Json, Kind, edited, failure

mutant = Kind()
MUTANTS = mutant.mutants


def _texts_changed(call: Call, change: Callable[[str], str | None]) -> Response:
    """Ask with each text changed, which the echo shows."""

    def changed(_: int, prompt: Json) -> Json:
        return {**prompt, "text": change(prompt["text"])} if isinstance(prompt.get("text"), str) else prompt

    return with_prompts(call, changed) if of_concept(call) else call.ask()


@mutant
def text_with_a_comma_is_cut_there(call: Call) -> Response:
    return _texts_changed(call, lambda text: text.partition(",")[0])


@mutant
def long_text_is_cut_at_64_characters(call: Call) -> Response:
    return _texts_changed(call, lambda text: text[:64])


@mutant
def decomposed_text_is_composed(call: Call) -> Response:
    return _texts_changed(call, lambda text: unicodedata.normalize("NFC", text))


@mutant
def full_width_text_is_narrowed(call: Call) -> Response:
    return _texts_changed(call, lambda text: unicodedata.normalize("NFKC", text))


@mutant
def control_characters_in_text_are_dropped(call: Call) -> Response:
    return _texts_changed(call, lambda text: "".join(c for c in text if c.isprintable()))


@mutant
def joiners_in_text_are_dropped(call: Call) -> Response:
    return _texts_changed(call, lambda text: text.replace("\u200d", ""))


@mutant
def right_to_left_text_is_reversed(call: Call) -> Response:
    def change(text: str) -> str:
        return text[::-1] if any(unicodedata.bidirectional(c) in {"R", "AL"} for c in text) else text

    return _texts_changed(call, change)


@mutant
def text_is_unquoted_like_a_url(call: Call) -> Response:
    return _texts_changed(call, urllib.parse.unquote_plus)


@mutant
def text_of_digits_loses_its_zeros(call: Call) -> Response:
    return _texts_changed(call, lambda text: str(int(text)) if text.isdecimal() else text)


def _texts(call: Call) -> list[str]:
    """List the texts of the prompts for concepts."""
    return [one["text"] for one in call.prompts if of_concept(call) and isinstance(one.get("text"), str)]


@mutant
def text_of_one_character_answers_500(call: Call) -> Response:
    return failure() if any(len(text) == 1 for text in _texts(call)) else call.ask()


@mutant
def text_above_512_characters_answers_500(call: Call) -> Response:
    return failure() if any(len(text) > 512 for text in _texts(call)) else call.ask()


@mutant
def zero_characters_in_a_text_answer_500(call: Call) -> Response:
    return failure() if any("\0" in text for text in _texts(call)) else call.ask()


@mutant
def text_of_null_beside_boxes_answers_500(call: Call) -> Response:
    nulls = of_concept(call) and any("text" in prompt and prompt["text"] is None for prompt in call.prompts)
    return failure() if nulls else call.ask()


@mutant
def empty_text_beside_boxes_finds_nothing(call: Call) -> Response:
    return without_results(call, lambda prompt: prompt.get("text") == "")


@mutant
def text_of_the_type_visual_is_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {**prompt, "text": None} if prompt.get("type") == "visual" and prompt.get("boxes") else prompt

    def restored(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            result["echo"]["text"] = prompt.get("text")

    return edited(with_prompts(call, change), restored) if of_concept(call) else call.ask()


@mutant
def instances_of_a_text_beside_boxes_come_twice(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            if prompt.get("text") and prompt.get("boxes"):
                result["predictions"] *= 2

    return edited(call.ask(), change) if of_concept(call) else call.ask()
