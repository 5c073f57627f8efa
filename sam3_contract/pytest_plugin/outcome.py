"""What became of an attempt at a test, for the fixtures that end after it; and the tests that are skipped."""

from __future__ import annotations

from collections.abc import Generator
from typing import NoReturn

import pytest

from sam3_contract.pytest_plugin.options import why_not_live

_PASSED = pytest.StashKey[bool | None]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin an attempt at a test, which may not be the first; skip tests of the live service where there is none."""
    item.stash[_PASSED] = None
    reason = why_not_live(item.config) if item.get_closest_marker("sam3_live") else None
    if reason:
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that an attempt passed, or did not; one with subtests has several reports."""
    report = yield
    if report.when == "call" or not report.passed:
        item.stash[_PASSED] = report.passed and item.stash.get(_PASSED, None) is not False
    return report


def has_passed(item: pytest.Item) -> bool:
    """Say whether a test came to its end and passed.

    Of one that failed or was skipped nothing else need be asked; one that was interrupted, or is only set up, has not
    done yet what it would be asked for.
    """
    return item.stash.get(_PASSED, None) is True


def fail(said: object) -> NoReturn:
    """Fail a test with what is wrong, said once: an error that is being handled is shown with what is raised then."""
    raise pytest.fail.Exception(str(said), pytrace=False) from None
