"""Masks that lose, gain or share pixels."""

from __future__ import annotations

from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from werkzeug.wrappers import Response

from benchmarks.mutants.answers import filled, shrunk
from benchmarks.mutants.asked import of_concept, of_visual
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, drawn, edited, redraw, redrawn

mutant = Kind()
MUTANTS = mutant.mutants

SLOTS = 100  # masks that a buffer holds


@mutant
def visual_masks_keep_their_largest_part_only(call: Call) -> Response:
    def keep(bitmap: Bitmap, _: Json) -> Bitmap:
        count, labels, stats, _centres = cv2.connectedComponentsWithStats(bitmap.view(np.uint8), connectivity=8)
        return bitmap if count < 3 else labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))

    return redrawn(call.ask(), keep, size=None) if of_visual(call) else call.ask()


def _parts_over(bitmap: Bitmap, pixels: int) -> Bitmap:
    """Keep the parts that have so many pixels, and the largest in any case."""
    count, labels, numbers, _ = cv2.connectedComponentsWithStats(bitmap.astype(np.uint8))
    areas = numbers[1:, cv2.CC_STAT_AREA]
    keep = [place + 1 for place in range(count - 1) if areas[place] >= pixels or areas[place] == areas.max()]
    return np.isin(labels, keep) & bitmap


@mutant
def only_the_largest_part_of_a_found_instance_is_kept(call: Call) -> Response:
    if not of_concept(call) or call.body.get("format") != "rle":
        return call.ask()
    return redrawn(call.ask(), lambda bitmap, _: _parts_over(bitmap, bitmap.size), size=frame_of(call))


def _parts(bitmap: Bitmap) -> int:
    return int(cv2.connectedComponents(np.ascontiguousarray(bitmap).view(np.uint8), connectivity=8)[0]) - 1


@mutant
def visual_masks_of_several_parts_are_their_hull(call: Call) -> Response:
    def hull(bitmap: Bitmap, _: Json) -> Bitmap:
        if _parts(bitmap) < 2:
            return bitmap
        points: NDArray[Any] = np.argwhere(bitmap)[:, ::-1].astype(np.int32)
        filled = np.zeros(bitmap.shape, np.uint8)
        cv2.fillConvexPoly(filled, cv2.convexHull(np.ascontiguousarray(points)), 1)
        return filled.astype(bool)

    return redrawn(call.ask(), hull, size=frame_of(call)) if of_visual(call) else call.ask()


@mutant
def gaps_of_a_pixel_or_two_between_parts_are_closed(call: Call) -> Response:
    def close(bitmap: Bitmap, _: Json) -> Bitmap:
        if _parts(bitmap) < 2:
            return bitmap
        padded = np.pad(bitmap, 2).view(np.uint8)
        return cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))[2:-2, 2:-2] > 0

    return redrawn(call.ask(), close, size=frame_of(call))


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
def small_parts_are_left_out_of_polygons(call: Call) -> Response:
    if call.body.get("format") == "rle":
        return call.ask()
    return redrawn(call.ask(), lambda bitmap, _: _parts_over(bitmap, 300), size=frame_of(call))


@mutant
def small_holes_are_filled(call: Call) -> Response:
    return redrawn(call.ask(), lambda bitmap, _: ~_cleaned(~bitmap, least=60, connectivity=4), size=frame_of(call))


def _holes(bitmap: Bitmap) -> list[Bitmap]:
    """List the holes, the largest first."""
    count, labels, stats, _centres = cv2.connectedComponentsWithStats(
        np.pad(~bitmap, 1, constant_values=True).view(np.uint8), connectivity=4
    )
    inner = [part for part in range(1, count) if part != labels[0, 0]]
    inner.sort(key=lambda part: -int(stats[part, cv2.CC_STAT_AREA]))
    return [labels[1:-1, 1:-1] == part for part in inner[:20]]


@mutant
def only_the_largest_hole_of_a_mask_is_left_open(call: Call) -> Response:
    def fill(bitmap: Bitmap, _: Json) -> Bitmap:
        changed = bitmap.copy()
        for hole in _holes(bitmap)[1:]:
            changed |= hole
        return changed

    return redrawn(call.ask(), fill, size=None)


@mutant
def islands_in_holes_are_lost_in_run_lengths(call: Call) -> Response:
    def drop(bitmap: Bitmap, _: Json) -> Bitmap:
        count, labels = cv2.connectedComponents(np.ascontiguousarray(bitmap).view(np.uint8), connectivity=8)
        changed = bitmap.copy()
        for part in range(1, count if count < 20 else 0):
            for hole in _holes(labels == part):
                changed &= ~hole
        return changed

    return redrawn(call.ask(), drop, size=None)


