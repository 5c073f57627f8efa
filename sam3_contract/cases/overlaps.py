"""Cases of suppression: things that overlap, with ``nms_iou_threshold`` and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract.cases.found import Found, found_in
from sam3_contract.cases.pictures.photographs import DISC, is_of_discs
from sam3_contract.cases.questions import (
    CONCEPT,
    HIGH,
    LOW,
    VERY_LOW,
    Made,
    Questions,
    body_of,
    case_of,
)
from sam3_contract.exchanges.exchange import Case, Exchange, Photograph
from sam3_contract.masks import iou_matrix
from sam3_contract.wire.requests import CONCEPT_MODEL, DEFAULT_THRESHOLD, MAX_PROMPTS

OVERLAPPING_TEXTS: Final = ("disc", "shape", "red circle", "object")
OVERLAPS_ID: Final = "overlaps"
USUAL: Final = 0.3  # an IoU above which instances are suppressed, where the answers do not tell a better one
OFF: Final = 0.01  # by which an IoU may be off to be noticed
LEAST_GAP: Final = 0.002  # between two IoUs, for a threshold between them
MAX_CANDIDATES: Final = 64
LONG_TEXTS: Final = tuple(
    f"{beginning * 12}with a {end}"
    for beginning in (
        "one of the many things that somebody describes in more words than anybody reads, ",
        "what lies on top of something else that lies on top of something, ",
    )
    for end in ("circle", "square")
)
"""Texts of which two begin alike, and two others."""

Matrix = NDArray[np.float64]
Reading = Callable[[float], frozenset[int]]


def overlap_cases(questions: Questions) -> Iterator[Case]:
    """Ask for things that overlap: without suppression, at other thresholds, and with none suppressed."""
    last = questions.photographs[-1]
    plain = replace(_suppressed(questions, last, None, "no_nms"), headers={"accept-encoding": "gzip, deflate"})
    yield plain
    yield _with_default_thresholds(plain, last)
    yield _with_lower_thresholds(plain, last)
    # Under a name, which means nothing where texts are asked for: thresholds count beside it, too.
    none_suppressed = _suppressed(questions, last, 1, "nms_of_one")
    yield replace(none_suppressed, body={**none_suppressed.sent, "image_id": questions.image_id(OVERLAPS_ID)})


def polygon_case(questions: Questions) -> Iterator[Case]:
    """Ask for the same things as polygons."""
    last = questions.photographs[-1]
    plain = _suppressed(questions, last, None, "no_nms")
    polygons = {**plain.sent, "format": "polygon"}
    yield replace(plain, id=f"{CONCEPT}/{last.name}/polygon_of_overlaps", body=polygons, beside=(plain.id,))


def written_out_case(questions: Questions) -> Iterator[Case]:
    """Ask the same again, with what is not said said by null, and what is the default anyway written out."""
    last = questions.photographs[-1]
    plain = _suppressed(questions, last, None, "no_nms")
    nothing: tuple[dict[str, Any], ...] = ({"boxes": None, "box_labels": None}, {"boxes": [], "box_labels": []})
    prompts = [{**nothing[index % 2], **one} for index, one in enumerate(plain.sent["prompts"])]
    written = {"prompts": prompts, "nms_iou_threshold": None, "image_id": None, "model_id": CONCEPT_MODEL}
    asks = "asks the same again, with nulls, empty lists and the default written out"
    name = f"{CONCEPT}/{last.name}/written_out"
    yield replace(plain, id=name, asks=asks, body={**plain.sent, **written}, beside=(plain.id,))


def certain_case(questions: Questions) -> Iterator[Case]:
    """Ask for the same things at threshold 1: of requests under way at once one that no other may be answered like."""
    yield from _at_thresholds(questions, ("one", 1, "asks at threshold 1, which nothing reaches but what is certain"))


def threshold_cases(questions: Questions) -> Iterator[Case]:
    """Ask for the same things with a threshold at the lower end of its range, and by long texts that begin alike."""
    asks = "asks for everything, at threshold 0, and by long texts that begin alike"
    for case in _at_thresholds(questions, ("zero", 0, asks)):
        *prompts, last = case.sent["prompts"]
        long = [{"text": text} for text in LONG_TEXTS]
        prompts = [*prompts[: MAX_PROMPTS - len(long) - 1], *long, last]
        yield replace(case, body={**case.sent, "prompts": prompts})


def _at_thresholds(questions: Questions, *asked: tuple[str, float, str]) -> Iterator[Case]:
    last = questions.photographs[-1]
    plain = _suppressed(questions, last, None, "no_nms")
    for name, threshold, asks in asked:
        body = {**plain.sent, "output_prob_thresh": threshold}
        yield replace(plain, id=f"{CONCEPT}/{last.name}/{name}", asks=asks, body=body, beside=(plain.id,))


def few_prompts(questions: Questions) -> Iterator[Case]:
    """Suppress among few prompts: one text twice."""
    if questions.scene is not None:
        text = {"text": questions.lead.things[0].category}
        yield _among_few(questions, "twice", "asks for one thing twice, without overlaps", [text, text])


def hidden_prompt(questions: Questions) -> Iterator[Case]:
    """Suppress among as few, behind the same text that a threshold hides."""
    if questions.scene is not None:
        text: dict[str, Any] = {"text": questions.lead.things[0].category}
        hidden = {**text, "output_prob_thresh": 1}
        asks = "asks the same, and first for it at threshold 1: what is hidden suppresses nothing"
        case = _among_few(questions, "hidden_nms", asks, [hidden, text, text])
        yield replace(case, beside=(*case.beside, f"{CONCEPT}/{questions.lead.name}/own_threshold_of_one"))


def _among_few(questions: Questions, name: str, asks: str, prompts: list[dict[str, Any]]) -> Case:
    lead = questions.lead
    body = body_of(lead, prompts=prompts, output_prob_thresh=LOW, format="rle", nms_iou_threshold=0.5)
    return case_of(f"{lead.name}/{name}", CONCEPT, asks, body, lead, beside=(f"{CONCEPT}/{lead.name}/rle",))


def follow_ups(questions: Questions) -> Iterator[Made]:
    """Ask for no overlaps, at an IoU that tells apart what suppression may go by."""
    last = questions.photographs[-1]
    source = f"{CONCEPT}/{last.name}/no_nms"
    asks = "asks for no overlap at all, as polygons, with a single prompt if its instances overlap"
    yield f"{CONCEPT}/{last.name}/nms_of_zero", asks, partial(_none_left, questions, last, asks, source), (source,)
    asks = "asks for no overlaps, at an IoU that tells masks from boxes, the better from the worse, and less from more"
    sources = source, f"{CONCEPT}/{last.name}/nms_of_one"
    yield f"{CONCEPT}/{last.name}/nms", asks, partial(_telling_case, questions, last, source), sources


def further_follow_ups(questions: Questions) -> Iterator[Made]:
    """Ask once more for no overlaps, at the telling IoU, as polygons."""
    last = questions.photographs[-1]
    source = f"{CONCEPT}/{last.name}/no_nms"
    asks = "asks for no overlaps at an IoU that tells masks from boxes, as polygons"
    make = partial(_telling_case, questions, last, source, masks="polygon")
    yield f"{CONCEPT}/{last.name}/nms_polygon", asks, make, (source,)


def late_follow_ups(questions: Questions) -> Iterator[Made]:
    """Ask for no overlaps at all, of all prompts."""
    last = questions.photographs[-1]
    yield f"{CONCEPT}/{last.name}/nms_of_all", "asks for no overlap at all", partial(_of_all, questions, last), ()


def _of_all(questions: Questions, photograph: Photograph, _: Mapping[str, Exchange]) -> Case:
    return _suppressed(questions, photograph, 0, "nms_of_all")


def _none_left(
    questions: Questions, photograph: Photograph, asks: str, source: str, seen: Mapping[str, Exchange]
) -> Case:
    case = _suppressed(questions, photograph, 0, "nms_of_zero")
    prompt = _telling_prompt(found_in(seen.get(source)))
    prompts = case.sent["prompts"] if prompt is None else [prompt]
    return replace(case, asks=asks, body={**case.sent, "prompts": prompts, "format": "polygon"})


def _telling_prompt(found: Sequence[Found]) -> dict[str, Any] | None:
    """Choose the prompt of whose own instances the most misreadings leave others; ``None`` if those of none overlap."""
    best, told = None, 0
    for index in dict.fromkeys(one.index for one in found):
        own = [one for one in found if one.index == index]
        overlaps = _overlaps_of(own)
        right, *wrong = _readings(own, overlaps, hidden_text="")
        meant = right(0.0)
        telling = sum(reading(0.0) != meant for reading in wrong)
        if telling > told and overlaps.max() > LEAST_GAP:
            best, told = own[0].question, telling
    return best


def _overlaps_of(found: Sequence[Found]) -> Matrix:
    """Measure the IoU of each with every other one, and 0 with itself."""
    masks = [one.mask.runs for one in found]
    overlaps = np.asarray(iou_matrix(masks, masks), np.float64)
    np.fill_diagonal(overlaps, 0.0)
    return overlaps


def _suppressed(questions: Questions, photograph: Photograph, threshold: float | None, name: str) -> Case:
    # Each text twice, so that masks overlap wholly; several texts, so that some do in part and differ in confidence.
    concepts = dict.fromkeys((*questions.concepts(photograph), *(() if questions.texts else OVERLAPPING_TEXTS)))
    texts = list(concepts)[: MAX_PROMPTS // 2]
    # What is below its threshold is not there, so that it suppresses nothing of what is found by the same text.
    hidden: dict[str, Any] = {"text": texts[-1], "output_prob_thresh": 1}
    exemplar = [{"boxes": [DISC], "box_labels": [1]}] if is_of_discs(photograph) else []
    prompts = [*[hidden, *({"text": text} for text in texts * 2)][: MAX_PROMPTS - 1], *exemplar]
    body = body_of(photograph, prompts=prompts, output_prob_thresh=VERY_LOW, format="rle", nms_iou_threshold=threshold)
    if threshold is None:
        body.pop("nms_iou_threshold")
        return case_of(f"{photograph.name}/{name}", CONCEPT, "asks for things that overlap", body, photograph)
    asks = f"asks for no overlaps of more than {threshold:g}"
    beside = (f"{CONCEPT}/{photograph.name}/no_nms",)
    return case_of(f"{photograph.name}/{name}", CONCEPT, asks, body, photograph, beside=beside)


def _with_default_thresholds(plain: Case, photograph: Photograph) -> Case:
    """Ask the same with the request's threshold left out, thresholds of their own of every other prompt, and nulls."""
    nothing: tuple[dict[str, Any], ...] = (
        {"boxes": None, "box_labels": None},
        {"boxes": [], "box_labels": [], "output_prob_thresh": HIGH},
    )
    prompts = [{**nothing[index % 2], **prompt} for index, prompt in enumerate(plain.sent["prompts"])]
    body = {name: value for name, value in plain.sent.items() if name != "output_prob_thresh"}
    body |= {"prompts": prompts, "nms_iou_threshold": None, "image_id": None}
    asks = "leaves the threshold out, says nothing by null and empty lists, and sends the key in the body"
    name = f"{CONCEPT}/{photograph.name}/default_threshold"
    return replace(plain, id=name, asks=asks, body=body, key_in="body", beside=(plain.id,))


