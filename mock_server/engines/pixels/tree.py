"""The pieces of a frame, merged two by two until one region is left: a tree of regions, each in the next larger one.

Every round merges all pairs that are each other's nearest neighbour, which comes to nearly the same tree as merging
one pair after the other, at a fraction of the time. All numbers are integers, so the tree is the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mock_server.engines.pixels.frame import Frame

Integers = NDArray[np.int64]

FINE: Final = 16  # parts of a level in which mean colours and edges are counted
EDGE: Final = 2  # what an edge between two regions counts against the difference of their colours
_PLACES: Final = 20  # bits that number the borders of a frame, or hold what the colour changes along a pixel of one
CHROMA: Final = 2  # what a level of hue counts against one of lightness


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Regions of a frame; the first ones are its pieces, the last one is all of it.

    A region is an interval of the ranks of its pieces, so that one comparison of ``ranks`` draws it.

    Attributes:
        ranks: The rank of each pixel's piece, uint16, shape ``(height, width)``.
        piece_at_rank: Which region is the piece of a rank.
        parent: The region that each was merged into; -1 for the last.
        first: The first rank in each region.
        last: The rank behind the last in each region.
        area: Pixels in each region.
        color: Mean Lab of each region in sixteenths, shape ``(3, regions)``.
        outline: Pixel edges around each region, those of the frame too.
        contrast: What the colour changes along them, summed up.
        seam: What the colour changes, on average, along the border to what each region was merged with.
        boxes: Left, top, and right and bottom behind the last pixel, shape ``(4, regions)``.
    """

    ranks: NDArray[np.uint16]
    piece_at_rank: Integers
    parent: Integers
    first: Integers
    last: Integers
    area: Integers
    color: Integers
    outline: Integers
    contrast: Integers
    seam: Integers
    boxes: Integers


@dataclass(slots=True, eq=False)
class _Edges:
    """Neighbours: two regions, the length of the border they share, and what the colour changes along it."""

    a: Integers
    b: Integers
    length: Integers
    contrast: Integers

    def joined(self, to: Integers) -> _Edges:
        """Rename regions, drop what has become inner, and make one of several borders of the same two."""
        a, b = to[self.a], to[self.b]
        outer = a != b
        a, b = np.minimum(a, b)[outer], np.maximum(a, b)[outer]
        names = a * to.size + b
        order = np.argsort(names)  # sums are the same whatever the order of equals
        names = names[order]
        starts = np.flatnonzero(np.diff(names, prepend=-1))
        if not starts.size:
            return _Edges(names, names, names, names)
        a, b = np.divmod(names[starts], to.size)
        length, contrast = (np.add.reduceat(counted[outer][order], starts) for counted in (self.length, self.contrast))
        return _Edges(a, b, length, contrast)


def tree_of(frame: Frame, pieces: NDArray[np.int32]) -> Tree:
    """Merge pieces, those first that are alike, small and without an edge between them.

    Args:
        frame: What is in the picture.
        pieces: As :func:`pieces_of` numbers them.
    """
    count = int(pieces.max()) + 1
    total = 2 * count - 1
    edges = _neighbours(pieces, frame.edges, count)
    parent = np.full(total, -1, np.int64)
    seam = np.zeros(total, np.int64)
    children = np.full((total, 2), -1, np.int64)
    area, sums, outline, contrast, boxes = _measured(pieces, frame, edges, total)
    color = sums * FINE // np.maximum(area, 1)
    there = count
    while edges.a.size:
        cost = _costs(edges, area, color)
        pairs = _mutual(edges, cost, there)
        a, b = edges.a[pairs], edges.b[pairs]
        made = np.arange(there, there + pairs.size)
        there += pairs.size
        parent[a] = parent[b] = made
        seam[a] = seam[b] = edges.contrast[pairs] // edges.length[pairs]
        children[made, 0], children[made, 1] = a, b
        area[made] = area[a] + area[b]
        sums[:, made] = sums[:, a] + sums[:, b]
        color[:, made] = sums[:, made] * FINE // area[made]
        outline[made] = outline[a] + outline[b] - 2 * edges.length[pairs]
        contrast[made] = contrast[a] + contrast[b] - 2 * edges.contrast[pairs]
        boxes[:2, made] = np.minimum(boxes[:2, a], boxes[:2, b])
        boxes[2:, made] = np.maximum(boxes[2:, a], boxes[2:, b])
        to = np.arange(there)
        to[a] = to[b] = made
        edges = edges.joined(to)
    first, last = _intervals(children.tolist(), count)
    ranks = first[:count].astype(np.uint16)[pieces]
    at_rank = np.argsort(first[:count], kind="stable")
    return Tree(ranks, at_rank, parent, first, last, area, color, outline, contrast, seam, boxes)


