"""R: other views of one image: the same pixels in another file, or the same pixels moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sam3_contract.checks.check import Breach, Check, Judgement, Shown
from sam3_contract.checks.matching import differences, measured, pair_up
from sam3_contract.checks.prompts import AnsweredPrompt, prompts_of
from sam3_contract.checks.truth.ground_truth import sees_the_scene, sees_the_scenes
from sam3_contract.exchanges.exchange import Exchange, Twin
from sam3_contract.exchanges.measuring import Mask, frame_of
from sam3_contract.masks import compare
from sam3_contract.spec import Contract

SAME_THING: Final = 0.7
"""IoU from which on masks of two views show the same thing: a model looks at each view anew."""


def _same_pixels_same_masks(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    return _judge(exchanges, moved=False)


def _moved_pixels_move_masks(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    return _judge(exchanges, moved=True)


def _judge(exchanges: Sequence[Exchange], *, moved: bool) -> Judgement:
    """Compare the views of one kind with the image as it is; each view is one trial.

    Where the pixels are not the very same ones, nothing is judged unless the server sees what is drawn there: a fake
    whose masks do not come from the pixels cannot keep this law, and need not.
    """
    by_id = {exchange.case.id: exchange for exchange in exchanges}
    seeing = sees_the_scenes(exchanges)
    judged = 0
    found: list[Breach] = []
    for exchange in exchanges:
        twin = exchange.case.twin
        base = by_id.get(twin.of) if twin else None
        if twin is None or base is None or twin.moved is not moved:
            continue
        if twin.exact or (seeing and sees_the_scene(base)):
            judged += 1
            found += (_same_file if twin.exact else _same_scene)(base, exchange, twin)[:1]
    return Judgement(judged, tuple(found))


def _same_file(base: Exchange, view: Exchange, twin: Twin) -> list[Breach]:
    law = f"the image {twin.how} is the same image"
    pairs = zip(prompts_of(base), prompts_of(view), strict=False)
    return [breach for ours, theirs in pairs for breach in differences(ours, theirs, law=law)]


def _same_scene(base: Exchange, view: Exchange, twin: Twin) -> list[Breach]:
    """Compare what is found: all of it where the server is exact.

    A model may miss a thing in one of the views. But of those that it sees in both, most are where they have to be, and
    some of all.
    """
    compared = [_compare(ours, theirs, twin) for ours, theirs in zip(prompts_of(base), prompts_of(view), strict=False)]
    found = [one for one in compared if one.breach is not None]
    agreeing, elsewhere = sum(one.agreeing for one in compared), sum(one.elsewhere for one in found)
    if not view.exact and agreeing and elsewhere <= agreeing:
        return []
    return [one.breach for one in sorted(found, key=lambda one: not one.elsewhere) if one.breach]


@dataclass(frozen=True, slots=True)
class _Compared:
    """What a prompt found in two views of an image.

    Attributes:
        agreeing: Things that are in the same place in both.
        elsewhere: Things of either view in whose place the other has nothing, but something elsewhere.
        breach: What is not the same.
    """

    agreeing: int = 0
    elsewhere: int = 0
    breach: Breach | None = None


def _compare(ours: AnsweredPrompt, theirs: AnsweredPrompt, twin: Twin) -> _Compared:
    """Bring the masks of a view into the frame of the image as it is, and match them there."""
    size = frame_of(ours.exchange)
    if size is None:
        return _Compared()
    before, seen = measured(ours.predictions), measured(theirs.predictions)
    brought = [Mask.of(twin.undo(one.mask.bitmap)) for one in seen]
    outlined = any(one.prediction.is_polygon for one in seen)  # which loses the holes
    if any(mask.size != size for mask in brought):
        return _Compared()
    tolerant = not theirs.exchange.exact
    pairing = pair_up(
        [one.mask.filled if outlined else one.mask for one in before], brought, least=SAME_THING, tolerant=tolerant
    )
    agreeing = len(pairing.pairs)
    if not pairing.left and not pairing.right:
        return _Compared(agreeing)
    expected = tuple(before[index].mask.bitmap for index in pairing.left)
    unexpected = tuple(brought[index].bitmap for index in pairing.right)
    breach = Breach(
        seen[pairing.right[0]].prediction.path + ".masks" if pairing.right else theirs.path,
        f"{agreeing} of {len(before)} masks agree, brought back into the frame of the image as it is",
        f"the masks of {ours.exchange.case.id}: this is the same image {twin.how}",
        compare(expected[0], unexpected[0], image_size=size).explanation if expected and unexpected else "",
        exchange=theirs.exchange,
        masks=Shown(unexpected, expected, size),
        beside=(ours.exchange,),
    )
    return _Compared(agreeing, min(len(expected), len(unexpected)), breach)


CHECKS = (
    Check(
        code="R06",
        name="same_pixels_same_masks",
        law="The same pixels give the same masks: in another file format, as data URI, turned by EXIF, grey or RGB.",
        source="derived",
        rule="#/components/schemas/Image",
        mend="Decode to upright RGB first; look for EXIF that is ignored or applied twice, and for BGR.",
        judge=_same_pixels_same_masks,
        kind="statistical",
        least=0.8,
        needs="two views of one image of which the server finds what is drawn there",
    ),
    Check(
        code="R07",
        name="moved_pixels_move_masks",
        law="A mirrored image gives mirrored masks, and a border around the image shifts them.",
        source="derived",
        rule="#/components/schemas/Image",
        mend="Undo in reverse order what was done before the model: crop the padding, then scale, x and y apart.",
        judge=_moved_pixels_move_masks,
        kind="statistical",
        least=0.75,
        needs="a mirrored or padded scene of which the server finds what is drawn there",
    ),
)
