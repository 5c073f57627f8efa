"""Cases that are made of earlier answers: exemplars of what was found, thresholds at just its confidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, Final

from sam3_contract.cases import overlaps
from sam3_contract.cases.concept import FAR_ACROSS
from sam3_contract.cases.found import Found, first_telling, found_in
from sam3_contract.cases.questions import CONCEPT, VERY_LOW, Made, Questions, body_of, case_of, in_corners
from sam3_contract.exchanges.exchange import Case, Exchange, Photograph
from sam3_contract.wire.requests import MAX_PROMPTS

FALLBACK_TEXTS: Final = ("object", "thing", "shape", "person", "circle")
STRICT: Final = 0.9  # a threshold that not everything like an exemplar reaches
INSET: Final = 0.25  # pixels by which a box is smaller than what it boxes: fractions, which no form may round
ROOMY: Final = 16  # pixels of a side from which on that makes no difference
ABOVE: Final = 0.002  # by which a threshold is above a confidence that must not reach it
JUST: Final = 0.001  # by which one is below a confidence that must, or above one that must not
ODD_TEXT: Final = "grünes Dreieck"
RETOLD: Final = "zebra"
"""What is in none of the images."""
MAX_BOXED: Final = 4  # unlike things that one prompt boxes


def other_prompts(questions: Questions) -> Iterator[Made]:
    """Ask for other concepts, if the first were not found."""
    main = f"{CONCEPT}/{questions.lead.name}/rle"
    asks = "asks for other concepts, if the first were not found"
    name = f"{CONCEPT}/{questions.lead.name}/other_prompts"
    yield name, asks, partial(_others, questions.lead, main), (main,)


def follow_ups(questions: Questions) -> Iterator[Made]:
    """Ask about what was found.

    Yields:
        Id, question, what makes the case, and the ids of the cases it is made of.
    """
    lead, last = questions.lead, questions.photographs[-1]
    sources = overlapping, main, other = _telling_cases(questions)
    of_last = (last, (overlapping,), FAR_ACROSS)
    for photograph, its, beyond in {lead.name: (lead, (main, other), 0.0), last.name: of_last}.values():
        name, asks = f"{CONCEPT}/{photograph.name}/exemplars", "boxes what was found, in both ways, as like and unlike"
        yield name, asks, partial(_exemplars, photograph, its, beyond), its
    name = f"{CONCEPT}/{lead.name}/exemplars"
    asks = "asks the same, but that what was like is unlike, and what was unlike is like"
    yield f"{name}_exchanged", asks, partial(_exchanged, name, asks), (name,)
    yield from overlaps.follow_ups(questions)
    asks = "sets prompts' own thresholds to just the confidence of what was found"
    yield f"{CONCEPT}/at_own_threshold", asks, partial(_at_own, questions, sources), sources


def further_follow_ups(questions: Questions) -> Iterator[Made]:
    """Ask at another confidence of what was found."""
    sources = _telling_cases(questions)
    for name, side, off in (("at_request_threshold", "below", -JUST), ("above_request_threshold", "above", JUST)):
        asks = f"sets the request's threshold to just {side} such a confidence"
        yield f"{CONCEPT}/{name}", asks, partial(_at_request, questions, sources, name, off), sources


def _telling_cases(questions: Questions) -> tuple[str, str, str]:
    """Name the cases of which something is found: most of all in overlaps, else of the lead, else by other words."""
    lead = f"{CONCEPT}/{questions.lead.name}"
    return f"{CONCEPT}/{questions.photographs[-1].name}/no_nms", f"{lead}/rle", f"{lead}/other_prompts"


def _others(lead: Photograph, main: str, seen: Mapping[str, Exchange]) -> Case | None:
    if main not in seen or found_in(seen[main]):
        return None
    prompts = [{"text": text} for text in FALLBACK_TEXTS]
    body = body_of(lead, prompts=prompts, output_prob_thresh=VERY_LOW, format="rle")
    return case_of(f"{lead.name}/other_prompts", CONCEPT, "asks for other concepts", body, lead)


def _exemplars(
    photograph: Photograph, sources: Sequence[str], beyond: float, seen: Mapping[str, Exchange]
) -> Case | None:
    """Box one instance of what was found most often: what is left of it shows that the text still counts."""
    telling = first_telling(seen, *sources)
    found = [one for one in found_in(telling) if one.text is not None]
    if telling is None or not found:
        return None
    numbers = [one.index for one in found]
    # Away from the top left corner, where a box that is anchored elsewhere would be cut to much the same.
    one = max(found, key=lambda entry: (numbers.count(entry.index), min(entry.mask.box[:2])))
    box = _box_of(one)
    x, y, width, height = box.values()
    inset = INSET if min(width, height) >= ROOMY else 0.0
    inner = {"x": x + inset, "y": y + inset, "width": width - 2 * inset, "height": height - 2 * inset}
    corners = {"x0": inner["x"], "y0": inner["y"], "x1": x + width - inset, "y1": y + height - inset}
    turned = {"x0": corners["x1"], "y0": corners["y1"], "x1": corners["x0"], "y1": corners["y0"]}
    like, unlike, strict = {"box_labels": [1]}, {"box_labels": [0]}, {"output_prob_thresh": STRICT}
    prompts: list[dict[str, Any]] = [
        {"boxes": [inner], **like},
        {"type": "visual", "text": None, "boxes": [corners], **like},
        {"text": one.text},
        {"type": "text", "text": one.text, "boxes": [box], **unlike},
        {"boxes": [box], **like, **strict},
        {"boxes": [turned], **like},
        {"text": one.text, "boxes": [], "box_labels": []},
        {"type": "visual", "text": one.text, "boxes": [box], **unlike, **strict},
        {"text": ODD_TEXT, "boxes": [inner], **like, **strict},
        {"boxes": [_from_the_edge(found, beyond=beyond)], **like},
        *_with_another(one, inner, found),
    ]
    body = body_of(photograph, prompts=prompts, output_prob_thresh=VERY_LOW, format="rle")
    name = f"{photograph.name}/exemplars"
    return case_of(name, CONCEPT, "boxes what was found", body, photograph, beside=(telling.case.id,))


def _exchanged(source: str, asks: str, seen: Mapping[str, Exchange]) -> Case | None:
    """Exchange the labels of the boxes that stand beside a text, or beside a box of the other label."""
    if source not in seen:
        return None
    prompts = [_with_other_labels(prompt) for prompt in _asked(seen[source])]
    return _again(seen[source], f"{source}_exchanged", asks, prompts)


def retold(questions: Questions) -> Iterator[Made]:
    """Ask for the same boxes beside other texts: an answer that is kept by the boxes alone is another's.

    Before it the same numbers stand in the other form of a box: so is one that is kept by the numbers alone.
    """
    source = f"{CONCEPT}/{questions.photographs[-1].name}/exemplars"
    asks = "boxes the same, beside another text"
    in_other_form = f"{asks}, with the same numbers in the other form of a box"
    yield f"{source}_in_other_form", in_other_form, partial(_in_other_form, source, in_other_form), (source,)
    yield f"{source}_retold", asks, partial(_retold, source, asks), (source,)


def _in_other_form(source: str, asks: str, seen: Mapping[str, Exchange]) -> Case | None:
    if source not in seen:
        return None
    prompts = [
        {**one, "boxes": [*map(_other_form, one["boxes"])]} if one.get("boxes") else one
        for one in map(_with_another_text, _asked(seen[source]))
    ]
    return _again(seen[source], f"{source}_in_other_form", asks, prompts)


def _other_form(box: Mapping[str, float]) -> dict[str, float]:
    names = ("x", "y", "width", "height") if "x0" in box else ("x0", "y0", "x1", "y1")
    return dict(zip(names, box.values(), strict=True))


def _retold(source: str, asks: str, seen: Mapping[str, Exchange]) -> Case | None:
    if source not in seen:
        return None
    prompts = [*map(_with_another_text, _asked(seen[source]))]
    return _again(seen[source], f"{source}_retold", asks, prompts)


def _with_another_text(prompt: dict[str, Any]) -> dict[str, Any]:
    return {**prompt, "text": RETOLD} if prompt.get("boxes") and prompt.get("text") else prompt


def _asked(source: Exchange) -> list[dict[str, Any]]:
    return list((source.case.plain or source.case).sent["prompts"])


def _again(source: Exchange, name: str, asks: str, prompts: list[dict[str, Any]]) -> Case:
    asked = source.case.plain or source.case
    return replace(asked, id=name, asks=asks, body={**asked.sent, "prompts": prompts}, beside=(source.case.id,))


def _with_other_labels(prompt: dict[str, Any]) -> dict[str, Any]:
    labels = prompt.get("box_labels", [])
    is_telling = prompt.get("text") or len(set(labels)) > 1  # a box that is unlike, and nothing else, asks for nothing
    return {**prompt, "box_labels": [1 - label for label in labels]} if labels and is_telling else prompt


def _with_another(one: Found, inner: dict[str, float], found: Sequence[Found]) -> list[dict[str, Any]]:
    """Box unlike things as like, and one of two like things as unlike: what the other box alone finds is known.

    Those two lie apart, as what is in both boxes would be meant and excluded.
    """
    prompts: list[dict[str, Any]] = []
    others = [other for other in found if other.mask.key != one.mask.key]
    unlike = list({other.text: other for other in others if other.text != one.text}.values())
    like = [other for other in others if other.text == one.text and _lie_apart(one, other)]
    if unlike:
        boxed = [_box_of(each) for each in (one, *unlike)][:MAX_BOXED]
        boxed[1::2] = map(in_corners, boxed[1::2])  # each box has its own form
        prompts += [{"boxes": boxes, "box_labels": [1] * len(boxes)} for boxes in (boxed, boxed[::-1])]
    if like:
        alike = _box_of(like[0])
        prompts.append({"boxes": [inner, alike], "box_labels": [1, 0]})
        # Beside the text that finds them both: one is unlike, and then nothing is said of it.
        text = {"text": one.text}
        prompts.append({**text, "boxes": [_box_of(one), alike], "box_labels": [0, 1]})
        prompts.append({**text, "boxes": [alike], "box_labels": [1]})
        prompts.append({**text, "boxes": [_box_of(one), alike], "box_labels": [0, 0]})
    return prompts


def _lie_apart(one: Found, other: Found) -> bool:
    """Tell whether the boxes of two things share no pixel."""
    (left, top, width, height), (x, y, across, down) = one.mask.box, other.mask.box
    return x >= left + width or left >= x + across or y >= top + height or top >= y + down


def _from_the_edge(found: Sequence[Found], *, beyond: float) -> dict[str, float]:
    """Box what lies farthest left, from the image's edge on, or from beyond it."""
    x, y, width, height = map(float, min(found, key=lambda one: one.mask.box[0]).mask.box)
    return {"x": -beyond, "y": y, "width": x + width + beyond, "height": height}


