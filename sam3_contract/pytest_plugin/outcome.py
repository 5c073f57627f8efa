"""What became of an attempt at a test, for the fixtures that end after it; and the tests that are skipped."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from sam3_contract.pytest_plugin.options import why_not_live

_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin an attempt at a test, which may not be the first; skip tests of the live service where there is none."""
    item.stash[_FAILED] = False
    reason = why_not_live(item.config) if item.get_closest_marker("sam3_live") else None
    if reason:
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that an attempt failed, or was skipped while it ran."""
    report = yield
    if report.when != "teardown" and not report.passed:
        item.stash[_FAILED] = True
    return report


def has_failed(item: pytest.Item) -> bool:
    """Say whether a test has told already what is wrong: then nothing else need be asked of it."""
    return item.stash.get(_FAILED, False)
