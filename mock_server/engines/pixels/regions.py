"""What there is in a picture to choose from: its regions, how much each looks like a thing, and their masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mock_server.drawing.patches import Patch
from mock_server.engines.pixels.frame import Frame, frame_of
from mock_server.engines.pixels.pieces import pieces_of
from mock_server.engines.pixels.tree import Integers, Tree, tree_of

Bitmap = NDArray[np.bool_]

MILLE: Final = 1000
LEVELS: Final = ((60, 600), (12, 60), (1, 12))  # permille of the frame that a whole, a part and a subpart take up
USUAL: Final = 50  # permille of the frame that things take up most often
CLICKED: Final = 30  # the same of things that are clicked
SEAM: Final = 16  # what the colour changes at least along a border that is no mere seam between pieces of a thing
MOST_THINGS: Final = 24  # of a picture that texts choose among
_BITS: Final = 256  # parts of a bit in which logarithms are counted
_HALF: Final = 128  # of a pixel's cover, from which on it belongs to a mask


@dataclass(frozen=True, eq=False)
class Regions:
    """A picture that was looked at.

    Attributes:
        tree: Its regions, in pixels of the frame.
        factor: Pixels of the picture that are one of the frame, in each direction.
        size: ``(height, width)`` of the picture.
    """

    tree: Tree
    factor: int
    size: tuple[int, int]

    @property
    def frame_area(self) -> int:
        """Pixels of the frame."""
        return int(self.tree.ranks.size)

    @cached_property
    def salience(self) -> Integers:
        """How much each region looks like a thing, among those of about its size."""
        return self._form - self._unusual(USUAL) // 5

    @cached_property
    def prominence(self) -> Integers:
        """How much each region looks like what somebody means who clicks on it, whatever its size."""
        return self._form - self._unusual(CLICKED) // 2

    @cached_property
    def strength(self) -> Integers:
        """What the colour changes along the outline of each region, on average."""
        return np.asarray(self.tree.contrast // np.maximum(self.tree.outline, 1), np.int64)

    @cached_property
    def _form(self) -> Integers:
        """An edge all around, and an outline that is short for what it holds."""
        compact = self.tree.area * 10**4 // np.maximum(self.tree.outline, 1) ** 2
        return np.asarray(_log2(self.strength + 1) + _log2(compact + 1) // 2, np.int64)

    def _unusual(self, permille: int) -> Integers:
        usual = _log2(np.array([self.frame_area * permille]))
        return np.asarray(np.abs(_log2(self.tree.area * MILLE) - usual), np.int64)

    def at(self, x: int, y: int) -> int:
        """Find the piece that a pixel of the picture lies in."""
        return int(self.tree.piece_at_rank[self.tree.ranks[y // self.factor, x // self.factor]])

    def lineage(self, region: int) -> list[int]:
        """List a region and all that it lies in, from the inside out."""
        found = []
        while region >= 0:
            found.append(region)
            region = int(self.tree.parent[region])
        return found

    def levels(self, region: int) -> tuple[int, int, int]:
        """Choose, of all that a region lies in, what looks most like a thing: a whole, a part of it and a subpart.

        Each lies in the one before. Where there is none of its size with an edge on all sides, it is one of its
        neighbours again.
        """
        line = np.array(self.lineage(region))
        shares = self.tree.area[line] * MILLE // self.frame_area
        chosen: list[int | None] = []
        for least, most in LEVELS:
            of_size = line[(least <= shares) & (shares < most) & (self.tree.seam[line] >= SEAM)]
            chosen.append(int(of_size[np.argmax(self.salience[of_size])]) if of_size.size else None)
        there = [one for one in chosen if one is not None] or [int(line[np.argmax(self.salience[line])])]
        _, part, subpart = chosen
        return there[0], there[0] if part is None else part, there[-1] if subpart is None else subpart

    def holds(self, region: int, ranks: Integers) -> bool:
        """Check whether any of some pieces, told by their ranks, is one of a region's."""
        return bool(((self.tree.first[region] <= ranks) & (ranks < self.tree.last[region])).any())

    def bitmap(self, region: int) -> Bitmap:
        """Draw a region on the frame."""
        # One comparison: what lies before the first rank wraps around.
        first, last = int(self.tree.first[region]), int(self.tree.last[region])
        return (self.tree.ranks - np.uint16(first)) < last - first

    def solid(self, region: int) -> Bitmap:
        """Draw a region on the frame, with all that it surrounds."""
        return filled(self.bitmap(region))

    def joined(self, regions: Iterable[int]) -> Bitmap:
        """Draw several regions on the frame as one."""
        chosen = np.zeros(self.tree.piece_at_rank.size, np.bool_)
        for region in regions:
            chosen[self.tree.first[region] : self.tree.last[region]] = True
        return np.asarray(chosen[self.tree.ranks], np.bool_)

    def nested(self, first: int, second: int) -> bool:
        """Check whether one of two regions lies in the other; if not, they share nothing."""
        tree = self.tree
        return bool(tree.first[first] < tree.last[second] and tree.first[second] < tree.last[first])

    def distinct(self, ranked: Sequence[int] | Integers, *, most: int, apart: bool = False) -> list[int]:
        """Take regions in their order, but for those that are much the same as one that was taken.

        Args:
            ranked: Which there are.
            most: How many are taken.
            apart: Whether those are left out as well that share any pixel with one that was taken.
        """
        taken: list[int] = []
        area = self.tree.area
        for region in map(int, ranked):
            if len(taken) == most:
                break
            sizes = ((int(area[region]), int(area[one])) for one in taken if self.nested(region, one))
            if not any(apart or 2 * min(pair) > max(pair) for pair in sizes):
                taken.append(region)
        return taken

    @cached_property
    def things(self) -> tuple[int, ...]:
        """The regions that look most like things, the most salient first."""
        shares = self.tree.area * MILLE // self.frame_area
        sized = np.flatnonzero((shares >= LEVELS[-1][0]) & (shares < LEVELS[0][1]))
        if not sized.size:
            return (self.tree.area.size - 1,)
        ranked = sized[np.argsort(-self.salience[sized], kind="stable")]
        return tuple(self.distinct(ranked, most=MOST_THINGS))

    def patch(self, bitmap: Bitmap) -> Patch:
        """Enlarge a bitmap of the frame to the picture's own pixels, with smooth edges.

        What one bitmap has more than another, its patch has more, too: enlarging keeps what only adds or only removes.
        """
        left, top, across, down = cv2.boundingRect(bitmap.view(np.uint8))
        if not across:
            return Patch(0, 0, np.zeros((0, 0), np.bool_))
        if self.factor == 1:
            return Patch(top, left, bitmap[top : top + down, left : left + across].copy())
        # With a pixel more on each side, so that edges are smooth there as well.
        rows = slice(max(top - 1, 0), top + down + 1)
        columns = slice(max(left - 1, 0), left + across + 1)
        small = bitmap[rows, columns].view(np.uint8) * np.uint8(255)
        sides = (small.shape[1] * self.factor, small.shape[0] * self.factor)
        large = cv2.resize(small, sides, interpolation=cv2.INTER_LINEAR_EXACT) >= _HALF
        top, left = rows.start * self.factor, columns.start * self.factor
        return Patch(top, left, np.ascontiguousarray(large[: self.size[0] - top, : self.size[1] - left]))