def _with_lower_thresholds(plain: Case, photograph: Photograph) -> Case:
    """Ask the same at threshold 1, with three prompts at lower ones: the server is known to take the least for all.

    But for those three this is what ``certain_case`` asks later.
    """
    first, second, *rest = plain.sent["prompts"]
    third, *rest = rest
    lower = ((first, VERY_LOW), (second, 0), (third, DEFAULT_THRESHOLD))
    prompts = [*({**prompt, "output_prob_thresh": least} for prompt, least in lower), *rest]
    body = {**plain.sent, "prompts": prompts, "output_prob_thresh": 1}
    name = f"{CONCEPT}/{photograph.name}/lower_threshold_of_one"
    return replace(
        plain, id=name, asks="lowers the threshold of three prompts, of one to 0", body=body, beside=(plain.id,)
    )


def _telling_case(
    questions: Questions, photograph: Photograph, source: str, seen: Mapping[str, Exchange], *, masks: str = "rle"
) -> Case | None:
    found = found_in(seen.get(source))
    if not found:
        return None
    case = _suppressed(questions, photograph, 0, "nms" if masks == "rle" else f"nms_{masks}")
    threshold = _telling_threshold(found, hidden_text=case.sent["prompts"][0]["text"])
    # Of two requests one differs from `nms_of_one` in the threshold alone.
    named = {"image_id": questions.image_id(OVERLAPS_ID)} if masks == "rle" else {}
    body = {**case.sent, "format": masks, "nms_iou_threshold": threshold, **named}
    return replace(case, asks=f"asks for no overlaps of more than {threshold:g}", body=body)


