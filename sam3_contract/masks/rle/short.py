"""One short text of ``counts`` read in Python: of a few characters, numpy's calls cost more than the work.

The rules are those of `parse_rles`; broken masks are read one by one, in several ways, and a hostile file has many.
"""

from __future__ import annotations

from sam3_contract.masks.rle.encode import counts_from_few

__all__ = ["SHORT", "run_lengths_from_short", "sound_run_lengths"]

SHORT = 64
"""Characters up to which this is faster than `parse_rles` and `unchecked_run_lengths`."""

_CONTINUES, _SIGN, _FIRST, _LAST = 32, 16, "0", "o"


def run_lengths_from_short(counts: str) -> list[int]:
    """Expand text whose characters are sound, whatever its runs are and sum to.

    Args:
        counts: Compressed text that is not cut short, of characters '0'..'o'.

    Returns:
        Run lengths, some of them perhaps negative or zero.

    Example:
        >>> run_lengths_from_short("5220;")
        [5, 2, 2, 2, 13]
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts.encode("ascii"):
        group = character - ord(_FIRST)
        value |= (group & (_CONTINUES - 1)) << shift
        shift += 5
        if group < _CONTINUES:
            signed = value - (1 << shift) if group & _SIGN else value
            runs.append(signed + runs[-2] if len(runs) > 2 else signed)
            value = shift = 0
    return runs


def sound_run_lengths(counts: str, *, pixels: int) -> list[int] | None:
    """Expand short text if it is a sound RLE of so many pixels.

    Args:
        counts: Any text.
        pixels: Height times width, within the limits of a mask.

    Returns:
        The run lengths; None if `parse_rles` would find any breach.

    Example:
        >>> [sound_run_lengths(counts, pixels=24) for counts in ("5220;", "522", "", "5220k", "5220~")]
        [[5, 2, 2, 2, 13], None, None, None, None]
    """
    if not counts or min(counts) < _FIRST or max(counts) > _LAST or ord(counts[-1]) - ord(_FIRST) >= _CONTINUES:
        return None
    runs = run_lengths_from_short(counts)
    if runs[0] < 0 or min(runs[1:], default=1) < 1 or sum(runs) != pixels:
        return None
    return runs if counts_from_few(runs) == counts else None  # with no character more than there has to be
