"""Masks as polygons: drawn exactly as OpenCV draws them, and traced exactly as the service traces them.

A polygon mask is a list of rings of integer ``[x, y]``, one ring per connected part, points not repeated. Filling
sets the pixels on the boundary too. Holes are lost: ``fillPoly(findContours(mask))`` is the mask with its holes filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from sam3_contract.errors import PolygonError
from sam3_contract.masks.limits import MAX_BITMAP_PIXELS, MAX_CONTOUR_FILL_WORK, MAX_FILL_WORK
from sam3_contract.masks.polygons.contours import survey_contours
from sam3_contract.masks.polygons.defects import findings_of_malformed, findings_of_place
from sam3_contract.masks.polygons.rings import polygons_from_rings, read_rings, rings_from_contours
from sam3_contract.masks.rle.rle import run_lengths_from_swapped_crop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sam3_contract.masks.polygons.contours import ContourSurvey
    from sam3_contract.masks.polygons.rings import Rings

__all__ = [
    "bitmap_from_polygons",
    "bitmap_from_rings",
    "polygons_from_bitmap",
    "polygons_from_run_lengths",
    "rings_from_polygons",
    "rings_from_run_lengths",
    "run_lengths_from_polygons",
    "run_lengths_from_rings",
]


def rings_from_polygons(polygons: object, *, image_size: tuple[int, int] | None = None) -> Rings:
    """Read polygons strictly.

    Args:
        polygons: ``[[[x, y], ...], ...]`` of integers.
        image_size: ``(height, width)`` in pixels that the points must lie in; None for no such bound.

    Returns:
        The rings; none for ``[[]]``, the empty mask.

    Raises:
        PolygonError: If a coordinate or ring is malformed, beyond a limit or outside the image.
    """
    rings = read_rings(polygons)
    if rings is None:
        findings = findings_of_malformed(polygons, path="$")
    elif image_size is not None:
        findings = findings_of_place(rings, image_size=image_size, path="$")
    else:
        findings = []
    if rings is None or findings:
        first = findings[0]
        raise PolygonError(f"{first.path} is {first.found}, expected {first.expected}", code=first.code)
    return rings


def bitmap_from_polygons(polygons: object, *, image_size: tuple[int, int]) -> NDArray[np.bool_]:
    """Draw polygons as ``cv2.fillPoly`` does, all rings in one call: pixels in two rings are background.

    Args:
        polygons: ``[[[x, y], ...], ...]`` of integers.
        image_size: ``(height, width)`` of the image in pixels.

    Returns:
        Bitmap of shape ``(height, width)``.

    Raises:
        PolygonError: If the polygons are malformed, outside the image, or beyond a limit.

    Example:
        >>> int(bitmap_from_polygons([[[1, 1], [1, 3], [3, 3], [3, 1]]], image_size=(5, 5)).sum())
        9
        >>> int(bitmap_from_polygons([[]], image_size=(5, 5)).sum())
        0
    """
    return bitmap_from_rings(rings_from_polygons(polygons, image_size=image_size), image_size=image_size)


def bitmap_from_rings(rings: Rings, *, image_size: tuple[int, int]) -> NDArray[np.bool_]:
    """Draw rings as ``cv2.fillPoly`` does; what lies outside the image is cut off.

    Args:
        rings: The rings of one mask.
        image_size: ``(height, width)`` of the image in pixels.

    Returns:
        Bitmap of shape ``(height, width)``.

    Raises:
        PolygonError: If the image has more pixels than a bitmap may, or filling would take too long.
    """
    _check_image_size(image_size)
    _check_fill_work(survey_contours(rings))
    canvas = np.zeros(image_size, np.uint8)
    if len(rings):
        cv2.fillPoly(canvas, rings.arrays(), 1)
    return canvas.view(np.bool_)


def run_lengths_from_polygons(polygons: object, *, image_size: tuple[int, int]) -> NDArray[np.int64]:
    """Measure the runs of polygons, drawing no more than their bounding box.

    Args:
        polygons: ``[[[x, y], ...], ...]`` of integers.
        image_size: ``(height, width)`` of the image in pixels.

    Returns:
        Run lengths in pixels, shape ``(n_runs,)``, as of ``bitmap_from_polygons``.

    Raises:
        PolygonError: If the polygons are malformed, outside the image, or beyond a limit.

    Example:
        >>> run_lengths_from_polygons([[[1, 1], [1, 2], [2, 2], [2, 1]]], image_size=(4, 6)).tolist()
        [5, 2, 2, 2, 13]
    """
    return run_lengths_from_rings(rings_from_polygons(polygons, image_size=image_size), image_size=image_size)


def run_lengths_from_rings(rings: Rings, *, image_size: tuple[int, int]) -> NDArray[np.int64]:
    """Measure the runs of rings, drawing no more than their bounding box.

    Args:
        rings: Rings that lie in the image.
        image_size: ``(height, width)`` of the image in pixels.

    Returns:
        Run lengths in pixels, shape ``(n_runs,)``.

    Raises:
        PolygonError: If filling them would take too long or too many pixels.
    """
    height, width = image_size
    if not len(rings):
        return np.array([height * width], np.int64)
    survey = None if rings.traced else survey_contours(rings)
    if survey is not None:
        _check_fill_work(survey)
    left, top, box_width, box_height = rings.box()
    if box_width * box_height > MAX_BITMAP_PIXELS:
        raise PolygonError(f"polygons span {box_width * box_height} pixels, limit {MAX_BITMAP_PIXELS}")
    if box_height < height:
        # A row of background keeps the runs of two columns apart: above the box, or below it at the image's top.
        box_height += 1
        top = max(top - 1, 0)
    if survey is None or not survey.breaches:
        # Contours fill alike along rows and columns, so x and y may be swapped and no transpose is needed...
        crop = np.zeros((box_width, box_height), np.uint8)
        cv2.fillPoly(crop, rings.swapped().arrays(), 1, offset=(-top, -left))
        runs = run_lengths_from_swapped_crop(crop, corner=(left, top), size=image_size)
        # ... unless edges cross between pixels; then the formula for contours does not hold either.
        if survey is None or runs[1::2].sum() == survey.areas.sum():
            return runs
    canvas = np.zeros((box_height, box_width), np.uint8)
    cv2.fillPoly(canvas, rings.arrays(), 1, offset=(-left, -top))
    return run_lengths_from_swapped_crop(cv2.transpose(canvas), corner=(left, top), size=image_size)


def polygons_from_bitmap(bitmap: NDArray[np.bool_]) -> list[list[list[int]]]:
    """Trace a bitmap as the service does: ``RETR_EXTERNAL``, ``CHAIN_APPROX_SIMPLE``, no filter.

    Args:
        bitmap: One mask, shape ``(height, width)``, bool.

    Returns:
        Rings of ``[x, y]``; ``[[]]`` for an empty mask.

    Raises:
        PolygonError: If the bitmap is not two-dimensional or not of bool.

    Example:
        >>> polygons_from_bitmap(np.ones((2, 3), np.bool_))
        [[[0, 0], [0, 1], [2, 1], [2, 0]]]
        >>> polygons_from_bitmap(np.zeros((2, 3), np.bool_))
        [[]]
    """
    if bitmap.ndim != 2 or bitmap.dtype != np.bool_:
        raise PolygonError(f"bitmap is {bitmap.dtype} of shape {bitmap.shape}, expected bool (height, width)")
    if not bitmap.size:
        return [[]]
    return polygons_from_rings(_traced(np.ascontiguousarray(bitmap).view(np.uint8), corner=(0, 0)))


def polygons_from_run_lengths(run_lengths: NDArray[np.int64], *, size: tuple[int, int]) -> list[list[list[int]]]:
    """Trace run lengths, drawing no more than their bounding box.

    Args:
        run_lengths: Runs in pixels, background first, shape ``(n_runs,)``, summing to ``height * width``.
        size: ``(height, width)`` in pixels.

    Returns:
        Rings of ``[x, y]``, as of ``polygons_from_bitmap``.

    Raises:
        PolygonError: If the box has more pixels than a bitmap may.

    Example:
        >>> polygons_from_run_lengths(np.array([5, 2, 2, 2, 13]), size=(4, 6))
        [[[1, 1], [1, 2], [2, 2], [2, 1]]]
    """
    return polygons_from_rings(rings_from_run_lengths(run_lengths, size=size))


def rings_from_run_lengths(run_lengths: NDArray[np.int64], *, size: tuple[int, int]) -> Rings:
    """Trace run lengths into arrays, which spares the lists of ``polygons_from_run_lengths``.

    Args:
        run_lengths: Runs in pixels, background first, shape ``(n_runs,)``, summing to ``height * width``.
        size: ``(height, width)`` in pixels.

    Returns:
        The rings; none for an empty mask.

    Raises:
        PolygonError: If the box has more pixels than a bitmap may.
    """
    crop, corner = swapped_crop_from_run_lengths(run_lengths, size=size)
    return _traced(cv2.transpose(crop), corner=corner) if crop.size else rings_from_contours([])


def swapped_crop_from_run_lengths(
    run_lengths: NDArray[np.int64], *, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Draw the bounding box of run lengths, x and y swapped.

    Args:
        run_lengths: Runs in pixels, background first, shape ``(n_runs,)``, summing to ``height * width``.
        size: ``(height, width)`` in pixels.

    Returns:
        Transposed content of the box, shape ``(box_width, box_height)``, and ``(x, y)`` of its top left pixel.

    Raises:
        PolygonError: If the box's columns have more pixels than a bitmap may.
    """
    height = size[0]
    if len(run_lengths) < 2:
        return np.zeros((0, 0), np.uint8), (0, 0)
    ends = np.cumsum(run_lengths)
    starts, stops = ends[0:-1:2], ends[1::2]
    left, right = int(starts[0]) // height, (int(stops[-1]) - 1) // height + 1
    if (right - left) * height > MAX_BITMAP_PIXELS:
        raise PolygonError(f"the mask spans {(right - left) * height} pixels, limit {MAX_BITMAP_PIXELS}")
    runs = run_lengths[: 2 * len(stops) + 1].copy()
    runs[0] -= left * height
    if len(runs) % 2 == 0:
        runs = np.append(runs, 0)
    runs[-1] = right * height - int(stops[-1])
    foreground = np.zeros(len(runs), np.uint8)
    foreground[1::2] = 1
    columns = np.repeat(foreground, runs).reshape(right - left, height)
    rows = starts % height
    past = rows + run_lengths[1::2]
    top, bottom = int(rows.min()), int(past.max())
    if bottom > height:
        top, bottom = 0, height
    return columns[:, top:bottom], (left, top)


def _traced(canvas: NDArray[Any], *, corner: tuple[int, int]) -> Rings:
    contours, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=corner)
    return rings_from_contours(contours)


def _check_image_size(image_size: tuple[int, int]) -> None:
    height, width = image_size
    if min(height, width) < 1 or height * width > MAX_BITMAP_PIXELS:
        limit = f"sides of at least 1 and at most {MAX_BITMAP_PIXELS} pixels"
        raise PolygonError(f"image_size is {height} x {width}, expected {limit}")


def _check_fill_work(survey: ContourSurvey) -> None:
    limit = MAX_FILL_WORK if survey.breaches else MAX_CONTOUR_FILL_WORK
    if survey.fill_work > limit:
        raise PolygonError(
            f"filling the rings costs {survey.fill_work}, limit {limit}: edges cross too often", code="POL28"
        )
