"""How many calls a load test may make of a server that costs something."""

from __future__ import annotations

from urllib.parse import urlsplit

from sam3_contract.errors import UsageError

__all__ = ["Budget", "is_live", "refuse_without_budget"]

_LIVE = "roboflow.com"


def is_live(host: str) -> bool:
    """Tell whether calls of a server cost credits.

    Example:
        >>> is_live("https://serverless.roboflow.com"), is_live("http://127.0.0.1:9001")
        (True, False)
    """
    name = (urlsplit(host).hostname or "").rstrip(".").lower()
    return name == _LIVE or name.endswith(f".{_LIVE}")


def refuse_without_budget(host: str, budget: int) -> None:
    """Let nobody load the live service by mistake.

    Raises:
        UsageError: If the host is the live service and there is no budget.
    """
    if is_live(host) and budget <= 0:
        raise UsageError(f"{host} is the live service, whose calls cost credits: --budget N allows N of them")


class Budget:
    """The calls that are left to one process.

    Args:
        calls: Of all processes together; 0 for no bound.
        n_processes: How many share them.
        place: Which of them this one is, counted from 0.
    """

    def __init__(self, calls: int, *, n_processes: int = 1, place: int = 0) -> None:
        self._is_bound = calls > 0
        self._left = calls // n_processes + (place < calls % n_processes)

    def take(self) -> bool:
        """Take one call, if one is left."""
        if not self._is_bound:
            return True
        self._left -= 1
        return self._left >= 0
