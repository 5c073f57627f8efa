"""R: what several exchanges that belong together say of each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from sam3_contract.checks.check import Breach, Check, Judgement, Shown, few_of_each, shown
from sam3_contract.checks.edges import EDGE
from sam3_contract.checks.matching import SAME_IOU, are_alike, differences, leeway_of, measured, pair_up
from sam3_contract.checks.prompts import AnsweredPrompt, may_keep_others, prompts_of, request_of
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import Mask, Prediction
from sam3_contract.masks import find_disagreements
from sam3_contract.spec import Contract


def _formats_agree(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    pairs: dict[Hashable, dict[str, Exchange]] = defaultdict(dict)
    for exchange in exchanges:
        if exchange.case.image and any(prompt.predictions for prompt in prompts_of(exchange)):
            name = "rle" if exchange.case.sent.get("format") == "rle" else "polygon"
            pairs[request_of(exchange, besides=["format"])][name] = exchange
    complete = [pair for pair in pairs.values() if len(pair) == 2]
    found = [breach for pair in complete for breach in _differences(pair["polygon"], pair["rle"])]
    return Judgement(len(complete), few_of_each(found))


def _differences(polygon: Exchange, rle: Exchange) -> Iterator[Breach]:
    for ours, theirs in zip(prompts_of(polygon), prompts_of(rle), strict=False):
        counts = len(ours.predictions), len(theirs.predictions)
        if counts[0] != counts[1] and not may_keep_others(rle) and not _are_marginal(ours, theirs):
            lines = f"{counts[0]} predictions as polygons, {counts[1]} as RLE"
            yield Breach(theirs.path, lines, "the same predictions in both formats", exchange=rle, beside=(polygon,))
        else:
            for first, second in _partners(ours, theirs):
                yield from _difference(first, second, polygon, rle)


def _are_marginal(ours: AnsweredPrompt, theirs: AnsweredPrompt) -> bool:
    """Tell whether all that one format has more is so close to the threshold that a model may drop it."""
    leeway = leeway_of(theirs.exchange)
    counts = [
        sum(one.confidence >= (prompt.threshold or 0.0) + leeway for one in prompt.predictions)
        for prompt in (ours, theirs)
    ]
    return bool(leeway) and counts[0] == counts[1]


def _partners(ours: AnsweredPrompt, theirs: AnsweredPrompt) -> Iterator[tuple[Prediction, Prediction]]:
    """Match polygons with RLEs: in their order, or by what they show where no order is promised."""
    outlines, drawn = measured(ours.predictions), measured(theirs.predictions)
    concept = ours.exchange.case.operation == "concept_segment"
    if not concept or len(outlines) < len(ours.predictions) or len(drawn) < len(theirs.predictions):
        yield from zip(ours.predictions, theirs.predictions, strict=False)
        return
    confidences = [one.prediction.confidence for one in outlines], [one.prediction.confidence for one in drawn]
    filled = [one.mask.filled for one in drawn]
    masks, tolerant = [one.mask for one in outlines], not theirs.exchange.exact
    pairing = pair_up(masks, filled, least=SAME_IOU, confidences=confidences, tolerant=tolerant)
    unpaired = () if may_keep_others(theirs.exchange) else zip(pairing.left, pairing.right, strict=False)
    yield from ((ours.predictions[row], theirs.predictions[column]) for row, column in (*pairing.pairs, *unpaired))


def _difference(first: Prediction, second: Prediction, polygon: Exchange, rle: Exchange) -> Iterator[Breach]:
    confidences = first.value.get("confidence"), second.value.get("confidence")
    if confidences[0] != confidences[1] and not abs(first.confidence - second.confidence) <= leeway_of(rle) > 0:
        path = f"{second.path}.confidence"
        wanted = f"{shown(confidences[0])}, as with polygons"
        yield Breach(path, shown(confidences[1]), wanted, exchange=rle, beside=(polygon,))
    image = polygon.case.image
    assert image is not None  # or the pair would not have been made
    masks = first.value.get("masks"), second.value.get("masks")
    if _are_alike(first, second, exact=rle.exact):
        return
    for found in find_disagreements(*masks, image_size=image.size, path=f"{second.path}.masks"):
        drawn = Shown((masks[1],), (masks[0],), image.size)
        yield Breach(
            found.path, found.found, found.expected, found.diagnosis, exchange=rle, masks=drawn, beside=(polygon,)
        )


def _are_alike(polygon: Prediction, rle: Prediction, *, exact: bool) -> bool:
    """Tell whether two masks are the same; those of a model, which is asked twice, may differ a little."""
    if polygon.mask is None or rle.mask is None:
        return False
    if polygon.mask.key == rle.mask.filled.key:
        return True
    if exact:
        return False
    return are_alike(polygon.mask, rle.mask.filled) or are_alike(_closed(polygon.mask), _closed(rle.mask))


def _closed(mask: Mask) -> Mask:
    """Fill holes, those too that the border of the image opens, or nearly: whether it does may be up to edges."""
    bitmap, (height, width) = mask.bitmap.copy(), mask.size
    left, top, across, down = mask.box
    right, bottom = left + across, top + down
    sides = (
        (left <= EDGE, bitmap[:, left]),
        (top <= EDGE, bitmap[top]),
        (right >= width - EDGE, bitmap[:, right - 1]),
        (bottom >= height - EDGE, bitmap[bottom - 1]),
    )
    for is_near, side in sides if mask.area else ():
        if is_near:
            seen = np.flatnonzero(side)
            side[seen[0] : seen[-1]] = True
    return Mask.of(bitmap).filled


def _same_request_same_answer(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Compare answers to equal requests, but for what the server remembers under an ``image_id``."""
    first: dict[Hashable, Exchange] = {}
    judged = 0
    found: list[Breach] = []
    for exchange in exchanges:
        if exchange.status != 200 or exchange.case.sent.get("image_id") is not None:
            continue
        # Letter by letter: R11 compares what means the same.
        partner = first.setdefault(exchange.case.signature, exchange)
        if partner is not exchange:
            judged += 1
            pairs = zip(prompts_of(partner), prompts_of(exchange), strict=False)
            for ours, theirs in pairs:
                found += differences(ours, theirs, law="the same request gets the same answer", ordered=True)
    return Judgement(judged, few_of_each(found))


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
        law="The same request gets the same answer, in the same order, up to what a model on a graphics card may vary.",
        source="derived",
        rule="",
        mend="Look for state that leaks between requests, and for drop-out or sampling that was left on.",
        judge=_same_request_same_answer,
        needs="the same request twice",
    ),
)
