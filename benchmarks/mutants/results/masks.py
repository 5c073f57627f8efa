"""Masks that lose, gain or share pixels."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.answers import shrunk
from benchmarks.mutants.asked import of_visual
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, drawn, edited, redraw, redrawn

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def visual_masks_keep_their_largest_part_only(call: Call) -> Response:
    def keep(bitmap: Bitmap, _: Json) -> Bitmap:
        count, labels, stats, _centres = cv2.connectedComponentsWithStats(bitmap.view(np.uint8), connectivity=8)
        return bitmap if count < 3 else labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))

    return redrawn(call.ask(), keep, size=None) if of_visual(call) else call.ask()


def _cleaned(bitmap: Bitmap, *, least: int, connectivity: int) -> Bitmap:
    """Take away the parts of a mask that are smaller than that, unless it is one part alone."""
    count, labels, stats, _centres = cv2.connectedComponentsWithStats(
        np.ascontiguousarray(bitmap).view(np.uint8), connectivity=connectivity
    )
    small = [part for part in range(1, count) if stats[part, cv2.CC_STAT_AREA] < least]
    return bitmap & ~np.isin(labels, small) if count > 2 else bitmap


@mutant
def small_parts_of_visual_masks_are_removed(call: Call) -> Response:
    if not of_visual(call):
        return call.ask()
    return redrawn(call.ask(), lambda bitmap, _: _cleaned(bitmap, least=60, connectivity=8), size=frame_of(call))


@mutant
def small_holes_are_filled(call: Call) -> Response:
    return redrawn(call.ask(), lambda bitmap, _: ~_cleaned(~bitmap, least=60, connectivity=4), size=frame_of(call))


@mutant
def holes_are_filled_in_visual_run_lengths(call: Call) -> Response:
    def fill(bitmap: Bitmap, _: Json) -> Bitmap:
        contours, _hierarchy = cv2.findContours(bitmap.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        filled = np.zeros(bitmap.shape, np.uint8)
        cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
        return filled.astype(bool)

    return redrawn(call.ask(), fill, size=None) if of_visual(call) else call.ask()


@mutant
def single_masks_are_eroded(call: Call) -> Response:
    alone = call.body.get("multimask_output") is False
    return redrawn(call.ask(), shrunk(3), size=frame_of(call)) if alone else call.ask()


@mutant
def masks_that_fill_the_image_are_empty(call: Call) -> Response:
    return redrawn(call.ask(), lambda bitmap, _: bitmap & (not bitmap.all()), size=frame_of(call))


@mutant
def masks_from_the_first_pixel_on_are_inverted(call: Call) -> Response:
    def invert(bitmap: Bitmap, _: Json) -> Bitmap:
        return ~bitmap if bitmap[0, 0] and not bitmap.all() else bitmap

    return redrawn(call.ask(), invert, size=frame_of(call))


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
