"""R: what ``image_id`` may change: nothing but the time."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from sam3_contract.checks.check import Breach, Check, Judgement, Shown, shown
from sam3_contract.checks.matching import differences
from sam3_contract.checks.prompts import AnsweredPrompt, context_of, image_of, prompts_of
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import list_of
from sam3_contract.masks import iou
from sam3_contract.spec import Contract

_REMEMBERING = frozenset({"visual_segment", "embed_image"})
_LOGITS = ("save_logits_to_cache", "load_logits_from_cache")
SAME_OBJECT = 0.5  # IoU from which on a refined mask is of the same object


def _reuse_changes_nothing(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    return _compare(exchanges, reused=False)


def _id_keeps_its_image(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    return _compare(exchanges, reused=True)


def _compare(exchanges: Sequence[Exchange], *, reused: bool) -> Judgement:
    """Compare answers under an ``image_id`` with those to the same prompts without one.

    Args:
        exchanges: In the order in which they were sent.
        reused: Whether to judge requests whose id was first used for another image, or all others.
    """
    plain = {
        _key(prompt, image_of(exchange)): prompt
        for exchange in exchanges
        if exchange.case.operation == "visual_segment" and exchange.case.sent.get("image_id") is None
        for prompt in prompts_of(exchange)
    }
    judged = 0
    found: list[Breach] = []
    for exchange, first in _with_images(exchanges):
        name = exchange.case.sent.get("image_id")
        if not isinstance(name, str) or (first != image_of(exchange)) is not reused:
            continue
        law = (
            f"image_id {shown(name)} stands for its first image"
            if reused
            else "an image_id changes nothing but the time"
        )
        for prompt in prompts_of(exchange):
            partner = plain.get(_key(prompt, first))
            if partner is not None:
                judged += 1
                found += differences(partner, prompt, law=law) or _other_frame(partner, prompt, law)
    return Judgement(judged, tuple(found))


def _with_images(exchanges: Sequence[Exchange]) -> Iterator[tuple[Exchange, Hashable]]:
    """Tell of each answered request which image is meant: an id stands for the one that it was sent with first."""
    first_image: dict[str, Hashable] = {}
    for exchange in exchanges:
        if exchange.case.operation in _REMEMBERING and exchange.status == 200:
            own, name = image_of(exchange), exchange.case.sent.get("image_id")
            yield exchange, first_image.setdefault(name, own) if isinstance(name, str) else own


def _logits_change_nothing(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Compare answers that start from kept logits with those that do not: a refined mask is still of that object."""
    asked = [
        (prompt, image)
        for exchange, image in _with_images(exchanges)
        if exchange.case.operation == "visual_segment"
        for prompt in prompts_of(exchange)
    ]
    plain = {_logits_key(prompt, image): prompt for prompt, image in asked if not _uses_logits(prompt.exchange)}
    judged = 0
    found: list[Breach] = []
    for prompt, image in asked:
        if _uses_logits(prompt.exchange):
            partner = plain.get(_logits_key(prompt, image))
            if partner is not None:
                judged += 1
                found += _refined(partner, prompt)
    return Judgement(judged, tuple(found))


def _uses_logits(exchange: Exchange) -> bool:
    return any(exchange.case.sent.get(name) for name in _LOGITS)


def _logits_key(prompt: AnsweredPrompt, image: Hashable) -> Hashable:
    besides = ["image", "image_id", *_LOGITS]
    return (context_of(prompt.exchange, besides=besides), image, prompt.question)


def _refined(partner: AnsweredPrompt, prompt: AnsweredPrompt) -> list[Breach]:
    law = "kept logits change neither the frame nor whose mask is answered"
    if prompt.exchange.exact:
        return differences(partner, prompt, law=law) or _other_frame(partner, prompt, law)
    ours, theirs = (one.predictions[0].mask for one in (partner, prompt))
    if ours is None or theirs is None or ours.size != theirs.size:
        return _other_frame(partner, prompt, law)
    if not ours.area or iou(ours.runs, theirs.runs) >= SAME_OBJECT:
        return []
    shown_masks = Shown((prompt.predictions[0].value["masks"],), (partner.predictions[0].value["masks"],), ours.size)
    at, wanted = f"{prompt.predictions[0].path}.masks", f"the object of {partner.exchange.case.id}: {law}"
    return [
        Breach(at, "another object", wanted, exchange=prompt.exchange, masks=shown_masks, beside=(partner.exchange,))
    ]


