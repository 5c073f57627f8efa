"""Masks that are written wrongly as polygons, run lengths or archives."""

from __future__ import annotations

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
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, drawn, edited, lists_of
from sam3_contract.masks import run_lengths_from_masks

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def thin_masks_vanish_as_polygons(call: Call) -> Response:
    return polygons_changed(call.ask(), lambda rings: [ring for ring in rings if len(ring) > 2] or [[]])


@mutant
def rings_are_closed_where_they_are_long(call: Call) -> Response:
    return rings_changed(call.ask(), lambda ring: [*ring, ring[0]] if len(ring) > 20 else ring)


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
def polygons_have_two_parts_at_most(call: Call) -> Response:
    return polygons_changed(call.ask(), lambda rings: rings[:2])


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


@mutant
def archive_of_a_single_mask_is_squeezed(call: Call) -> Response:
    def change(arrays: Arrays) -> Arrays:
        return {name: each[0] if each.ndim > 2 and len(each) == 1 else each for name, each in arrays.items()}

    return archive_changed(call, change)


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
