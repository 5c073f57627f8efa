"""What a test is given of the service: where it is, the key, and what can be asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from sam3_contract.interception import LocalMock
from sam3_contract.pytest_plugin.live import Budget, LiveGateway

if TYPE_CHECKING:
    from mock_server import Settings

__all__ = ["STAND_IN", "LiveService", "ServedMock"]

STAND_IN: Final = "sam3-test-key"
"""The key that tests see: the mock takes any, and for the live service it stands for the real one."""


class ServedMock(LocalMock):
    """A mock that a server of this process serves.

    Attributes:
        url: Where it is.
        api_key: A key it accepts.
        live: False; the live service has the same attribute.
    """

    live: Literal[False] = False

    def __init__(self, settings: Settings, *, url: str) -> None:
        super().__init__(settings)
        self.url = url
        self.api_key = STAND_IN


class LiveService:
    """The live service.

    Attributes:
        url: Where it is: an address of this machine, from which calls are passed on and counted.
        api_key: A key that stands for the real one; there, it is put in its place.
        live: True; the mock has the same attribute.
    """

    live: Literal[True] = True

    def __init__(self, url: str, *, target: str, key: str, budget: Budget) -> None:
        self.url = url
        self.api_key = STAND_IN
        self.gateway = LiveGateway(target, key=key, stand_in=STAND_IN, budget=budget)
        self._budget = budget

    @property
    def calls_left(self) -> int:
        """Calls that this run may still make, all its processes together."""
        return self._budget.calls - self._budget.used
