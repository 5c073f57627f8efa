"""Which of many compressed RLEs are plainly sound: a quick yes, or a "look closer" that says nothing against a mask.

The rules are those of `parse_rles` and `oddities_of`, tried in narrow integers over the joined text. What breaks one,
may break one, or is of an unusual kind is left to them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from sam3_contract.masks.limits import MAX_COUNTS_LENGTH, MAX_RLE_PIXELS
from sam3_contract.masks.rle.batch import pass_bounds, undo_differences
from sam3_contract.masks.rle.breach import CHARACTERS_PER_VALUE
from sam3_contract.masks.rle.oddities import FEWEST_STEPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["plainly_sound"]

_CONTINUES: Final = 32
_DENSE: Final = 3
"""Characters of a value that fit into 15 bits with its sign."""
_WIDEST: Final = 6
"""Characters of a value that fit into 30 bits with its sign."""


def plainly_sound(texts: Sequence[bytes], *, sizes: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Find the masks that need no closer look.

    Args:
        texts: The ``counts`` of each mask, any bytes.
        sizes: ``(height, width)`` of each in pixels, any integers.

    Returns:
        For each mask, True only if `parse_rles` finds no breach and `oddities_of` nothing odd; shape ``(n_masks,)``.

    Example:
        >>> plainly_sound([b"5220;", b"522", b"`0"], sizes=[(4, 6)] * 3).tolist()
        [True, False, False]
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    plain = np.zeros(len(texts), np.bool_)
    sides = _sides(sizes)
    pixels = sides.prod(axis=1, dtype=np.int64)
    longest = np.minimum(MAX_COUNTS_LENGTH, CHARACTERS_PER_VALUE * (pixels + 1))
    readable = np.flatnonzero((lengths > 0) & (pixels > 0) & (lengths <= longest))
    if not readable.size:
        return plain
    sides = sides[readable]
    for first, last in pairwise(pass_bounds(lengths[readable])):
        here = readable[first:last]
        buffer = b"".join([texts[index] for index in here.tolist()])
        plain[here] = _plain_of_pass(buffer, lengths=lengths[here], pixels=pixels[here], sides=sides[first:last])
    return plain


def _sides(sizes: Sequence[tuple[int, int]]) -> NDArray[np.int32]:
    """Return the sides of each mask, shape ``(n_masks, 2)``; zeros for a size that is beyond the limits."""
    kinds = {size: index for index, size in enumerate(dict.fromkeys(sizes))}
    sound = [_within_limits(*size) for size in kinds]
    of_kind = np.array([size if fits else (0, 0) for size, fits in zip(kinds, sound, strict=True)], np.int32)
    return of_kind.reshape(-1, 2)[[kinds[size] for size in sizes]]


def _within_limits(height: int, width: int) -> bool:
    return 0 < height <= MAX_RLE_PIXELS and 0 < width <= MAX_RLE_PIXELS and height * width <= MAX_RLE_PIXELS


def _plain_of_pass(
    buffer: bytes, *, lengths: NDArray[np.int64], pixels: NDArray[np.int64], sides: NDArray[np.int32]
) -> NDArray[np.bool_]:
    groups = np.frombuffer(buffer, np.uint8) - np.uint8(48)
    ends = np.cumsum(lengths)
    odd = np.zeros(len(lengths), np.bool_)
    if groups.max() > 63:
        _mark(odd, at=np.flatnonzero(groups > 63), stops=ends)
        groups &= 63
    odd |= groups[ends - 1] >= _CONTINUES
    groups[ends - 1] &= 31

    value_ends = np.flatnonzero(groups < _CONTINUES)
    stops = np.searchsorted(value_ends, ends)
    starts = np.concatenate(([0], stops[:-1]))
    values = _values(groups, value_ends=value_ends, stops=stops, odd=odd)
    # A value has at most 30 bits. So if all runs of a mask come out as 0 or more, none was beyond 32 bits: the first
    # that were would come out negative.
    runs = undo_differences(values, starts=starts, stops=stops)
    _mark_unsound_runs(odd, runs, starts=starts, stops=stops, pixels=pixels)
    _mark_suspects(odd, runs, starts=starts, stops=stops, sides=sides)
    return ~odd


def _mark(odd: NDArray[np.bool_], *, at: NDArray[np.int64], stops: NDArray[np.int64]) -> None:
    """Mark the masks that own the places *at*."""
    odd[np.searchsorted(stops, at, side="right")] = True


def _values(
    groups: NDArray[np.uint8], *, value_ends: NDArray[np.int64], stops: NDArray[np.int64], odd: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Assemble the values; mark the masks with one that would do with fewer characters."""
    # Every character as if it ended a value, which most do with no more than two before it: passes over narrow integers
    # cost a tenth of what picking places out does.
    low = (groups & np.uint8(31)).astype(np.int16)
    dense = (low ^ np.int16(16)) - np.int16(16)
    follows = np.zeros((_DENSE, len(groups)), np.bool_)
    for distance in range(1, _DENSE):
        on = groups[: len(groups) - distance] >= _CONTINUES
        follows[distance, distance:] = on if distance == 1 else on & follows[distance - 1, distance:]
        longer = dense[distance:]
        longer ^= ((longer << 5 | low[:-distance]) ^ longer) & -follows[distance, distance:].astype(np.int16)
    values: NDArray[np.int32] = dense[value_ends].astype(np.int32)
    beyond = np.flatnonzero(follows[-1, :-1] & (groups[: len(groups) - 1] >= _CONTINUES)) + 1
    if beyond.size:
        last = beyond[groups[beyond] < _CONTINUES]
        places = np.searchsorted(value_ends, last)
        values[places] = _long_values(groups, last=last, places=places, stops=stops, odd=odd)
    # Every character after a value's first is needed, or the value is within what fewer hold.
    n_needed = beyond.size + sum(int(np.count_nonzero(_outside(values, bits=5 * n))) for n in range(1, _DENSE))
    if n_needed != len(groups) - len(values):
        widths = np.diff(value_ends, prepend=-1)
        for n in range(1, _DENSE):
            _mark(odd, at=np.flatnonzero((widths > n) & ~_outside(values, bits=5 * n)), stops=stops)
    return values


