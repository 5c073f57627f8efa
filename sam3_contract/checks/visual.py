"""V: what ``visual_segment`` promises of its predictions."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract.checks.asked import Asked, asked_of, context_of, grouped, number, visual_request
from sam3_contract.checks.law import Breach, Check, Judgement, Shown, each, shown
from sam3_contract.checks.likeness import bitmap_of, differences, frame_of, runs_of
from sam3_contract.checks.predictions import Place, list_of
from sam3_contract.errors import MaskError
from sam3_contract.exchange import Exchange
from sam3_contract.masks import masks_from_npz
from sam3_contract.spec import Contract

__all__ = ["CHECKS"]

MASKS_OF_A_PROMPT: Final = 3
ONE_MASK: Final = "one_mask_for_each_prompt"


def _predictions_follow_prompts(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged, found, three = 0, [], False
    for exchange in exchanges:
        request = visual_request(exchange)
        if request is None or not exchange.succeeded:
            continue
        judged += 1
        asked, count = len(request.asked), len(list_of(exchange.answer, "predictions"))
        wanted = MASKS_OF_A_PROMPT * asked if request.multimask_output else asked
        three |= count == wanted != asked
        if count != wanted:
            known = ONE_MASK if count == asked else ""
            text = f"{wanted} for {asked} prompts"
            found.append(Breach("$.predictions", f"{count} predictions", text, exchange=exchange, deviation=known))
    return Judgement(judged, tuple(found), frozenset({ONE_MASK}) if three else frozenset())


def _format_is_the_one_asked(exchange: Exchange, _: Contract) -> list[Breach] | None:
    request = visual_request(exchange)
    if request is None or exchange.status != 200:
        return None
    wanted = "application/octet-stream" if request.format == "binary" else "application/json"
    if exchange.media_type == wanted:
        return []
    return [Breach("headers.content-type", repr(exchange.media_type), f"{wanted} for `format: {request.format}`")]


def _points_inside(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    return _clicks(exchanges, positive=True)


def _points_outside(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    return _clicks(exchanges, positive=False)


def _clicks(exchanges: Sequence[Exchange], *, positive: bool) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for asked, best, bitmap in _best_masks(exchanges):
        points = _clear_clicks(asked, bitmap)
        if not any(point["positive"] for point in points):
            continue  # nothing was asked for, so nothing has to be there
        for point in points:
            if point["positive"] is positive:
                judged += 1
                if bool(bitmap[int(point["y"]), int(point["x"])]) is not positive:
                    found.append(_missed(asked, best, point, bitmap))
    return Judgement(judged, tuple(found))


def _clear_clicks(asked: Asked, bitmap: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Leave out clicks beside the image, and pixels that are clicked positively and negatively."""
    points = [point for point in asked.prompt.get("points", ()) if _hits(point, bitmap)]
    meant: dict[tuple[int, int], set[bool]] = {}
    for point in points:
        meant.setdefault((int(point["x"]), int(point["y"])), set()).add(bool(point["positive"]))
    return [point for point in points if len(meant[int(point["x"]), int(point["y"])]) == 1]


def _missed(asked: Asked, best: Place, point: dict[str, Any], bitmap: NDArray[np.bool_]) -> Breach:
    kind, side = ("positive", "outside") if point["positive"] else ("negative", "inside")
    x, y = point["x"], point["y"]
    swapped = y < bitmap.shape[1] and x < bitmap.shape[0] and bool(bitmap[int(x), int(y)]) is point["positive"]
    others = [other for other in asked.prompt["points"] if _hits(other, bitmap)]
    turned = len(others) > 1 and all(
        bool(bitmap[int(other["y"]), int(other["x"])]) is not other["positive"] for other in others
    )
    why = "positive and negative look exchanged" if turned else "x and y look exchanged" if swapped else ""
    size = (bitmap.shape[0], bitmap.shape[1])
    return Breach(
        f"{best.path}.masks",
        f"the {kind} click ({x:g}, {y:g}) lies {side} the mask",
        f"every {kind} click {'inside' if point['positive'] else 'outside'}",
        why,
        exchange=asked.exchange,
        masks=Shown((bitmap,), (_spot(point, size),), size),
    )


