"""SIGTERM, which cancelled jobs are sent: it interrupts as Ctrl-C does, so that nothing stays behind.

What came is reported by commands that do so when they are interrupted, processes of a command's own end with it, and
temporary folders go. Whoever waits for the process is told of the signal, as if nothing had been done about it.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

__all__ = ["Terminated", "end_as_terminated", "interrupt_when_terminated"]


class Terminated(KeyboardInterrupt):
    """The process was sent SIGTERM."""


def interrupt_when_terminated() -> None:
    """Take SIGTERM for Ctrl-C, unless whoever started the process has it ignored; for the main thread to call.

    A process that is forked ends by the signal without a word, as whoever forks it expects.
    """
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return
    signal.signal(signal.SIGTERM, _interrupt)
    if hasattr(os, "register_at_fork"):
        # Blocked meanwhile: Python forgets a signal that comes to a new process before its handler is gone.
        os.register_at_fork(before=_block, after_in_parent=_unblock, after_in_child=_forget)


def end_as_terminated() -> None:
    """End as the signal ends a process; return where that is the first of its system, which it does not end."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _block() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _forget() -> None:
    if signal.getsignal(signal.SIGTERM) is _interrupt:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _unblock()
