"""Boxes of visual prompts, alone and beside clicks, and what befalls exemplars with them."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.answers import with_plain_echoes
from benchmarks.mutants.asked import is_number, listed, objects_of, of_concept, of_visual, prompts_of, with_prompts
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, edited, failure, invalid, redraw, redrawn, refusal

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def box_across_the_edge_is_shrunk_about_its_centre(call: Call) -> Response:
    frame = frame_of(call)

    def change(_: int, prompt: Json) -> Json:
        box = prompt.get("box")
        if frame and isinstance(box, dict) and {"x", "y", "width", "height"} <= set(box):
            out = box["x"] - box["width"] / 2 < -1 or box["x"] + box["width"] / 2 > frame[1] + 1
            if out:
                prompt["box"] = {**box, "width": box["width"] / 4, "height": box["height"] / 4}
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def mask_of_a_box_across_the_left_edge_is_moved_by_what_lies_outside(call: Call) -> Response:
    # What is cut out begins at 0, but is put back at the box's own left edge.
    size, response = frame_of(call), call.ask()
    if not of_visual(call) or size is None or len(call.prompts) != 1 or response.status_code != 200:
        return response
    box = call.prompts[0].get("box")
    overhang = int(box["width"] / 2 - box["x"]) if box else 0

    def change(bitmap: Bitmap, _: Json) -> Bitmap:
        return np.pad(bitmap[:, overhang:], ((0, 0), (0, overhang)))

    return redrawn(response, change, size=size) if 0 < overhang < size[1] else response


@mutant
def box_that_ends_in_the_last_row_is_refused(call: Call) -> Response:
    frame = frame_of(call)
    boxes = [prompt["box"] for prompt in call.prompts if isinstance(prompt.get("box"), dict)]
    numbers = [box for box in boxes if all(isinstance(box.get(name), int | float) for name in ("y", "height"))]
    if of_visual(call) and frame and any(box["y"] + box["height"] / 2 == frame[0] for box in numbers):
        return refusal(400, {"message": "Box is not inside of the image."})
    return call.ask()


@mutant
def boxes_of_the_whole_image_answer_500(call: Call) -> Response:
    frame = frame_of(call)

    def is_whole(box: Any) -> bool:
        return (
            isinstance(box, dict)
            and frame is not None
            and is_number(box.get("width"))
            and bool(box["width"] >= frame[1] and box["height"] >= frame[0])
        )

    whole = of_visual(call) and any(is_whole(prompt.get("box")) for prompt in call.prompts)
    return failure() if whole else call.ask()


@mutant
def boxes_of_a_few_pixels_answer_empty_masks(call: Call) -> Response:
    def is_small(box: Any) -> bool:
        return isinstance(box, dict) and is_number(box.get("width")) and bool(min(box["width"], box["height"]) < 8)

    small = [index for index, prompt in enumerate(call.prompts) if is_small(prompt.get("box"))]

    def change(body: Json) -> None:
        each = len(body["predictions"]) // len(call.prompts)
        for index in small:
            for one in body["predictions"][index * each : (index + 1) * each]:
                redraw(one, lambda bitmap, _: np.zeros_like(bitmap), size=frame_of(call))

    return edited(call.ask(), change) if of_visual(call) and small else call.ask()


def _boxes(call: Call) -> list[tuple[int, Json]]:
    """List the boxes of visual prompts, with the place of each prompt."""
    found = [(number, prompt.get("box")) for number, prompt in enumerate(call.prompts if of_visual(call) else ())]
    return [(number, box) for number, box in found if isinstance(box, dict)]


@mutant
def box_without_width_or_height_answers_500(call: Call) -> Response:
    flat = any(box.get(name) == 0 for _, box in _boxes(call) for name in ("width", "height"))
    return failure() if flat else call.ask()


@mutant
def halves_of_pixels_in_boxes_are_refused(call: Call) -> Response:
    for _, box in _boxes(call):
        for name in ("x", "y", "width", "height"):
            value = box.get(name)
            if isinstance(value, float) and not value.is_integer():
                message = "Input should be a valid integer, got a number with a fractional part"
                return invalid("int_from_float", message, value, "prompts", "box", name)
    return call.ask()


@mutant
def fractions_of_box_edges_are_cut_off(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        box = prompt.get("box")
        for each in [box] if isinstance(box, dict) else listed(prompt, "boxes"):
            each.update({name: int(at) for name, at in each.items() if isinstance(at, float) and isfinite(at)})
        return prompt

    return with_plain_echoes(call, change) if of_concept(call) else with_prompts(call, change)


@mutant
def boxes_have_one_mask(call: Call) -> Response:
    only_boxes = bool(call.prompts) and all(prompt.get("box") and not prompt.get("points") for prompt in call.prompts)
    return call.ask(multimask_output=False) if of_visual(call) and only_boxes else call.ask()


@mutant
def single_masks_of_boxes_are_the_box_around_them(call: Call) -> Response:
    boxed = of_visual(call) and any(prompt.get("box") for prompt in call.prompts)

    def box(bitmap: Bitmap, _: Json) -> Bitmap:
        return np.logical_and.outer(bitmap.any(axis=1), bitmap.any(axis=0))

    single = call.body.get("multimask_output") is False
    return redrawn(call.ask(), box, size=frame_of(call)) if boxed and single else call.ask()


@mutant
def later_boxes_are_the_first_one(call: Call) -> Response:
    boxes = [prompt["box"] for prompt in call.prompts if prompt.get("box")]
    plain = not any(prompt.get("points") for prompt in call.prompts)
    if of_visual(call) and len(boxes) > 1 and len(boxes) == len(call.prompts) and plain:
        return with_prompts(call, lambda _, prompt: {**prompt, "box": boxes[0]})
    return call.ask()


@mutant
def prompt_of_a_box_alone_beside_clicked_ones_is_the_first_again(call: Call) -> Response:
    clicked = any(prompt.get("points") for prompt in call.prompts)

    def change(_: int, prompt: Json) -> Json:
        alone = prompt.get("box") and not prompt.get("points")
        return call.prompts[0] if alone and clicked else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def single_prompt_loses_its_box(call: Call) -> Response:
    prompts = call.body.get("prompts")
    if of_visual(call) and isinstance(prompts, dict) and "box" in prompts:
        return call.ask(prompts={name: value for name, value in prompts.items() if name != "box"})
    return call.ask()


@mutant
def positive_clicks_beside_a_box_are_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        if prompt.get("box") and isinstance(prompt.get("points"), list):
            prompt["points"] = [point for point in prompt["points"] if not point.get("positive")]
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def negative_clicks_beside_a_box_are_positive(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        for _, point in objects_of(prompt, "points") if prompt.get("box") else ():
            point["positive"] = True
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def points_of_null_beside_a_box_drop_the_box(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {"points": []} if "points" in prompt and prompt["points"] is None else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def an_empty_list_of_points_beside_a_box_is_an_internal_error(call: Call) -> Response:
    empty = any(prompt.get("points") == [] and prompt.get("box") for prompt in prompts_of(call.body))
    return failure() if of_visual(call) and empty else call.ask()


@mutant
def box_of_null_beside_clicks_is_refused(call: Call) -> Response:
    nulls = of_visual(call) and any("box" in prompt and prompt["box"] is None for prompt in call.prompts)
    message = "Input should be a valid dictionary or instance of Box"
    return invalid("model_type", message, None, "prompts", "box") if nulls else call.ask()


@mutant
def box_beside_clicks_is_anchored_at_its_corner(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        box = prompt.get("box")
        if isinstance(box, dict) and prompt.get("points"):
            prompt["box"] = {**box, "x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def boxes_beside_clicks_are_taken_from_their_corner(call: Call) -> Response:
    return box_beside_clicks_is_anchored_at_its_corner(call)


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
def box_beside_negative_clicks_only_is_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        points = prompt.get("points") or []
        negative = points and not any(point.get("positive") for point in points)
        return {**prompt, "box": None} if prompt.get("box") and negative else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


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
