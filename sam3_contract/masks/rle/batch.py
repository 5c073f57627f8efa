"""Strict parsing of many COCO RLEs at once: one pass of numpy over their joined ``counts``.

For one small mask the calls into numpy cost more than the work, so the batch is the primary case and a single
mask is a batch of one. Sizes are ``(height, width)`` in pixels, runs go down the columns and alternate background
and foreground, starting with background. A mask that breaks a rule is marked and left without runs; the others
are untouched by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from sam3_contract.masks.rle.breach import CHARACTERS_PER_VALUE, Breach, breach_of_structure
from sam3_contract.masks.rle.short import SHORT, run_lengths_from_short, sound_run_lengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["RleBatch", "parse_rles", "pass_bounds", "unchecked_run_lengths", "undo_differences"]

_Integer = TypeVar("_Integer", np.int32, np.int64)
_CHARACTERS_PER_PASS = 2**17
"""Joined strings of this length keep a pass inside the second-level cache; twice as long is slower again."""

_CONTINUES, _SIGN = 32, 16

_FEW = 8
"""Values up to which Python is faster than a step of numpy: of one mask, a handful has more than two characters."""


@dataclass(frozen=True, slots=True)
class RleBatch:
    """The run lengths of many masks, end to end.

    Attributes:
        run_lengths: Runs of all masks in pixels, shape ``(n_runs,)``; a mask with a breach has none.
        offsets: Where each mask's runs begin and end, shape ``(n_masks + 1,)``.
        sizes: ``(height, width)`` of each mask in pixels, shape ``(n_masks, 2)``; zeros where there is none.
        breaches: A `Breach` for each mask, shape ``(n_masks,)``.
    """

    run_lengths: NDArray[np.int64]
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    breaches: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.breaches)

    def run_lengths_of(self, index: int) -> NDArray[np.int64]:
        """Return the runs of one mask in pixels, shape ``(n_runs,)``: a view, empty after a breach."""
        return self.run_lengths[self.offsets[index] : self.offsets[index + 1]]

    def areas_and_boxes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Measure every mask.

        Returns:
            Foreground pixels, shape ``(n_masks,)``, and boxes ``(x, y, width, height)`` anchored at their top
            left pixel, shape ``(n_masks, 4)``. Both are zero for an empty mask and for one with a breach.
        """
        n_foreground = np.diff(self.offsets) // 2
        areas = np.zeros(len(self), np.int64)
        boxes = np.zeros((len(self), 4), np.int64)
        filled = np.flatnonzero(n_foreground)
        if not filled.size:
            return areas, boxes

        n_foreground = n_foreground[filled]
        last = np.cumsum(n_foreground)
        first = last - n_foreground
        starts = self.offsets[filled]
        ends = np.cumsum(self.run_lengths)
        origin = ends[starts] - self.run_lengths[starts]

        # The k-th foreground run of a mask is its run 2k + 1, counted from 0.
        index = 2 * np.arange(last[-1]) + np.repeat(starts + 1 - 2 * first, n_foreground)
        length = self.run_lengths[index]
        start = ends[index] - length - np.repeat(origin, n_foreground)
        height = self.sizes[filled, 0]
        rows = height[0] if (height == height[0]).all() else np.repeat(height, n_foreground)
        column = start // rows
        top = start - column * rows
        bottom = np.maximum.reduceat(top + length, first)
        top = np.minimum.reduceat(top, first)
        # A run that wraps into the next column holds a bottom row and a top row.
        wraps = bottom > height
        top[wraps], bottom[wraps] = 0, height[wraps]
        left = column[first]
        right = (start[last - 1] + length[last - 1] - 1) // height + 1

        areas[filled] = np.add.reduceat(length, first)
        boxes[filled] = np.stack([left, top, right - left, bottom - top], axis=1)
        return areas, boxes


