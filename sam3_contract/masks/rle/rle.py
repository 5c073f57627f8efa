"""One COCO RLE: text, run lengths and bitmap, each from the other, strictly.

Sizes are ``(height, width)`` in pixels. Runs go down the columns and alternate background and foreground,
starting with background: counted from 0, the runs at odd places are foreground.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from sam3_contract.errors import RleError
from sam3_contract.masks.limits import MAX_BITMAP_PIXELS
from sam3_contract.masks.rle.batch import parse_rles
from sam3_contract.masks.rle.breach import Breach
from sam3_contract.masks.rle.defects import findings_of_rle, run_lengths_from_uncompressed
from sam3_contract.masks.rle.encode import counts_from_run_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "bitmap_from_rle",
    "bitmap_from_run_lengths",
    "is_canonical",
    "rle_from_bitmap",
    "rle_from_run_lengths",
    "run_lengths_from_bitmap",
    "run_lengths_from_counts",
    "run_lengths_from_edges",
    "run_lengths_from_rle",
    "run_lengths_from_swapped_crop",
]


def run_lengths_from_counts(counts: str, *, size: tuple[int, int]) -> NDArray[np.int64]:
    """Expand a compressed COCO ``counts`` string into run lengths.

    Args:
        counts: COCO's printable form: ASCII, 6 bits a character, every run after
            the third stored as the difference to the run two before it.
        size: ``(height, width)`` of the mask, in pixels, as in COCO's ``size``.

    Returns:
        Run lengths in pixels, shape ``(n_runs,)``. Runs alternate background,
        foreground, starting with background, and sum to ``height * width``.

    Raises:
        RleError: If a character is outside COCO's alphabet, the string ends inside
            a number, a run is negative or zero, or the runs do not fill the mask.

    References:
        ``rleFrString`` in cocoapi's ``common/maskApi.c``, which checks none of this.

    Example:
        A 2 x 2 block at row 1, column 1 of a 4 x 6 mask:

        >>> run_lengths_from_counts("5220;", size=(4, 6)).tolist()
        [5, 2, 2, 2, 13]
    """
    return run_lengths_from_rle({"size": size, "counts": counts})


def run_lengths_from_rle(rle: object) -> NDArray[np.int64]:
    """Expand an RLE, compressed or not, into run lengths.

    Args:
        rle: ``{"size": [height, width], "counts": ...}`` with compressed text or a list of run lengths.
            As pycocotools makes it, ``counts`` may also be ASCII bytes.

    Returns:
        Run lengths in pixels, shape ``(n_runs,)``.

    Raises:
        RleError: If it is no strict COCO RLE; ``code`` names the defect.
    """
    if isinstance(rle, dict):
        counts = rle.get("counts")
        if isinstance(counts, list):
            return run_lengths_from_uncompressed(counts, size=rle.get("size"))
        if isinstance(counts, bytes):
            rle = {**rle, "counts": counts.decode("latin-1")}
    batch = parse_rles([rle])
    if batch.breaches[0]:  # as a number: numpy is slow to compare with an enumeration
        finding = findings_of_rle(rle, breach=Breach(batch.breaches[0]), path="$")[0]
        raise RleError(f"{finding.path} is {finding.found}, expected {finding.expected}", code=finding.code)
    return batch.run_lengths


def is_canonical(rle: object) -> bool:
    """Tell whether an RLE is, byte for byte, what pycocotools writes for its mask.

    Args:
        rle: Any value.

    Returns:
        True if ``counts`` is compressed text that passes every rule; such an RLE is safe in pycocotools.

    Example:
        >>> is_canonical({"size": [4, 6], "counts": "5220;"}), is_canonical({"size": [4, 6], "counts": "5220"})
        (True, False)
    """
    return not parse_rles([rle]).breaches[0]


def rle_from_run_lengths(run_lengths: NDArray[np.int64], *, size: tuple[int, int]) -> dict[str, Any]:
    """Compress run lengths into an RLE fit for JSON.

    Args:
        run_lengths: Runs in pixels, background first, shape ``(n_runs,)``.
        size: ``(height, width)`` in pixels.

    Returns:
        ``{"size": [height, width], "counts": str}``.
    """
    return {"size": [int(size[0]), int(size[1])], "counts": counts_from_run_lengths(run_lengths)}


def rle_from_bitmap(bitmap: NDArray[np.bool_]) -> dict[str, Any]:
    """Encode a bitmap.

    Args:
        bitmap: One mask, shape ``(height, width)``, bool.

    Returns:
        ``{"size": [height, width], "counts": str}``, byte for byte as pycocotools encodes it.

    Raises:
        RleError: If the bitmap is not two-dimensional, not of bool, or empty of pixels.

    Example:
        >>> rle_from_bitmap(np.eye(2, dtype=np.bool_))
        {'size': [2, 2], 'counts': '0120'}
    """
    runs = run_lengths_from_bitmap(bitmap)
    return {"size": list(bitmap.shape), "counts": counts_from_run_lengths(runs)}


def bitmap_from_rle(rle: object) -> NDArray[np.bool_]:
    """Decode an RLE, compressed or not.

    Args:
        rle: ``{"size": [height, width], "counts": ...}``.

    Returns:
        Bitmap of shape ``(height, width)``, in column-major (Fortran) order.

    Raises:
        RleError: If it is no strict COCO RLE, or has more pixels than a bitmap may.
    """
    runs = run_lengths_from_rle(rle)
    assert isinstance(rle, dict)
    height, width = rle["size"]
    return bitmap_from_run_lengths(runs, size=(height, width))


def bitmap_from_run_lengths(run_lengths: NDArray[np.int64], *, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Draw run lengths.

    Args:
        run_lengths: Runs in pixels, background first, shape ``(n_runs,)``, summing to ``height * width``.
        size: ``(height, width)`` in pixels.

    Returns:
        Bitmap of shape ``(height, width)``, in column-major (Fortran) order.

    Raises:
        RleError: If the size has more pixels than a bitmap may, or the runs do not fill it.

    Example:
        >>> bitmap_from_run_lengths(np.array([0, 1, 2, 1]), size=(2, 2)).astype(int).tolist()
        [[1, 0], [0, 1]]
    """
    height, width = size
    if height * width > MAX_BITMAP_PIXELS:
        raise RleError(f"size {[height, width]} has {height * width} pixels, limit {MAX_BITMAP_PIXELS}")
    if int(run_lengths.sum()) != height * width:
        raise RleError(f"runs cover {int(run_lengths.sum())} of {height * width} pixels ({height} x {width})")
    foreground = np.zeros(len(run_lengths), np.bool_)
    foreground[1::2] = True
    return np.repeat(foreground, run_lengths).reshape(width, height).T


