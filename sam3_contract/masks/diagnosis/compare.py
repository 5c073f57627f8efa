"""Diagnose how two masks differ: not only that they do, but by which mistake one becomes the other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np

from sam3_contract.masks.diagnosis.boundary import boundary_distances
from sam3_contract.masks.diagnosis.sketch import Sketch, sketch_of
from sam3_contract.masks.polygons.defects import MODEL_SIDE
from sam3_contract.masks.rle.parts import holes_filled, parts_of_run_lengths
from sam3_contract.masks.rle.rle import run_lengths_from_bitmap
from sam3_contract.masks.rle.runs import intersection_areas

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Comparison", "Verdict", "compare"]

_SCALED_IOU = 0.9
"""Overlap from which on a rescaled mask counts as the same one; rounding moves its boundary."""


class Verdict(StrEnum):
    """How the second mask comes from the first."""

    EQUAL = "equal"
    HOLES_FILLED = "equal up to filled holes"
    SHIFTED = "shifted"
    TRANSPOSED = "transposed"
    SCALED = "scaled"
    INVERTED = "inverted"
    ROW_MAJOR = "row-major"
    LARGEST_PART = "largest part only"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference of two masks.

    Attributes:
        verdict: How one comes from the other.
        iou: Intersection over union in the image, as the masks stand; 1.0 for two empty masks.
        differing_pixels: Pixels of the image that are in one of them.
        explanation: One sentence.
        shift: ``(dx, dy)`` in pixels that moves the first onto the second; None unless shifted.
        boundary_distance: Largest distance in pixels from a boundary pixel of either mask to the other's boundary;
            0.0 if equal, None if a mask is empty or the verdict needed no look at it.
    """

    verdict: Verdict
    iou: float
    differing_pixels: int
    explanation: str
    shift: tuple[int, int] | None = None
    boundary_distance: float | None = None

    @property
    def same(self) -> bool:
        """Whether the masks are equal, filled holes apart."""
        return self.verdict in (Verdict.EQUAL, Verdict.HOLES_FILLED)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Both masks in the image's frame, with their runs."""

    first: Sketch
    second: Sketch
    size: tuple[int, int]


def compare(first: object, second: object, *, image_size: tuple[int, int]) -> Comparison:
    """Compare two masks of one image, in any formats.

    Args:
        first: Polygons, an RLE object or a bool bitmap: the mask as it should be.
        second: Another, in any of these formats. It may lie outside the image or have another size; what that means
            is what is diagnosed.
        image_size: ``(height, width)`` of the image in pixels.

    Returns:
        The verdict and its measures. The first explanation that holds exactly is given; ``scaled`` holds if the
        masks overlap by nine tenths once scaled.

    Raises:
        RleError: If an RLE is not sound.
        PolygonError: If polygons are malformed or beyond a limit.
        MaskError: If a value is no mask at all.

    Example:
        >>> box = [[[1, 1], [1, 2], [2, 2], [2, 1]]]
        >>> compare({"size": [4, 6], "counts": "5220;"}, box, image_size=(4, 6)).verdict
        <Verdict.EQUAL: 'equal'>
        >>> moved = [[[2, 1], [2, 2], [3, 2], [3, 1]]]
        >>> compare(box, moved, image_size=(4, 6)).explanation
        'the second mask is the first, moved by 1 px to the right'
    """
    height, width = image_size
    size = (int(height), int(width))
    pair = _Pair(sketch_of(first, image_size=size), sketch_of(second, image_size=size), size=size)
    shared = int(intersection_areas(pair.first.run_lengths, [pair.second.run_lengths])[0])
    total = pair.first.area + pair.second.area
    iou = shared / (total - shared) if total > shared else 1.0
    differing = total - 2 * shared
    if not differing and pair.first.fits and pair.second.fits:
        return Comparison(Verdict.EQUAL, 1.0, 0, "the masks are equal", boundary_distance=0.0)
    for diagnose in _DIAGNOSES:
        found = diagnose(pair)
        if found is not None:
            verdict, explanation, shift = found
            return Comparison(verdict, iou, differing, explanation, shift)
    distances = boundary_distances(pair.first.bitmap, pair.second.bitmap)
    return Comparison(
        Verdict.DIFFERENT,
        iou,
        differing,
        _explanation_of_difference(pair, iou=iou, differing=differing, distances=distances),
        boundary_distance=distances[0] if distances else None,
    )


