"""Masks whose pixels are wrong, whatever they are written as."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from mock_server.faults.editing.bitmaps import Bitmap, bitmaps, bitmaps_as_polygons, bitmaps_as_run_lengths
from mock_server.faults.editing.pixels import A_HOLE, NOT_SQUARE, SEVERAL_PARTS, dilated, eroded, resized, shifted
from mock_server.faults.fault import Call, Chapter, Parameter
from mock_server.faults.parameters import whole

PIXELS: Final = Chapter("mask")

MODEL_SIDE: Final = 1008  # pixels of the square that the model sees


def _pixels(default: int) -> Parameter:
    return Parameter("how far, in pixels from 1 to 100", str(default), whole(1, 100))


@PIXELS.fault("masks_inverted", "Masks hold the background instead of the instance.", on=bitmaps)
def _inverted(bitmap: Bitmap, _: Call) -> Bitmap:
    return ~bitmap


@PIXELS.fault("masks_shifted_right", "Masks lie too far to the right.", on=bitmaps, parameter=_pixels(1))
def _shifted_right(bitmap: Bitmap, call: Call) -> Bitmap:
    return shifted(bitmap, right=call.value)


@PIXELS.fault("masks_shifted_down", "Masks lie too far down.", on=bitmaps, parameter=_pixels(1))
def _shifted_down(bitmap: Bitmap, call: Call) -> Bitmap:
    return shifted(bitmap, down=call.value)


@PIXELS.fault("masks_mirrored", "Left and right are exchanged in masks.", on=bitmaps)
def _mirrored(bitmap: Bitmap, _: Call) -> Bitmap:
    return bitmap[:, ::-1]


@PIXELS.fault("masks_upside_down", "Top and bottom are exchanged in masks.", on=bitmaps)
def _upside_down(bitmap: Bitmap, _: Call) -> Bitmap:
    return bitmap[::-1]


@PIXELS.fault("masks_transposed", "Rows and columns of pixels are exchanged; the frame stays.", on=bitmaps)
def _transposed(bitmap: Bitmap, _: Call) -> Bitmap:
    turned = np.zeros_like(bitmap)
    side = min(bitmap.shape)
    turned[:side, :side] = bitmap[:side, :side].T
    return turned


@PIXELS.fault(
    "masks_letterboxed",
    "Masks still have the offset by which the image was padded to the model's square.",
    on=bitmaps,
    when=NOT_SQUARE,
)
def _letterboxed(bitmap: Bitmap, _: Call) -> Bitmap:
    height, width = bitmap.shape
    side = max(height, width)
    return shifted(bitmap, right=(side - width) // 2, down=(side - height) // 2)


@PIXELS.fault(
    "masks_in_model_frame",
    f"Masks are in the model's frame of {MODEL_SIDE} x {MODEL_SIDE} pixels, not scaled back to the image.",
    on=bitmaps,
)
def _in_model_frame(bitmap: Bitmap, _: Call) -> Bitmap:
    return resized(bitmap, height=MODEL_SIDE, width=MODEL_SIDE)


@PIXELS.fault("masks_half_size", "Masks are in a frame of half the image's size.", on=bitmaps)
def _half_size(bitmap: Bitmap, _: Call) -> Bitmap:
    return resized(bitmap, height=max(bitmap.shape[0] // 2, 1), width=max(bitmap.shape[1] // 2, 1))


@PIXELS.fault(
    "masks_of_largest_part", "Of a mask's parts only the largest is answered.", on=bitmaps, when=SEVERAL_PARTS
)
def _largest_part(bitmap: Bitmap, _: Call) -> Bitmap:
    count, labels, statistics, _centers = cv2.connectedComponentsWithStats(bitmap.astype(np.uint8))
    if count < 3:  # the background is one of them
        return bitmap
    largest: Bitmap = labels == 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())
    return largest


@PIXELS.fault("masks_dilated", "Masks are too large all round.", on=bitmaps, parameter=_pixels(3))
def _dilated(bitmap: Bitmap, call: Call) -> Bitmap:
    return dilated(bitmap, call.value)


@PIXELS.fault("masks_eroded", "Masks are too small all round.", on=bitmaps, parameter=_pixels(3))
def _eroded(bitmap: Bitmap, call: Call) -> Bitmap:
    return eroded(bitmap, call.value)


@PIXELS.fault(
    "masks_clipped_short",
    "The image's last row and column are in no mask.",
    on=bitmaps,
    when="a mask that touches the right or the lower border, such as specimen:full-frame",
)
def _clipped_short(bitmap: Bitmap, _: Call) -> Bitmap:
    clipped = bitmap.copy()
    clipped[-1] = clipped[:, -1] = False
    return clipped


@PIXELS.fault("boxes_as_masks", "Masks are the instances' bounding boxes.", on=bitmaps)
def _boxes(bitmap: Bitmap, _: Call) -> Bitmap:
    box = np.zeros_like(bitmap)
    rows, columns = np.flatnonzero(bitmap.any(axis=1)), np.flatnonzero(bitmap.any(axis=0))
    if rows.size:
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return box


@PIXELS.fault("hulls_as_masks", "Masks are the instances' convex hulls.", on=bitmaps, when="a mask that is not convex")
def _hulls(bitmap: Bitmap, _: Call) -> Bitmap:
    rows, columns = np.nonzero(bitmap)
    if not rows.size:
        return bitmap
    hull = cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.int32))
    canvas = bitmap.astype(np.uint8)
    return cv2.fillConvexPoly(canvas, hull, (1,)).astype(np.bool_)


@PIXELS.fault("masks_empty", "No mask has a pixel.", on=bitmaps)
def _empty(bitmap: Bitmap, _: Call) -> Bitmap:
    return np.zeros_like(bitmap)


@PIXELS.fault("masks_full", "Every mask covers the whole image.", on=bitmaps)
def _full(bitmap: Bitmap, _: Call) -> Bitmap:
    return np.ones_like(bitmap)


@PIXELS.fault(
    "polygons_dilated",
    "Polygons are larger than the run lengths of the same request.",
    on=bitmaps_as_polygons,
    when="a request for polygons",
    parameter=_pixels(1),
)
def _polygons_dilated(bitmap: Bitmap, call: Call) -> Bitmap:
    return dilated(bitmap, call.value)


@PIXELS.fault(
    "polygons_of_other_instances",
    "Polygons are of other instances than the run lengths of the same request.",
    on=bitmaps_as_polygons,
    when="a request for polygons",
)
def _polygons_elsewhere(bitmap: Bitmap, _: Call) -> Bitmap:
    return bitmap[::-1, ::-1]


@PIXELS.fault(
    "run_lengths_eroded",
    "Run lengths are smaller than the polygons of the same request.",
    on=bitmaps_as_run_lengths,
    when="a request for run lengths",
    parameter=_pixels(1),
)
def _run_lengths_eroded(bitmap: Bitmap, call: Call) -> Bitmap:
    return eroded(bitmap, call.value)


@PIXELS.fault(
    "run_lengths_without_holes",
    "Holes are filled in run lengths, as if they came from the polygons.",
    on=bitmaps_as_run_lengths,
    when=f"a request for run lengths, and {A_HOLE}",
)
def _without_holes(bitmap: Bitmap, _: Call) -> Bitmap:
    contours, _tree = cv2.findContours(bitmap.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    canvas = bitmap.astype(np.uint8)
    return cv2.drawContours(canvas, contours, -1, (1,), cv2.FILLED).astype(np.bool_)
