"""G: drawn scenes, of which the true masks are known: they tell a wrong frame from a weak model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sam3_contract.checks.asked import Asked, asked_of, number
from sam3_contract.checks.law import Breach, Check, Judgement, Shown
from sam3_contract.checks.likeness import bitmap_of, pair_up, runs_of
from sam3_contract.checks.predictions import Place
from sam3_contract.exchange import Exchange
from sam3_contract.masks import Verdict, compare, holes_filled, run_lengths_from_bitmap
from sam3_contract.spec import Contract

__all__ = ["CHECKS", "answers_exactly", "expected_things", "sees_the_scene"]

Bitmap = NDArray[np.bool_]

GOOD: Final = 0.75  # IoU of a drawn shape with its mask from which on it counts as found
SURE: Final = 0.6  # a threshold above which a shape that is drawn may be missing
SEEN: Final = 0.5  # IoU from which on a model is taken to look at the scene at all
MAX_BREACHES: Final = 8
LEAST_TRIALS: Final = 3
FARTHEST: Final = 32.0  # pixels by which a shape may be grown or shrunk to be recognised
_EXACT: Final = frozenset(
    {Verdict.SHIFTED, Verdict.TRANSPOSED, Verdict.INVERTED, Verdict.ROW_MAJOR, Verdict.LARGEST_PART}
)


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
    """Tell whether at least half of what was asked for of a drawn scene is found where it is drawn."""
    found, wanted = 0, 0
    for asked in asked_of(exchange):
        truth = expected_things(asked) or []
        pairing = pair_up([run_lengths_from_bitmap(bitmap) for bitmap in truth], _masks(asked), least=SEEN)
        wanted += len(truth)
        found += len(pairing.pairs)
    return 0 < wanted <= 2 * found


def answers_exactly(exchanges: Sequence[Exchange]) -> bool:
    """Tell whether most drawn shapes that texts ask for are answered to the pixel, which no model does."""
    exact, judged = 0, 0
    for asked, _, bitmap, truth in _drawn(exchanges):
        if asked.exchange.case.operation == "concept_segment":
            judged += 1
            exact += _is_one_of(asked, bitmap, truth)
    return judged >= LEAST_TRIALS and 2 * exact > judged


def _masks_lie_where_drawn(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged, found = 0, []
    for asked, place, bitmap, truth in _drawn(exchanges):
        judged += 1
        why = "" if _is_one_of(asked, bitmap, truth) else _explained(bitmap, truth, polygon=_is_polygon(place))
        if why:
            found.append(
                Breach(
                    f"{place.path}.masks",
                    "not the mask of what is drawn",
                    "the drawn shape, or a model's guess at it",
                    why,
                    exchange=asked.exchange,
                    masks=Shown((place.prediction["masks"],), tuple(truth[:4]), truth[0].shape),
                )
            )
    return Judgement(judged, tuple(found[:MAX_BREACHES]))


def _shapes_are_found(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged, found = 0, []
    for exchange in exchanges:
        suppressed = exchange.case.sent.get("nms_iou_threshold") is not None
        for asked in () if suppressed else asked_of(exchange):
            truth = expected_things(asked)
            if not truth or (asked.threshold or 0.0) > SURE:
                continue
            size = truth[0].shape
            runs = [_as_drawn(run_lengths_from_bitmap(bitmap), asked, size) for bitmap in truth]
            pairing = pair_up(runs, _masks(asked), least=GOOD)
            judged += len(truth)
            masks = Shown(tuple(place.prediction.get("masks") for place in _best(asked)), tuple(truth), size)
            for index in pairing.left:
                place = _name(asked, index)
                counts = f"{len(asked.places)} predictions, none with an IoU of {GOOD} or more"
                found.append(Breach(asked.path, counts, place, exchange=exchange, masks=masks))
    return Judgement(judged, tuple(found))


def _drawn(exchanges: Sequence[Exchange]) -> Iterator[tuple[Asked, Place, Bitmap, list[Bitmap]]]:
    """List the sound masks that answer a prompt of which the truth is known; of three masks the best."""
    for exchange in exchanges:
        for asked in asked_of(exchange):
            truth = expected_things(asked)
            for place in _best(asked) if truth else ():
                runs = runs_of(place, truth[0].shape) if truth else None
                if truth and runs is not None:
                    yield asked, place, bitmap_of(runs, truth[0].shape), truth


def _best(asked: Asked) -> Sequence[Place]:
    if asked.exchange.case.operation == "concept_segment":
        return asked.places
    return [max(asked.places, key=lambda place: number(place.prediction.get("confidence")) or 0.0)]


def _masks(asked: Asked) -> list[NDArray[np.int64]]:
    size = asked.exchange.case.image.size if asked.exchange.case.image else (0, 0)
    return [runs for place in _best(asked) if (runs := runs_of(place, size)) is not None]


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
    x, y = int(point["x"]), int(point["y"])
    return bool(0 <= y < thing.shape[0] and 0 <= x < thing.shape[1] and thing[y, x])


def _fits(thing: Bitmap, box: Mapping[str, float]) -> bool:
    rows, columns = np.flatnonzero(thing.any(axis=1)), np.flatnonzero(thing.any(axis=0))
    edges = (columns[0], columns[-1] + 1, rows[0], rows[-1] + 1)
    half = box["width"] / 2, box["height"] / 2
    asked = (box["x"] - half[0], box["x"] + half[0], box["y"] - half[1], box["y"] + half[1])
    return all(abs(own - other) <= 2 for own, other in zip(edges, asked, strict=True))


def _is_polygon(place: Place) -> bool:
    return isinstance(place.prediction.get("masks"), list)


def _as_drawn(runs: NDArray[np.int64], asked: Asked, size: tuple[int, int]) -> NDArray[np.int64]:
    """Fill the holes of a true mask if the answer's are polygons, which have none."""
    polygons = any(_is_polygon(place) for place in asked.places)
    return holes_filled(runs, size=size) if polygons else runs


