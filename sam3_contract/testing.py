"""Helpers for tests of code that handles masks: one assertion that explains itself, and named specimens.

Works with any test runner. Masks may be given as polygons, RLE objects or bool bitmaps, mixed at will.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from sam3_contract.answer_check import check_answer
from sam3_contract.errors import UsageError
from sam3_contract.files.atomic import write_atomically
from sam3_contract.masks.diagnosis.compare import Verdict, compare
from sam3_contract.masks.diagnosis.sketch import sketch_of
from sam3_contract.masks.formats import image_size_of

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

    from sam3_contract.masks.diagnosis.compare import Comparison

__all__ = [
    "SPECIMENS",
    "assert_masks_equal",
    "bitmap_from_drawing",
    "check_answer",
    "specimen",
    "write_difference",
]

SPECIMENS: dict[str, tuple[str, ...]] = {
    "one_pixel": (".....", "..#..", "....."),
    "line": (".......", ".#####.", "......."),
    "ring": (".......", ".#####.", ".#...#.", ".#...#.", ".#####.", "......."),
    "ring_with_island": (
        ".........",
        ".#######.",
        ".#.....#.",
        ".#.....#.",
        ".#..#..#.",
        ".#.....#.",
        ".#######.",
        ".........",
    ),
    "two_parts": ("........", ".##.....", ".##..##.", ".....##.", "........"),
    "touches_border": ("..###..", "..###..", "......."),
    "full": ("####", "####", "####"),
    "empty": ("....", "....", "...."),
    "checkerboard": ("#.#.#.", ".#.#.#", "#.#.#.", ".#.#.#"),
    "one_row": (".##.#..###",),
    "one_column": (".", "#", "#", ".", "#", "."),
    "l_shape": (".......", ".#.....", ".#.....", ".#.....", ".####..", "......."),
    "diagonal": ("#....", ".#...", "..#..", "...#.", "....#", "....."),
    "spiral": (
        "#########",
        "........#",
        "#######.#",
        "#.....#.#",
        "#.###.#.#",
        "#.#...#.#",
        "#.#####.#",
        "#.......#",
        "#########",
    ),
}
"""Named small masks, one text row per row of pixels: ``#`` foreground, ``.`` background."""

_BOTH, _MISSING, _ADDED = (190, 190, 190), (180, 119, 31), (14, 127, 255)
"""Blue, green, red of the picture: grey, blue and orange, which colour-blind readers can tell apart."""

_PICTURE_SIDE = 512


def specimen(name: str) -> NDArray[np.bool_]:
    """Draw a named specimen.

    Args:
        name: A key of `SPECIMENS`.

    Returns:
        Bitmap of shape ``(height, width)``.

    Raises:
        UsageError: If there is no specimen of this name.

    Example:
        >>> specimen("one_pixel").sum()
        np.int64(1)
    """
    if name not in SPECIMENS:
        raise UsageError(f"no specimen named {name!r}; there are {', '.join(SPECIMENS)}")
    return bitmap_from_drawing(SPECIMENS[name])


def bitmap_from_drawing(rows: tuple[str, ...]) -> NDArray[np.bool_]:
    """Turn a drawing into a bitmap.

    Args:
        rows: One text per row of pixels, ``#`` for foreground, anything else for background.

    Returns:
        Bitmap of shape ``(len(rows), len(rows[0]))``.

    Raises:
        UsageError: If the rows are not equally long, or there are none.

    Example:
        >>> bitmap_from_drawing((".#", "##")).astype(int).tolist()
        [[0, 1], [1, 1]]
    """
    if len({len(row) for row in rows}) != 1 or not rows[0]:
        raise UsageError(f"rows have lengths {sorted({len(row) for row in rows})}, expected one length above 0")
    return np.array([[pixel == "#" for pixel in row] for row in rows])


