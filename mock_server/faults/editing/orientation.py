"""EXIF orientations, undone: from the image as it is displayed back to the file as it is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from mock_server.faults.editing.bitmaps import Bitmap
from sam3_contract.images import ImageHeader

_STORED: Final[Mapping[int, Callable[[Bitmap], Bitmap]]] = {
    2: lambda shown: shown[:, ::-1],
    3: lambda shown: shown[::-1, ::-1],
    4: lambda shown: shown[::-1],
    5: lambda shown: shown.T,
    6: lambda shown: np.rot90(shown, 1),
    7: lambda shown: shown[::-1, ::-1].T,
    8: lambda shown: np.rot90(shown, -1),
}
# From x and y in the stored file to the image as displayed, of width w and height h.
_DISPLAYED: Final[Mapping[int, Callable[[float, float, int, int], tuple[float, float]]]] = {
    2: lambda x, y, w, _: (w - x, y),
    3: lambda x, y, w, h: (w - x, h - y),
    4: lambda x, y, _, h: (x, h - y),
    5: lambda x, y, _w, _h: (y, x),
    6: lambda x, y, w, _: (w - y, x),
    7: lambda x, y, w, h: (w - y, h - x),
    8: lambda x, y, _, h: (y, h - x),
}


def as_stored(shown: Bitmap, orientation: int) -> Bitmap:
    """Turn a mask of the displayed image into the frame of the file."""
    return _STORED[orientation](shown) if orientation in _STORED else shown


def displayed_place(x: float, y: float, header: ImageHeader) -> tuple[float, float]:
    """Find where a place of the file is displayed, both from the top-left corner of the frame."""
    place = _DISPLAYED.get(header.orientation)
    return (x, y) if place is None else place(x, y, header.width, header.height)
