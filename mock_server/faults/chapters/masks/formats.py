"""Predictions that have another form of mask than they say, or than was asked for."""

from __future__ import annotations

from typing import Any, Final

import orjson

from mock_server.faults.editing.bitmaps import (
    as_polygons,
    bitmap_from_run_lengths,
)
from mock_server.faults.editing.changes import (
    answers,
    calls,
    is_json_answer,
    predictions,
    predictions_of,
)
from mock_server.faults.fault import Ask, Call, Chapter, Json
from mock_server.operations.backend import Answer

FORMATS: Final = Chapter("mask")

RLE: Final = "a request for run lengths"
POLYGONS: Final = "a request for polygons"


@FORMATS.fault("masks_all_same", "All predictions have the first one's mask.", on=answers, when="several predictions")
def _all_same(answer: Any, _: Call) -> None:
    found = list(predictions_of(answer))
    for prediction in found[1:]:
        prediction["masks"] = found[0]["masks"]


@FORMATS.fault("format_label_wrong", "`format` says rle of polygons and polygon of run lengths.", on=predictions)
def _label_wrong(prediction: Json, _: Call) -> None:
    prediction["format"] = "polygon" if prediction["format"] == "rle" else "rle"


@FORMATS.fault("format_label_json", "`format` says json of polygons.", on=predictions, when=POLYGONS)
def _label_json(prediction: Json, _: Call) -> None:
    prediction["format"] = "json" if prediction["format"] == "polygon" else prediction["format"]


@FORMATS.fault("run_lengths_answered_as_polygons", "Who asks for run lengths gets polygons.", on=predictions, when=RLE)
def _always_polygons(prediction: Json, _: Call) -> None:
    if prediction["format"] == "rle":
        prediction.update(masks=as_polygons(bitmap_from_run_lengths(prediction["masks"])), format="polygon")


@FORMATS.fault("polygons_answered_as_run_lengths", "Who asks for polygons gets run lengths.", on=calls, when=POLYGONS)
def _always_run_lengths(call: Call, ask: Ask) -> Answer:
    answer = ask(call.body)
    traced = is_json_answer(answer) and any(
        one["format"] == "polygon" for one in predictions_of(orjson.loads(answer.body))
    )
    return ask({**call.body, "format": "rle"}) if traced else answer
