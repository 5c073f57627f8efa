"""G: drawn scenes, of which the true masks are known: they tell a wrong frame from a weak model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from sam3_contract.checks.check import Breach, Check, Judgement, Shown, few_of_each
from sam3_contract.checks.matching import Measured, measured, pair_up
from sam3_contract.checks.prompts import AnsweredPrompt, is_suppressed, prompts_of
from sam3_contract.checks.truth.ground_truth import (
    SEEN,
    SURE,
    as_answered,
    best_of,
    drawn_masks,
    expected_things,
    held_to_the_truth,
    is_certain,
    is_exact,
    sees_the_scenes,
    things_named,
    wants_the_sure,
)
from sam3_contract.checks.truth.mistakes import explained, warp_between
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import Mask
from sam3_contract.spec import Contract

GOOD: Final = 0.75  # IoU of a drawn shape with its mask from which on it counts as found
MAX_OF_AN_ANSWER: Final = 2
OPERATIONS: Final = ("concept_segment", "visual_segment")


def _masks_lie_where_drawn(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Look for exact mistakes where most masks are the truth or such a mistake; else for one that all share.

    By chance a model, or a fake that draws around clicks, may give a shape that is another one's box or hull, or one
    that is moved by a pixel: unless a server is held to exactness, only the mistake of most counts. One that is has to
    give the truth itself.
    """
    judged = 0
    found: list[Breach] = []
    strict = held_to_the_truth(exchanges)
    for operation in OPERATIONS:
        answers = list(drawn_masks([exchange for exchange in exchanges if exchange.case.operation == operation]))
        exact = [is_exact(one, truth) for one, truth, _ in answers]
        whys = ["" if right else _why(*answer) for right, answer in zip(exact, answers, strict=True)]
        judged += len(answers)
        if not strict:
            whys = _shared(whys)
        if 2 * sum(right or bool(why) for right, why in zip(exact, whys, strict=True)) > len(answers):
            found += [_displaced(*answer, why) for answer, why in zip(answers, whys, strict=True) if why]
        unexplained = zip(answers, exact, whys, strict=True)
        found += [
            _displaced(*answer, "")
            for answer, right, why in unexplained
            if strict and not right and not why and is_certain(answer[2])
        ]
    warped = [] if found else [breach for exchange in exchanges for breach in _warped(exchange)]
    return Judgement(judged, few_of_each(found or warped, most=MAX_OF_AN_ANSWER))


def _shared(whys: Sequence[str]) -> list[str]:
    """Keep the mistake that most masks share: a model's edges are off by a pixel to one side here, to another there."""
    most, _ = Counter(filter(None, whys)).most_common(1)[0] if any(whys) else ("", 0)
    shared = 2 * whys.count(most) > sum(map(bool, whys))
    return [why if shared else "" for why in whys]


def _why(one: Measured, truth: Sequence[Mask], prompt: AnsweredPrompt) -> str:
    bitmaps, exact = [mask.bitmap for mask in truth], prompt.exchange.exact
    return explained(one.mask.bitmap, bitmaps, polygon=one.prediction.is_polygon, exact=exact)


def _displaced(one: Measured, truth: Sequence[Mask], prompt: AnsweredPrompt, why: str) -> Breach:
    return Breach(
        f"{one.prediction.path}.masks",
        "not the mask of what is drawn",
        "the drawn shape, or a model's guess at it",
        why,
        exchange=prompt.exchange,
        masks=Shown((one.prediction.value["masks"],), tuple(mask.bitmap for mask in truth[:4]), one.mask.size),
    )


def _warped(exchange: Exchange) -> Iterator[Breach]:
    """Look for one map that takes all shapes of a scene to where they were found."""
    pairs = [pair for prompt in prompts_of(exchange) for pair in _by_size(prompt)]
    if not pairs:
        return
    why = warp_between([drawn.bitmap for _, drawn in pairs], [one.mask.bitmap for one, _ in pairs])
    if why:
        drawn = tuple(mask.bitmap for _, mask in pairs[:4])
        first = pairs[0][0]
        yield Breach(
            f"{first.prediction.path}.masks",
            "not the masks of what is drawn",
            "the drawn shapes, or a model's guess at them",
            why,
            exchange=exchange,
            masks=Shown(tuple(one.prediction.value["masks"] for one, _ in pairs[:4]), drawn, first.mask.size),
        )


