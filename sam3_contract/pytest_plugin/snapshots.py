"""Snapshots in pytest: the option, the fixture ``sam3_snapshot``, and sessions that leave no snapshot unused.

A snapshot belongs to a test; its file name tells which. It is unused if that test is no longer there, or ran to its
end and passed without looking at it. A test that was not selected, was skipped or failed says nothing of its
snapshots, so that any part of a suite can be run by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from sam3_contract.pytest_plugin.names import name_in_module
from sam3_contract.pytest_plugin.snapshot_fixture import UPDATE, Sam3Snapshot, shown

FOLDER: Final = "__sam3_snapshots__"
"""Folder beside a test module that holds the snapshots of its tests."""

LIVE: Final = "live"
"""Folder within a module's, of what the live service answered."""

_KEY: Final = "sam3_snapshots"
_LIVE_FIXTURES: Final = frozenset({"sam3", "sam3_live"})
"""Fixtures that lead to the live service with ``--sam3-live``."""

_USED: Final = pytest.StashKey[set[str]]()
"""The files that the present attempt at a test looked at or wrote."""


def add_options(group: pytest.OptionGroup) -> None:
    """Add the options of snapshots to the group of the plugin."""
    group.addoption(
        UPDATE,
        action="store_true",
        default=False,
        help="Keep the answers of this run as snapshots, and remove the snapshots that no test uses.",
    )


class SnapshotPlugin:
    """Gives tests the fixture ``sam3_snapshot``, and fails sessions that leave snapshots unused.

    Args:
        config: Of the session; the options of `add_options` must be known to it.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._update = bool(config.getoption("sam3_snapshot_update", default=False))
        self._record = Record()
        self._collected: list[pytest.Item] = []
        # By module, node ids that collection found in it, and has not gone into yet.
        self._ahead: defaultdict[str, set[str]] = defaultdict(set)
        self._lost_worker = False
        self._unused: list[Path] = []

    @pytest.fixture
    def sam3_snapshot(self, request: pytest.FixtureRequest) -> Sam3Snapshot:
        """Compare answers of the service with those kept beside the test; see ``sam3_snapshot.match``."""
        return Sam3Snapshot(
            module_folder(request.path) / self._world(request.node),
            name_in_module(request.node),
            update=self._update,
            artifacts=lambda: Path(request.getfixturevalue("sam3_artifacts")),
            record=lambda path, written: self._note(request.node, path, written),
        )

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Keep collection out of folders of snapshots, and remember where they are."""
        if collection_path.name != FOLDER or not collection_path.is_dir():
            return None
        self._record.folders.add(str(collection_path))
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Remember the modules that have snapshots, and what there is in them."""
        report = yield
        module = str(collector.path)
        if isinstance(collector, pytest.File) and self._has_snapshots(collector.path):
            self._record.modules.add(module)
        if module in self._record.modules and report.passed:
            self._ahead[module].discard(collector.nodeid)
            self._ahead[module].update(node.nodeid for node in report.result)
        elif module in self._record.modules:
            self._record.in_part.add(module)
        return report

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Remember the tests there are, before any is deselected."""
        if str(item.path) in self._record.modules:
            self._ahead[str(item.path)].discard(item.nodeid)
            self._collected.append(item)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin an attempt at a test: of one that is run again, only what the last attempt looked at counts."""
        earlier: set[str] = item.stash.get(_USED, set())
        self._record.used -= earlier
        item.stash[_USED] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Remember the tests that ran to their end and passed."""
        report = yield
        if str(item.path) not in self._record.modules:
            return report
        passed = self._record.passed.setdefault(str(item.path), set())
        world = self._world(item)
        name = f"{world}/{name_in_module(item)}" if world else name_in_module(item)
        if report.when == "call" and report.passed:
            passed.add(name)
        elif not report.passed:
            passed.discard(name)
        return report

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add up what the workers of pytest-xdist saw."""
        output = getattr(node, "workeroutput", {})
        if _KEY in output:
            self._record.add(output[_KEY])
        else:
            self._lost_worker = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hand on what this worker saw; where all is known, judge what is unused."""
        self._record.in_part.update(module for module, ahead in self._ahead.items() if ahead)
        for item in self._collected:  # by the names they have when they are run, which plugins may have changed
            self._record.tests.setdefault(str(item.path), set()).add(name_in_module(item))
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_KEY] = self._record.as_json()
            return
        ran = exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED}
        if not ran or self._lost_worker or self._config.getoption("collectonly", default=False):
            return
        self._unused = list(unused(self._record, self._selection()))
        if self._update:
            self._remove_unused()
        elif self._unused and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List what was written, removed, or is not used."""
        written = sorted(self._record.written)
        if not (written or self._unused):
            return
        terminalreporter.section("sam3 snapshots")
        for path in written:
            terminalreporter.line(f"written  {shown(Path(path))}")
        word = "removed" if self._update else "unused "
        for gone in self._unused:
            terminalreporter.line(f"{word}  {shown(gone)}", red=not self._update)
        if self._unused and not self._update:
            terminalreporter.line(f"no test uses these any more: run with {UPDATE} to remove them", red=True)

    def _note(self, item: pytest.Item, path: Path, written: bool) -> None:
        item.stash[_USED].add(str(path))
        self._record.used.add(str(path))
        if written:
            self._record.written.add(str(path))

    def _world(self, item: pytest.Item) -> str:
        """Name the folder of a test's snapshots: the live service finds other things than the mock."""
        is_live = bool(self._config.getoption("sam3_live", default=False))
        return LIVE if is_live and not _LIVE_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())) else ""

    def _has_snapshots(self, module: Path) -> bool:
        return (module.parent / FOLDER).is_dir() and module_folder(module).is_dir()

    def _selection(self) -> Selection:
        here = self._config.invocation_params.dir
        return Selection(
            paths={(here / argument.partition("::")[0]).resolve() for argument in self._config.args},
            drops_tests=bool(self._config.getoption("lf", default=False)),
        )

    def _remove_unused(self) -> None:
        from sam3_contract.files.atomic import remove_leftovers  # noqa: PLC0415 - see `Sam3Snapshot.match`

        for path in self._unused:
            path.unlink(missing_ok=True)
        for folder in {Path(name).parent for name in self._record.written} | {path.parent for path in self._unused}:
            remove_leftovers(folder)
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