def _box_of(one: Found) -> dict[str, float]:
    """Box one, by whole numbers."""
    x, y, width, height = map(int, one.mask.box)
    return {"x": x, "y": y, "width": width, "height": height}


def _at_own(questions: Questions, sources: Sequence[str], seen: Mapping[str, Exchange]) -> Case | None:
    """Ask for several things at just their confidence, where they stay, and above it, where they go.

    That of the surest is the request's, by which others would go.
    """
    telling = first_telling(seen, *sources)
    found = _by_question(telling)
    if telling is None or not found:
        return None
    surest, *others = found[: MAX_PROMPTS // 2]
    prompts = [{**surest.question, "output_prob_thresh": min(surest.confidence + ABOVE, 1.0)}, surest.question]
    prompts += [
        {**one.question, "output_prob_thresh": threshold}
        for one in others
        for threshold in (min(one.confidence + ABOVE, 1.0), one.confidence)
    ]
    return _at(telling, questions, "at_own_threshold", prompts=prompts, threshold=surest.confidence)


def _at_request(
    questions: Questions, sources: Sequence[str], name: str, off: float, seen: Mapping[str, Exchange]
) -> Case | None:
    """Ask at just less, or more, than the confidence of something that the next surest comes close to."""
    telling = first_telling(seen, *sources)
    found = _by_question(telling)
    if telling is None or not found:
        return None
    ranked = sorted({one.confidence for one in found_in(telling)}, reverse=True)
    gaps = [(above - below, above) for above, below in pairwise(ranked) if above - below > ABOVE]
    threshold = min((min(gaps)[1] if gaps else ranked[0]) + off, 1.0)
    across = _across_the_border(found)
    prompts = [*(one.question for one in found)][: MAX_PROMPTS - len(across)]
    return _at(telling, questions, name, prompts=[*prompts, *across], threshold=threshold)


def _across_the_border(found: Sequence[Found]) -> list[dict[str, Any]]:
    """Box what lies farthest left, from beyond the border on, in both forms of a box."""
    beyond = _from_the_edge(found, beyond=FAR_ACROSS)
    return [{"boxes": [box], "box_labels": [1]} for box in (beyond, in_corners(beyond))]


def _by_question(telling: Exchange | None) -> list[Found]:
    """Take of each question what was found most surely, the surest first."""
    surest: dict[str, Found] = {}
    for one in sorted(found_in(telling), key=lambda entry: -entry.confidence):
        surest.setdefault(repr(one.question), one)
    return list(surest.values())[:MAX_PROMPTS]


def _at(
    telling: Exchange, questions: Questions, name: str, *, prompts: list[dict[str, Any]], threshold: float = VERY_LOW
) -> Case:
    photograph = next(one for one in questions.photographs if f"{CONCEPT}/{one.name}/" in telling.case.id)
    body = body_of(photograph, prompts=prompts, output_prob_thresh=threshold, format="rle")
    case = case_of(name, CONCEPT, "asks at the confidence of what was found", body, photograph)
    return replace(case, beside=(telling.case.id,))
