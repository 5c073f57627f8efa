"""Clicks and boxes that are read rightly alone, and wrongly beside a number of other prompts or in a nested list."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.answers import Arrays, archive_changed, shrunk
from benchmarks.mutants.asked import listed, of_visual
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Call, Json, Kind, drawn, edited, invalid, redraw, refusal
from sam3_contract.masks import rle_from_bitmap

mutant = Kind()
MUTANTS = mutant.mutants


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
