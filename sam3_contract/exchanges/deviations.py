"""Known deviations: which one explains an answer, and which show in answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from sam3_contract import wire
from sam3_contract.exchanges.exchange import Case, Exchange

_MODELS: Final[Mapping[str, type[wire.Request]]] = {
    "concept_segment": wire.LenientConceptSegmentRequest,
    "visual_segment": wire.LenientVisualSegmentRequest,
    "embed_image": wire.LenientEmbedImageRequest,
}
_VISUAL_FORMATS: Final = frozenset({"json", "polygon", "rle"})
_CONCEPT_FORMATS: Final = frozenset({"polygon", "rle"})
_SAM2_VERSIONS: Final = frozenset({"hiera_tiny", "hiera_small", "hiera_large", "hiera_b_plus"})
_METHODS: Final = frozenset({"GET", "HEAD"})
_INTERNAL_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Shows:
    """Which deviations show.

    Attributes:
        seen: Ids of those that do.
        absent: Ids of those that do not, although they would have to.
    """

    seen: tuple[str, ...]
    absent: tuple[str, ...]


def deviations_shown(exchanges: Sequence[Exchange]) -> Shows:
    """Look through answers for the deviations that no single check is about."""
    answered = [exchange for exchange in exchanges if exchange.succeeded]
    visual = [exchange for exchange in answered if exchange.case.operation == "visual_segment"]
    in_body = [one for one in exchanges if one.case.key_in == "body" and not one.failure]
    shows = {
        "answers_have_more_fields": [bool({"resolved_model", "inference_id"} & set(one.answer)) for one in answered],
        "visual_answers_predictions": ["predictions" in one.answer for one in visual],
        "key_accepted_elsewhere": [one.status == 200 for one in in_body],
    }
    return Shows(
        tuple(name for name, found in shows.items() if any(found)),
        tuple(name for name, found in shows.items() if found and not any(found)),
    )


def deviation_explaining(case: Case, status: int) -> str:
    """Name the deviation by which the real server answers a request with a status; empty if it does not.

    Args:
        case: A request that the document forbids, or any request that was answered with a 5xx.
        status: What it was answered with.
    """
    if case.method in _METHODS and status in {400, 404}:
        return "other_methods"
    request = _as_the_server_reads_it(case)
    if request is None:
        return ""
    if status == _INTERNAL_ERROR:
        return _failing(request, case.sent)
    return _accepting(request, case.sent) if status in {200, 400, 404} else ""


def _as_the_server_reads_it(case: Case) -> Any:
    body: Any = case.sent
    try:
        return wire.parse_request(_MODELS[case.operation], body, strict=False)
    except ValidationError:
        return None


def _failing(request: Any, sent: Mapping[str, Any]) -> str:
    """Say why the server answers 500 to what it has read."""
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
    """Say why the server takes a request that the document forbids."""
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
