"""What a box means: the region whose own box it is, or all that lies in it and not beyond."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np

from mock_server.engines.pixels.regions import MILLE, Bitmap, Regions, filled
from mock_server.engines.pixels.tree import Integers
from mock_server.engines.protocol import Box
from mock_server.engines.synthetic import FAR

WITHIN: Final = 900  # permille of a region in a box, from which on it is what the box holds
MOSTLY: Final = 600  # permille of a region in a box, from which on the box may be drawn around it
LEAST: Final = 100  # permille of a box that a region covers which it may be drawn around
NEARLY: Final = 850  # permille of what the best region has in common with the box, from which on others may be meant
TIGHT: Final = 700  # permille that a region's own box and the box have in common, from which on they are the same


class Window(NamedTuple):
    """A box in pixels of the frame, within it; at least one pixel."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """Pixels in it."""
        return (self.right - self.left) * (self.bottom - self.top)

    @property
    def part(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def window_of(box: Box, regions: Regions) -> Window | None:
    """Find the pixels of the frame that a box covers; ``None`` if it lies beside the picture."""
    height, width = regions.size
    near = [max(-FAR, min(FAR, edge)) for edge in (box.left, box.top, box.right, box.bottom)]
    left, top = int(max(near[0], 0)), int(max(near[1], 0))
    right, bottom = int(min(near[2], width)), int(min(near[3], height))
    if near[2] < 0 or near[3] < 0 or left >= width or top >= height:
        return None
    factor = regions.factor
    left, top = left // factor, top // factor
    return Window(left, top, max(-(-right // factor), left + 1), max(-(-bottom // factor), top + 1))


def boxed(window: Window, regions: Regions) -> list[Bitmap]:
    """Draw what a box means, three times, best first."""
    region, tight = region_of(window, regions)
    inside = _inside(window, regions)
    held = _held(inside, regions)
    everything = _largest_part(regions.joined(held), window)
    if not everything.any():
        everything = _clipped(regions.bitmap(_middle(window, regions)), window)
    one = _clipped(regions.solid(region), window)
    largest = max(held, key=lambda other: int(regions.tree.area[other]), default=region)
    least = _clipped(regions.solid(largest), window)
    return [one, everything, least] if tight else [everything, one, least]


def region_of(window: Window, regions: Regions) -> tuple[int, bool]:
    """Find the region that a box is drawn around.

    Returns:
        The region, and whether the box is tight around it; the middle of the box if there is none.
    """
    tree = regions.tree
    inside = _inside(window, regions)
    could = np.flatnonzero((inside * MILLE >= tree.area * MOSTLY) & (tree.area * MILLE >= window.area * LEAST))
    if not could.size:
        return _middle(window, regions), False
    left, top, right, bottom = tree.boxes[:, could]
    across = np.maximum(np.minimum(right, window.right) - np.maximum(left, window.left), 0)
    down = np.maximum(np.minimum(bottom, window.bottom) - np.maximum(top, window.top), 0)
    shared = across * down
    alike = shared * MILLE // ((right - left) * (bottom - top) + window.area - shared)
    near = np.flatnonzero(alike * MILLE >= int(alike.max()) * NEARLY)
    best = int(near[np.argmax(regions.salience[could[near]])])
    return int(could[best]), bool(alike[best] >= TIGHT)


def _inside(window: Window, regions: Regions) -> Integers:
    """Count the pixels of each region that lie in a window."""
    tree = regions.tree
    counts = np.bincount(tree.ranks[window.part].ravel(), minlength=tree.piece_at_rank.size)
    before = np.append(0, np.cumsum(counts))
    return np.asarray(before[tree.last] - before[tree.first], np.int64)


def _held(inside: Integers, regions: Regions) -> list[int]:
    """List the largest regions that a box holds."""
    tree = regions.tree
    within = inside * MILLE >= tree.area * WITHIN
    # The last region has no parent: the entry behind all stands for it.
    return [int(one) for one in np.flatnonzero(within & ~np.append(within, False)[tree.parent])]


def _middle(window: Window, regions: Regions) -> int:
    rank = regions.tree.ranks[(window.top + window.bottom - 1) // 2, (window.left + window.right - 1) // 2]
    return int(regions.tree.piece_at_rank[rank])


def _clipped(bitmap: Bitmap, window: Window) -> Bitmap:
    clipped = np.zeros_like(bitmap)
    clipped[window.part] = bitmap[window.part]
    return clipped


def _largest_part(bitmap: Bitmap, window: Window) -> Bitmap:
    """Keep the largest connected part of what lies in a window, with what it surrounds."""
    count, parts, measured, _ = cv2.connectedComponentsWithStats(
        _clipped(bitmap, window).view(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    if count == 1:
        return np.zeros_like(bitmap)
    return filled(parts == 1 + int(np.argmax(measured[1:, cv2.CC_STAT_AREA])))
