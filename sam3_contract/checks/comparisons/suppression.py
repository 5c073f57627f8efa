"""R: what suppression of overlaps may take away, and what it has to."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from sam3_contract.checks.check import Breach, Check, Judgement, Shown, few_of_each
from sam3_contract.checks.edges import greatest_iou
from sam3_contract.checks.matching import Measured, leeway_of, measured, same_things
from sam3_contract.checks.prompts import AnsweredPrompt, context_of, prompts_of
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import frame_of, number
from sam3_contract.masks import iou_matrix
from sam3_contract.spec import Contract

ROUNDING: Final = 1e-6  # of an IoU: the server computes in 32 bits
SLACK: Final = 0.05  # of an IoU, where the masks are those of a model, which differ a little from call to call
MAX_BREACHES: Final = 8


@dataclass(frozen=True)
class _Suppressed:
    """An answer with NMS, and what can be measured of it.

    Attributes:
        exchange: The request and its answer.
        threshold: The IoU above which one of two goes.
        size: ``(height, width)`` of the masks.
        before: Each of its prompts as RLE and without NMS, in whatever company; empty if one was not asked so.
        survivors: Of each prompt, its predictions with their true masks; of a polygon that is that of an RLE.
    """

    exchange: Exchange
    threshold: float
    size: tuple[int, int]
    before: tuple[AnsweredPrompt, ...]
    survivors: tuple[tuple[Measured, ...], ...]

    @cached_property
    def everything(self) -> list[Measured]:
        """The survivors of all prompts that have pixels: others overlap nothing, though the IoU of two is called 1."""
        return [one for each in self.survivors for one in each if one.mask.area]


def _no_overlap_is_left(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for answer in _suppressed(exchanges):
        entries = answer.everything
        if len(entries) >= 2:
            judged += 1
            found += _overlaps_left(answer, entries)
    return Judgement(judged, tuple(found))


def _overlaps_left(answer: _Suppressed, entries: Sequence[Measured]) -> Iterator[Breach]:
    overlaps = iou_matrix([one.mask.runs for one in entries], [one.mask.runs for one in entries])
    np.fill_diagonal(overlaps, 0.0)
    most = answer.threshold + (ROUNDING if answer.exchange.exact else SLACK)
    for row, column in np.argwhere(np.triu(overlaps) > most)[:MAX_BREACHES].tolist():
        first, second = entries[row].prediction, entries[column].prediction
        yield Breach(
            second.path,
            f"IoU {overlaps[row, column]:.4f} with {first.path}",
            f"at most the threshold, {answer.threshold:g}",
            "within one prompt" if first.prompt == second.prompt else "they answer different prompts",
            exchange=answer.exchange,
            masks=Shown((second.value["masks"],), (first.value["masks"],), answer.size),
        )


def _only_the_worse_goes(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Compare with the same prompts without suppression: what goes has to overlap something better."""
    judged = 0
    found: list[Breach] = []
    for answer in _suppressed(exchanges):
        if answer.before:
            judged += 1
            found += _wrongly_suppressed(answer)
    return Judgement(judged, few_of_each(found))


def _wrongly_suppressed(answer: _Suppressed) -> Iterator[Breach]:
    leeway = leeway_of(answer.exchange)
    for before, after, left in zip(answer.before, prompts_of(answer.exchange), answer.survivors, strict=True):
        where: dict[str, Any] = {"exchange": answer.exchange, "beside": (before.exchange,)}
        all_of_them = measured(before.predictions)
        pairing = same_things(all_of_them, left, tolerant=bool(leeway))
        least = (after.threshold or 0.0) + leeway
        for index in pairing.right:
            if left[index].prediction.confidence >= least:
                found, wanted = (
                    "an instance that is not there without NMS",
                    f"one of those in {before.exchange.case.id}",
                )
                yield Breach(left[index].prediction.path, found, wanted, **where)
        for row, column in pairing.pairs:
            own, other = left[column].prediction, all_of_them[row].prediction
            if abs(own.confidence - other.confidence) > leeway:
                wanted = f"{other.confidence}, as in {before.exchange.case.id}: NMS changes no confidence"
                yield Breach(f"{own.path}.confidence", str(own.confidence), wanted, **where)
        for index in pairing.left:
            if all_of_them[index].prediction.confidence >= least:
                yield from _unjustified(all_of_them[index], before, after, answer)


