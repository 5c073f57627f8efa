"""Frames, and parts of frames, in which masks and coordinates go wrong."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from werkzeug.wrappers import Response

from benchmarks.mutants.answers import Rings, archive_changed, rings_changed
from benchmarks.mutants.asked import clicks_changed, is_number, of_concept, of_visual, with_prompts
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, redrawn
from sam3_contract.masks import rle_from_bitmap

mutant = Kind()
MUTANTS = mutant.mutants

SIDE = 1008  # pixels of the square that the model looks at
TILE = 512  # pixels of the side of what is looked at by itself


@mutant
def masks_move_where_the_width_is_no_multiple_of_8(call: Call) -> Response:
    def move(bitmap: Bitmap, _: Json) -> Bitmap:
        return np.roll(bitmap, 2, axis=1) if bitmap.shape[1] % 8 else bitmap

    return redrawn(call.ask(), move, size=frame_of(call))


@mutant
def masks_of_odd_heights_miss_their_last_row(call: Call) -> Response:
    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        changed = bitmap.copy()
        if bitmap.shape[0] % 2 and bitmap.any():
            changed[np.flatnonzero(bitmap.any(axis=1))[-1]] = False
        return changed

    return redrawn(call.ask(), cut, size=frame_of(call))


@mutant
def masks_of_narrow_images_are_off_by_one(call: Call) -> Response:
    def move(bitmap: Bitmap, _: Json) -> Bitmap:
        return np.roll(bitmap, 1, axis=1) if bitmap.shape[1] < 48 else bitmap

    return redrawn(call.ask(), move, size=frame_of(call))


@mutant
def masks_of_square_images_are_transposed(call: Call) -> Response:
    def turn(bitmap: Bitmap, _: Json) -> Bitmap:
        return bitmap.T if bitmap.shape[0] == bitmap.shape[1] else bitmap

    return redrawn(call.ask(), turn, size=frame_of(call))


@mutant
def masks_of_tall_images_keep_some_padding(call: Call) -> Response:
    def move(bitmap: Bitmap, _: Json) -> Bitmap:
        height, width = bitmap.shape
        return np.roll(bitmap, height // 40, axis=0) if height > 2 * width else bitmap

    return redrawn(call.ask(), move, size=frame_of(call))


@mutant
def masks_of_images_over_twice_as_wide_as_high_keep_the_letterbox_shift(call: Call) -> Response:
    frame = frame_of(call)
    if frame is None or frame[1] <= 2 * frame[0]:
        return call.ask()
    shift = max(frame[0] // 20, 1)

    def move(bitmap: Bitmap, _: Json) -> Bitmap:
        return np.pad(bitmap[:-shift], ((shift, 0), (0, 0)))

    return redrawn(call.ask(), move, size=frame)


@mutant
def portrait_masks_are_squeezed(call: Call) -> Response:
    def squeeze(bitmap: Bitmap, _: Json) -> Bitmap:
        height, width = bitmap.shape
        if height <= width:
            return bitmap
        matrix = np.array([[1, 0, 0], [0, 0.96, 0]], float)
        return cv2.warpAffine(bitmap.view(np.uint8), matrix, (width, height), flags=cv2.INTER_NEAREST).astype(bool)

    return redrawn(call.ask(), squeeze, size=frame_of(call))


@mutant
def run_lengths_of_portraits_go_along_the_rows(call: Call) -> Response:
    def change(bitmap: Bitmap, prediction: Json) -> Bitmap:
        height, width = bitmap.shape
        if height > width:
            counts = rle_from_bitmap(np.ascontiguousarray(bitmap.T))["counts"]
            prediction["masks"] = {"size": [height, width], "counts": counts}
        return bitmap

    return redrawn(call.ask(), change, size=None)


@mutant
def archives_of_portraits_are_upside_down(call: Call) -> Response:
    frame = frame_of(call)

    def change(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {name: each[..., ::-1, :] for name, each in arrays.items()}

    return archive_changed(call, change) if frame and frame[0] > frame[1] else call.ask()


@mutant
def very_wide_images_are_cut_to_a_square(call: Call) -> Response:
    frame = frame_of(call)

    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        changed = bitmap.copy()
        height, width = bitmap.shape
        if width > 2 * height:
            changed[:, : (width - 2 * height) // 2] = False
            changed[:, width - (width - 2 * height) // 2 :] = False
        return changed

    return redrawn(call.ask(), cut, size=frame)


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
def large_images_have_coarse_masks(call: Call) -> Response:
    def coarsen(bitmap: Bitmap, _: Json) -> Bitmap:
        height, width = bitmap.shape
        if height * width < 1_500_000:
            return bitmap
        small = cv2.resize(bitmap.view(np.uint8), (width // 16, height // 16), interpolation=cv2.INTER_NEAREST)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)

    return redrawn(call.ask(), coarsen, size=frame_of(call))


@mutant
def polygons_of_large_images_are_of_half_the_size(call: Call) -> Response:
    size = frame_of(call)
    if not size or size[0] * size[1] <= 1_500_000:
        return call.ask()
    return rings_changed(call.ask(), lambda ring: [[x // 2, y // 2] for x, y in ring])


@mutant
def masks_of_sides_above_2048_are_of_the_picture_made_smaller(call: Call) -> Response:
    frame = frame_of(call)
    if frame is None or max(frame) <= 2048:
        return call.ask()
    width, height = (max(1, side * 2048 // max(frame)) for side in frame[::-1])

    def shrink(bitmap: Bitmap, _: Json) -> Bitmap:
        return cv2.resize(bitmap.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)

    return redrawn(call.ask(), shrink, size=frame)


@mutant
def masks_of_more_than_two_megapixels_stay_in_the_reduced_frame(call: Call) -> Response:
    frame = frame_of(call)
    if frame is None or frame[0] * frame[1] <= 2_000_000:
        return call.ask()
    factor = (2_000_000 / (frame[0] * frame[1])) ** 0.5
    width, height = (max(1, int(side * factor)) for side in frame[::-1])

    def shrink(bitmap: Bitmap, _: Json) -> Bitmap:
        return cv2.resize(bitmap.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)

    return redrawn(call.ask(), shrink, size=frame)


@mutant
def coordinates_of_rings_above_a_thousand_pixels_are_fractions(call: Call) -> Response:
    def change(ring: Rings) -> Rings:
        return [[float(x), float(y)] for x, y in ring] if any(max(point) >= 1000 for point in ring) else ring

    return rings_changed(call.ask(), change)


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


@mutant
def nothing_lies_beyond_the_frame_of_the_model(call: Call) -> Response:
    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        changed = bitmap.copy()
        changed[SIDE:] = False
        changed[:, SIDE:] = False
        return changed

    return redrawn(call.ask(), cut, size=frame_of(call))


@mutant
def masks_have_a_seam_between_tiles(call: Call) -> Response:
    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        changed = bitmap.copy()
        changed[TILE::TILE] = False
        changed[:, TILE::TILE] = False
        return changed

    return redrawn(call.ask(), cut, size=frame_of(call))


@mutant
def masks_have_a_gap_at_the_512th_column(call: Call) -> Response:
    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        changed = bitmap.copy()
        changed[:, 511:513] = False
        return changed

    return redrawn(call.ask(), cut, size=frame_of(call))


@mutant
def visual_masks_right_of_the_middle_are_off_by_one(call: Call) -> Response:
    """Two tiles that are put together wrongly."""

    def move(bitmap: Bitmap, _: Json) -> Bitmap:
        columns = np.flatnonzero(bitmap.any(axis=0))
        return np.roll(bitmap, -1, axis=1) if columns.size and columns[0] > bitmap.shape[1] // 2 else bitmap

    return redrawn(call.ask(), move, size=frame_of(call)) if of_visual(call) else call.ask()
