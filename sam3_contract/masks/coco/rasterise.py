"""COCO's flat rings drawn as ``frPyObjects`` and ``merge`` of pycocotools draw them, bit for bit, on checked input.

The rule, from ``rleFrPoly`` in cocoapi's ``common/maskApi.c``: vertices are rounded to fifths of a pixel, edges are
drawn with a stroke of one fifth, and the middle of each column of pixels is looked at: where the stroke crosses it,
inside turns to outside or back. Only these crossings are computed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sam3_contract.errors import PolygonError
from sam3_contract.masks.limits import MAX_CROSSINGS
from sam3_contract.masks.rle.rle import run_lengths_from_edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["run_lengths_from_flat_rings"]

_SCALE: Final = 5
"""Fifths of a pixel."""
_MIDDLE: Final = 2
"""The fifth of each pixel after which the stroke crosses its middle."""


class _Edges(NamedTuple):
    """Edges in fifths of a pixel, the end first from which the stroke is reckoned: each of shape ``(n_edges,)``."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    to_x: NDArray[np.int64]
    to_y: NDArray[np.int64]


def run_lengths_from_flat_rings(
    rings: Sequence[NDArray[np.float64]], *, image_size: tuple[int, int]
) -> NDArray[np.int64]:
    """Draw rings, and join what they enclose; within one ring, what is enclosed twice is outside.

    Args:
        rings: Finite coordinates ``x1, y1, x2, y2, ...`` in pixels, each of shape ``(2 * n_points,)``; a first point
            that is repeated at the end does no harm.
        image_size: ``(height, width)`` of the image in pixels.

    Returns:
        Run lengths in pixels, down the columns, background first, shape ``(n_runs,)``.

    Raises:
        PolygonError: If the edges cross more columns of pixels than is worked on.

    Example:
        >>> square = np.array([1.0, 1, 3, 1, 3, 3, 1, 3])
        >>> run_lengths_from_flat_rings([square], image_size=(4, 6)).tolist()
        [5, 2, 2, 2, 13]
    """
    height, width = image_size
    edges = [_edges(ring) for ring in rings]
    n_crossings = sum(_n_crossings(each, width=width) for each in edges)
    if n_crossings > MAX_CROSSINGS:
        said = f"{n_crossings} times, limit {MAX_CROSSINGS}"
        raise PolygonError(f"the edges cross the middle of a column of pixels {said}", code="POL28")
    bounds = [_bounds(each, height=height, width=width) for each in edges]
    rises, falls = (np.concatenate([bound[side::2] for bound in bounds] or [np.array([], np.int64)]) for side in (0, 1))
    places, where = np.unique(np.concatenate((rises, falls)), return_inverse=True)
    depth = np.bincount(where[: len(rises)], minlength=len(places)) - np.bincount(
        where[len(rises) :], minlength=len(places)
    )
    inside = np.cumsum(depth) > 0
    changed = np.diff(inside, prepend=False)
    return run_lengths_from_edges(places[changed], pixels=height * width)


def _edges(ring: NDArray[np.float64]) -> _Edges:
    # Cut off towards zero, as a cast in C does.
    points = (_SCALE * ring.reshape(-1, 2) + 0.5).astype(np.int64)
    ahead = np.roll(points, -1, axis=0)
    x, y, to_x, to_y = points[:, 0], points[:, 1], ahead[:, 0], ahead[:, 1]
    flat = np.abs(to_x - x) >= np.abs(to_y - y)
    flip = np.where(flat, x > to_x, y > to_y)
    return _Edges(np.where(flip, to_x, x), np.where(flip, to_y, y), np.where(flip, x, to_x), np.where(flip, y, to_y))


def _columns(edges: _Edges, *, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first column whose middle each edge crosses, and the one behind the last."""
    low, high = np.minimum(edges.x, edges.to_x), np.maximum(edges.x, edges.to_x)
    # A middle is crossed between fifths 5k + 2 and 5k + 3.
    first = np.clip(-((_MIDDLE - low) // _SCALE), 0, width)
    behind = np.clip((high - _MIDDLE - 1) // _SCALE + 1, 0, width)
    return first, np.maximum(first, behind)


def _n_crossings(edges: _Edges, *, width: int) -> int:
    first, behind = _columns(edges, width=width)
    return int((behind - first).sum())


def _bounds(edges: _Edges, *, height: int, width: int) -> NDArray[np.int64]:
    """Return the places, in column-major order, at which one ring begins and ends, in turn."""
    first, behind = _columns(edges, width=width)
    number = behind - first
    which = np.repeat(np.arange(len(number)), number)
    column = np.arange(len(which)) - np.repeat(np.cumsum(number) - number, number) + first[which]
    crossed = _crossed(_Edges(*(side[which] for side in edges)), column * _SCALE + _MIDDLE)
    row = np.ceil(np.clip((crossed + 0.5) / _SCALE - 0.5, 0, height)).astype(np.int64)
    places, times = np.unique(column * height + row, return_counts=True)
    bounds: NDArray[np.int64] = places[times % 2 == 1]
    return bounds


def _crossed(edges: _Edges, fifth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the height, in fifths, of the stroke where it steps between a fifth and the next."""
    dx, dy = edges.to_x - edges.x, edges.to_y - edges.y
    flat = np.abs(dx) >= np.abs(dy)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(flat, dy / dx, dx / dy)
    low = [(edges.y + slope * (fifth + step - edges.x) + 0.5).astype(np.int64) for step in (0, 1)]
    return np.where(flat, np.minimum(*low), _crossed_by_steep(edges, slope, fifth))


def _crossed_by_steep(edges: _Edges, slope: NDArray[np.float64], fifth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the step along the height at which a steep stroke gets from one fifth of the width to the next."""
    dy = edges.to_y - edges.y
    with np.errstate(divide="ignore", invalid="ignore"):
        about = np.nan_to_num((fifth + 0.5 - edges.x) / slope, nan=0.0, posinf=0.0, neginf=0.0)
    nearest = np.clip(np.floor(about), 0, np.maximum(dy, 0)).astype(np.int64)
    # The estimate is off by a rounding at most; which step it is, the stroke's own arithmetic decides.
    steps = np.clip(nearest[:, None] + np.arange(-2, 4), 0, np.maximum(dy, 0)[:, None])
    right = (edges.x[:, None] + slope[:, None] * steps + 0.5).astype(np.int64) > fifth[:, None]
    rising = slope > 0
    # Rising: the step before the first on the right; falling: the last on the right.
    n_before = np.where(rising, (~right).sum(axis=1), right.sum(axis=1))
    step: NDArray[np.int64] = np.take_along_axis(steps, np.clip(n_before - 1, 0, 5)[:, None], axis=1)[:, 0]
    return edges.y + step
