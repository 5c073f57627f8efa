"""A frame cut into pieces of about the same size whose borders follow its edges: a watershed from a grid of springs."""

from __future__ import annotations

from math import isqrt
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mock_server.engines.pixels.frame import Frame

PIECES: Final = 1150  # about, of a large frame
SMALLEST: Final = 6  # pixels, the side of a cell of the grid
_FLAT: Final = 4  # what a step of colour counts against a pixel of distance from the middle of a cell
_BESIDE: Final = 2**20  # beside the frame is no spring
_NEAR: Final = np.ones((3, 3), np.uint8)


def pieces_of(frame: Frame) -> NDArray[np.int32]:
    """Number the piece that each pixel belongs to.

    Returns:
        Int32, shape ``(height, width)`` of the frame; every number from 0 on is there.
    """
    height, width = frame.edges.shape
    rows, columns = _springs(frame.edges, side=max(SMALLEST, isqrt(height * width // PIECES)))
    # OpenCV leaves the outermost pixels undecided, so there is one more of them on each side.
    marks = np.zeros((height + 2, width + 2), np.int32)
    marks[rows + 1, columns + 1] = np.arange(1, rows.size + 1)
    cv2.watershed(cv2.copyMakeBorder(frame.colors, 1, 1, 1, 1, cv2.BORDER_REPLICATE), marks)
    found = np.maximum(marks[1:-1, 1:-1], 0).astype(np.uint16)
    while not found.all():  # the lines between pieces go to one of their neighbours
        found = np.where(found == 0, cv2.dilate(found, _NEAR), found)
    return np.asarray(found, np.int32) - 1


def _springs(edges: NDArray[np.uint16], *, side: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose the flattest pixel of each cell of a grid, of equals the one nearest to its middle.

    Returns:
        Their rows and columns.
    """
    height, width = edges.shape
    down, across = -(-height // side), -(-width // side)
    cost = np.full((down * side, across * side), _BESIDE, np.int32)
    cost[:height, :width] = edges
    cost *= _FLAT
    cost += np.abs(np.arange(down * side, dtype=np.int32) % side - side // 2)[:, None]
    cost += np.abs(np.arange(across * side, dtype=np.int32) % side - side // 2)
    cells = cost.reshape(down, side, across, side).transpose(0, 2, 1, 3).reshape(-1, side * side)
    within = np.divmod(cells.argmin(axis=1), side)
    cell = np.divmod(np.arange(cells.shape[0]), across)
    return cell[0] * side + within[0], cell[1] * side + within[1]
