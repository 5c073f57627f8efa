"""Which snapshots a session used, and which of those that lie there nobody uses any more.

A snapshot belongs to a test; its file name tells which. It is unused if that test is no longer there, or ran to its
end and passed without looking at it. A test that was not selected, was skipped or failed says nothing of its
snapshots, so that any part of a suite can be run by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

__all__ = ["FOLDER", "LIVE", "Record", "Selection", "module_folder", "unused"]

FOLDER: Final = "__sam3_snapshots__"
"""Folder beside a test module that holds the snapshots of its tests."""


LIVE: Final = "live"
"""Folder within a module's, of what the live service answered."""


@dataclass(slots=True)
class Record:
    """What a process of a session saw; processes of one session are added up.

    Attributes:
        folders: Folders of snapshots that collection came across.
        modules: Test modules that were collected to their end.
        tests: Tests that there are, whether selected or not, by module.
        passed: Tests that ran to their end and passed, by module; ``live/`` before the name if with the live service.
        used: Files of snapshots that a test looked at or wrote.
        written: Those of them that changed.
    """

    folders: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    tests: dict[str, set[str]] = field(default_factory=dict)
    passed: dict[str, set[str]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    def as_json(self) -> dict[str, Any]:
        """Write the record for another process."""
        return {
            "folders": sorted(self.folders),
            "modules": sorted(self.modules),
            "tests": {module: sorted(names) for module, names in self.tests.items()},
            "passed": {module: sorted(names) for module, names in self.passed.items()},
            "used": sorted(self.used),
            "written": sorted(self.written),
        }

    def add(self, other: Mapping[str, Any]) -> None:
        """Add what another process wrote with `as_json`."""
        self.folders |= set(other["folders"])
        self.modules |= set(other["modules"])
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
        in_part: Modules of which single tests were named.
        drops_tests: Whether tests are left out that collection does not tell of, as ``--last-failed`` does.
    """

    paths: Collection[Path]
    in_part: Collection[Path]
    drops_tests: bool

    def covers(self, path: Path) -> bool:
        """Tell whether a folder that was asked for holds a path."""
        return any(path.resolve().is_relative_to(chosen) for chosen in self.paths if chosen.is_dir())


def module_folder(module: Path) -> Path:
    """Tell where the snapshots of a test module lie."""
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
        complete = not selection.drops_tests and module.resolve() not in selection.in_part
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
