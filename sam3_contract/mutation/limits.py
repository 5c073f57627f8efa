"""An end to code that would wait for ever.

The time of a run is its own: what it computes and what it waits, but not what it has to wait for a processor. So a
machine that has other work makes a run slower, and not a hang.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Final

__all__ = ["Hang", "let_pass", "time_limit"]


_AT_ONCE: Final = 1e-6  # seconds; a timer of none never ends
_AGAIN: Final = 1.0  # seconds between one attempt to stop a block and the next
_SOON: Final = 0.05  # seconds, the shortest time that is looked at again
_MOST_HELD_UP: Final = 20  # times its limit that a block may be kept from a processor
_THREADS: Final = Path("/proc/self/task")  # of Linux


class Hang(BaseException):
    """The time is over. No ``except Exception`` of the code under test swallows it."""


class _Limit:
    """The time of one block.

    Attributes:
        seconds: How long it may take.
        passed: Seconds of it that passed without anybody waiting.
        is_over: Whether it was stopped.
        stop: The handler of the alarm that stops it.
    """

    stop: Callable[[int, FrameType | None], None]

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = 0.0
        self.is_over = False
        self._began = time.monotonic()
        self._held_up = _held_up()

    @property
    def left(self) -> float:
        """Seconds that are left of it."""
        took = time.monotonic() - self._began
        held_up = min(max(0.0, _held_up() - self._held_up), took, _MOST_HELD_UP * self.seconds)
        return self.seconds - self.passed - (took - held_up)

    def has_alarm(self) -> bool:
        """Whether the alarm is this block's: the code in it may have set one of its own, or have left none."""
        if signal.getsignal(signal.SIGALRM) != self.stop:
            if signal.getitimer(signal.ITIMER_REAL) != (0, 0):
                return False
            signal.signal(signal.SIGALRM, self.stop)
        return True


_limit: _Limit | None = None


@contextlib.contextmanager
def time_limit(seconds: float, *, besides: float = 0.0, release: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Stop the block by :class:`Hang` when its time is over.

    In the main thread, on systems that have interval timers; elsewhere nothing stops it. On Linux, time in which it
    waits for a processor does not count.

    Args:
        seconds: Its time.
        besides: What it takes when nothing is wrong, which is given to it in addition.
        release: Called when it is over. A loop that asks again whatever comes, and swallows even what stops it, ends
            only if this lets it have what it waits for.

    Raises:
        Hang: When the time is over, or behind the block if that swallowed it, or raised something else in its place.
    """
    global _limit
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    limit = _Limit(seconds + besides)

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what a handler is given
        left = 0.0 if limit.is_over else limit.left
        if left > 0:
            signal.setitimer(signal.ITIMER_REAL, max(left, _SOON), _AGAIN)
            return
        limit.is_over = True
        release()
        raise Hang(f"not over after {seconds:g} s")

    limit.stop = stop
    outer, _limit = _limit, limit
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit.seconds, _AGAIN)
    over = Hang(f"not over after {seconds:g} s")
    try:
        yield
    except Hang:
        raise
    except BaseException as error:
        if limit.is_over:
            raise over from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        _limit = outer
    if limit.is_over or limit.left <= 0:  # what takes the alarm away cannot be stopped
        raise over


def let_pass(seconds: float) -> bool:
    """Let time of the block under way pass at once, for code that does nothing but wait meanwhile.

    Args:
        seconds: How long it would wait.

    Returns:
        Whether the time passed; without a limit for this thread it does not, nor while its code has an alarm set.

    Raises:
        Hang: If the time of the block is over before that.
    """
    if _limit is None or _limit.is_over or threading.current_thread() is not threading.main_thread():
        return False
    if not _limit.has_alarm():
        return False
    _limit.passed += seconds
    left = _limit.left
    signal.setitimer(signal.ITIMER_REAL, max(left, _AT_ONCE), _AGAIN)
    if left <= 0:
        time.sleep(_AGAIN)  # is interrupted
    return True


def _held_up() -> float:
    """Add up the seconds that threads of this process were ready to run and had no processor; 0 where nobody counts."""
    nanoseconds = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        for thread in _THREADS.iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                nanoseconds += int((thread / "schedstat").read_text().split()[1])
    return nanoseconds / 1e9
