"""Masks as bitmaps, for faults that change pixels rather than their spelling.

Bitmaps come from the run lengths of the same request, so that holes are there, and go back into the format that was
asked for with the mock's own encoders: a fault breaks what it is named for and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import cv2
import numpy as np
import orjson
from numpy.typing import NDArray

from mock_server.drawing.encoding import npz_from_patches, polygons_from_patch, rle_from_patch
from mock_server.drawing.patches import Patch
from mock_server.drawing.run_lengths import runs_from_counts
from mock_server.faults.editing.archives import arrays_of
from mock_server.faults.editing.changes import is_json_answer, predictions_of, rewritten
from mock_server.faults.fault import Ask, Call, Hooks, Json
from mock_server.http.refusals import no_answer
from mock_server.operations.backend import Answer

Bitmap = NDArray[np.bool_]
Size = tuple[int, int]
Change = Callable[[Bitmap, Call], Bitmap]

MAX_PIXELS: Final = 2**28  # of all masks of an answer that a fault redraws


def bitmaps(change: Change) -> Hooks:
    """Let a function change the pixels of each mask, in whatever format it is asked for."""
    return Hooks(around=lambda call, ask: redrawn(call, ask, change))


def bitmaps_as_polygons(change: Change) -> Hooks:
    """Let a function change the pixels of each mask that is asked for as polygons."""
    return Hooks(around=lambda call, ask: redrawn(call, ask, change, only="polygon"))


def bitmaps_as_run_lengths(change: Change) -> Hooks:
    """Let a function change the pixels of each mask that is asked for as run lengths."""
    return Hooks(around=lambda call, ask: redrawn(call, ask, change, only="rle"))


def redrawn(call: Call, ask: Ask, change: Change, *, only: str | None = None) -> Answer:
    """Ask, and change the pixels of each mask of the answer.

    Args:
        call: The request.
        ask: Answers it.
        change: Makes the bitmap that is answered of the one that would be; its frame may be another.
        only: The one format, ``polygon`` or ``rle``, that is changed; by default every one, archives too.

    Raises:
        Refusal: 599 if these are more pixels than a fault redraws.
    """
    answer = ask(call.body)
    if not is_json_answer(answer):
        return answer if only else _archive_redrawn(answer, change, call)
    value = orjson.loads(answer.body)
    concerned = [one for one in predictions_of(value) if only in {None, one["format"]}]
    for prediction, masks in zip(concerned, _drawable(concerned, call, ask), strict=True):
        changed = change(bitmap_from_run_lengths(masks), call)
        prediction["masks"] = as_polygons(changed) if prediction["format"] == "polygon" else as_run_lengths(changed)
    return rewritten(answer, value)


def placed_rings(change: Callable[[list[Any], Size], Any]) -> Hooks:
    """Let a function change polygons, given the image's ``(height, width)``."""

    def around(call: Call, ask: Ask) -> Answer:
        answer = ask(call.body)
        if not is_json_answer(answer):
            return answer
        value = orjson.loads(answer.body)
        traced = [one for one in predictions_of(value) if one["format"] == "polygon"]
        if traced:
            height, width = run_lengths_asked(call.body, ask)[0]["size"]
            for prediction in traced:
                prediction["masks"] = change(prediction["masks"], (height, width))
        return rewritten(answer, value)

    return Hooks(around=around)


def run_lengths_asked(body: Json, ask: Ask) -> list[Json]:
    """Ask for the same as run lengths; list the masks of all predictions."""
    answer = orjson.loads(ask({**body, "format": "rle"}).body)
    return [prediction["masks"] for prediction in predictions_of(answer)]


def bitmap_from_run_lengths(masks: Json) -> Bitmap:
    """Draw the whole image's bitmap, shape ``(height, width)``.

    Raises:
        ValueError: If the runs do not fill it: another fault has been here. COCO's own decoder does not ask.
    """
    height, width = masks["size"]
    runs = runs_from_counts(masks["counts"].encode())
    if runs.sum() != height * width:
        raise ValueError(f"runs cover {runs.sum()} of {height * width} pixels")
    flat = np.repeat(np.arange(runs.size) % 2 == 1, runs)
    return np.ascontiguousarray(flat.reshape((height, width), order="F"))


def as_run_lengths(bitmap: Bitmap) -> Json:
    """Write a bitmap as run lengths of a frame of its size."""
    return rle_from_patch(Patch(0, 0, bitmap), size=(bitmap.shape[0], bitmap.shape[1]))


def as_polygons(bitmap: Bitmap) -> list[list[list[int]]]:
    """Write a bitmap as the outer contours of its parts."""
    return polygons_from_patch(Patch(0, 0, np.ascontiguousarray(bitmap)))


def _drawable(predictions: Sequence[Json], call: Call, ask: Ask) -> list[Json]:
    """Find the run lengths of each prediction."""
    if not predictions:
        return []
    if predictions[0]["format"] == "rle":
        found = [prediction["masks"] for prediction in predictions]
    else:
        found = run_lengths_asked(call.body, ask)
        if len(found) != len(predictions):  # another fault answers polygons of its own
            size = (found[0]["size"][0], found[0]["size"][1])
            found = [as_run_lengths(_filled(prediction["masks"], size)) for prediction in predictions]
    pixels = sum(masks["size"][0] * masks["size"][1] for masks in found)
    if pixels > MAX_PIXELS:
        raise no_answer(f"a fault in {len(found)} masks of {pixels} pixels")
    return found


def _filled(polygons: list[Any], size: Size) -> Bitmap:
    canvas = np.zeros(size, np.uint8)
    cv2.fillPoly(canvas, [np.array(ring, np.int32) for ring in polygons if ring], (1,))
    return canvas.astype(np.bool_)


def _archive_redrawn(answer: Answer, change: Change, call: Call) -> Answer:
    planes = [plane >= 0 for plane in arrays_of(answer)["masks"]]
    changed = [change(plane, call) for plane in planes]
    if all(map(np.array_equal, planes, changed)):
        return answer
    size = (changed[0].shape[0], changed[0].shape[1])
    archive = npz_from_patches([Patch(0, 0, plane) for plane in changed], size=size)
    return Answer(archive, answer.content_type, answer.model_id, answer.seconds)
