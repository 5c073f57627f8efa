"""The benchmarks of audits say so where there is too little to measure."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from benchmarks import archives
from benchmarks.apparatus.jobs import Shared


def test_masks_come_in_whole_images() -> None:
    assert archives.hundreds("250") == 200
    with pytest.raises(argparse.ArgumentTypeError, match="99 masks are no image, which has 100"):
        archives.hundreds("99")


@pytest.mark.parametrize(
    ("then", "now", "times"), [(5.0, 3.0, 2.0), (5.0, 1.0, None), (5.0, 0.5, None), (0.9, 3.0, None)]
)
def test_what_takes_no_longer_than_a_start_is_not_compared(
    monkeypatch: pytest.MonkeyPatch, then: float, now: float, times: float | None
) -> None:
    before, few, file = Path("before"), Path("few"), Path("file")
    taken = {True: then, False: now}
    monkeypatch.setattr(
        archives, "by_command", lambda checkout, files: 1.0 if files == [few] else taken[checkout == before]
    )

    if times is None:
        with pytest.raises(SystemExit, match="--masks makes them more"):
            archives.against(before, [file], instead=[file], few=few, rounds=2)
    else:
        assert archives.against(before, [file], instead=[file], few=few, rounds=2) == times


def test_what_one_process_did_alone_took_as_long_as_that() -> None:
    assert (Shared(2.0, []).longest, Shared(2.0, [1.0, 3.0]).longest) == (2.0, 3.0)
