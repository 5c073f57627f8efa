"""Prompts that are read rightly alone, and wrongly beside a text, a box, another label, or a number of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from benchmarks.mutants.images import frame_of
from benchmarks.mutants.requests import NMS, THRESHOLD, of_concept, of_visual, with_prompts
from benchmarks.mutants.server import Call, Json, Kind, edited, refusal

mutant = Kind()
MUTANTS = mutant.mutants

MANY = 8


def _restoring_echoes(call: Call, change: Callable[[int, Json], Json]) -> Response:
    """Ask with each prompt changed, and say of each how many boxes it had."""

    def restored(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            result["echo"]["num_boxes"] = len(prompt.get("boxes") or [])

    return edited(with_prompts(call, change), restored) if of_concept(call) else call.ask()


def _without_results(call: Call, concerns: Callable[[Json], bool]) -> Response:
    """Find nothing for those prompts."""

    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            if concerns(prompt):
                result["predictions"] = []

    return edited(call.ask(), change) if of_concept(call) else call.ask()


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


@mutant
def exemplars_of_wide_images_are_scaled_by_the_height(call: Call) -> Response:
    frame = frame_of(call)

    def change(_: int, prompt: Json) -> Json:
        for box in prompt.get("boxes") or ():
            if frame and frame[1] > frame[0] and isinstance(box, dict) and {"x", "y", "width", "height"} <= set(box):
                box["x"], box["width"] = (box[name] * frame[0] / frame[1] for name in ("x", "width"))
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def third_of_three_prompts_has_the_results_of_the_second(call: Call) -> Response:
    def change(body: Json) -> None:
        results = body.get("prompt_results", [])
        if len(results) == 3:
            results[2]["predictions"] = results[1]["predictions"]

    return edited(call.ask(), change)


@mutant
def confidence_equal_to_the_threshold_of_the_request_is_dropped(call: Call) -> Response:
    least = call.body.get(THRESHOLD, 0.5)

    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            if prompt.get(THRESHOLD) is None:
                result["predictions"] = [one for one in result["predictions"] if one["confidence"] != least]

    return edited(call.ask(), change) if of_concept(call) else call.ask()


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
def text_beside_nothing_but_negative_exemplars_finds_nothing(call: Call) -> Response:
    def concerns(prompt: Json) -> bool:
        return _is_list(prompt.get("box_labels")) and not any(prompt["box_labels"]) and bool(prompt.get("text"))

    return _without_results(call, concerns)


@mutant
def several_exemplars_beside_a_text_are_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        several = prompt.get("text") and _is_list(prompt.get("boxes")) and len(prompt["boxes"]) > 1
        return {name: value for name, value in prompt.items() if name not in {"boxes", "box_labels"} or not several}

    return _restoring_echoes(call, change)


@mutant
def one_exemplar_beside_a_text_is_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        one = prompt.get("text") and _is_list(prompt.get("boxes")) and len(prompt["boxes"]) == 1
        return {name: value for name, value in prompt.items() if name not in {"boxes", "box_labels"} or not one}

    return _restoring_echoes(call, change)


@mutant
def own_threshold_beside_text_and_boxes_is_ignored(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        both = prompt.get("text") and prompt.get("boxes")
        return {name: value for name, value in prompt.items() if name != THRESHOLD or not both}

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def exemplars_beyond_the_eighth_prompt_find_nothing(call: Call) -> Response:
    late = [id(prompt) for prompt in call.prompts[MANY:] if prompt.get("boxes")]
    return _without_results(call, lambda prompt: id(prompt) in late)


@mutant
def text_of_one_character_answers_500(call: Call) -> Response:
    short = any(isinstance(prompt.get("text"), str) and len(prompt["text"]) == 1 for prompt in call.prompts)
    return refusal(500, {"message": "Internal error."}) if of_concept(call) and short else call.ask()


@mutant
def format_left_out_beside_a_threshold_is_rle(call: Call) -> Response:
    return call.ask(format="rle") if THRESHOLD in call.body and "format" not in call.body else call.ask()


@mutant
def nms_forgets_the_prompts_beyond_the_eighth(call: Call) -> Response:
    if not of_concept(call) or call.body.get(NMS) is None or len(call.prompts) <= MANY:
        return call.ask()
    plain = call.ask(**{NMS: ...})

    def change(body: Json) -> None:
        later = plain.get_json()["prompt_results"][MANY:] if plain.status_code == 200 else []
        body["prompt_results"][MANY:] = later

    return edited(call.ask(), change)


@mutant
def nms_of_one_suppresses_what_is_the_same(call: Call) -> Response:
    return call.ask(**{NMS: 0.999}) if of_concept(call) and call.body.get(NMS) == 1 else call.ask()


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
def box_that_ends_in_the_last_row_is_refused(call: Call) -> Response:
    frame = frame_of(call)
    boxes = [prompt["box"] for prompt in call.prompts if isinstance(prompt.get("box"), dict)]
    numbers = [box for box in boxes if all(isinstance(box.get(name), int | float) for name in ("y", "height"))]
    if of_visual(call) and frame and any(box["y"] + box["height"] / 2 == frame[0] for box in numbers):
        return refusal(400, {"message": "Box is not inside of the image."})
    return call.ask()


@mutant
def clicks_in_the_last_row_move_to_the_first(call: Call) -> Response:
    frame = frame_of(call)

    def change(_: int, prompt: Json) -> Json:
        for point in prompt.get("points") or ():
            if frame and isinstance(point, dict) and point.get("y") == frame[0] - 1:
                point["y"] = 0
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def nothing_but_negative_clicks_answers_500(call: Call) -> Response:
    clicked = [prompt["points"] for prompt in call.prompts if _is_list(prompt.get("points")) and not prompt.get("box")]
    negative = any(not any(point.get("positive", True) for point in points) for points in clicked)
    return refusal(500, {"message": "Internal error."}) if of_visual(call) and negative else call.ask()


@mutant
def clicks_beside_a_box_are_dropped_for_single_masks(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {**prompt, "points": []} if prompt.get("box") and prompt.get("points") else prompt

    single = of_visual(call) and call.body.get("multimask_output") is False
    return with_prompts(call, change) if single else call.ask()


@mutant
def box_is_dropped_where_a_positive_click_is_beside_it(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        clicked = any(point.get("positive") for point in prompt.get("points") or () if isinstance(point, dict))
        return {**prompt, "box": None} if prompt.get("box") and clicked else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def one_mask_asked_for_as_json_is_three(call: Call) -> Response:
    is_json = of_visual(call) and call.body.get("format", "json") == "json"
    return call.ask(multimask_output=True) if is_json and "multimask_output" in call.body else call.ask()


@mutant
def one_mask_asked_for_as_binary_is_json(call: Call) -> Response:
    single = of_visual(call) and call.body.get("multimask_output") is False
    return call.ask(format="json") if single and call.body.get("format") == "binary" else call.ask()


@mutant
def boxes_have_one_mask(call: Call) -> Response:
    only_boxes = bool(call.prompts) and all(prompt.get("box") and not prompt.get("points") for prompt in call.prompts)
    return call.ask(multimask_output=False) if of_visual(call) and only_boxes else call.ask()


@mutant
def prompt_of_a_box_alone_beside_clicked_ones_is_the_first_again(call: Call) -> Response:
    clicked = any(prompt.get("points") for prompt in call.prompts)

    def change(_: int, prompt: Json) -> Json:
        alone = prompt.get("box") and not prompt.get("points")
        return call.prompts[0] if alone and clicked else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()