def _neighbours(pieces: NDArray[np.int32], changes: NDArray[np.uint16], count: int) -> _Edges:
    """List which pieces are side by side."""
    width = pieces.shape[1]
    flat, change = pieces.ravel(), changes.ravel()
    found = []
    for apart, step in ((pieces[:, :-1] != pieces[:, 1:], 1), (pieces[:-1] != pieces[1:], width)):
        row, column = np.nonzero(apart)
        here = row * width + column
        a, b = flat[here].astype(np.int64), flat[here + step].astype(np.int64)
        steep = np.maximum(change[here], change[here + step]).astype(np.int64)
        found.append((np.minimum(a, b) * count + np.maximum(a, b)) << _PLACES | steep)
    every = np.sort(np.concatenate(found))
    names, steepness = every >> _PLACES, every & ((1 << _PLACES) - 1)
    starts = np.flatnonzero(np.diff(names, prepend=-1))
    if not starts.size:
        return _Edges(starts, starts, starts, starts)
    length = np.diff(starts, append=names.size)
    return _Edges(*np.divmod(names[starts], count), length, np.add.reduceat(steepness, starts))


def _measured(
    pieces: NDArray[np.int32], frame: Frame, edges: _Edges, total: int
) -> tuple[Integers, Integers, Integers, Integers, Integers]:
    """Measure the pieces; leave room for the regions to come."""
    flat = pieces.ravel()
    area = _counted(flat, None, total)
    sums = np.stack([_counted(flat, frame.colors[:, :, channel].ravel(), total) for channel in range(3)])
    at_frame = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    ends = np.concatenate([edges.a, edges.b])
    outline = _counted(at_frame, None, total) + _counted(ends, np.tile(edges.length, 2), total)
    contrast = _counted(ends, np.tile(edges.contrast, 2), total)
    return area, sums, outline, contrast, _boxes(pieces, total)


def _counted(
    places: NDArray[np.int32] | Integers, weights: NDArray[np.integer | np.floating] | None, total: int
) -> Integers:
    # The sums are of integers, far below 2**53: exact as the floats that numpy makes of them.
    return np.bincount(places, weights, minlength=total).astype(np.int64)


def _boxes(pieces: NDArray[np.int32], total: int) -> Integers:
    """Find the box around each piece: of several places that are written one after the other, the last one stays."""
    boxes = np.zeros((4, total), np.int64)
    for axis, turned in enumerate((pieces.T, pieces)):
        flat = turned.ravel()
        along = np.repeat(np.arange(turned.shape[0]), turned.shape[1])
        boxes[2 + axis, flat] = along + 1
        boxes[axis, flat[::-1]] = along[::-1]
    return boxes


def _costs(edges: _Edges, area: Integers, color: Integers) -> Integers:
    """Tell how little two neighbours belong together: by colour, by the edge between them, and by size."""
    a, b = edges.a, edges.b
    apart = np.abs(color[:, a] - color[:, b])
    unlike = apart[0] + CHROMA * (apart[1] + apart[2]) + EDGE * FINE * edges.contrast // edges.length
    # A square root is rounded the same way everywhere.
    size = np.sqrt(np.minimum(area[a], area[b]) * FINE**2).astype(np.int64)
    return np.asarray(unlike * size, np.int64)


def _mutual(edges: _Edges, cost: Integers, there: int) -> Integers:
    """Find the neighbours of which each is the other's nearest, the nearest first."""
    # Of equals the one that comes first: sorted as one number, which takes half the time of a stable sort.
    order = np.sort(cost << _PLACES | np.arange(cost.size)) & ((1 << _PLACES) - 1)
    nearest = np.full(there, -1, np.int64)
    farthest_first = order[::-1]
    # Of several edges that are written to a region, the last one stays.
    ends = np.stack([edges.a[farthest_first], edges.b[farthest_first]], axis=1).ravel()
    nearest[ends] = np.repeat(farthest_first, 2)
    return np.asarray(order[(nearest[edges.a[order]] == order) & (nearest[edges.b[order]] == order)], np.int64)


def _intervals(children: list[list[int]], count: int) -> tuple[Integers, Integers]:
    """Rank the pieces so that those of each region come one after the other."""
    sizes = [1] * count
    for a, b in children[count:]:
        sizes.append(sizes[a] + sizes[b])
    first = [0] * len(children)
    for region in range(len(children) - 1, count - 1, -1):
        a, b = children[region]
        first[a] = first[region]
        first[b] = first[region] + sizes[a]
    starts = np.array(first, np.int64)
    return starts, starts + np.array(sizes, np.int64)
