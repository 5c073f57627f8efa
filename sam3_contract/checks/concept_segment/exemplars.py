"""C: what exemplar boxes of ``concept_segment`` find, and what they exclude."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract.checks.check import Breach, Check, Judgement, Shown
from sam3_contract.checks.matching import differences
from sam3_contract.checks.prompts import AnsweredPrompt, context_of, corners_of, grouped, is_suppressed, prompts_of
from sam3_contract.checks.truth.ground_truth import SURE
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import Prediction, frame_of, list_of
from sam3_contract.spec import Contract

Corners = tuple[float, float, float, float]

HALF: Final = 0.5
FAR: Final = 1e6  # pixels; coordinates beyond are as good as this one


def _box_forms_agree(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for _key, (first, *others) in grouped(exchanges, _question):
        for other in others:
            if other.sent.get("boxes") != first.sent.get("boxes"):
                judged += 1
                found += differences(first, other, law="the two forms of a box mean the same")
    return Judgement(judged, tuple(found))


def _question(prompt: AnsweredPrompt) -> Hashable | None:
    corners = corners_of(prompt.sent)
    if not corners or prompt.threshold is None or is_suppressed(prompt.exchange):
        return None
    rest = replace(prompt, sent={name: value for name, value in prompt.sent.items() if name != "boxes"})
    return (context_of(prompt.exchange), rest.question, _in_order(corners), prompt.threshold, prompt.served_threshold)


def _in_order(corners: Sequence[Corners]) -> tuple[Corners, ...]:
    """Put the edges of each box in order: two corners mean the same whichever comes first."""
    return tuple((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)) for x0, y0, x1, y1 in corners)


def _exemplar_is_found(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Judge each prompt once: a model may take several boxes for one concept, and find what is like the first only.

    What a negative box of the prompt reaches into is meant and excluded, of which nothing can be said.
    """
    judged = 0
    found: list[Breach] = []
    for prompt, size in _with_boxes(exchanges):
        unlike = _negatives(prompt)
        inside = [
            (index, box)
            for index, box in _boxes_labelled(prompt, 1)
            if _holds_pixels(box, size) and not any(_meet(box, other) for other in unlike)
        ]
        if inside and (prompt.threshold or 0.0) <= SURE:
            judged += 1
            missed = next((one for one in inside if not _is_found(prompt, one[1])), None)
            if missed is not None:
                found.append(_not_found(prompt, *missed, size))
    return Judgement(judged, tuple(found))


def _meet(box: Corners, beside: Corners) -> bool:
    """Tell whether two boxes have a place in common."""
    one, other = _in_order((box, beside))
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _is_found(prompt: AnsweredPrompt, box: Corners) -> bool:
    return any(_share_inside(one, box) >= HALF for one in prompt.predictions)


def _not_found(prompt: AnsweredPrompt, index: int, box: Corners, size: tuple[int, int]) -> Breach:
    return Breach(
        f"{prompt.path} (prompts[{prompt.index}].boxes[{index}])",
        f"{len(prompt.predictions)} predictions, none with half of its mask in the box",
        f"one that lies in the box {_told(box)}",
        _misread(prompt, index),
        exchange=prompt.exchange,
        masks=Shown(tuple(one.value.get("masks") for one in prompt.predictions), (_drawn(box, size),), size),
    )


def _misread(prompt: AnsweredPrompt, index: int) -> str:
    """Tell whether a box was anchored at its centre, as those of ``visual_segment`` are: something lies in that one."""
    box = prompt.sent["boxes"][index]
    if "width" not in box:
        return ""
    left, top = box["x"] - box["width"] / 2, box["y"] - box["height"] / 2
    centred = (left, top, left + box["width"], top + box["height"])
    return "x and y were taken for the centre of the box" if _is_found(prompt, centred) else ""


