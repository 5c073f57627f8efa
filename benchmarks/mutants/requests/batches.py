"""Prompts that are read rightly alone, and wrongly beside a number of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.answers import Arrays, archive_changed, give, shrunk
from benchmarks.mutants.asked import MOST_PROMPTS, listed, of_concept, of_visual
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, drawn, edited, invalid, redraw, refusal
from sam3_contract.masks import rle_from_bitmap

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


@mutant
def visual_prompts_from_the_ninth_on_are_dropped(call: Call) -> Response:
    return call.ask(prompts=call.prompts[:8]) if of_visual(call) and len(call.prompts) > 8 else call.ask()


@mutant
def visual_prompts_above_16_are_refused(call: Call) -> Response:
    too_many = of_visual(call) and len(call.prompts) > 16
    return invalid("too_long", "List should have at most 16 items", [], "prompts") if too_many else call.ask()


@mutant
def more_than_thirty_visual_prompts_are_refused(call: Call) -> Response:
    many = of_visual(call) and len(call.prompts) > 30
    return refusal(400, {"message": "Too many prompts."}) if many else call.ask()


@mutant
def prompts_without_box_and_points_among_others_are_left_out(call: Call) -> Response:
    kept = [prompt for prompt in call.prompts if prompt.get("box") or prompt.get("points")]
    return call.ask(prompts=kept) if of_visual(call) and kept and len(kept) < len(call.prompts) else call.ask()


@mutant
def equal_visual_prompts_are_answered_once(call: Call) -> Response:
    prompts: list[Json] = []
    for prompt in call.prompts:
        if prompt not in prompts:
            prompts.append(prompt)
    return call.ask(prompts=prompts) if of_visual(call) and len(prompts) < len(call.prompts) else call.ask()


@mutant
def results_of_two_boxes_are_exchanged(call: Call) -> Response:
    def change(body: Json) -> None:
        body["predictions"] = body["predictions"][::-1]

    boxes = len(call.prompts) == 2 and all(prompt.get("box") for prompt in call.prompts)
    return edited(call.ask(), change) if of_visual(call) and boxes else call.ask()


@mutant
def results_of_visual_prompts_come_by_their_number_of_clicks(call: Call) -> Response:
    def change(body: Json) -> None:
        found, each = body["predictions"], len(body["predictions"]) // len(call.prompts)
        order = sorted(range(len(call.prompts)), key=lambda index: len(listed(call.prompts[index], "points")))
        body["predictions"] = [one for index in order for one in found[each * index : each * (index + 1)]]

    return edited(call.ask(), change) if of_visual(call) and len(call.prompts) > 1 else call.ask()


@mutant
def third_and_fourth_of_single_masks_are_exchanged(call: Call) -> Response:
    def change(body: Json) -> None:
        found = body["predictions"]
        if len(found) == len(call.prompts) > 3:
            found[2], found[3] = found[3], found[2]

    return edited(call.ask(), change) if of_visual(call) else call.ask()


@mutant
def three_masks_of_one_prompt_only(call: Call) -> Response:
    if of_visual(call) and len(call.prompts) > 3 and call.body.get("format") != "binary":
        return call.ask(multimask_output=False)
    return call.ask()


@mutant
def masks_of_later_visual_prompts_are_eroded(call: Call) -> Response:
    def change(body: Json) -> None:
        each = len(body.get("predictions", ())) // max(len(call.prompts), 1)
        for one in body.get("predictions", ())[2 * each :] if call.prompts else ():
            redraw(one, shrunk(3), size=frame_of(call))

    return edited(call.ask(), change)


@mutant
def third_masks_of_several_prompts_are_as_small_as_the_logits(call: Call) -> Response:
    def small(rle: Json) -> Json:
        height, width = rle["size"]
        bitmap = drawn({"masks": rle}, size=(height, width)).view(np.uint8)
        return rle_from_bitmap(cv2.resize(bitmap, (256, 256), interpolation=cv2.INTER_NEAREST).astype(bool))

    def change(body: Json) -> None:
        found = body["predictions"]
        for one in found[2::3] if len(found) == 3 * len(call.prompts) else ():
            one["masks"] = small(one["masks"]) if isinstance(one["masks"], dict) else one["masks"]

    return edited(call.ask(), change) if of_visual(call) and len(call.prompts) > 1 else call.ask()


@mutant
def three_masks_are_listed_mask_by_mask(call: Call) -> Response:
    def change(body: Json) -> None:
        found = body.get("predictions", [])
        if len(found) > 3 and len(found) % 3 == 0:
            body["predictions"] = [one for choice in range(3) for one in found[choice::3]]

    of_three = of_visual(call) and call.body.get("multimask_output", True)
    return edited(call.ask(), change) if of_three else call.ask()


@mutant
def three_masks_of_several_prompts_come_rank_by_rank(call: Call) -> Response:
    # The best of each prompt, then the second of each: the axes of prompts and of masks are exchanged.
    def change(body: Json) -> None:
        found = body.get("predictions", [])
        if len(found) == 3 * len(call.prompts):
            body["predictions"] = [*found[::3], *found[1::3], *found[2::3]]

    return edited(call.ask(), change) if of_visual(call) and len(call.prompts) > 1 else call.ask()


def _asks_for_single_masks(call: Call) -> bool:
    single = of_visual(call) and call.body.get("multimask_output") is False
    return single and call.body.get("format") != "binary"


@mutant
def best_of_three_is_chosen_by_the_first_prompt(call: Call) -> Response:
    if not _asks_for_single_masks(call) or len(call.prompts) < 2:
        return call.ask()
    three, single = call.ask(multimask_output=True), call.ask()
    if three.status_code != 200:
        return single
    found = three.get_json()["predictions"]

    def change(body: Json) -> None:
        confidences = [one["confidence"] for one in found[:3]]
        best, count = confidences.index(max(confidences)), len(body["predictions"])
        if len(found) == 3 * count:
            # The mock's best is always the first, so the later prompts have to take another one.
            choices = [best, *((best + index) % 3 for index in range(1, count))]
            body["predictions"] = [found[3 * index + choice] for index, choice in enumerate(choices)]

    return edited(single, change)


@mutant
def confidence_of_single_masks_is_that_of_the_first_of_three(call: Call) -> Response:
    """Of the least sure one, where there are several prompts."""
    if not _asks_for_single_masks(call):
        return call.ask()
    three = call.ask(multimask_output=True)
    if three.status_code != 200:
        return three
    confidences = [one["confidence"] for one in three.get_json()["predictions"]]

    def change(body: Json) -> None:
        for index, one in enumerate(body["predictions"]):
            if 3 * index + 2 < len(confidences):
                one["confidence"] = min(confidences[3 * index : 3 * index + 3])

    single = call.ask()
    return edited(single, change) if len(call.prompts) > 1 else single


@mutant
def nested_prompts_lose_the_last(call: Call) -> Response:
    prompts: Any = call.body.get("prompts")
    listed = prompts.get("prompts") if isinstance(prompts, dict) else None
    if of_visual(call) and isinstance(listed, list) and len(listed) > 1:
        return call.ask(prompts={"prompts": listed[:-1]})
    return call.ask()


def _is_nested(call: Call) -> bool:
    prompts: Any = call.body.get("prompts")
    return of_visual(call) and isinstance(prompts, dict) and "prompts" in prompts


@mutant
def one_mask_of_nested_prompts_is_three(call: Call) -> Response:
    return call.ask(multimask_output=True) if _is_nested(call) and "multimask_output" in call.body else call.ask()


@mutant
def binary_masks_of_nested_prompts_are_json(call: Call) -> Response:
    return call.ask(format="json") if _is_nested(call) and call.body.get("format") == "binary" else call.ask()


@mutant
def polygons_of_nested_prompts_are_rle(call: Call) -> Response:
    by_default = _is_nested(call) and "format" not in call.body
    return call.ask(format="rle") if by_default else call.ask()


@mutant
def archives_of_nested_prompts_hold_the_first_prompt_only(call: Call) -> Response:
    def change(arrays: Arrays) -> Arrays:
        return {name: array[:3] for name, array in arrays.items()}

    return archive_changed(call, change) if _is_nested(call) else call.ask()
