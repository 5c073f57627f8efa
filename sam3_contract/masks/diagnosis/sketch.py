"""Masks drawn for comparison: also those that lie outside the image, or have another size than it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from sam3_contract.errors import MaskError
from sam3_contract.masks.coco.reading import run_lengths_from_segmentation
from sam3_contract.masks.coco.segmentation import CocoSegmentation
from sam3_contract.masks.limits import MAX_BITMAP_PIXELS, MAX_COORDINATE
from sam3_contract.masks.polygons.defects import are_fractions
from sam3_contract.masks.polygons.polygon import bitmap_from_rings, rings_from_polygons
from sam3_contract.masks.polygons.rings import Rings
from sam3_contract.masks.rle.rle import bitmap_from_run_lengths, run_lengths_from_bitmap, run_lengths_from_rle
from sam3_contract.masks.rle.runs import area_of_run_lengths, box_of_run_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Sketch", "sketch_of"]

_FINE = 2**13
"""Fractions are kept as integers of this unit, fine enough for images of 8,192 pixels a side."""


@dataclass(frozen=True)
class Sketch:
    """A mask as it stands in the image: cut off at its border, or pasted at its top left corner.

    Attributes:
        size: ``(height, width)`` of the image in pixels.
        own_size: ``(height, width)`` that the mask itself states; the image's for polygons.
        own_run_lengths: Runs in its own size, shape ``(n_runs,)``; of the part in the image for polygons.
        rings: The rings of polygons; None for other formats.
        fractions: Whether the rings were normalised; their coordinates are then in units of 1/8192 of a side.
        fits: Whether the mask has the image's size and lies in it.
    """

    size: tuple[int, int]
    own_size: tuple[int, int]
    own_run_lengths: NDArray[np.int64]
    rings: Rings | None
    fractions: bool
    fits: bool

    @cached_property
    def own_bitmap(self) -> NDArray[np.bool_]:
        """Bitmap of shape `own_size`."""
        return bitmap_from_run_lengths(self.own_run_lengths, size=self.own_size)

    @cached_property
    def bitmap(self) -> NDArray[np.bool_]:
        """Bitmap of the image's shape."""
        return self.own_bitmap if self.own_size == self.size else _pasted(self.own_bitmap, size=self.size)

    @cached_property
    def swapped_bitmap(self) -> NDArray[np.bool_]:
        """Bitmap of the image's shape, after x and y were swapped."""
        if self.rings is not None and not self.fractions:
            return bitmap_from_rings(self.rings.swapped(), image_size=self.size)
        return _pasted(self.own_bitmap.T, size=self.size)

    @cached_property
    def run_lengths(self) -> NDArray[np.int64]:
        """Runs in the image's frame, shape ``(n_runs,)``."""
        return self.own_run_lengths if self.own_size == self.size else run_lengths_from_bitmap(self.bitmap)

    @cached_property
    def area(self) -> int:
        """Pixels in the image."""
        return area_of_run_lengths(self.run_lengths)

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """``(x, y, width, height)`` in the image, anchored at the top left pixel."""
        return box_of_run_lengths(self.run_lengths, height=self.size[0])

    def rescaled_bitmap(self, frame: tuple[int, int]) -> NDArray[np.bool_] | None:
        """Draw the mask as if it lay in a frame that the image is a scaled copy of.

        Args:
            frame: ``(height, width)`` of the frame in pixels; ``(1, 1)`` for fractions.

        Returns:
            Bitmap of the image's shape; None if the mask cannot lie in that frame.
        """
        if self.fractions != (frame == (1, 1)) or frame == self.size:
            return None
        if self.rings is None:
            if self.own_size != frame:
                return None
            resized = cv2.resize(
                np.ascontiguousarray(self.own_bitmap).view(np.uint8),
                self.size[::-1],
                interpolation=cv2.INTER_NEAREST,
            )
            return resized.view(np.bool_)
        unit = _FINE if self.fractions else 1
        # The middle of a pixel goes to the middle of a pixel.
        scale = np.array(self.size[::-1]) / np.array(frame[::-1]) / unit
        half = 0 if self.fractions else 0.5
        points = np.floor((self.rings.points + half) * scale).astype(np.int64)
        if np.abs(points).max(initial=0) > MAX_COORDINATE:
            return None
        return bitmap_from_rings(replace(self.rings, points=points), image_size=self.size)


def sketch_of(masks: object, *, image_size: tuple[int, int]) -> Sketch:
    """Read a mask of any format, wherever it lies.

    Args:
        masks: Polygons, also normalised to 0..1, an RLE object, a bool bitmap of any size, or a `CocoSegmentation`.
        image_size: ``(height, width)`` of the image in pixels.

    Returns:
        The mask, drawn on demand.

    Raises:
        RleError: If an RLE is not sound.
        PolygonError: If polygons are malformed or beyond a limit.
        MaskError: If the value is no mask at all.
    """
    height, width = image_size
    image_size = (int(height), int(width))
    if isinstance(masks, (list, tuple)):
        return _sketch_of_polygons(masks, image_size=image_size)
    if isinstance(masks, CocoSegmentation):
        if not isinstance(masks.value, dict):
            runs = run_lengths_from_segmentation(masks, image_size=image_size)
            return Sketch(image_size, image_size, runs, None, fractions=False, fits=True)
        masks = masks.value
    if isinstance(masks, np.ndarray):
        runs = run_lengths_from_bitmap(masks)
        own_size = (int(masks.shape[0]), int(masks.shape[1]))
    elif isinstance(masks, dict):
        runs = run_lengths_from_rle(masks)
        own_size = (masks["size"][0], masks["size"][1])
    else:
        raise MaskError(f"mask is {type(masks).__name__}, expected polygons or an RLE object", code="MSK01")
    if max(own_size[0] * own_size[1], height * width) > MAX_BITMAP_PIXELS:
        raise MaskError(f"mask of {own_size} in {image_size} pixels, limit {MAX_BITMAP_PIXELS} pixels")
    return Sketch(image_size, own_size, runs, None, fractions=False, fits=own_size == image_size)


def _sketch_of_polygons(polygons: Any, *, image_size: tuple[int, int]) -> Sketch:
    fractions = are_fractions(polygons)
    if fractions:
        polygons = [[[round(value * _FINE) for value in point] for point in ring] for ring in polygons]
    rings = rings_from_polygons(polygons)
    if fractions:
        runs = np.array([image_size[0] * image_size[1]], np.int64)
        return Sketch(image_size, image_size, runs, rings, fractions=True, fits=False)
    runs = run_lengths_from_bitmap(bitmap_from_rings(rings, image_size=image_size))
    x, y, width, height = rings.box()
    fits = x >= 0 and y >= 0 and x + width <= image_size[1] and y + height <= image_size[0]
    return Sketch(image_size, image_size, runs, rings, fractions=False, fits=fits)


def _pasted(bitmap: NDArray[np.bool_], *, size: tuple[int, int]) -> NDArray[np.bool_]:
    canvas = np.zeros(size, np.bool_)
    part = bitmap[: size[0], : size[1]]
    canvas[: part.shape[0], : part.shape[1]] = part
    return canvas
