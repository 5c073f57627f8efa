"""C: what ``concept_segment`` promises of its results."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract.checks.asked import Asked, asked_of, context_of, corners_of, grouped, number
from sam3_contract.checks.law import Breach, Check, Judgement, Shown, each, shown
from sam3_contract.checks.likeness import bitmap_of, differences, frame_of, runs_of
from sam3_contract.checks.predictions import Place, concept_results
from sam3_contract.exchange import Exchange
from sam3_contract.masks import area_of_run_lengths
from sam3_contract.spec import Contract

__all__ = ["CHECKS", "THRESHOLD_QUIRKS"]

Corners = tuple[float, float, float, float]

THRESHOLD_QUIRKS: Final = "zero_threshold_means_default"  # the deviation that all oddities of thresholds belong to
HALF: Final = 0.5


def _prompts(exchange: Exchange) -> Sequence[Any]:
    prompts = exchange.case.sent.get("prompts")
    return prompts if isinstance(prompts, list) else []


def _results_follow_prompts(exchange: Exchange, _: Contract) -> list[Breach] | None:
    results = concept_results(exchange)
    if results is None:
        return None
    return list(_out_of_step(results, _prompts(exchange)))


def _out_of_step(results: Sequence[Any], prompts: Sequence[Any]) -> Iterator[Breach]:
    if len(results) != len(prompts):
        yield Breach("$.prompt_results", f"{len(results)} results", f"{len(prompts)}, one for each prompt")
    for index, result in enumerate(results):
        if isinstance(result, dict) and result.get("prompt_index") != index:
            yield Breach(f"$.prompt_results[{index}].prompt_index", shown(result.get("prompt_index")), str(index))


def _echo_repeats_the_prompt(exchange: Exchange, _: Contract) -> list[Breach] | None:
    results = concept_results(exchange)
    if not results:
        return None
    pairs = enumerate(zip(results, _prompts(exchange), strict=False))
    return [breach for index, (result, prompt) in pairs for breach in _wrong_echo(index, result, prompt)]


def _wrong_echo(index: int, result: Any, prompt: Any) -> Iterator[Breach]:
    echo = result.get("echo") if isinstance(result, dict) else None
    if not isinstance(echo, dict) or not isinstance(prompt, dict):
        return  # the schema says so
    boxes = len(prompt.get("boxes") or ())
    wanted = {
        "prompt_index": index,
        "type": "visual" if boxes else "text",
        "text": prompt.get("text"),
        "num_boxes": boxes,
    }
    for field, value in wanted.items():
        if field in echo and echo[field] != value:
            yield Breach(f"$.prompt_results[{index}].echo.{field}", shown(echo[field]), shown(value))


def _confidence_reaches_threshold(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged, found, quirks = 0, [], False
    for exchange in exchanges:
        asked = [one for one in asked_of(exchange) if one.threshold is not None and one.places]
        judged += bool(asked)
        quirks |= any(one.threshold > one.served_threshold for one in asked if one.threshold and one.served_threshold)
        found += [breach for one in asked for breach in _too_unsure(one)]
    seen = any(breach.deviation for breach in found)
    return Judgement(judged, tuple(found), frozenset({THRESHOLD_QUIRKS}) if quirks and not seen else frozenset())


def _too_unsure(asked: Asked) -> Iterator[Breach]:
    for place in asked.places:
        confidence = number(place.prediction.get("confidence"))
        if confidence is None or asked.threshold is None or confidence >= asked.threshold:
            continue
        explained = asked.served_threshold is not None and confidence >= asked.served_threshold
        yield Breach(
            f"{place.path}.confidence",
            shown(confidence),
            f"at least the threshold, {asked.threshold}",
            exchange=asked.exchange,
            deviation=THRESHOLD_QUIRKS if explained else "",
        )


def _prompts_do_not_interact(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    def key(asked: Asked) -> Hashable | None:
        if asked.threshold is None or _has_nms(asked):
            return None
        return (context_of(asked.exchange), asked.question, asked.threshold, asked.served_threshold, asked.strict)

    judged = 0
    found: list[Breach] = []
    for _key, (first, *others) in grouped(exchanges, key):
        for other in others:
            if other.exchange is first.exchange or other.exchange.case.signature != first.exchange.case.signature:
                judged += 1
                found += differences(first, other, law="other prompts beside it change nothing")
    return Judgement(judged, tuple(found))


def _box_forms_agree(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    def key(asked: Asked) -> Hashable | None:
        corners = corners_of(asked.prompt)
        if not corners or asked.threshold is None or _has_nms(asked):
            return None
        rest = {name: value for name, value in asked.prompt.items() if name != "boxes"}
        return (
            context_of(asked.exchange),
            repr(sorted(rest.items(), key=repr)),
            tuple(corners),
            asked.served_threshold,
        )

    judged = 0
    found: list[Breach] = []
    for _key, (first, *others) in grouped(exchanges, key):
        for other in others:
            if other.prompt.get("boxes") != first.prompt.get("boxes"):
                judged += 1
                found += differences(first, other, law="the two forms of a box mean the same")
    return Judgement(judged, tuple(found))


def _exemplar_is_found(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for asked, size in _with_boxes(exchanges):
        for index, box in _boxes_labelled(asked, 1):
            if not _lies_inside(box, size):
                continue
            judged += 1
            if not any(_share_inside(place, box, size) >= HALF for place in asked.places):
                at = f"{asked.path} (prompts[{asked.index}].boxes[{index}])"
                masks = Shown(
                    tuple(place.prediction.get("masks") for place in asked.places), (_drawn(box, size),), size
                )
                counts = f"{len(asked.places)} predictions, none with half of its mask in the box"
                wanted = f"one that lies in the box {_told(box)}"
                why = "boxes of concept_segment are anchored at their top left corner"
                found.append(Breach(at, counts, wanted, why, exchange=asked.exchange, masks=masks))
    return Judgement(judged, tuple(found))


def _negative_exemplar_excludes(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Judge only where the same prompt without its negative boxes found something in them."""

    def key(asked: Asked) -> Hashable:
        return (context_of(asked.exchange), asked.prompt.get("text"), _positive(asked), asked.served_threshold)

    every = (asked for exchange in exchanges for asked in asked_of(exchange))
    plain = {key(asked): asked for asked in every if not _boxes_labelled(asked, 0)}
    judged = 0
    found: list[Breach] = []
    for asked, size in _with_boxes(exchanges):
        partner = plain.get(key(asked))
        for _index, box in _boxes_labelled(asked, 0) if partner else ():
            if partner and any(_share_inside(place, box, size) >= HALF for place in partner.places):
                judged += 1
                inside = [place for place in asked.places if _share_inside(place, box, size) >= HALF]
                found += [
                    Breach(
                        f"{place.path}.masks",
                        f"an instance in the negative box {_told(box)}",
                        "none there",
                        exchange=asked.exchange,
                        masks=Shown((place.prediction.get("masks"),), (), size),
                        beside=(partner.exchange,),
                    )
                    for place in inside[:1]
                ]
                if not inside and not asked.places and len(partner.places) > 1:
                    found.append(
                        Breach(
                            asked.path,
                            "nothing at all",
                            f"what {partner.exchange.case.id} finds beside the box: the text still counts",
                            exchange=asked.exchange,
                            beside=(partner.exchange,),
                        )
                    )
    return Judgement(judged, tuple(found))