_Diagnosis = tuple[Verdict, str, "tuple[int, int] | None"]


def _holes(pair: _Pair) -> _Diagnosis | None:
    if not (pair.first.fits and pair.second.fits):
        return None
    filled = [holes_filled(mask.run_lengths, size=pair.size) for mask in (pair.first, pair.second)]
    if not np.array_equal(filled[0], filled[1]):
        return None
    n_holes = [int(runs[1::2].sum()) - mask.area for runs, mask in zip(filled, (pair.first, pair.second), strict=True)]
    if n_holes[1] == 0:
        text = f"the second mask is the first with its holes filled: {n_holes[0]} pixels"
    elif n_holes[0] == 0:
        text = f"the first mask is the second with its holes filled: {n_holes[1]} pixels"
    else:
        text = f"the masks have one outline but differ in their holes: {n_holes[0]} against {n_holes[1]} pixels"
    return Verdict.HOLES_FILLED, text, None


def _shifted(pair: _Pair) -> _Diagnosis | None:
    if not pair.first.area or not pair.second.area:
        return None
    (x, y, width, height), (x2, y2, width2, height2) = pair.first.box, pair.second.box
    # A mask moved over the border loses a side there, so that only the opposite sides tell the way.
    ways = {(dx, dy) for dx in (x2 - x, x2 + width2 - x - width) for dy in (y2 - y, y2 + height2 - y - height)} - {
        (0, 0)
    }
    for dx, dy in sorted(ways, key=lambda way: abs(way[0]) + abs(way[1])):
        if np.array_equal(_moved(pair.first.bitmap, dx=dx, dy=dy), pair.second.bitmap):
            return Verdict.SHIFTED, f"the second mask is the first, moved by {_way(dx, dy)}", (dx, dy)
    return None


def _transposed(pair: _Pair) -> _Diagnosis | None:
    first, second = pair.first, pair.second
    if not first.area or not second.area:
        return None
    if second.own_size == pair.size[::-1] != pair.size:
        if np.array_equal(first.own_run_lengths, second.own_run_lengths):
            height, width = pair.size
            text = f"the second mask is the first with its size swapped: [{width}, {height}] for [{height}, {width}]"
            return Verdict.TRANSPOSED, text, None
        if np.array_equal(first.bitmap.T, second.own_bitmap):
            return Verdict.TRANSPOSED, "the second mask is the first with rows and columns swapped", None
    swapped = second.swapped_bitmap
    if np.array_equal(first.bitmap, swapped) or np.array_equal(first.swapped_bitmap, second.bitmap):
        return Verdict.TRANSPOSED, "the second mask is the first with x and y swapped", None
    return None


def _inverted(pair: _Pair) -> _Diagnosis | None:
    if not (pair.first.fits and pair.second.fits) or not np.array_equal(~pair.first.bitmap, pair.second.bitmap):
        return None
    text = "the second mask is the background of the first: its first run was taken for foreground"
    return Verdict.INVERTED, text, None


def _row_major(pair: _Pair) -> _Diagnosis | None:
    if not (pair.first.fits and pair.second.fits):
        return None
    for wrong, right, name in ((pair.second, pair.first, "second"), (pair.first, pair.second, "first")):
        if np.array_equal(wrong.bitmap.ravel(order="F").reshape(pair.size), right.bitmap):
            text = f"the {name} mask's runs go along the rows; COCO's go down the columns"
            return Verdict.ROW_MAJOR, text, None
    return None


def _largest_part(pair: _Pair) -> _Diagnosis | None:
    for whole, part, names in (
        (pair.first, pair.second, ("second", "first")),
        (pair.second, pair.first, ("first", "second")),
    ):
        if not part.area or part.area >= whole.area:
            continue
        parts = parts_of_run_lengths(whole.run_lengths, size=pair.size)
        largest = parts[0]
        kept = part.run_lengths
        if len(parts) > 1 and (
            np.array_equal(largest, kept) or np.array_equal(holes_filled(largest, size=pair.size), kept)
        ):
            text = (
                f"the {names[0]} mask is only the largest of {len(parts)} parts of the {names[1]}: "
                f"{part.area} of {whole.area} pixels"
            )
            return Verdict.LARGEST_PART, text, None
    return None


