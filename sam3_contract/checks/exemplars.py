"""C: what exemplar boxes of ``concept_segment`` find, and what they exclude."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract.checks.check import Breach, Check, Judgement, Shown
from sam3_contract.checks.ground_truth import SURE
from sam3_contract.checks.matching import bitmap_of, differences, frame_of, runs_of
from sam3_contract.checks.predictions import Place, list_of
from sam3_contract.checks.prompts import Asked, asked_of, context_of, corners_of, grouped
from sam3_contract.exchange import Exchange
from sam3_contract.masks import area_of_run_lengths
from sam3_contract.spec import Contract

__all__ = ["CHECKS"]

Corners = tuple[float, float, float, float]

HALF: Final = 0.5
FAR: Final = 1e6  # pixels; coordinates beyond are as good as this one


def _box_forms_agree(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for _key, (first, *others) in grouped(exchanges, _question):
        for other in others:
            if other.prompt.get("boxes") != first.prompt.get("boxes"):
                judged += 1
                found += differences(first, other, law="the two forms of a box mean the same")
    return Judgement(judged, tuple(found))


def _question(asked: Asked) -> Hashable | None:
    corners = corners_of(asked.prompt)
    if not corners or asked.threshold is None or asked.exchange.case.sent.get("nms_iou_threshold") is not None:
        return None
    rest = Asked(asked.exchange, 0, {name: value for name, value in asked.prompt.items() if name != "boxes"}, ())
    return (context_of(asked.exchange), rest.question, tuple(corners), asked.threshold, asked.served_threshold)


def _exemplar_is_found(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for asked, size in _with_boxes(exchanges):
        for index, box in _boxes_labelled(asked, 1):
            if _lies_inside(box, size) and (asked.threshold or 0.0) <= SURE:
                judged += 1
                if not any(_share_inside(place, box, size) >= HALF for place in asked.places):
                    found.append(_not_found(asked, index, box, size))
    return Judgement(judged, tuple(found))


def _not_found(asked: Asked, index: int, box: Corners, size: tuple[int, int]) -> Breach:
    return Breach(
        f"{asked.path} (prompts[{asked.index}].boxes[{index}])",
        f"{len(asked.places)} predictions, none with half of its mask in the box",
        f"one that lies in the box {_told(box)}",
        "boxes of concept_segment are anchored at their top left corner",
        exchange=asked.exchange,
        masks=Shown(tuple(place.prediction.get("masks") for place in asked.places), (_drawn(box, size),), size),
    )


def _negative_exemplar_excludes(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Judge only where the same prompt without its negative boxes found something in them."""
    every = (asked for exchange in exchanges for asked in asked_of(exchange))
    plain = {_without_negatives(asked): asked for asked in every if not _boxes_labelled(asked, 0)}
    judged = 0
    found: list[Breach] = []
    for asked, size in _with_boxes(exchanges):
        partner = plain.get(_without_negatives(asked))
        for _index, box in _boxes_labelled(asked, 0) if partner else ():
            if partner and any(_share_inside(place, box, size) >= HALF for place in partner.places):
                judged += 1
                found += _not_excluded(asked, partner, box, size)
    return Judgement(judged, tuple(found))


def _without_negatives(asked: Asked) -> Hashable:
    positive = tuple(box for _, box in _boxes_labelled(asked, 1))
    text = asked.prompt.get("text")
    return (context_of(asked.exchange), text if isinstance(text, str) else "", positive, asked.served_threshold)


def _not_excluded(asked: Asked, partner: Asked, box: Corners, size: tuple[int, int]) -> Iterator[Breach]:
    inside = [place for place in asked.places if _share_inside(place, box, size) >= HALF]
    if inside:
        yield Breach(
            f"{inside[0].path}.masks",
            f"an instance in the negative box {_told(box)}",
            "none there",
            exchange=asked.exchange,
            masks=Shown((inside[0].prediction.get("masks"),), (), size),
            beside=(partner.exchange,),
        )
    elif not asked.places and len(partner.places) > 1:
        yield Breach(
            asked.path,
            "nothing at all",
            f"what {partner.exchange.case.id} finds beside the box: the text still counts",
            exchange=asked.exchange,
            beside=(partner.exchange,),
        )


def _with_boxes(exchanges: Sequence[Exchange]) -> Iterator[tuple[Asked, tuple[int, int]]]:
    for exchange in exchanges:
        size = frame_of(exchange)
        # What NMS took away says nothing of exemplars.
        plain = exchange.case.sent.get("nms_iou_threshold") is None
        if size is not None and plain and exchange.case.operation == "concept_segment":
            yield from ((asked, size) for asked in asked_of(exchange) if asked.prompt.get("boxes"))


def _boxes_labelled(asked: Asked, label: int) -> list[tuple[int, Corners]]:
    labels, corners = list_of(asked.prompt, "box_labels"), corners_of(asked.prompt) or []
    if len(labels) != len(corners):
        return []
    numbered = enumerate(zip(corners, labels, strict=True))
    return [(index, box) for index, (box, own) in numbered if type(own) is int and own == label]


def _share_inside(place: Place, box: Corners, size: tuple[int, int]) -> float:
    """Tell how much of a mask lies in a box, in 0..1."""
    runs = runs_of(place, size)
    area = area_of_run_lengths(runs) if runs is not None else 0
    if runs is None or not area:
        return 0.0
    return int(np.count_nonzero(bitmap_of(runs, size)[_window(box)])) / area


def _lies_inside(box: Corners, size: tuple[int, int]) -> bool:
    """Tell whether a box has an area, and all of it is of the image."""
    left, top, right, bottom = box
    return 0 <= left < right <= size[1] and 0 <= top < bottom <= size[0]


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
