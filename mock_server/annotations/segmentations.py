"""The ways in which COCO files tell a mask: polygons, run lengths, compressed run lengths. Read strictly."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from mock_server.drawing.run_lengths import Runs, runs_from_counts

FEWEST: Final = 6  # numbers of a polygon: three points


def packed(segmentation: Any) -> Any:
    """Turn polygons into arrays where that can be done: a large file's numbers take a fourth of the memory."""
    if not isinstance(segmentation, list):
        return segmentation
    return [_packed_ring(ring) for ring in segmentation]


def runs_from_segmentation(segmentation: Any, *, size: tuple[int, int]) -> Runs:
    """Read an annotation's ``segmentation``.

    Args:
        segmentation: The decoded JSON value; its polygons may be arrays.
        size: ``(height, width)`` of the image, in pixels.

    Returns:
        Run lengths that fill the image.

    Raises:
        ValueError: If it tells no mask of an image of this size; the message continues a sentence.
    """
    if isinstance(segmentation, dict):
        return _runs_from_rle(segmentation, size)
    if isinstance(segmentation, list) and segmentation:
        return _runs_from_polygons(segmentation, size)
    raise ValueError("has no segmentation; the mock needs polygons or run lengths")


def _runs_from_rle(segmentation: dict[str, Any], size: tuple[int, int]) -> Runs:
    told = segmentation.get("size")
    if told != list(size):
        raise ValueError(f"has a segmentation of size {told!r}, [height, width]; the image is {list(size)}")
    runs = _runs(segmentation.get("counts"))
    pixels = size[0] * size[1]
    # Not their sum alone: large enough numbers would overflow it.
    if (runs.size and runs.max() > pixels) or runs.sum() != pixels:
        raise ValueError(f"has runs that do not fill the {pixels} pixels of the image")
    return runs


def _runs(counts: Any) -> Runs:
    if isinstance(counts, str) and counts.isascii():
        try:
            return runs_from_counts(counts.encode("ascii"))
        except ValueError as error:
            raise ValueError(f"has a segmentation that cannot be read: {error}") from error
    if not isinstance(counts, list) or not all(type(run) is int and 0 <= run < 2**31 for run in counts):
        raise ValueError("has a segmentation whose counts are neither an ASCII text nor numbers of pixels")
    return np.array(counts, np.int64)


def _runs_from_polygons(segmentation: list[Any], size: tuple[int, int]) -> Runs:
    height, width = size
    rings = [_ring(ring, index, size).tolist() for index, ring in enumerate(segmentation)]
    return runs_from_counts(coco.merge(coco.frPyObjects(rings, height, width))["counts"])


def _packed_ring(ring: Any) -> NDArray[Any]:
    try:
        return np.asarray(ring)
    except ValueError:  # lists of unequal lengths
        return np.array([None])


def _ring(ring: Any, index: int, size: tuple[int, int]) -> NDArray[np.float64]:
    points = _packed_ring(ring)
    if points.ndim != 1 or points.dtype.kind not in "iuf":
        raise ValueError(f"has a polygon, segmentation[{index}], that is no flat list of numbers")
    if points.size < FEWEST or points.size % 2:
        raise ValueError(f"has a polygon, segmentation[{index}], of {points.size} numbers; it takes x, y of 3 points")
    height, width = size
    # Points a little outside are common and clipped; pycocotools takes memory for the whole way to one far off.
    for axis, side in ((points[0::2], width), (points[1::2], height)):
        if not (np.all(axis >= -side) and np.all(axis <= 2 * side)):
            raise ValueError(
                f"has a polygon, segmentation[{index}], that leaves the image of {width} x {height} pixels by far"
            )
    return points.astype(np.float64)
