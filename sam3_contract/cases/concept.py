"""Cases of ``concept_segment``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np

from sam3_contract.cases.questions import HIGH, LOW, Questions, body_of, case_of
from sam3_contract.cases.views import View, grey_views, mirrored_view, turned_view
from sam3_contract.errors import MaskError
from sam3_contract.exchange import Case, Exchange, Photograph, Twin
from sam3_contract.masks import area_of_run_lengths, box_of_run_lengths, iou_matrix, run_lengths_from_masks

__all__ = ["detail_cases", "follow_ups", "main_cases", "suppression_cases", "url_cases", "view_cases"]

Make = Callable[[Mapping[str, Exchange]], Case | None]

OPERATION: Final = "concept_segment"
MAX_PROMPTS: Final = 16
OVERLAP: Final = 0.3  # IoU above which instances are suppressed
ODD_TEXTS: Final = (" Red  Circle ", "ZEBRA", "grünes Dreieck", "赤い円", 'it\'s 50 % "off"\n')
FALLBACK_TEXTS: Final = ("object", "thing", "shape", "person", "circle")
VERY_LOW: Final = 0.05
LEAST_GAP: Final = 0.02  # between two IoUs, so that a threshold fits between them


def main_cases(questions: Questions, photograph: Photograph) -> Iterator[Case]:
    """Ask for the concepts, as RLE and as polygons."""
    prompts = questions.concept_prompts(photograph)
    for form in ("rle", "polygon"):
        body = body_of(photograph, prompts=prompts, output_prob_thresh=LOW, format=form)
        asks = f"asks for {len(prompts)} concepts as {form}"
        yield case_of(f"{photograph.name}/{form}", OPERATION, asks, body, photograph)


def detail_cases(questions: Questions) -> Iterator[Case]:
    """Ask the same again, in another order, at other thresholds, with as many prompts as there may be."""
    lead = questions.lead
    prompts = questions.concept_prompts(lead)
    base = {"output_prob_thresh": LOW, "format": "rle"}
    main = f"{OPERATION}/{lead.name}/rle"

    def case(name: str, asks: str, *, key_in: Any = "query", **fields: Any) -> Case:
        body = body_of(lead, **{**base, **fields})
        return case_of(f"{lead.name}/{name}", OPERATION, asks, body, lead, key_in=key_in, beside=(main,))

    yield case("again", "asks the same again, with the key as Bearer", prompts=prompts, key_in="bearer")
    turned = [*prompts[::-1], prompts[0]]
    yield case("reordered", "asks the same in another order, and the first twice", prompts=turned)
    yield case(
        "zero", "asks for everything, at threshold 0", prompts=[{"text": prompts[0]["text"]}], output_prob_thresh=0
    )
    texts = [*(prompt["text"] for prompt in prompts), *ODD_TEXTS] * MAX_PROMPTS
    many = [{"text": text} for text in texts[:MAX_PROMPTS]]
    yield case("sixteen", f"asks for {MAX_PROMPTS} concepts, some in odd letters", prompts=many)


def suppression_cases(questions: Questions) -> Iterator[Case]:
    """Ask with suppression of overlaps, across prompts of which some find the same."""
    last = questions.photographs[-1]
    plain = _suppressed(questions, last, None, "no_nms")
    yield plain
    yield replace(
        plain,
        id=f"{OPERATION}/{last.name}/polygon_of_overlaps",
        body={**plain.sent, "format": "polygon"},
        beside=(plain.id,),
    )
    yield _with_default_thresholds(plain, last)
    yield _with_lower_thresholds(plain, last)
    yield _suppressed(questions, last, OVERLAP, "nms")
    yield _suppressed(questions, last, 1.0, "nms_of_one")


def _suppressed(questions: Questions, photograph: Photograph, threshold: float | None, name: str) -> Case:
    concepts = questions.concepts(photograph)
    prompts: list[dict[str, Any]] = [{"text": text} for text in (*concepts, concepts[0])]
    if photograph.things:  # an exemplar finds what a text found, less or more surely
        box = photograph.things[0].top_left_box
        prompts.append({"boxes": [box], "box_labels": [1]})
    body = body_of(photograph, prompts=prompts, output_prob_thresh=VERY_LOW, format="rle", nms_iou_threshold=threshold)
    if threshold is None:
        body.pop("nms_iou_threshold")
        return case_of(f"{photograph.name}/{name}", OPERATION, "asks for things that overlap", body, photograph)
    asks = f"asks for no overlaps of more than {threshold:g}"
    beside = (f"{OPERATION}/{photograph.name}/no_nms",)
    return case_of(f"{photograph.name}/{name}", OPERATION, asks, body, photograph, beside=beside)


def _with_default_thresholds(plain: Case, photograph: Photograph) -> Case:
    """Ask the same with the request's threshold left out, and thresholds of their own of every other prompt."""
    prompts = [
        {**prompt, "output_prob_thresh": HIGH} if index % 2 else prompt
        for index, prompt in enumerate(plain.sent["prompts"])
    ]
    body = {name: value for name, value in plain.sent.items() if name != "output_prob_thresh"} | {"prompts": prompts}
    asks = "leaves the threshold out, and sends the key in the body"
    name = f"{OPERATION}/{photograph.name}/default_threshold"
    return replace(plain, id=name, asks=asks, body=body, key_in="body", beside=(plain.id,))


