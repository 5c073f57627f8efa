"""Says at the end of a session how many requests of its tests held the API key in their URL; it fails nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

    from sam3_contract.interception import LocalMock
    from sam3_contract.pytest_plugin.shared import SharedMock

# A property of the test, as these come from the processes of pytest-xdist too.
_PROPERTY: Final = "sam3_keys_in_urls"


def remember(mock: LocalMock | SharedMock, node: pytest.Item) -> None:
    """Remember of a test how many of the requests that its mock still lists held a key in their URL."""
    found = sum(entry.key_in_url for entry in mock.requests)
    if found:
        node.user_properties.append((_PROPERTY, found))


class KeyInUrlPlugin:
    """Counts, and writes one line below the results."""

    def __init__(self) -> None:
        self._found = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what a test has left."""
        found = dict(report.user_properties).get(_PROPERTY)
        if report.when == "teardown" and isinstance(found, int):
            self._found += found

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the line, if there is anything to say."""
        if self._found:
            from sam3_contract.redaction import note_on_keys_in_urls  # noqa: PLC0415 - most sessions have no use for it

            terminalreporter.write_line(f"sam3-contract: note: {note_on_keys_in_urls(self._found)}")
