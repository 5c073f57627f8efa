"""R: what a lower threshold, and suppression of overlaps, may change."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Sequence
from typing import Final

import numpy as np

from sam3_contract.checks.asked import Asked, asked_of, context_of, grouped, number
from sam3_contract.checks.concept import THRESHOLD_QUIRKS
from sam3_contract.checks.law import Breach, Check, Judgement, Shown
from sam3_contract.checks.likeness import SAME_IOU, Runs, frame_of, pair_up, runs_of
from sam3_contract.checks.predictions import Place
from sam3_contract.exchange import Exchange
from sam3_contract.masks import area_of_run_lengths, iou_matrix
from sam3_contract.spec import Contract

__all__ = ["CHECKS"]

ROUNDING: Final = 1e-6  # of an IoU: the server computes in 32 bits
MAX_BREACHES: Final = 8


def _lower_threshold_only_adds(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    def key(asked: Asked) -> Hashable | None:
        if asked.threshold is None or asked.exchange.case.sent.get("nms_iou_threshold") is not None:
            return None
        return (context_of(asked.exchange), asked.question)

    judged = 0
    found: list[Breach] = []
    for _key, members in grouped(exchanges, key):
        ranked = sorted(members, key=lambda asked: asked.threshold or 0.0)
        for low, high in itertools.pairwise(ranked):
            if low.threshold != high.threshold:
                judged += 1
                found += _lost_or_gained(low, high)
    return Judgement(judged, tuple(found[:MAX_BREACHES]))


def _lost_or_gained(low: Asked, high: Asked) -> Iterator[Breach]:
    """Compare what reaches the higher threshold in both answers."""
    size = frame_of(low.exchange) or frame_of(high.exchange)
    before, after = ([(place, runs_of(place, size) if size else None) for place in one.places] for one in (low, high))
    if size is None or any(runs is None for _, runs in (*before, *after)):
        return
    reaching = [(place, runs) for place, runs in before if _confidence(place) >= (high.threshold or 0.0)]
    confidences = ([_confidence(place) for place, _ in reaching], [_confidence(place) for place, _ in after])
    pairing = pair_up(_runs(reaching), _runs(after), least=SAME_IOU, confidences=confidences)
    for index in pairing.left:
        place = reaching[index][0]
        confidence = _confidence(place)
        equal = confidence == high.threshold
        known = high.served_threshold is not None and (
            confidence < high.served_threshold or (high.strict and confidence == high.served_threshold)
        )
        yield Breach(
            high.path,
            f"{place.path} of {low.exchange.case.id} is missing, confidence {confidence}",
            f"every prediction of at least {high.threshold}",
            "one that is just as confident as the threshold was left out" if equal else "",
            exchange=high.exchange,
            deviation=THRESHOLD_QUIRKS if known else "",
            masks=Shown((), (place.prediction["masks"],), size),
            beside=(low.exchange,),
        )
    for index in pairing.right:
        place = after[index][0]
        known = low.served_threshold is not None and _confidence(place) <= low.served_threshold
        below = _confidence(place) < (high.threshold or 0.0)  # C03 says so
        if not below:
            yield Breach(
                place.path,
                f"confidence {_confidence(place)} at threshold {high.threshold}",
                f"a prediction of {low.exchange.case.id} too, whose threshold is {low.threshold}",
                exchange=high.exchange,
                deviation=THRESHOLD_QUIRKS if known else "",
                masks=Shown((place.prediction["masks"],), (), size),
                beside=(low.exchange,),
            )


def _no_overlap_is_left(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for exchange, threshold, size in _suppressed(exchanges):
        entries = _entries(asked_of(exchange), size)
        if len(entries) < 2:
            continue
        judged += 1
        overlaps = iou_matrix(_runs(entries), _runs(entries))
        np.fill_diagonal(overlaps, 0.0)
        for row, column in np.argwhere(np.triu(overlaps) > threshold + ROUNDING)[:MAX_BREACHES].tolist():
            first, second = entries[row][0], entries[column][0]
            found.append(
                Breach(
                    second.path,
                    f"IoU {overlaps[row, column]:.4f} with {first.path}",
                    f"at most the threshold, {threshold:g}",
                    "within one prompt" if first.prompt == second.prompt else "they answer different prompts",
                    exchange=exchange,
                    masks=Shown((second.prediction["masks"],), (first.prediction["masks"],), size),
                )
            )
    return Judgement(judged, tuple(found))


def _only_the_worse_goes(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Compare with the same request without suppression: what goes has to overlap something better."""
    plain = {
        _suppression_key(exchange): exchange for exchange in exchanges if asked_of(exchange) and not _nms(exchange)
    }
    judged = 0
    found: list[Breach] = []
    for exchange, threshold, size in _suppressed(exchanges):
        partner = plain.get(_suppression_key(exchange))
        if partner is not None:
            judged += 1
            found += _wrongly_suppressed(exchange, partner, threshold, size)
    return Judgement(judged, tuple(found[:MAX_BREACHES]))


