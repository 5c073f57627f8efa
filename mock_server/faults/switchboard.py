"""Which faults are on for which request, and how they get into it.

For every request: ``Settings.faults`` and ``MockControl.faults``. For one request: the header ``X-Mock-Fault``, or
:func:`switch_on` by code that answers it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import cv2
import orjson
from flask import Flask, Response, current_app, g, request

from mock_server.faults.catalogue import Named, parse, parse_list
from mock_server.faults.fault import Ask, Call, Json, Memory
from mock_server.http.auth import presented_key
from mock_server.http.refusals import Refusal, no_answer
from mock_server.http.request_context import current_notes, current_request
from mock_server.operations.backend import Answer
from mock_server.store.protocol import Store
from sam3_contract.errors import UsageError

HEADER: Final = "x-mock-fault"
_ENVIRON: Final = "HTTP_X_MOCK_FAULT"
_EXTENSION: Final = "sam3_contract_mock_faults"
_COUNTED: Final = 256  # texts whose requests are counted; headers could name ever new ones
# What a fault runs into that works on the answer of another one, such as rings in a list of results renamed.
_MISFITS: Final = (
    AttributeError,
    ConnectionError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    cv2.error,
    zipfile.BadZipFile,
)


@dataclass(frozen=True, slots=True)
class Faulty:
    """The faults that are on for one request.

    Attributes:
        operation: The ``operationId`` of its path.
        entries: Each fault with what it remembers, the innermost first.
    """

    operation: str
    entries: Sequence[tuple[Named, Memory]]

    @property
    def texts(self) -> tuple[str, ...]:
        """What they are called, parameters included."""
        return tuple(one.text for one, _ in self.entries)

    def admits(self, key: str | None) -> bool:
        """Check whether the check of the key is skipped."""
        admit = (one.fault.hooks.admits for one, _ in self.entries)
        return any(hook(key) for hook in admit if hook is not None)

    def answer(self, body: Any, answer_to: Ask, *, check: Callable[[Json], object]) -> Answer:
        """Answer a body.

        Args:
            body: As it was decoded.
            answer_to: Answers as without faults.
            check: Raises :class:`Refusal` of a body that is not valid.

        Raises:
            Refusal: Whatever the faultless mock would raise, or a fault; 599 if the faults do not go together.
        """
        if not isinstance(body, dict):
            return answer_to(body)
        ask = answer_to
        for one, memory in self.entries:
            ask = self._around(one, memory, ask, check)
        try:
            return ask(body)
        except _MISFITS as error:
            if len(self.entries) < 2:
                raise
            raise self._misfit from error

    def respond(self, response: Response) -> Response:
        """Let the faults change what goes out, and name them in a header."""
        body = g.get("body")
        try:
            for one, memory in self.entries:
                if one.fault.hooks.reply is not None and self.operation in one.fault.operations:
                    response = one.fault.hooks.reply(response, self._call(one, memory, body))
        except _MISFITS:
            if len(self.entries) < 2:
                raise
            misfit = self._misfit
            response = Response(orjson.dumps(misfit.body), misfit.status, content_type="application/json")
        response.headers[HEADER] = ", ".join(self.texts)
        return response

    @property
    def _misfit(self) -> Refusal:
        return no_answer(f"the faults {', '.join(self.texts)} do not go together")

    def _around(self, one: Named, memory: Memory, ask: Ask, check: Callable[[Json], object]) -> Ask:
        around = one.fault.hooks.around
        if around is None or self.operation not in one.fault.operations:
            return ask

        def answer_to(body: Json) -> Answer:
            if not one.fault.lenient and not _is_valid(body, check):
                return ask(body)
            return around(self._call(one, memory, body), ask)

        return answer_to

    def _call(self, one: Named, memory: Memory, body: Any) -> Call:
        key = presented_key(request, lambda: body)
        return Call(self.operation, request.method, body, key, one.value, memory)


class FaultMemories:
    """What the faults of one session remember.

    Args:
        store: Where it is counted how often each was asked for. What else a fault remembers stays in this process.
        session: The id of the session.
    """

    def __init__(self, store: Store, session: str) -> None:
        self._memories: dict[str, Memory] = {}  # by the fault's name: whatever it keeps, it keeps once
        self._turns = store.tally(session, "faults", most=_COUNTED)  # by the text: each counts for itself
        self._lock = Lock()

    def of(self, name: str) -> Memory:
        """Take what a fault remembers."""
        with self._lock:
            return self._memories.setdefault(name, Memory())

    @property
    def memory(self) -> int:
        """What they take in this process, in bytes, about."""
        with self._lock:
            return sum(one.memory for one in self._memories.values())

    def turn(self, text: str) -> int:
        """Count the requests that a fault was asked for by the same text, from 0."""
        return (self._turns.add(text) or 1) - 1

    def forget(self) -> None:
        """Forget all of it: counts begin anew."""
        with self._lock:
            self._memories.clear()
        self._turns.clear()


class Switchboard:
    """Which faults are on for which request of one mock.

    Args:
        operations: The ``operationId`` of each path.
        always: Tells the faults that are on for every request like the one at hand.
        memories: Finds what the faults remember from requests like the one at hand.
    """

    def __init__(
        self,
        operations: Mapping[str, str],
        always: Callable[[], Collection[str]],
        memories: Callable[[], FaultMemories],
    ) -> None:
        self._operations = operations
        self._always = always
        self._memories = memories

    def begin(self) -> None:
        """Switch on what a request is to have.

        Raises:
            Refusal: 599 if it names an unknown fault.
        """
        sent = current_request()
        if sent.path not in self._operations or sent.method == "OPTIONS":
            return
        always, asked = self._always(), sent.environ.get(_ENVIRON)
        if not always and not asked:
            return
        try:
            named = [*map(parse, always), *parse_list(asked or "")]
        except UsageError as error:
            raise no_answer(str(error)) from error
        for one in self.add(named):
            if one.fault.hooks.arrive is not None:
                one.fault.hooks.arrive(request)

    def end(self, response: Response) -> Response:
        """Let the faults of a request change its answer."""
        faulty: Faulty | None = current_notes().get("faulty")
        return response if faulty is None else faulty.respond(response)

    def add(self, named: Collection[Named]) -> list[Named]:
        """Switch faults on for the request at hand; return those that are on for it this time."""
        operation = self._operations[request.path]
        memories = self._memories()
        turned = [one for one in named if one.times.always or one.times.holds(memories.turn(one.text))]
        on = list(g.faulty.entries) if "faulty" in g else []
        texts = {one.text for one, _ in on}
        on += [(one, memories.of(one.fault.name)) for one in turned if one.text not in texts]
        if on:
            g.faulty = Faulty(operation, sorted(on, key=lambda entry: entry[0].depth))
            g.faults = g.faulty.texts
        return turned


def install(
    app: Flask,
    operations: Mapping[str, str],
    always: Callable[[], Collection[str]],
    memories: Callable[[], FaultMemories],
) -> Switchboard:
    """Let an application have faults.

    To be called behind the journal and before everything else that is hooked into requests: faults change the request
    before anything reads it, and the answer when nothing more is added to it.

    Args:
        app: The application.
        operations: The ``operationId`` of each path.
        always: Tells the faults that are on for every request like the one at hand.
        memories: Finds what the faults remember from requests like the one at hand.
    """
    board = Switchboard(operations, always, memories)
    app.extensions[_EXTENSION] = board
    app.before_request(board.begin)
    app.after_request(board.end)
    return board


def switchboard_of(app: Flask) -> Switchboard:
    """Find the switchboard of a mock."""
    board = app.extensions[_EXTENSION]
    assert isinstance(board, Switchboard)
    return board


def switch_on(texts: Collection[str]) -> None:
    """Switch faults on for the request at hand, from the code that answers it, such as a view or a scenario.

    Faults that sit where the request arrives or where its key is checked come too late here. What is on already stays
    on; afterwards ``flask.g.faults`` lists all of them.

    Args:
        texts: As on the command line.

    Raises:
        UsageError: If one of them is unknown.
    """
    switchboard_of(current_app).add([parse(text) for text in texts])


def _is_valid(body: Json, check: Callable[[Json], object]) -> bool:
    try:
        check(body)
    except Refusal:
        return False
    return True
