"""Fixtures and settings that hold for the whole suite."""

from __future__ import annotations

import ctypes
import gc
import linecache
import os
import sys

from hypothesis import HealthCheck, settings

collect_ignore = ["clients"]  # programs of another environment, which has what they import

# The same examples in every run and on every machine; without a deadline, because CI shares its cores.
settings.register_profile(
    "suite",
    max_examples=30,
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# `make soak`: many examples, and others in every run.
settings.register_profile("soak", settings.get_profile("suite"), max_examples=500, derandomize=False)
settings.load_profile("suite")


if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
    # glibc learns from large arrays that were freed to keep all up to 32 MB on its heap, and a worker never shrinks.
    M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
    mallopt(M_TRIM_THRESHOLD, 128 * 1024)
    mallopt(M_MMAP_THRESHOLD, 128 * 1024)


def pytest_xdist_auto_num_workers() -> int:
    """Take half as many workers again as there are cores: a fifth of the time tests wait for browsers and servers."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + cores // 2


def pytest_collection_finish() -> None:
    """Collected tests and imported modules stay until the end: let no garbage collection look at them again.

    Python looks through all when there are a quarter more objects than were left the last time. So it has to find few
    at last: else runs that nobody needs any more, with all their images, would wait for as many as there are here.
    """
    linecache.clearcache()  # 8 MB of sources that doctests were looked for in
    gc.collect()
    gc.freeze()
    gc.collect()
