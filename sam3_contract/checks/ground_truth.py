"""What is drawn in a scene that a request sent, and whether its answer sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract.checks.matching import Measured, measured, pair_up
from sam3_contract.checks.predictions import Place
from sam3_contract.checks.prompts import Asked, asked_of
from sam3_contract.exchange import Exchange
from sam3_contract.masks import holes_filled, run_lengths_from_bitmap

__all__ = [
    "SURE",
    "Bitmap",
    "answers_exactly",
    "as_answered",
    "best_places",
    "drawn_masks",
    "expected_things",
    "is_exact",
    "is_polygon",
    "looks_like_a_model",
    "sees_the_scene",
    "sees_the_scenes",
]

Bitmap = NDArray[np.bool_]

SURE: Final = 0.6
"""A threshold above which something that is there may be missing."""
SEEN: Final = 0.5  # IoU from which on a model is taken to look at the scene at all
LEAST_TRIALS: Final = 3
FEW: Final = 0.25  # the share of shapes that a model may draw to the pixel by chance: squares
BOX_TOLERANCE: Final = 2  # pixels that an edge of a box may be off the thing it is drawn around


def expected_things(asked: Asked) -> list[Bitmap] | None:
    """Tell the true masks of what a prompt asks for; ``None`` if the scene does not tell.

    Returns:
        Bitmaps of shape ``(height, width)``; empty where the scene holds nothing of what is asked for.
    """
    things = asked.exchange.case.things
    if not things or asked.exchange.case.image is None:
        return None
    if asked.exchange.case.operation == "concept_segment":
        text = asked.prompt.get("text")
        named = [thing.bitmap for thing in things if text in (thing.category, *thing.synonyms)]
        return named if named and not asked.prompt.get("boxes") else None
    return _clicked([thing.bitmap for thing in things], asked.prompt)


def sees_the_scene(exchange: Exchange) -> bool:
    """Tell whether most of what was asked for of a drawn scene is found where it is drawn."""
    found, wanted = _seen([exchange])
    return 2 * found > wanted


def sees_the_scenes(exchanges: Sequence[Exchange]) -> bool:
    """Tell whether a server sees what is drawn: by its answers to texts, which no fake gets right by accident.

    Clicks and boxes tell it only where no text was asked for, as what is drawn around them may be much like the truth.
    """
    asked = [exchange for exchange in exchanges if exchange.case.things]
    by_text = [exchange for exchange in asked if exchange.case.operation == "concept_segment"]
    found, wanted = _seen(by_text or asked)
    return 2 * found > wanted


def answers_exactly(exchanges: Sequence[Exchange], operation: str = "concept_segment") -> bool:
    """Tell whether most drawn shapes that are asked for are answered to the pixel, which no model does."""
    judged = _exact(exchanges, operation)
    return len(judged) >= LEAST_TRIALS and 2 * sum(judged) > len(judged)


def looks_like_a_model(exchanges: Sequence[Exchange]) -> bool:
    """Tell whether drawn shapes are seen, but hardly any to the pixel: what answers so may do it a little otherwise."""
    judged = _exact(exchanges, "concept_segment")
    return len(judged) >= LEAST_TRIALS and sum(judged) <= FEW * len(judged) and sees_the_scenes(exchanges)


def _seen(exchanges: Sequence[Exchange]) -> tuple[int, int]:
    """Count the drawn things that were asked for, and those of them that were found."""
    found, wanted = 0, 0
    for asked in (one for exchange in exchanges for one in asked_of(exchange)):
        truth = expected_things(asked)
        if truth and (asked.threshold or 0.0) <= SURE:
            masks = [one.runs for one in measured(best_places(asked), (truth[0].shape[0], truth[0].shape[1]))]
            wanted += len(truth)
            found += len(pair_up([run_lengths_from_bitmap(bitmap) for bitmap in truth], masks, least=SEEN).pairs)
    return found, wanted


def _exact(exchanges: Sequence[Exchange], operation: str) -> list[bool]:
    return [
        is_exact(asked, one, truth)
        for asked, one, truth in drawn_masks(exchanges)
        if asked.exchange.case.operation == operation
    ]


def drawn_masks(exchanges: Sequence[Exchange]) -> Iterator[tuple[Asked, Measured, list[Bitmap]]]:
    """List the sound masks that answer a prompt of which the truth is known; of three masks the best."""
    for exchange in exchanges:
        for asked in asked_of(exchange):
            truth = expected_things(asked)
            if truth:
                size = (truth[0].shape[0], truth[0].shape[1])
                yield from ((asked, one, truth) for one in measured(best_places(asked), size))


def best_places(asked: Asked) -> Sequence[Place]:
    """Choose the predictions that answer a prompt: of three masks the most confident, of instances all."""
    if asked.exchange.case.operation == "concept_segment":
        return asked.places
    return [max(asked.places, key=lambda place: place.confidence)]


def is_exact(asked: Asked, one: Measured, truth: Sequence[Bitmap]) -> bool:
    """Tell whether a mask is one of the true ones, to the pixel."""
    return any(np.array_equal(one.runs, as_answered(bitmap, asked)) for bitmap in truth)


def as_answered(bitmap: Bitmap, asked: Asked) -> NDArray[np.int64]:
    """Measure a true mask, its holes filled if the answer's are polygons, which have none."""
    runs = run_lengths_from_bitmap(bitmap)
    if not any(is_polygon(place) for place in asked.places):
        return runs
    return holes_filled(runs, size=(bitmap.shape[0], bitmap.shape[1]))


def is_polygon(place: Place) -> bool:
    """Tell whether a prediction's mask is a polygon, or else run lengths."""
    return isinstance(place.prediction.get("masks"), list)


def _clicked(things: Sequence[Bitmap], prompt: Mapping[str, Any]) -> list[Bitmap] | None:
    """Find the one thing that all positive clicks hit, no negative one does, and the box fits."""
    points, box = prompt.get("points") or [], prompt.get("box")
    positive = [point for point in points if point["positive"]]
    if not positive and not box:
        return None
    fits = [
        thing
        for thing in things
        if all(_hit(thing, point) is bool(point["positive"]) for point in points) and (not box or _fits(thing, box))
    ]
    return fits if len(fits) == 1 else None


def _hit(thing: Bitmap, point: Mapping[str, Any]) -> bool:
    x, y = point["x"], point["y"]
    return bool(0 <= y < thing.shape[0] and 0 <= x < thing.shape[1] and thing[int(y), int(x)])


def _fits(thing: Bitmap, box: Mapping[str, float]) -> bool:
    rows, columns = np.flatnonzero(thing.any(axis=1)), np.flatnonzero(thing.any(axis=0))
    edges = (columns[0], columns[-1] + 1, rows[0], rows[-1] + 1)
    half = box["width"] / 2, box["height"] / 2
    asked = (box["x"] - half[0], box["x"] + half[0], box["y"] - half[1], box["y"] + half[1])
    return all(abs(own - other) <= BOX_TOLERANCE for own, other in zip(edges, asked, strict=True))