def _by_size(prompt: AnsweredPrompt) -> Iterator[tuple[Measured, Mask]]:
    """Match the masks of a concept with the drawn shapes, largest with largest, if there are as many."""
    truth = expected_things(prompt)
    of_concept = prompt.exchange.case.operation == "concept_segment"
    if not truth or not of_concept or len(truth) != len(prompt.predictions):
        return
    found = measured(prompt.predictions)
    if len(found) == len(truth):
        ranked = sorted(found, key=lambda one: one.mask.area)
        yield from zip(ranked, sorted(truth, key=lambda mask: mask.area), strict=True)


def _shapes_are_found(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Count the shapes that are found; a server that is held to exactness has no excuse for one that is not."""
    strict = held_to_the_truth(exchanges)
    judged = 0
    found: list[Breach] = []
    for exchange in exchanges:
        suppressed = is_suppressed(exchange)
        for prompt in () if suppressed else prompts_of(exchange):
            truth = expected_things(prompt)
            if truth and (prompt.threshold or 0.0) <= SURE:
                judged += len(truth)
                found += _missing(prompt, truth, exact=strict)
    return Judgement(judged, tuple(found))


def _missing(prompt: AnsweredPrompt, truth: Sequence[Mask], *, exact: bool) -> Iterator[Breach]:
    predictions = best_of(prompt)
    drawn = [as_answered(mask, predictions[0]) for mask in truth] if predictions else truth
    pairing = pair_up(drawn, [one.mask for one in measured(predictions)], least=GOOD)
    text = prompt.sent.get("text")
    for index in pairing.left:
        yield Breach(
            prompt.path,
            f"{len(prompt.predictions)} predictions, none with an IoU of {GOOD} or more",
            f"the drawn {text!r}, number {index + 1}" if text else "the drawn shape under the click",
            exchange=prompt.exchange,
            masks=Shown(
                tuple(one.value.get("masks") for one in predictions),
                tuple(mask.bitmap for mask in truth),
                truth[0].size,
            ),
            severity="error" if exact else None,
        )


def _nothing_else_is_found(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Count what is found of a scene's concepts beyond what is drawn; each prompt is a trial."""
    judged = 0
    found: list[Breach] = []
    if not sees_the_scenes(exchanges):
        return Judgement(0, ())
    for exchange in exchanges:
        for prompt in prompts_of(exchange) if exchange.case.operation == "concept_segment" else ():
            truth = things_named(prompt)
            if truth is not None and wants_the_sure(prompt):
                judged += 1
                found += _unfounded(prompt, truth)
    return Judgement(judged, tuple(found))


def _unfounded(prompt: AnsweredPrompt, truth: Sequence[Mask]) -> Iterator[Breach]:
    answers = measured(prompt.predictions)
    drawn = [as_answered(mask, answers[0].prediction) for mask in truth] if answers else truth
    pairing = pair_up(drawn, [one.mask for one in answers], least=SEEN)
    if pairing.right:
        one = answers[pairing.right[0]]
        yield Breach(
            one.prediction.path,
            f"{len(answers)} instances of {prompt.sent.get('text')!r}",
            f"{len(truth)}, as many as are drawn",
            "" if truth else "nothing of that name is drawn in this image",
            exchange=prompt.exchange,
            masks=Shown((one.prediction.value["masks"],), tuple(mask.bitmap for mask in truth[:4]), one.mask.size),
            severity="error" if prompt.exchange.exact else None,
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
        code="G03",
        name="nothing_else_is_found",
        law="In a built-in scene a concept has no more instances than are drawn.",
        source="derived",
        rule="",
        mend="Look for images that are taken for one another, and for instances that are answered twice.",
        judge=_nothing_else_is_found,
        severity="warning",
        kind="statistical",
        least=0.5,
        needs="a prompt on a built-in scene, of which the server sees what is drawn",
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
