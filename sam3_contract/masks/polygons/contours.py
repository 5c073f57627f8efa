"""Whether rings can be findContours' own, and the pixels they cover: O(points), without drawing.

The facts hold for every outer contour that OpenCV traces with ``RETR_EXTERNAL`` and ``CHAIN_APPROX_SIMPLE``: edges
are horizontal, vertical or at 45 degrees, no two in a row go the same way, a ring starts at its topmost, then
leftmost pixel and runs counter-clockwise on the screen, and rings come in descending order of their starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sam3_contract.masks.limits import MAX_COORDINATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sam3_contract.masks.polygons.rings import Rings

__all__ = [
    "ContourBreach",
    "ContourSurvey",
    "area_of_contours",
    "contour_breaches",
    "passes_for_contours",
    "survey_contours",
]


@dataclass(frozen=True, slots=True)
class ContourBreach:
    """A law of contours that some ring breaks.

    Attributes:
        name: The defect's name in the catalogue.
        ring: The first ring that breaks it, counted from 0 without empty rings.
        point: The place in that ring, counted from 0.
        number: How many places break it in all.
    """

    name: str
    ring: int
    point: int
    number: int


def _steps(rings: Rings) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each point's step to the next of its ring, the last to the first: dx and dy, shape ``(n_points,)``."""
    first, last = rings.offsets[:-1], rings.offsets[1:] - 1
    steps = np.empty((2, len(rings.points)), np.int64)
    for step, values in zip(steps, rings.points.T, strict=True):
        np.subtract(values[1:], values[:-1], out=step[:-1])
        step[last] = values[first] - values[last]
    return steps[0], steps[1]


@dataclass(frozen=True, slots=True)
class ContourSurvey:
    """What one look at the points of a mask's rings tells.

    Attributes:
        breaches: The laws of contours that they break.
        areas: Pixels of each ring by formula, shape ``(n_rings,)``; true only of rings that break no law.
        fill_work: What filling them costs: (rows crossed by all edges)**2 / rows of the box.
    """

    breaches: list[ContourBreach]
    areas: NDArray[np.int64]
    fill_work: int


def survey_contours(rings: Rings) -> ContourSurvey:
    """Examine the points of all rings of a mask in one pass."""
    if not len(rings):
        return ContourSurvey([], np.zeros(0, np.int64), 0)
    dx, dy = _steps(rings)
    x, y = rings.points.T
    starts = rings.offsets[:-1]
    doubled = np.add.reduceat(x * dy - y * dx, starts)
    boundary = np.add.reduceat(np.gcd(dx, dy), starts)
    crossings = int(np.abs(dy).sum())
    return ContourSurvey(
        _breaches(rings, dx=dx, dy=dy, clockwise=doubled > 0),
        (np.abs(doubled) + boundary) // 2 + 1,
        crossings * crossings // (int(y.max() - y.min()) + 1),
    )


def contour_breaches(rings: Rings) -> list[ContourBreach]:
    """List the laws of contours that the rings break.

    Args:
        rings: The rings of one mask.

    Returns:
        At most one breach per law, at the first place; empty for every list that findContours makes.
    """
    return survey_contours(rings).breaches


def passes_for_contours(rings: Rings) -> bool:
    """Tell whether the rings break no law of contours; touching and overlapping rings are not looked for."""
    return not contour_breaches(rings)


def area_of_contours(rings: Rings) -> int:
    """Count the pixels that rings cover, by formula.

    Args:
        rings: Rings that pass for contours and do not overlap.

    Returns:
        Pixels: the sum of ``|shoelace| + boundary / 2 + 1`` over the rings, the boundary in steps of a king.

    References:
        Pick's theorem, with boundary points counted in.

    Example:
        >>> from sam3_contract.masks.polygons.rings import read_rings
        >>> area_of_contours(read_rings([[[1, 1], [1, 3], [3, 3], [3, 1]]]))
        9
    """
    return int(survey_contours(rings).areas.sum())


def _breaches(
    rings: Rings, *, dx: NDArray[np.int64], dy: NDArray[np.int64], clockwise: NDArray[np.bool_]
) -> list[ContourBreach]:
    starts, last = rings.offsets[:-1], rings.offsets[1:] - 1
    heading = np.sign(dx) * 3 + np.sign(dy)
    before = np.empty_like(heading)
    before[1:] = heading[:-1]
    before[starts] = heading[last]
    still = heading == 0
    still[starts[starts == last]] = False
    slanted = (np.abs(dx) != np.abs(dy)) & (dx * dy != 0)
    straight = (heading == before) & (heading != 0)
    key = rings.points[:, 1] * (4 * MAX_COORDINATE) + rings.points[:, 0]
    late = np.minimum.reduceat(key, starts) != key[starts]
    disorder = np.zeros(len(rings), np.bool_)
    disorder[1:] = key[starts[1:]] >= key[starts[:-1]]

    breaches: list[ContourBreach] = []
    if still.any():
        closing = np.zeros(len(still), np.bool_)
        closing[last] = still[last]
        breaches += _breaches_at_points({"ring_closed": closing, "point_repeated": still & ~closing}, rings)
    if slanted.any():
        # Of slanted edges the signs do not tell the direction.
        straight &= ~slanted & ~np.roll(slanted, 1)
    breaches += _breaches_at_points({"edge_direction": slanted, "edge_split": straight}, rings)
    laws = {"ring_start": late, "ring_order": disorder, "ring_orientation": clockwise}
    return breaches + [
        ContourBreach(name, int(np.argmax(broken)), 0, int(broken.sum()))
        for name, broken in laws.items()
        if broken.any()
    ]


def _breaches_at_points(laws: dict[str, NDArray[np.bool_]], rings: Rings) -> list[ContourBreach]:
    breaches = []
    for name, broken in laws.items():
        if broken.any():
            place = int(np.argmax(broken))
            ring = int(np.searchsorted(rings.offsets, place, side="right")) - 1
            point = place - int(rings.offsets[ring])
            breaches.append(ContourBreach(name, ring, point, int(broken.sum())))
    return breaches
