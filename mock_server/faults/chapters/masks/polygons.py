"""Polygons that are written wrongly."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
import orjson

from mock_server.faults.editing.bitmaps import (
    Size,
    bitmap_from_run_lengths,
    placed_rings,
    run_lengths_asked,
)
from mock_server.faults.editing.changes import (
    calls,
    is_json_answer,
    predictions_of,
    rewritten,
    rings,
)
from mock_server.faults.editing.pixels import A_HOLE, SEVERAL_PARTS
from mock_server.faults.fault import Ask, Call, Chapter, Json, Parameter
from mock_server.faults.parameters import number
from mock_server.operations.backend import Answer

POLYGONS: Final = Chapter("mask")

TRACED: Final = "a request for polygons"


@POLYGONS.fault(
    "coordinates_outside_by_one",
    "Polygons are stretched to the image's edges: x runs from 0 to the width instead of the width less 1, y likewise.",
    on=placed_rings,
    when=TRACED,
)
def _outside_by_one(masks: list[Any], size: Size) -> list[Any]:
    height, width = size
    return [
        [[round(x * width / max(width - 1, 1)), round(y * height / max(height - 1, 1))] for x, y in ring]
        for ring in masks
    ]


@POLYGONS.fault("coordinates_from_one", "Polygons count pixels from 1.", on=rings, when=TRACED)
def _from_one(masks: list[Any], _: Call) -> list[Any]:
    return [[[x + 1, y + 1] for x, y in ring] for ring in masks]


@POLYGONS.fault("coordinates_as_floats", "Polygons hold pixel centres such as 3.5.", on=rings, when=TRACED)
def _as_floats(masks: list[Any], _: Call) -> list[Any]:
    return [[[x + 0.5, y + 0.5] for x, y in ring] for ring in masks]


@POLYGONS.fault(
    "coordinates_normalised", "Polygons hold fractions of the image from 0 to 1.", on=placed_rings, when=TRACED
)
def _normalised(masks: list[Any], size: Size) -> list[Any]:
    height, width = size
    return [[[x / width, y / height] for x, y in ring] for ring in masks]


@POLYGONS.fault("coordinates_swapped", "Polygons hold [y, x].", on=rings, when=TRACED)
def _swapped(masks: list[Any], _: Call) -> list[Any]:
    return [[[y, x] for x, y in ring] for ring in masks]


@POLYGONS.fault("points_flat", "Rings are flat lists [x, y, x, y, ...], as in COCO's files.", on=rings, when=TRACED)
def _flat(masks: list[Any], _: Call) -> list[Any]:
    return [[coordinate for point in ring for coordinate in point] for ring in masks]


@POLYGONS.fault("points_as_objects", 'Points are objects {"x": ..., "y": ...}.', on=rings, when=TRACED)
def _as_objects(masks: list[Any], _: Call) -> list[Any]:
    return [[{"x": x, "y": y} for x, y in ring] for ring in masks]


@POLYGONS.fault("rings_closed", "Rings repeat their first point at the end.", on=rings, when=TRACED)
def _closed(masks: list[Any], _: Call) -> list[Any]:
    return [[*ring, *ring[:1]] for ring in masks]


@POLYGONS.fault("polygons_nested_too_deep", "Polygons have one level of lists too many.", on=rings, when=TRACED)
def _too_deep(masks: list[Any], _: Call) -> list[Any]:
    return [masks]


@POLYGONS.fault(
    "polygons_not_nested", "`masks` is the first part's ring instead of a list of rings.", on=rings, when=TRACED
)
def _not_nested(masks: list[Any], _: Call) -> Any:
    return masks[0]


@POLYGONS.fault(
    "empty_mask_as_empty_list",
    "A mask without pixels is [] instead of [[]].",
    on=rings,
    when=f"{TRACED}, and an empty mask, such as specimen:empty",
)
def _empty_list(masks: list[Any], _: Call) -> list[Any]:
    return [] if masks == [[]] else masks


@POLYGONS.fault(
    "first_part_only", "Polygons hold only the first part of a mask.", on=rings, when=f"{TRACED}, and {SEVERAL_PARTS}"
)
def _first_part(masks: list[Any], _: Call) -> list[Any]:
    return masks[:1]


@POLYGONS.fault(
    "polygons_simplified",
    "Polygons leave the mask's contour by a few pixels to have fewer points.",
    on=rings,
    when=TRACED,
    parameter=Parameter("largest distance from the contour, in pixels from 0.5 to 100", "3", number(0.5, 100)),
)
def _simplified(masks: list[Any], call: Call) -> list[Any]:
    return [
        cv2.approxPolyDP(np.array(ring, np.int32), call.value, closed=True).reshape(-1, 2).tolist() if ring else ring
        for ring in masks
    ]


def _traced(masks: Json, *, mode: int, method: int) -> list[Any]:
    contours, _ = cv2.findContours(bitmap_from_run_lengths(masks).astype(np.uint8), mode, method)
    return [contour.reshape(-1, 2).tolist() for contour in contours] or [[]]


def _retraced(call: Call, ask: Ask, *, mode: int, method: int) -> Answer:
    answer = ask(call.body)
    if not is_json_answer(answer):
        return answer
    value = orjson.loads(answer.body)
    traced = [one for one in predictions_of(value) if one["format"] == "polygon"]
    if traced:
        for prediction, masks in zip(traced, run_lengths_asked(call.body, ask), strict=True):
            prediction["masks"] = _traced(masks, mode=mode, method=method)
    return rewritten(answer, value)


@POLYGONS.fault("holes_as_rings", "Polygons list holes as further rings.", on=calls, when=f"{TRACED}, and {A_HOLE}")
def _holes_as_rings(call: Call, ask: Ask) -> Answer:
    return _retraced(call, ask, mode=cv2.RETR_CCOMP, method=cv2.CHAIN_APPROX_SIMPLE)


@POLYGONS.fault(
    "every_contour_point", "Polygons list every pixel of the contour, also on straight lines.", on=calls, when=TRACED
)
def _every_point(call: Call, ask: Ask) -> Answer:
    return _retraced(call, ask, mode=cv2.RETR_EXTERNAL, method=cv2.CHAIN_APPROX_NONE)