def _outside(values: NDArray[np.int32], *, bits: int) -> NDArray[np.bool_]:
    """Find the values that this many bits cannot hold, sign included."""
    half = 1 << (bits - 1)
    outside: NDArray[np.bool_] = (values + half).view(np.uint32) >= 2 * half
    return outside


def _long_values(
    groups: NDArray[np.uint8],
    *,
    last: NDArray[np.int64],
    places: NDArray[np.int64],
    stops: NDArray[np.int64],
    odd: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """Assemble the values of four characters or more, of which there are few, from their last character on."""
    values: NDArray[np.int32] = (groups[last].astype(np.int32) ^ 16) - 16
    going_on = np.arange(len(last))
    for distance in range(1, _WIDEST + 1):
        group = groups[last[going_on] - distance].astype(np.int32)
        on = group >= _CONTINUES
        group, going_on = group[on] & 31, going_on[on]
        if distance == 1:
            _mark(odd, at=places[values[going_on] == -(group >> 4)], stops=stops)
        if distance == _WIDEST:
            _mark(odd, at=places[going_on], stops=stops)
        else:
            values[going_on] = values[going_on] << 5 | group
    return values


def _mark_unsound_runs(
    odd: NDArray[np.bool_],
    runs: NDArray[np.int32],
    *,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    pixels: NDArray[np.int64],
) -> None:
    none = runs < 1
    none[starts] = runs[starts] < 0
    if none.any():
        _mark(odd, at=np.flatnonzero(none), stops=stops)
    odd |= np.add.reduceat(runs, starts, dtype=np.int64) != pixels


def _mark_suspects(
    odd: NDArray[np.bool_],
    runs: NDArray[np.int32],
    *,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    sides: NDArray[np.int32],
) -> None:
    """Mark what may be empty, inverted, or encoded along the rows."""
    n_runs = stops - starts
    odd |= n_runs == 1
    odd |= (runs[starts] == 0) & (n_runs % 2 == 0) & (n_runs > 2)
    widths = sides[:, 1]
    room = sides.min(axis=1) // 16 + 1
    steps = runs[:-1] + runs[1:]
    if (sides == sides[0]).all():
        goal, slack = widths[0] - room[0], 2 * room[0]
        near = np.flatnonzero((steps - goal).view(np.uint32) <= np.uint32(slack))
    else:
        near = np.flatnonzero(np.abs(steps - np.repeat(widths, n_runs)[:-1]) <= np.repeat(room, n_runs)[:-1])
    n_near = np.bincount(np.searchsorted(stops, near, side="right"), minlength=len(stops))
    # One fewer than `oddities_of` wants: it also counts the last run of all by itself.
    odd |= n_near >= 2 * FEWEST_STEPS - 1
