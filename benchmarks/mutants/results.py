"""Results that are spoilt on their way out, but only some of them."""

from __future__ import annotations

import json

import cv2
import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.images import frame_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, edited, lists_of, redraw, redrawn

mutant = Kind()
MUTANTS = mutant.mutants


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
        return bitmap.any(axis=1)[:, None] & bitmap.any(axis=0)[None, :]

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