def assert_masks_equal(
    expected: object,
    actual: object,
    *,
    iou: float = 1.0,
    image_size: tuple[int, int] | None = None,
    holes_matter: bool = True,
    difference: str | PathLike[str] | None = None,
) -> None:
    """Assert that two masks are the same, in whatever formats they are.

    Args:
        expected: Polygons, an RLE object, or a bool bitmap of shape ``(height, width)``.
        actual: Another, in any of these formats.
        iou: Least intersection over union that passes, in 0..1; 1.0 asks for every pixel.
        image_size: ``(height, width)`` of the image in pixels; taken from *expected*, then *actual*, if one of them is
            an RLE or a bitmap.
        holes_matter: If False, masks that differ only in filled holes pass: polygons cannot have holes.
        difference: File to write a picture of the difference to on failure, such as ``difference.png``.

    Raises:
        AssertionError: If the masks differ; the message says how: pixels, overlap, shift, parts, likely mistake.
        UsageError: If no image size is known.
        MaskError: If one of them is no sound mask.

    Example:
        >>> assert_masks_equal([[[1, 1], [1, 2], [2, 2], [2, 1]]], {"size": [4, 6], "counts": "5220;"})
        >>> assert_masks_equal([[[2, 1], [2, 2], [3, 2], [3, 1]]], {"size": [4, 6], "counts": "5220;"})
        Traceback (most recent call last):
            ...
        AssertionError: masks differ in 4 of 24 pixels, IoU 0.3333, expected at least 1.0:
        the second mask is the first, moved by 1 px to the left
        (the first mask is the expected one, 4 pixels; the second the actual one, 4 pixels)
    """
    __tracebackhide__ = True  # pytest ends its traceback at the test's own line
    size = image_size or image_size_of(expected) or image_size_of(actual)
    if size is None:
        raise UsageError("two polygon masks state no image size: pass image_size=(height, width)")
    found = compare(expected, actual, image_size=size)
    if _passes(found, iou=iou, holes_matter=holes_matter):
        return
    areas = [sketch_of(mask, image_size=size).area for mask in (expected, actual)]
    message = (
        f"masks differ in {found.differing_pixels} of {size[0] * size[1]} pixels, IoU {found.iou:.4f}, "
        f"expected at least {iou}:\n{found.explanation}\n"
        f"(the first mask is the expected one, {areas[0]} pixels; the second the actual one, {areas[1]} pixels)"
    )
    if difference is not None:
        write_difference(expected, actual, image_size=size, file=difference)
        message += f"\npicture of the difference: {difference}"
    raise AssertionError(message)


def write_difference(
    expected: object, actual: object, *, image_size: tuple[int, int], file: str | PathLike[str]
) -> None:
    """Write a picture: grey where both masks are, blue where pixels are missing, orange where some were added.

    Args:
        expected: Polygons, an RLE object or a bitmap.
        actual: Another, in any of these formats; what lies outside the image is cut off.
        image_size: ``(height, width)`` of the image in pixels.
        file: Name ending in an image type that OpenCV writes, such as ``.png``. Small masks are enlarged.

    Raises:
        UsageError: If the name ends in no image type.
        MaskError: If one of them is no sound mask.
    """
    first = sketch_of(expected, image_size=image_size).bitmap
    second = sketch_of(actual, image_size=image_size).bitmap
    picture = np.full((*image_size, 3), 255, np.uint8)
    picture[first & second] = _BOTH
    picture[first & ~second] = _MISSING
    picture[~first & second] = _ADDED
    times = max(1, _PICTURE_SIDE // max(image_size))
    enlarged = np.repeat(np.repeat(picture, times, axis=0), times, axis=1)
    suffix = Path(file).suffix
    if not suffix or not cv2.haveImageWriter(suffix):
        raise UsageError(f"{str(file)!r} ends in no image type, expected one such as '.png'")
    _, encoded = cv2.imencode(suffix, enlarged)
    write_atomically(Path(file), encoded.tobytes())


def _passes(found: Comparison, *, iou: float, holes_matter: bool) -> bool:
    if found.verdict == Verdict.EQUAL or (found.verdict == Verdict.HOLES_FILLED and not holes_matter):
        return True
    return iou < 1.0 and found.iou >= iou
