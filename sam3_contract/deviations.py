"""Which known deviation explains how a request was answered that the document allows or forbids otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from sam3_contract import wire
from sam3_contract.exchange import Exchange

__all__ = ["explaining_deviation"]

_MODELS: Final[Mapping[str, type[wire.Request]]] = {
    "concept_segment": wire.LenientConceptSegmentRequest,
    "visual_segment": wire.LenientVisualSegmentRequest,
    "embed_image": wire.LenientEmbedImageRequest,
}
_VISUAL_FORMATS: Final = frozenset({"json", "polygon", "rle"})
_CONCEPT_FORMATS: Final = frozenset({"polygon", "rle"})
_SAM2_VERSIONS: Final = frozenset({"hiera_tiny", "hiera_small", "hiera_large", "hiera_b_plus"})
_METHODS: Final = frozenset({"GET", "HEAD"})


def explaining_deviation(exchange: Exchange) -> str:
    """Name the deviation by which the real server answers a request as this one was answered; empty if it does not.

    Args:
        exchange: A request that was accepted though the document forbids it, or that was answered with a 5xx.
    """
    if exchange.case.method in _METHODS and exchange.status in {400, 404}:
        return "other_methods"
    request = _as_the_server_reads_it(exchange)
    if request is None:
        return ""
    if exchange.status == 500:
        return _failing(request, exchange.case.sent)
    return _accepting(request, exchange.case.sent) if exchange.status in {200, 400, 404} else ""


def _as_the_server_reads_it(exchange: Exchange) -> Any:
    body: Any = exchange.case.sent
    try:
        return wire.parse_request(_MODELS[exchange.case.operation], body, strict=False)
    except ValidationError:
        return None


def _failing(request: Any, sent: Mapping[str, Any]) -> str:
    """Tell why the server answers 500 to what it has read."""
    if isinstance(request, wire.LenientConceptSegmentRequest):
        if any(prompt.boxes and not prompt.box_labels for prompt in request.prompts):
            return "missing_box_labels_answers_500"
        return "unknown_concept_format_answers_nothing" if request.format == "binary" else ""
    if isinstance(request, wire.LenientVisualSegmentRequest):
        if request.format == "binary":
            return "binary_answers_500"
        if request.format not in _VISUAL_FORMATS:
            return "unknown_visual_format_answers_500"
        boxes = sum(prompt.box is not None for prompt in request.asked)
        points = any(prompt.points for prompt in request.asked)
        if boxes and points and boxes != len(request.asked):
            return "boxes_beside_points_answer_500"
    return "lenient_types" if isinstance(sent.get("image"), Mapping) and not _is_plain(sent["image"]) else ""


def _accepting(request: Any, sent: Mapping[str, Any]) -> str:
    """Tell why the server takes a request that the document forbids."""
    if isinstance(request, wire.LenientConceptSegmentRequest):
        if sent.get("format", "rle") not in _CONCEPT_FORMATS:
            return "unknown_concept_format_answers_nothing"
        threshold = request.output_prob_thresh
        if threshold is None or not 0 <= threshold <= 1:
            return "zero_threshold_means_default"
    elif sent.get("sam2_version_id", "hiera_tiny") not in _SAM2_VERSIONS:
        return "sam2_version_id_ignored"
    elif sent.get("format", "rle") == "polygon":
        return "unknown_visual_format_answers_500"
    return "lenient_types"


def _is_plain(image: Mapping[str, Any]) -> bool:
    """Tell whether an image is of the two types that the web API has, with a text that can be read."""
    value = image.get("value")
    return image.get("type") in {"url", "base64"} and isinstance(value, str) and value.isascii()
