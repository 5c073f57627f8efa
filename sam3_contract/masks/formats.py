"""A mask in whatever format it comes: RLE object, polygons or bitmap, validated before it is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sam3_contract.errors import MaskError, RleError
from sam3_contract.masks.coco.reading import run_lengths_from_segmentation
from sam3_contract.masks.coco.segmentation import CocoSegmentation
from sam3_contract.masks.dialects.dialect import DialectRle
from sam3_contract.masks.dialects.reading import run_lengths_from_dialect
from sam3_contract.masks.polygons.polygon import bitmap_from_polygons, run_lengths_from_polygons
from sam3_contract.masks.rle.rle import bitmap_from_run_lengths, run_lengths_from_bitmap, run_lengths_from_rle

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bitmap_from_masks", "image_size_of", "run_lengths_from_masks"]


def bitmap_from_masks(masks: object, *, image_size: tuple[int, int]) -> NDArray[np.bool_]:
    """Draw a mask of any format.

    Args:
        masks: Polygons, an RLE object (compressed or not), a bool bitmap of shape ``(height, width)``, a
            `CocoSegmentation` or a `DialectRle`.
        image_size: ``(height, width)`` of the image in pixels.

    Returns:
        Bitmap of shape ``(height, width)``.

    Raises:
        RleError: If an RLE or bitmap is not sound, or of another size than the image.
        PolygonError: If polygons are malformed, outside the image, or beyond a limit.
        MaskError: If the value is no mask at all.

    Example:
        >>> bitmap_from_masks({"size": [2, 2], "counts": "0120"}, image_size=(2, 2)).astype(int).tolist()
        [[1, 0], [0, 1]]
    """
    if isinstance(masks, (list, tuple)):
        return bitmap_from_polygons(masks, image_size=image_size)
    if isinstance(masks, np.ndarray):
        return _checked_bitmap(masks, image_size=image_size)
    return bitmap_from_run_lengths(run_lengths_from_masks(masks, image_size=image_size), size=image_size)


def run_lengths_from_masks(masks: object, *, image_size: tuple[int, int]) -> NDArray[np.int64]:
    """Measure the runs of a mask of any format.

    Args:
        masks: Polygons, an RLE object (compressed or not), a bool bitmap of shape ``(height, width)``, a
            `CocoSegmentation` or a `DialectRle`.
        image_size: ``(height, width)`` of the image in pixels.

    Returns:
        Run lengths in pixels, down the columns, background first, shape ``(n_runs,)``.

    Raises:
        RleError: If an RLE or bitmap is not sound, or of another size than the image.
        PolygonError: If polygons are malformed, outside the image, or beyond a limit.
        MaskError: If the value is no mask at all.
    """
    if isinstance(masks, (list, tuple)):
        return run_lengths_from_polygons(masks, image_size=image_size)
    if isinstance(masks, np.ndarray):
        return run_lengths_from_bitmap(_checked_bitmap(masks, image_size=image_size))
    if isinstance(masks, DialectRle):
        return run_lengths_from_dialect(masks, image_size=image_size)
    if isinstance(masks, CocoSegmentation) and not isinstance(masks.value, dict):
        return run_lengths_from_segmentation(masks, image_size=image_size)
    if isinstance(masks, CocoSegmentation):
        masks = masks.value
    if not isinstance(masks, dict):
        raise MaskError(f"masks is {type(masks).__name__}, expected polygons or an RLE object", code="MSK01")
    runs = run_lengths_from_rle(masks)
    size = tuple(masks["size"])
    if size != tuple(image_size):
        code = "RLE04" if size == tuple(image_size)[::-1] else "RLE05"
        raise RleError(f"size is {list(size)}, expected the image's {list(image_size)}", code=code)
    return runs


def image_size_of(masks: object) -> tuple[int, int] | None:
    """Return the ``(height, width)`` that a mask itself states, in pixels; None for polygons."""
    if isinstance(masks, np.ndarray) and masks.ndim == 2:
        return int(masks.shape[0]), int(masks.shape[1])
    if isinstance(masks, CocoSegmentation):
        masks = masks.value
    if isinstance(masks, dict):
        run_lengths_from_rle(masks)
        height, width = masks["size"]
        return height, width
    return None


def _checked_bitmap(bitmap: NDArray[np.bool_], *, image_size: tuple[int, int]) -> NDArray[np.bool_]:
    if bitmap.dtype != np.bool_ or bitmap.shape != tuple(image_size):
        raise RleError(f"bitmap is {bitmap.dtype} of shape {bitmap.shape}, expected bool of shape {tuple(image_size)}")
    return bitmap
