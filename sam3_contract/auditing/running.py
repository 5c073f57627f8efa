"""Units of work judged in this process, in several, or by whatever executor somebody brings."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for
from typing import Final

from sam3_contract.auditing.judging import judge_units, pieces_of_units
from sam3_contract.auditing.outcome import Outcome
from sam3_contract.auditing.units import UNIT_BYTES, Terms, Unit
from sam3_contract.mask_files.opening import STANDARD_STREAM
from sam3_contract.mask_files.urls import shown

__all__ = ["outcomes_by", "outcomes_here", "outcomes_in_processes"]

_AHEAD: Final = 3
"""Tasks per process that are sent ahead of the one waited for."""
_MOST_UNITS: Final = 256
"""Units of a task, if they are small."""
_TRIES: Final = 3
_PATIENCE: Final = 1.0
"""Seconds after which it is asked whether an executor is still there."""

_Task = tuple[Unit, ...]


def outcomes_here(units: Iterable[Unit], terms: Terms) -> Iterator[Outcome]:
    """Judge in this process, piece by piece."""
    for task in _tasks_of(units):
        yield from pieces_of_units(task, terms)


def outcomes_in_processes(units: Iterable[Unit], terms: Terms, *, jobs: int) -> Iterator[Outcome]:
    """Judge in several processes, which open the files themselves.

    If a process is killed, what it was at is tried again, and given up only if it is killed each time.

    Args:
        units: What to judge; drawn from no further ahead than is judged soon.
        terms: How they are read, and what is looked for.
        jobs: Number of processes.

    Yields:
        Outcomes in the order of the units.
    """
    with _Pool(jobs) as pool:
        waiting: deque[tuple[_Task, Future[list[Outcome]]]] = deque()
        for task in _tasks_of(units):
            waiting.append((task, pool.submit(task, terms)))
            while len(waiting) > _AHEAD * jobs:
                yield from pool.outcomes(waiting, terms)
        while waiting:
            yield from pool.outcomes(waiting, terms)


def outcomes_by(
    executor: Executor,
    units: Iterable[Unit],
    terms: Terms,
    *,
    ahead: int,
    killed: tuple[type[Exception], ...] = (),
    is_lost: Callable[[], bool] = lambda: False,
) -> Iterator[Outcome]:
    """Judge by any executor of PEP 3148; those on other machines need the files at the same paths.

    Args:
        executor: Where to; not shut down.
        units: What to judge.
        terms: How they are read, and what is looked for.
        ahead: Tasks that are sent ahead of the one waited for.
        killed: What the executor raises for a task that it gave up since it costs the life of whoever tries it.
        is_lost: Says whether the executor will never answer again; asked while nothing comes.

    Yields:
        Outcomes in the order of the units.

    Raises:
        CancelledError: If the executor is lost.
    """
    waiting: deque[tuple[_Task, Future[list[Outcome]]]] = deque()

    def first() -> list[Outcome]:
        task, future = waiting.popleft()
        try:
            while not wait([future], timeout=_PATIENCE).done:
                if is_lost():
                    raise CancelledError
            return future.result()
        except killed:
            return [_given_up(unit) for unit in task]

    try:
        for task in _tasks_of(units):
            waiting.append((task, _judged_here(task, terms) or executor.submit(judge_units, task, terms)))
            while len(waiting) > ahead:
                yield from first()
        while waiting:
            yield from first()
    finally:
        for _, future in waiting:
            future.cancel()


def _tasks_of(units: Iterable[Unit]) -> Iterator[_Task]:
    """Put small units together, so that sending them costs little."""
    task: list[Unit] = []
    n_bytes = 0
    for unit in units:
        if task and (
            n_bytes + unit.n_bytes > UNIT_BYTES
            or len(task) == _MOST_UNITS
            or STANDARD_STREAM in (unit.name, task[0].name)
        ):
            yield tuple(task)
            task, n_bytes = [], 0
        task.append(unit)
        n_bytes += unit.n_bytes
    if task:
        yield tuple(task)


def _judged_here(task: _Task, terms: Terms) -> Future[list[Outcome]] | None:
    """Judge what no other process can open; None if it is nothing like that."""
    if task[0].name != STANDARD_STREAM:
        return None
    judged: Future[list[Outcome]] = Future()
    judged.set_result(judge_units(task, terms))
    return judged


class _Pool:
    """Processes that are replaced when one is killed, for a pool with a killed process is of no more use."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._pool = self._started()
        self._n_broken = 0

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, task: _Task, terms: Terms) -> Future[list[Outcome]]:
        """Hand out a task."""
        judged = _judged_here(task, terms)
        if judged is not None:
            return judged
        try:
            with _interrupts_held_back():  # the first one starts the processes
                return self._pool.submit(judge_units, task, terms)
        except BrokenProcessPool as error:
            broken: Future[list[Outcome]] = Future()
            broken.set_exception(error)
            return broken

    def outcomes(self, waiting: deque[tuple[_Task, Future[list[Outcome]]]], terms: Terms) -> list[Outcome]:
        """Wait for the first of the tasks, which leaves the queue."""
        task, future = waiting[0]
        while True:
            try:
                outcomes = future.result()
            except BrokenProcessPool:
                self._n_broken += 1
                self._replace()
                if self._n_broken > _TRIES:
                    outcomes = [_given_up(unit) for unit in task]
                    waiting.popleft()
                    break
                # Alone, so that it is known which task costs a process its life.
                future = self.submit(task, terms)
                continue
            waiting.popleft()
            break
        if self._n_broken:
            self._n_broken = 0
            again = list(waiting)
            waiting.clear()
            # What is judged here needs no process, and standard input cannot be read twice.
            waiting.extend(
                (one, old if one[0].name == STANDARD_STREAM else self.submit(one, terms)) for one, old in again
            )
        return outcomes

    def _replace(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._pool = self._started()

    def _started(self) -> ProcessPoolExecutor:
        # Started afresh, not forked: this process has a thread that draws the progress bar.
        context = get_context("spawn")
        return ProcessPoolExecutor(self._jobs, mp_context=context, initializer=_heed_the_parent_only)


def _given_up(unit: Unit) -> Outcome:
    reason = f"{shown(unit.name)}: a process that judged it was killed each time, perhaps for want of memory"
    return Outcome(unit.file, unit.part, unit.n_parts, unread=(reason,), n_bytes=unit.n_bytes)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let an interrupt wait until the block ends; a process started in it gets none, not even while it imports."""
    interrupted: list[int] = []
    is_main = threading.current_thread() is threading.main_thread()
    # The mask is what a process inherits; here another thread, such as one of numpy's, may take the signal still.
    masks = hasattr(signal, "pthread_sigmask")
    handler = signal.signal(signal.SIGINT, lambda number, _: interrupted.append(number)) if is_main else None
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masks else set()
    try:
        yield
    finally:
        if masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if is_main:
            signal.signal(signal.SIGINT, signal.SIG_DFL if handler is None else handler)
    if interrupted:
        signal.raise_signal(signal.SIGINT)


def _heed_the_parent_only() -> None:
    """Leave interrupts to the parent, and end with it, however it ends: it would be waited for, for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_behind, args=(parent.sentinel,), name="parent", daemon=True).start()


def _end_behind(parent: int) -> None:
    wait_for([parent])
    os._exit(1)  # not sys.exit: nothing that this process is at is to hold it up
