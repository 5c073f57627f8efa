"""The journal: the requests that a mock saw, as many as fit, the oldest going first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Final, NoReturn, Unpack

from mock_server.journal.entry import Entry
from mock_server.journal.expectations import Expected, ExpectedRequest
from mock_server.store.json_codec import json_codec
from mock_server.store.memory import MemoryStore
from mock_server.store.protocol import Bounds, Store
from sam3_contract.errors import UsageError
from sam3_contract.suggestions import unknown

REQUESTS: Final = 1000
BYTES: Final = 16 * 1024 * 1024


class Journal:
    """The requests that a mock saw.

    Requests stand in the order in which they were answered. Methods may be called from any thread.

    Args:
        operations: The ``operationId`` of every operation that may be asked for.
        on: Whether anything is kept at all.
        most_requests: How many requests are kept.
        most_bytes: How much memory they may take, about.
        store: Where they are kept.
        session: The id of the session whose requests these are.

    Attributes:
        on: Whether anything is kept at all.
    """

    def __init__(
        self,
        operations: Collection[str],
        *,
        on: bool = True,
        most_requests: int = REQUESTS,
        most_bytes: int = BYTES,
        store: Store | None = None,
        session: str = "",
    ) -> None:
        self.on = on
        self._operations = tuple(operations)
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        bounds: Bounds[Entry] = Bounds(most_requests, most_bytes, lambda entry: entry.memory)
        self._kept = (store or MemoryStore()).log(session, "journal", json_codec(Entry), bounds, numbered=_numbered)

    @property
    def requests(self) -> list[Entry]:
        """The requests that are kept, oldest first."""
        return self._kept.all()

    @property
    def last(self) -> Entry | None:
        """The request that was answered last."""
        return self._kept.last

    @property
    def dropped(self) -> int:
        """How many requests had to go since the journal was last cleared."""
        return self._kept.dropped

    @property
    def memory(self) -> int:
        """What the kept requests take in this process, in bytes, about."""
        return self._kept.memory

    def clear(self) -> None:
        """Forget every request, and start counting from 1 again."""
        self._kept.clear()

    def add(self, make: Callable[[int], Entry]) -> None:
        """Keep a request.

        Args:
            make: Makes the entry from its number.
        """
        self._kept.add(make)

    def matching(self, wanted: ExpectedRequest) -> list[Entry]:
        """List the requests that are as expected."""
        return [entry for entry in self.requests if not wanted.differences(entry)]

    def assert_called(self, operation: str, *, times: int | None = None, **expected: Unpack[Expected]) -> list[Entry]:
        """Fail unless an operation was called as told.

        Args:
            operation: Its ``operationId``.
            times: How often; at least once by default. Refused requests count, unless a status is told.
            expected: What the request was like, see :class:`~mock_server.journal.expectations.Expected`.

        Returns:
            The requests that are as told.

        Raises:
            AssertionError: If it was not, with the nearest requests and what they have otherwise; also if that cannot
                be told because the journal had to drop requests.
            UsageError: If there is no such operation, or the journal is off.
        """
        __tracebackhide__ = True  # pytest ends its traceback at the test's own line
        wanted = self._wanted(operation, expected)
        found = self.matching(wanted)
        if (not found) if times is None else len(found) != times:
            self._fail(wanted, found, "at least 1" if times is None else str(times))
        if times is not None:
            self._be_sure(wanted)
        return found

    def assert_not_called(self, operation: str, **expected: Unpack[Expected]) -> None:
        """Fail if an operation was called as told; arguments as of :meth:`assert_called`.

        Raises:
            AssertionError: If it was, or if that cannot be told because the journal had to drop requests.
            UsageError: If there is no such operation, or the journal is off.
        """
        __tracebackhide__ = True  # pytest ends its traceback at the test's own line
        wanted = self._wanted(operation, expected)
        found = self.matching(wanted)
        if found:
            self._fail(wanted, found, "none")
        self._be_sure(wanted)

    def _wanted(self, operation: str, expected: Expected) -> ExpectedRequest:
        if not self.on:
            raise UsageError("the journal is off; Settings(journal=True) keeps what is called")
        if operation not in self._operations:
            raise UsageError(unknown("operation", operation, self._operations))
        return ExpectedRequest.expecting(operation, expected)

    def _fail(self, wanted: ExpectedRequest, found: Sequence[Entry], times: str) -> NoReturn:
        __tracebackhide__ = True
        requests = self.requests
        which = f" (#{', #'.join(str(entry.number) for entry in found[:10])})" if found else ""
        lines = [f"{len(found)} call{'s' * (len(found) != 1)} of {wanted}{which}; expected {times}"]
        near = wanted.nearest(requests) if times != "none" else []
        if near:
            lines.append(f"nearest of {len(requests)} requests:")
            lines += [f"  {line}" for line in near]
        elif not requests:
            lines.append("the mock saw no request at all")
        raise AssertionError("\n".join(lines + self._loss()))

    def _be_sure(self, wanted: ExpectedRequest) -> None:
        __tracebackhide__ = True
        loss = self._loss()
        if loss:
            raise AssertionError(f"how often {wanted} was called cannot be told\n{loss[0]}")

    def _loss(self) -> list[str]:
        dropped = self.dropped
        if not dropped:
            return []
        return [
            f"the journal had to drop {dropped} older requests: it keeps {self._most_requests} and "
            f"{self._most_bytes} bytes (Settings.journal_requests, Settings.journal_bytes)"
        ]


def _numbered(entry: Entry, number: int) -> Entry:
    return replace(entry, number=number)