def _box_is_centred(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for asked, best, bitmap in _best_masks(exchanges):
        box = asked.prompt.get("box")
        area = int(np.count_nonzero(bitmap))
        if not box or box["width"] < 2 or box["height"] < 2:
            continue
        judged += 1
        inside = _share(bitmap, box, anchor=0.5) / max(area, 1)
        if inside < 0.5:
            size = (bitmap.shape[0], bitmap.shape[1])
            as_corner = _share(bitmap, box, anchor=0.0) / max(area, 1)
            why = "x and y of the box were taken for its top left corner" if as_corner > max(inside, 0.5) else ""
            found.append(
                Breach(
                    f"{best.path}.masks",
                    f"{inside:.0%} of the mask lies in the box" if area else "an empty mask",
                    f"most of it, with the box around its centre ({box['x']:g}, {box['y']:g})",
                    why,
                    exchange=asked.exchange,
                    masks=Shown((bitmap,), (_boxed(box, size),), size),
                )
            )
    return Judgement(judged, tuple(found))


def _prompt_forms_agree(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for _key, (first, *others) in grouped(exchanges, _key_of_prompt):
        for other in others:
            if other.exchange is not first.exchange and _form(other.exchange) != _form(first.exchange):
                judged += 1
                found += differences(first, other, law="a list, a nested list and a single prompt mean the same")
    return Judgement(judged, tuple(found))


def _prompts_do_not_interact(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for _key, (first, *others) in grouped(exchanges, _key_of_prompt):
        for other in others:
            mixed = other.exchange is first.exchange or _company(other.exchange) != _company(first.exchange)
            if mixed and _form(other.exchange) == _form(first.exchange):
                judged += 1
                found += differences(first, other, law="other prompts beside it change nothing")
    return Judgement(judged, tuple(found))


def _best_is_the_best(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Compare the one mask with the three: it has to be the most confident of them."""

    def key(asked: Asked) -> Hashable | None:
        if asked.exchange.case.operation != "visual_segment":
            return None
        return (context_of(asked.exchange, besides=["multimask_output", "format", "image_id"]), asked.question)

    judged = 0
    found: list[Breach] = []
    for _key, members in grouped(exchanges, key):
        many = [one for one in members if _wants_three(one)]
        for one in members if many else ():
            if not _wants_three(one) and len(one.places) == 1:
                judged += 1
                found += _not_the_best(one, many[0])
    return Judgement(judged, tuple(found))


def _wants_three(asked: Asked) -> bool:
    request = visual_request(asked.exchange)
    return request is not None and request.multimask_output


def _not_the_best(one: Asked, many: Asked) -> Iterator[Breach]:
    confidences = [number(place.prediction.get("confidence")) or 0.0 for place in many.places]
    own = number(one.places[0].prediction.get("confidence"))
    if own is not None and own < max(confidences) - 0.02:
        why = "the least confident of the three was taken" if own <= min(confidences) + 1e-9 else ""
        at, wanted = f"{one.places[0].path}.confidence", f"{max(confidences)}, the best of the three masks"
        yield Breach(at, shown(own), wanted, why, exchange=one.exchange, beside=(many.exchange,))


def _archive_agrees(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    drawn = {}
    for exchange in exchanges:
        asked = asked_of(exchange)
        request = visual_request(exchange)
        if asked and request is not None and request.format == "rle":
            drawn[_binary_key(exchange)] = [place for one in asked for place in one.places]
    judged = 0
    found: list[Breach] = []
    for exchange in exchanges:
        request = visual_request(exchange)
        places = drawn.get(_binary_key(exchange)) if request is not None and request.format == "binary" else None
        if places and exchange.status == 200 and exchange.media_type == "application/octet-stream":
            judged += 1
            found += _unlike_archive(exchange, places)
    return Judgement(judged, tuple(found))


def _unlike_archive(exchange: Exchange, places: Sequence[Place]) -> Iterator[Breach]:
    try:
        masks = masks_from_npz(exchange.body).masks >= 0
    except MaskError:
        return  # M07 says what is wrong with it
    if len(masks) != len(places):
        yield Breach("npz.masks", f"{len(masks)} planes", f"{len(places)}, as many as RLEs", exchange=exchange)
        return
    for index, (plane, place) in enumerate(zip(masks, places, strict=True)):
        size = (int(plane.shape[0]), int(plane.shape[1]))
        runs = runs_of(place, size)
        if runs is not None and not np.array_equal(bitmap_of(runs, size), plane):
            differing = int(np.count_nonzero(bitmap_of(runs, size) != plane))
            why = "the logits look inverted" if np.array_equal(bitmap_of(runs, size), ~plane) else ""
            masks_shown = Shown((plane,), (place.prediction["masks"],), size)
            yield Breach(
                f"npz.masks[{index}]",
                f"{differing} pixels differ from the RLE of the same request",
                "logits that are 0 or more exactly where the RLE has its pixels",
                why,
                exchange=exchange,
                masks=masks_shown,
            )


def _best_masks(exchanges: Sequence[Exchange]) -> Iterator[tuple[Asked, Place, NDArray[np.bool_]]]:
    """Draw the most confident mask of each prompt that has a sound one; of each question once, for the rates."""
    asked_before: set[Hashable] = set()
    for exchange in exchanges:
        size = frame_of(exchange)
        if exchange.case.operation != "visual_segment" or size is None or not _own_image(exchange):
            continue
        for asked in asked_of(exchange):
            question = (context_of(exchange, besides=["image_id", "multimask_output"]), asked.question)
            if question in asked_before:
                continue
            asked_before.add(question)
            best = max(asked.places, key=lambda place: number(place.prediction.get("confidence")) or 0.0)
            runs = runs_of(best, size)
            if runs is not None:
                yield asked, best, bitmap_of(runs, size)


def _own_image(exchange: Exchange) -> bool:
    """Tell whether the masks are surely of the image that was sent: an ``image_id`` may stand for another one."""
    return exchange.case.image is not None


def _key_of_prompt(asked: Asked) -> Hashable | None:
    if asked.exchange.case.operation != "visual_segment":
        return None
    return (context_of(asked.exchange), asked.question)


def _company(exchange: Exchange) -> tuple[str, ...]:
    return tuple(one.question for one in asked_of(exchange))


def _form(exchange: Exchange) -> str:
    prompts = exchange.case.sent.get("prompts")
    if isinstance(prompts, dict):
        return "nested" if "prompts" in prompts else "single"
    return "list"


def _binary_key(exchange: Exchange) -> Hashable:
    return (context_of(exchange, besides=["format"]), repr(exchange.case.sent.get("prompts")))


def _hits(point: dict[str, Any], bitmap: NDArray[np.bool_]) -> bool:
    return bool(0 <= point["x"] < bitmap.shape[1] and 0 <= point["y"] < bitmap.shape[0])


def _share(bitmap: NDArray[np.bool_], box: dict[str, float], *, anchor: float) -> int:
    return int(np.count_nonzero(bitmap[_window(box, anchor)]))


def _window(box: dict[str, float], anchor: float) -> tuple[slice, slice]:
    left, top = box["x"] - anchor * box["width"], box["y"] - anchor * box["height"]
    edges = (top, top + box["height"], left, left + box["width"])
    first, last, start, stop = (max(round(max(min(edge, 1e6), -1e6)), 0) for edge in edges)
    return slice(first, last + 1), slice(start, stop + 1)


def _boxed(box: dict[str, float], size: tuple[int, int]) -> NDArray[np.bool_]:
    bitmap = np.zeros(size, np.bool_)
    bitmap[_window(box, 0.5)] = True
    return bitmap


def _spot(point: dict[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    bitmap = np.zeros(size, np.bool_)
    x, y = int(point["x"]), int(point["y"])
    bitmap[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] = True
    return bitmap


_FORMATS = "#/components/schemas/VisualSegmentRequest/properties/format"
_PROMPTS = "#/components/schemas/VisualSegmentRequest/properties/prompts"

CHECKS = (
    Check(
        code="V01",
        name="predictions_follow_prompts",
        law="Each prompt has one prediction, or three with `multimask_output`; no prompt at all counts as one.",
        source="docs and server",
        rule="#/components/schemas/VisualSegmentResponse/properties/predictions",
        mend="An object the model is unsure of keeps its prediction, with an empty mask and a low confidence.",
        judge=_predictions_follow_prompts,
        needs="an answer of visual_segment",
    ),
    Check(
        code="V02",
        name="format_is_the_one_asked",
        law="`format: binary` is answered with an archive, every other format with JSON.",
        source="docs",
        rule=_FORMATS,
        mend="The handler must not return bytes through a JSON response model.",
        judge=each(_format_is_the_one_asked),
        needs="an answer of visual_segment",
    ),
    Check(
        code="V03",
        name="positive_points_are_inside",
        law="Positive clicks lie inside the best mask.",
        source="docs",
        rule=_PROMPTS,
        mend="Clicks are (x, y) in pixels of the image, after EXIF orientation; look for exchanged axes or labels.",
        judge=_points_inside,
        kind="statistical",
        least=0.75,
        needs="a positive click on the image",
    ),
    Check(
        code="V04",
        name="negative_points_are_outside",
        law="Negative clicks lie outside the best mask.",
        source="docs",
        rule=_PROMPTS,
        mend="`positive: false` takes away; look whether labels get lost, or are read the other way round.",
        judge=_points_outside,
        kind="statistical",
        least=0.75,
        needs="a negative click on the image",
    ),
    Check(
        code="V05",
        name="box_is_centre_anchored",
        law="The best mask lies in the box around (x, y), its centre.",
        source="server",
        rule="#/components/schemas/CenterBox",
        mend="x and y are the centre of a box here, unlike in concept_segment.",
        judge=_box_is_centred,
        kind="statistical",
        least=0.75,
        needs="a prompt with a box",
    ),
    Check(
        code="V06",
        name="prompt_forms_agree",
        law="A list of prompts, a list inside an object and a single prompt are answered alike.",
        source="server",
        rule=_PROMPTS,
        mend="Bring all three forms to the nested one before anything else looks at them.",
        judge=_prompt_forms_agree,
        needs="the same prompts in two forms",
    ),
    Check(
        code="V07",
        name="best_mask_is_the_best",
        law="Without `multimask_output` the one mask is as confident as the best of the three.",
        source="docs and server",
        rule="#/components/schemas/VisualSegmentRequest/properties/multimask_output",
        mend="Take the arg max of the predicted IoUs, not the first or the last mask.",
        judge=_best_is_the_best,
        needs="the same prompt with three masks and with one",
    ),
    Check(
        code="V08",
        name="archive_agrees_with_rle",
        law="The archive's logits are 0 or more exactly where the RLE of the same request has its pixels.",
        source="server",
        rule=_FORMATS,
        mend="Write the logits at the image's size, one plane for each prediction, before they are cut at 0.",
        judge=_archive_agrees,
        needs="the same request as binary and as RLE",
    ),
    Check(
        code="V09",
        name="visual_prompts_do_not_interact",
        law="A prompt finds the same object whatever other prompts stand beside it.",
        source="derived",
        rule=_PROMPTS,
        mend="Look whether points are padded with real ones, or masks of a batch are mixed up.",
        judge=_prompts_do_not_interact,
        needs="the same prompt in two requests with different company, or twice in one",
    ),
)
