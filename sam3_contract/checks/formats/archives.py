"""V: the archive that ``format: binary`` is answered with, against the run lengths of the same request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from sam3_contract.checks.check import Breach, Check, Judgement, Shown
from sam3_contract.checks.matching import are_alike
from sam3_contract.checks.prompts import prompts_of, request_of, visual_request
from sam3_contract.errors import MaskError
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import Mask, Prediction
from sam3_contract.masks import BinaryMasks, iou, masks_from_npz
from sam3_contract.spec import Contract

UNLIKE: Final = 0.5  # IoU up to which two masks are of different things


def _archive_agrees(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    drawn = {
        request_of(exchange, besides=["format"]): [one for prompt in prompts_of(exchange) for one in prompt.predictions]
        for exchange in exchanges
        if exchange.succeeded and _asks_for("rle", exchange)
    }
    judged = 0
    found: list[Breach] = []
    for exchange in exchanges:
        is_archive = exchange.status == 200 and exchange.media_type == "application/octet-stream"
        if is_archive and _asks_for("binary", exchange):
            predictions = drawn.get(request_of(exchange, besides=["format"]))
            if predictions:
                judged += 1
                found += _unlike_archive(exchange, predictions)
    return Judgement(judged, tuple(found))


def _asks_for(wanted: str, exchange: Exchange) -> bool:
    request = visual_request(exchange)
    return request is not None and request.format == wanted


def _unlike_archive(exchange: Exchange, predictions: Sequence[Prediction]) -> Iterator[Breach]:
    try:
        archive = masks_from_npz(exchange.body)
    except MaskError:
        return  # M07 says what is wrong with it
    planes = archive.masks >= 0
    if len(planes) != len(predictions):
        yield Breach("npz.masks", f"{len(planes)} planes", f"{len(predictions)}, as many as RLEs", exchange=exchange)
        return
    for index, (plane, prediction) in enumerate(zip(planes, predictions, strict=True)):
        if prediction.mask is None or prediction.mask.size != plane.shape:
            continue
        drawn = prediction.mask.bitmap
        differing = int(np.count_nonzero(drawn != plane))
        if differing and (exchange.exact or not are_alike(Mask.of(plane), prediction.mask)):
            yield Breach(
                f"npz.masks[{index}]",
                f"{differing} pixels differ from the RLE of the same request",
                "logits that are 0 or more exactly where the RLE has its pixels",
                "the logits look inverted" if differing == plane.size else "",
                exchange=exchange,
                masks=Shown((plane,), (prediction.value["masks"],), prediction.mask.size),
            )
    yield from _alike_in_low_resolution(exchange, archive, predictions)


def _alike_in_low_resolution(
    exchange: Exchange, archive: BinaryMasks, predictions: Sequence[Prediction]
) -> Iterator[Breach]:
    """Look for one plane of masks that are not the same; in which frame it lies is not promised."""
    masks = [one.mask for one in predictions]
    for index, (mask, plane) in enumerate(zip(masks, archive.low_res_masks, strict=False)):
        if mask is None or masks[0] is None or mask.size != masks[0].size:
            continue
        same = np.any(plane >= 0) and np.array_equal(plane, archive.low_res_masks[0])
        if same and iou(mask.runs, masks[0].runs) < UNLIKE:
            found = "the very logits of npz.low_res_masks[0]"
            yield Breach(f"npz.low_res_masks[{index}]", found, "those of another mask, as in masks", exchange=exchange)
            return


CHECKS = (
    Check(
        code="V08",
        name="archive_agrees_with_rle",
        law="The archive's logits are 0 or more exactly where the RLEs of the same request have their pixels.",
        source="server",
        rule="#/components/schemas/VisualSegmentRequest/properties/format",
        mend="Write the logits at the image's size, one plane for each prediction, before they are cut at 0.",
        judge=_archive_agrees,
        needs="the same request as binary and as RLE",
    ),
)
