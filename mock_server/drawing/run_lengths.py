"""COCO run lengths, read strictly: pycocotools checks none of it. The one place of the mock that knows them.

Runs go down the columns of the image, the first one is background; all numbers are pixels.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from mock_server.drawing.patches import Patch

Runs = NDArray[np.int64]
Edges = tuple[int, int, int, int]

_LONGEST: Final = 7  # characters of one run: more than 2**31 pixels


def runs_from_counts(counts: bytes) -> Runs:
    """Read compressed counts: 6 bits a character, every run after the third as the difference to the one two before.

    Raises:
        ValueError: If a character is outside COCO's alphabet, the text ends inside a run, or a run is negative.
    """
    digits = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    if digits.size and (digits.min() < 0 or digits.max() > 63):
        raise ValueError("counts hold a character outside '0'..'o'")
    ends = np.flatnonzero(digits < 32)
    if digits.size and (not ends.size or ends[-1] != digits.size - 1):
        raise ValueError("counts end inside a run")
    starts = np.append(0, ends[:-1] + 1) if ends.size else ends
    if np.any(ends - starts >= _LONGEST):
        raise ValueError("counts hold a run of more than 2**31 pixels")
    places = np.arange(digits.size) - np.repeat(starts, ends - starts + 1)
    steps = np.add.reduceat((digits & 31) << 5 * places, starts) if starts.size else digits
    # The last character's bit 4 is the sign, extended beyond it.
    steps -= np.where(digits[ends] & 16, np.int64(1) << 5 * (ends - starts + 1), 0)
    runs = steps
    runs[1::2] = np.cumsum(steps[1::2])
    runs[2::2] = np.cumsum(steps[2::2])
    if runs.size and runs.min() < 0:
        raise ValueError("counts hold a negative run")
    return runs


def counts_from_runs(runs: Runs, *, size: tuple[int, int]) -> bytes:
    """Write runs as compressed counts, about one byte each, whether they fill the image or not."""
    encoded = coco.frPyObjects({"size": list(size), "counts": runs.tolist()}, *size)
    return bytes(encoded["counts"])


def runs_from_bitmap(bitmap: NDArray[np.bool_]) -> Runs:
    """Count the runs of a bitmap, shape ``(height, width)``; only the columns that its mask spans are searched."""
    height = bitmap.shape[0]
    columns = np.flatnonzero(bitmap.any(axis=0))
    first, last = (int(columns[0]), int(columns[-1])) if columns.size else (0, -1)
    flat = bitmap[:, first : last + 1].T.ravel().view(np.int8)
    edges = np.flatnonzero(np.diff(flat, prepend=np.int8(0), append=np.int8(0))) + first * height
    # A mask that goes on to the image's last pixel has no run behind it.
    runs: Runs = np.diff(edges[edges < bitmap.size], prepend=0, append=bitmap.size)
    return runs


def edges_of_runs(runs: Runs, *, size: tuple[int, int]) -> Edges | None:
    """Find the window of a mask.

    Returns:
        First row, first column, row behind the last and column behind the last; ``None`` for a mask without a pixel.
    """
    height = size[0]
    ends = np.cumsum(runs)[1::2]
    lengths = runs[1::2]
    ends, lengths = ends[lengths > 0], lengths[lengths > 0]
    if not ends.size:
        return None
    left, top = np.divmod(ends - lengths, height)
    right, bottom = np.divmod(ends - 1, height)
    # A run that goes on in the next column touches the bottom of one and the top of the other.
    if np.any(right > left):
        return 0, int(left.min()), height, int(right.max()) + 1
    return int(top.min()), int(left.min()), int(bottom.max()) + 1, int(right.max()) + 1


def patch_from_runs(runs: Runs, edges: Edges, *, size: tuple[int, int]) -> Patch:
    """Draw a mask inside its window; no column beside the window is drawn.

    Args:
        runs: They fill the image.
        edges: As :func:`edges_of_runs` gives them.
        size: ``(height, width)`` of the image.
    """
    height = size[0]
    top, left, bottom, right = edges
    bounds = np.clip(np.append(0, np.cumsum(runs)), left * height, right * height)
    flat = np.repeat(np.arange(runs.size) % 2 == 1, np.diff(bounds))
    return Patch(top, left, np.ascontiguousarray(flat.reshape(right - left, height)[:, top:bottom].T))
