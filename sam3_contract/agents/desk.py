"""What an agent works with: one mock on a port of this machine, the last answer, and a budget of live calls."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import orjson

from sam3_contract.errors import UsageError
from sam3_contract.interception import LocalMock, create_mock
from sam3_contract.interception.thread_server import ThreadServer
from sam3_contract.suggestions import unknown
from sam3_contract.targets import MOCK
from sam3_contract.transport.base_url import is_loopback

API_KEY: Final = "any-key"
OPERATIONS: Final = ("concept_segment", "visual_segment", "embed_image")


@dataclass(frozen=True, slots=True)
class Live:
    """Which live server may be asked, and how often.

    Attributes:
        url: Where it is.
        calls: How many calls may be made in all.
    """

    url: str
    calls: int

    def __post_init__(self) -> None:
        """Refuse what is no URL, before anything is started."""
        _host(self.url)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to the mock, and its answer.

    Attributes:
        status: HTTP status.
        content: The body of the answer.
        media_type: Its kind.
        image: The file that was sent; ``None`` if the request named a URL, or none.
    """

    status: int
    content: bytes = field(repr=False)
    media_type: str
    image: bytes | None = field(repr=False)

    @property
    def json(self) -> Any:
        """The answer; ``None`` if it is no JSON."""
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return None


class Desk:
    """What the tools of one server share; to be used in a ``with`` block, which ends the mock.

    Args:
        live: The live server that may be asked; ``None`` for none.

    Attributes:
        last: The last question and answer.
    """

    def __init__(self, live: Live | None = None) -> None:
        self.last: Asked | None = None
        self._live = live
        self._spent = 0
        self._lock = Lock()
        self._mock: LocalMock | None = None
        self._server: ThreadServer | None = None
        self._running = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def start(self, **settings: Any) -> str:
        """Start a mock, in the place of the one before.

        Args:
            settings: Fields of :class:`mock_server.Settings`.

        Returns:
            Its URL, which stays the same.

        Raises:
            UsageError: If the settings are none.
        """
        mock = create_mock(**settings)
        with self._lock:
            if self._server is None:
                self._server = self._running.enter_context(ThreadServer())
            self._mock = self._server.app = mock
            return self._server.url

    @property
    def mock(self) -> LocalMock:
        """The mock that was started.

        Raises:
            UsageError: If none was.
        """
        if self._mock is None:
            raise UsageError("no mock is running; start_mock starts one")
        return self._mock

    def ask(self, operation: str, body: Mapping[str, Any], *, image: bytes | None) -> Asked:
        """Ask the mock something.

        Raises:
            UsageError: If there is no such operation, no mock, or a fault that ends the connection.
        """
        if operation not in OPERATIONS:
            raise UsageError(unknown("operation", operation, OPERATIONS))
        key = {"Authorization": f"Bearer {API_KEY}"}
        try:
            answer = self.mock.client.post(f"/sam3/{operation}", json=dict(body), headers=key)
        except OSError as error:  # what a client meets under such a fault
            raise UsageError(f"the connection ended without an answer: {error}; set_faults mends the mock") from error
        self.last = Asked(answer.status_code, answer.data, answer.mimetype or "", image)
        return self.last

    def target_of(self, target: str, calls: int) -> Any:
        """Say what a verification may ask, and take its calls from the budget if it is live.

        Args:
            target: ``mock`` for the one that was started, or a URL.
            calls: How many calls it may make.

        Raises:
            UsageError: If it is a server that may not be asked, or the budget does not hold so many calls.
        """
        if target == MOCK:
            return self.mock
        _host(target)  # says now that it is no URL
        if not is_loopback(target):
            self._spend(target, calls)
        return target

    def _spend(self, target: str, calls: int) -> None:
        live = self._live
        if live is None:
            raise UsageError(
                f"{_origin(target)} is not on this machine, and calls of a live service cost credits; whoever starts "
                "this server may allow it: sam3-contract mcp --allow-live --max-calls 20"
            )
        if _origin(target) != _origin(live.url):
            raise UsageError(f"only {_origin(live.url)} may be asked, not {_origin(target)}: it would get the API key")
        with self._lock:
            left = live.calls - self._spent
            if calls > left:
                raise UsageError(f"{calls} calls are more than the {left} that are left of the budget of {live.calls}")
            self._spent += calls


def _host(url: str) -> str:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host or not url.lower().startswith(("http://", "https://")):
        raise UsageError("the target is no URL; it is `mock`, or written like http://127.0.0.1:9001")
    return host


def _origin(url: str) -> str:
    host = _host(url)
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise UsageError(f"the target is no URL: {error}") from error
    return f"{parts.scheme.lower()}://{host}{f':{port}' if port else ''}"