def _with_lower_thresholds(plain: Case, photograph: Photograph) -> Case:
    """Ask the same at a high threshold, with one prompt at a low one: the server is known to take that for all."""
    first, *rest = plain.sent["prompts"]
    prompts = [{**first, "output_prob_thresh": VERY_LOW}, *rest]
    body = {**plain.sent, "prompts": prompts, "output_prob_thresh": HIGH}
    name = f"{OPERATION}/{photograph.name}/lower_threshold_of_one"
    return replace(plain, id=name, asks="lowers the threshold of one prompt", body=body, beside=(plain.id,))


def view_cases(questions: Questions) -> Iterator[Case]:
    """Ask the same of other views of the scene: as data URI, and if it is a drawn one, turned, grey and mirrored."""
    lead, scene = questions.lead, questions.scene
    prompts = questions.concept_prompts(lead)
    main = f"{OPERATION}/{lead.name}/rle"
    body = body_of(lead, prompts=prompts, output_prob_thresh=LOW, format="rle")
    uri = f"data:image/png;base64,{body['image']['value']}"
    as_uri = {**body, "image": {"type": "base64", "value": uri}}
    twin = Twin(main, "as data URI", lambda bitmap: bitmap, exact=True)
    yield case_of(f"{lead.name}/data_uri", OPERATION, "sends the image as data URI", as_uri, lead, twin=twin)
    if scene is None:
        return
    yield _view_case(questions, turned_view(scene), main)
    plain, one_channel = grey_views(scene)
    plain_body = {**body, "image": body_of(plain)["image"]}
    yield case_of(f"{plain.name}/rle", OPERATION, "sends the image in grey, as RGB", plain_body, plain)
    yield _view_case(questions, one_channel, f"{OPERATION}/{plain.name}/rle")
    yield _view_case(questions, mirrored_view(scene), main)


def url_cases(questions: Questions, url: str, at_hand: Photograph) -> Iterator[Case]:
    """Send an image by its URL, and the same file in base64."""
    prompts = questions.concept_prompts(at_hand)
    body = body_of(at_hand, prompts=prompts, output_prob_thresh=LOW, format="rle")
    plain = case_of(f"{at_hand.name}/base64", OPERATION, "sends an image in base64", body, at_hand)
    yield plain
    twin = Twin(plain.id, "by URL", lambda bitmap: bitmap, exact=True)
    by_url = {**body, "image": {"type": "url", "value": url}}
    yield case_of(f"{at_hand.name}/url", OPERATION, "sends the image by its URL", by_url, at_hand, twin=twin)


