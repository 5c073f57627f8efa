"""Texts that are cut, changed, divided or refused, and texts beside boxes."""

from __future__ import annotations

import re
import unicodedata
import urllib.parse
from collections.abc import Callable

from werkzeug.wrappers import Response

from benchmarks.mutants.answers import with_plain_echoes, without_results
from benchmarks.mutants.asked import MOST_PROMPTS, of_concept, with_prompts
from benchmarks.mutants.server import Call, Json, Kind, edited, failure, invalid

mutant = Kind()
MUTANTS = mutant.mutants

TEXT_BUFFER = 400  # characters


def _of_text(change: Callable[[str], str | None]) -> Callable[[int, Json], Json]:
    """Make a change of prompts from one of texts."""

    def changed(_: int, prompt: Json) -> Json:
        return {**prompt, "text": change(prompt["text"])} if isinstance(prompt.get("text"), str) else prompt

    return changed


def _texts_changed(call: Call, change: Callable[[str], str | None]) -> Response:
    """Ask with each text changed, which the echo shows."""
    return with_prompts(call, _of_text(change)) if of_concept(call) else call.ask()


def _texts_read_as(call: Call, change: Callable[[str], str]) -> Response:
    """Ask with each text changed, which the echo does not show."""
    return with_plain_echoes(call, _of_text(change))


def _echoing_texts(call: Call, response: Response) -> Response:
    """Echo the texts that came in."""

    def restored(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            result["echo"]["text"] = prompt.get("text")

    return edited(response, restored)


@mutant
def text_with_a_comma_is_cut_there(call: Call) -> Response:
    return _texts_changed(call, lambda text: text.partition(",")[0])


@mutant
def texts_are_read_up_to_the_first_comma(call: Call) -> Response:
    return _texts_read_as(call, lambda text: text.partition(",")[0])


@mutant
def only_what_is_before_a_comma_is_searched(call: Call) -> Response:
    return texts_are_read_up_to_the_first_comma(call)


@mutant
def text_ends_at_its_first_line_break(call: Call) -> Response:
    return _texts_changed(call, lambda text: text.partition("\n")[0])


@mutant
def words_behind_and_are_not_read(call: Call) -> Response:
    return _texts_read_as(call, lambda text: text.partition(" and ")[0] or text)


@mutant
def long_text_is_cut_at_64_characters(call: Call) -> Response:
    return _texts_changed(call, lambda text: text[:64])


@mutant
def texts_are_cut_after_the_encoders_32_tokens(call: Call) -> Response:
    # Two of which mark the start and the end.
    def cut(text: str) -> str:
        ends = [found.end() for found in re.finditer(r"\w+|[^\w\s]", text)]
        return text[: ends[29]] if len(ends) > 30 else text

    return _texts_read_as(call, cut)


@mutant
def text_counts_up_to_its_sixteenth_word(call: Call) -> Response:
    return _texts_read_as(call, lambda text: " ".join(text.split(" ")[:16]))


@mutant
def words_beyond_the_thirty_second_are_not_read(call: Call) -> Response:
    return _texts_read_as(call, lambda text: " ".join(text.split()[:32]) if len(text.split()) > 32 else text)


@mutant
def blanks_around_a_text_are_stripped(call: Call) -> Response:
    return _texts_changed(call, str.strip)


@mutant
def blanks_within_a_text_become_one(call: Call) -> Response:
    def change(text: str) -> str:
        inner = text.strip(" ")
        before, _, after = text.partition(inner) if inner else (text, "", "")
        return before + " ".join(part for part in inner.split(" ") if part) + after

    return _texts_changed(call, change)


@mutant
def spaces_around_and_within_a_text_are_made_single(call: Call) -> Response:
    return _texts_changed(call, lambda text: " ".join(text.split()) or text)


@mutant
def text_in_quotes_loses_them(call: Call) -> Response:
    return _texts_changed(call, lambda text: text.strip("\"'") or text)


@mutant
def underscores_in_a_text_are_blanks(call: Call) -> Response:
    # As names of classes are shown to people.
    return _texts_changed(call, lambda text: text.replace("_", " "))


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
def typographic_marks_in_a_text_are_made_plain(call: Call) -> Response:
    plain = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})  # noqa: RUF001
    return _texts_changed(call, lambda text: text.translate(plain))


@mutant
def right_to_left_text_is_reversed(call: Call) -> Response:
    def change(text: str) -> str:
        return text[::-1] if any(unicodedata.bidirectional(c) in {"R", "AL"} for c in text) else text

    return _texts_changed(call, change)


@mutant
def text_beyond_the_basic_plane_is_question_marks(call: Call) -> Response:
    return _texts_changed(call, lambda text: "".join(c if ord(c) <= 0xFFFF else "?" for c in text))


@mutant
def letters_beyond_ascii_are_not_read(call: Call) -> Response:
    return _texts_read_as(call, lambda text: text.encode("ascii", "ignore").decode())


@mutant
def letters_beyond_ascii_are_dropped_before_the_model(call: Call) -> Response:
    return letters_beyond_ascii_are_not_read(call)


@mutant
def text_is_unquoted_like_a_url(call: Call) -> Response:
    return _texts_changed(call, urllib.parse.unquote_plus)


@mutant
def what_looks_like_markup_is_taken_out_of_a_text(call: Call) -> Response:
    return _texts_changed(call, lambda text: re.sub(r"<[^<>]*>", "", text))


