"""Fixtures and settings that hold for the whole suite."""

from __future__ import annotations

import gc

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


def pytest_collection_finish() -> None:
    """Collected tests and imported modules stay until the end: let no garbage collection look at them again."""
    gc.collect()
    gc.freeze()