def _wrongly_suppressed(
    exchange: Exchange, partner: Exchange, threshold: float, size: tuple[int, int]
) -> Iterator[Breach]:
    kept = asked_of(exchange)
    survivors = _entries(kept, size)
    for before, after in zip(asked_of(partner), kept, strict=False):
        all_of_them, left = _entries([before], size), _entries([after], size)
        confidences = ([_confidence(place) for place, _ in all_of_them], [_confidence(place) for place, _ in left])
        pairing = pair_up(_runs(all_of_them), _runs(left), least=SAME_IOU, confidences=confidences)
        for index in pairing.right:
            place = left[index][0]
            found, wanted = "an instance that is not there without NMS", f"one of those in {partner.case.id}"
            yield Breach(place.path, found, wanted, exchange=exchange, beside=(partner,))
        for index in pairing.left:
            place, runs = all_of_them[index]
            if _confidence(place) >= (after.threshold or 0.0):
                yield from _unjustified(place, runs, survivors, after, threshold=threshold, size=size, partner=partner)


def _unjustified(
    lost: Place,
    runs: Runs,
    survivors: Sequence[tuple[Place, Runs]],
    after: Asked,
    *,
    threshold: float,
    size: tuple[int, int],
    partner: Exchange,
) -> Iterator[Breach]:
    none_goes = threshold >= 1.0  # no two masks overlap by more than wholly
    overlaps = iou_matrix([runs], _runs(survivors))[0] if survivors and not none_goes else np.zeros(0)
    near = [place for (place, _), shared in zip(survivors, overlaps, strict=False) if shared > threshold - ROUNDING]
    if any(_confidence(place) >= _confidence(lost) for place in near):
        return
    if none_goes:
        near = []
    worse = f"only the less confident {near[0].path} overlaps it" if near else "nothing that stayed overlaps it so much"
    yield Breach(
        after.path,
        f"{lost.path} of {partner.case.id} is missing, confidence {_confidence(lost)}",
        f"it goes only for a better one that it overlaps by more than {threshold:g}",
        worse,
        exchange=after.exchange,
        masks=Shown(tuple(place.prediction["masks"] for place in near), (lost.prediction["masks"],), size),
        beside=(partner,),
    )


def _suppressed(exchanges: Sequence[Exchange]) -> Iterator[tuple[Exchange, float, tuple[int, int]]]:
    """List the answers with NMS whose masks can be measured: polygons have lost the holes that count in an IoU."""
    for exchange in exchanges:
        threshold, size = number(_nms(exchange)), frame_of(exchange)
        if threshold is not None and size is not None and exchange.case.sent.get("format") == "rle":
            yield exchange, threshold, size


def _suppression_key(exchange: Exchange) -> Hashable:
    thresholds = tuple((one.question, one.threshold) for one in asked_of(exchange))
    return (context_of(exchange, besides=["nms_iou_threshold"]), thresholds)


def _nms(exchange: Exchange) -> object:
    return exchange.case.sent.get("nms_iou_threshold")


def _entries(asked: Sequence[Asked], size: tuple[int, int]) -> list[tuple[Place, Runs]]:
    measured = ((place, runs_of(place, size)) for one in asked for place in one.places)
    # Empty masks overlap nothing, though the IoU of two of them is called 1.
    return [(place, runs) for place, runs in measured if runs is not None and area_of_run_lengths(runs)]


def _runs(entries: Sequence[tuple[Place, Runs | None]]) -> list[Runs]:
    return [runs for _, runs in entries if runs is not None]


def _confidence(place: Place) -> float:
    return number(place.prediction.get("confidence")) or 0.0


_NMS_RULE = "#/components/schemas/ConceptSegmentRequest/properties/nms_iou_threshold"

CHECKS = (
    Check(
        code="R03",
        name="lower_threshold_only_adds",
        law="A lower threshold only adds predictions; one that is just as confident as the threshold stays.",
        source="derived",
        rule="#/components/schemas/ConceptSegmentRequest/properties/output_prob_thresh",
        mend="Compare with >=, each prompt at its own threshold, on the confidence that is answered.",
        judge=_lower_threshold_only_adds,
        needs="the same prompt at two thresholds",
    ),
    Check(
        code="R04",
        name="nms_leaves_no_overlap",
        law="With NMS no two masks of an answer overlap by more than the threshold, of whichever prompts they are.",
        source="docs",
        rule=_NMS_RULE,
        mend="Suppress across prompts, on the IoU of masks, not of boxes.",
        judge=_no_overlap_is_left,
        needs="an answer as RLE with NMS and at least two masks",
    ),
    Check(
        code="R05",
        name="nms_takes_only_the_worse",
        law="NMS takes away only what overlaps a more confident mask that stays; at 1.0 it takes nothing.",
        source="derived",
        rule=_NMS_RULE,
        mend="Sort by confidence, best first; compare masks, not boxes; keep the best of each group.",
        judge=_only_the_worse_goes,
        needs="the same request as RLE with and without NMS",
    ),
)