def _with_boxes(exchanges: Sequence[Exchange]) -> Iterator[tuple[Asked, tuple[int, int]]]:
    for exchange in exchanges:
        size = frame_of(exchange)
        # What NMS took away says nothing of exemplars.
        plain = exchange.case.sent.get("nms_iou_threshold") is None
        if size is not None and plain and exchange.case.operation == "concept_segment":
            yield from ((asked, size) for asked in asked_of(exchange) if asked.prompt.get("boxes"))


def _boxes_labelled(asked: Asked, label: int) -> list[tuple[int, Corners]]:
    labels = asked.prompt.get("box_labels")
    corners = corners_of(asked.prompt) or []
    if not isinstance(labels, list) or len(labels) != len(corners):
        return []
    numbered = enumerate(zip(corners, labels, strict=True))
    return [(index, box) for index, (box, own) in numbered if type(own) is int and own == label]


def _positive(asked: Asked) -> tuple[Corners, ...]:
    return tuple(box for _, box in _boxes_labelled(asked, 1))


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
    left, top, right, bottom = (round(max(min(edge, 1e6), -1e6)) for edge in box)
    return slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))


def _drawn(box: Corners, size: tuple[int, int]) -> NDArray[np.bool_]:
    bitmap = np.zeros(size, np.bool_)
    bitmap[_window(box)] = True
    return bitmap


def _told(box: Corners) -> str:
    return "from ({:g}, {:g}) to ({:g}, {:g})".format(*box)


def _has_nms(asked: Asked) -> bool:
    return asked.exchange.case.sent.get("nms_iou_threshold") is not None


CHECKS = (
    Check(
        code="C01",
        name="results_follow_prompts",
        law="There is one result for each prompt, in the order of the prompts, numbered from 0.",
        source="server",
        rule="#/components/schemas/ConceptSegmentResponse/properties/prompt_results",
        mend="A prompt that found nothing keeps its result, with an empty list of predictions.",
        judge=each(_results_follow_prompts),
    ),
    Check(
        code="C02",
        name="echo_repeats_the_prompt",
        law="The echo holds the prompt's index, its text letter by letter, its number of boxes, and its kind.",
        source="server",
        rule="#/components/schemas/Echo",
        mend="Echo what was sent, not what it was normalised to; the kind is visual exactly if there are boxes.",
        judge=each(_echo_repeats_the_prompt),
    ),
    Check(
        code="C03",
        name="confidence_reaches_threshold",
        law="No prediction is less confident than its prompt's threshold, or the request's if it has none.",
        source="docs",
        rule="#/components/schemas/ConceptSegmentRequest/properties/output_prob_thresh",
        mend="Filter each prompt at its own threshold, also where one pass of the model serves several prompts.",
        judge=_confidence_reaches_threshold,
        needs="a prediction of concept_segment",
    ),
    Check(
        code="C04",
        name="prompts_do_not_interact",
        law="Without NMS a prompt finds the same whatever other prompts stand beside it, in whatever order.",
        source="derived",
        rule="#/components/schemas/ConceptSegmentRequest/properties/prompts",
        mend="Look whether results are mixed up between the prompts of a batch, merged, or cut to a common number.",
        judge=_prompts_do_not_interact,
        needs="the same prompt in two requests with different company, or twice in one",
    ),
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
