"""The time of a run: what it computes and waits, and not what it has to wait for a processor."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from sam3_contract.mutation import limits
from sam3_contract.mutation.limits import Hang, let_pass, time_limit


@pytest.mark.parametrize(
    ("took", "held_up", "left"),
    [
        (4.0, 0.0, 1.0),
        (6.0, 0.0, -1.0),
        (40.0, 36.0, 1.0),  # on a machine with other work
        (40.0, 34.0, -1.0),
        (40.0, 90.0, 5.0),  # several threads at once: not more than the time itself
        (106.0, 106.0, -1.0),  # but 20 times the limit is enough of it
    ],
)
def test_time_without_a_processor_does_not_count(
    took: float, held_up: float, left: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = SimpleNamespace(monotonic=lambda: 0.0)
    monkeypatch.setattr(limits, "time", now)
    monkeypatch.setattr(limits, "_held_up", lambda: 7.0)
    limit = limits._Limit(5.0)

    now.monotonic = lambda: took
    monkeypatch.setattr(limits, "_held_up", lambda: 7.0 + held_up)

    assert limit.left == pytest.approx(left)


def test_block_that_was_held_up_is_stopped_once_its_own_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    held_up = iter([0.0, 0.05, *[0.1] * 1000])  # when it begins, when its timer first ends, and from then on
    monkeypatch.setattr(limits, "_held_up", lambda: next(held_up))

    with pytest.raises(Hang, match=r"not over after 0\.05 s"), time_limit(0.05):
        threading.Event().wait(60)

    assert len(list(held_up)) < 999


def test_block_is_given_what_it_takes_when_nothing_is_wrong() -> None:
    with time_limit(0.01, besides=600):
        assert let_pass(599)
    with pytest.raises(Hang, match=r"not over after 0\.01 s"), time_limit(0.01, besides=600):
        let_pass(601)


def test_block_that_swallows_its_end_is_stopped_behind_it() -> None:
    with pytest.raises(Hang), time_limit(600), pytest.raises(Hang):
        let_pass(601)


def test_block_that_raises_something_else_at_its_end_hangs_all_the_same() -> None:
    def interrupted() -> None:
        try:
            let_pass(601)
        except Hang as error:
            raise ResourceWarning("a socket that was just opened") from error

    with pytest.raises(Hang) as hang, time_limit(600):
        interrupted()

    assert isinstance(hang.value.__cause__, ResourceWarning)


def test_alarm_of_the_code_itself_is_waited_for() -> None:
    rings: list[int] = []
    with time_limit(600):
        signal.signal(signal.SIGALRM, lambda *_: rings.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.01)

        assert not let_pass(601)
        time.sleep(0.02)

    assert rings == [1]


def take_the_alarm_away() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_block_that_took_its_alarm_away_hangs_all_the_same() -> None:
    def waits_for_an_answer() -> None:
        take_the_alarm_away()
        let_pass(601)

    def waits() -> None:
        take_the_alarm_away()
        time.sleep(0.02)

    with pytest.raises(Hang), time_limit(600):
        waits_for_an_answer()
    with pytest.raises(Hang), time_limit(0.01):
        waits()


def test_time_passes_only_within_a_limit() -> None:
    assert not let_pass(1)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux says how long a thread was held up")
def test_time_that_threads_were_held_up_is_counted() -> None:
    before = limits._held_up()
    stop = time.process_time() + 0.05
    while time.process_time() < stop:
        pass

    assert limits._held_up() >= before >= 0
