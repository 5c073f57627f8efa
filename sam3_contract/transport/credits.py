"""What calls of the hosted service cost.

Source: Roboflow's pricing of serverless inference, read 2026-11-27: each call the time that it was worked on, at least
100 ms, at 500 s for a credit. The answer's header ``X-Processing-Time`` tells it.
"""

from __future__ import annotations

from typing import Final

__all__ = ["LEAST_SECONDS", "SECONDS_OF_A_CREDIT", "credits_for"]

LEAST_SECONDS: Final = 0.1
"""Seconds that every call is charged."""
SECONDS_OF_A_CREDIT: Final = 500.0


def credits_for(calls: int, *, seconds: float = 0.0) -> float:
    """Reckon what calls cost.

    Args:
        calls: How many.
        seconds: That each was worked on.

    Example:
        >>> credits_for(60), credits_for(60, seconds=0.5)
        (0.012, 0.06)
    """
    return round(calls * max(seconds, LEAST_SECONDS) / SECONDS_OF_A_CREDIT, 9)
