"""Masks written in each dialect of RLE, by code of its own: as the programs that have them do it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Bitmap = NDArray[np.bool_]


def kaggle(bitmap: Bitmap) -> str:
    return " ".join(f"{start + 1} {length}" for start, length in spans(bitmap.ravel(order="F")))


def start_length(bitmap: Bitmap) -> str:
    return " ".join(f"{start} {length}" for start, length in spans(bitmap.ravel()))


def spans(flat: Bitmap) -> list[tuple[int, int]]:
    """Find where each stretch of foreground starts, pixel by pixel."""
    found, start = [], None
    for place, inside in enumerate([*flat.tolist(), False]):
        if inside and start is None:
            start = place
        elif not inside and start is not None:
            found.append((start, place - start))
            start = None
    return found


def runs(flat: Bitmap) -> list[int]:
    lengths = [len(list(same)) for _, same in groupby(flat.tolist())]
    return [0, *lengths] if flat[0] else lengths


def uncompressed(bitmap: Bitmap) -> list[int]:
    return runs(bitmap.ravel(order="F"))


def cvat(bitmap: Bitmap) -> list[float]:
    """Write as CVAT does, as floats; a mask without pixels has a box of one pixel."""
    rows, columns = np.nonzero(bitmap) if bitmap.any() else (np.array([0]), np.array([0]))
    left, top, right, bottom = (int(one) for one in (columns.min(), rows.min(), columns.max(), rows.max()))
    return [*map(float, runs(bitmap[top : bottom + 1, left : right + 1].ravel())), left, top, right, bottom]


def label_studio(bitmap: Bitmap, *, colours: bool = False) -> list[int]:
    """Pack an RGBA image, opaque where the mask is; with *colours*, of numbers that seldom repeat."""
    image = np.zeros((*bitmap.shape, 4), np.uint8)
    image[bitmap] = (30, 60, 90, 255)
    if colours:
        image[..., :3] = np.random.default_rng(1).integers(0, 256, (*bitmap.shape, 3))
    widths = (3, 4, 8, 16)
    bits = f"{image.size:032b}{7:05b}" + "".join(f"{width - 1:04b}" for width in widths)
    single: list[int] = []
    for value, same in [*((value, len(list(same))) for value, same in groupby(image.ravel().tolist())), (None, 2)]:
        # Numbers that stand alone are packed together, up to eight.
        if same == 1:
            single.append(value)
        if single and (same > 1 or len(single) == 8):
            bits += f"000{len(single) - 1:03b}" + "".join(f"{one:08b}" for one in single)
            single = []
        while value is not None and same > 1:
            index = next((index for index, width in enumerate(widths) if same <= 1 << width), 3)
            length = min(same, 1 << widths[index])
            bits += f"1{index:02b}{length - 1:0{widths[index]}b}{value:08b}"
            same -= length
            if same == 1:
                single.append(value)
    bits += "0" * (8 - len(bits) % 8)
    return [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]


WRITERS: Final[dict[str, Callable[[Bitmap], Any]]] = {
    "kaggle": kaggle,
    "start-length": start_length,
    "cvat": cvat,
    "label-studio": label_studio,
    "uncompressed": uncompressed,
}


def blob(height: int, width: int) -> Bitmap:
    """Draw an ellipse that leans, with a hole."""
    y, x = np.mgrid[:height, :width]
    v, u = (y - height * 0.45) / (height * 0.3), (x - width * 0.5) / (width * 0.35)
    distance = u**2 + v**2 + 0.6 * u * v
    outline: Bitmap = (distance < 1) & (distance > 0.1)
    return outline
