"""One use of a cassette: played, recorded, or both, within a budget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

import orjson

from sam3_contract.errors import HarError, TransportError, UsageError
from sam3_contract.recording.cassette import Cassette
from sam3_contract.recording.entries import recorded
from sam3_contract.recording.meaning import Meaning, meaning_of
from sam3_contract.recording.messages import Answer, Request, operation_of
from sam3_contract.recording.packing import PackedError, unpacked
from sam3_contract.recording.player import Miss, Player
from sam3_contract.recording.secrets import secrets_of
from sam3_contract.recording.upstream import Upstream
from sam3_contract.spec import Contract, load

Mode = Literal["none", "once", "new", "all"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
"""What is recorded: nothing; everything, if there is no file yet; what the file does not have; everything, in place of
what the file has."""

_MOST_MISSES: Final = 100  # that are remembered
NO_ANSWER: Final = 599
"""The status of requests that get no answer: no real service uses it."""


class Budget:
    """What may be spent on recording.

    Args:
        calls: Requests that are passed on.
        seconds: For how long, from now; ``None`` for ever.

    Raises:
        UsageError: If one of them is no number, or less than 0.
    """

    def __init__(self, calls: int = 100, seconds: float | None = None) -> None:
        for name, value, kind in (("max_calls", calls, int), ("time_limit", seconds or 0, (int, float))):
            if isinstance(value, bool) or not isinstance(value, kind) or not value >= 0:
                raise UsageError(f"{name} of a recording has to be a number of at least 0, got {value!r}")
        self.calls = calls
        self.seconds = seconds
        self.spent = 0
        self._ends = None if seconds is None else time.monotonic() + seconds
        self._lock = threading.Lock()

    def take(self) -> str:
        """Take one call out of it.

        Returns:
            Why there is none left; empty if there was.
        """
        with self._lock:
            if self._ends is not None and time.monotonic() >= self._ends:
                return f"the {self.seconds:g} s in which calls are recorded are over"
            if self.spent >= self.calls:
                return f"the budget of {self.calls} recorded calls is used up"
            self.spent += 1
            return ""


class Session:
    """Answers requests from a cassette, and records what it may.

    Args:
        path: The cassette.
        mode: What is recorded.
        upstream: The server that is recorded.
        budget: What may be spent on it.
        contract: Which operations count, and what answers are held to; the project's own by default.
        repeats: Whether the last answer of a meaning is given again to whoever asks once more.
        run: Names the test run or process, so that what several tests or workers of one run record into a file with
            ``once`` or ``all`` adds up.
        announce: Called with a sentence for each thing that somebody should know at once.
        instead: Who answers what the session has no answer for; empty if nobody does.

    Attributes:
        misses: Requests that got no answer here, the first of them.
        findings: What recorded answers break, a sentence each.
        problems: Why calls could not be kept, a sentence each.

    Raises:
        UsageError: If there is no such mode.
        HarError: If the cassette cannot be read, or is missing and nothing may be recorded.
    """

    def __init__(
        self,
        path: Path,
        *,
        mode: Mode = "none",
        upstream: Upstream | None = None,
        budget: Budget | None = None,
        contract: Contract | None = None,
        repeats: bool = False,
        run: str = "",
        announce: Callable[[str], None] = lambda _: None,
        instead: str = "",
    ) -> None:
        if mode not in MODES:
            raise UsageError(f"the mode of a recording is {mode!r}, expected one of {', '.join(MODES)}")
        self._contract = contract or load()
        self.cassette = Cassette(path, self._contract)
        if mode == "none" and not self.cassette.was_there:
            said = "is empty" if path.exists() else "is missing"
            raise HarError(f"{path} {said}, and nothing is recorded in mode none")
        self.mode: Mode = mode
        self.misses: list[Miss] = []
        self.findings: list[str] = []
        self.problems: list[str] = []
        is_missing = not self.cassette.was_there or (run != "" and self.cassette.begun_by == run)
        self._records = mode in {"new", "all"} or (mode == "once" and is_missing)
        self._player = Player(self.cassette, repeats=repeats)
        self._upstream = upstream or Upstream()
        self._budget = budget or Budget()
        self._run = run if mode == "once" else ""
        if mode == "all":
            self._run = run or f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"
        self._announce = announce
        self._instead = instead
        for reason in self.cassette.left_out:
            announce(f"{path.name}, {reason}")

    @property
    def records(self) -> bool:
        """Whether requests may be passed on."""
        return self._records

    @property
    def n_recorded(self) -> int:
        """How many requests were passed on."""
        return self._budget.spent

    def answer(self, request: Request) -> Answer | Miss:
        """Answer a request.

        Returns:
            The answer; a miss if there is none, which the session remembers.
        """
        operation = operation_of(request.method, urlsplit(request.url).path, self._contract)
        if operation is None:
            return self._missed(Miss("another path", f"{request.method} {urlsplit(request.url).path} is no operation"))
        try:
            sent = unpacked(request)
        except PackedError as error:  # it could hold a key, and what it asks for is not known
            return self._missed(Miss(operation.id, str(error)))
        asked = meaning_of(operation.id, sent.body, secrets_of(sent))
        found: Answer | Miss = Miss(operation.id, "nothing is played in mode all")
        if self.mode != "all":
            found = self._played(asked)
        if isinstance(found, Miss) and self._records:
            return self._recorded(request, sent, asked)
        return found if isinstance(found, Answer) else self._missed(found)

    def verify(self, *, allow_unused: bool = False) -> None:
        """Fail unless every request got an answer, and every recorded call was asked for.

        Args:
            allow_unused: Whether recorded calls may be left over.

        Raises:
            AssertionError: With each of them.
        """
        said = [f"no answer for {miss}" for miss in self.misses] + self.problems
        unplayed = [] if allow_unused or self.mode == "all" else self._player.unplayed()
        said += [f"not asked for: {one} of {self.cassette.path.name}" for one in unplayed]
        if self.misses and not self.records:
            said.append("mode new records what is missing")
        if unplayed:
            said.append(f"calls that are not made any more go when {self.cassette.path} is deleted and recorded again")
        if said:
            raise AssertionError("the recording and the requests do not fit:\n" + "\n".join(f"  {one}" for one in said))

    def close(self) -> None:
        """Let go of the file."""
        self.cassette.close()

    def _played(self, asked: Meaning) -> Answer | Miss:
        try:
            found = self._player.play(asked)
            if isinstance(found, Miss) and self.mode == "new":
                self.cassette.refresh()  # another process may have recorded it meanwhile
                found = self._player.play(asked)
        except HarError as error:
            return Miss(asked.operation, str(error))
        return found

    def _recorded(self, request: Request, plain: Request, asked: Meaning) -> Answer | Miss:
        """Pass a request on as it came, and keep it unpacked."""
        reason = self._budget.take()
        if reason:
            return self._missed(Miss(asked.operation, f"it is not recorded, and {reason}"))
        try:
            answer, seconds = self._upstream.send(request)
        except TransportError as error:
            return self._missed(Miss(asked.operation, f"it is not recorded: {error}"))
        sent = Request(request.method, self._upstream.url_of(request.url), plain.headers, plain.body)
        try:
            self._keep(sent, answer, asked, seconds)
        except (HarError, UsageError) as error:
            # The answer is paid for: who asked gets it, and whoever ends the session is told.
            self.problems.append(str(error))
            self._announce(str(error))
        return answer

    def _keep(self, sent: Request, answer: Answer, asked: Meaning, seconds: float) -> None:
        """Judge an answer, and add the call to the cassette."""
        call = recorded(sent, answer, asked.operation, self._contract, seconds=seconds, ended=datetime.now(UTC))
        self.findings += call.findings
        for finding in call.findings:
            self._announce(f"{asked.operation} breaks the contract: {finding}")
        self.cassette.add(call, run=self._run)
        self.cassette.refresh()
        self._player.count_as_played(asked)

    def _missed(self, miss: Miss) -> Miss:
        if len(self.misses) < _MOST_MISSES:
            self.misses.append(miss)
        self._announce(f"no recorded answer for {miss}" + (f"; {self._instead} answers" if self._instead else ""))
        return miss


def refusal(miss: Miss) -> Answer:
    """Say that there is no answer, with a status that no real service uses."""
    body = orjson.dumps({"message": f"No recorded answer for {miss}", "operation": miss.operation})
    return Answer(NO_ANSWER, (("Content-Type", "application/json"),), body, "Mock Has No Answer")
