"""The numbers of an RLE that is written out: as a list, or as text with spaces or commas between them."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract.masks.limits import MAX_COUNTS_LENGTH

__all__ = ["holds_numbers", "numbers_of"]

_MOST: Final = 2**31
_NUMBER: Final = r"[0-9]{1,10}"
_LONGEST: Final = 12 * MAX_COUNTS_LENGTH
_SEPARATOR: Final = r"(?:\s*,\s*|\s+)"
_TEXT: Final = re.compile(rf"\s*{_NUMBER}(?:{_SEPARATOR}{_NUMBER})+\s*", re.ASCII)


def holds_numbers(text: str) -> bool:
    """Check whether a text is two or more numbers, which no compressed ``counts`` is: it has no spaces.

    Example:
        >>> holds_numbers("6 2, 10 2"), holds_numbers("5220")
        (True, False)
    """
    return len(text) <= _LONGEST and _TEXT.fullmatch(text) is not None


def numbers_of(counts: object) -> NDArray[np.int64] | None:
    """Read numbers, each of 0 or more and less than 2**31.

    Args:
        counts: A list of integers, or of floats that are whole, as CVAT has them; or text.

    Returns:
        Shape ``(n_numbers,)``; None if it holds anything else, or more than is read of one mask.

    Example:
        >>> numbers_of("6 2 10 2").tolist(), numbers_of([6, 2.0]).tolist(), numbers_of([6, "2"]), numbers_of([0.5])
        ([6, 2, 10, 2], [6, 2], None, None)
    """
    if isinstance(counts, str):
        if not holds_numbers(counts):
            return None
        numbers = np.array(counts.replace(",", " ").split(), np.int64)
    elif isinstance(counts, list) and 0 < len(counts) <= MAX_COUNTS_LENGTH and all(map(_is_whole, counts)):
        numbers = np.array(counts, np.int64)
    else:
        return None
    return numbers if int(numbers.max()) < _MOST else None


def _is_whole(number: object) -> bool:
    if type(number) is float:
        return number.is_integer() and 0 <= number < _MOST
    return type(number) is int and 0 <= number < _MOST