def _other_frame(partner: AnsweredPrompt, prompt: AnsweredPrompt, law: str) -> list[Breach]:
    """Report masks of another frame, which cannot be compared pixel by pixel."""
    sizes = [
        {shown(list_of(found.value.get("masks"), "size")) for found in one.predictions if not found.is_polygon}
        for one in (partner, prompt)
    ]
    if sizes[0] == sizes[1]:
        return []
    wanted, found = (", ".join(sorted(side)) for side in sizes)
    why = "the masks are of another image"
    where = prompt.path if not prompt.predictions else prompt.predictions[0].path + ".masks.size"
    return [Breach(where, found, f"{wanted}: {law}", why, exchange=prompt.exchange, beside=(partner.exchange,))]


def _id_is_answered(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    embedded = [one for one in exchanges if one.case.operation == "embed_image" and one.succeeded]
    found: list[Breach] = []
    made: dict[Hashable, Exchange] = {}
    for exchange in embedded:
        sent, answered = exchange.case.sent.get("image_id"), exchange.answer.get("image_id")
        if sent is not None:
            found += [] if answered == sent else [Breach("$.image_id", shown(answered), shown(sent), exchange=exchange)]
        elif isinstance(answered, str):
            first = made.setdefault(answered, exchange)
            if first.case.things and exchange.case.things and first.case.things != exchange.case.things:
                wanted = f"another one than that of {first.case.id}, which shows something else"
                found.append(Breach("$.image_id", shown(answered), wanted, exchange=exchange, beside=(first,)))
    return Judgement(len(embedded), tuple(found))


def _key(prompt: AnsweredPrompt, image: Hashable) -> Hashable:
    besides = ["image", "image_id", "save_logits_to_cache"]  # that logits are loaded is what R13 judges
    return (context_of(prompt.exchange, besides=besides), image, prompt.question)


CHECKS = (
    Check(
        code="R08",
        name="image_id_changes_nothing",
        law="The same prompts on the same image find the same objects, with an `image_id` and without.",
        source="docs",
        rule="#/components/schemas/VisualSegmentRequest/properties/image_id",
        mend="Key the cache by the whole id; keep the size of the image with its embedding.",
        judge=_reuse_changes_nothing,
        needs="the same request to visual_segment with and without an `image_id`",
    ),
    Check(
        code="R09",
        name="image_id_keeps_its_image",
        law="An `image_id` that is known stands for the image it was first used with, whatever image comes along.",
        source="docs",
        rule="#/components/schemas/VisualSegmentRequest/properties/image_id",
        mend="The documentation says that a cached embedding is used instead of a new one.",
        judge=_id_keeps_its_image,
        needs="an `image_id` that is used again with another image",
    ),
    Check(
        code="R10",
        name="image_id_is_answered",
        law="`embed_image` answers the `image_id` that it was sent, or else one that no other picture has.",
        source="server",
        rule="#/components/schemas/EmbedImageResponse",
        mend="Make an id of the content only where none was sent.",
        judge=_id_is_answered,
        needs="an answer of embed_image",
    ),
    Check(
        code="R13",
        name="logits_change_nothing",
        law="Logits that are kept and loaded change neither the frame nor whose mask is answered.",
        source="docs",
        rule="#/components/schemas/VisualSegmentRequest/properties/load_logits_from_cache",
        mend="Key the logits by image and whole prompt; start from them only where both are the same.",
        judge=_logits_change_nothing,
        needs="the same prompt with and without save_logits_to_cache or load_logits_from_cache",
    ),
)
