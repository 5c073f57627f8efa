"""Thresholds that are read wrongly at some values, for some prompts, or beside other options."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.answers import shrunk
from benchmarks.mutants.asked import (
    NMS,
    THRESHOLD,
    concept_as_polygons,
    is_number,
    listed,
    of_concept,
    threshold_of,
    with_prompts,
)
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, edited, invalid, lists_of, redraw, redrawn

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def threshold_of_one_counts_as_none(call: Call) -> Response:
    return call.ask(**{THRESHOLD: ...}) if of_concept(call) and call.body.get(THRESHOLD) == 1 else call.ask()


@mutant
def threshold_of_one_hides_what_own_thresholds_let_through(call: Call) -> Response:
    # Nothing is asked of the model, where nothing could be found.
    def change(body: Json) -> None:
        for found in lists_of(body):
            found.clear()

    return edited(call.ask(), change) if of_concept(call) and call.body.get(THRESHOLD) == 1 else call.ask()


@mutant
def own_threshold_of_one_counts_as_none(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        if prompt.get(THRESHOLD) == 1:
            del prompt[THRESHOLD]
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def a_threshold_of_its_own_of_one_is_refused(call: Call) -> Response:
    for index, prompt in enumerate(call.prompts if of_concept(call) else ()):
        if is_number(prompt.get(THRESHOLD)) and prompt[THRESHOLD] == 1:
            message = "Value error, output_prob_thresh must be between 0.0 and 1.0"
            return invalid("value_error", message, 1, "prompts", index, THRESHOLD, ctx={"error": {}})
    return call.ask()


@mutant
def own_threshold_of_zero_counts_as_none(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        if prompt.get(THRESHOLD) == 0:
            del prompt[THRESHOLD]
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def a_threshold_of_its_own_of_zero_is_taken_for_none(call: Call) -> Response:
    # Which ``false`` is not.
    def change(_: int, prompt: Json) -> Json:
        own = prompt.get(THRESHOLD)
        return {**prompt, THRESHOLD: None} if is_number(own) and own == 0 else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def own_threshold_equal_to_the_default_counts_as_none(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        if prompt.get(THRESHOLD) == 0.5:
            del prompt[THRESHOLD]
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def own_threshold_of_null_is_the_default(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {**prompt, THRESHOLD: 0.5} if THRESHOLD in prompt and prompt[THRESHOLD] is None else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def own_threshold_of_null_is_zero(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {**prompt, THRESHOLD: 0.0} if THRESHOLD in prompt and prompt[THRESHOLD] is None else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def own_threshold_of_null_counts_as_zero(call: Call) -> Response:
    return own_threshold_of_null_is_zero(call)


@mutant
def own_threshold_below_the_requests_is_raised(call: Call) -> Response:
    least = call.body.get(THRESHOLD, 0.5)

    def change(_: int, prompt: Json) -> Json:
        if isinstance(prompt.get(THRESHOLD), float | int) and isinstance(least, float | int):
            prompt[THRESHOLD] = max(prompt[THRESHOLD], least)
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def a_threshold_of_its_own_below_the_requests_is_raised_to_it(call: Call) -> Response:
    # After it was checked, so that a negative one is refused.
    least = call.body.get(THRESHOLD, 0.5)

    def change(_: int, prompt: Json) -> Json:
        own = prompt.get(THRESHOLD)
        return {**prompt, THRESHOLD: max(own, least)} if is_number(own) and is_number(least) and own >= 0 else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def thresholds_are_rounded_to_tenths(call: Call) -> Response:
    def rounded(fields: Json) -> Json:
        value = fields.get(THRESHOLD)
        return {**fields, THRESHOLD: round(value, 1)} if is_number(value) else fields

    if not of_concept(call) or not call.prompts:
        return call.ask()
    return call.ask(**{**rounded(call.body), "prompts": [rounded(prompt) for prompt in call.prompts]})


@mutant
def thresholds_are_cut_to_whole_percents(call: Call) -> Response:
    def cut(value: Any) -> Any:
        return int(value * 100 + 1e-9) / 100 if is_number(value) and 0 < value < 1 else value

    def change(_: int, prompt: Json) -> Json:
        return {name: cut(value) if name == THRESHOLD else value for name, value in prompt.items()}

    if not of_concept(call) or not call.prompts:
        return call.ask()
    whole = {THRESHOLD: cut(call.body[THRESHOLD])} if THRESHOLD in call.body else {}
    return call.ask(**whole, prompts=[change(0, prompt) for prompt in call.prompts])


@mutant
def thresholds_below_a_tenth_are_raised_to_it(call: Call) -> Response:
    def raised(fields: Json) -> Json:
        value = fields.get(THRESHOLD)
        return {**fields, THRESHOLD: 0.1} if is_number(value) and 0 <= value < 0.1 else fields

    if not of_concept(call) or not call.prompts:
        return call.ask()
    return call.ask(**{**raised(call.body), "prompts": [raised(prompt) for prompt in call.prompts]})


@mutant
def thresholds_end_at_nine_tenths(call: Call) -> Response:
    def capped(value: Any) -> Any:
        return min(value, 0.9) if isinstance(value, int | float) and 0.9 < value <= 1 else value

    def change(_: int, prompt: Json) -> Json:
        return {name: capped(value) if name == THRESHOLD else value for name, value in prompt.items()}

    if not of_concept(call) or not call.prompts:
        return call.ask()
    whole = {THRESHOLD: capped(call.body[THRESHOLD])} if THRESHOLD in call.body else {}
    return call.ask(**whole, prompts=[change(0, prompt) for prompt in call.prompts])


@mutant
def whole_numbers_for_thresholds_are_refused(call: Call) -> Response:
    for name in (THRESHOLD, NMS):
        value = call.body.get(name)
        if of_concept(call) and isinstance(value, int) and not isinstance(value, bool):
            return invalid("float_type", "Input should be a valid number", value, name)
    return call.ask()


@mutant
def thresholds_written_as_integers_are_refused(call: Call) -> Response:
    named = [name for name in (THRESHOLD, NMS) if type(call.body.get(name)) is int and call.body[name] in {0, 1}]
    if not of_concept(call) or not named:
        return call.ask()
    return invalid("float_type", "Input should be a valid number", call.body[named[0]], named[0])


@mutant
def threshold_of_exemplars_is_ignored(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {**prompt, THRESHOLD: 0.0} if prompt.get("boxes") and THRESHOLD in prompt else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def own_threshold_beside_text_and_boxes_is_ignored(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        both = prompt.get("text") and prompt.get("boxes")
        return {name: value for name, value in prompt.items() if name != THRESHOLD or not both}

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def a_threshold_of_its_own_is_ignored_beside_exemplars(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        ignored = listed(prompt, "boxes") and is_number(prompt.get(THRESHOLD))
        return {**prompt, THRESHOLD: None} if ignored else prompt

    return with_prompts(call, change)


@mutant
def own_thresholds_are_ignored_for_polygons_beside_nms(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {name: value for name, value in prompt.items() if name != THRESHOLD}

    suppressed = concept_as_polygons(call) and call.body.get(NMS) is not None
    return with_prompts(call, change) if suppressed else call.ask()


@mutant
def thresholds_of_their_own_are_ignored_with_nms(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {**prompt, THRESHOLD: None} if is_number(prompt.get(THRESHOLD)) else prompt

    return with_prompts(call, change) if is_number(call.body.get(NMS)) else call.ask()


@mutant
def threshold_of_the_request_beside_nms_is_the_default(call: Call) -> Response:
    return call.ask(**{THRESHOLD: ...}) if of_concept(call) and call.body.get(NMS) is not None else call.ask()


@mutant
def threshold_beside_an_image_id_is_the_default(call: Call) -> Response:
    named = of_concept(call) and call.body.get("image_id") is not None
    return call.ask(**{THRESHOLD: ...}) if named else call.ask()


@mutant
def threshold_beside_a_named_model_is_ignored(call: Call) -> Response:
    return call.ask(**{THRESHOLD: ...}) if of_concept(call) and call.body.get("model_id") is not None else call.ask()


@mutant
def threshold_and_nms_are_exchanged_where_both_are_given(call: Call) -> Response:
    both = of_concept(call) and is_number(call.body.get(THRESHOLD)) and is_number(call.body.get(NMS))
    return call.ask(**{THRESHOLD: call.body[NMS], NMS: call.body[THRESHOLD]}) if both else call.ask()


@mutant
def confidence_equal_to_the_threshold_of_the_request_is_dropped(call: Call) -> Response:
    least = call.body.get(THRESHOLD, 0.5)

    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            if prompt.get(THRESHOLD) is None:
                result["predictions"] = [one for one in result["predictions"] if one["confidence"] != least]

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def prompts_from_the_third_on_have_the_default_threshold(call: Call) -> Response:
    def change(index: int, prompt: Json) -> Json:
        return prompt if index < 2 or THRESHOLD in prompt else {**prompt, THRESHOLD: 0.5}

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def own_threshold_counts_for_the_prompts_after_it(call: Call) -> Response:
    last: list[Any] = []

    def change(_: int, prompt: Json) -> Json:
        if prompt.get(THRESHOLD) is not None:
            last[:] = [prompt[THRESHOLD]]
        return {THRESHOLD: last[0], **prompt} if last else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def prompts_of_equal_text_have_the_threshold_of_the_first(call: Call) -> Response:
    first: dict[str, Any] = {}

    def change(_: int, prompt: Json) -> Json:
        text = prompt.get("text")
        if not isinstance(text, str):
            return prompt
        own = first.setdefault(text, prompt.get(THRESHOLD))
        if own is not None:
            return {**prompt, THRESHOLD: own}
        return {name: value for name, value in prompt.items() if name != THRESHOLD}

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def own_thresholds_move_to_the_first_prompts(call: Call) -> Response:
    own = [prompt[THRESHOLD] for prompt in call.prompts if prompt.get(THRESHOLD) is not None]

    def change(index: int, prompt: Json) -> Json:
        prompt.pop(THRESHOLD, None)
        return {**prompt, THRESHOLD: own[index]} if index < len(own) else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def prompts_of_a_batch_of_four_share_the_lowest_threshold(call: Call) -> Response:
    thresholds = [threshold_of(call, prompt) for prompt in call.prompts]

    def change(index: int, prompt: Json) -> Json:
        batch = index // 4 * 4
        return {**prompt, THRESHOLD: min(thresholds[batch : batch + 4])}

    several = of_concept(call) and len(thresholds) > 4 and all(map(is_number, thresholds))
    return with_prompts(call, change) if several else call.ask()


@mutant
def own_thresholds_of_later_prompts_are_not_checked(call: Call) -> Response:
    def change(index: int, prompt: Json) -> Json:
        value = prompt.get(THRESHOLD)
        return {**prompt, THRESHOLD: min(max(value, 0), 1)} if index and isinstance(value, int | float) else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def own_thresholds_beyond_one_are_refused_in_the_first_prompt_only(call: Call) -> Response:
    return own_thresholds_of_later_prompts_are_not_checked(call)


@mutant
def masks_shrink_with_the_threshold(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            least = threshold_of(call, prompt)
            for one in result["predictions"] if is_number(least) and least > 0.5 else ():
                redraw(one, shrunk(1), size=frame_of(call))

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def threshold_of_scores_is_that_of_masks_too(call: Call) -> Response:
    least = call.body.get(THRESHOLD, 0.5)
    kernel = np.ones((3, 3), np.uint8)

    def change(bitmap: Bitmap, _: Json) -> Bitmap:
        pixels = np.ascontiguousarray(bitmap).view(np.uint8)
        return (cv2.dilate(pixels, kernel) if least < 0.5 else cv2.erode(pixels, kernel)).astype(bool)

    other = of_concept(call) and is_number(least) and abs(least - 0.5) > 0.15
    return redrawn(call.ask(), change, size=frame_of(call)) if other else call.ask()