def regions_of(pixels: NDArray[np.uint8]) -> Regions:
    """Look at a picture.

    Args:
        pixels: RGB, uint8, shape ``(height, width, 3)``.

    Example:
        >>> pixels = np.zeros((60, 90, 3), np.uint8)
        >>> pixels[20:40, 30:60] = 200
        >>> regions = regions_of(pixels)
        >>> regions.patch(regions.bitmap(regions.levels(regions.at(40, 30))[0])).area
        600
    """
    frame: Frame = frame_of(pixels)
    return Regions(tree_of(frame, pieces_of(frame)), frame.factor, frame.size)


def filled(bitmap: Bitmap) -> Bitmap:
    """Add all that a mask surrounds."""
    contours, _ = cv2.findContours(bitmap.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    canvas = np.zeros(bitmap.shape, np.uint8)
    cv2.drawContours(canvas, contours, -1, 1, cv2.FILLED)
    return canvas.view(np.bool_)


def _log2(values: Integers) -> Integers:
    """Take logarithms to the base of 2 in parts of a bit; between powers of 2 along a straight line.

    ``np.log2`` may differ in its last digit from one machine to the next.

    Example:
        >>> _log2(np.array([1, 2, 3, 1024])).tolist()
        [0, 256, 384, 2560]
    """
    mantissa, exponent = np.frexp(np.maximum(values, 1).astype(np.float64))
    return (exponent.astype(np.int64) - 1) * _BITS + ((mantissa * 2 - 1) * _BITS).astype(np.int64)
