"""V: what ``visual_segment`` promises of its predictions."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from sam3_contract import wire
from sam3_contract.checks.law import Breach, Check, each
from sam3_contract.checks.predictions import list_of
from sam3_contract.exchange import Exchange
from sam3_contract.spec import Contract

__all__ = ["CHECKS"]

MASKS_OF_A_PROMPT = 3


def _predictions_follow_prompts(exchange: Exchange, _: Contract) -> list[Breach] | None:
    request = _request(exchange)
    if request is None or not exchange.succeeded:
        return None
    asked = len(request.asked)
    allowed = {asked, MASKS_OF_A_PROMPT * asked} if request.multimask_output else {asked}
    count = len(list_of(exchange.answer, "predictions"))
    if count in allowed:
        return []
    wanted = " or ".join(map(str, sorted(allowed)))
    return [Breach("$.predictions", f"{count} predictions", f"{wanted} for {asked} prompts")]


def _format_is_the_one_asked(exchange: Exchange, _: Contract) -> list[Breach] | None:
    request = _request(exchange)
    if request is None or exchange.status != 200:
        return None
    wanted = "application/octet-stream" if request.format == "binary" else "application/json"
    if exchange.media_type == wanted:
        return []
    return [Breach("headers.content-type", repr(exchange.media_type), f"{wanted} for `format: {request.format}`")]


def _request(exchange: Exchange) -> wire.VisualSegmentRequest | None:
    if exchange.case.operation != "visual_segment":
        return None
    body: Any = exchange.case.sent
    try:
        return wire.parse_request(wire.VisualSegmentRequest, body)
    except ValidationError:
        return None  # a bad request, whose answer the S checks judge


CHECKS = (
    Check(
        code="V01",
        name="predictions_follow_prompts",
        law="Each prompt has one prediction, or three with `multimask_output`; no prompt at all counts as one.",
        source="docs and server",
        rule="#/components/schemas/VisualSegmentResponse/properties/predictions",
        mend="An object the model is unsure of keeps its prediction, with an empty mask and a low confidence.",
        judge=each(_predictions_follow_prompts),
    ),
    Check(
        code="V02",
        name="format_is_the_one_asked",
        law="`format: binary` is answered with an archive, every other format with JSON.",
        source="docs",
        rule="#/components/schemas/VisualSegmentRequest/properties/format",
        mend="The handler must not return bytes through a JSON response model.",
        judge=each(_format_is_the_one_asked),
    ),
)