def run_lengths_from_bitmap(bitmap: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Measure the runs of a bitmap, looking only at its bounding box.

    Args:
        bitmap: One mask, shape ``(height, width)``, bool, in any memory order.

    Returns:
        Run lengths in pixels, shape ``(n_runs,)``.

    Raises:
        RleError: If the bitmap is not two-dimensional, not of bool, or empty of pixels.

    Example:
        >>> run_lengths_from_bitmap(np.zeros((4, 6), np.bool_)).tolist()
        [24]
    """
    if bitmap.ndim != 2 or bitmap.dtype != np.bool_ or not bitmap.size:
        raise RleError(f"bitmap is {bitmap.dtype} of shape {bitmap.shape}, expected bool (height, width)")
    height, width = bitmap.shape
    rows = np.flatnonzero(bitmap.any(axis=1))
    if not rows.size:
        return np.array([height * width], np.int64)
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(bitmap[top:bottom].any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    # The row below the box, else the one above, is background and keeps the runs of two columns apart.
    if bottom < height:
        bottom += 1
    elif top:
        top -= 1
    crop = bitmap[top:bottom, left:right].view(np.uint8)
    swapped = cv2.transpose(crop) if crop.strides[1] == 1 else np.ascontiguousarray(crop.T)
    return run_lengths_from_swapped_crop(swapped, corner=(left, top), size=(height, width))


def run_lengths_from_swapped_crop(
    crop: NDArray[Any], *, corner: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.int64]:
    """Measure the runs of a mask given as the transposed content of a box.

    Args:
        crop: Box with x and y swapped, shape ``(box_width, box_height)``, contiguous uint8 of 0 and 1. Unless the box
            is as high as the mask, its first or its last column (row of the mask) is background.
        corner: ``(x, y)`` of the box's top left pixel in the mask.
        size: ``(height, width)`` of the mask in pixels.

    Returns:
        Run lengths in pixels, shape ``(n_runs,)``.
    """
    height, width = size
    left, top = corner
    stride = crop.shape[1]
    flat = crop.ravel()
    edges = _changes(flat)
    if flat[0]:
        edges = np.concatenate(([0], edges))
    if flat[-1]:
        edges = np.append(edges, flat.size)
    # A run's end is reckoned from its last pixel, for the place after it may belong to the next column.
    edges[1::2] -= 1
    edges += edges // stride * (height - stride) + (left * height + top)
    edges[1::2] += 1
    return run_lengths_from_edges(edges, pixels=height * width)


def _changes(flat: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Find the places whose value differs from the one before, looking closely only at words that hold any."""
    differs = np.empty(-(-flat.size // 8) * 8, np.uint8)
    differs[0], differs[flat.size :] = 0, 0
    np.bitwise_xor(flat[1:], flat[:-1], out=differs[1 : flat.size])
    octets = differs.view(np.uint64)
    words = np.flatnonzero(octets != 0)
    within = np.flatnonzero(octets[words].view(np.bool_))
    changes: NDArray[np.int64] = words[within >> 3] * 8 + (within & 7)
    return changes


def run_lengths_from_edges(edges: NDArray[np.int64], *, pixels: int) -> NDArray[np.int64]:
    """Turn the places where the colour changes into run lengths.

    Args:
        edges: Strictly ascending places in column-major order, foreground first, shape ``(2 * n,)``.
        pixels: Pixels of the mask.

    Returns:
        Run lengths in pixels, shape ``(n_runs,)``.
    """
    bounds = np.empty(len(edges) + 2, np.int64)
    bounds[0], bounds[1:-1], bounds[-1] = 0, edges, pixels
    if len(edges) and edges[-1] == pixels:
        bounds = bounds[:-1]
    return bounds[1:] - bounds[:-1]