def parse_rles(rles: Sequence[object]) -> RleBatch:
    """Parse many compressed RLEs strictly.

    Args:
        rles: Any values; the format asked for is ``{"size": [height, width], "counts": str}``.

    Returns:
        The run lengths of the canonical ones, and the first rule that each of the others breaks.

    References:
        ``rleFrString`` in cocoapi's ``common/maskApi.c``, which checks none of this.

    Example:
        >>> batch = parse_rles([{"size": [4, 6], "counts": "5220;"}, {"size": [4, 6], "counts": "522"}])
        >>> batch.run_lengths_of(0).tolist(), Breach(batch.breaches[1]).name
        ([5, 2, 2, 2, 13], 'PIXELS_MISSING')
    """
    n_masks = len(rles)
    if n_masks == 1:
        return _parse_one(rles[0])
    breaches = np.fromiter(map(breach_of_structure, rles), np.uint8, n_masks)
    sizes = np.zeros((n_masks, 2), np.int64)
    readable = np.flatnonzero(breaches == Breach.NONE)
    if not readable.size:
        return RleBatch(np.zeros(0, np.int64), np.zeros(n_masks + 1, np.int64), sizes, breaches)

    chosen = [rles[index] for index in readable.tolist()]
    texts: list[str] = [rle["counts"] for rle in chosen]  # type: ignore[index]
    sizes[readable] = [rle["size"] for rle in chosen]  # type: ignore[index]
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    pixels = sizes[readable].prod(axis=1)
    runs: list[NDArray[np.int64]] = []
    n_runs = np.zeros(n_masks, np.int64)
    for first, last in pairwise(pass_bounds(lengths)):
        here = readable[first:last]
        buffer = "".join(texts[first:last]).encode("ascii")
        parsed, n_runs[here], breaches[here] = _parse_pass(
            buffer, lengths=lengths[first:last], pixels=pixels[first:last]
        )
        runs.append(parsed)
    offsets = np.zeros(n_masks + 1, np.int64)
    np.cumsum(n_runs, out=offsets[1:])
    return RleBatch(runs[0] if len(runs) == 1 else np.concatenate(runs), offsets, sizes, breaches)


def _parse_one(rle: object) -> RleBatch:
    """Parse a batch of one, which needs no sorting into passes, and no search for its breach if it has none."""
    breach = breach_of_structure(rle)
    if breach != Breach.NONE:
        none = np.zeros(0, np.int64)
        return RleBatch(none, np.zeros(2, np.int64), np.zeros((1, 2), np.int64), np.array([breach], np.uint8))
    size, text = rle["size"], rle["counts"]  # type: ignore[index]
    buffer, pixels = text.encode("ascii"), size[0] * size[1]
    if len(text) <= SHORT and (few := sound_run_lengths(text, pixels=pixels)) is not None:
        return RleBatch(np.array(few, np.int64), np.array([0, len(few)]), np.array([size]), np.zeros(1, np.uint8))
    runs = _runs_of_canonical(buffer, pixels=pixels)
    if runs is not None:
        return RleBatch(runs, np.array([0, len(runs)]), np.array([size]), np.zeros(1, np.uint8))
    runs, n_runs, breaches = _parse_pass(buffer, lengths=np.array([len(text)]), pixels=np.array([pixels]))
    return RleBatch(runs, np.array([0, n_runs[0]]), np.array([size]), breaches)


