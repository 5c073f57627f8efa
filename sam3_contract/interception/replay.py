"""A recording in this process, in the place of the service."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sam3_contract.interception.wsgi import OutgoingRequest, WsgiAnswer

if TYPE_CHECKING:
    from sam3_contract.recording import Miss, Mode


class Replay:
    """A recording that answers calls, and records what it may.

    Args:
        path: A HAR file.
        hosts: The hosts it answers for.
        mode: What is recorded.
        upstream: The server that is recorded; by default the one that is called.
        max_calls: Requests that are passed on to it at most.
        time_limit: Seconds for which requests are passed on.
        allow_unused: Whether recorded calls may be left over.
        run: Names the test run: what several tests or processes of one run record with ``once`` or ``all`` adds up.

    Attributes:
        passed_on: Hosts that requests may be passed on to.

    Raises:
        UsageError: If there is no such mode, or *upstream* is no URL.
        HarError: If the file is damaged, or is missing and nothing may be recorded.
    """

    def __init__(
        self,
        path: Path,
        *,
        hosts: Iterable[str],
        mode: Mode = "once",
        upstream: str = "",
        max_calls: int = 100,
        time_limit: float | None = None,
        allow_unused: bool = False,
        run: str = "",
    ) -> None:
        # Only here: an interception with a mock waits for none of it.
        from sam3_contract.recording import Budget, Session, Upstream  # noqa: PLC0415

        budget = Budget(max_calls, time_limit)
        self._session = Session(path, mode=mode, upstream=Upstream(upstream), budget=budget, run=run)
        self._allow_unused = allow_unused
        host = urlsplit(upstream).hostname
        self.passed_on = ([host] if host else list(hosts)) if self._session.records else []

    @property
    def misses(self) -> list[Miss]:
        """The requests that no recorded call answered."""
        return self._session.misses

    @property
    def findings(self) -> list[str]:
        """What answers that were recorded break of the contract, a sentence each."""
        return self._session.findings

    @property
    def n_recorded(self) -> int:
        """How many requests were passed on and recorded."""
        return self._session.n_recorded

    def answer(self, request: OutgoingRequest) -> WsgiAnswer:
        """Answer a request that was on its way to the service; with status 599 if there is no answer."""
        from sam3_contract.recording import Miss, Request, refusal  # noqa: PLC0415

        found = self._session.answer(Request(request.method, request.url, request.headers, request.body))
        answer = refusal(found) if isinstance(found, Miss) else found
        headers = (*answer.headers, ("Content-Length", str(len(answer.body))))
        return WsgiAnswer(answer.status, answer.reason, headers, answer.body)

    def verify(self) -> None:
        """Fail unless every request got an answer, and every recorded call was asked for.

        Raises:
            AssertionError: With each of them.
        """
        self._session.verify(allow_unused=self._allow_unused)

    def end(self) -> None:
        """Let go of the file."""
        self._session.close()
