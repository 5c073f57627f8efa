"""Masks in a dialect of RLE, read as what somebody said they are; which dialect it is, is never guessed here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract.errors import RleError
from sam3_contract.masks.dialects.brush import alpha_of_brush
from sam3_contract.masks.dialects.dialect import Dialect, DialectRle
from sam3_contract.masks.dialects.numbers import numbers_of
from sam3_contract.masks.limits import MAX_BITMAP_PIXELS
from sam3_contract.masks.rle.breach import Breach, breach_of_structure
from sam3_contract.masks.rle.rle import run_lengths_from_bitmap, run_lengths_from_edges

__all__ = ["DIALECTS", "run_lengths_from_dialect"]

Runs = NDArray[np.int64]
Size = tuple[int, int]


def run_lengths_from_dialect(rle: DialectRle, *, image_size: Size) -> Runs:
    """Measure the runs of a mask in a dialect.

    Args:
        rle: The mask.
        image_size: ``(height, width)`` of the image in pixels.

    Returns:
        Run lengths in pixels, down the columns, background first, shape ``(n_runs,)``.

    Raises:
        RleError: If it is not of this dialect, or not of this image.

    Example:
        A 2 x 2 block at row 1, column 1 of a 4 x 6 mask, in four dialects:

        >>> for dialect, counts in [
        ...     ("kaggle", "6 2 10 2"),
        ...     ("start-length", "7 2 13 2"),
        ...     ("cvat", [0, 4, 1, 1, 2, 2]),
        ...     ("uncompressed", [5, 2, 2, 2, 13]),
        ... ]:
        ...     print(run_lengths_from_dialect(DialectRle(dialect, counts), image_size=(4, 6)).tolist())
        [5, 2, 2, 2, 13]
        [5, 2, 2, 2, 13]
        [5, 2, 2, 2, 13]
        [5, 2, 2, 2, 13]
    """
    _check_size(list(image_size) if rle.size is None else rle.size, image_size=image_size)
    return _READERS[rle.dialect](rle.counts, image_size)


def _check_size(size: Any, *, image_size: Size) -> None:
    breach = breach_of_structure({"size": size, "counts": "0"})
    if breach != Breach.NONE:
        code = {Breach.SIZE_NOT_INTEGERS: "RLE01", Breach.SIZE_NOT_POSITIVE: "RLE02"}.get(breach, "RLE03")
        raise RleError(f"size is {size!r:.80}, expected the image's [height, width], {list(image_size)}", code=code)
    if tuple(size) != tuple(image_size):
        code = "RLE04" if tuple(size) == tuple(image_size)[::-1] else "RLE05"
        raise RleError(f"size is {list(size)}, expected the image's {list(image_size)}", code=code)


def _numbers(counts: object, *, of: str) -> Runs:
    numbers = numbers_of(counts)
    if numbers is None:
        raise RleError(f"counts is {_shown(counts)}, expected {of}: whole numbers from 0 to 2**31", code="RLE06")
    return numbers


def _shown(counts: object) -> str:
    return f"{counts!r:.40}" if isinstance(counts, str | int | float | None) else f"a {type(counts).__name__}"


def _run_lengths_from_kaggle(counts: object, size: Size) -> Runs:
    starts, lengths = _pairs(counts, of="Kaggle's `start length` pairs")
    if starts.size and starts[0] == 0:
        raise RleError("the first start is 0, expected 1 or more: Kaggle counts pixels from 1", code="RLE16")
    return _run_lengths_from_spans(starts - 1, lengths, pixels=size[0] * size[1])


def _run_lengths_from_start_length(counts: object, size: Size) -> Runs:
    starts, lengths = _pairs(counts, of="`start length` pairs")
    height, width = size
    along_rows = _run_lengths_from_spans(starts, lengths, pixels=height * width)
    return run_lengths_from_bitmap(_drawn(along_rows, size))


def _pairs(counts: object, *, of: str) -> tuple[Runs, Runs]:
    # An image without the object is an empty text in these files, or a list without a number.
    if counts in ("", []):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    numbers = _numbers(counts, of=of)
    if len(numbers) % 2:
        raise RleError(f"counts holds {len(numbers)} numbers, expected {of}: the last lacks its length", code="RLE13")
    return numbers[0::2], numbers[1::2]


def _run_lengths_from_spans(starts: Runs, lengths: Runs, *, pixels: int) -> Runs:
    """Measure runs, in the order of the spans, that each begin behind the one before."""
    ends = starts + lengths
    wrong = np.flatnonzero(starts[1:] < ends[:-1])
    if wrong.size:
        place = int(wrong[0]) + 1
        said = f"span {place} of {len(starts)}, counted from 0, begins at pixel {starts[place]}"
        raise RleError(f"{said}, expected {ends[place - 1]} or more, behind the one before", code="RLE16")
    if ends.size and ends[-1] > pixels:
        raise RleError(f"the last span ends at pixel {ends[-1]}, expected at most {pixels}", code="RLE19")
    filled = lengths > 0
    starts, ends = starts[filled], ends[filled]
    apart = starts[1:] > ends[:-1]
    edges = np.empty(2 * (np.count_nonzero(apart) + 1) if starts.size else 0, np.int64)
    if starts.size:
        edges[0::2] = starts[np.append(True, apart)]
        edges[1::2] = ends[np.append(apart, True)]
    return run_lengths_from_edges(edges, pixels=pixels)


def _drawn(along_rows: Runs, size: Size) -> NDArray[np.bool_]:
    """Draw runs that go along the rows."""
    _check_drawable(size)
    foreground = np.arange(len(along_rows)) % 2 == 1
    return np.repeat(foreground, along_rows).reshape(size)


def _check_drawable(size: Size) -> None:
    if size[0] * size[1] > MAX_BITMAP_PIXELS:
        raise RleError(f"size {list(size)} has {size[0] * size[1]} pixels, limit {MAX_BITMAP_PIXELS}", code="RLE03")


def _run_lengths_from_cvat(counts: object, size: Size) -> Runs:
    numbers = _numbers(counts, of="CVAT's runs, then left, top, right and bottom")
    if len(numbers) <= 4:
        raise RleError(f"counts holds {len(numbers)} numbers, expected runs, then the four of a box", code="RLE13")
    runs, (left, top, right, bottom) = numbers[:-4], numbers[-4:].tolist()
    height, width = size
    if not (left <= right < width and top <= bottom < height):
        said = f"the box is x {left}..{right}, y {top}..{bottom}"
        raise RleError(f"{said}, expected one inside the image of {width} x {height} pixels", code="RLE05")
    box = (bottom - top + 1, right - left + 1)
    total = int(runs.sum())
    if total != box[0] * box[1]:
        code = "RLE18" if total < box[0] * box[1] else "RLE19"
        raise RleError(f"runs of {total} pixels, expected the {box[0] * box[1]} of the box", code=code)
    _check_drawable(size)
    bitmap = np.zeros(size, np.bool_)
    bitmap[top : bottom + 1, left : right + 1] = _drawn(runs, box)
    return run_lengths_from_bitmap(bitmap)


def _run_lengths_from_label_studio(counts: object, size: Size) -> Runs:
    numbers = _numbers(counts, of="the bytes of a brush mask")
    if numbers.max() > 255:
        raise RleError(f"a byte is {numbers.max()}, expected 0 to 255", code="RLE23")
    _check_drawable(size)
    return run_lengths_from_bitmap(alpha_of_brush(numbers.astype(np.uint8).tobytes(), size=size))


def _run_lengths_from_uncompressed(counts: object, size: Size) -> Runs:
    runs = _numbers(counts, of="run lengths")
    total, pixels = int(runs.sum()), size[0] * size[1]
    if total != pixels:
        code = "RLE18" if total < pixels else "RLE19"
        raise RleError(f"runs of {total} pixels, expected {pixels} pixels ({size[0]} x {size[1]})", code=code)
    ends = np.cumsum(runs)
    return _run_lengths_from_spans(ends[:-1:2], runs[1::2], pixels=pixels)


_READERS: Final[Mapping[Dialect, Callable[[object, Size], Runs]]] = {
    "kaggle": _run_lengths_from_kaggle,
    "start-length": _run_lengths_from_start_length,
    "cvat": _run_lengths_from_cvat,
    "label-studio": _run_lengths_from_label_studio,
    "uncompressed": _run_lengths_from_uncompressed,
}
DIALECTS: Final[tuple[Dialect, ...]] = tuple(_READERS)