def _runs_of_canonical(buffer: bytes, *, pixels: int) -> NDArray[np.int64] | None:
    """Parse one counts by the same rules as `_parse_pass`, in half as many calls; None if it breaks any of them."""
    groups = np.frombuffer(buffer, np.uint8) - np.uint8(48)
    if groups[-1] >= _CONTINUES or groups.max() > 63:
        return None
    value_ends = (groups < _CONTINUES).nonzero()[0]
    runs: NDArray[np.int64] = groups[value_ends].astype(np.int64)
    runs ^= _SIGN
    runs -= _SIGN
    # Before the first character, index -1 finds the last one, which continues nothing.
    longer = (groups[value_ends - 1] >= _CONTINUES).nonzero()[0]
    distance = 1
    while longer.size > _FEW:
        ends, high = value_ends[longer], runs[longer]
        group = groups[ends - distance].astype(np.int64)
        if distance == CHARACTERS_PER_VALUE or (distance == 1 and (high == -((group >> 4) & 1)).any()):
            return None
        runs[longer] = high << 5 | group & 31
        distance += 1
        longer = longer[groups[ends - distance] >= _CONTINUES]
    for place in longer.tolist():
        start = int(value_ends[place - 1]) + 1 if place else 0
        value = _value_of_groups(groups[start : int(value_ends[place]) + 1].tolist())
        if value is None:
            return None
        runs[place] = value
    np.cumsum(runs[1::2], out=runs[1::2])
    np.cumsum(runs[2::2], out=runs[2::2])
    if runs[0] < 0 or runs.sum() != pixels or (len(runs) > 1 and runs[1:].min() < 1):
        return None
    return runs


def _value_of_groups(groups: list[int]) -> int | None:
    """Assemble one value of two characters or more; None if it is too long, or its last group is idle."""
    value = (groups[-1] ^ _SIGN) - _SIGN
    if len(groups) > CHARACTERS_PER_VALUE or value == -(groups[-2] >> 4 & 1):
        return None
    for group in groups[-2::-1]:
        value = value << 5 | group & 31
    return value


def unchecked_run_lengths(counts: str) -> NDArray[np.int64]:
    """Expand text whose characters and values are sound, whatever its runs are and sum to.

    Args:
        counts: Compressed text that has no breach before `Breach.NEGATIVE_RUN`.

    Returns:
        Run lengths, some of them perhaps negative or zero, shape ``(n_runs,)``.
    """
    if len(counts) <= SHORT:
        return np.array(run_lengths_from_short(counts), np.int64)
    groups = np.frombuffer(counts.encode("ascii"), np.uint8) - np.uint8(48)
    value_ends = np.flatnonzero(groups < _CONTINUES)
    values, _ = _signed_values(groups, value_ends=value_ends, widths=_widths(value_ends))
    return undo_differences(values, starts=np.array([0]), stops=np.array([len(values)]))


def pass_bounds(lengths: NDArray[np.int64], *, characters: int = _CHARACTERS_PER_PASS) -> list[int]:
    """Cut the masks into passes of about so many *characters*, each of at least one mask."""
    total = np.cumsum(lengths)
    if total[-1] <= characters:
        return [0, len(lengths)]
    cuts = np.searchsorted(total, np.arange(0, total[-1], characters), side="right")
    return [*dict.fromkeys(cuts.tolist()), len(lengths)]


