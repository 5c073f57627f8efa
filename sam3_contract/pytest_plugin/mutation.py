"""``--sam3-mutate``: the tests of a session, run again under each fault that can reach them."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from _pytest.outcomes import OutcomeException
from _pytest.runner import runtestprotocol

from sam3_contract.pytest_plugin.numbers import per_cent

# What these bring takes time to import; the plugin is registered in sessions that ask for it only.
if TYPE_CHECKING:
    from sam3_contract.interception.trial import Trial
    from sam3_contract.mutation.score import Run, Score
    from sam3_contract.mutation.trials import Client
    from sam3_contract.mutation.verdict import End

MUTATE: Final = "--sam3-mutate"
_KEY: Final = "sam3_mutation"


def add_options(group: pytest.OptionGroup) -> None:
    """Add the options."""
    group.addoption(
        MUTATE,
        action="store_true",
        help="Run the tests that call the mock once more under each fault of its catalogue that can reach them, and "
        "say what they make of it: noticed, recovered, crash, hang, silently wrong.",
    )
    group.addoption(
        "--sam3-mutate-faults",
        metavar="NAMES",
        default="",
        help="Only these faults or families of faults (http, schema, mask, semantics), with commas between them.",
    )
    group.addoption(
        "--sam3-mutate-score",
        type=per_cent,
        metavar="MIN",
        help="Fail the session if fewer than MIN per cent of the faults that could be felt were noticed or recovered "
        "from.",
    )
    group.addoption(
        "--sam3-mutate-budget",
        type=float,
        metavar="SECONDS",
        help="Begin no run under a fault after this time, in each process; the most telling faults come first.",
    )
    group.addoption(
        "--sam3-mutate-timeout",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="A test that takes so much longer than without a fault hangs (default: 5).",
    )
    group.addoption(
        "--sam3-mutate-report", metavar="DIR", help="Write mutation.html, mutation.json and mutation.xml (JUnit) here."
    )


class MutationPlugin:
    """Runs the tests under faults, behind the session's own run.

    Args:
        config: The session's.

    Raises:
        pytest.UsageError: If options do not fit.
    """

    def __init__(self, config: pytest.Config) -> None:
        from sam3_contract.errors import UsageError  # noqa: PLC0415
        from sam3_contract.mutation.plan import planned  # noqa: PLC0415

        self._config = config
        self._seconds: float = config.getoption("sam3_mutate_timeout")
        names = [name.strip() for name in config.getoption("sam3_mutate_faults").split(",") if name.strip()]
        try:
            self._faults = planned(names, seconds=self._seconds)
        except UsageError as error:
            raise pytest.UsageError(f"--sam3-mutate-faults: {error}") from error
        for other in ("sam3_live", "sam3_snapshot_update", "sam3_coverage", "sam3_server"):
            if config.getoption(other, default=False):
                raise pytest.UsageError(
                    f"{MUTATE} is a run of its own, on the mock: it does not go with --{other.replace('_', '-')}"
                )
        for other in ("usepdb", "trace"):
            if config.getoption(other, default=False):
                name = other.removeprefix("use")
                raise pytest.UsageError(f"{MUTATE} does not go with --{name}: tests are meant to fail in it")
        self._clean: dict[str, Trial] = {}
        self._took: dict[tuple[str, str], float] = {}  # seconds, of each part of a test without a fault
        self._failed: set[str] = set()
        self._left_out: set[str] = set()
        self._error: BaseException | None = None
        self._trial: Trial | None = None
        self._runs: list[Run] = []
        self._untried: list[str] = []
        self._seconds_spent = 0.0

    # The run without a fault

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Keep what the mocks answer to a test."""
        from sam3_contract.interception.trial import Trial, on_trial  # noqa: PLC0415

        self._clean[item.nodeid] = Trial()
        with on_trial(self._clean[item.nodeid]):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Remember the tests that did not pass by themselves; in a trial, the error that ended it."""
        report = yield
        if self._trial is None:
            self._took[item.nodeid, call.when] = call.duration
        if self._trial is not None:
            if self._error is None and call.excinfo is not None:
                self._error = call.excinfo.value
        elif report.failed:
            self._failed.add(item.nodeid)
        elif report.skipped:  # or failed as it was expected to: not what shows that a fault is noticed
            self._left_out.add(item.nodeid)
        return report

    # The trials

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Run the trials behind everything else, in the process that ran the test."""
        result = yield
        if self._clean and not self._failed and not session.shouldfail and not session.shouldstop:
            started = time.monotonic()
            self._run_trials([item for item in session.items if item.nodeid in self._clean])
            self._seconds_spent = time.monotonic() - started
        return result

    def _run_trials(self, items: Sequence[pytest.Item]) -> None:
        from sam3_contract.mutation.files import MOST_PICTURED  # noqa: PLC0415
        from sam3_contract.mutation.trials import Trials  # noqa: PLC0415

        asked = [item for item in items if self._clean[item.nodeid].answers and item.nodeid not in self._left_out]
        clients = [self._client(item) for item in asked]
        pictures = MOST_PICTURED if self._config.getoption("sam3_mutate_report") is not None else 0
        trials = Trials(self._faults, budget=self._config.getoption("sam3_mutate_budget"), pictures=pictures)
        with self._progress() as show, self._without_tracebacks(), self._without_reports():
            try:
                for run in trials.of(clients):
                    self._runs.append(run)
                    show(run.fault)
            except KeyboardInterrupt:
                tried = {run.fault for run in self._runs}
                self._untried = [fault for fault in self._faults if fault not in tried]
                raise
        self._untried = trials.untried
        if asked:
            asked[-1].session._setupstate.teardown_exact(None)  # noqa: SLF001 - what the trials set up for all of them

    def _client(self, item: pytest.Item) -> Client:
        from sam3_contract.mutation.trials import Client  # noqa: PLC0415

        clean = self._clean[item.nodeid]
        return Client(item.nodeid, partial(self._end_of, item), clean.answers, clean.may_be_felt)

    def _end_of(self, item: pytest.Item, trial: Trial) -> End:
        """Run a test in a trial; what modules and sessions share stays set up for the next."""
        from sam3_contract.interception.trial import on_trial  # noqa: PLC0415
        from sam3_contract.mutation.limits import let_pass  # noqa: PLC0415

        with suppress(Exception):  # what another module or class shared, which pytest wants to be gone
            item.session._setupstate.teardown_exact(item)  # noqa: SLF001
        anew = getattr(item, "_initrequest", None)  # as pytest-rerunfailures does; items of other plugins have none
        if anew is not None:
            anew()
        vars(item).pop("execution_count", None)  # without it pytest-rerunfailures keeps nothing set up for another run
        self._trial, self._error = trial, None
        trial.passes = let_pass
        try:
            with on_trial(trial):
                runtestprotocol(item, log=False, nextitem=item.parent)  # type: ignore[arg-type]
        except pytest.exit.Exception as error:  # ends the session where it is no trial
            self._error = error
            with suppress(Exception):
                item.session._setupstate.teardown_exact(item.parent)  # type: ignore[arg-type]  # noqa: SLF001
        finally:
            self._trial = None
        return _end(self._error, item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Stop what hangs; of a test that is run again, the last attempt counts."""
        if self._trial is None and item.nodeid in self._clean:
            self._failed.discard(item.nodeid)
            self._clean[item.nodeid].begin_again()
        with self._limited(item, "setup"):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Stop what hangs."""
        with self._limited(item, "call"):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        """Stop what hangs."""
        with self._limited(item, "teardown"):
            return (yield)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self) -> bool | None:
        """Let pytest-timeout set no timer in a trial, which has its own: a process has but one."""
        return True if self._trial is not None else None

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_cancel_timer(self) -> bool | None:
        """Let pytest-timeout take no timer away in a trial."""
        return self.pytest_timeout_set_timer()

    @contextmanager
    def _limited(self, item: pytest.Item, when: str) -> Iterator[None]:
        from sam3_contract.mutation.limits import time_limit  # noqa: PLC0415

        if self._trial is None:
            yield
            return
        with time_limit(self._seconds, besides=self._took.get((item.nodeid, when), 0.0), release=self._trial.end):
            yield

    @contextmanager
    def _without_tracebacks(self) -> Iterator[None]:
        """Let pytest draw no traceback of what fails in a trial: nobody sees it, and it takes longer than the test."""
        options = self._config.option
        before = options.tbstyle, options.fulltrace
        options.tbstyle, options.fulltrace = "no", False
        try:
            yield
        finally:
            options.tbstyle, options.fulltrace = before

    @contextmanager
    def _without_reports(self) -> Iterator[None]:
        """Let nobody count what fails in a trial as failures of the session: subtests report by themselves."""
        listening = self._config.hook.pytest_runtest_logreport._hookimpls  # noqa: SLF001 - a plugin cannot stop others
        before = list(listening)
        listening.clear()
        try:
            yield
        finally:
            listening[:] = before

    @contextmanager
    def _progress(self) -> Iterator[Any]:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or not reporter.isatty:
            yield lambda _: None
            return
        number = {fault: place for place, fault in enumerate(self._faults, start=1)}
        reporter.ensure_newline()

        def show(fault: str) -> None:
            reporter.rewrite(f"sam3 mutation: {number[fault]} of {len(number)} faults  {fault}", erase=True)

        yield show
        reporter.rewrite("", erase=True)

    # What came of it

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add up what the workers of pytest-xdist found."""
        from sam3_contract.mutation.score import Run  # noqa: PLC0415

        found = getattr(node, "workeroutput", {}).get(_KEY)
        if found is None:
            return
        self._runs += [Run.of_json(one) for one in found["runs"]]
        self._untried += found["untried"]
        self._failed |= set(found["failed"])
        self._seconds_spent = max(self._seconds_spent, found["seconds"])

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hand on what a worker found; where all is known, hold the score to its minimum."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            runs = [run.as_json() for run in self._runs]
            found = {"runs": runs, "untried": self._untried, "failed": sorted(self._failed)}
            output[_KEY] = {**found, "seconds": self._seconds_spent}
        elif exitstatus == pytest.ExitCode.OK and self._too_low:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say the score, and write the files."""
        from sam3_contract.mutation.files import write_files  # noqa: PLC0415
        from sam3_contract.mutation.text import lines_of  # noqa: PLC0415

        terminalreporter.section("sam3 mutation")
        if self._failed:
            terminalreporter.line("not begun: without a fault the tests have to pass", red=True)
            return
        if not self._runs:
            terminalreporter.line("no test called a mock of this process")
            return
        score = self._score
        for line, verdict in lines_of(score):
            felt = verdict if verdict and verdict.counts else None
            terminalreporter.line(line, green=bool(felt and felt.is_good), red=bool(felt and not felt.is_good))
        if self._too_low:
            terminalreporter.line(f"less than --sam3-mutate-score {self._least:g}", red=True)
        folder = self._config.getoption("sam3_mutate_report")
        if folder is not None:
            terminalreporter.line(f"report  {write_files(score, Path(folder))[-1]}")

    @property
    def _least(self) -> float | None:
        least: float | None = self._config.getoption("sam3_mutate_score")
        return least

    @property
    def _score(self) -> Score:
        from sam3_contract.mutation.score import Score  # noqa: PLC0415

        # Workers come in any order; the report does not.
        place = {fault: number for number, fault in enumerate(self._faults)}
        runs = sorted(self._runs, key=lambda run: (place[run.fault], run.code))
        return Score.of(runs, untried=self._untried, seconds=self._seconds_spent)

    @property
    def _too_low(self) -> bool:
        percent = self._score.percent
        return self._least is not None and (percent is None or percent < self._least)


def _end(error: BaseException | None, item: pytest.Item) -> End:
    from sam3_contract.mutation.limits import Hang  # noqa: PLC0415
    from sam3_contract.mutation.verdict import End, end_of  # noqa: PLC0415

    if isinstance(error, Hang):
        return End("hung", str(error))
    end = end_of(error)
    meant = isinstance(error, OutcomeException) or (error is not None and _raised_by(item, error))
    return End("failed", end.says) if end.kind == "crashed" and meant else end


def _raised_by(item: pytest.Item, error: BaseException) -> bool:
    """Whether a test's own lines raised an error: taking the first of nothing found is how some tests fail."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and Path(trace.tb_frame.f_code.co_filename) == item.path
