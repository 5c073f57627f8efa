"""By what two masks differ that are one thing to a model which looked twice: by where it saw the edges."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sam3_contract.exchanges.measuring import Mask

Box = tuple[int, int, int, int]
"""``(left, top, width, height)`` in pixels."""
Pixels = NDArray[np.uint8]

EDGE: Final = 3  # pixels by which a model's edges may be off from call to call: a step there, a step here, a corner
LARGE: Final = 24  # pixels of a side of a mask that may have a tip at its ends
SPECK: Final = 3  # and by one for things that have no side of so many pixels


def differ_by_edges(one: Mask, other: Mask, *, least: float) -> bool:
    """Tell whether edges are all by which two masks of a size differ.

    A thing so thin that its edges are nearer to each other than they may be off can be lost in part: then it is enough
    that what is seen of it is there.

    Args:
        one: A mask.
        other: Another.
        least: How much of them has to lie within `EDGE` pixels of the other, in 0..1.
    """
    if not one.area or not other.area:
        return one.area == other.area
    if not _are_near(one, other):  # of two lists every mask is held against every other one
        return False
    if _boxes_agree(one, other) and shared_within_edges(one, other) >= least:
        return True
    smaller, larger = sorted((one, other), key=lambda mask: mask.area)
    return _within_edges(smaller, larger) >= least * smaller.area and _has_no_inside(larger)


def shared_within_edges(one: Mask, other: Mask) -> float:
    """Measure how much of two masks lies within `EDGE` pixels of the other, in 0..1: 1 if only their edges differ."""
    both = one.area + other.area
    return (_within_edges(one, other) + _within_edges(other, one)) / both if both else 1.0


def greatest_iou(one: Mask, other: Mask) -> float:
    """Give the IoU that two masks may have had when a model looked another time, and saw their edges elsewhere."""
    if not _are_near(one, other):
        return 0.0
    if differ_by_edges(one, other, least=1.0):
        return 1.0
    shared = shared_within_edges(one, other)
    return shared / (2 - shared)


def _are_near(one: Mask, other: Mask) -> bool:
    """Tell whether the boxes of two masks touch, if their edges are off as far as they may be."""
    (left, top, width, height), (x, y, across, down) = one.box, other.box
    meets_across = left <= x + across + EDGE and x <= left + width + EDGE
    return meets_across and top <= y + down + EDGE and y <= top + height + EDGE


def _within_edges(one: Mask, other: Mask) -> int:
    """Count the pixels of a mask that lie within `EDGE` pixels of another."""
    edge, (height, width) = _edge(one, other), one.size
    left, top = (max(start - edge, 0) for start in one.box[:2])
    right, bottom = min(one.box[0] + one.box[2] + edge, width), min(one.box[1] + one.box[3] + edge, height)
    own, near = (_cut(mask, (left, top, right - left, bottom - top)) for mask in (one, other))
    return int(np.count_nonzero(own & np.asarray(cv2.dilate(near, _square(edge)), np.uint8)))


def _boxes_agree(one: Mask, other: Mask) -> bool:
    """Tell whether boxes are off by no more than edges, across and down; further where only tips stick out."""
    return all(_sides_agree(one, other, axis=axis) for axis in (0, 1))


def _sides_agree(one: Mask, other: Mask, *, axis: int) -> bool:
    """Tell it of one axis, 0 or 1: where masks are long, their tips may reach as far as they like."""
    reach = _edge(one, other) + 1
    if _lies_in(one.box, other.box, axis, reach) and _lies_in(other.box, one.box, axis, reach):
        return True
    if min(one.box[2 + axis], other.box[2 + axis]) < LARGE:
        return False
    return _lies_in(_box_of_inside(one), other.box, axis, 1) and _lies_in(_box_of_inside(other), one.box, axis, 1)


def _lies_in(box: Box, other: Box, axis: int, reach: int) -> bool:
    """Tell whether a box lies in another one, along an axis, that is longer by some pixels at each end."""
    start, length, other_start, other_length = box[axis], box[2 + axis], other[axis], other[2 + axis]
    return start >= other_start - reach and start + length <= other_start + other_length + reach


def _edge(one: Mask, other: Mask) -> int:
    """Give the pixels by which the edges of two masks may be off."""
    return EDGE if max(*one.box[2:], *other.box[2:]) >= SPECK else 1


def _has_no_inside(mask: Mask) -> bool:
    return min(mask.box[2:]) <= 2 * EDGE or not _inside(mask).any()


def _box_of_inside(mask: Mask) -> Box:
    """Measure a mask without its tips, or the whole of one that is as thin as they are everywhere."""
    x, y, across, down = cv2.boundingRect(_inside(mask))
    return (mask.box[0] + x, mask.box[1] + y, across, down) if across else mask.box


def _inside(mask: Mask) -> Pixels:
    """Take off `EDGE` pixels all around; what is not thicker than two of them has gone."""
    return np.asarray(cv2.erode(_cut(mask, mask.box), _square(EDGE), borderValue=0), np.uint8)


def _cut(mask: Mask, box: Box) -> Pixels:
    left, top, width, height = box
    return np.ascontiguousarray(mask.bitmap[top : top + height, left : left + width]).view(np.uint8)


def _square(reach: int) -> Pixels:
    return np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