@dataclass(slots=True)
class Record:
    """What a process of a session saw; processes of one session are added up.

    Attributes:
        folders: Folders of snapshots that collection came across.
        modules: Test modules that were collected.
        in_part: Those of them in which collection left something out: what was not named, or cannot be collected.
        tests: Tests that there are, whether selected or not, by module.
        passed: Tests that ran to their end and passed, by module; ``live/`` before the name if with the live service.
        used: Files of snapshots that a test looked at or wrote.
        written: Those of them that changed.
    """

    folders: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    in_part: set[str] = field(default_factory=set)
    tests: dict[str, set[str]] = field(default_factory=dict)
    passed: dict[str, set[str]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    def as_json(self) -> dict[str, Any]:
        """Write the record for another process."""
        return {
            "folders": sorted(self.folders),
            "modules": sorted(self.modules),
            "in_part": sorted(self.in_part),
            "tests": {module: sorted(names) for module, names in self.tests.items()},
            "passed": {module: sorted(names) for module, names in self.passed.items()},
            "used": sorted(self.used),
            "written": sorted(self.written),
        }

    def add(self, other: Mapping[str, Any]) -> None:
        """Add what another process wrote with `as_json`."""
        self.folders |= set(other["folders"])
        self.modules |= set(other["modules"])
        self.in_part |= set(other["in_part"])
        self.used |= set(other["used"])
        self.written |= set(other["written"])
        for mine, theirs in ((self.tests, other["tests"]), (self.passed, other["passed"])):
            for module, names in theirs.items():
                mine.setdefault(module, set()).update(names)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a session was asked to run.

    Attributes:
        paths: Files and folders on the command line, or in the configuration.
        drops_tests: Whether tests are left out that collection does not tell of, as ``--last-failed`` does.
    """

    paths: Collection[Path]
    drops_tests: bool

    def covers(self, path: Path) -> bool:
        """Whether a folder that was asked for holds a path."""
        return any(path.resolve().is_relative_to(chosen) for chosen in self.paths if chosen.is_dir())


def module_folder(module: Path) -> Path:
    """Name the folder of a test module's snapshots."""
    # Only here: sessions that use no snapshots import none of it.
    from sam3_contract.snapshots.folder import safe_stem  # noqa: PLC0415

    return module.parent / FOLDER / safe_stem(module.stem)


def unused(record: Record, selection: Selection) -> Iterator[Path]:
    """List the files of snapshots that no test uses any more.

    Args:
        record: Of the whole session.
        selection: What it was asked to run.
    """
    from sam3_contract.snapshots.folder import safe_stem  # noqa: PLC0415 - as above

    for name in sorted(record.modules):
        module = Path(name)
        there = {safe_stem(test) for test in record.tests.get(name, ())}
        complete = not selection.drops_tests and name not in record.in_part
        for world in ("", LIVE):
            passed = {safe_stem(test) for test in _of_world(world, record.passed.get(name, ()))}
            for path in sorted((module_folder(module) / world).glob("*.json")):
                owner = path.name.partition(".")[0]
                gone = complete and owner not in there
                if str(path) not in record.used and (gone or owner in passed):
                    yield path
    for name in sorted(record.folders):
        if selection.covers(Path(name)):
            yield from _orphans(Path(name))


def _of_world(world: str, passed: Collection[str]) -> Iterator[str]:
    prefix = f"{LIVE}/"
    return (name.removeprefix(prefix) for name in passed if name.startswith(prefix) == bool(world))


def _orphans(folder: Path) -> Iterator[Path]:
    """List the snapshots of modules that are gone."""
    from sam3_contract.snapshots.folder import DIFFERENCES, safe_stem  # noqa: PLC0415 - as above

    modules = {safe_stem(path.stem) for path in folder.parent.iterdir() if path.is_file()}
    for inner in sorted(folder.iterdir()):
        if inner.is_dir() and inner.name not in modules | {DIFFERENCES}:
            yield from sorted(inner.rglob("*.json"))
