"""Runs of code under test while every mock of this process has a fault, and what its mocks answered meanwhile.

A mock made during a trial takes part in it, whoever made it: a fixture, a decorator, the code under test itself.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from werkzeug import Request

from mock_server.control.mock_control import control_of
from mock_server.http.auth import keys_sent
from mock_server.http.pauses import CLOCK, RETRY_AFTER, Clock
from sam3_contract.interception.rehearsal import FAULT, Rehearsal, under
from sam3_contract.interception.waiting import ServedClock, hastened
from sam3_contract.redaction import without_key

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["ITEM", "Answered", "JsonPath", "Trial", "current_trial", "on_trial"]

ITEM: Final = "[]"
"""In a path through JSON, any item of a list."""
JsonPath = tuple[str, ...]
"""Names from the root of an answer to one of its fields, :data:`ITEM` for lists."""

_LONG: Final = 0.5  # seconds from which on it is worth it to let them pass: some runs are run once more for it
_UNTIL_SETTLED: Final = 1.0  # seconds
_NAMED: Final = "x-mock-fault"


@dataclass(frozen=True, slots=True)
class Answered:
    """One request of the code under test, and what it got.

    Attributes:
        path: Of the request, without its query.
        asked: Body of the request, as it was read.
        status: Of the answer.
        content: Body of the answer.
        faults: The faults that were on for it, as they were switched on.
        is_cut: Whether the connection was reset before it was whole.
    """

    path: str
    asked: bytes = field(repr=False)
    status: int
    content: bytes = field(repr=False)
    faults: tuple[str, ...] = ()
    is_cut: bool = False

    @property
    def faulty(self) -> bool:
        """Whether a fault was on for it."""
        return bool(self.faults)

    @property
    def operation(self) -> str:
        """The last part of its path, which names the operation."""
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def request(self) -> tuple[str, bytes]:
        """What tells this request from others."""
        return self.path, self.asked

    @property
    def answer(self) -> tuple[int, bytes, bool]:
        """What the code under test can tell this answer by."""
        return self.status, self.content, self.is_cut


class Trial:
    """One run of code under test.

    Args:
        fault: ``NAME[:PARAMETER[:TIMES]]``; None for a run without.
        without: Fields that are left out of every answer in JSON.

    Attributes:
        is_over: Whether the fault is off again.
        answers: What was answered, in the order in which it ended.
        keys: API keys that requests held, none of which is to be shown.
        rehearsal: Tells of a run without a fault what faults would change.
        passes: Lets so many seconds of the run's time pass at once, while an answer is held back, and says whether it
            did; does not come back where the time is over by then.
        is_patient: Whether answers that are held back are waited for all the same.
    """

    def __init__(self, fault: str | None = None, *, without: Iterable[JsonPath] = ()) -> None:
        self.fault = fault
        self.without = frozenset(without)
        self.is_over = False
        self.answers: list[Answered] = []
        self.keys: set[str] = set()
        self.rehearsal = Rehearsal()
        self.passes: Callable[[float], bool] = lambda _: False
        self.is_patient = False
        self._hastened: list[Clock] = []
        self._held: Clock | None = None
        self._ran_out = False
        self._n_under_way = 0
        self._settled = threading.Condition()

    def begin_again(self, *, patiently: bool = False) -> None:
        """Forget what was answered: the code is run once more, and this time counts."""
        self.answers.clear()
        self.rehearsal = Rehearsal()
        self.is_patient, self.is_over = patiently, False
        self._hastened.clear()
        self._ran_out = False

    def needs_patience(self, *, failed: bool, hung: bool) -> bool:
        """Say whether the run may have gone otherwise had it waited for what was let pass.

        Code may look at a clock of its own. It does not while it waits for an answer: one that is held back for longer
        than the run may take is a hang. Nor does it matter to a run that failed by an answer that was late.
        """
        if hung and self._ran_out:
            return any(clock is not self._held for clock in self._hastened)
        return bool(self._hastened) and not failed

    def may_be_felt(self, fault: str) -> bool:
        """Say whether a fault would change an answer of this run, or may change one."""
        return self.rehearsal.may_be_felt(fault, [one.answer for one in self.answers])

    def end(self) -> None:
        """Let what is asked from now on be answered without the fault: its time is over, and what it shows is known."""
        self.is_over = True

    def without_keys(self, text: str) -> str:
        """Mask every key that requests of the trial held."""
        for key in self.keys:
            text = without_key(text, key)
        return text

    def answer(self, app: Flask, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Let a mock answer a request that belongs to the trial."""
        rehearsed = self.rehearsal.begin(app, environ) if self.fault is None else None
        if self.fault is not None and not self.is_over:
            # Who asks again at once comes to the same as who waits as long as the service says. Not so with faults of
            # the code's own, which may be about that.
            hurried = {} if FAULT in environ or control_of(app).faults else {RETRY_AFTER: "0"}
            environ = under(self.fault, environ) | hurried
            if CLOCK in environ and not self.is_patient:
                environ[CLOCK].passes = partial(self._let_pass, environ[CLOCK])
        sent = Request(dict(environ))
        environ["wsgi.input"] = asked = _Kept(environ["wsgi.input"])
        began = _Began()
        end = partial(self.rehearsal.end, rehearsed, app)
        with self._settled:
            self._n_under_way += 1
        try:
            parts = app(environ, began.start_response)
        except BaseException:
            self._answered()
            raise
        return self._passed_on(parts, sent, asked, began, start_response, end)

    def settle(self) -> None:
        """Wait until no answer is under way any more: those that nobody waits for end once the mock does."""
        with self._settled:
            self._settled.wait_for(lambda: not self._n_under_way, _UNTIL_SETTLED)

    def _answered(self) -> None:
        with self._settled:
            self._n_under_way -= 1
            self._settled.notify_all()

    def _let_pass(self, clock: Clock, seconds: float) -> bool:
        """Let time pass for a request, if it is not over."""
        if self.is_over or seconds < _LONG:
            return False
        self._held = clock
        self._ran_out = True  # unless it comes back
        did = self.passes(seconds)
        self._ran_out = False
        if did and clock not in self._hastened:
            self._hastened.append(clock)
        return did

    def _passed_on(
        self,
        parts: Iterable[bytes],
        sent: Request,
        asked: _Kept,
        began: _Began,
        start_response: Callable[..., Any],
        end: Callable[[bytes], None],
    ) -> Iterator[bytes]:
        """Pass an answer on; note it before its last part, behind which nobody may be waiting any more."""
        content = bytearray()
        is_noted = False
        clock: Clock = sent.environ.get(CLOCK) or Clock()

        def note(*, is_cut: bool) -> None:
            nonlocal is_noted
            is_noted = True
            body = bytes(asked.read_so_far)
            end(body)
            self.keys |= keys_sent(sent, _json_with_key(body))
            self.answers.append(
                Answered(sent.environ["PATH_INFO"], body, began.status, bytes(content), began.faults, is_cut)
            )
            clock.was_noted()

        try:
            body = list(_stripped(parts, began, self.without)) if self.without else parts
            start_response(began.line, list(began.headers))
            held: bytes | None = None
            for part in body:
                if clock.is_late:
                    break
                if held is not None:
                    yield held
                held = part
                content += part
            note(is_cut=clock.is_late)
            if held is not None and not clock.is_late:
                yield held
        except ConnectionResetError:
            note(is_cut=True)
            raise
        except GeneratorExit:
            # It came too late for whoever asked. Over a socket that is noticed at any time, or not at all.
            is_told = CLOCK in sent.environ and (self.is_over or not isinstance(clock, ServedClock))
            if self.fault is not None and is_told and not is_noted:
                note(is_cut=True)
            raise
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()
            self._answered()