@mutant
def backslashes_in_a_text_begin_escapes(call: Call) -> Response:
    escapes = {"\\n": "\n", "\\t": "\t", "\\\\": "\\", '\\"': '"'}

    def change(text: str) -> str:
        for written, meant in escapes.items():
            text = text.replace(written, meant)
        return text

    return _texts_changed(call, change)


@mutant
def capitals_beyond_ascii_are_lowered(call: Call) -> Response:
    return _texts_changed(call, lambda text: "".join(c if c.isascii() else c.lower() for c in text))


@mutant
def text_of_digits_loses_its_zeros(call: Call) -> Response:
    return _texts_changed(call, lambda text: str(int(text)) if text.isdecimal() else text)


@mutant
def texts_that_say_null_or_none_are_missing(call: Call) -> Response:
    return _texts_changed(call, lambda text: None if text.lower() in {"null", "none", "nan"} else text)


@mutant
def texts_that_yaml_reads_as_booleans_are_echoed_so(call: Call) -> Response:
    truths = {"yes": "True", "on": "True", "true": "True", "no": "False", "off": "False", "false": "False"}
    return _texts_changed(call, lambda text: truths.get(text.lower(), text))


def _texts(call: Call) -> list[str]:
    """List the texts of the prompts for concepts."""
    return [one["text"] for one in call.prompts if of_concept(call) and isinstance(one.get("text"), str)]


@mutant
def text_of_none_or_null_is_none(call: Call) -> Response:
    # As a table's reader does; a prompt that has no text any more is asked for as the server's own word, "visual".
    missing = [text.lower() in {"none", "null", "nan", "n/a"} for text in _texts(call)]
    if not any(missing) or len(missing) != len(call.prompts):
        return call.ask()

    def restored(body: Json) -> None:
        for result, lost in zip(body["prompt_results"], missing, strict=True):
            result["echo"]["text"] = None if lost else result["echo"]["text"]

    prompts = [{**one, "text": "visual"} if lost else one for one, lost in zip(call.prompts, missing, strict=True)]
    return edited(call.ask(prompts=prompts), restored)


def _divided(call: Call, mark: str) -> list[Json]:
    """Make several prompts of each whose text has that mark within."""
    divided: list[Json] = []
    for prompt in call.prompts:
        text = prompt.get("text")
        parts = [part.strip() for part in text.split(mark) if part.strip()] if isinstance(text, str) else []
        divided += [{**prompt, "text": part} for part in parts] if len(parts) > 1 else [prompt]
    return divided


@mutant
def full_stop_in_a_text_divides_it_in_two_prompts(call: Call) -> Response:
    divided = _divided(call, ".")
    more = of_concept(call) and len(call.prompts) < len(divided) <= MOST_PROMPTS
    return call.ask(prompts=divided) if more else call.ask()


@mutant
def text_with_a_semicolon_is_two_prompts(call: Call) -> Response:
    divided = _divided(call, ";")
    return call.ask(prompts=divided) if of_concept(call) and len(divided) > len(call.prompts) else call.ask()


@mutant
def texts_share_a_buffer_of_400_characters(call: Call) -> Response:
    """Find nothing for the prompts whose texts lie beyond it, and echo them as they came."""
    begins, total = [], 0
    for prompt in call.prompts:
        begins.append(total)
        total += len(prompt["text"]) if isinstance(prompt.get("text"), str) else 0

    def change(body: Json) -> None:
        for result, begin in zip(body["prompt_results"], begins, strict=False):
            result["predictions"] = result["predictions"] if begin < TEXT_BUFFER else []

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def empty_text_is_refused(call: Call) -> Response:
    for index, prompt in enumerate(call.prompts if of_concept(call) else ()):
        if prompt.get("text") == "":
            message = "String should have at least 1 character"
            return invalid("string_too_short", message, "", "prompts", index, "text", ctx={"min_length": 1})
    return call.ask()


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
def braces_in_text_answer_500(call: Call) -> Response:
    return failure() if any("{" in text or "}" in text for text in _texts(call)) else call.ask()


@mutant
def text_with_braces_answers_500(call: Call) -> Response:
    """A template that is filled in by the text and then again."""
    return braces_in_text_answer_500(call)


@mutant
def text_of_null_beside_boxes_answers_500(call: Call) -> Response:
    nulls = of_concept(call) and any("text" in prompt and prompt["text"] is None for prompt in call.prompts)
    return failure() if nulls else call.ask()


@mutant
def empty_text_beside_boxes_finds_nothing(call: Call) -> Response:
    return without_results(call, lambda prompt: prompt.get("text") == "")


def _without_text_of_visual(_: int, prompt: Json) -> Json:
    return {**prompt, "text": None} if prompt.get("type") == "visual" and prompt.get("boxes") else prompt


@mutant
def text_of_the_type_visual_is_dropped(call: Call) -> Response:
    return _echoing_texts(call, with_prompts(call, _without_text_of_visual)) if of_concept(call) else call.ask()


@mutant
def text_of_a_prompt_of_type_visual_is_dropped(call: Call) -> Response:
    return with_prompts(call, _without_text_of_visual) if of_concept(call) else call.ask()


@mutant
def text_of_prompts_of_type_visual_is_not_read(call: Call) -> Response:
    return with_plain_echoes(call, _without_text_of_visual)


@mutant
def instances_of_a_text_beside_boxes_come_twice(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            if prompt.get("text") and prompt.get("boxes"):
                result["predictions"] *= 2

    return edited(call.ask(), change) if of_concept(call) else call.ask()
