"""What came of a part of the work, small enough to be sent and to be added to that of other parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add

from sam3_contract.mask_files.judging import TOO_LONG, AbsentMasks, Judged, LocatedFinding

__all__ = ["Outcome", "outcome_of", "sum_of"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found in a unit of work, or in a piece of one.

    Attributes:
        file: Place of the file among the files.
        part: Place of the unit among those of the file.
        n_parts: How many units the file is cut into.
        n_masks: Masks that were looked at.
        n_faulty: Masks with a finding.
        findings: What was found, in the order of the file; lines are counted from the beginning of the unit.
        absent: Where masks were looked for and none is: one entry for each kind of defect.
        unread: Why some of it could not be judged.
        unread_lines: Lines that are too long to be read.
        n_lines: Lines passed by; 0 unless the unit is one of several that share the lines of their file.
        n_bytes: Bytes of the file passed by, as it lies on disk.
        only_counted: How many more findings there are that are not kept, by code.
    """

    file: int
    part: int = 0
    n_parts: int = 1
    n_masks: int = 0
    n_faulty: int = 0
    findings: tuple[LocatedFinding, ...] = ()
    absent: tuple[AbsentMasks, ...] = ()
    unread: tuple[str, ...] = ()
    unread_lines: tuple[int, ...] = ()
    n_lines: int = 0
    n_bytes: int = 0
    only_counted: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, later: Outcome) -> Outcome:
        """Join it with that of a later piece of the same unit."""
        return Outcome(
            self.file,
            self.part,
            self.n_parts,
            self.n_masks + later.n_masks,
            self.n_faulty + later.n_faulty,
            self.findings + later.findings,
            joined(self.absent, later.absent),
            self.unread + later.unread,
            self.unread_lines + later.unread_lines,
            self.n_lines + later.n_lines,
            self.n_bytes + later.n_bytes,
            _added(self.only_counted, later.only_counted),
        )

    def with_at_most(self, number: int) -> Outcome:
        """Keep so many findings, and count the others."""
        if len(self.findings) <= number:
            return self
        others = Counter(found.finding.code for found in self.findings[number:])
        return replace(self, findings=self.findings[:number], only_counted=_added(others, self.only_counted))

    def moved_by(self, n_lines: int) -> Outcome:
        """Count lines from so many further up."""
        if not n_lines:
            return self
        return replace(
            self,
            findings=tuple(_moved(found, n_lines) for found in self.findings),
            absent=tuple(one._replace(first=_moved(one.first, n_lines)) for one in self.absent),
            unread_lines=tuple(line + n_lines for line in self.unread_lines),
        )

    def reasons(self, name: str) -> list[str]:
        """Say why some of a file could not be judged."""
        return [*self.unread, *(f"{name}:{line} is {TOO_LONG}" for line in self.unread_lines)]


def sum_of(pieces: Sequence[Outcome]) -> Outcome:
    """Join the pieces of a unit, at least one: in pairs, for one after the other would copy all findings each time."""
    while len(pieces) > 1:
        pieces = [reduce(add, pieces[at : at + 2]) for at in range(0, len(pieces), 2)]
    return pieces[0]


def outcome_of(judged: Judged, *, member: str = "", n_bytes: int = 0, of: Outcome) -> Outcome:
    """Say where a batch belongs.

    Args:
        judged: What came of the batch.
        member: The file within the file; empty if there is none.
        n_bytes: Bytes of the file passed by since the batch before.
        of: An outcome of the same unit.
    """
    findings, absent = judged.findings, judged.absent
    if member:
        findings = tuple(found._replace(member=member) for found in findings)
        absent = tuple(one._replace(first=one.first._replace(member=member)) for one in absent)
    return Outcome(
        of.file,
        of.part,
        of.n_parts,
        judged.n_masks,
        judged.n_faulty,
        findings,
        absent,
        unread_lines=judged.unread,
        n_bytes=n_bytes,
        only_counted=judged.only_counted,
    )


def joined(first: tuple[AbsentMasks, ...], later: tuple[AbsentMasks, ...]) -> tuple[AbsentMasks, ...]:
    """Add up what is absent, by kind of defect."""
    if not first or not later:
        return first or later
    of_code = {one.first.finding.code: one for one in first}
    for one in later:
        code = one.first.finding.code
        earlier = of_code.get(code, one._replace(number=0))
        of_code[code] = earlier._replace(number=earlier.number + one.number)
    return tuple(of_code.values())


def _added(first: Mapping[str, int], later: Mapping[str, int]) -> Mapping[str, int]:
    # A plain dictionary: of a Counter `asdict` makes another one, which counts pairs.
    return {code: first.get(code, 0) + later.get(code, 0) for code in {**first, **later}}


def _moved(found: LocatedFinding, n_lines: int) -> LocatedFinding:
    return found if found.line is None else found._replace(line=found.line + n_lines)
