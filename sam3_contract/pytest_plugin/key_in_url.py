"""Says at the end of a session how many requests of its tests held the API key in their URL; it fails nothing."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from sam3_contract.interception import LocalMock
    from sam3_contract.pytest_plugin.shared import SharedMock

_FOUND = pytest.StashKey[int]()
# An attribute of the report, as these come from the processes of pytest-xdist too. No property of the test: those get
# into JUnit files, whose schema has none.
_ATTRIBUTE: Final = "sam3_keys_in_urls"


def remember(mock: LocalMock | SharedMock, node: pytest.Item) -> None:
    """Remember of a test how many of the requests that its mock still lists held a key in their URL."""
    node.stash[_FOUND] = node.stash.get(_FOUND, 0) + sum(entry.key_in_url for entry in mock.requests)


class KeyInUrlPlugin:
    """Counts, and writes one line below the results."""

    def __init__(self) -> None:
        self._found = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Give what an attempt at a test has left to its report."""
        report = yield
        if report.when == "teardown" and item.stash.get(_FOUND, 0):
            setattr(report, _ATTRIBUTE, item.stash[_FOUND])
            item.stash[_FOUND] = 0
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what a test has left."""
        self._found += getattr(report, _ATTRIBUTE, 0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the line, if there is anything to say."""
        if self._found:
            from sam3_contract.redaction import note_on_keys_in_urls  # noqa: PLC0415 - most sessions have no use for it

            terminalreporter.write_line(f"sam3-contract: note: {note_on_keys_in_urls(self._found)}")
