"""Under which faults a client is tried, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mock_server.faults import FAULTS, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["family_of", "operations_of", "planned"]

_FURTHER: Final = {
    "status": ("status:402", "status:401", "status:503", "status:503:1"),
    "rate_limited": ("rate_limited:0:1",),
    "connection_reset": ("connection_reset:before:1", "connection_reset:middle"),
}
"""Variants of faults that have several stories: a refusal for good, one that ends, one not to be tried again."""
_FIRST: Final = (
    *("status", "rate_limited", "connection_reset", "slow", "html_from_proxy", "body_truncated", "body_empty"),
    *("error_in_success", "size_swapped", "masks_shifted_right", "answer_empty_object"),
)
"""What clients meet most, so that a short budget is spent on it."""


def planned(names: Collection[str] = (), *, seconds: float) -> list[str]:
    """List the faults to try, the most telling first.

    Args:
        names: Faults or families of faults to keep to; none for the whole catalogue. A fault may have its parameter.
        seconds: When a run counts as hung: answers that are late come later than that.

    Raises:
        UsageError: If there is no such fault or family.
    """
    # A refusal that asks for patience would be waited for in each run, and come to the same.
    told = {"rate_limited": "rate_limited:0"}
    late = {"slow": f"slow:{2 * seconds:g}", "body_drips": f"body_drips:{2 * seconds:g}"}
    families = {fault.family for fault in FAULTS.values()}
    chosen = [name for name in names if name not in families]
    for text in chosen:
        parse(text)
    if names:
        wanted = [fault.name for fault in FAULTS.values() if fault.family in names or fault.name in chosen]
        given = [text for text in chosen if text not in FAULTS]
    else:
        wanted, given = list(FAULTS), []
    texts = [text for name in _ordered(wanted) for text in ((told | late).get(name, name), *_FURTHER.get(name, ()))]
    return [*given, *texts]


def family_of(text: str) -> str:
    """Name the family of a fault."""
    return parse(text).fault.family


def operations_of(text: str) -> frozenset[str]:
    """Name the operations that a fault breaks."""
    return frozenset(parse(text).fault.operations)


def _ordered(names: Sequence[str]) -> list[str]:
    """Take the best known first, then one of each family in turn."""
    turns: dict[str, int] = {}
    ranks = {}
    for name in names:
        family = FAULTS[name].family
        turns[family] = turns.get(family, 0) + 1
        first = _FIRST.index(name) if name in _FIRST else len(_FIRST)
        ranks[name] = (first, turns[family])
    return sorted(names, key=lambda name: ranks[name])
