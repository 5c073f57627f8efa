"""Processes that end together: workers with the server that started them, and the server with its terminal."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


def end_with_parent(clean_up: Callable[[], None]) -> None:
    """End this worker as soon as the process that started it has ended, however that came about.

    A main process that is killed tells its workers nothing; they would go on answering, and keep the port.

    Args:
        clean_up: What the main process can no longer do.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_behind, args=(parent.sentinel, clean_up), name="parent", daemon=True).start()


def _end_behind(parent: int, clean_up: Callable[[], None]) -> None:
    wait([parent])
    try:
        clean_up()
    finally:
        os._exit(1)  # not sys.exit: nothing that waits for a request under way is to hold this up


def ignores_hangup() -> bool:
    """Check whether whoever started this process has it go on when its terminal is closed (``nohup``)."""
    return hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def listen_to_the_main_process_only() -> None:
    """Let this worker be stopped by the main process, and by nothing that a terminal sends to all."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