def _scaled(pair: _Pair) -> _Diagnosis | None:
    height, width = pair.size
    for frame, name in (
        ((MODEL_SIDE, MODEL_SIDE), f"in the model's frame of {MODEL_SIDE} x {MODEL_SIDE}"),
        ((1, 1), "normalised to 0..1"),
        (pair.second.own_size, "at its own size of {} x {}".format(*pair.second.own_size)),
    ):
        drawn = pair.second.rescaled_bitmap(frame)
        if drawn is not None and _overlap(pair.first.bitmap, drawn) >= _SCALED_IOU:
            return Verdict.SCALED, f"the second mask is the first, {name}, not the image's {height} x {width}", None
    return _scaled_freely(pair)


def _scaled_freely(pair: _Pair) -> _Diagnosis | None:
    """Scale the first mask about the image's origin so that its box becomes the second's."""
    if not (pair.first.area and pair.second.area and pair.second.fits):
        return None
    x, y, width, height = pair.first.box
    x2, y2, width2, height2 = pair.second.box
    right, bottom = x + width, y + height
    across, down = (x2 + width2) / right, (y2 + height2) / bottom
    near = abs(x * across - x2) <= 1 + across and abs(y * down - y2) <= 1 + down
    if not near or max(abs(across - 1), abs(down - 1)) < 0.02:
        return None
    crop = pair.first.bitmap[y:bottom, x:right].view(np.uint8)
    resized = cv2.resize(np.ascontiguousarray(crop), (width2, height2), interpolation=cv2.INTER_NEAREST)
    aim = pair.second.bitmap[y2 : y2 + height2, x2 : x2 + width2]
    if _overlap(resized.astype(np.bool_), aim) < _SCALED_IOU:
        return None
    text = f"the second mask is the first, scaled by {across:.3g} across and {down:.3g} down"
    return Verdict.SCALED, text, None


_DIAGNOSES: tuple[Callable[[_Pair], _Diagnosis | None], ...] = (
    _holes,
    _shifted,
    _transposed,
    _inverted,
    _row_major,
    _largest_part,
    _scaled,
)


def _overlap(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    together = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / together if together else 0.0


def _moved(bitmap: NDArray[np.bool_], *, dx: int, dy: int) -> NDArray[np.bool_]:
    height, width = bitmap.shape
    moved = np.zeros_like(bitmap)
    if abs(dx) < width and abs(dy) < height:
        moved[max(dy, 0) : height + min(dy, 0), max(dx, 0) : width + min(dx, 0)] = bitmap[
            max(-dy, 0) : height - max(dy, 0), max(-dx, 0) : width - max(dx, 0)
        ]
    return moved


def _way(dx: int, dy: int) -> str:
    ways = [
        f"{abs(step)} px {forth if step > 0 else back}"
        for step, forth, back in ((dx, "to the right", "to the left"), (dy, "down", "up"))
        if step
    ]
    return " and ".join(ways)


def _explanation_of_difference(
    pair: _Pair, *, iou: float, differing: int, distances: tuple[float, float] | None
) -> str:
    if not pair.first.area or not pair.second.area:
        name, area = ("first", pair.second.area) if not pair.first.area else ("second", pair.first.area)
        return f"the {name} mask is empty, the other has {area} pixels"
    missing = int(np.count_nonzero(pair.first.bitmap & ~pair.second.bitmap))
    text = f"the masks differ in {differing} pixels ({missing} missing, {differing - missing} added), IoU {iou:.4f}"
    if distances:
        text += f", boundaries at most {distances[0]:.1f} px apart, {distances[1]:.2f} px on average"
    n_parts = [
        len(parts_of_run_lengths(run_lengths_from_bitmap(m.bitmap), size=pair.size)) for m in (pair.first, pair.second)
    ]
    return text + (f", {n_parts[0]} parts against {n_parts[1]}" if n_parts[0] != n_parts[1] else "")