class _Began:
    """What an application says before the body."""

    line = "500 Nothing Said"
    headers: Sequence[tuple[str, str]] = ()

    def start_response(self, line: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        self.line, self.headers = line, headers

    @property
    def status(self) -> int:
        return int(self.line[:3])

    @property
    def faults(self) -> tuple[str, ...]:
        named = [text for name, text in self.headers if name.lower() == _NAMED]
        return tuple(named[0].split(", ")) if named else ()


class _Kept:
    """A stream that keeps what is read of it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.read_so_far = bytearray()

    def read(self, size: int = -1) -> bytes:
        part: bytes = self._stream.read(size)
        self.read_so_far += part
        return part

    def readinto(self, buffer: memoryview) -> int:
        part = self.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def readline(self, size: int = -1) -> bytes:
        part: bytes = self._stream.readline(size)
        self.read_so_far += part
        return part


_current: Trial | None = None


def current_trial() -> Trial | None:
    """Return the trial that is under way, if any."""
    return _current


@contextlib.contextmanager
def on_trial(trial: Trial) -> Iterator[Trial]:
    """Let every request to a mock of this process belong to a trial until the block ends."""
    global _current
    before, _current = _current, trial
    hurry = contextlib.nullcontext() if trial.fault is None or trial.is_patient else hastened()
    try:
        with hurry:
            yield trial
    finally:
        _current = before


def _json_with_key(body: bytes) -> Any:
    """Decode a body that may hold a key; ``None`` for any other, which is not worth the time."""
    try:
        return json.loads(body) if b"api_key" in body else None
    except (ValueError, RecursionError):
        return None


def _stripped(parts: Iterable[bytes], began: _Began, without: Iterable[JsonPath]) -> Iterator[bytes]:
    content = b"".join(parts)
    try:
        value = json.loads(content)
    except ValueError:
        yield content
        return
    for path in without:
        _strip(value, path)
    content = json.dumps(value, separators=(",", ":")).encode()
    others = [(name, text) for name, text in began.headers if name.lower() != "content-length"]
    began.headers = [*others, ("Content-Length", str(len(content)))]
    yield content


def _strip(value: Any, path: JsonPath) -> None:
    head, rest = path[0], path[1:]
    if head == ITEM and isinstance(value, list):
        if not rest:
            value.clear()
        for item in value:
            _strip(item, rest)
    elif isinstance(value, dict) and head in value:
        if rest:
            _strip(value[head], rest)
        else:
            del value[head]
