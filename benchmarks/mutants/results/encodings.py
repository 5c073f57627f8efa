"""Masks that are written wrongly as polygons, run lengths or archives."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco
from werkzeug.wrappers import Response

from benchmarks.mutants.answers import (
    Arrays,
    Rings,
    archive_changed,
    polygons_changed,
    rings_changed,
    run_lengths_changed,
)
from benchmarks.mutants.asked import of_visual, prompts_of
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, drawn, edited, lists_of, redraw
from sam3_contract.masks import run_lengths_from_masks

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def thin_masks_vanish_as_polygons(call: Call) -> Response:
    return polygons_changed(call.ask(), lambda rings: [ring for ring in rings if len(ring) > 2] or [[]])


@mutant
def single_pixels_are_squares_as_polygons(call: Call) -> Response:
    def squared(ring: Rings) -> Rings:
        if len(ring) != 1:
            return ring
        x, y = ring[0]
        return [[x, y], [x, y + 1], [x + 1, y + 1], [x + 1, y]]

    return rings_changed(call.ask(), squared)


@mutant
def rings_are_closed_where_they_are_long(call: Call) -> Response:
    return rings_changed(call.ask(), lambda ring: [*ring, ring[0]] if len(ring) > 20 else ring)


@mutant
def polygons_of_several_rings_are_closed(call: Call) -> Response:
    def closed(rings: Rings) -> Rings:
        return [[*ring, ring[0]] for ring in rings if ring] if len(rings) > 1 else rings

    return polygons_changed(call.ask(), closed)


@mutant
def rings_end_after_a_hundred_points(call: Call) -> Response:
    return rings_changed(call.ask(), lambda ring: ring[:100])


@mutant
def long_rings_are_simplified(call: Call) -> Response:
    def simplified(ring: Rings) -> Rings:
        points = np.array(ring, np.int32)
        return cv2.approxPolyDP(points, 1.0, True).reshape(-1, 2).tolist() if len(ring) > 150 else ring

    return rings_changed(call.ask(), simplified)


@mutant
def contours_of_more_than_eighty_points_are_simplified(call: Call) -> Response:
    def simplified(ring: Rings) -> Rings:
        points = np.array(ring, np.int32)
        return cv2.approxPolyDP(points, 1.5, True)[:, 0].tolist() if len(ring) > 80 else ring

    return rings_changed(call.ask(), simplified)


@mutant
def polygons_have_two_parts_at_most(call: Call) -> Response:
    return polygons_changed(call.ask(), lambda rings: rings[:2])


@mutant
def several_rings_are_joined_into_one(call: Call) -> Response:
    return polygons_changed(call.ask(), lambda rings: [[point for ring in rings for point in ring]])


@mutant
def rings_come_largest_first(call: Call) -> Response:
    def area(ring: Rings) -> float:
        return cv2.contourArea(np.array(ring, np.int32)) if len(ring) > 2 else 0

    return polygons_changed(call.ask(), lambda rings: sorted(rings, key=area, reverse=True))


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
def holes_are_parts_of_visual_polygons(call: Call) -> Response:
    response = call.ask()
    if not of_visual(call) or response.status_code != 200 or call.body.get("format", "json") != "json":
        return response
    found = json.loads(call.ask(format="rle").get_data())["predictions"]
    holes: list[list[Any]] = []

    def collect(bitmap: Bitmap, _: Json) -> Bitmap:
        contours, hierarchy = cv2.findContours(bitmap.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        parents = hierarchy[0][:, 3] if len(contours) else []
        holes.append(
            [ring.reshape(-1, 2).tolist() for ring, parent in zip(contours, parents, strict=True) if parent >= 0]
        )
        return bitmap

    for one in found:
        redraw(one, collect, size=None)

    def change(body: Json) -> None:
        for one, rings in zip(body["predictions"], holes, strict=True):
            one["masks"] += rings

    return edited(response, change)


def _polygons_redrawn(call: Call, change: Callable[[Bitmap, Json], Bitmap]) -> Response:
    """Change each mask that is given as polygons."""

    def each(body: Json) -> None:
        for predictions in lists_of(body):
            for one in predictions:
                if isinstance(one["masks"], list):
                    redraw(one, change, size=frame_of(call))

    return edited(call.ask(), each)


@mutant
def contours_of_visual_masks_stop_a_pixel_before_the_border(call: Call) -> Response:
    # As OpenCV's did up to version 3.1, which took the border for background.
    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        changed = np.zeros_like(bitmap)
        changed[1:-1, 1:-1] = bitmap[1:-1, 1:-1]
        return changed

    return _polygons_redrawn(call, cut) if of_visual(call) else call.ask()


@mutant
def third_mask_of_a_box_is_a_pixel_off_as_polygons(call: Call) -> Response:
    frame = frame_of(call)

    def change(body: Json) -> None:
        found = body.get("predictions", [])
        each_has_three = len(found) == 3 * len(call.prompts)
        for one, prompt in zip(found[2::3], call.prompts if each_has_three else (), strict=False):
            if isinstance(one["masks"], list) and frame and prompt.get("box"):
                one["masks"] = [[[min(x + 1, frame[1] - 1), y] for x, y in ring] for ring in one["masks"]]

    return edited(call.ask(), change) if of_visual(call) else call.ask()


@mutant
def counts_of_long_run_lengths_are_cut(call: Call) -> Response:
    return run_lengths_changed(call.ask(), lambda rle: {**rle, "counts": rle["counts"][:700]})


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

    return run_lengths_changed(call.ask(), overflown)


def _with_doubled_backslashes(rle: Json) -> Json:
    return {**rle, "counts": rle["counts"].replace("\\", "\\\\")}


@mutant
def backslashes_in_run_lengths_are_doubled(call: Call) -> Response:
    return run_lengths_changed(call.ask(), _with_doubled_backslashes) if of_visual(call) else call.ask()


@mutant
def backslashes_in_run_lengths_of_a_known_image_are_doubled(call: Call) -> Response:
    # What is kept with an image is written as JSON once more than it is read.
    response = call.ask()
    name = call.body.get("image_id")
    if not of_visual(call) or not isinstance(name, str) or response.status_code != 200:
        return response
    known = ("known", name) in call.state.kept
    call.state.kept["known", name] = True
    return run_lengths_changed(response, _with_doubled_backslashes) if known else response


@mutant
def archive_of_a_single_mask_is_squeezed(call: Call) -> Response:
    def change(arrays: Arrays) -> Arrays:
        return {name: each[0] if each.ndim > 2 and len(each) == 1 else each for name, each in arrays.items()}

    return archive_changed(call, change)


@mutant
def binary_of_a_single_mask_is_of_booleans(call: Call) -> Response:
    # 0 and 1 are both at least 0, so that a client which reads logits finds the mask everywhere.
    def change(arrays: Arrays) -> Arrays:
        return {**arrays, "masks": arrays["masks"] >= 0} if len(arrays["masks"]) == 1 else arrays

    return archive_changed(call, change)


@mutant
def archives_of_single_masks_hold_probabilities(call: Call) -> Response:
    def change(arrays: Arrays) -> Arrays:
        return {**arrays, "masks": (1 / (1 + np.exp(-arrays["masks"]))).astype(np.float32)}

    return archive_changed(call, change) if call.body.get("multimask_output") is False else call.ask()


@mutant
def archives_beside_an_image_id_are_of_16_bits(call: Call) -> Response:
    """Less still: whether a logit is positive is all that is left of it."""

    def change(arrays: Arrays) -> Arrays:
        return {name: (array >= 0).astype(np.uint8) for name, array in arrays.items()}

    return archive_changed(call, change) if call.body.get("image_id") else call.ask()


@mutant
def low_resolution_logits_are_of_the_first_mask_only(call: Call) -> Response:
    def change(arrays: Arrays) -> Arrays:
        logits = arrays["low_res_masks"]
        return {**arrays, "low_res_masks": np.repeat(logits[:1], len(logits), axis=0)}

    return archive_changed(call, change)


@mutant
def binary_masks_of_several_prompts_are_those_of_the_first(call: Call) -> Response:
    def change(arrays: Arrays) -> Arrays:
        each = len(arrays["masks"]) // max(len(call.prompts), 1)
        return {name: planes[:each] for name, planes in arrays.items()}

    return archive_changed(call, change)


@mutant
def archives_for_several_prompts_hold_the_first_only(call: Call) -> Response:
    # Also of those in a nested list.
    count = max(len(prompts_of(call.body)), 1)

    def change(arrays: Arrays) -> Arrays:
        return {name: planes[: len(planes) // count] for name, planes in arrays.items()}

    return archive_changed(call, change)


@mutant
def binary_masks_are_those_of_the_first_prompt(call: Call) -> Response:
    several = of_visual(call) and call.body.get("format") == "binary" and len(call.prompts) > 1
    return call.ask(prompts=call.prompts[:1]) if several else call.ask()
