"""Memory that a process keeps for its next batch, in place of giving it back behind each."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

__all__ = ["keep_freed_memory"]

_LARGE: Final = 2**24
"""Bytes; the allocator learns from blocks of up to twice as many."""


@cache
def keep_freed_memory() -> None:
    """Let the allocator keep the memory of a batch for the next one; once in a process is enough.

    The C library of Linux gives freed memory back to the system where the end of the heap is free by more than twice
    the largest block that it saw freed (``mallopt(3)``, M_TRIM_THRESHOLD). Batches are just larger than that, so each
    would get new pages, emptied by the system: a fifth of the processor time of an audit, and more with two processes
    at it. So it is shown one large block. No page of that is touched. Other systems take no
    notice, nor does a process whose environment sets MALLOC_TRIM_THRESHOLD_, as Dask does for its workers.
    """
    np.empty(_LARGE, np.uint8)
