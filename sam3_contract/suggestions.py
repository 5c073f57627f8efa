"""What to say of a name that nobody knows: the ones it was probably meant to be."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Final

_SHOWN: Final = 80  # characters of the name
_LEAST: Final = 0.5  # likeness, as difflib has it, from which on a name is worth suggesting


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str = "", most: int = 1) -> str:
    """Suggest the known names that are most like a misspelt one.

    Args:
        name: What was written.
        known: What could have been.
        otherwise: What to say if nothing is like it.
        most: How many names to suggest.

    Example:
        >>> did_you_mean("formt", ["format", "text"])
        "did you mean 'format'?"
        >>> did_you_mean("zebra", ["format", "text"], otherwise="`sam3-contract faults` lists them")
        '`sam3-contract faults` lists them'
    """
    near = get_close_matches(name[:_SHOWN], list(known), most, _LEAST)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else otherwise


def unknown(what: str, name: str, known: Collection[str]) -> str:
    """Say that a name is not known, and which one was probably meant, or else which ones there are.

    Example:
        >>> unknown("operation", "embed", ["concept_segment", "embed_image"])
        "no operation named 'embed'; did you mean 'embed_image'?"
    """
    hint = did_you_mean(name, known, otherwise=f"known are {', '.join(known)}")
    return f"no {what} named {name[:_SHOWN]!r}; {hint}"
