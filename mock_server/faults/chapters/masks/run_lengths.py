"""Run lengths that are written wrongly."""

from __future__ import annotations

import base64
from typing import Final

import numpy as np

from mock_server.drawing.run_lengths import Runs, counts_from_runs, runs_from_bitmap
from mock_server.faults.editing.bitmaps import as_run_lengths, bitmap_from_run_lengths
from mock_server.faults.editing.changes import run_lengths
from mock_server.faults.editing.images import header_of
from mock_server.faults.editing.pixels import NOT_SQUARE
from mock_server.faults.fault import Call, Chapter, Json

RUN_LENGTHS: Final = Chapter("mask")

RLE: Final = "a request for run lengths"
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})  # EXIF orientations that exchange width and height


def _compressed(runs: Runs, masks: Json) -> Json:
    """Write run lengths as they are, whether they fill the mask or not."""
    height, width = masks["size"]
    return {**masks, "counts": counts_from_runs(runs, size=(height, width)).decode("ascii")}


@RUN_LENGTHS.fault(
    "size_swapped", "`size` of run lengths is [width, height].", on=run_lengths, when=f"{RLE}, {NOT_SQUARE}"
)
def _size_swapped(masks: Json, _: Call) -> Json:
    return {**masks, "size": masks["size"][::-1]}


@RUN_LENGTHS.fault("size_as_text", "`size` of run lengths holds texts.", on=run_lengths, when=RLE)
def _size_as_text(masks: Json, _: Call) -> Json:
    return {**masks, "size": list(map(str, masks["size"]))}


@RUN_LENGTHS.fault("size_missing", "Run lengths have no `size`.", on=run_lengths, when=RLE)
def _size_missing(masks: Json, _: Call) -> Json:
    return {"counts": masks["counts"]}


@RUN_LENGTHS.fault("counts_alone", "`masks` is the bare counts string instead of an object.", on=run_lengths, when=RLE)
def _counts_alone(masks: Json, _: Call) -> str:
    counts: str = masks["counts"]
    return counts


@RUN_LENGTHS.fault(
    "size_of_unrotated_image",
    "`size` of run lengths is that of the file before its EXIF orientation; the counts are not.",
    on=run_lengths,
    when=f"{RLE}, of an image with an EXIF orientation of 5 to 8",
)
def _size_of_unrotated_image(masks: Json, call: Call) -> Json:
    header = header_of(call.body.get("image"))
    sideways = header is not None and header.orientation in _SIDEWAYS
    return {**masks, "size": masks["size"][::-1]} if sideways else masks


@RUN_LENGTHS.fault("counts_row_major", "Runs go along the rows instead of down the columns.", on=run_lengths, when=RLE)
def _row_major(masks: Json, _: Call) -> Json:
    return _compressed(runs_from_bitmap(bitmap_from_run_lengths(masks).T), masks)


@RUN_LENGTHS.fault(
    "counts_start_with_foreground", "The first run is foreground instead of background.", on=run_lengths, when=RLE
)
def _start_with_foreground(masks: Json, _: Call) -> Json:
    return _compressed(runs_from_bitmap(~bitmap_from_run_lengths(masks)), masks)


@RUN_LENGTHS.fault("counts_as_bytes_repr", "`counts` is how Python shows bytes: \"b'...'\".", on=run_lengths, when=RLE)
def _bytes_repr(masks: Json, _: Call) -> Json:
    return {**masks, "counts": repr(masks["counts"].encode())}


@RUN_LENGTHS.fault("counts_as_base64", "`counts` is COCO's string once more in base64.", on=run_lengths, when=RLE)
def _as_base64(masks: Json, _: Call) -> Json:
    return {**masks, "counts": base64.b64encode(masks["counts"].encode()).decode("ascii")}


@RUN_LENGTHS.fault("counts_truncated", "The last character of `counts` is missing.", on=run_lengths, when=RLE)
def _truncated(masks: Json, _: Call) -> Json:
    return {**masks, "counts": masks["counts"][:-1]}


@RUN_LENGTHS.fault("counts_with_newline", "`counts` ends with a line feed.", on=run_lengths, when=RLE)
def _with_newline(masks: Json, _: Call) -> Json:
    return {**masks, "counts": masks["counts"] + "\n"}


@RUN_LENGTHS.fault("counts_as_list", "`counts` is a list of run lengths, not compressed.", on=run_lengths, when=RLE)
def _as_list(masks: Json, _: Call) -> Json:
    return {**masks, "counts": runs_from_bitmap(bitmap_from_run_lengths(masks)).tolist()}


@RUN_LENGTHS.fault("counts_too_short", "The runs end one pixel before the mask does.", on=run_lengths, when=RLE)
def _too_short(masks: Json, _: Call) -> Json:
    runs = runs_from_bitmap(bitmap_from_run_lengths(masks))
    runs[-1] -= 1
    return _compressed(runs, masks)


@RUN_LENGTHS.fault("counts_too_long", "There is one run more than the mask has room for.", on=run_lengths, when=RLE)
def _too_long(masks: Json, _: Call) -> Json:
    return _compressed(np.append(runs_from_bitmap(bitmap_from_run_lengths(masks)), masks["size"][0]), masks)


@RUN_LENGTHS.fault(
    "run_lengths_cropped",
    "Run lengths cover the instance's bounding box instead of the image.",
    on=run_lengths,
    when=RLE,
)
def _cropped(masks: Json, _: Call) -> Json:
    bitmap = bitmap_from_run_lengths(masks)
    rows, columns = np.flatnonzero(bitmap.any(axis=1)), np.flatnonzero(bitmap.any(axis=0))
    if not rows.size:
        return masks
    return as_run_lengths(bitmap[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
