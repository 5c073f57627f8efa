"""Results that are spoilt on their way out, but only some of them."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco
from werkzeug.wrappers import Response

from benchmarks.mutants.images.formats import frame_of
from benchmarks.mutants.requests.thresholds import is_number, of_concept, of_visual, threshold_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, drawn, edited, lists_of, redraw, redrawn
from sam3_contract.masks import run_lengths_from_masks

mutant = Kind()
MUTANTS = mutant.mutants


Arrays = dict[str, NDArray[Any]]


def archive_changed(call: Call, change: Callable[[Arrays], Arrays]) -> Response:
    """Change the arrays of an npz answer."""
    response = call.ask()
    if response.status_code == 200 and response.mimetype == "application/octet-stream":
        buffer = io.BytesIO()
        arrays = change(dict(np.load(io.BytesIO(response.get_data()))))
        np.savez_compressed(buffer, masks=arrays["masks"], low_res_masks=arrays["low_res_masks"])
        response.set_data(buffer.getvalue())
    return response


@mutant
def no_more_than_ten_instances_of_a_prompt(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            result["predictions"] = result["predictions"][:10]

    return edited(call.ask(), change)


@mutant
def results_from_the_thirteenth_prompt_on_are_empty(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ())[12:]:
            result["predictions"] = []

    return edited(call.ask(), change)


@mutant
def things_of_a_few_pixels_are_dropped(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            result["predictions"] = [one for one in result["predictions"] if _area(one, call) >= 30]

    return edited(call.ask(), change)


def _area(prediction: Json, call: Call) -> int:
    areas: list[int] = []

    def measure(bitmap: Bitmap, _: Json) -> Bitmap:
        areas.append(int(bitmap.sum()))
        return bitmap

    redraw(prediction, measure, size=frame_of(call))
    return areas[0] if areas else 10**6


@mutant
def masks_lose_the_last_column_of_the_image(call: Call) -> Response:
    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        changed = bitmap.copy()
        changed[:, -1] = False
        return changed

    return redrawn(call.ask(), cut, size=frame_of(call))


@mutant
def masks_lose_the_last_row_of_the_image(call: Call) -> Response:
    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        changed = bitmap.copy()
        changed[-1] = False
        return changed

    return redrawn(call.ask(), cut, size=frame_of(call))


@mutant
def visual_masks_keep_their_largest_part_only(call: Call) -> Response:
    def keep(bitmap: Bitmap, _: Json) -> Bitmap:
        count, labels, stats, _centres = cv2.connectedComponentsWithStats(bitmap.view(np.uint8), connectivity=8)
        return bitmap if count < 3 else labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))

    return redrawn(call.ask(), keep, size=None) if call.operation == "visual_segment" else call.ask()


@mutant
def thin_masks_vanish_as_polygons(call: Call) -> Response:
    def change(body: Json) -> None:
        for predictions in lists_of(body):
            for one in predictions:
                if isinstance(one["masks"], list):
                    one["masks"] = [ring for ring in one["masks"] if len(ring) > 2] or [[]]

    return edited(call.ask(), change)


@mutant
def rings_are_closed_where_they_are_long(call: Call) -> Response:
    def change(body: Json) -> None:
        for predictions in lists_of(body):
            for one in predictions:
                if isinstance(one["masks"], list):
                    one["masks"] = [[*ring, ring[0]] if len(ring) > 20 else ring for ring in one["masks"]]

    return edited(call.ask(), change)


@mutant
def holes_are_filled_in_visual_run_lengths(call: Call) -> Response:
    def fill(bitmap: Bitmap, _: Json) -> Bitmap:
        contours, _hierarchy = cv2.findContours(bitmap.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        filled = np.zeros(bitmap.shape, np.uint8)
        cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
        return filled.astype(bool)

    return redrawn(call.ask(), fill, size=None) if call.operation == "visual_segment" else call.ask()


@mutant
def confidences_from_the_third_on_are_that_of_the_second(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            for one in result["predictions"][2:]:
                one["confidence"] = result["predictions"][1]["confidence"]

    return edited(call.ask(), change)


@mutant
def confidences_of_polygons_are_rounded(call: Call) -> Response:
    def change(body: Json) -> None:
        for predictions in lists_of(body):
            for one in predictions:
                if one["format"] == "polygon":
                    one["confidence"] = round(one["confidence"], 1)

    return edited(call.ask(), change)


@mutant
def order_of_results_changes_from_call_to_call(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            if call.number % 2:
                result["predictions"].reverse()

    return edited(call.ask(), change)


@mutant
def every_seventh_answer_lacks_its_last_prediction(call: Call) -> Response:
    def change(body: Json) -> None:
        lists = [predictions for predictions in lists_of(body) if len(predictions) > 1]
        if call.number % 7 == 6 and lists and call.operation == "concept_segment":
            lists[-1].pop()

    return edited(call.ask(), change)


@mutant
def the_second_of_two_equal_calls_is_empty(call: Call) -> Response:
    key = (call.operation, json.dumps(call.body, sort_keys=True))
    again = key in call.state.kept
    call.state.kept[key] = True

    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()) if again else ():
            result["predictions"] = []

    return edited(call.ask(), change)


@mutant
def masks_of_later_visual_prompts_are_eroded(call: Call) -> Response:
    def change(body: Json) -> None:
        each = len(body.get("predictions", ())) // max(len(call.prompts), 1)
        for one in body.get("predictions", ())[2 * each :] if call.prompts else ():
            redraw(one, _eroded, size=frame_of(call))

    return edited(call.ask(), change)


def _eroded(bitmap: Bitmap, _: Json) -> Bitmap:
    return cv2.erode(bitmap.view(np.uint8), np.ones((3, 3), np.uint8), iterations=3).astype(bool)


@mutant
def single_masks_are_eroded(call: Call) -> Response:
    alone = call.body.get("multimask_output") is False
    return redrawn(call.ask(), _eroded, size=frame_of(call)) if alone else call.ask()


@mutant
def masks_without_a_prompt_are_of_the_whole_image(call: Call) -> Response:
    if call.operation == "visual_segment" and not call.body.get("prompts"):
        return redrawn(call.ask(), lambda bitmap, _: np.zeros_like(bitmap), size=frame_of(call))
    return call.ask()


@mutant
def counts_of_long_run_lengths_are_cut(call: Call) -> Response:
    def change(body: Json) -> None:
        for predictions in lists_of(body):
            for one in predictions:
                if isinstance(one["masks"], dict) and len(one["masks"]["counts"]) > 700:
                    one["masks"]["counts"] = one["masks"]["counts"][:700]

    return edited(call.ask(), change)


@mutant
def overlapping_instances_are_joined(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            if len(result["predictions"]) > 3:
                result["predictions"] = [*result["predictions"][:2], *result["predictions"][3:]]

    return edited(call.ask(), change) if call.body.get("nms_iou_threshold") is None else call.ask()


@mutant
def polygons_of_large_images_are_of_half_the_size(call: Call) -> Response:
    size = frame_of(call)

    def change(body: Json) -> None:
        for predictions in lists_of(body) if size and size[0] * size[1] > 1_500_000 else ():
            for one in predictions:
                if isinstance(one["masks"], list):
                    one["masks"] = [[[x // 2, y // 2] for x, y in ring] for ring in one["masks"]]

    return edited(call.ask(), change)


@mutant
def results_of_two_boxes_are_exchanged(call: Call) -> Response:
    def change(body: Json) -> None:
        body["predictions"] = body["predictions"][::-1]

    boxes = len(call.prompts) == 2 and all(prompt.get("box") for prompt in call.prompts)
    return edited(call.ask(), change) if call.operation == "visual_segment" and boxes else call.ask()


@mutant
def third_and_fourth_of_single_masks_are_exchanged(call: Call) -> Response:
    def change(body: Json) -> None:
        found = body["predictions"]
        if len(found) == len(call.prompts) > 3:
            found[2], found[3] = found[3], found[2]

    return edited(call.ask(), change) if call.operation == "visual_segment" else call.ask()


def _cleaned(bitmap: Bitmap, *, least: int, connectivity: int) -> Bitmap:
    """Take away the parts of a mask that are smaller than that, unless it is one part alone."""
    count, labels, stats, _centres = cv2.connectedComponentsWithStats(
        np.ascontiguousarray(bitmap).view(np.uint8), connectivity=connectivity
    )
    small = [part for part in range(1, count) if stats[part, cv2.CC_STAT_AREA] < least]
    return bitmap & ~np.isin(labels, small) if count > 2 else bitmap


@mutant
def small_holes_are_filled(call: Call) -> Response:
    return redrawn(call.ask(), lambda bitmap, _: ~_cleaned(~bitmap, least=60, connectivity=4), size=frame_of(call))


@mutant
def small_parts_of_visual_masks_are_removed(call: Call) -> Response:
    if call.operation != "visual_segment":
        return call.ask()
    return redrawn(call.ask(), lambda bitmap, _: _cleaned(bitmap, least=60, connectivity=8), size=frame_of(call))


@mutant
def polygons_have_two_parts_at_most(call: Call) -> Response:
    def change(body: Json) -> None:
        for predictions in lists_of(body):
            for one in predictions:
                one["masks"] = one["masks"][:2] if isinstance(one["masks"], list) else one["masks"]

    return edited(call.ask(), change)


@mutant
def masks_that_fill_the_image_are_empty(call: Call) -> Response:
    return redrawn(call.ask(), lambda bitmap, _: bitmap & (not bitmap.all()), size=frame_of(call))


@mutant
def single_masks_of_boxes_are_the_box_around_them(call: Call) -> Response:
    boxed = call.operation == "visual_segment" and any(prompt.get("box") for prompt in call.prompts)

    def box(bitmap: Bitmap, _: Json) -> Bitmap:
        return np.logical_and.outer(bitmap.any(axis=1), bitmap.any(axis=0))

    single = call.body.get("multimask_output") is False
    return redrawn(call.ask(), box, size=frame_of(call)) if boxed and single else call.ask()


@mutant
def rings_end_after_a_hundred_points(call: Call) -> Response:
    def cut(body: Json) -> None:
        for predictions in lists_of(body):
            for one in predictions:
                if isinstance(one["masks"], list):
                    one["masks"] = [ring[:100] for ring in one["masks"]]

    return edited(call.ask(), cut)


@mutant
def things_at_two_borders_are_dropped(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            result["predictions"] = [one for one in result["predictions"] if _borders(one, call) < 2]

    return edited(call.ask(), change)


def _borders(prediction: Json, call: Call) -> int:
    numbers: list[int] = []

    def count(bitmap: Bitmap, _: Json) -> Bitmap:
        numbers.append(sum(bool(edge.any()) for edge in (bitmap[0], bitmap[-1], bitmap[:, 0], bitmap[:, -1])))
        return bitmap

    redraw(prediction, count, size=frame_of(call))
    return numbers[0] if numbers else 0


@mutant
def boxes_in_the_echo_are_the_positive_ones(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body.get("prompt_results", ()), call.prompts, strict=False):
            result["echo"]["num_boxes"] = sum(prompt.get("box_labels") or ())

    return edited(call.ask(), change)


@mutant
def numbers_of_prompts_begin_again_after_the_eighth(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            result["prompt_index"] %= 8

    return edited(call.ask(), change)


@mutant
def texts_in_the_echo_end_after_64_characters(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            result["echo"]["text"] = result["echo"]["text"] and result["echo"]["text"][:64]

    return edited(call.ask(), change)


@mutant
def archive_of_a_single_mask_is_squeezed(call: Call) -> Response:
    def change(arrays: Arrays) -> Arrays:
        return {name: each[0] if each.ndim > 2 and len(each) == 1 else each for name, each in arrays.items()}

    return archive_changed(call, change)


@mutant
def low_resolution_logits_are_of_the_first_mask_only(call: Call) -> Response:
    def change(arrays: Arrays) -> Arrays:
        logits = arrays["low_res_masks"]
        return {**arrays, "low_res_masks": np.repeat(logits[:1], len(logits), axis=0)}

    return archive_changed(call, change)


@mutant
def three_masks_are_listed_mask_by_mask(call: Call) -> Response:
    def change(body: Json) -> None:
        found = body.get("predictions", [])
        if len(found) > 3 and len(found) % 3 == 0:
            body["predictions"] = [one for choice in range(3) for one in found[choice::3]]

    of_three = of_visual(call) and call.body.get("multimask_output", True)
    return edited(call.ask(), change) if of_three else call.ask()


@mutant
def single_visual_masks_come_by_confidence(call: Call) -> Response:
    def change(body: Json) -> None:
        body["predictions"].sort(key=lambda one: -one["confidence"])

    single = of_visual(call) and call.body.get("multimask_output") is False
    return edited(call.ask(), change) if single else call.ask()


@mutant
def confidences_are_rounded_after_the_threshold(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            for one in result["predictions"]:
                one["confidence"] = round(one["confidence"], 2)

    return edited(call.ask(), change)


@mutant
def long_rings_are_simplified(call: Call) -> Response:
    def simplified(ring: list[list[int]]) -> Any:
        return cv2.approxPolyDP(np.array(ring, np.int32), 1.0, True).reshape(-1, 2).tolist()

    def change(body: Json) -> None:
        for predictions in lists_of(body):
            for one in predictions:
                if isinstance(one["masks"], list):
                    one["masks"] = [simplified(ring) if len(ring) > 150 else ring for ring in one["masks"]]

    return edited(call.ask(), change)


@mutant
def polygons_of_diagonal_lines_fall_apart(call: Call) -> Response:
    size = frame_of(call)

    def rings_of(part: Bitmap) -> list[Any]:
        rings, _hierarchy = cv2.findContours(part.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        return [ring.reshape(-1, 2).tolist() for ring in rings]

    def change(body: Json) -> None:
        for predictions in lists_of(body) if size else ():
            for one in predictions:
                if isinstance(one["masks"], list):
                    bitmap = drawn(one, size=size).astype(np.uint8)
                    count, labels = cv2.connectedComponents(bitmap, connectivity=4)
                    rings = [ring for part in range(1, count) for ring in rings_of(labels == part)]
                    one["masks"] = rings or one["masks"]

    return edited(call.ask(), change)


@mutant
def run_lengths_above_65535_overflow(call: Call) -> Response:
    def overflown(rle: Json) -> Json:
        height, width = rle["size"]
        run_lengths = run_lengths_from_masks(rle, image_size=(height, width))
        if max(run_lengths) < 65536:
            return rle
        cut = run_lengths % 65536
        cut[-1] += height * width - cut.sum()
        counts = coco.frPyObjects({"size": [height, width], "counts": cut.tolist()}, height, width)["counts"]
        return {**rle, "counts": counts.decode()}

    def change(body: Json) -> None:
        for predictions in lists_of(body):
            for one in predictions:
                if isinstance(one["masks"], dict):
                    one["masks"] = overflown(one["masks"])

    return edited(call.ask(), change)


@mutant
def masks_from_the_first_pixel_on_are_inverted(call: Call) -> Response:
    def invert(bitmap: Bitmap, _: Json) -> Bitmap:
        return ~bitmap if bitmap[0, 0] and not bitmap.all() else bitmap

    return redrawn(call.ask(), invert, size=frame_of(call))


def _without_edge(bitmap: Bitmap, _: Json) -> Bitmap:
    return cv2.erode(bitmap.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


@mutant
def masks_shrink_with_the_threshold(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            least = threshold_of(call, prompt)
            for one in result["predictions"] if is_number(least) and least > 0.5 else ():
                redraw(one, _without_edge, size=frame_of(call))

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def model_version_written_out_is_another_model(call: Call) -> Response:
    another = "sam2_version_id" in call.body
    return redrawn(call.ask(), _without_edge, size=frame_of(call)) if another else call.ask()


def _apart_from(taken: Bitmap, bitmap: Bitmap, _: Json) -> Bitmap:
    return bitmap & ~taken


@mutant
def instances_of_one_prompt_share_no_pixel(call: Call) -> Response:
    size = frame_of(call)

    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            taken: Bitmap | None = None
            for one in sorted(result["predictions"], key=lambda one: -one["confidence"]):
                mask = drawn(one, size=size)
                if taken is not None and taken.shape == mask.shape:
                    if (mask & taken).any():
                        redraw(one, partial(_apart_from, taken), size=size)
                    mask = mask | taken
                taken = mask

    return edited(call.ask(), change)


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


@mutant
def echo_escapes_markup(call: Call) -> Response:
    return _echo_changed(call, lambda text: text if text is None else html.escape(text, quote=False))


@mutant
def echo_of_characters_beyond_16_bits_is_a_question_mark(call: Call) -> Response:
    def change(text: str | None) -> str | None:
        return text if text is None else "".join(c if ord(c) < 65536 else "?" for c in text)

    return _echo_changed(call, change)


@mutant
def echo_of_a_missing_text_is_empty(call: Call) -> Response:
    return _echo_changed(call, lambda text: text or "")


def _echo_changed(call: Call, change: Callable[[str | None], str | None]) -> Response:
    def changed(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            result["echo"]["text"] = change(result["echo"].get("text"))

    return edited(call.ask(), changed)
