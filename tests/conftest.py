"""Fixtures and settings that hold for the whole suite."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

collect_ignore = ["clients"]  # programs of another environment, which has what they import

# The same examples in every run and on every machine; without a deadline, because CI shares its cores.
settings.register_profile(
    "suite", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")
