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

AT_ONCE: Final = 2**22  # pixels of a mask whose runs are counted in one pass: what that takes is some bytes for each
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
    """Count the runs of a bitmap, shape ``(height, width)``; only the window that its mask spans is searched."""
    height, width = bitmap.shape
    rows, columns = np.flatnonzero(bitmap.any(axis=1)), np.flatnonzero(bitmap.any(axis=0))
    if not rows.size:
        return np.array([height * width], np.int64)
    top, left = int(rows[0]), int(columns[0])
    window = Patch(top, left, bitmap[top : rows[-1] + 1, left : columns[-1] + 1])
    return runs_from_patch(window, size=(height, width))


def runs_from_patch(patch: Patch, *, size: tuple[int, int]) -> Runs:
    """Count the runs of an image of ``(height, width)`` without drawing all of it, nor the whole window at once."""
    height, width = size
    rows, columns = patch.pixels.shape
    at_once = max(AT_ONCE // (rows + 1), 1)
    parts = [_edges(patch, start, min(start + at_once, columns), height) for start in range(0, columns, at_once)]
    edges = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.int64), *parts])
    # Where a run ends at the bottom and the next column's starts at the top, the two are one: drop both edges.
    if rows == height and edges.size:
        repeated = edges[1:] == edges[:-1]
        edges = edges[~(np.append(repeated, False) | np.insert(repeated, 0, False))]
    runs = np.diff(edges, prepend=0, append=height * width)
    return runs[: runs.size - int(runs[-1] == 0)]


def _edges(patch: Patch, first: int, last: int, height: int) -> NDArray[np.int64]:
    """Find where runs begin and end in some columns of the window, as places in the whole image."""
    rows = patch.pixels.shape[0]
    # Background, then of each column the window and a background row, which ends its last run.
    padded = np.zeros((last - first) * (rows + 1) + 1, np.bool_)
    padded[1:].reshape(last - first, rows + 1)[:, :rows] = patch.pixels[:, first:last].T
    places = np.flatnonzero(padded[1:] != padded[:-1])
    columns = places // (rows + 1)
    edges: NDArray[np.int64] = places + columns * (height - rows - 1) + ((first + patch.left) * height + patch.top)
    return edges


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