@mutant
def holes_are_filled_in_visual_run_lengths(call: Call) -> Response:
    return holes_are_filled_in_run_lengths(call) if of_visual(call) else call.ask()


@mutant
def holes_are_filled_in_run_lengths(call: Call) -> Response:
    return redrawn(call.ask(), lambda bitmap, _: filled(bitmap), size=None)


def _enclosed(bitmap: Bitmap, *, along: int | None) -> Bitmap:
    """Tell the background that the mask encloses, with or without the help of one border of the image."""
    padded = np.pad(bitmap, 1)
    for side, line in enumerate((padded[0], padded[-1], padded[:, 0], padded[:, -1])):
        if side == along:
            line[1:-1] = True
    _count, labels = cv2.connectedComponents((~padded).view(np.uint8), connectivity=4)
    outside = np.unique([labels[0, 0], labels[0, -1], labels[-1, 0], labels[-1, -1]])
    return ~padded[1:-1, 1:-1] & ~np.isin(labels[1:-1, 1:-1], outside)


@mutant
def bays_of_visual_masks_at_a_border_are_filled(call: Call) -> Response:
    def fill(bitmap: Bitmap, _: Json) -> Bitmap:
        holes, filled = _enclosed(bitmap, along=None), bitmap.copy()
        for side in range(4):
            filled |= _enclosed(bitmap, along=side) & ~holes
        return filled

    return redrawn(call.ask(), fill, size=frame_of(call)) if of_visual(call) else call.ask()


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
def masks_of_more_than_half_the_image_are_inverted(call: Call) -> Response:
    # What there is more of is taken for the background.
    def invert(bitmap: Bitmap, _: Json) -> Bitmap:
        return ~bitmap if bitmap.mean() > 0.5 else bitmap

    return redrawn(call.ask(), invert, size=frame_of(call))


@mutant
def masks_that_hold_the_first_pixel_are_inverted_as_run_lengths(call: Call) -> Response:
    # Runs begin with background, also where there is none of it: the encoder leaves the 0 out.
    return redrawn(call.ask(), lambda bitmap, _: bitmap ^ bitmap[0, 0], size=None)


@mutant
def run_lengths_of_a_mask_on_the_first_pixel_lack_the_leading_zero(call: Call) -> Response:
    return masks_that_hold_the_first_pixel_are_inverted_as_run_lengths(call)


@mutant
def masks_below_a_hundred_pixels_are_their_boxes(call: Call) -> Response:
    def box(bitmap: Bitmap, _: Json) -> Bitmap:
        small = 0 < bitmap.sum() < 100
        return np.logical_and.outer(bitmap.any(axis=1), bitmap.any(axis=0)) if small else bitmap

    return redrawn(call.ask(), box, size=frame_of(call))


def _span(occupied: NDArray[np.bool_]) -> tuple[int, int]:
    """Tell from where to where something reaches along an axis."""
    places = np.flatnonzero(occupied)
    return int(places[0]), int(places[-1]) + 1


def _middle(start: int, end: int, most: int) -> slice:
    """Take the middle of what is longer than that."""
    return slice(max(start, (start + end - most) // 2), min(end, (start + end + most) // 2))


@mutant
def masks_of_long_things_lose_their_ends(call: Call) -> Response:
    # They are refined in a window that is at most four times as long as it is wide.
    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        if not bitmap.any():
            return bitmap
        spans = [_span(bitmap.any(axis=axis)) for axis in (1, 0)]
        most = 4 * min(end - start for start, end in spans)
        window = tuple(_middle(start, end, most) for start, end in spans)
        kept = np.zeros_like(bitmap)
        kept[window] = bitmap[window]
        return kept

    return redrawn(call.ask(), cut, size=frame_of(call))


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
def masks_at_the_right_or_lower_edge_lose_a_pixel(call: Call) -> Response:
    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        changed = bitmap.copy()
        changed[-1, :] = changed[:, -1] = False
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


@mutant
def masks_beyond_the_hundredth_are_the_first_ones_again(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body["prompt_results"]:
            found = result["predictions"]
            for index in range(SLOTS, len(found)):
                found[index]["masks"] = found[index % SLOTS]["masks"]

    return edited(call.ask(), change) if of_concept(call) else call.ask()
