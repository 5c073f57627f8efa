"""The interceptions that are open in this process, and the catching of HTTP libraries that they share.

Libraries are caught for the whole process, so that calls from any thread and event loop end in the mock. They are
caught once, by whichever interception comes first, and let go by the last to leave: interceptions of several threads
end in any order.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import ExitStack
from typing import Final, Protocol
from urllib.parse import urlsplit

from sam3_contract.interception import with_requests
from sam3_contract.interception.libraries import can_catch
from sam3_contract.interception.wsgi import CutShort, OutgoingRequest, WsgiAnswer


class Answering(Protocol):
    """Something that answers for some hosts."""

    @property
    def hosts(self) -> Collection[str]:
        """The names it answers for, in lower case."""
        ...

    def answer(self, request: OutgoingRequest) -> WsgiAnswer:
        """Answer a request."""
        ...


class Dispatcher:
    """Hands requests to whoever answers now for their host; the last to come first."""

    def __init__(self) -> None:
        self._open: tuple[Answering, ...] = ()
        self._caught = ExitStack()
        self._lock = threading.Lock()

    def enter(self, one: Answering) -> None:
        """Let *one* answer for its hosts, before all that came earlier."""
        with self._lock:
            if not self._open:
                self._catch()
            self._open = (one, *self._open)

    def leave(self, one: Answering) -> None:
        """Let *one* answer no more."""
        with self._lock:
            self._open = tuple(other for other in self._open if other is not one)
            if not self._open:
                self._caught.close()

    def _catch(self) -> None:
        with ExitStack() as caught:
            caught.enter_context(with_requests.catching(self._claims, self._answer))
            if can_catch("httpx"):
                from sam3_contract.interception import with_httpx  # noqa: PLC0415 - may not be installed

                caught.enter_context(with_httpx.catching(self._claims, self._answer))
            if can_catch("aiohttp"):
                from sam3_contract.interception import with_aiohttp  # noqa: PLC0415 - likewise

                caught.enter_context(with_aiohttp.catching(self._claims, self._answer))
            self._caught = caught.pop_all()

    def _claims(self, url: str) -> bool:
        return self._claiming(url) is not None

    def _answer(self, request: OutgoingRequest) -> WsgiAnswer:
        claiming = self._claiming(request.url)
        if claiming is None:  # the interception has ended between the claim and the answer
            raise CutShort(WsgiAnswer(0, "", (), b""))
        return claiming.answer(request)

    def _claiming(self, url: str) -> Answering | None:
        host = (urlsplit(url).hostname or "").rstrip(".")
        return next((one for one in self._open if host in one.hosts), None)


DISPATCHER: Final = Dispatcher()
"""The one of this process: what is caught is caught for all of it."""
