"""Prompts that are read rightly alone, and wrongly beside a text, a box, another label, or a number of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from benchmarks.mutants.images.formats import frame_of
from benchmarks.mutants.requests.thresholds import NMS, THRESHOLD, is_number, of_concept, of_visual, with_prompts
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


@mutant
def text_of_null_beside_boxes_answers_500(call: Call) -> Response:
    nulls = of_concept(call) and any("text" in prompt and prompt["text"] is None for prompt in call.prompts)
    return refusal(500, {"message": "Internal error."}) if nulls else call.ask()


@mutant
def boxes_beside_the_type_text_are_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        dropped = {"boxes", "box_labels"} if prompt.get("type") == "text" and prompt.get("text") else set()
        return {name: value for name, value in prompt.items() if name not in dropped}

    def restored(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            boxes = prompt.get("boxes") or []
            result["echo"] |= {"num_boxes": len(boxes), "type": "visual" if boxes else "text"}

    return edited(with_prompts(call, change), restored) if of_concept(call) else call.ask()


@mutant
def text_of_the_type_visual_is_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {**prompt, "text": None} if prompt.get("type") == "visual" and prompt.get("boxes") else prompt

    def restored(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            result["echo"]["text"] = prompt.get("text")

    return edited(with_prompts(call, change), restored) if of_concept(call) else call.ask()


@mutant
def empty_text_beside_boxes_finds_nothing(call: Call) -> Response:
    return _without_results(call, lambda prompt: prompt.get("text") == "")


@mutant
def text_is_folded_to_ascii_for_exemplars(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body.get("prompt_results", ()), call.prompts, strict=False):
            text = result["echo"].get("text")
            if prompt.get("boxes") and isinstance(text, str):
                result["echo"]["text"] = text.encode("ascii", "ignore").decode()

    return edited(call.ask(), change)


@mutant
def instances_of_a_text_beside_boxes_come_twice(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            if prompt.get("text") and prompt.get("boxes"):
                result["predictions"] *= 2

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def nothing_but_negative_exemplars_answers_500(call: Call) -> Response:
    def concerns(prompt: Json) -> bool:
        return bool(prompt.get("box_labels")) and not any(prompt["box_labels"]) and not prompt.get("text")

    response = call.ask()
    failing = of_concept(call) and any(map(concerns, call.prompts)) and response.status_code == 200
    return refusal(500, {"message": "Internal error."}) if failing else response


@mutant
def of_several_negative_exemplars_the_last_counts(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        boxes, labels = prompt.get("boxes"), prompt.get("box_labels")
        if isinstance(boxes, list) and isinstance(labels, list) and len(boxes) == len(labels):
            negative = [index for index, label in enumerate(labels) if label == 0]
            for index in reversed(negative[:-1]):
                del boxes[index], labels[index]
        return prompt

    return _restoring_echoes(call, change)


@mutant
def boxes_of_both_forms_in_one_prompt_answer_500(call: Call) -> Response:
    def has_both(prompt: Json) -> bool:
        return len({"width" in box for box in prompt.get("boxes") or () if isinstance(box, dict)}) > 1

    both = of_concept(call) and any(map(has_both, call.prompts))
    return refusal(500, {"message": "Internal error."}) if both else call.ask()


@mutant
def exemplars_by_integers_answer_500(call: Call) -> Response:
    boxes = [box for prompt in call.prompts for box in prompt.get("boxes") or () if isinstance(box, dict)]
    by_integers = of_concept(call) and any(type(value) is int for box in boxes for value in box.values())
    response = call.ask()
    failing = by_integers and response.status_code == 200
    return refusal(500, {"message": "Internal error."}) if failing else response


@mutant
def exemplars_end_at_1008_pixels(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        for box in prompt.get("boxes") or ():
            if isinstance(box, dict) and is_number(box.get("x")) and is_number(box.get("width")):
                right = min(box["x"] + box["width"], 1008)
                box["x"] = min(box["x"], 1000)
                box["width"] = max(right - box["x"], 1)
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


def _spans(box: Json) -> tuple[tuple[float, float], tuple[float, float]]:
    """Tell from where to where an exemplar reaches, across and down, in either form."""
    across = (box["x"], box["x"] + box["width"]) if "width" in box else (box.get("x0", 0), box.get("x1", 0))
    down = (box["y"], box["y"] + box["height"]) if "height" in box else (box.get("y0", 0), box.get("y1", 0))
    return across, down


@mutant
def exemplars_across_the_border_are_refused(call: Call) -> Response:
    frame = frame_of(call)

    def is_across(box: Any) -> bool:
        if not isinstance(box, dict) or not all(map(is_number, box.values())) or frame is None:
            return False
        across, down = _spans(box)
        return min(*across, *down) < 0 or max(across) > frame[1] or max(down) > frame[0]

    outside = of_concept(call) and any(is_across(box) for prompt in call.prompts for box in prompt.get("boxes") or ())
    return refusal(400, {"message": "Box is not inside of the image."}) if outside else call.ask()


@mutant
def exemplars_of_a_few_pixels_find_nothing(call: Call) -> Response:
    def is_small(box: Json) -> bool:
        if "width" in box:
            return bool(min(abs(box["width"]), abs(box["height"])) < 8)
        return bool(min(abs(box["x1"] - box["x0"]), abs(box["y1"] - box["y0"])) < 8)

    return _without_results(call, lambda prompt: any(map(is_small, prompt.get("boxes") or ())))


@mutant
def exemplars_as_large_as_half_the_image_are_dropped(call: Call) -> Response:
    frame = frame_of(call)

    def is_large(box: Any) -> bool:
        sized = isinstance(box, dict) and is_number(box.get("width")) and is_number(box.get("height"))
        return sized and frame is not None and bool(box["width"] * box["height"] > frame[0] * frame[1] / 4)

    return _without_results(call, lambda prompt: any(map(is_large, prompt.get("boxes") or ())))


@mutant
def clicks_are_read_in_the_frame_of_the_box_beside_them(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        box = prompt.get("box")
        for point in prompt.get("points") or ():
            if isinstance(box, dict) and isinstance(point, dict):
                point["x"] -= box["x"] - box["width"] / 2
                point["y"] -= box["y"] - box["height"] / 2
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def box_beside_negative_clicks_only_is_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        points = prompt.get("points") or []
        negative = points and not any(point.get("positive") for point in points)
        return {**prompt, "box": None} if prompt.get("box") and negative else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def prompts_without_box_and_points_among_others_are_left_out(call: Call) -> Response:
    kept = [prompt for prompt in call.prompts if prompt.get("box") or prompt.get("points")]
    return call.ask(prompts=kept) if of_visual(call) and kept and len(kept) < len(call.prompts) else call.ask()