def _telling_threshold(found: Sequence[Found], hidden_text: str) -> float:
    """Choose the IoU at which the most misreadings of suppression would leave other instances than the right one."""
    overlaps = _overlaps_of(found)
    right, *wrong = _readings(found, overlaps, hidden_text)
    best, told = USUAL, -1
    for threshold in _between(overlaps):
        meant = right(threshold)
        telling = sum(reading(threshold) != meant for reading in wrong)
        if telling > told:
            best, told = threshold, telling
        if told == len(wrong):
            break
    return best


def _between(overlaps: Matrix) -> list[float]:
    """List thresholds that lie between two IoUs, those with the nearest neighbours first."""
    values = np.unique(np.round(overlaps[(overlaps > LEAST_GAP) & (overlaps < 1 - LEAST_GAP)], 6))
    edges = np.concatenate(([0.0], values, [1.0]))
    gaps = np.diff(edges)
    nearest = np.argsort(gaps, kind="stable")
    chosen = nearest[gaps[nearest] >= LEAST_GAP][:MAX_CANDIDATES]
    return [round(value, 5) for value in (edges[chosen] + gaps[chosen] / 2).tolist()]


def _readings(found: Sequence[Found], overlaps: Matrix, hidden_text: str) -> list[Reading]:
    """List how suppression may be read: first as it is meant, then by other overlaps, orders, prompts and borders.

    Last, that what the first prompt hides by its threshold suppresses all that another prompt finds by the same text.
    """
    confidences = np.array([one.confidence for one in found])
    prompts = np.array([one.index for one in found])
    within = prompts[:, None] == prompts[None, :]
    best_first = np.argsort(-confidences, kind="stable")
    areas = np.array([one.mask.area for one in found], float)
    shared = overlaps * (areas[:, None] + areas[None, :]) / (1 + overlaps)
    by_boxes = np.array([[_iou(one.mask.box, other.mask.box) for other in found] for one in found])
    np.fill_diagonal(by_boxes, 0.0)
    hidden = frozenset(index for index, one in enumerate(found) if one.text == hidden_text)

    def greedy(measure: Matrix, order: NDArray[np.int64], off: float = 0.0) -> Reading:
        return lambda threshold: _survivors(measure, order, threshold + off)

    return [
        greedy(overlaps, best_first),
        greedy(overlaps, best_first, OFF),
        greedy(overlaps, best_first, -OFF),
        greedy(by_boxes, best_first),
        greedy(shared / np.minimum(areas[:, None], areas[None, :]), best_first),
        greedy(np.where(within, overlaps, 0.0), best_first),
        greedy(np.where(within, 0.0, overlaps), best_first),
        greedy(overlaps, best_first[::-1]),
        greedy(overlaps, np.arange(len(found))),
        lambda threshold: _never_beaten(overlaps, confidences, threshold),
        lambda threshold: _survivors(overlaps, best_first, threshold) - hidden,
    ]


def _survivors(overlaps: Matrix, order: NDArray[np.int64], threshold: float) -> frozenset[int]:
    """Take one after the other, unless it overlaps one that was taken."""
    taken: list[int] = []
    for index in order.tolist():
        if not taken or float(overlaps[index, taken].max()) <= threshold:
            taken.append(index)
    return frozenset(taken)


def _never_beaten(overlaps: Matrix, confidences: NDArray[np.float64], threshold: float) -> frozenset[int]:
    """Take only what no better one overlaps, whether that one is taken or not."""
    better = confidences[None, :] > confidences[:, None]
    return frozenset(np.flatnonzero(~np.any(better & (overlaps > threshold), axis=1)).tolist())


def _iou(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    """Divide intersection by union of two boxes ``(x, y, width, height)``."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(across, 0) * max(down, 0)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)
