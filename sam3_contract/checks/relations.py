"""R: what several exchanges that belong together say of each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import Final

from sam3_contract.checks.check import Breach, Check, Judgement, Shown, shown
from sam3_contract.checks.matching import SAME_IOU, Runs, differences, leeway_of, pair_up, runs_of
from sam3_contract.checks.predictions import Place
from sam3_contract.checks.prompts import Asked, asked_of, request_of
from sam3_contract.exchange import Exchange
from sam3_contract.masks import find_disagreements, holes_filled, iou
from sam3_contract.spec import Contract

__all__ = ["CHECKS"]

MAX_BREACHES: Final = 8


def _formats_agree(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    pairs: dict[Hashable, dict[str, Exchange]] = defaultdict(dict)
    for exchange in exchanges:
        if exchange.case.image and any(asked.places for asked in asked_of(exchange)):
            form = "rle" if exchange.case.sent.get("format") == "rle" else "polygon"
            pairs[request_of(exchange, besides=["format"])][form] = exchange
    complete = [pair for pair in pairs.values() if len(pair) == 2]
    found = [breach for pair in complete for breach in _differences(pair["polygon"], pair["rle"])]
    return Judgement(len(complete), tuple(found[:MAX_BREACHES]))


def _differences(polygon: Exchange, rle: Exchange) -> Iterator[Breach]:
    for ours, theirs in zip(asked_of(polygon), asked_of(rle), strict=False):
        counts = len(ours.places), len(theirs.places)
        if counts[0] != counts[1] and not _are_marginal(ours, theirs):
            lines = f"{counts[0]} predictions as polygons, {counts[1]} as RLE"
            yield Breach(theirs.path, lines, "the same predictions in both formats", exchange=rle, beside=(polygon,))
        else:
            for first, second in _partners(ours, theirs):
                yield from _difference(first, second, polygon, rle)


def _are_marginal(ours: Asked, theirs: Asked) -> bool:
    """Tell whether all that one format has more is so close to the threshold that a model may drop it."""
    leeway = leeway_of(theirs.exchange)
    counts = [
        sum(place.confidence >= (asked.threshold or 0.0) + leeway for place in asked.places) for asked in (ours, theirs)
    ]
    return bool(leeway) and counts[0] == counts[1]


def _partners(ours: Asked, theirs: Asked) -> Iterator[tuple[Place, Place]]:
    """Match polygons with RLEs: in their order, or by what they show where no order is promised."""
    image = ours.exchange.case.image
    assert image is not None  # or the pair would not have been made
    outlines = [runs_of(place, image.size) for place in ours.places]
    filled = [_filled(runs_of(place, image.size), image.size) for place in theirs.places]
    drawn = [[runs for runs in side if runs is not None] for side in (outlines, filled)]
    if ours.exchange.case.operation != "concept_segment" or len(drawn[0]) + len(drawn[1]) < 2 * len(outlines):
        yield from zip(ours.places, theirs.places, strict=False)
        return
    confidences = [place.confidence for place in ours.places], [place.confidence for place in theirs.places]
    pairing = pair_up(*drawn, least=SAME_IOU, confidences=confidences)
    yield from ((ours.places[row], theirs.places[column]) for row, column, _ in pairing.pairs)
    yield from (
        (ours.places[row], theirs.places[column]) for row, column in zip(pairing.left, pairing.right, strict=False)
    )


def _filled(runs: Runs | None, size: tuple[int, int]) -> Runs | None:
    return None if runs is None else holes_filled(runs, size=size)


def _difference(first: Place, second: Place, polygon: Exchange, rle: Exchange) -> Iterator[Breach]:
    confidences = first.prediction.get("confidence"), second.prediction.get("confidence")
    if confidences[0] != confidences[1] and not abs(first.confidence - second.confidence) <= leeway_of(rle) > 0:
        path = f"{second.path}.confidence"
        wanted = f"{shown(confidences[0])}, as with polygons"
        yield Breach(path, shown(confidences[1]), wanted, exchange=rle, beside=(polygon,))
    image = polygon.case.image
    assert image is not None  # or the pair would not have been made
    masks = first.prediction.get("masks"), second.prediction.get("masks")
    if not rle.exact and _are_alike(first, second, image.size):
        return
    for found in find_disagreements(*masks, image_size=image.size, path=f"{second.path}.masks"):
        drawn = Shown((masks[1],), (masks[0],), image.size)
        yield Breach(
            found.path, found.found, found.expected, found.diagnosis, exchange=rle, masks=drawn, beside=(polygon,)
        )


def _are_alike(polygon: Place, rle: Place, size: tuple[int, int]) -> bool:
    """Tell whether two requests may have been answered with these by a model, whose masks differ a little."""
    outline, filled = runs_of(polygon, size), _filled(runs_of(rle, size), size)
    return outline is not None and filled is not None and iou(outline, filled) >= SAME_IOU


def _same_request_same_answer(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Compare answers to equal requests, but for what the server remembers under an ``image_id``."""
    first: dict[Hashable, Exchange] = {}
    judged = 0
    found: list[Breach] = []
    for exchange in exchanges:
        if exchange.status != 200 or exchange.case.sent.get("image_id") is not None:
            continue
        partner = first.setdefault(request_of(exchange, besides=()), exchange)
        if partner is not exchange:
            judged += 1
            pairs = zip(asked_of(partner), asked_of(exchange), strict=False)
            for ours, theirs in pairs:
                found += differences(ours, theirs, law="the same request gets the same answer")
    return Judgement(judged, tuple(found[:MAX_BREACHES]))


CHECKS = (
    Check(
        code="R01",
        name="formats_agree",
        law="Polygons and RLE of one request show the same masks, up to holes, which polygons cannot have.",
        source="server",
        rule="#/components/schemas/Prediction",
        mend="Encode both from one bitmap; look whether one of them is moved, turned, scaled or cut.",
        judge=_formats_agree,
        needs="the same request as polygons and as RLE",
    ),
    Check(
        code="R02",
        name="same_request_same_answer",
        law="The same request gets the same answer, up to what a model on a graphics card may differ by.",
        source="derived",
        rule="",
        mend="Look for state that leaks between requests, and for drop-out or sampling that was left on.",
        judge=_same_request_same_answer,
        needs="the same request twice",
    ),
)