def _view_case(questions: Questions, view: View, of: str) -> Case:
    prompts = questions.concept_prompts(questions.lead)
    body = body_of(view.photograph, prompts=prompts, output_prob_thresh=LOW, format="rle")
    twin = Twin(of, view.how, view.undo, moved=view.moved)
    name = f"{view.photograph.name}/rle"
    return case_of(name, OPERATION, f"sends the image {view.how}", body, view.photograph, twin=twin)


def follow_ups(questions: Questions) -> Iterator[tuple[str, str, Make, tuple[str, ...]]]:
    """Ask about what was found: by exemplars of it, and at just its confidence.

    Yields:
        Id, question, what makes the case, and the ids of the cases it is made of.
    """
    lead = questions.lead
    stem = f"{OPERATION}/{lead.name}"
    main = f"{stem}/rle"
    other = f"{stem}/other_prompts"
    yield other, "asks for other concepts, if the first were not found", lambda seen: _others(seen, main, lead), (main,)
    last = questions.photographs[-1]
    overlapping = f"{OPERATION}/{last.name}/no_nms"
    for photograph, sources in {lead.name: (lead, (main, other)), last.name: (last, (overlapping,))}.values():
        yield (
            f"{OPERATION}/{photograph.name}/exemplars",
            "boxes what was found, in both forms, positive and negative",
            partial(_exemplars_of, photograph, sources),
            sources,
        )
    yield (
        f"{OPERATION}/{last.name}/nms_between",
        "asks for no overlaps, at an IoU between that of two masks and that of their boxes",
        partial(_nms_between, questions, last, overlapping),
        (overlapping,),
    )
    for level, words in (("own", "a prompt's own threshold"), ("request", "the request's threshold")):
        name = f"{lead.name}/at_{level}_threshold"
        yield (
            f"{OPERATION}/{name}",
            f"sets {words} to just the confidence of what was found",
            lambda seen, name=name, level=level: _at_confidence(_telling(seen, main, other), lead, name, level),  # type: ignore[misc]
            (main, other),
        )


def _others(seen: Mapping[str, Exchange], main: str, lead: Photograph) -> Case | None:
    if main not in seen or _found(seen[main]):
        return None
    prompts = [{"text": text} for text in FALLBACK_TEXTS]
    body = body_of(lead, prompts=prompts, output_prob_thresh=VERY_LOW, format="rle")
    return case_of(f"{lead.name}/other_prompts", OPERATION, "asks for other concepts", body, lead)


def _telling(seen: Mapping[str, Exchange], *names: str) -> Exchange | None:
    return next((seen[name] for name in names if name in seen and _found(seen[name])), None)


def _found(exchange: Exchange) -> list[tuple[int, dict[str, Any]]]:
    """List prompt and prediction of whatever has a mask with pixels and a confidence."""
    results = exchange.answer.get("prompt_results") if exchange.succeeded else None
    found = []
    for index, result in enumerate(results if isinstance(results, list) else ()):
        predictions = result.get("predictions") if isinstance(result, dict) else None
        found += [
            (index, prediction)
            for prediction in (predictions if isinstance(predictions, list) else ())
            if isinstance(prediction, dict) and _box_of(prediction, exchange) and _confidence_of(prediction)
        ]
    return found


def _box_of(prediction: Mapping[str, Any], exchange: Exchange) -> dict[str, float] | None:
    size = exchange.case.image.size if exchange.case.image else (0, 0)
    try:
        runs = run_lengths_from_masks(prediction.get("masks"), image_size=size)
    except (MaskError, ValueError, TypeError):
        return None
    if not area_of_run_lengths(runs):
        return None
    x, y, width, height = np.asarray(box_of_run_lengths(runs, height=size[0])).tolist()
    return {"x": float(x), "y": float(y), "width": float(width), "height": float(height)}


