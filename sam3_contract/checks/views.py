"""R: other views of one image: the same pixels in another file, or the same pixels moved."""

from __future__ import annotations

from collections.abc import Sequence

from sam3_contract.checks.asked import Asked, asked_of
from sam3_contract.checks.law import Breach, Check, Judgement, Shown
from sam3_contract.checks.likeness import bitmap_of, differences, frame_of, pair_up, runs_of
from sam3_contract.checks.truth import sees_the_scene
from sam3_contract.exchange import Exchange
from sam3_contract.masks import compare, run_lengths_from_bitmap
from sam3_contract.spec import Contract

__all__ = ["CHECKS"]

SAME_THING = 0.8  # IoU from which on masks of two views show the same thing


def _same_pixels_same_masks(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    return _judge(exchanges, moved=False)


def _moved_pixels_move_masks(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    return _judge(exchanges, moved=True)


def _judge(exchanges: Sequence[Exchange], *, moved: bool) -> Judgement:
    """Compare the views of one kind with the image as it is.

    Where the pixels are not the very same ones, nothing is judged unless the server sees what is drawn there: a fake
    whose masks do not come from the pixels cannot keep this law, and need not.
    """
    by_id = {exchange.case.id: exchange for exchange in exchanges}
    judged = 0
    found: list[Breach] = []
    for exchange in exchanges:
        twin = exchange.case.twin
        base = by_id.get(twin.of) if twin else None
        if twin is None or base is None or twin.moved is not moved:
            continue
        if not twin.exact and not sees_the_scene(base):
            continue
        for ours, theirs in zip(asked_of(base), asked_of(exchange), strict=False):
            judged += 1
            if twin.exact:
                found += differences(ours, theirs, law=f"the image {twin.how} is the same image")[:1]
            else:
                found += _unlike(ours, theirs)[:1]
    return Judgement(judged, tuple(found))


def _unlike(ours: Asked, theirs: Asked) -> list[Breach]:
    """Bring the masks of a view into the frame of the image as it is, and match them there."""
    twin, size, other = theirs.exchange.case.twin, frame_of(ours.exchange), frame_of(theirs.exchange)
    if twin is None or size is None or other is None:
        return []
    before = [runs for place in ours.places if (runs := runs_of(place, size)) is not None]
    seen = [(place, runs) for place in theirs.places if (runs := runs_of(place, other)) is not None]
    brought = [twin.undo(bitmap_of(runs, other)) for _, runs in seen]
    pairing = pair_up(before, [run_lengths_from_bitmap(bitmap) for bitmap in brought], least=SAME_THING)
    if not pairing.left and not pairing.right:
        return []
    expected = tuple(bitmap_of(before[index], size) for index in pairing.left)
    masks = Shown(tuple(brought[index] for index in pairing.right), expected, size)
    why = ""
    if pairing.left and pairing.right:
        why = compare(expected[0], brought[pairing.right[0]], image_size=size).explanation
    return [
        Breach(
            seen[pairing.right[0]][0].path + ".masks" if pairing.right else theirs.path,
            f"{len(pairing.pairs)} of {len(before)} masks agree, brought back into the frame of the image as it is",
            f"the masks of {ours.exchange.case.id}: this is the same image {twin.how}",
            why,
            exchange=theirs.exchange,
            masks=masks,
            beside=(ours.exchange,),
        )
    ]


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
        least=0.9,
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
