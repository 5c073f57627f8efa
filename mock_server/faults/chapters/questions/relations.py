"""Answers that depend on what they must not depend on: other prompts, their order, the number of the call, the form."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mock_server.drawing.dice import Dice
from mock_server.faults.editing.bitmaps import Bitmap, bitmaps, redrawn
from mock_server.faults.editing.changes import answers, calls, predictions_of, results_of
from mock_server.faults.editing.pixels import SEVERAL_PARTS, eroded
from mock_server.faults.fault import Ask, Call, Chapter, Json
from mock_server.operations.backend import Answer

RELATIONS: Final = Chapter("semantics")

APART: Final = "a concept request with several prompts, against the same prompts one by one"
TWICE: Final = "the same request twice"
_SPREAD: Final = 2654435761  # a large odd number: its multiples spread over 32 bits


@RELATIONS.fault("cross_talk", "Masks are smaller where other prompts are asked beside.", on=bitmaps, when=APART)
def _cross_talk(bitmap: Bitmap, call: Call) -> Bitmap:
    alone = call.operation != "concept_segment" or len(call.body["prompts"]) == 1
    return bitmap if alone else eroded(bitmap, 1)


@RELATIONS.fault(
    "prompt_order_matters",
    "Confidences grow with the place of the prompt.",
    on=answers,
    when="a concept request with several prompts, against the same in another order",
)
def _order_matters(answer: Any, _: Call) -> None:
    for index, result in enumerate(results_of(answer)):
        for prediction in result["predictions"]:
            prediction["confidence"] = _surer(prediction["confidence"], min(0.1 * index, 1.0))


@RELATIONS.fault("masks_not_deterministic", "Masks differ from call to call.", on=calls, when=TWICE)
def _masks_differ(call: Call, ask: Ask) -> Answer:
    dice = Dice("fault", str(call.memory.count()))
    steps, salt = dice.below(4), dice.below(2**32)
    return redrawn(call, ask, lambda bitmap, _: _frayed(eroded(bitmap, steps) if steps else bitmap, salt))


def _frayed(bitmap: Bitmap, salt: int) -> Bitmap:
    """Take some of the pixels at a mask's edge away."""
    edge = np.flatnonzero(bitmap & ~eroded(bitmap, 1))
    mixed = ((edge.astype(np.uint64) ^ np.uint64(salt)) * np.uint64(_SPREAD)) >> np.uint64(31)
    frayed = bitmap.copy()
    frayed.flat[edge[(mixed & np.uint64(1)).astype(np.bool_)]] = False
    return frayed


@RELATIONS.fault("confidences_not_deterministic", "Confidences differ from call to call.", on=answers, when=TWICE)
def _confidences_differ(answer: Any, call: Call) -> None:
    share = Dice("fault", str(call.memory.count())).between(1, 999) / 5000
    for prediction in predictions_of(answer):
        prediction["confidence"] = _surer(prediction["confidence"], share)


@RELATIONS.fault(
    "polygon_parts_apart",
    "Asked for polygons, each part of a mask is a prediction of its own.",
    on=answers,
    when=f"a request for polygons, and {SEVERAL_PARTS}",
)
def _parts_apart(answer: Any, _: Call) -> None:
    for holder in [answer, *results_of(answer)]:
        if "predictions" in holder:
            holder["predictions"] = [part for one in holder["predictions"] for part in _parts(one)]


def _parts(prediction: Json) -> list[Json]:
    if prediction["format"] != "polygon":
        return [prediction]
    return [{**prediction, "masks": [ring]} for ring in prediction["masks"]]


def _surer(confidence: float, share: float) -> float:
    """Bring a confidence closer to 1 by a share of what it lacks: it still passes every threshold."""
    return float(np.float32(confidence + (1 - confidence) * share))
