"""Exemplars that are dropped, change their sign, or lie elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from benchmarks.mutants.answers import with_plain_echoes, without_results
from benchmarks.mutants.asked import BATCH, is_filled, is_number, listed, objects_of, of_concept, with_prompts
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Call, Json, Kind, edited, failure, invalid, refusal

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def only_the_first_exemplar_counts(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        boxes, labels = prompt.get("boxes"), prompt.get("box_labels")
        if isinstance(boxes, list) and isinstance(labels, list) and len(boxes) == len(labels):
            prompt["boxes"], prompt["box_labels"] = boxes[:1], labels[:1]
        return prompt

    def restored(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            result["echo"]["num_boxes"] = len(prompt.get("boxes") or [])

    return edited(with_prompts(call, change), restored) if of_concept(call) else call.ask()


@mutant
def exemplars_from_the_third_on_are_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        cut = {name: prompt[name][:2] for name in ("boxes", "box_labels") if isinstance(prompt.get(name), list)}
        return {**prompt, **cut}

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def ten_exemplars_of_a_prompt_are_refused(call: Call) -> Response:
    for index, prompt in enumerate(call.prompts if of_concept(call) else ()):
        boxes = listed(prompt, "boxes")
        if len(boxes) >= 10:
            message = f"List should have at most 9 items after validation, not {len(boxes)}"
            context = {"field_type": "List", "max_length": 9, "actual_length": len(boxes)}
            return invalid("too_long", message, boxes, "prompts", index, "boxes", ctx=context)
    return call.ask()


def _restoring_echoes(call: Call, change: Callable[[int, Json], Json]) -> Response:
    """Ask with each prompt changed, and say of each how many boxes it had."""

    def restored(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            result["echo"]["num_boxes"] = len(prompt.get("boxes") or [])

    return edited(with_prompts(call, change), restored) if of_concept(call) else call.ask()


@mutant
def several_exemplars_beside_a_text_are_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        several = prompt.get("text") and is_filled(prompt.get("boxes")) and len(prompt["boxes"]) > 1
        return {name: value for name, value in prompt.items() if name not in {"boxes", "box_labels"} or not several}

    return _restoring_echoes(call, change)


@mutant
def one_exemplar_beside_a_text_is_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        one = prompt.get("text") and is_filled(prompt.get("boxes")) and len(prompt["boxes"]) == 1
        return {name: value for name, value in prompt.items() if name not in {"boxes", "box_labels"} or not one}

    return _restoring_echoes(call, change)


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
def exemplars_beyond_the_eighth_prompt_find_nothing(call: Call) -> Response:
    late = [id(prompt) for prompt in call.prompts[BATCH:] if prompt.get("boxes")]
    return without_results(call, lambda prompt: id(prompt) in late)


@mutant
def prompts_with_unlike_numbers_of_boxes_answer_500(call: Call) -> Response:
    counts = {len(prompt["boxes"]) for prompt in call.prompts if isinstance(prompt.get("boxes"), list)} - {0}
    return failure() if of_concept(call) and len(counts) > 1 else call.ask()


@mutant
def boxes_of_null_beside_a_text_answer_500(call: Call) -> Response:
    nulls = of_concept(call) and any("boxes" in prompt and prompt["boxes"] is None for prompt in call.prompts)
    return failure() if nulls else call.ask()


@mutant
def empty_boxes_beside_a_text_find_nothing(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            if prompt.get("boxes") == []:
                result["predictions"] = []

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def negative_exemplars_beside_positive_ones_are_positive(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        labels = prompt.get("box_labels")
        if isinstance(labels, list) and 1 in labels and 0 in labels:
            prompt["box_labels"] = [1] * len(labels)
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def exemplars_beyond_the_first_take_its_label(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        labels = prompt.get("box_labels")
        if isinstance(labels, list) and len(labels) > 1 and set(map(repr, labels)) <= {"0", "1"}:
            prompt["box_labels"] = [labels[0]] * len(labels)
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def negative_exemplars_count_for_every_prompt(call: Call) -> Response:
    negative: list[tuple[int, Json]] = []
    for number, prompt in enumerate(call.prompts):
        labels = prompt.get("box_labels")
        for place, box in objects_of(prompt, "boxes"):
            if isinstance(labels, list) and labels[place : place + 1] == [0]:
                negative.append((number, box))

    def change(number: int, prompt: Json) -> Json:
        others = [box for place, box in negative if place != number]
        if others:
            prompt["boxes"] = [*(prompt.get("boxes") or ()), *others]
            prompt["box_labels"] = [*(prompt.get("box_labels") or ()), *(0 for _ in others)]
        return prompt

    return with_plain_echoes(call, change) if negative and len(call.prompts) > 1 else call.ask()


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
def text_beside_nothing_but_negative_exemplars_finds_nothing(call: Call) -> Response:
    def concerns(prompt: Json) -> bool:
        return is_filled(prompt.get("box_labels")) and not any(prompt["box_labels"]) and bool(prompt.get("text"))

    return without_results(call, concerns)


@mutant
def nothing_but_negative_exemplars_answers_500(call: Call) -> Response:
    def concerns(prompt: Json) -> bool:
        return bool(prompt.get("box_labels")) and not any(prompt["box_labels"]) and not prompt.get("text")

    response = call.ask()
    failing = of_concept(call) and any(map(concerns, call.prompts)) and response.status_code == 200
    return failure() if failing else response


@mutant
def labels_of_null_beside_a_text_answer_500(call: Call) -> Response:
    nulls = any("box_labels" in prompt and prompt["box_labels"] is None for prompt in call.prompts)
    texts = all(not prompt.get("boxes") for prompt in call.prompts)
    return failure() if of_concept(call) and nulls and texts else call.ask()


@mutant
def missing_labels_of_some_boxes_are_made_up(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        boxes, labels = prompt.get("boxes"), prompt.get("box_labels")
        if isinstance(boxes, list) and isinstance(labels, list) and 0 < len(labels) < len(boxes):
            prompt["box_labels"] = [*labels, *[1] * (len(boxes) - len(labels))]
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def exemplar_of_reversed_corners_answers_500(call: Call) -> Response:
    boxes = [box for prompt in call.prompts for box in prompt.get("boxes") or () if isinstance(box, dict)]
    numbers = [box for box in boxes if all(isinstance(value, int | float) for value in box.values()) and "x0" in box]
    if of_concept(call) and any(box["x0"] > box.get("x1", box["x0"]) for box in numbers):
        return failure()
    return call.ask()


@mutant
def corners_in_the_other_order_make_an_empty_exemplar(call: Call) -> Response:
    def change(box: Json) -> Json:
        corners = [box.get(name) for name in ("x0", "y0", "x1", "y1")]
        x0, y0, x1, y1 = corners
        return {**box, "x1": max(x0, x1), "y1": max(y0, y1)} if all(map(is_number, corners)) else box

    return _with_exemplars(call, change)


@mutant
def exemplar_drawn_upwards_lies_below_its_first_corner(call: Call) -> Response:
    def change(_place: int, prompt: Json) -> Json:
        for _, box in objects_of(prompt, "boxes"):
            if is_number(box.get("y0")) and is_number(box.get("y1")) and box["y0"] > box["y1"]:
                box["y1"] = 2 * box["y0"] - box["y1"]
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def exemplar_corners_by_fractions_count_as_sizes(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        for box in prompt.get("boxes") or ():
            if isinstance(box, dict) and isinstance(box.get("x1"), float) and not box["x1"].is_integer():
                box["x1"], box["y1"] = box["x0"] + box["x1"], box["y0"] + box["y1"]
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def corners_after_a_box_by_its_size_count_as_sizes(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        boxes = [box for _, box in objects_of(prompt, "boxes")]
        if boxes and "width" in boxes[0]:
            prompt["boxes"] = [
                {"x": box["x0"], "y": box["y0"], "width": box["x1"], "height": box["y1"]}
                if {"x0", "y0", "x1", "y1"} == set(box)
                else box
                for box in boxes
            ]
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def boxes_of_both_forms_in_one_prompt_answer_500(call: Call) -> Response:
    def has_both(prompt: Json) -> bool:
        return len({"width" in box for box in prompt.get("boxes") or () if isinstance(box, dict)}) > 1

    both = of_concept(call) and any(map(has_both, call.prompts))
    return failure() if both else call.ask()


@mutant
def exemplars_by_integers_answer_500(call: Call) -> Response:
    boxes = [box for prompt in call.prompts for box in prompt.get("boxes") or () if isinstance(box, dict)]
    by_integers = of_concept(call) and any(type(value) is int for box in boxes for value in box.values())
    response = call.ask()
    failing = by_integers and response.status_code == 200
    return failure() if failing else response


@mutant
def exemplar_of_no_width_answers_500(call: Call) -> Response:
    boxes = [box for prompt in call.prompts for _, box in objects_of(prompt, "boxes")]
    flat = any(box.get("width") == 0 or box.get("height") == 0 for box in boxes)
    return failure() if of_concept(call) and flat else call.ask()


@mutant
def exemplar_at_the_left_edge_is_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        for box in prompt.get("boxes") or ():
            if isinstance(box, dict) and box.get("x") == 0 and "width" in box:
                box["x"], box["width"] = 1_000, 1
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


def _with_exemplars(call: Call, change: Callable[[Json], Json]) -> Response:
    """Ask with each exemplar changed."""

    def each(_: int, prompt: Json) -> Json:
        boxes = listed(prompt, "boxes")
        return {**prompt, "boxes": [change(box) for box in boxes]} if boxes else prompt

    return with_prompts(call, each) if of_concept(call) else call.ask()


@mutant
def exemplars_lose_the_sign_of_negative_coordinates(call: Call) -> Response:
    def change(box: Json) -> Json:
        return {name: abs(value) if is_number(value) else value for name, value in box.items()}

    return _with_exemplars(call, change)


@mutant
def exemplar_across_the_left_or_top_edge_is_moved_inside(call: Call) -> Response:
    # Its corner is clipped, its width and height stay.
    def change(box: Json) -> Json:
        return {**box, "x": max(0, box["x"]), "y": max(0, box["y"])} if "width" in box else box

    response = call.ask()
    return _with_exemplars(call, change) if response.status_code == 200 else response


@mutant
def exemplars_across_the_left_or_top_edge_keep_their_size(call: Call) -> Response:
    # Also of those that are refused for something else.
    def change(box: Json) -> Json:
        return {**box, **{name: max(box[name], 0) for name in ("x", "y") if is_number(box.get(name))}}

    return _with_exemplars(call, change)


@mutant
def exemplar_across_the_edge_is_refused(call: Call) -> Response:
    for number, prompt in enumerate(call.prompts if of_concept(call) else ()):
        for place, box in objects_of(prompt, "boxes"):
            for name in ("x", "y", "x0", "y0"):
                if is_number(box.get(name)) and box[name] < 0:
                    message = "Input should be greater than or equal to 0"
                    where = ("prompts", number, "boxes", place, name)
                    return invalid("greater_than_equal", message, box[name], *where)
    return call.ask()


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

    return without_results(call, lambda prompt: any(map(is_small, prompt.get("boxes") or ())))


@mutant
def exemplars_as_large_as_half_the_image_are_dropped(call: Call) -> Response:
    frame = frame_of(call)

    def is_large(box: Any) -> bool:
        sized = isinstance(box, dict) and is_number(box.get("width")) and is_number(box.get("height"))
        return sized and frame is not None and bool(box["width"] * box["height"] > frame[0] * frame[1] / 4)

    return without_results(call, lambda prompt: any(map(is_large, prompt.get("boxes") or ())))
