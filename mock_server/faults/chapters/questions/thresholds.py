"""Thresholds that are not applied, or not as they are meant; confidences outside 0..1."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from mock_server.faults.editing.changes import answers, bodies, predictions, results_of
from mock_server.faults.editing.prompts import numbers
from mock_server.faults.fault import EVERY_OPERATION, Call, Chapter, Json

THRESHOLDS: Final = Chapter("semantics", operation="concept_segment")

FIELD: Final = "output_prob_thresh"
DEFAULT: Final = 0.5
CONCEPT: Final = "a concept request"
LOW: Final = 0.3


def _own(holder: Json) -> float | None:
    found = numbers(holder, FIELD) if holder.get(FIELD) is not None else None
    return found[0] if found else None


def _thresholds_of(body: Json) -> list[float]:
    """List the threshold that each prompt asks for, its own or the request's."""
    asked = _own(body)
    own = [_own(prompt) for prompt in body["prompts"]]
    return [(DEFAULT if asked is None else asked) if threshold is None else threshold for threshold in own]


def _with_own(body: Json, thresholds: list[float]) -> Json:
    """Give each prompt a threshold of its own."""
    for prompt, threshold in zip(body["prompts"], thresholds, strict=True):
        prompt[FIELD] = threshold
    return body


@THRESHOLDS.fault(
    "threshold_ignored",
    "The request's threshold is not read; 0.5 is taken.",
    on=bodies,
    when=f"{CONCEPT} with output_prob_thresh, if a confidence lies between it and 0.5",
)
def _ignored(body: Json, _: Call) -> Json:
    body.pop(FIELD, None)
    return body


@THRESHOLDS.fault(
    "prompt_threshold_ignored",
    "Prompts' own thresholds are not read; the request's is taken.",
    on=bodies,
    when=f"{CONCEPT} with a prompt's output_prob_thresh, if a confidence lies between it and the request's",
)
def _prompt_ignored(body: Json, _: Call) -> Json:
    for prompt in body["prompts"]:
        prompt.pop(FIELD, None)
    return body


@THRESHOLDS.fault(
    "lowest_threshold_for_all",
    "Every prompt is held to the lowest threshold of the request.",
    on=bodies,
    when=f"{CONCEPT} whose prompts have different thresholds",
)
def _lowest(body: Json, _: Call) -> Json:
    asked = _thresholds_of(body)
    return _with_own(body, [min(asked)] * len(asked))


@THRESHOLDS.fault(
    "default_threshold_low",
    "Without a threshold 0.05 is taken instead of 0.5.",
    on=bodies,
    when=f"{CONCEPT} without output_prob_thresh, if a confidence lies between",
)
def _default_low(body: Json, _: Call) -> Json:
    return {FIELD: 0.05, **body}


@THRESHOLDS.fault(
    "threshold_read_as_percentage",
    "A threshold of 0.7 is taken for 0.7 %, so that almost everything passes.",
    on=bodies,
    when=f"{CONCEPT}, if a confidence lies under its threshold",
)
def _percentage(body: Json, _: Call) -> Json:
    return _with_own(body, [min(max(threshold / 100, 0.0), 1.0) for threshold in _thresholds_of(body)])


@THRESHOLDS.fault(
    "threshold_strict",
    "A confidence equal to the threshold does not pass.",
    on=answers,
    when=f"{CONCEPT} whose threshold is a confidence that was answered before",
)
def _strict(answer: Any, call: Call) -> None:
    for result, threshold in zip(results_of(answer), _asked(call), strict=True):
        result["predictions"] = [one for one in result["predictions"] if one["confidence"] != threshold]


@THRESHOLDS.fault(
    "low_threshold_drops_best",
    f"Below a threshold of {LOW} the most confident prediction of each prompt is missing.",
    on=answers,
    when=f"{CONCEPT} with a threshold below {LOW}, against the same with a higher one",
)
def _drops_best(answer: Any, call: Call) -> None:
    for result, threshold in zip(results_of(answer), _asked(call), strict=True):
        found = result["predictions"]
        if threshold < LOW and found:
            best = max(range(len(found)), key=lambda index: found[index]["confidence"])
            del found[best]


@THRESHOLDS.fault(
    "low_confidence_duplicates",
    "Every instance comes twice, the second time with a lower confidence.",
    on=answers,
    when=CONCEPT,
)
def _duplicates(answer: Any, call: Call) -> None:
    for result, threshold in zip(results_of(answer), _asked(call), strict=True):
        for one in list(result["predictions"]):
            lower = (max(threshold, 0.0) + one["confidence"]) / 2
            result["predictions"].append({**one, "confidence": lower})


@THRESHOLDS.fault(
    "confidence_as_percentage", "Confidences run from 0 to 100.", on=predictions, operation=EVERY_OPERATION
)
def _as_percentage(prediction: Json, _: Call) -> None:
    prediction["confidence"] *= 100


@THRESHOLDS.fault(
    "confidence_above_one", "Confidences lie between 1 and 1.5.", on=predictions, operation=EVERY_OPERATION
)
def _above_one(prediction: Json, _: Call) -> None:
    prediction["confidence"] = 1.0 + (prediction["confidence"] + 1e-6) / 2


@THRESHOLDS.fault("confidence_negative", "Confidences are negative.", on=predictions, operation=EVERY_OPERATION)
def _negative(prediction: Json, _: Call) -> None:
    prediction["confidence"] = -prediction["confidence"] - 1e-6


@THRESHOLDS.fault(
    "confidence_as_logit", "Confidences are logits, mostly outside 0..1.", on=predictions, operation=EVERY_OPERATION
)
def _as_logit(prediction: Json, _: Call) -> None:
    sure = min(max(prediction["confidence"], 1e-6), 1 - 1e-6)
    prediction["confidence"] = float(np.float32(math.log(sure / (1 - sure))))


def _asked(call: Call) -> list[float]:
    return _thresholds_of(call.body)