def _confidence_of(prediction: Mapping[str, Any]) -> float | None:
    confidence = prediction.get("confidence")
    plain = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    return float(confidence) if plain and 0 < float(confidence) <= 1 else None  # type: ignore[arg-type]


def _exemplars_of(photograph: Photograph, sources: Sequence[str], seen: Mapping[str, Exchange]) -> Case | None:
    """Box one instance of what was found most often: what is left of it shows that the text still counts."""
    telling = _telling(seen, *sources)
    if telling is None:
        return None
    found = [(index, prediction) for index, prediction in _found(telling) if _text_of(telling, index)]
    if not found:
        return None
    numbers = [index for index, _ in found]
    index, prediction = max(found, key=lambda entry: numbers.count(entry[0]))
    box = _box_of(prediction, telling)
    assert box is not None  # _found lists no other
    corners = {"x0": box["x"], "y0": box["y"], "x1": box["x"] + box["width"], "y1": box["y"] + box["height"]}
    text = _text_of(telling, index)
    prompts: list[dict[str, Any]] = [
        {"boxes": [box], "box_labels": [1]},
        {"boxes": [corners], "box_labels": [1]},
        {"text": text},
        {"text": text, "boxes": [box], "box_labels": [0]},
    ]
    body = body_of(photograph, prompts=prompts, output_prob_thresh=VERY_LOW, format="rle")
    name = f"{photograph.name}/exemplars"
    return case_of(name, OPERATION, "boxes what was found", body, photograph, beside=(telling.case.id,))


def _nms_between(
    questions: Questions, photograph: Photograph, source: str, seen: Mapping[str, Exchange]
) -> Case | None:
    """Choose a threshold that tells the IoU of masks from that of boxes."""
    if source not in seen:
        return None
    found = [prediction for _, prediction in _found(seen[source])]
    size = photograph.header.size
    runs = [run_lengths_from_masks(prediction["masks"], image_size=size) for prediction in found]
    boxes = [box_of_run_lengths(entry, height=size[0]) for entry in runs]
    if len(runs) < 2:
        return None
    by_masks, by_boxes = iou_matrix(runs, runs), np.array([[_iou(one, other) for other in boxes] for one in boxes])
    gaps = by_boxes - by_masks
    row, column = divmod(int(np.argmax(gaps)), len(runs))
    if gaps[row, column] < LEAST_GAP:
        return None
    threshold = round(float(by_masks[row, column] + by_boxes[row, column]) / 2, 3)
    return _suppressed(questions, photograph, threshold, "nms_between")


def _iou(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    """Divide intersection by union of two boxes ``(x, y, width, height)``."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(across, 0) * max(down, 0)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def _text_of(exchange: Exchange, index: int) -> str | None:
    prompts = exchange.case.sent["prompts"]
    text = prompts[index].get("text") if index < len(prompts) else None
    return text if isinstance(text, str) else None


def _at_confidence(telling: Exchange | None, lead: Photograph, name: str, level: str) -> Case | None:
    if telling is None:
        return None
    # The surest of a prompt that found most: one that is left out there is left out for its confidence alone.
    found = _found(telling)
    numbers = [index for index, _ in found]
    index, prediction = max(found, key=lambda entry: (numbers.count(entry[0]), _confidence_of(entry[1])))
    confidence, text = prediction["confidence"], _text_of(telling, index)
    if text is None:
        return None
    prompt: dict[str, Any] = {"type": "text", "text": text}
    if level == "own":
        body = body_of(lead, prompts=[{**prompt, "output_prob_thresh": confidence}], output_prob_thresh=VERY_LOW)
    else:
        body = body_of(lead, prompts=[prompt], output_prob_thresh=confidence)
    body["format"] = "rle"
    asks = f"asks at the confidence of what was found, {confidence}"
    return replace(case_of(name, OPERATION, asks, body, lead), beside=(telling.case.id,))
