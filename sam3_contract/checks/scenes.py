"""G: drawn scenes, of which the true masks are known: they tell a wrong frame from a weak model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from sam3_contract.checks.check import Breach, Check, Judgement, Shown
from sam3_contract.checks.ground_truth import (
    SURE,
    Bitmap,
    answers_exactly,
    as_answered,
    best_places,
    drawn_masks,
    expected_things,
    is_exact,
    is_polygon,
)
from sam3_contract.checks.matching import Measured, bitmap_of, measured, pair_up
from sam3_contract.checks.mistakes import explained, warp_between
from sam3_contract.checks.prompts import Asked, asked_of
from sam3_contract.exchange import Exchange
from sam3_contract.masks import area_of_run_lengths
from sam3_contract.spec import Contract

__all__ = ["CHECKS"]

GOOD: Final = 0.75  # IoU of a drawn shape with its mask from which on it counts as found
MAX_BREACHES: Final = 8
OPERATIONS: Final = ("concept_segment", "visual_segment")


def _masks_lie_where_drawn(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Look for exact mistakes where most masks are the truth or such a mistake; else for one that all share.

    By chance a model, or a fake that draws around clicks, may give a shape that is another one's box or hull.
    """
    judged = 0
    found: list[Breach] = []
    for operation in OPERATIONS:
        masks = list(drawn_masks([exchange for exchange in exchanges if exchange.case.operation == operation]))
        exact = [is_exact(*mask) for mask in masks]
        whys = [("" if right else _why(*mask)) for mask, right in zip(masks, exact, strict=True)]
        judged += len(masks)
        if 2 * sum(right or bool(why) for right, why in zip(exact, whys, strict=True)) > len(masks):
            found += [_displaced(*mask, why) for mask, why in zip(masks, whys, strict=True) if why]
    warped = [] if found else [breach for exchange in exchanges for breach in _warped(exchange)]
    return Judgement(judged, tuple((found or warped)[:MAX_BREACHES]))


def _why(_: Asked, one: Measured, truth: Sequence[Bitmap]) -> str:
    size = (truth[0].shape[0], truth[0].shape[1])
    return explained(bitmap_of(one.runs, size), truth, polygon=is_polygon(one.place))


def _displaced(asked: Asked, one: Measured, truth: Sequence[Bitmap], why: str) -> Breach:
    return Breach(
        f"{one.place.path}.masks",
        "not the mask of what is drawn",
        "the drawn shape, or a model's guess at it",
        why,
        exchange=asked.exchange,
        masks=Shown((one.place.prediction["masks"],), tuple(truth[:4]), (truth[0].shape[0], truth[0].shape[1])),
    )


def _warped(exchange: Exchange) -> Iterator[Breach]:
    """Look for one map that takes all shapes of a scene to where they were found."""
    pairs = [pair for asked in asked_of(exchange) for pair in _by_size(asked)]
    if not pairs:
        return
    size = (pairs[0][1].shape[0], pairs[0][1].shape[1])
    why = warp_between([drawn for _, drawn in pairs], [bitmap_of(one.runs, size) for one, _ in pairs])
    if why:
        place, drawn = pairs[0][0].place, tuple(drawn for _, drawn in pairs[:4])
        masks = Shown(tuple(one.place.prediction["masks"] for one, _ in pairs[:4]), drawn, size)
        yield Breach(
            f"{place.path}.masks",
            "not the masks of what is drawn",
            "the drawn shapes, or a model's guess at them",
            why,
            exchange=exchange,
            masks=masks,
        )


def _by_size(asked: Asked) -> Iterator[tuple[Measured, Bitmap]]:
    """Match the masks of a concept with the drawn shapes, largest with largest, if there are as many."""
    truth = expected_things(asked)
    if not truth or asked.exchange.case.operation != "concept_segment" or len(truth) != len(asked.places):
        return
    found = measured(asked.places, (truth[0].shape[0], truth[0].shape[1]))
    if len(found) == len(truth):
        ranked = sorted(found, key=lambda one: area_of_run_lengths(one.runs))
        yield from zip(ranked, sorted(truth, key=np.count_nonzero), strict=True)


def _shapes_are_found(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Count the shapes that are found; what draws all others to the pixel has no excuse for one that is not."""
    exact = {name for name in OPERATIONS if answers_exactly(exchanges, name)}
    judged = 0
    found: list[Breach] = []
    for exchange in exchanges:
        suppressed = exchange.case.sent.get("nms_iou_threshold") is not None
        for asked in () if suppressed else asked_of(exchange):
            truth = expected_things(asked)
            if truth and (asked.threshold or 0.0) <= SURE:
                judged += len(truth)
                found += _missing(asked, truth, exact=exchange.case.operation in exact)
    return Judgement(judged, tuple(found))


def _missing(asked: Asked, truth: Sequence[Bitmap], *, exact: bool) -> Iterator[Breach]:
    size, places = (truth[0].shape[0], truth[0].shape[1]), best_places(asked)
    drawn = [as_answered(bitmap, asked) for bitmap in truth]
    pairing = pair_up(drawn, [one.runs for one in measured(places, size)], least=GOOD)
    text = asked.prompt.get("text")
    for index in pairing.left:
        yield Breach(
            asked.path,
            f"{len(asked.places)} predictions, none with an IoU of {GOOD} or more",
            f"the drawn {text!r}, number {index + 1}" if text else "the drawn shape under the click",
            exchange=asked.exchange,
            masks=Shown(tuple(place.prediction.get("masks") for place in places), tuple(truth), size),
            severity="error" if exact else None,
        )


CHECKS = (
    Check(
        code="G01",
        name="masks_lie_where_drawn",
        law="The mask of a drawn shape is not the shape moved, mirrored, turned, scaled, filled, grown or cut.",
        source="derived",
        rule="#/components/schemas/Prediction",
        mend="A model's guess is never exactly a transformed truth: look at what is done to masks after the model.",
        judge=_masks_lie_where_drawn,
        needs="a mask that answers a prompt on a built-in scene",
    ),
    Check(
        code="G02",
        name="drawn_shapes_are_found",
        law=f"Shapes that are drawn in a built-in scene are found, with an IoU of {GOOD} or more.",
        source="derived",
        rule="",
        mend="A model may be weak on drawings; if it finds photographs well, look for masks in a wrong frame.",
        judge=_shapes_are_found,
        severity="warning",
        kind="statistical",
        least=0.5,
        needs="a prompt on a built-in scene",
    ),
)
