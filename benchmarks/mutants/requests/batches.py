"""Prompts for concepts that are read rightly alone, and wrongly beside a number of others."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.wrappers import Response

from benchmarks.mutants.answers import give
from benchmarks.mutants.asked import MOST_PROMPTS, of_concept
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, edited, invalid, redraw

mutant = Kind()
MUTANTS = mutant.mutants


def _too_many_prompts(given: list[Json]) -> Response:
    """Refuse sixteen prompts, which are allowed."""
    message = "Value error, Exceeded SAM3_MAX_PROMPT_BATCH_SIZE=16: got 16"
    return invalid("value_error", message, given, "prompts", ctx={"error": {}})


@mutant
def sixteen_prompts_are_one_too_many(call: Call) -> Response:
    sixteen = of_concept(call) and len(call.prompts) == MOST_PROMPTS
    return _too_many_prompts([]) if sixteen else call.ask()


@mutant
def sixteen_prompts_are_too_many(call: Call) -> Response:
    sixteen = of_concept(call) and len(call.prompts) == MOST_PROMPTS
    return _too_many_prompts(call.prompts) if sixteen else call.ask()


@mutant
def prompts_beyond_the_sixteenth_are_cut_off_unsaid(call: Call) -> Response:
    return call.ask(prompts=call.prompts[:MOST_PROMPTS]) if of_concept(call) and call.prompts[16:] else call.ask()


@mutant
def a_seventeenth_prompt_is_dropped_without_a_word(call: Call) -> Response:
    return prompts_beyond_the_sixteenth_are_cut_off_unsaid(call)


@mutant
def results_from_the_thirteenth_prompt_on_are_empty(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ())[12:]:
            result["predictions"] = []

    return edited(call.ask(), change)


@mutant
def results_beyond_whole_batches_of_four_are_empty(call: Call) -> Response:
    def change(body: Json) -> None:
        results = body.get("prompt_results", [])
        for result in results[len(results) // 4 * 4 :] if len(results) > 4 else ():
            result["predictions"] = []

    return edited(call.ask(), change)


@mutant
def third_of_three_prompts_has_the_results_of_the_second(call: Call) -> Response:
    def change(body: Json) -> None:
        results = body.get("prompt_results", [])
        if len(results) == 3:
            results[2]["predictions"] = results[1]["predictions"]

    return edited(call.ask(), change)


@mutant
def results_of_equal_texts_are_the_last_ones(call: Call) -> Response:
    def change(body: Json) -> None:
        results = body.get("prompt_results", ())
        last = {result["echo"]["text"]: result["predictions"] for result in results}
        for result in results:
            result["predictions"] = last[result["echo"]["text"]]

    return edited(call.ask(), change)


@mutant
def repeated_text_finds_nothing(call: Call) -> Response:
    def change(body: Json) -> None:
        seen: set[str] = set()
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            if prompt.get("text") is not None and not prompt.get("boxes"):
                if prompt["text"] in seen:
                    result["predictions"] = []
                seen.add(prompt["text"])

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def a_text_that_is_repeated_in_a_request_is_found_once(call: Call) -> Response:
    # Whether or not there are boxes beside it.
    def change(body: Json) -> None:
        seen: set[str] = set()
        for result in body.get("prompt_results", ()):
            text = result["echo"]["text"]
            if text in seen:
                result["predictions"] = []
            elif text is not None:
                seen.add(text)

    return edited(call.ask(), change)


def _ordered(call: Call, rank: Callable[[Json], int]) -> Response:
    """Answer what was found in the order of a rank of the prompts, not in theirs."""

    def change(body: Json) -> None:
        results = body["prompt_results"]
        order = sorted(range(len(results)), key=lambda index: rank(call.prompts[index]))
        give(results, [results[index]["predictions"] for index in order])

    return edited(call.ask(), change) if of_concept(call) and call.prompts else call.ask()


@mutant
def results_of_long_batches_come_by_length_of_text(call: Call) -> Response:
    long = len(call.prompts) > 8
    return _ordered(call, lambda prompt: len(str(prompt.get("text") or "")) if long else 0)


@mutant
def results_of_texts_come_before_those_of_boxes(call: Call) -> Response:
    return _ordered(call, lambda prompt: bool(prompt.get("boxes")))


@mutant
def results_of_exemplars_come_before_those_of_texts(call: Call) -> Response:
    # Whole, with their numbers and echoes.
    def change(body: Json) -> None:
        body["prompt_results"].sort(key=lambda result: result["echo"]["type"] != "visual")

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def results_of_more_than_ten_prompts_come_as_numbers_are_spelt(call: Call) -> Response:
    def change(body: Json) -> None:
        body["prompt_results"].sort(key=lambda result: str(result["prompt_index"]))

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def masks_of_every_second_prompt_are_mirrored(call: Call) -> Response:
    # Every second image of a batch is mirrored, and not mirrored back.
    frame = frame_of(call)

    def change(body: Json) -> None:
        for result in body["prompt_results"][1::2]:
            for one in result["predictions"]:
                redraw(one, lambda bitmap, _: bitmap[:, ::-1], size=frame)

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def what_two_prompts_share_is_given_to_the_surer_one(call: Call) -> Response:
    def change(body: Json) -> None:
        found = [(number, one) for number, result in enumerate(body["prompt_results"]) for one in result["predictions"]]
        found.sort(key=lambda pair: -float(pair[1]["confidence"]))
        taken: list[tuple[int, Bitmap]] = []
        for number, one in found if len(found) <= 60 else ():

            def cut(bitmap: Bitmap, _: Json, number: int = number) -> Bitmap:
                left = bitmap.copy()
                for other, mask in taken:
                    if other != number and mask.shape == left.shape:
                        left &= ~mask
                taken.append((number, bitmap))
                return left

            redraw(one, cut, size=frame_of(call))

    return edited(call.ask(), change) if of_concept(call) and len(call.prompts) > 1 else call.ask()


@mutant
def no_more_than_100_instances_of_all_prompts(call: Call) -> Response:
    def change(body: Json) -> None:
        left = 100
        for result in body["prompt_results"]:
            result["predictions"] = result["predictions"][:left]
            left -= len(result["predictions"])

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def prompts_without_a_type_find_nothing(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            if "type" not in prompt:
                result["predictions"] = []

    return edited(call.ask(), change) if of_concept(call) else call.ask()
