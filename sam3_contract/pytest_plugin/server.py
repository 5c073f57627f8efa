"""The mocks that one server of the test process serves, one for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from sam3_contract.interception import LocalMock
from sam3_contract.interception.thread_server import ThreadServer

if TYPE_CHECKING:
    from mock_server import Settings

__all__ = ["STAND_IN", "ServedMock", "ThreadServer"]

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
