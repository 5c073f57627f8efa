"""What is known of all files so far, added up outcome by outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sam3_contract.auditing.outcome import Outcome, joined
from sam3_contract.errors import BROKEN, HELD, UNJUDGED
from sam3_contract.mask_files.judging import AbsentMasks, LocatedFinding
from sam3_contract.masks import Severity, defect_named

__all__ = ["Summary"]


@dataclass(slots=True)
class Summary:
    """What was found in files of masks.

    Attributes:
        files: Their names.
        codes: Codes of the defects that are reported; None for all.
        n_masks: Masks that were looked at.
        n_faulty: Masks with a finding.
        defects: How often each defect was found, by code.
        severities: How many findings there are of each severity.
        unread: Why some of it could not be judged, a sentence each.
        only_counted: How many of the findings were not kept: of each unit of work the first 20,000 are.
    """

    files: Sequence[str]
    codes: frozenset[str] | None = None
    n_masks: int = 0
    n_faulty: int = 0
    defects: Counter[str] = field(default_factory=Counter)
    severities: Counter[Severity] = field(default_factory=Counter)
    unread: list[str] = field(default_factory=list)
    only_counted: int = 0
    _masks_of_file: Counter[int] = field(default_factory=Counter, repr=False)
    _lines_of_file: Counter[int] = field(default_factory=Counter, repr=False)
    _told_of: set[int] = field(default_factory=set, repr=False)
    _absent: dict[int, tuple[AbsentMasks, ...]] = field(default_factory=dict, repr=False)

    def add(self, outcome: Outcome) -> Sequence[LocatedFinding]:
        """Count an outcome; those of one file come in the order of the file.

        Args:
            outcome: What came of a unit, or of a piece of one.

        Returns:
            Its findings, their lines counted from the beginning of the file.
        """
        file = outcome.file
        moved = outcome.moved_by(self._lines_of_file[file])
        if outcome.n_lines:
            self._lines_of_file[file] += outcome.n_lines
        self.n_masks += outcome.n_masks
        self.n_faulty += outcome.n_faulty
        self._masks_of_file[file] += outcome.n_masks
        if moved.absent:
            self._absent[file] = joined(self._absent.get(file, ()), moved.absent)
        self._count(moved.findings)
        self._count_only(outcome.only_counted)
        reasons = moved.reasons(self.files[file])
        self.unread += reasons
        # A file with an error in its text has been told of, even if that left no mask of it.
        severities = {found.finding.severity for found in moved.findings} | {*map(_severity, outcome.only_counted)}
        if reasons or "error" in severities:
            self._told_of.add(file)
        return moved.findings

    def close(self) -> list[tuple[int, LocatedFinding]]:
        """Note the files that turned out to hold no mask.

        Returns:
            Of the others, with their places among the files, what holds none beside their masks.
        """
        late = []
        for place, name in enumerate(self.files):
            absent = self._absent.get(place, ())
            if self._masks_of_file[place] or place in self._told_of:
                late += [(place, _aggregated(one)) for one in absent if self._wants(one.first.finding.code)]
            else:
                self.unread.append("; ".join([f"{name} holds no mask", *map(_reason, absent)]))
        self._count([found for _, found in late])
        return late

    def _wants(self, code: str) -> bool:
        return self.codes is None or code in self.codes

    def _count(self, findings: Sequence[LocatedFinding]) -> None:
        self.defects.update(found.finding.code for found in findings)
        self.severities.update(found.finding.severity for found in findings)

    def _count_only(self, numbers: Mapping[str, int]) -> None:
        self.defects.update(numbers)
        for code, number in numbers.items():
            self.severities[_severity(code)] += number
        self.only_counted += sum(numbers.values())

    @property
    def exit_status(self) -> int:
        """1 if an error was found, else 3 if something could not be judged."""
        return BROKEN if self.severities["error"] else UNJUDGED if self.unread else HELD

    def as_json(self) -> dict[str, Any]:
        """Return the totals as the help of ``masks check`` describes them."""
        return {
            "files": len(self.files),
            "masks": self.n_masks,
            "masks_with_findings": self.n_faulty,
            "errors": self.severities["error"],
            "warnings": self.severities["warning"],
            "notes": self.severities["note"],
            "defects": dict(sorted(self.defects.items())),
            "only_counted": self.only_counted,
            "unread": self.unread,
            "exit_status": self.exit_status,
        }


def _severity(code: str) -> Severity:
    return defect_named(code).severity


def _aggregated(absent: AbsentMasks) -> LocatedFinding:
    number = f"; {absent.number} such in all" if absent.number > 1 else ""
    finding = absent.first.finding
    return absent.first._replace(finding=replace(finding, diagnosis=finding.diagnosis + number))


def _reason(absent: AbsentMasks) -> str:
    """Say of what holds no mask what it has instead."""
    line, finding, member = absent.first
    where = finding.path if line is None else f"line {line}: {finding.path}"
    where = f"{member}: {where}" if member else where
    return f"{where} {absent.why}" + (f" ({absent.number} such in all)" if absent.number > 1 else "")
