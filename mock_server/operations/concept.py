"""Answers of ``concept_segment``: which instances an image holds of a concept, true ones or synthetic ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from mock_server.annotations.annotated_image import AnnotatedImage
from mock_server.drawing.dice import Dice
from mock_server.drawing.encoding import confidence_from_permille, rings_from_patch, rle_from_patch
from mock_server.drawing.patches import Patch, iou
from mock_server.drawing.shapes import KINDS, compose, draw
from mock_server.engines.specimens import specimen_of
from mock_server.http.refusals import NOT_FOUND, answering_as, message
from mock_server.images.loading import Picture, load_picture
from mock_server.operations.backend import Answer, World, json_answer
from sam3_contract import wire

__all__ = ["Instance", "answer_of", "concept_segment", "find", "refuse_unknown_model", "suppress_overlaps"]

AnyPrompt = wire.ConceptPrompt | wire.LenientConceptPrompt

MODEL: Final = "sam3/sam3_final"
MAX_INSTANCES: Final = 6  # of one text
MAX_ANNOTATED: Final = 200  # annotations of one prompt
MAX_EXEMPLARS: Final = 8  # positive boxes of one prompt that get instances
LEAST_SURE, SUREST = 20, 999  # permille; of an instance of a text
MAX_RADIUS: Final = 1024  # half pixels; many instances are held at once
FAR: Final = 1e6  # coordinates beyond are as good as this one, and fit integers
_KNOWN_MODEL: Final = re.compile(r"sam3|sam3/sam3_final|(?!sam[23]/)[^/]+/[^/]+")  # whatever looks fine-tuned exists


class Instance:
    """One thing found, drawn when somebody looks: most are too unsure to pass the threshold.

    Args:
        confidence: A widened 32-bit float in 0..1.
        draw: Makes its mask.
    """

    def __init__(self, confidence: float, draw: Callable[[], Patch]) -> None:
        self.confidence = confidence
        self._draw = draw
        self._patch: Patch | None = None

    @property
    def patch(self) -> Patch:
        """Where it is."""
        if self._patch is None:
            self._patch = self._draw()
        return self._patch


@dataclass(frozen=True, slots=True)
class Box:
    """An exemplar in half pixels: edges left, top, right, bottom."""

    left: int
    top: int
    right: int
    bottom: int


def concept_segment(request: wire.ConceptSegmentRequest, world: World) -> Answer:
    """Answer a request.

    Raises:
        Refusal: 400 or 404 if the model or the image cannot be loaded.
    """
    with answering_as(request.model_id):
        refuse_unknown_model(request.model_id)
        picture = load_picture(request.image, world.picture_of_url, world.library)
    found = [_keep_confident(find(prompt, picture, seed=world.seed), prompt, request) for prompt in request.prompts]
    if request.nms_iou_threshold is not None:
        found = suppress_overlaps(found, request.nms_iou_threshold)
    return answer_of(found, request.prompts, form=request.format, picture=picture, model_id=request.model_id)


def answer_of(
    found: Sequence[Sequence[Instance]], prompts: Sequence[AnyPrompt], *, form: str, picture: Picture, model_id: str
) -> Answer:
    """Write what was found.

    Args:
        found: The instances of each prompt.
        prompts: What was asked.
        form: ``polygon`` or ``rle``.
        picture: The image.
        model_id: As the client asked for it.
    """
    results = [
        _prompt_result(index, prompt, instances, form, picture.size)
        for index, (prompt, instances) in enumerate(zip(prompts, found, strict=True))
    ]
    cost = 150_000 + 12_000 * len(prompts) + 900 * sum(map(len, found))
    return json_answer({"prompt_results": results}, model_id=model_id, resolved=MODEL, microseconds=cost)


def find(prompt: AnyPrompt, picture: Picture, *, seed: int) -> list[Instance]:
    """Find every instance of a concept: those of its text, and those like its positive exemplars.

    What is found depends on nothing but the image, this prompt and the seed; nothing is found where a negative
    exemplar is.
    """
    pairs = list(zip(map(_box, prompt.boxes or []), prompt.box_labels or [], strict=True))
    negative = [box for box, label in pairs if not label]
    positive = [box for box, label in pairs if label][:MAX_EXEMPLARS]
    found = _sought(prompt.text, positive, picture, seed)
    return [instance for instance in found if not any(_touches(instance.patch, box) for box in negative)]


def suppress_overlaps(found: list[list[Instance]], threshold: float) -> list[list[Instance]]:
    """Apply greedy non-maximum suppression across all prompts, on the IoU of the masks.

    Of two instances whose IoU is larger than the threshold the less confident one goes; of equals the later one. The
    rest keep their order.
    """
    ranked = sorted((instance for instances in found for instance in instances), key=lambda one: -one.confidence)
    survivors: list[Instance] = []
    for instance in ranked:
        near = (survivor.patch for survivor in survivors if instance.patch.meets(survivor.patch))
        overlaps = (iou(instance.patch, patch) for patch in near)
        if not any(shared > threshold * total for shared, total in overlaps):
            survivors.append(instance)
    kept = set(map(id, survivors))
    return [[instance for instance in instances if id(instance) in kept] for instances in found]


def _sought(text: str | None, boxes: Sequence[Box], picture: Picture, seed: int) -> list[Instance]:
    """Find what a text names and what is like in the boxes: the annotations of a known image, else synthetic ones."""
    specimen = None if text is None else specimen_of(text, picture.size)
    if specimen is not None:
        text = None
    found = [Instance(confidence_from_permille(permille), partial(_same, patch)) for patch, permille in specimen or ()]
    if picture.known is not None:
        return found + _annotated_instances(text, boxes, picture.known)
    if text is not None:
        found += _instances_of_text(text, picture, seed)
    for box in boxes:
        found += _instances_like(box, picture, seed)
    return found


def _annotated_instances(text: str | None, boxes: Sequence[Box], known: AnnotatedImage) -> list[Instance]:
    """Find the annotations that a text names, and those of a category that a box shows, each once and in order."""
    named = set() if text is None else set(known.named(text))
    boxed = (known.boxed((box.left, box.top, box.right, box.bottom)) for box in boxes)
    like = {one.category for one in boxed if one is not None}
    found = [one for one in known.annotations if one in named or one.category in like]
    # The model looks at so many things and no more.
    kept = set(sorted(found, key=known.permille, reverse=True)[:MAX_ANNOTATED])
    return [
        Instance(confidence_from_permille(known.permille(one)), partial(known.patch, one))
        for one in found
        if one in kept
    ]


def _instances_of_text(text: str, picture: Picture, seed: int) -> Iterator[Instance]:
    dice = Dice("concept", str(seed), picture.digest, text)
    if dice.below(8) == 0:  # now and then there is none
        return
    height, width = picture.size
    short = min(height, width, 2 * MAX_RADIUS)
    least, span = short // 8, short // 2 + 1 - short // 8
    for _ in range(dice.between(1, MAX_INSTANCES)):
        # One after the other, but at once: most of what there could be is too unsure to be looked at any further.
        kind, a, b, *place = dice.each_below(len(KINDS), span, span, *_placing(picture))
        yield _placed(KINDS[kind], (least + a, least + b), place, picture)


def _instances_like(box: Box, picture: Picture, seed: int) -> Iterator[Instance]:
    """Yield the boxed instance, then others of its kind and size elsewhere."""
    dice = Dice("exemplar", str(seed), picture.digest, repr(box))
    kind = KINDS[dice.below(len(KINDS))]
    radii = (min(abs(box.right - box.left) // 2, MAX_RADIUS), min(abs(box.bottom - box.top) // 2, MAX_RADIUS))
    center = ((box.left + box.right) // 2, (box.top + box.bottom) // 2)
    details = dice.fork()

    def boxed() -> Patch:
        patch = compose(kind, details, center=center, radii=radii, size=picture.size)
        if _touches(patch, box):
            return patch
        # A ring or a pair in a box of a few pixels.
        return draw("rectangle", center=center, radii=radii, size=picture.size)

    yield Instance(confidence_from_permille(dice.between(910, 990)), boxed)
    for _ in range(dice.below(3)):
        yield _placed(kind, radii, dice.each_below(*_placing(picture)), picture)


def _placing(picture: Picture) -> tuple[int, ...]:
    """Give the bounds of the choices that place an instance: confidence, column, row, and those of its details."""
    height, width = picture.size
    return SUREST + 1 - LEAST_SURE, 2 * width, 2 * height, 2**32


def _placed(kind: str, radii: tuple[int, int], choices: Sequence[int], picture: Picture) -> Instance:
    permille, x, y, details = choices
    drawn = partial(compose, kind, Dice.forked(details), center=(x, y), radii=radii, size=picture.size)
    return Instance(confidence_from_permille(LEAST_SURE + permille), drawn)


def _same(patch: Patch) -> Patch:
    return patch


def _keep_confident(
    found: list[Instance], prompt: wire.ConceptPrompt, request: wire.ConceptSegmentRequest
) -> list[Instance]:
    own = prompt.output_prob_thresh
    threshold = request.output_prob_thresh if own is None else own
    return [instance for instance in found if instance.confidence >= threshold]


def _prompt_result(
    index: int, prompt: AnyPrompt, found: Sequence[Instance], form: str, size: tuple[int, int]
) -> dict[str, Any]:
    boxes = len(prompt.boxes or [])
    echo = {
        "prompt_index": index,
        "type": "visual" if boxes else "text",
        "text": prompt.text,
        "num_boxes": boxes,
    }
    predictions = [
        {
            "masks": rings_from_patch(one.patch) if form == "polygon" else rle_from_patch(one.patch, size=size),
            "confidence": one.confidence,
            "format": form,
        }
        for one in found
    ]
    return {"prompt_index": index, "echo": echo, "predictions": predictions}


def _box(box: wire.TopLeftBox | wire.CornerBox) -> Box:
    if isinstance(box, wire.CornerBox):
        edges = (box.x0, box.y0, box.x1, box.y1)
    else:
        edges = (box.x, box.y, box.x + box.width, box.y + box.height)
    return Box(*(int(2 * max(-FAR, min(FAR, edge))) for edge in edges))


def _touches(patch: Patch, box: Box) -> bool:
    left, right = sorted((box.left, box.right))
    top, bottom = sorted((box.top, box.bottom))
    return bool(patch.window(top // 2, left // 2, (bottom + 1) // 2, (right + 1) // 2).any())


def refuse_unknown_model(model_id: str) -> None:
    """Refuse a model id of more than two parts, and one that names no model.

    Raises:
        Refusal: 400 or 404.
    """
    if model_id.count("/") > 1:
        raise message(400, "Invalid Model ID sent in request.")
    if not _KNOWN_MODEL.fullmatch(model_id):
        raise message(404, NOT_FOUND)
