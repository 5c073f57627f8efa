"""The processes of a server: workers that share one listening socket, and the process that keeps them going."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Final

from mock_server.serving.lifetime import Handler

__all__ = ["CONTEXT", "Workers"]

_PATIENCE: Final = 2.0  # seconds that a worker has to end by itself, beyond those of the requests under way
_AGAIN: Final = 0.1  # seconds after which a worker that has not ended is told once more
_SHORT: Final = 1.0  # seconds; a worker that lived no longer is replaced only after them
# Where memory is shared with what was loaded before, a worker is there at once; elsewhere that is not safe.
CONTEXT: Final = (
    multiprocessing.get_context("fork") if sys.platform == "linux" else multiprocessing.get_context("spawn")
)


class Workers:
    """Starts workers, replaces those that die, and ends them all when it is told to.

    Args:
        listening: What the workers take connections from; closed when they are to end.
        run: What each worker does, given that.
        count: How many there are.
        grace: Seconds that requests under way may take when the server ends.
    """

    def __init__(
        self, listening: socket.socket, run: Callable[[socket.socket], None], *, count: int, grace: float
    ) -> None:
        self._listening = listening
        self._run = run
        self._count = count
        self._grace = grace
        self._stopping = False
        self._main = os.getpid()
        self._processes: list[BaseProcess] = []

    def serve(self, *, hangup_ends: bool) -> None:
        """Keep the workers going until a signal tells to stop.

        Args:
            hangup_ends: Whether the closing of the terminal does.
        """
        with _handled(self._stop, hangup_ends=hangup_ends):
            while len(self._processes) < self._count and not self._stopping:
                self._processes.append(self._started())
            while not self._stopping:
                self._replace_the_dead()
            self._end()

    def _started(self) -> BaseProcess:
        process = CONTEXT.Process(target=self._run, args=(self._listening,), name="worker")
        process.start()
        return process

    def _replace_the_dead(self) -> None:
        begun = time.monotonic()
        # Not for as long as it takes: that a signal came ends no wait, and a worker that hangs does not end either.
        wait([process.sentinel for process in self._processes], _SHORT)
        if time.monotonic() - begun < _SHORT and not self._stopping:
            time.sleep(_SHORT)
        for place, process in enumerate(self._processes):
            if not process.is_alive() and not self._stopping:
                self._processes[place] = self._started()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        """Take no connection any more, and have the workers answer what is under way."""
        if os.getpid() != self._main:
            os._exit(0)  # a worker that is told before it has handlers of its own
        if not self._stopping:
            self._stopping = True
            self._listening.close()
            self._terminate()

    def _terminate(self) -> None:
        for process in self._processes:
            process.terminate()

    def _end(self) -> None:
        deadline = time.monotonic() + self._grace + _PATIENCE
        # Again and again: Python forgets signals that reach a process while it is being forked.
        while any(process.is_alive() for process in self._processes) and time.monotonic() < deadline:
            self._terminate()
            wait([process.sentinel for process in self._processes if process.is_alive()], _AGAIN)
        for process in self._processes:
            process.kill()
            process.join()


@contextmanager
def _handled(stop: Handler, *, hangup_ends: bool) -> Iterator[None]:
    """Stop at the signals that ask for it, until the block ends."""
    handlers: dict[int, Handler | signal.Handlers] = {signal.SIGTERM: stop, signal.SIGINT: stop}
    if hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = stop if hangup_ends else signal.SIG_IGN
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
