"""The operations as the real server runs them, where that differs from its documentation.

Each function reads a lenient request, does what the server does about its oddities, and answers with the same instances
as the documented side. The deviations are those of ``x-deviations`` in the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from mock_server.drawing.patches import union
from mock_server.engines.protocol import Engine, Instance
from mock_server.http.refusals import (
    INTERNAL_ERROR,
    PLAIN_ERROR,
    Refusal,
    answering_as,
    fits_a_header,
    message,
    unloadable_image,
)
from mock_server.images.loading import Picture, picture_from_base64, refuse_unreachable
from mock_server.operations import concept, visual
from mock_server.operations.backend import Answer, Backend
from sam3_contract import wire
from sam3_contract.images import TooLargeError
from sam3_contract.wire.requests import DEFAULT_THRESHOLD

QUERIES: Final = 200  # what the model looks at for each prompt; all come back where no threshold holds them
UNSURE: Final = 0.20000000298023224  # of a mask that nothing positive asked for
POLYGON_NAMES: Final = frozenset({"polygon", "json", "", None})

_UNKNOWN_TYPE: Final = "Image declaration contains not recognised image type."
_NUMPY: Final = "NumPy image type is not supported in this configuration of `inference`."
_NUMPY_OBJECT: Final = "Data provided as input could not be decoded into np.ndarray object."
_UNDECODED_TYPES: Final = frozenset({"pil", "multipart", "file"})  # known to the server's code, not to its web API


def concept_segment(request: wire.LenientConceptSegmentRequest, backend: Backend) -> Answer:
    """Answer a request as the server does.

    Raises:
        Refusal: 400, 404 or 500.
    """
    model_id = request.model_id
    if not model_id:
        raise message(500, INTERNAL_ERROR)
    if not fits_a_header(model_id):
        raise Refusal(500, PLAIN_ERROR)
    with answering_as(model_id):
        _refuse_model_of_another_kind(model_id)
        concept.refuse_unknown_model(model_id)
        picture = _load(request.image, backend)
        if request.format == "binary" or any(prompt.boxes and not prompt.box_labels for prompt in request.prompts):
            raise message(500, INTERNAL_ERROR)
        if any(not _is_utf8(prompt.text) for prompt in request.prompts):
            raise message(500, INTERNAL_ERROR)
    found = _filtered([backend.engine.find(concept.concept_of(prompt), picture) for prompt in request.prompts], request)
    if request.nms_iou_threshold is not None:
        found = concept.suppress_overlaps(found, request.nms_iou_threshold)
    if request.format not in POLYGON_NAMES and request.format != "rle":
        found = [[] for _ in found]
    format_name = "rle" if request.format == "rle" else "polygon"
    return concept.answer_of(found, request.prompts, format_name=format_name, picture=picture, model_id=model_id)


def visual_segment(request: wire.LenientVisualSegmentRequest, backend: Backend) -> Answer:
    """Answer a request as the server does.

    Raises:
        Refusal: 400 or 500.
    """
    with answering_as(visual.MODEL):
        embedding = visual.embedded(request.image_id, lambda: _load(request.image, backend), backend)
        _refuse_unequal_boxes(request.asked)
        if request.format not in {"json", "polygon", "rle", "binary"}:
            raise message(500, INTERNAL_ERROR)
    if request.format == "binary":
        raise Refusal(500, PLAIN_ERROR)
    found = (_best(prompt, embedding.picture, backend.engine) for prompt in request.asked)
    format_name = "rle" if request.format == "rle" else "polygon"
    work = visual.work_of(request, request.asked, embedding, backend)
    return visual.answer_of(found, format_name=format_name, picture=embedding.picture, work=work)


def embed_image(request: wire.LenientEmbedImageRequest, backend: Backend) -> Answer:
    """Remember an image as the server does.

    Raises:
        Refusal: 400 or 500.
    """
    with answering_as(visual.MODEL):
        if not _is_utf8(request.image_id):
            raise message(500, INTERNAL_ERROR)
        return visual.answer_of_embedding(request.image_id, lambda: _load(request.image, backend), backend)


def _load(image: wire.LenientImage | None, backend: Backend) -> Picture:
    """Load an image of whatever type it claims to be."""
    if image is None:
        raise message(500, INTERNAL_ERROR)
    kind = image.type.lower()
    if kind == "numpy":
        raise unloadable_image(_NUMPY)
    if kind == "numpy_object":  # whatever JSON holds, it is none
        raise unloadable_image(_NUMPY_OBJECT)
    if kind not in {"base64", "url", *_UNDECODED_TYPES}:
        raise unloadable_image(_UNKNOWN_TYPE)
    if kind not in {"base64", "url"} or not isinstance(image.value, str):
        raise message(500, INTERNAL_ERROR)
    if kind == "url":
        refuse_unreachable(image.value, only_https=True)
        return backend.picture_of_url(image.value)
    if not image.value.isascii():
        raise message(500, INTERNAL_ERROR)
    try:
        return picture_from_base64(image.value, backend.library)
    except Refusal as refusal:
        if isinstance(refusal.__cause__, TooLargeError):  # which OpenCV raises, and nothing expects
            raise message(500, INTERNAL_ERROR) from refusal
        raise


def _filtered(found: Sequence[Sequence[Instance]], request: wire.LenientConceptSegmentRequest) -> list[list[Instance]]:
    """Apply the thresholds.

    Zero and null mean the default; one pass of the model serves all prompts at the lowest threshold of the request, and
    only prompts with a threshold of their own are filtered again, unless NMS is on.
    """
    threshold_of_request = request.output_prob_thresh or DEFAULT_THRESHOLD
    own = [prompt.output_prob_thresh for prompt in request.prompts]
    floor = min([threshold_of_request, *(threshold for threshold in own if threshold is not None)])
    kept = []
    for instances, threshold in zip(found, own, strict=True):
        passed = (
            [*instances, *_queries_left(instances)]
            if not floor > 0
            else [one for one in instances if one.confidence > floor]
        )
        if threshold is None and request.nms_iou_threshold is not None:
            threshold = threshold_of_request
        kept.append(passed if threshold is None else [one for one in passed if one.confidence >= threshold])
    return kept


def _queries_left(instances: Sequence[Instance]) -> list[Instance]:
    """Make the queries that found nothing: without a threshold they come back too, with empty masks."""
    return [Instance(0.0, partial(union, ())) for _ in range(QUERIES - len(instances))]


def _best(prompt: wire.LenientVisualPrompt, picture: Picture, engine: Engine) -> Instance:
    """Take the best of three; an empty mask where nothing positive asks for one."""
    if prompt.box is None and not any(point.positive for point in prompt.points or ()):
        return Instance(UNSURE, partial(union, ()))
    return engine.segment(visual.target_of(prompt), picture)[0]


def _refuse_unequal_boxes(prompts: Sequence[wire.LenientVisualPrompt]) -> None:
    """Refuse boxes beside points unless every prompt has one: the server stacks them into one array."""
    boxes = sum(prompt.box is not None for prompt in prompts)
    if boxes and any(prompt.points for prompt in prompts) and boxes != len(prompts):
        raise message(500, INTERNAL_ERROR)


def _refuse_model_of_another_kind(model_id: str) -> None:
    if model_id == visual.MODEL:
        raise message(500, INTERNAL_ERROR)
    if model_id.startswith("sam2/"):
        raise message(500, "Service misconfiguration.")


def _is_utf8(text: str | None) -> bool:
    """Check whether a text can be written; JSON lets half a surrogate pair in."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        return False
    return True
