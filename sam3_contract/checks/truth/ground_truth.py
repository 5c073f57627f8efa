"""What is drawn in a scene that a request sent, and whether its answer sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final

from sam3_contract.checks.matching import Measured, measured, pair_up
from sam3_contract.checks.prompts import AnsweredPrompt, prompts_of
from sam3_contract.exchanges.exchange import Exchange, kept
from sam3_contract.exchanges.measuring import Bitmap, Mask, Prediction
from sam3_contract.images.scenes import Thing, built_in_scenes, filled, further_scenes, stencil

SURE: Final = 0.6
"""A threshold above which something that is there may be missing."""
LEAST_SURE: Final = 0.2  # a threshold below which a model may well find what is not there
NOWHERE: Final = "zebra"  # what is asked for of scenes although none of them shows it
SEEN: Final = 0.5  # IoU from which on a model is taken to look at the scene at all
BOX_TOLERANCE: Final = 2  # pixels that an edge of a box may be off the thing it is drawn around


def expected_things(prompt: AnsweredPrompt) -> list[Mask] | None:
    """List the true masks of what a prompt asks for; ``None`` if the scene does not tell.

    Empty where the scene holds nothing of what is asked for.
    """
    case = prompt.exchange.case
    if not case.things or case.image is None:
        return None
    if case.operation == "concept_segment":
        return things_named(prompt) or None
    clicked = _clicked(case.things, prompt.sent)
    return None if clicked is None else [mask_of_thing(thing) for thing in clicked]


def things_named(prompt: AnsweredPrompt) -> list[Mask] | None:
    """List the true masks of what a text names, none if it is the name of something else; ``None`` if unknown."""
    things, text = prompt.exchange.case.things, prompt.sent.get("text")
    if not things or prompt.exchange.case.image is None or prompt.sent.get("boxes"):
        return None
    named = [mask_of_thing(thing) for thing in things if text in (thing.category, *thing.synonyms)]
    return named if named or text in _known_names() else None


@cache
def _known_names() -> frozenset[str]:
    """List what is drawn in any scene: what none of them shows may be called anything."""
    scenes = (*built_in_scenes(), *further_scenes(), stencil(), filled())
    return frozenset(thing.category for scene in scenes for thing in scene.things) | {NOWHERE}


@lru_cache(maxsize=256)
def mask_of_thing(thing: Thing) -> Mask:
    """Measure what is drawn; the built-in scenes are asked about again and again."""
    return Mask.of(thing.bitmap)


def sees_the_scene(exchange: Exchange) -> bool:
    """Tell whether most of what was asked for of a drawn scene is found where it is drawn."""
    found, wanted = _seen(exchange)
    return 2 * found > wanted


def sees_the_scenes(exchanges: Sequence[Exchange]) -> bool:
    """Tell whether a server sees what is drawn: by its answers to texts, which no fake gets right by accident.

    Clicks and boxes tell it only where no text was asked for, as what is drawn around them may be much like the truth.
    """
    of_scenes = [exchange for exchange in exchanges if exchange.case.things]
    by_text = [exchange for exchange in of_scenes if exchange.case.operation == "concept_segment"]
    counts = [_seen(exchange) for exchange in by_text or of_scenes]
    return 2 * sum(found for found, _ in counts) > sum(wanted for _, wanted in counts)


def held_to_the_truth(exchanges: Sequence[Exchange]) -> bool:
    """Tell whether a server that is held to exactness sees what is drawn; of one that does not, nothing is known."""
    return any(exchange.exact for exchange in exchanges) and sees_the_scenes(exchanges)


def is_certain(prompt: AnsweredPrompt) -> bool:
    """Tell whether a prompt says no more than which thing is meant, and nothing unsure is wanted.

    What is clicked negatively may be cut around.
    """
    return wants_the_sure(prompt) and all(point["positive"] for point in prompt.sent.get("points") or ())


def wants_the_sure(prompt: AnsweredPrompt) -> bool:
    """Tell whether a prompt leaves out what a model is very unsure of, by the document and by what servers do."""
    thresholds = [one for one in (prompt.threshold, prompt.served_threshold) if one is not None]
    return prompt.exchange.case.operation != "concept_segment" or min(thresholds, default=0.0) >= LEAST_SURE


def drawn_masks(exchanges: Sequence[Exchange]) -> Iterator[tuple[Measured, list[Mask], AnsweredPrompt]]:
    """List the sound masks that answer a prompt of which the truth is known, and the truth; of three masks the best."""
    for exchange in exchanges:
        for prompt in prompts_of(exchange):
            truth = expected_things(prompt)
            if truth:
                yield from ((one, truth, prompt) for one in measured(best_of(prompt)))


def best_of(prompt: AnsweredPrompt) -> Sequence[Prediction]:
    """Choose the predictions that answer a prompt: of three masks the most confident, of instances all."""
    if prompt.exchange.case.operation == "concept_segment":
        return prompt.predictions
    return [max(prompt.predictions, key=lambda one: one.confidence)]


def is_exact(one: Measured, truth: Sequence[Mask]) -> bool:
    """Tell whether a mask is one of the true ones, to the pixel."""
    return any(one.mask.key == as_answered(mask, one.prediction).key for mask in truth)


def as_answered(mask: Mask, prediction: Prediction) -> Mask:
    """Fill the holes of a true mask if a prediction's are polygons, which have none."""
    return mask.filled if prediction.is_polygon else mask


@kept
def _seen(exchange: Exchange) -> tuple[int, int]:
    """Count the drawn things that were asked for in a request, and those of them that were found."""
    found, wanted = 0, 0
    for prompt in prompts_of(exchange):
        truth = expected_things(prompt)
        if truth and (prompt.threshold or 0.0) <= SURE:
            masks = [one.mask for one in measured(best_of(prompt))]
            wanted += len(truth)
            found += len(pair_up(truth, masks, least=SEEN).pairs)
    return found, wanted


def _clicked(things: Sequence[Thing], prompt: Mapping[str, Any]) -> list[Thing] | None:
    """Find the one thing that all positive clicks hit, no negative one does, and the box fits."""
    points, box = prompt.get("points") or [], prompt.get("box")
    positive = [point for point in points if point["positive"]]
    if not positive and not box:
        return None
    fits = [
        thing
        for thing in things
        if all(_hit(thing.bitmap, point) is bool(point["positive"]) for point in points)
        and (not box or _fits(thing, box))
    ]
    return fits if len(fits) == 1 else None


def _hit(bitmap: Bitmap, point: Mapping[str, Any]) -> bool:
    x, y = point["x"], point["y"]
    return bool(0 <= y < bitmap.shape[0] and 0 <= x < bitmap.shape[1] and bitmap[int(y), int(x)])


def _fits(thing: Thing, box: Mapping[str, float]) -> bool:
    """Tell whether what a box holds of the image is drawn tightly around a thing; it may reach across the border."""
    left, top, right, bottom = thing.edges
    half, (height, width) = (box["width"] / 2, box["height"] / 2), thing.bitmap.shape
    wanted = (box["x"] - half[0], box["x"] + half[0], box["y"] - half[1], box["y"] + half[1])
    held = [min(max(edge, 0), side) for edge, side in zip(wanted, (width, width, height, height), strict=True)]
    return all(abs(own - other) <= BOX_TOLERANCE for own, other in zip((left, right, top, bottom), held, strict=True))
