"""An end to code that would wait for ever."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

__all__ = ["Hang", "let_pass", "time_limit"]


_AT_ONCE: Final = 1e-6  # seconds; a timer of none never ends
_AGAIN: Final = 1.0  # seconds between one attempt to stop a block and the next


class Hang(BaseException):
    """The time is over. No ``except Exception`` of the code under test swallows it."""


@contextlib.contextmanager
def time_limit(seconds: float, *, release: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Stop the block by :class:`Hang` when its time is over.

    In the main thread, on systems that have interval timers; elsewhere nothing stops it.

    Args:
        seconds: Its time.
        release: Called when it is over. A loop that asks again whatever comes, and swallows even what stops it, ends
            only if this lets it have what it waits for.

    Raises:
        Hang: When the time is over, or behind the block if that swallowed it.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    is_over = False

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what a handler is given
        nonlocal is_over
        is_over = True
        release()
        raise Hang(f"not over after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if is_over:
        raise Hang(f"not over after {seconds:g} s")


def let_pass(seconds: float) -> bool:
    """Let time of the block under way pass at once, for code that does nothing but wait meanwhile.

    Args:
        seconds: How long it would wait.

    Returns:
        Whether the time passed; without a limit for this thread it does not.

    Raises:
        Hang: If the time of the block is over before that.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return False
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    if not left:
        return False
    signal.setitimer(signal.ITIMER_REAL, max(left - seconds, _AT_ONCE), _AGAIN)
    if left <= seconds:
        time.sleep(_AGAIN)  # is interrupted
    return True
