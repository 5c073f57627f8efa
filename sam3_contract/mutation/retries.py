"""Which refusals may be answered by asking again.

Source: docs.roboflow.com/deployment/production-checklist, read 2026-11-27: 400, 401, 403, 402 and 423 are not to be
tried again, in a loop least of all. What else cannot come to anything by itself: a path, a method, a body or a media
type that is refused, what the server lacks or cannot hold. The service words its own 503 as a request to retry; its SDK
tries 429, 503 and 504 again, and never 500, which is therefore neither asked for nor forbidden here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sam3_contract.interception.trial import Answered

__all__ = ["FINAL", "forbidden_retry"]

FINAL: Final = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422, 423, 501, 507})
"""Statuses that the same request gets again, however often it is sent."""


def forbidden_retry(clean: Sequence[Answered], answers: Sequence[Answered]) -> Answered | None:
    """Find a final refusal behind which the client sent the same request once more.

    Args:
        clean: What the client asked, and got, without a fault: what it sends twice then, it may send twice.
        answers: The same under a fault.
    """
    asked_clean = [one.request for one in clean]
    for place, one in enumerate(answers):
        behind = [later.request for later in answers[place:]]
        if one.status in FINAL and behind.count(one.request) > max(1, asked_clean.count(one.request)):
            return one
    return None