def _parse_pass(
    buffer: bytes, *, lengths: NDArray[np.int64], pixels: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Parse joined counts, none of them empty: runs of the canonical, runs per mask, breach per mask."""
    groups = np.frombuffer(buffer, np.uint8) - np.uint8(48)
    ends = np.cumsum(lengths)
    breaches = np.zeros(len(lengths), np.uint8)
    _seal(groups, ends=ends, breaches=breaches)

    value_ends = np.flatnonzero(groups < _CONTINUES)
    stops = np.searchsorted(value_ends, ends)
    starts = np.concatenate(([0], stops[:-1]))
    widths = _widths(value_ends)
    if widths.max() > CHARACTERS_PER_VALUE:
        _mark(breaches, Breach.VALUE_TOO_LONG, at=np.flatnonzero(widths > CHARACTERS_PER_VALUE), stops=stops)
    values, idle = _signed_values(groups, value_ends=value_ends, widths=widths)
    if idle.size:
        _mark(breaches, Breach.NOT_MINIMAL, at=idle, stops=stops)
    runs = undo_differences(values, starts=starts, stops=stops)
    _check_runs(runs, starts=starts, stops=stops, pixels=pixels, breaches=breaches)
    n_runs = stops - starts
    if breaches.any():
        kept = breaches == Breach.NONE
        runs = runs[np.repeat(kept, n_runs)]
        n_runs[~kept] = 0
    return runs, n_runs, breaches


def _seal(groups: NDArray[np.uint8], *, ends: NDArray[np.int64], breaches: NDArray[np.uint8]) -> None:
    """Mark foreign characters and cut ends, and blunt both, so that no mask reads on into the next."""
    if groups.max() > 63:
        _mark(breaches, Breach.OUTSIDE_ALPHABET, at=np.flatnonzero(groups > 63), stops=ends)
        groups &= 63
    cut = groups[ends - 1] >= _CONTINUES
    if cut.any():
        breaches[cut & (breaches == Breach.NONE)] = Breach.CUT_SHORT
        groups[ends - 1] &= 31


def _mark(breaches: NDArray[np.uint8], breach: Breach, *, at: NDArray[np.int64], stops: NDArray[np.int64]) -> None:
    """Give the masks that own the places *at* this breach, unless they have an earlier one."""
    owners = np.unique(np.searchsorted(stops, at, side="right"))
    breaches[owners[breaches[owners] == Breach.NONE]] = breach


def _widths(value_ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the characters of each value."""
    widths = value_ends + 1
    widths[1:] -= widths[:-1].copy()
    return widths


def _signed_values(
    groups: NDArray[np.uint8], *, value_ends: NDArray[np.int64], widths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Assemble values from their groups, last group first, at most `CHARACTERS_PER_VALUE` of them.

    Returns:
        The values, and the places of those whose last group is idle: it only repeats the sign of the one before.
    """
    values = (groups[value_ends].astype(np.int64) ^ _SIGN) - _SIGN
    idle = longer = np.flatnonzero(widths > 1)
    for distance in range(1, CHARACTERS_PER_VALUE):
        if not longer.size:
            break
        group, high = groups[value_ends[longer] - distance].astype(np.int64), values[longer]
        if distance == 1:
            idle = longer[high == -((group >> 4) & 1)]
        values[longer] = (high << 5) | (group & 31)
        longer = longer[widths[longer] > distance + 1]
    return values, idle


def undo_differences(
    values: NDArray[_Integer], *, starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[_Integer]:
    """Sum each mask's values over every second place; its third run is not a difference to its first.

    The values may be overwritten. Sums are taken modulo the values' own width: of 64 bits none overflows, as a value
    has at most 35, and a pass fewer than 2**25 values.
    """
    third = starts[stops - starts >= 3]
    values[third + 2] -= values[third]
    sums = np.zeros(len(values) + 2, values.dtype)
    runs = sums[2:]
    np.cumsum(values[0::2], out=runs[0::2], dtype=values.dtype)
    np.cumsum(values[1::2], out=runs[1::2], dtype=values.dtype)
    if len(starts) > 1:
        # Sums have run on over the borders of masks: take off what each mask inherited, per parity of place.
        inherited = sums[starts], sums[starts + 1]
        for parity in (0, 1):
            n_places = (stops - parity + 1) // 2 - (starts - parity + 1) // 2
            base = np.where(starts % 2 == parity, *inherited)
            runs[parity::2] -= np.repeat(base, n_places)
    return runs


def _check_runs(
    runs: NDArray[np.int64],
    *,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    pixels: NDArray[np.int64],
    breaches: NDArray[np.uint8],
) -> None:
    none = runs < 1
    none[starts] = runs[starts] < 0
    if none.any():
        _mark(breaches, Breach.NEGATIVE_RUN, at=np.flatnonzero(runs < 0), stops=stops)
        _mark(breaches, Breach.ZERO_RUN, at=np.flatnonzero(none), stops=stops)
    missing = pixels - np.add.reduceat(runs, starts)
    if missing.any():
        sound = breaches == Breach.NONE
        breaches[sound & (missing > 0)] = Breach.PIXELS_MISSING
        breaches[sound & (missing < 0)] = Breach.PIXELS_EXCESS
