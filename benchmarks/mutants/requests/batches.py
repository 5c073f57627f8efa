"""Defects that need two conditions at once, each of which is harmless without the other."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.images.formats import file_of, frame_of, orientation_of
from benchmarks.mutants.requests.thresholds import NMS, THRESHOLD, clicks_changed, of_concept, of_visual, with_prompts
from benchmarks.mutants.results.masks import Arrays, archive_changed
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, edited, redrawn, refusal

mutant = Kind()
MUTANTS = mutant.mutants

SIDE = 1008  # pixels of the square that the model looks at


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


@mutant
def bmp_is_refused_by_visual(call: Call) -> Response:
    file = file_of(call)
    is_bmp = of_visual(call) and file is not None and file.format == "BMP"
    return refusal(400, {"message": "Could not load input image."}) if is_bmp else call.ask()


@mutant
def gif_is_refused_by_visual(call: Call) -> Response:
    file = file_of(call)
    is_gif = of_visual(call) and file is not None and file.format == "GIF"
    return refusal(400, {"message": "Could not load input image."}) if is_gif else call.ask()


@mutant
def embedding_of_a_jpeg_answers_500(call: Call) -> Response:
    file = file_of(call)
    is_jpeg = call.operation == "embed_image" and file is not None and file.format == "JPEG"
    return refusal(500, {"message": "Internal error."}) if is_jpeg else call.ask()


@mutant
def images_with_one_bright_and_dark_half_are_inverted(call: Call) -> Response:
    """Of images of one bit, what is masked and what is not are exchanged for clicks and boxes."""
    file = file_of(call)
    one_bit = file is not None and file.mode == "1" and of_visual(call)
    return redrawn(call.ask(), lambda bitmap, _: ~bitmap, size=frame_of(call)) if one_bit else call.ask()


@mutant
def visual_masks_of_turned_images_are_smoothed(call: Call) -> Response:
    file = file_of(call)

    def smooth(bitmap: Bitmap, _: Json) -> Bitmap:
        return cv2.medianBlur(bitmap.astype(np.uint8), 5).astype(bool)

    if not of_visual(call) or file is None or orientation_of(file) == 1:
        return call.ask()
    return redrawn(call.ask(), smooth, size=frame_of(call))


@mutant
def clicks_in_large_images_are_not_scaled(call: Call) -> Response:
    def change(point: Json, frame: tuple[int, int]) -> None:
        if max(frame) > SIDE:
            point["x"], point["y"] = (point[name] * SIDE / max(frame) for name in ("x", "y"))

    return clicks_changed(call, change)


@mutant
def boxes_in_large_images_are_not_scaled(call: Call) -> Response:
    frame = frame_of(call)

    def change(_: int, prompt: Json) -> Json:
        box = prompt.get("box")
        if isinstance(box, dict) and frame and max(frame) > SIDE:
            prompt["box"] = {name: value * SIDE / max(frame) for name, value in box.items()}
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


def _asks_for_single_masks(call: Call) -> bool:
    single = of_visual(call) and call.body.get("multimask_output") is False
    return single and call.body.get("format") != "binary"


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
def archives_beside_an_image_id_are_of_16_bits(call: Call) -> Response:
    """Less still: whether a logit is positive is all that is left of it."""

    def change(arrays: Arrays) -> Arrays:
        return {name: (array >= 0).astype(np.uint8) for name, array in arrays.items()}

    return archive_changed(call, change) if call.body.get("image_id") else call.ask()


@mutant
def archives_of_nested_prompts_hold_the_first_prompt_only(call: Call) -> Response:
    def change(arrays: Arrays) -> Arrays:
        return {name: array[:3] for name, array in arrays.items()}

    return archive_changed(call, change) if _is_nested(call) else call.ask()
