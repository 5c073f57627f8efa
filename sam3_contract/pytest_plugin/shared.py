"""``--sam3-server URL``: one mock that is served already, for all tests, workers and machines; each test has a session.

What a test asks and tells is as of a mock in its own process, but it goes by HTTP, to the routes under ``/_mock``.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, Unpack

import requests

from mock_server.journal.entry import Entry, entry_from_json
from mock_server.journal.journal import Journal
from mock_server.scenarios.files import read
from mock_server.scenarios.rules import Then
from mock_server.store.memory import MemoryStore
from sam3_contract import spec
from sam3_contract.errors import UsageError
from sam3_contract.pytest_plugin.server import STAND_IN

if TYPE_CHECKING:
    from mock_server.journal.expectations import Expected
    from mock_server.store.protocol import Bounds, Codec, Log

OPTION: Final = "--sam3-server"
_TOKEN: Final = "SAM3_MOCK_CONTROL_TOKEN"  # noqa: S105 - the name of the variable by which `serve` takes it, too
_PATIENCE: Final = 30.0  # seconds
_MOST: Final = 1_000_000  # requests that are listed


class SharedMock:
    """A session of a mock that is served elsewhere.

    Args:
        server: The base URL of the mock.

    Attributes:
        url: The base URL of the session.
        api_key: A key it accepts, unless it is served with keys of its own.
        live: False; the live service has the same attribute.
        journal: The requests that the session saw, and assertions about them.
    """

    live: Literal[False] = False

    def __init__(self, server: str) -> None:
        self.url = f"{server.rstrip('/')}/s/{uuid.uuid4().hex}"
        self.api_key = STAND_IN
        self._http = requests.Session()
        self._http.trust_env = False  # a proxy for the service is none for a mock
        self._http.headers["X-Mock-Token"] = os.environ.get(_TOKEN, "")
        operations = [operation.id for operation in spec.load().operations]
        self.journal = Journal(operations, store=_Served(self._call))

    @property
    def requests(self) -> list[Entry]:
        """The requests that the session saw, oldest first."""
        return self.journal.requests

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults that are on for every request, as ``name`` or ``name:parameter``; can be set.

        Raises:
            UsageError: If it is set to a fault that does not exist.
        """
        return tuple(self._call("GET", "/faults")["on"])

    @faults.setter
    def faults(self, texts: Collection[str]) -> None:
        self._call("PUT", "/faults", {"faults": [texts] if isinstance(texts, str) else list(texts)})

    def scenario(
        self,
        source: str | Path | Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        when: Mapping[str, Any] | None = None,
        answers: Sequence[Any] | None = None,
        then: Then | None = None,
        times: int | Literal["any"] | None = None,
        rate_limit: Mapping[str, Any] | None = None,
    ) -> None:
        """Let the mock answer some requests otherwise, see :meth:`sam3_contract.interception.LocalMock.scenario`.

        Raises:
            UsageError: If something is not what it has to be, or cannot be said by HTTP: files and bytes.
        """
        given = {"name": name, "when": when, "answers": answers, "then": then, "times": times, "rate_limit": rate_limit}
        fields = {field: value for field, value in given.items() if value is not None}
        if source is not None and fields:
            raise UsageError(
                "a file of scenarios says everything itself: give either it, or the fields of one scenario"
            )
        if isinstance(source, str | Path):
            source = read(Path(source)).value
        self._call("POST", "/scenarios", fields if source is None else source)

    def assert_called(self, operation: str, *, times: int | None = None, **expected: Unpack[Expected]) -> list[Entry]:
        """Fail unless an operation was called as told, see :meth:`mock_server.journal.Journal.assert_called`.

        Raises:
            AssertionError: If it was not, with the nearest requests and what they have otherwise.
        """
        __tracebackhide__ = True  # pytest ends its traceback at the test's own line
        return self.journal.assert_called(operation, times=times, **expected)

    def assert_not_called(self, operation: str, **expected: Unpack[Expected]) -> None:
        """Fail if an operation was called as told.

        Raises:
            AssertionError: If it was.
        """
        __tracebackhide__ = True
        self.journal.assert_not_called(operation, **expected)

    def use(self, **changes: Any) -> NoReturn:
        """Refuse other settings: those of a mock that others use, too, are as it is served.

        Raises:
            UsageError: Always.
        """
        raise UsageError(f"{', '.join(changes)}: the settings of a mock by {OPTION} are as it is served")

    def reset(self) -> None:
        """Begin anew: an empty journal, no remembered image, scenarios and faults as the mock is served."""
        self._call("POST", "/reset")

    def verify(self) -> None:
        """Fail unless the scenarios were played as they are written.

        Raises:
            AssertionError: With every request that got no answer, and every scenario that took too few or too many.
        """
        problems = self._call("GET", "/scenarios")["problems"]
        if problems:
            raise AssertionError("\n  ".join(["the scenarios were not played as written:", *problems]))

    def end(self) -> None:
        """End the session, and the delays that are under way in it."""
        with self._http:
            self._call("DELETE", "/session")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        """Ask a route under ``/_mock``.

        Raises:
            UsageError: If there is no mock, or it refuses what is asked.
        """
        try:
            answer = self._http.request(method, f"{self.url}/_mock{path}", json=body, timeout=_PATIENCE)
            said = answer.json()
        except (requests.RequestException, TypeError) as error:
            raise UsageError(f"{OPTION}: {method} {self.url}/_mock{path} cannot be done: {error}") from error
        if answer.status_code != requests.codes.ok:
            raise UsageError(f"{OPTION}: {said.get('error') or said}")
        return said


class _Served(MemoryStore):
    """Has the journal of a session of a mock that is served elsewhere."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def log(self, session: str, name: str, codec: Codec[Any], bounds: Bounds[Any], **_: Any) -> Log[Any]:  # noqa: ARG002
        """Take the journal."""
        return _ServedJournal(self._call)


class _ServedJournal:
    memory = 0

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def add(self, make: Callable[[int], Entry]) -> NoReturn:
        raise NotImplementedError("the mock keeps it by itself")

    def all(self) -> list[Entry]:
        return [entry_from_json(one) for one in self._listed(_MOST)["requests"]]

    @property
    def last(self) -> Entry | None:
        return next(iter(map(entry_from_json, self._listed(1)["requests"])), None)

    @property
    def dropped(self) -> int:
        return int(self._listed(0)["dropped"])

    def clear(self) -> None:
        self._call("DELETE", "/requests")

    def _listed(self, limit: int) -> Any:
        return self._call("GET", f"/requests?limit={limit}")