def _negative_exemplar_excludes(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Judge only where the same prompt without its negative boxes found something in them."""
    every = (prompt for exchange in exchanges for prompt in prompts_of(exchange))
    plain = {_without_negatives(prompt): prompt for prompt in every if not _boxes_labelled(prompt, 0)}
    judged = 0
    found: list[Breach] = []
    for prompt, size in _with_boxes(exchanges):
        partner = plain.get(_without_negatives(prompt))
        for box in _negatives(prompt) if partner else ():
            if partner and any(_share_inside(one, box) >= HALF for one in partner.predictions):
                judged += 1
                found += _not_excluded(prompt, partner, box, size)
    return Judgement(judged, tuple(found))


def _without_negatives(prompt: AnsweredPrompt) -> Hashable:
    positive = tuple(box for _, box in _boxes_labelled(prompt, 1))
    text = prompt.sent.get("text")
    return (context_of(prompt.exchange), text if isinstance(text, str) else "", positive, prompt.served_threshold)


def _not_excluded(
    prompt: AnsweredPrompt, partner: AnsweredPrompt, box: Corners, size: tuple[int, int]
) -> Iterator[Breach]:
    inside = [one for one in prompt.predictions if _share_inside(one, box) >= HALF]
    if inside:
        yield Breach(
            f"{inside[0].path}.masks",
            f"an instance in the negative box {_told(box)}",
            "none there",
            exchange=prompt.exchange,
            masks=Shown((inside[0].value.get("masks"),), (), size),
            beside=(partner.exchange,),
        )
    elif not prompt.predictions and _is_something_left(partner, _negatives(prompt)):
        yield Breach(
            prompt.path,
            "nothing at all",
            f"what {partner.exchange.case.id} finds beside the box: the rest of the prompt still counts",
            exchange=prompt.exchange,
            beside=(partner.exchange,),
        )


def _negatives(prompt: AnsweredPrompt) -> list[Corners]:
    return [box for _, box in _boxes_labelled(prompt, 0)]


def _is_something_left(partner: AnsweredPrompt, boxes: Sequence[Corners]) -> bool:
    """Tell whether something lies clear of the boxes: what reaches into one may be meant by it."""
    wider = [(left - 1, top - 1, right + 1, bottom + 1) for left, top, right, bottom in _in_order(boxes)]
    return any(not any(_share_inside(one, box) for box in wider) for one in partner.predictions)


def _with_boxes(exchanges: Sequence[Exchange]) -> Iterator[tuple[AnsweredPrompt, tuple[int, int]]]:
    for exchange in exchanges:
        size = frame_of(exchange)
        # What NMS took away says nothing of exemplars.
        plain = not is_suppressed(exchange)
        if size is not None and plain and exchange.case.operation == "concept_segment":
            yield from ((prompt, size) for prompt in prompts_of(exchange) if prompt.sent.get("boxes"))


def _boxes_labelled(prompt: AnsweredPrompt, label: int) -> list[tuple[int, Corners]]:
    labels, corners = list_of(prompt.sent, "box_labels"), corners_of(prompt.sent) or []
    if len(labels) != len(corners):
        return []
    numbered = enumerate(zip(corners, labels, strict=True))
    return [(index, box) for index, (box, own) in numbered if type(own) is int and own == label]


def _share_inside(prediction: Prediction, box: Corners) -> float:
    """Measure how much of a mask lies in a box, in 0..1."""
    mask = prediction.mask
    if mask is None or not mask.area:
        return 0.0
    return int(np.count_nonzero(mask.bitmap[_window(box)])) / mask.area


def _holds_pixels(box: Corners, size: tuple[int, int]) -> bool:
    """Tell whether most of a box is of the image; it may reach across the border."""
    left, top, right, bottom = box
    if left >= right or top >= bottom:
        return False
    across, down = min(right, size[1]) - max(left, 0), min(bottom, size[0]) - max(top, 0)
    return across >= HALF * (right - left) and down >= HALF * (bottom - top)


def _window(box: Corners) -> tuple[slice, slice]:
    left, top, right, bottom = (round(max(min(edge, FAR), -FAR)) for edge in box)
    return slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))


def _drawn(box: Corners, size: tuple[int, int]) -> NDArray[np.bool_]:
    bitmap = np.zeros(size, np.bool_)
    bitmap[_window(box)] = True
    return bitmap


def _told(box: Corners) -> str:
    return "from ({:g}, {:g}) to ({:g}, {:g})".format(*box)


CHECKS = (
    Check(
        code="C05",
        name="exemplar_box_forms_agree",
        law="An exemplar finds the same, given as corner and size or as two corners.",
        source="server",
        rule="#/components/schemas/ConceptPrompt/properties/boxes",
        mend="{x, y, width, height} is anchored at its top left corner here, unlike in visual_segment.",
        judge=_box_forms_agree,
        needs="one exemplar box in both forms",
    ),
    Check(
        code="C06",
        name="positive_exemplar_is_found",
        law="What a positive exemplar boxes is among what is found.",
        source="docs",
        rule="#/components/schemas/ConceptPrompt/properties/boxes",
        mend="Boxes are in pixels of the image, x and y their top left corner; 1 is positive.",
        judge=_exemplar_is_found,
        kind="statistical",
        least=0.5,
        needs="a prompt with a positive exemplar box",
    ),
    Check(
        code="C07",
        name="negative_exemplar_excludes",
        law="What a negative exemplar boxes is not among what is found, and other instances of the text still are.",
        source="docs",
        rule="#/components/schemas/ConceptPrompt/properties/box_labels",
        mend="0 is negative; look whether labels get lost, or are read the other way round.",
        judge=_negative_exemplar_excludes,
        kind="statistical",
        least=0.5,
        needs="a prompt with and without a negative box, where the one without found something in it",
    ),
)
