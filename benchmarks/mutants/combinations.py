"""Defects that need two conditions at once, each of which is harmless without the other."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from benchmarks.mutants.images import file_of, orientation_of
from benchmarks.mutants.requests import NMS, THRESHOLD, of_concept, of_visual, with_prompts
from benchmarks.mutants.server import Call, Json, Kind, refusal

mutant = Kind()
MUTANTS = mutant.mutants


def _is_nested(call: Call) -> bool:
    prompts: Any = call.body.get("prompts")
    return of_visual(call) and isinstance(prompts, dict) and "prompts" in prompts


def _as_polygons(call: Call) -> bool:
    return of_concept(call) and call.body.get("format", "polygon") in {"polygon", "json"}


@mutant
def nms_of_exemplars_is_left_out_for_polygons(call: Call) -> Response:
    boxed = any(prompt.get("boxes") for prompt in call.prompts)
    return call.ask(**{NMS: ...}) if _as_polygons(call) and boxed else call.ask()


@mutant
def own_thresholds_are_ignored_for_polygons_beside_nms(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {name: value for name, value in prompt.items() if name != THRESHOLD}

    suppressed = _as_polygons(call) and call.body.get(NMS) is not None
    return with_prompts(call, change) if suppressed else call.ask()


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
def boxes_in_grey_images_answer_500(call: Call) -> Response:
    file = file_of(call) if of_visual(call) and any(prompt.get("box") for prompt in call.prompts) else None
    grey = file is not None and file.mode in {"L", "LA", "I;16"}
    return refusal(500, {"message": "Internal error."}) if grey else call.ask()


@mutant
def exemplars_in_images_with_alpha_answer_500(call: Call) -> Response:
    file = file_of(call) if of_concept(call) and any(prompt.get("boxes") for prompt in call.prompts) else None
    return refusal(500, {"message": "Internal error."}) if file is not None and "A" in file.mode else call.ask()


@mutant
def boxes_are_not_turned_with_a_jpeg(call: Call) -> Response:
    file = file_of(call) if of_visual(call) and any(prompt.get("box") for prompt in call.prompts) else None
    turned = file is not None and file.format == "JPEG" and orientation_of(file) in {6, 8}

    def change(_: int, prompt: Json) -> Json:
        box = prompt.get("box")
        if isinstance(box, dict):
            prompt["box"] = {"x": box["y"], "y": box["x"], "width": box["height"], "height": box["width"]}
        return prompt

    return with_prompts(call, change) if turned else call.ask()


@mutant
def exemplars_in_turned_jpegs_are_refused(call: Call) -> Response:
    file = file_of(call) if of_concept(call) and any(prompt.get("boxes") for prompt in call.prompts) else None
    turned = file is not None and file.format == "JPEG" and orientation_of(file) > 1
    return refusal(400, {"message": "Box is not inside of the image."}) if turned else call.ask()