def _is_one_of(asked: Asked, bitmap: Bitmap, truth: Sequence[Bitmap]) -> bool:
    size = (bitmap.shape[0], bitmap.shape[1])
    runs = run_lengths_from_bitmap(bitmap)
    return any(np.array_equal(runs, _as_drawn(run_lengths_from_bitmap(one), asked, size)) for one in truth)


def _explained(bitmap: Bitmap, truth: Sequence[Bitmap], *, polygon: bool) -> str:
    """Find the mistake that turns a true mask into this one exactly; empty if it is none that is known."""
    if not bitmap.any() or bitmap.shape != truth[0].shape:
        return ""
    for drawn in truth:
        found = compare(drawn, bitmap, image_size=(drawn.shape[0], drawn.shape[1]))
        if found.verdict in _EXACT or (found.verdict == Verdict.HOLES_FILLED and not polygon):
            return found.explanation.replace("the first", "the drawn shape").replace("the second mask", "it")
        for words, mistake in _MISTAKES.items():
            if np.array_equal(mistake(drawn), bitmap):
                return f"it is the drawn shape {words}"
        evenly = _grown_or_shrunk(drawn, bitmap)
        if evenly:
            return f"it is the drawn shape, {evenly}"
    return ""


def _bounding_box(drawn: Bitmap) -> Bitmap:
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    full = np.zeros_like(drawn)
    full[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return full


def _cut(drawn: Bitmap, *, rows: int = 0, columns: int = 0) -> Bitmap:
    cut = drawn.copy()
    cut[drawn.shape[0] - rows :] = False
    cut[:, drawn.shape[1] - columns :] = False
    return cut


def _hull(drawn: Bitmap) -> Bitmap:
    canvas = np.zeros(drawn.shape, np.uint8)
    points = np.argwhere(drawn)[:, ::-1].astype(np.int32)
    cv2.fillConvexPoly(canvas, cv2.convexHull(points), 1)
    return canvas.astype(np.bool_)


def _grown_or_shrunk(drawn: Bitmap, found: Bitmap) -> str:
    """Tell by how much a shape was grown or shrunk evenly, in one of the metrics of pixels; empty if it was not."""
    for words, inside, outside in (("grown", drawn, found), ("shrunk", ~drawn, ~found)):
        if not np.any(outside & ~inside):
            continue
        for metric in (cv2.DIST_L1, cv2.DIST_L2, cv2.DIST_C):
            distances = cv2.distanceTransform((~inside).astype(np.uint8), metric, cv2.DIST_MASK_PRECISE)
            reach = float(distances[outside].max())
            if reach <= FARTHEST and np.array_equal(distances <= reach, outside):
                return f"{words} by {reach:g} px all round"
        size = 2 * round(float(distances[outside].max())) + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)) if size <= 2 * FARTHEST else None
        if kernel is not None and np.array_equal(cv2.dilate(inside.astype(np.uint8), kernel), outside):
            return f"{words} by {size // 2} px all round"
    return ""


# What a mask may have gone through on its way, beside what `compare` knows.
_MISTAKES: Final[Mapping[str, Callable[[Bitmap], Bitmap]]] = {
    "mirrored left to right": lambda drawn: drawn[:, ::-1],
    "upside down": lambda drawn: drawn[::-1],
    "turned by 180 degrees": lambda drawn: drawn[::-1, ::-1],
    "without the last row": lambda drawn: _cut(drawn, rows=1),
    "without the last column": lambda drawn: _cut(drawn, columns=1),
    "without the last row and column": lambda drawn: _cut(drawn, rows=1, columns=1),
    "as its bounding box": _bounding_box,
    "as its convex hull": _hull,
}


def _name(asked: Asked, index: int) -> str:
    text = asked.prompt.get("text")
    return f"the drawn {text!r}, number {index + 1}" if text else "the drawn shape under the click"


CHECKS = (
    Check(
        code="G01",
        name="masks_lie_where_drawn",
        law="The mask of a drawn shape is not the shape moved, mirrored, turned, scaled, filled, grown or cut.",
        source="derived",
        rule="#/components/schemas/Prediction",
        mend="A model's guess is never exactly a transformed truth: look at what is done to masks after the model.",
        judge=_masks_lie_where_drawn,
        needs="a mask that answers a prompt on a built-in scene",
    ),
    Check(
        code="G02",
        name="drawn_shapes_are_found",
        law=f"Shapes that are drawn in a built-in scene are found, with an IoU of {GOOD} or more.",
        source="derived",
        rule="",
        mend="A model may be weak on drawings; if it finds photographs well, look for masks in a wrong frame.",
        judge=_shapes_are_found,
        severity="warning",
        kind="statistical",
        least=0.5,
        needs="a prompt on a built-in scene",
    ),
)
