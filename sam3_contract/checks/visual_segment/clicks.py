"""V: where the masks of ``visual_segment`` lie: on the clicks, and in the box."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from sam3_contract.checks.check import Breach, Check, Judgement, Shown
from sam3_contract.checks.prompts import AnsweredPrompt, context_of, prompts_of
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import Bitmap, Mask, Prediction
from sam3_contract.spec import Contract

Point = dict[str, Any]
Box = dict[str, float]

FAR: Final = 1e6  # pixels; coordinates beyond are as good as this one
HALF: Final = 0.5


def _points_inside(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    return _clicks(exchanges, positive=True)


def _points_outside(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    return _clicks(exchanges, positive=False)


def _clicks(exchanges: Sequence[Exchange], *, positive: bool) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for prompt, best, mask in _best_masks(exchanges):
        if best.is_polygon and not positive:
            continue  # its holes are filled, in which a negative click may lie
        for point in _clear_clicks(prompt, mask):
            if point["positive"] is positive:
                judged += 1
                if not _is_heeded(point, mask):
                    found.append(_missed(prompt, best, point, mask))
    return Judgement(judged, tuple(found))


def _clear_clicks(prompt: AnsweredPrompt, mask: Mask) -> list[Point]:
    """Leave out clicks beside the image, and pixels that are clicked positively and negatively."""
    points = [point for point in prompt.sent.get("points", ()) if _hits(point, mask)]
    meant: dict[tuple[int, int], set[bool]] = {}
    for point in points:
        meant.setdefault(_pixel(point), set()).add(bool(point["positive"]))
    return [point for point in points if len(meant[_pixel(point)]) == 1]


def _missed(prompt: AnsweredPrompt, best: Prediction, point: Point, mask: Mask) -> Breach:
    kind, side, wanted = ("positive", "outside", "inside") if point["positive"] else ("negative", "inside", "outside")
    return Breach(
        f"{best.path}.masks",
        f"the {kind} click ({point['x']:g}, {point['y']:g}) lies {side} the mask",
        f"every {kind} click {wanted}",
        _mistake(prompt, point, mask),
        exchange=prompt.exchange,
        masks=Shown((mask.bitmap,), (_spot(point, mask.size),), mask.size),
    )


def _mistake(prompt: AnsweredPrompt, point: Point, mask: Mask) -> str:
    clicks = [other for other in prompt.sent["points"] if _hits(other, mask)]
    if len(clicks) > 1 and not any(_is_heeded(other, mask) for other in clicks):
        return "positive and negative look exchanged"
    swapped = {**point, "x": point["y"], "y": point["x"]}
    return "x and y look exchanged" if _hits(swapped, mask) and _is_heeded(swapped, mask) else ""


def _box_is_centred(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for prompt, best, mask in _best_masks(exchanges):
        box = prompt.sent.get("box")
        if box and all(map(math.isfinite, box.values())) and min(box["width"], box["height"]) >= 2:
            judged += 1
            if _share(mask.bitmap, box, anchor=HALF) < HALF:
                found.append(_beside_the_box(prompt, best, box, mask))
    return Judgement(judged, tuple(found))


def _beside_the_box(prompt: AnsweredPrompt, best: Prediction, box: Box, mask: Mask) -> Breach:
    inside, as_corner = (_share(mask.bitmap, box, anchor=anchor) for anchor in (HALF, 0.0))
    boxed = np.zeros(mask.size, np.bool_)
    boxed[_window(box, HALF)] = True
    return Breach(
        f"{best.path}.masks",
        f"{inside:.0%} of the mask lies in the box" if mask.area else "an empty mask",
        f"most of it, with the box around its centre ({box['x']:g}, {box['y']:g})",
        "x and y of the box were taken for its top left corner" if as_corner > max(inside, HALF) else "",
        exchange=prompt.exchange,
        masks=Shown((mask.bitmap,), (boxed,), mask.size),
    )


def _best_masks(exchanges: Sequence[Exchange]) -> Iterator[tuple[AnsweredPrompt, Prediction, Mask]]:
    """Draw the most confident mask of each prompt that has a sound one; of each question once, for the rates.

    Left out are answers of which it is not known what image they are of: an ``image_id`` may stand for another one.
    """
    asked_before: set[Hashable] = set()
    for exchange in exchanges:
        image = exchange.case.image
        if exchange.case.operation != "visual_segment" or image is None:
            continue
        for prompt in prompts_of(exchange):
            question = (context_of(exchange, besides=["image_id", "multimask_output"]), prompt.question)
            if question in asked_before:
                continue
            asked_before.add(question)
            best = max(prompt.predictions, key=lambda one: one.confidence)
            if best.mask is not None:
                yield prompt, best, best.mask


def _hits(point: Point, mask: Mask) -> bool:
    return bool(0 <= point["x"] < mask.size[1] and 0 <= point["y"] < mask.size[0])


def _pixel(point: Point) -> tuple[int, int]:
    return int(point["x"]), int(point["y"])


def _is_heeded(point: Point, mask: Mask) -> bool:
    """Tell whether a click that hits the image is in the mask exactly if it is a positive one."""
    return mask.holds(*_pixel(point)) is bool(point["positive"])


def _share(bitmap: Bitmap, box: Box, *, anchor: float) -> float:
    """Tell how much of a mask lies in a box, in 0..1; the anchor is 0 for its corner, a half for its centre."""
    return int(np.count_nonzero(bitmap[_window(box, anchor)])) / max(int(np.count_nonzero(bitmap)), 1)


def _window(box: Box, anchor: float) -> tuple[slice, slice]:
    left, top = box["x"] - anchor * box["width"], box["y"] - anchor * box["height"]
    edges = (top, top + box["height"], left, left + box["width"])
    first, last, start, stop = (max(round(max(min(edge, FAR), -FAR)), 0) for edge in edges)
    return slice(first, last + 1), slice(start, stop + 1)


def _spot(point: Point, size: tuple[int, int]) -> Bitmap:
    bitmap = np.zeros(size, np.bool_)
    x, y = _pixel(point)
    bitmap[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] = True
    return bitmap


_PROMPTS: Final = "#/components/schemas/VisualSegmentRequest/properties/prompts"

CHECKS = (
    Check(
        code="V03",
        name="positive_points_are_inside",
        law="Positive clicks lie inside the best mask.",
        source="docs",
        rule=_PROMPTS,
        mend="Clicks are (x, y) in pixels of the image, after EXIF orientation; look for exchanged axes or labels.",
        judge=_points_inside,
        kind="statistical",
        least=0.75,
        needs="a positive click on the image",
    ),
    Check(
        code="V04",
        name="negative_points_are_outside",
        law="Negative clicks lie outside the best mask.",
        source="docs",
        rule=_PROMPTS,
        mend="`positive: false` takes away; look whether labels get lost, or are read the other way round.",
        judge=_points_outside,
        kind="statistical",
        least=0.75,
        needs="a negative click on the image",
    ),
    Check(
        code="V05",
        name="box_is_centre_anchored",
        law="The best mask lies in the box around (x, y), its centre.",
        source="server",
        rule="#/components/schemas/CenterBox",
        mend="x and y are the centre of a box here, unlike in concept_segment.",
        judge=_box_is_centred,
        kind="statistical",
        least=0.75,
        needs="a prompt with a box",
    ),
)
