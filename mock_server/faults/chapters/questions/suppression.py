"""Non-maximum suppression that is left out or done otherwise than promised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import orjson
from pycocotools import mask as coco

from mock_server.faults.editing.bitmaps import run_lengths_asked
from mock_server.faults.editing.changes import bodies, calls, predictions_of, results_of, rewritten
from mock_server.faults.editing.prompts import numbers
from mock_server.faults.editing.results import asked_apart
from mock_server.faults.fault import Ask, Call, Chapter, Json
from mock_server.http.refusals import no_answer
from mock_server.operations.backend import Answer

SUPPRESSION: Final = Chapter("semantics", operation="concept_segment")

FIELD: Final = "nms_iou_threshold"
MOST: Final = 512  # predictions of an answer that are compared with each other
WITH_NMS: Final = "a concept request with nms_iou_threshold"
OVERLAPS: Final = f"{WITH_NMS}, and instances that overlap, such as specimen:overlapping"


def _asked(body: Json) -> float | None:
    found = numbers(body, FIELD) if body.get(FIELD) is not None else None
    return found[0] if found else None


@SUPPRESSION.fault("nms_ignored", "nms_iou_threshold is not read.", on=bodies, when=OVERLAPS)
def _ignored(body: Json, _: Call) -> Json:
    body.pop(FIELD, None)
    return body


@SUPPRESSION.fault(
    "nms_always",
    "Instances that overlap are suppressed although nms_iou_threshold is not set.",
    on=bodies,
    when="a concept request without nms_iou_threshold, and instances that overlap",
)
def _always(body: Json, _: Call) -> Json:
    if body.get(FIELD) is None:
        body[FIELD] = 0.2
    return body


@SUPPRESSION.fault(
    "nms_within_prompts",
    "Instances of different prompts do not suppress each other.",
    on=calls,
    when=f"{WITH_NMS}, and instances of different prompts that overlap",
)
def _within_prompts(call: Call, ask: Ask) -> Answer:
    return ask(call.body) if _asked(call.body) is None else asked_apart(call.body, ask)


@SUPPRESSION.fault("nms_threshold_inverted", "nms_iou_threshold is taken for 1 less it.", on=bodies, when=OVERLAPS)
def _inverted(body: Json, _: Call) -> Json:
    threshold = _asked(body)
    if threshold is not None:
        body[FIELD] = min(max(1 - threshold, 0.0), 1.0)
    return body


@SUPPRESSION.fault("nms_keeps_worst", "Of two instances that overlap the better one goes.", on=calls, when=OVERLAPS)
def _keeps_worst(call: Call, ask: Ask) -> Answer:
    return _suppressed(call, ask, rank=lambda confidence: confidence, overlaps=_of_masks, inclusive=False)


@SUPPRESSION.fault(
    "nms_by_boxes",
    "Overlap is measured between bounding boxes instead of masks.",
    on=calls,
    when=f"{WITH_NMS}, and instances whose boxes overlap more than their masks, such as specimen:nested",
)
def _by_boxes(call: Call, ask: Ask) -> Answer:
    return _suppressed(call, ask, rank=lambda confidence: -confidence, overlaps=_of_boxes, inclusive=False)


@SUPPRESSION.fault(
    "nms_inclusive",
    "An overlap equal to nms_iou_threshold suppresses: 1 removes twins, 0 removes all but one instance.",
    on=calls,
    when=f"{WITH_NMS} of 1 and the same instance twice, or of 0 and several instances",
)
def _inclusive(call: Call, ask: Ask) -> Answer:
    return _suppressed(call, ask, rank=lambda confidence: -confidence, overlaps=_of_masks, inclusive=True)


def _suppressed(
    call: Call,
    ask: Ask,
    *,
    rank: Callable[[float], float],
    overlaps: Callable[[Json, list[Json]], list[float]],
    inclusive: bool,
) -> Answer:
    """Ask without suppression, and suppress in another way.

    Args:
        call: The request.
        ask: Answers it.
        rank: What comes first, of a confidence.
        overlaps: The IoU of one mask with others.
        inclusive: Whether an overlap equal to the threshold counts.
    """
    threshold = _asked(call.body)
    if threshold is None:
        return ask(call.body)
    every = {**call.body, FIELD: None}
    answer, masks = ask(every), run_lengths_asked(every, ask)
    value = orjson.loads(answer.body)
    found = list(predictions_of(value))
    if len(found) > MOST:
        raise no_answer(f"a fault in the suppression of {len(found)} predictions")
    survivors: list[int] = []
    for index in sorted(range(len(found)), key=lambda one: rank(found[one]["confidence"])):
        shared = overlaps(masks[index], [masks[one] for one in survivors])
        if not any(overlap > threshold or (inclusive and overlap == threshold) for overlap in shared):
            survivors.append(index)
    kept = {id(found[index]) for index in survivors}
    for result in results_of(value):
        result["predictions"] = [one for one in result["predictions"] if id(one) in kept]
    return rewritten(answer, value)


def _of_masks(mask: Json, others: list[Json]) -> list[float]:
    overlaps: list[float] = coco.iou([mask], others, [0] * len(others))[0].tolist() if others else []
    return overlaps


def _of_boxes(mask: Json, others: list[Json]) -> list[float]:
    if not others:
        return []
    boxes = coco.toBbox([mask, *others])
    overlaps: list[float] = coco.iou(boxes[:1], boxes[1:], [0] * len(others))[0].tolist()
    return overlaps
