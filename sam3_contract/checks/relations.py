"""R: what several exchanges that belong together say of each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import orjson

from sam3_contract.checks.asked import asked_of
from sam3_contract.checks.law import Breach, Check, Judgement, Shown, shown
from sam3_contract.checks.likeness import differences
from sam3_contract.checks.predictions import Place, predictions_of
from sam3_contract.exchange import Exchange
from sam3_contract.masks import find_disagreements
from sam3_contract.spec import Contract

__all__ = ["CHECKS"]

MAX_BREACHES = 8
_POLYGON = "polygon"


def _formats_agree(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    pairs: dict[bytes, dict[str, Exchange]] = defaultdict(dict)
    for exchange in exchanges:
        if exchange.succeeded and exchange.case.image and any(True for _ in predictions_of(exchange)):
            asked = exchange.case.sent.get("format")
            body = {key: value for key, value in exchange.case.sent.items() if key != "format"}
            key = orjson.dumps([exchange.case.operation, body], option=orjson.OPT_SORT_KEYS)
            pairs[key]["rle" if asked == "rle" else _POLYGON] = exchange
    complete = [pair for pair in pairs.values() if len(pair) == 2]
    found = [breach for pair in complete for breach in _differences(pair[_POLYGON], pair["rle"])]
    return Judgement(len(complete), tuple(found[:MAX_BREACHES]))


def _differences(polygon: Exchange, rle: Exchange) -> Iterator[Breach]:
    ours, theirs = list(predictions_of(polygon)), list(predictions_of(rle))
    if [place.path for place in ours] != [place.path for place in theirs]:
        lines = f"{len(ours)} predictions as polygons, {len(theirs)} as RLE"
        yield Breach("$", lines, "the same predictions in both formats", exchange=rle)
        return
    for first, second in zip(ours, theirs, strict=True):
        yield from _difference(first, second, polygon, rle)


def _difference(first: Place, second: Place, polygon: Exchange, rle: Exchange) -> Iterator[Breach]:
    confidences = first.prediction.get("confidence"), second.prediction.get("confidence")
    if confidences[0] != confidences[1]:
        path = f"{second.path}.confidence"
        yield Breach(path, shown(confidences[1]), f"{shown(confidences[0])}, as with polygons", exchange=rle)
    image = polygon.case.image
    assert image is not None  # or the pair would not have been made
    masks = first.prediction.get("masks"), second.prediction.get("masks")
    for found in find_disagreements(*masks, image_size=image.size, path=f"{second.path}.masks"):
        drawn = Shown((masks[1],), (masks[0],), image.size)
        yield Breach(
            found.path,
            found.found,
            found.expected,
            found.diagnosis,
            exchange=rle,
            masks=drawn,
            beside=(polygon,),
        )


def _same_request_same_answer(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Compare answers to equal requests, but for what the server remembers under an ``image_id``."""
    first: dict[tuple[str, bytes], Exchange] = {}
    judged = 0
    found: list[Breach] = []
    for exchange in exchanges:
        if exchange.status != 200 or exchange.case.sent.get("image_id") is not None:
            continue
        partner = first.setdefault((exchange.case.operation, exchange.case.signature), exchange)
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
