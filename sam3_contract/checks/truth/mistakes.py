"""The mistakes that turn a true mask into a wrong one, recognised by their result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sam3_contract.masks import Verdict, compare

Bitmap = NDArray[np.bool_]

FARTHEST: Final = 32.0  # pixels by which a shape may be grown or shrunk to be recognised
LEAST_PAIRS: Final = 4  # of a warp, which three points determine
CLOSE: Final = 2.0  # pixels between where a warp takes a centre and where it is found
NOTICEABLE: Final = 3.0  # pixels by which a warp has to move a corner of a shape
AGREEING: Final = 0.85  # IoU of the warped true masks with the ones found
GAINED: Final = 0.1  # by which that has to be more than the IoU of the true masks as they are
GAINED_BY_STEP: Final = 0.02  # the same of a mere step, which has nothing to fit but two numbers
_EXACT: Final = frozenset(
    {
        Verdict.SHIFTED,
        Verdict.TRANSPOSED,
        Verdict.INVERTED,
        Verdict.ROW_MAJOR,
        Verdict.LARGEST_PART,
        Verdict.HOLES_FILLED,
    }
)


def explained(bitmap: Bitmap, truth: Sequence[Bitmap], *, polygon: bool, exact: bool) -> str:
    """Find the mistake that turns a true mask into this one exactly.

    Args:
        bitmap: The mask that was found, shape ``(height, width)``.
        truth: The masks that it may stand for.
        polygon: Whether it was written as polygons, which cannot have holes.
        exact: Whether the server is held to exactness; a model may draw evenly too large or small, or lose a part.

    Returns:
        The sentence that tells it; empty if it is none that is known.
    """
    if not bitmap.any() or bitmap.shape != truth[0].shape:
        return ""
    for drawn in truth:
        found = compare(drawn, bitmap, image_size=(drawn.shape[0], drawn.shape[1]))
        of_models = found.verdict in {Verdict.HOLES_FILLED, Verdict.LARGEST_PART} and (polygon or not exact)
        if found.verdict in _EXACT and not of_models:
            return found.explanation.replace("the first", "the drawn shape").replace("the second mask", "it")
        words = next((words for words, mistake in _MISTAKES.items() if np.array_equal(mistake(drawn), bitmap)), "")
        words = words or _cut_off(drawn, bitmap) or (_grown_or_shrunk(drawn, bitmap) if exact else "")
        if words:
            return f"it is the drawn shape, {words}"
    return ""


def warp_between(truth: Sequence[Bitmap], found: Sequence[Bitmap]) -> str:
    """Find the one affine map that takes every true mask to the one that was found for it.

    A model misses each shape in its own way. Where all of them are off by one map, that happened behind the model.

    Args:
        truth: True masks, shape ``(height, width)``.
        found: What was found for each.

    Returns:
        The sentence that tells it; empty if there is none, or it is close to no change.
    """
    pairs = [(one, other) for one, other in zip(truth, found, strict=True) if one.any() and other.any()]
    if len(pairs) < LEAST_PAIRS or _mean_iou(pairs) + min(GAINED, GAINED_BY_STEP) > 1:
        return ""  # so good already that nothing could gain what a map has to
    return _shared_mistake(pairs) or _shared_move(pairs) or _shared_map(pairs)


def _shared_mistake(pairs: Sequence[tuple[Bitmap, Bitmap]]) -> str:
    """Find the mistake that brings most of the masks where they were found, be it only about."""
    before = _mean_iou(pairs)
    for words, mistake in {**_MISTAKES, "transposed": _transposed, "inverted": _inverted}.items():
        after = _mean_iou([(mistake(one), other) for one, other in pairs])
        if after >= max(AGREEING, before + GAINED):
            return f"all shapes of the scene are as drawn, {words}"
    return ""


def _shared_move(pairs: Sequence[tuple[Bitmap, Bitmap]]) -> str:
    """Find the one step by which all masks are off."""
    steps = np.array([_centre(found) - _centre(drawn) for drawn, found in pairs])
    step = np.median(steps, axis=0)
    if np.abs(step).max() < NOTICEABLE or np.abs(steps - step).max() > CLOSE:
        return ""
    matrix = np.array([(1, 0), (0, 1), step], float)
    after = _mean_iou([(_warped(drawn, matrix), found) for drawn, found in pairs])
    if after < max(AGREEING, _mean_iou(pairs) + GAINED_BY_STEP):
        return ""
    return f"all shapes of the scene are moved by {step[0]:.1f} px to the right and {step[1]:.1f} px down"


def _shared_map(pairs: Sequence[tuple[Bitmap, Bitmap]]) -> str:
    """Find the affine map that takes all masks to where they were found."""
    centres = [np.array([_centre(pair[side]) for pair in pairs]) for side in (0, 1)]
    known = np.column_stack([centres[0], np.ones(len(pairs))])
    matrix, _, rank, _ = np.linalg.lstsq(known, centres[1], rcond=None)
    far = float(np.abs(known @ matrix - centres[1]).max()) > CLOSE
    if rank < 3 or far or not _is_noticeable(matrix, [drawn for drawn, _ in pairs]):
        return ""
    after = _mean_iou([(_warped(one, matrix), other) for one, other in pairs])
    if after < max(AGREEING, _mean_iou(pairs) + GAINED):
        return ""
    (across, slant), (lean, down), (dx, dy) = matrix.tolist()
    linear = f"x' = {across:.3f} x + {lean:.3f} y + {dx:.1f}, y' = {slant:.3f} x + {down:.3f} y + {dy:.1f}"
    return f"all shapes of the scene are where one map takes them: {linear}"


def _mean_iou(pairs: Sequence[tuple[Bitmap, Bitmap]]) -> float:
    return sum(_iou(one, other) for one, other in pairs) / len(pairs)


def _inverted(drawn: Bitmap) -> Bitmap:
    return ~drawn


def _transposed(drawn: Bitmap) -> Bitmap:
    """Exchange rows and columns; what leaves the frame is lost."""
    side = max(drawn.shape)
    square = np.zeros((side, side), np.bool_)
    square[: drawn.shape[1], : drawn.shape[0]] = drawn.T
    return square[: drawn.shape[0], : drawn.shape[1]]


def _centre(bitmap: Bitmap) -> NDArray[np.float64]:
    rows, columns = np.nonzero(bitmap)
    return np.array([columns.mean(), rows.mean()])


def _is_noticeable(matrix: NDArray[np.float64], drawn: Sequence[Bitmap]) -> bool:
    """Tell whether a map moves a corner of what is drawn; elsewhere it was not measured."""
    boxes = [cv2.boundingRect(bitmap.view(np.uint8)) for bitmap in drawn]
    corners = np.array(
        [(x, y, 1) for left, top, w, h in boxes for x in (left, left + w) for y in (top, top + h)], float
    )
    return bool(np.abs(corners @ matrix - corners[:, :2]).max() >= NOTICEABLE)


def _warped(bitmap: Bitmap, matrix: NDArray[np.float64]) -> Bitmap:
    size = (bitmap.shape[1], bitmap.shape[0])
    return cv2.warpAffine(bitmap.astype(np.uint8), matrix.T, size, flags=cv2.INTER_NEAREST).astype(np.bool_)


def _iou(one: Bitmap, other: Bitmap) -> float:
    return int(np.count_nonzero(one & other)) / max(int(np.count_nonzero(one | other)), 1)


def _bounds(bitmap: Bitmap) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(bitmap.any(axis=1)), np.flatnonzero(bitmap.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _bounding_box(drawn: Bitmap) -> Bitmap:
    full = np.zeros_like(drawn)
    full[_bounds(drawn)] = True
    return full


def _hull(drawn: Bitmap) -> Bitmap:
    canvas = np.zeros(drawn.shape, np.uint8)
    points = np.argwhere(drawn)[:, ::-1].astype(np.int32)
    cv2.fillConvexPoly(canvas, cv2.convexHull(points), 1)
    return canvas.astype(np.bool_)


def _cut_off(drawn: Bitmap, found: Bitmap) -> str:
    """Tell at which sides a shape was cut off straight; empty if it was not."""
    inside = _bounds(found)
    if not np.array_equal(drawn[inside], found[inside]):
        return ""
    (top, bottom), (left, right) = ((side.start, side.stop) for side in inside)
    (first, last), (start, stop) = ((side.start, side.stop) for side in _bounds(drawn))
    lost = {"top": top - first, "bottom": last - bottom, "left": left - start, "right": stop - right}
    return "cut off: " + ", ".join(f"{count} px at the {side}" for side, count in lost.items() if count)


def _grown_or_shrunk(drawn: Bitmap, found: Bitmap) -> str:
    """Tell by how much a shape was grown or shrunk evenly, in one of the metrics of pixels; empty if it was not."""
    for words, inside, outside in (("grown", drawn, found), ("shrunk", ~drawn, ~found)):
        within = np.array_equal(inside & outside, inside) and np.any(outside & ~inside)
        reach = _reach(inside, outside) if within else None
        if reach is not None:
            return f"{words} by {reach:g} px all round"
    return ""


def _reach(inside: Bitmap, outside: Bitmap) -> float | None:
    """Find the distance from a shape within which all of another one lies, and nothing else; ``None`` if none is."""
    away = (~inside).astype(np.uint8)
    reach = 0.0
    for metric in (cv2.DIST_L1, cv2.DIST_C, cv2.DIST_L2):
        distances = cv2.distanceTransform(away, metric, cv2.DIST_MASK_PRECISE)
        reach = float(distances[outside].max())
        if reach <= FARTHEST and np.array_equal(distances <= reach, outside):
            return reach
    side = 2 * round(reach) + 1
    if side > 2 * FARTHEST:
        return None
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return float(side // 2) if np.array_equal(cv2.dilate(inside.astype(np.uint8), kernel), outside) else None


# What a mask may have gone through on its way, beside what `compare` knows.
_MISTAKES: Final[Mapping[str, Callable[[Bitmap], Bitmap]]] = {
    "mirrored left to right": lambda drawn: drawn[:, ::-1],
    "upside down": lambda drawn: drawn[::-1],
    "turned by 180 degrees": lambda drawn: drawn[::-1, ::-1],
    "as its bounding box": _bounding_box,
    "as its convex hull": _hull,
}