def _unjustified(
    lost: Measured, before: AnsweredPrompt, after: AnsweredPrompt, answer: _Suppressed
) -> Iterator[Breach]:
    none_goes = answer.threshold >= 1.0  # no two masks overlap by more than wholly
    leeway, entries = leeway_of(answer.exchange), answer.everything
    least = max(answer.threshold - (SLACK if leeway else ROUNDING), 0.0)
    overlaps = [] if none_goes or not entries else iou_matrix([lost.mask.runs], [one.mask.runs for one in entries])[0]
    near = [
        one.prediction
        for one, shared in zip(entries, overlaps, strict=False)
        if shared > least or (leeway and greatest_iou(lost.mask, one.mask) > least)
    ]
    gone = lost.prediction
    if any(one.confidence >= gone.confidence - leeway for one in near):
        return
    worse = f"only the less confident {near[0].path} overlaps it" if near else "nothing that stayed overlaps it so much"
    yield Breach(
        after.path,
        f"{gone.path} of {before.exchange.case.id} is missing, confidence {gone.confidence}",
        f"it goes only for a better one that it overlaps by more than {answer.threshold:g}",
        worse,
        exchange=answer.exchange,
        masks=Shown(tuple(one.value["masks"] for one in near), (gone.value["masks"],), answer.size),
        beside=(before.exchange,),
    )


def _suppressed(exchanges: Sequence[Exchange]) -> Iterator[_Suppressed]:
    """List the answers with NMS whose masks can be measured."""
    plain = {
        _key(prompt): prompt for one in exchanges if _is_rle(one) and _nms(one) is None for prompt in prompts_of(one)
    }
    for exchange in exchanges:
        threshold, size = number(_nms(exchange)), frame_of(exchange)
        if threshold is None or size is None:
            continue
        known = [plain.get(_key(prompt)) for prompt in prompts_of(exchange)]
        before = () if None in known else tuple(prompt for prompt in known if prompt is not None)
        survivors = [measured(prompt.predictions) for prompt in prompts_of(exchange)]
        if not _is_rle(exchange):
            survivors = _with_holes(survivors, before) if before else []
        if survivors:
            yield _Suppressed(exchange, threshold, size, before, tuple(map(tuple, survivors)))


def _with_holes(survivors: Sequence[Sequence[Measured]], plain: Sequence[AnsweredPrompt]) -> list[list[Measured]]:
    """Give polygons back the holes that count in an IoU: those of the RLEs that they show; empty if one shows none."""
    whole = []
    for each, before in zip(survivors, plain, strict=True):
        known = measured(before.predictions)
        filled = [Measured(one.prediction, one.mask.filled) for one in known]
        pairing = same_things(each, filled, tolerant=not before.exchange.exact)
        if pairing.left:
            return []
        whole.append([Measured(each[row].prediction, known[column].mask) for row, column in pairing.pairs])
    return whole


def _key(prompt: AnsweredPrompt) -> Hashable:
    asked = context_of(prompt.exchange, besides=["nms_iou_threshold", "format"])
    return (asked, prompt.question, prompt.threshold, prompt.said_threshold)


def _nms(exchange: Exchange) -> object:
    return exchange.case.sent.get("nms_iou_threshold")


def _is_rle(exchange: Exchange) -> bool:
    return exchange.case.sent.get("format") == "rle"


_RULE = "#/components/schemas/ConceptSegmentRequest/properties/nms_iou_threshold"

CHECKS = (
    Check(
        code="R04",
        name="nms_leaves_no_overlap",
        law="With NMS no two masks of an answer overlap by more than the threshold, of whichever prompts they are.",
        source="docs",
        rule=_RULE,
        mend="Suppress across prompts, on the IoU of masks, not of boxes.",
        judge=_no_overlap_is_left,
        needs="an answer with NMS and at least two masks",
    ),
    Check(
        code="R05",
        name="nms_takes_only_the_worse",
        law="NMS takes away only what overlaps a more confident mask that stays; at 1.0 it takes nothing.",
        source="derived",
        rule=_RULE,
        mend="Sort by confidence, best first; compare masks, not boxes; keep the best of each group.",
        judge=_only_the_worse_goes,
        needs="the same prompts with NMS, and as RLE without",
    ),
)
