"""``--sam3-coverage``: what the tests of a session have met of the contract."""

from __future__ import annotations

from collections.abc import Generator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from sam3_contract.pytest_plugin.numbers import per_cent

# What these bring takes time to import; the plugin is registered in sessions that ask for it only.
if TYPE_CHECKING:
    from sam3_contract.coverage.parts import Part
    from sam3_contract.coverage.report import Coverage

COVERAGE: Final = "--sam3-coverage"
_KEY: Final = "sam3_coverage"


def add_options(group: pytest.OptionGroup) -> None:
    """Add the options."""
    group.addoption(
        COVERAGE,
        action="store_true",
        help="Say which operations, fields, formats, answers and families of faults of the contract the tests met.",
    )
    group.addoption(
        "--sam3-coverage-fail-under", type=per_cent, metavar="N", help="Fail the session below N per cent of them."
    )
    group.addoption(
        "--sam3-coverage-report",
        metavar="DIR",
        help="Write coverage.html, coverage.json and missing_tests.py, tests for what is missing, here.",
    )


class CoveragePlugin:
    """Notes what every mock of this process is asked, and what it answers."""

    def __init__(self, config: pytest.Config) -> None:
        from sam3_contract.coverage.parts import parts_of  # noqa: PLC0415
        from sam3_contract.spec import load  # noqa: PLC0415

        self._config = config
        self._contract = load()
        self._parts = parts_of(self._contract)
        self._met: set[Part] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, Any, Any]:
        """Note what a test asks and gets."""
        from sam3_contract.coverage.meeting import met_by  # noqa: PLC0415
        from sam3_contract.interception.trial import Trial, on_trial  # noqa: PLC0415

        trial = Trial()
        with on_trial(trial):
            result = yield
        self._met |= met_by(trial.answers, self._parts)
        return result

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add up what the workers of pytest-xdist met."""
        from sam3_contract.coverage.parts import Part  # noqa: PLC0415

        self._met |= {Part(*one) for one in getattr(node, "workeroutput", {}).get(_KEY, ())}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hand on what a worker met; where all is known, hold it to the minimum."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_KEY] = [(part.kind, part.operation, part.name) for part in sorted(self._met)]
        elif exitstatus == pytest.ExitCode.OK and self._is_too_low:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was met, and write the files."""
        from sam3_contract.coverage.report import lines_of, write_files  # noqa: PLC0415

        terminalreporter.section("sam3 coverage")
        for line in lines_of(self._coverage):
            terminalreporter.line(line)
        if self._is_too_low:
            terminalreporter.line(f"less than --sam3-coverage-fail-under {self._least:g}", red=True)
        folder = self._config.getoption("sam3_coverage_report")
        if folder is not None:
            terminalreporter.line(f"report  {write_files(self._coverage, Path(folder))[1]}")
        elif self._coverage.missing:
            terminalreporter.line("--sam3-coverage-report DIR writes tests for what is missing")

    @cached_property
    def _coverage(self) -> Coverage:
        from sam3_contract.coverage.report import Coverage  # noqa: PLC0415

        return Coverage(self._contract, self._parts, self._met)

    @property
    def _least(self) -> float | None:
        least: float | None = self._config.getoption("sam3_coverage_fail_under")
        return least

    @property
    def _is_too_low(self) -> bool:
        return self._least is not None and self._coverage.percent < self._least
