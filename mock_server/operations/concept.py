"""Answers of ``concept_segment``: the instances of each concept, by threshold and suppression."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from mock_server.drawing.patches import Patch, iou
from mock_server.engines.protocol import Box, Concept, Instance
from mock_server.http.refusals import NOT_FOUND, answering_as, message
from mock_server.images.loading import Picture, load_picture
from mock_server.operations.backend import Answer, Backend, json_answer
from mock_server.operations.bounds import MOST_HELD, MaskWriter, drawn
from sam3_contract import wire
from sam3_contract.wire.requests import CONCEPT_MODEL

AnyPrompt: TypeAlias = "wire.ConceptPrompt | wire.LenientConceptPrompt"

_KNOWN_MODEL: Final = re.compile(r"sam3|sam3/sam3_final|(?!sam[23]/)[^/]+/[^/]+")  # whatever looks fine-tuned exists


def concept_segment(request: wire.ConceptSegmentRequest, backend: Backend) -> Answer:
    """Answer a request.

    Raises:
        Refusal: 400 or 404 if the model or the image cannot be loaded.
    """
    with answering_as(request.model_id):
        refuse_unknown_model(request.model_id)
        picture = load_picture(request.image, backend.picture_of_url, backend.library)
    engine = backend.engine
    found = [_keep_confident(engine.find(concept_of(prompt), picture), prompt, request) for prompt in request.prompts]
    if request.nms_iou_threshold is not None:
        found = suppress_overlaps(found, request.nms_iou_threshold)
    return answer_of(found, request.prompts, format_name=request.format, picture=picture, model_id=request.model_id)


def answer_of(
    found: Sequence[Sequence[Instance]],
    prompts: Sequence[AnyPrompt],
    *,
    format_name: str,
    picture: Picture,
    model_id: str,
) -> Answer:
    """Write what was found.

    Args:
        found: The instances of each prompt.
        prompts: What was asked.
        format_name: ``polygon`` or ``rle``.
        picture: The image.
        model_id: As the client asked for it.
    """
    writer = MaskWriter(format_name, picture.size)
    results = [
        _prompt_result(index, prompt, instances, writer)
        for index, (prompt, instances) in enumerate(zip(prompts, found, strict=True))
    ]
    cost = 150_000 + 12_000 * len(prompts) + 900 * sum(map(len, found))
    return json_answer({"prompt_results": results}, model_id=model_id, resolved=CONCEPT_MODEL, microseconds=cost)


def concept_of(prompt: AnyPrompt) -> Concept:
    """Read what a prompt asks an engine for."""
    boxes = [(_box(box), label) for box, label in zip(prompt.boxes or [], prompt.box_labels or [], strict=True)]
    positive, negative = (tuple(box for box, label in boxes if bool(label) is wanted) for wanted in (True, False))
    return Concept(prompt.text, positive, negative)


def suppress_overlaps(found: list[list[Instance]], threshold: float) -> list[list[Instance]]:
    """Apply greedy non-maximum suppression across all prompts, on the IoU of the masks.

    Of two instances whose IoU is larger than the threshold the less confident one goes; of equals the later one. The
    rest keep their order.

    Raises:
        Refusal: 599 if there is too much to compare.
    """
    ranked = sorted((instance for instances in found for instance in instances), key=lambda one: -one.confidence)
    masks: list[Patch] = []
    windows = np.empty((len(ranked), 4), np.int64)  # of those that stay: only masks whose windows overlap are compared
    kept: set[int] = set()
    for instance, mask in zip(ranked, drawn(ranked, most=MOST_HELD), strict=True):
        beyond = (mask.bottom, mask.right, -mask.top, -mask.left)
        near = np.flatnonzero((windows[: len(masks)] < beyond).all(axis=1))
        overlaps = (iou(mask, masks[index]) for index in near)
        if not any(shared > threshold * total for shared, total in overlaps):
            windows[len(masks)] = (mask.top, mask.left, -mask.bottom, -mask.right)
            masks.append(mask)
            kept.add(id(instance))
    return [[instance for instance in instances if id(instance) in kept] for instances in found]


def _keep_confident(
    found: Sequence[Instance], prompt: wire.ConceptPrompt, request: wire.ConceptSegmentRequest
) -> list[Instance]:
    own = prompt.output_prob_thresh
    threshold = request.output_prob_thresh if own is None else own
    return [instance for instance in found if instance.confidence >= threshold]


def _prompt_result(index: int, prompt: AnyPrompt, found: Sequence[Instance], writer: MaskWriter) -> dict[str, Any]:
    boxes = len(prompt.boxes or [])
    echo = {
        "prompt_index": index,
        "type": "visual" if boxes else "text",
        "text": prompt.text,
        "num_boxes": boxes,
    }
    return {"prompt_index": index, "echo": echo, "predictions": list(map(writer.prediction, found))}


def _box(box: wire.TopLeftBox | wire.CornerBox) -> Box:
    if isinstance(box, wire.CornerBox):
        across, down = (box.x0, box.x1), (box.y0, box.y1)
    else:
        across, down = (box.x, box.x + box.width), (box.y, box.y + box.height)
    return Box(min(across), min(down), max(across), max(down))


def refuse_unknown_model(model_id: str) -> None:
    """Refuse a model id of more than two parts, and one that names no model.

    Raises:
        Refusal: 400 or 404.
    """
    if model_id.count("/") > 1:
        raise message(400, "Invalid Model ID sent in request.")
    if not _KNOWN_MODEL.fullmatch(model_id):
        raise message(404, NOT_FOUND)
