"""Run lengths to COCO's compressed ``counts``, many masks in one pass."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["counts_from_few", "counts_from_run_lengths", "counts_from_run_lengths_of_many"]


def counts_from_run_lengths(run_lengths: NDArray[np.int64]) -> str:
    """Compress run lengths into COCO's ``counts``.

    Args:
        run_lengths: Runs in pixels, background first, shape ``(n_runs,)``.

    Returns:
        ASCII text: 6 bits a character, every run after the third as the difference to the run two before it.

    References:
        ``rleToString`` in cocoapi's ``common/maskApi.c``.

    Example:
        >>> counts_from_run_lengths(np.array([5, 2, 2, 2, 13]))
        '5220;'
    """
    if len(run_lengths) <= _FEW:
        return counts_from_few(run_lengths.tolist())
    values = np.array(run_lengths, np.int64)
    values[3:] -= run_lengths[1:-2]
    middle = values[3:-1] + _REACH
    if middle.size and middle.min() >= 0 and middle.max() < 2 * _REACH:
        # As good as always: only the first runs, which are no differences, and the last are longer.
        words, kept = _small_values()
        text: NDArray[np.uint8] = words.take(middle).view(np.uint8).compress(kept.take(middle).view(np.bool_))
        ends = (*map(_text_of_value, values[:3].tolist()), _text_of_value(int(values[-1])))
        return "".join((*ends[:3], text.tobytes().decode("ascii"), ends[3]))
    characters, _ = _characters_from_values(values)
    return characters.tobytes().decode("ascii")


def counts_from_few(run_lengths: Sequence[int]) -> str:
    """Compress a few run lengths in Python, where numpy's calls cost more than the work; as `counts_from_run_lengths`.

    Example:
        >>> counts_from_few([5, 2, 2, 2, 13])
        '5220;'
    """
    before = (0, 0, 0, *run_lengths[1:-2])
    return "".join(_text_of_value(run - base) for run, base in zip(run_lengths, before, strict=False))


def counts_from_run_lengths_of_many(run_lengths: NDArray[np.int64], *, offsets: NDArray[np.int64]) -> list[str]:
    """Compress the run lengths of many masks.

    Args:
        run_lengths: Runs of all masks end to end, in pixels, shape ``(n_runs,)``.
        offsets: Where each mask's runs begin and end, shape ``(n_masks + 1,)``.

    Returns:
        One text per mask.

    Example:
        >>> counts_from_run_lengths_of_many(np.array([5, 2, 17, 24]), offsets=np.array([0, 3, 4]))
        ['52a0', 'h0']
    """
    values = np.array(run_lengths, np.int64)
    values[3:] -= run_lengths[1:-2]
    # The first three values of a mask are its runs as they are.
    for place in range(3):
        plain = offsets[:-1][np.diff(offsets) > place] + place
        values[plain] = run_lengths[plain]
    characters, ends = _characters_from_values(values)
    text = characters.tobytes().decode("ascii")
    cuts = np.concatenate(([0], ends))[offsets].tolist()
    return [text[start:stop] for start, stop in pairwise(cuts)]


def _characters_from_values(values: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Write signed values as groups of 5 bits, lowest first; also where each value's characters end."""
    magnitude = values ^ (values >> 63)
    largest = int(magnitude.max(initial=0))
    if largest < 2**30:
        values, magnitude = values.astype(np.int32), magnitude.astype(np.int32)
    widths = np.ones(len(values), np.int8)
    limit, shifts = 16, [0]
    while largest >= limit:
        widths += magnitude >= limit
        limit, shifts = limit << 5, [*shifts, shifts[-1] + 5]
    # One row of groups per value; those beyond a value's width are left out.
    groups = np.empty((len(values), len(shifts)), np.uint8)
    kept = np.empty(groups.shape, np.bool_)
    for place, shift in enumerate(shifts):
        group = ((values >> shift) & 31).astype(np.uint8)
        group += (widths > place + 1).view(np.uint8) << 5  # bit 5: another group follows
        groups[:, place] = group
        kept[:, place] = widths > place
    groups += 48
    characters: NDArray[np.uint8] = groups.ravel().compress(kept.ravel())
    return characters, np.cumsum(widths, dtype=np.int64)


def _text_of_value(value: int) -> str:
    """Write one signed value, as `_characters_from_values` writes many."""
    text = ""
    while not -16 <= value <= 15:
        text += chr((value & 31) + 80)
        value >>= 5
    return text + chr((value & 31) + 48)


_FEW = 24
"""Runs up to which Python is faster than numpy."""
_REACH = 2**14
"""Values from -16384 to 16383 have at most three characters."""


@cache
def _small_values() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Tabulate the characters of each small value, and which of the four bytes are written."""
    values = np.arange(-_REACH, _REACH)
    magnitude = values ^ (values >> 63)
    longer, longest = magnitude >= 2**4, magnitude >= 2**9
    groups = np.stack([values & 31, values >> 5 & 31, values >> 10 & 31, np.zeros_like(values)], axis=1)
    groups[:, 0] += 32 * longer  # bit 5: another group follows
    groups[:, 1] += 32 * longest
    kept = np.stack([np.ones_like(longer), longer, longest, np.zeros_like(longer)], axis=1)
    return (groups + 48).astype(np.uint8).view(np.uint32).ravel(), kept.view(np.uint32).ravel()
