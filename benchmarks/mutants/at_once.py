"""Requests that are under way at once: which of them meet, and which are worked on together."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.mutants.server import Call

PAUSE = 0.02  # seconds that a request takes at least, so that some are under way at once
BATCH_WINDOW = 0.03  # seconds in which a batch is gathered


@contextmanager
def under_way(call: Call) -> Iterator[list[Call]]:
    """Stay for a moment; tell the other requests that were under way in it."""
    calls: list[Call] = call.state.kept.setdefault("under way", [])
    with call.state.lock:
        met = list(calls)
        calls.append(call)
        for other in met:
            call.state.kept.setdefault(id(other), []).append(call)
    time.sleep(PAUSE if met or call.state.kept.get("busy") else PAUSE / 5)
    with call.state.lock:
        met += call.state.kept.pop(id(call), [])
        call.state.kept["busy"] = bool(met)
    try:
        yield met
    finally:
        with call.state.lock:
            calls.remove(call)
            call.state.kept.pop(id(call), None)


def in_order(call: Call, others: list[Call]) -> list[Call]:
    """Put a request and those of its operation that are under way with it in the order in which they came."""
    return sorted((one for one in (call, *others) if one.operation == call.operation), key=lambda one: one.number)


@contextmanager
def at_work(call: Call) -> Iterator[int]:
    """Tell how many requests are worked on, this one among them."""
    with call.state.lock:
        count = call.state.kept["at work"] = call.state.kept.get("at work", 0) + 1
    time.sleep(BATCH_WINDOW)
    try:
        yield count
    finally:
        with call.state.lock:
            call.state.kept["at work"] -= 1


def batch_of(call: Call) -> list[Call]:
    """Wait for the requests that are worked on together with this one, in the order in which they came."""
    with call.state.lock:
        calls, closed = call.state.kept.setdefault("batch", ([], threading.Event()))
        calls.append(call)
        first = len(calls) == 1
    if first:
        time.sleep(BATCH_WINDOW)
        with call.state.lock:
            call.state.kept.pop("batch")
        closed.set()
    closed.wait(2)
    gathered: list[Call] = calls
    return gathered
