"""Batches of masks judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from sam3_contract.errors import MaskError
from sam3_contract.mask_files.batches import LINE_BYTES, Archive, Batch, Document, Lines, Records
from sam3_contract.mask_files.foreign import with_proposal
from sam3_contract.mask_files.opening import Size
from sam3_contract.mask_files.plain import are_plain, numbers_of_plain_masks
from sam3_contract.masks import (
    Absent,
    Finding,
    MaskRecord,
    find_defects_in_many,
    find_defects_in_npz,
    masks_from_npz,
    masks_of_record,
    parse_json,
)

__all__ = ["MOST_FINDINGS", "TOO_LONG", "AbsentMasks", "Judged", "LocatedFinding", "judge"]

MOST_FINDINGS: Final = 20_000
"""Findings that are kept of a batch, or of a unit of an audit; a unit of usual masks, all broken, has a fifth of it."""
_MASKS_AT_ONCE: Final = 4096
"""Masks that are judged in one pass: a document of eight megabytes can hold millions that are none."""


class LocatedFinding(NamedTuple):
    """A finding and the line of its file.

    Attributes:
        line: Counted from 1; None if the file is not read by lines.
        finding: What was found there.
        member: The file within the file, if that is an archive of files; empty otherwise.
    """

    line: int | None
    finding: Finding
    member: str = ""


class AbsentMasks(NamedTuple):
    """Places where masks were looked for and none is, all for one reason.

    Attributes:
        first: The finding of the first.
        why: What that one has and lacks, to go on after its place.
        number: How many there are.
    """

    first: LocatedFinding
    why: str
    number: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one batch.

    Attributes:
        n_masks: Masks that were looked at.
        n_faulty: Masks with a finding.
        findings: What was found in masks, in the order of the file.
        absent: Where masks were looked for and none is: one entry for each kind of defect.
        unread: Lines that are too long to be read.
        only_counted: How many more findings there are that are not kept, by code.
    """

    n_masks: int = 0
    n_faulty: int = 0
    findings: tuple[LocatedFinding, ...] = ()
    unread: tuple[int, ...] = ()
    absent: tuple[AbsentMasks, ...] = ()
    only_counted: Mapping[str, int] = field(default_factory=dict)


def judge(batch: Batch, *, image_size: Size | None = None, codes: frozenset[str] | None = None) -> Judged:
    """Find the defects of a batch.

    Args:
        batch: Of any kind.
        image_size: ``(height, width)`` in pixels of the masks' image; None if not known.
        codes: Codes of the defects to report; None for all.
    """
    wanted = _Wanted(codes)
    if isinstance(batch, Archive):
        return _judge_archive(batch.payload, image_size, wanted)
    if isinstance(batch, Lines):
        return _judge_lines(batch, image_size, wanted)
    if isinstance(batch, Document):
        return _judge_texts([(None, batch.text)], image_size, wanted)
    return _judge_records(batch, wanted)


class _Wanted:
    """A choice of defects."""

    def __init__(self, codes: frozenset[str] | None) -> None:
        self._codes = codes

    def of(self, findings: Iterable[Finding], line: int | None) -> list[LocatedFinding]:
        """Keep the findings that are wanted."""
        return [LocatedFinding(line, found) for found in findings if self._codes is None or found.code in self._codes]


def _judge_lines(batch: Lines, image_size: Size | None, wanted: _Wanted) -> Judged:
    numbered = list(enumerate(batch.texts, start=batch.first))
    judged = _judge_texts(((line, text) for line, text in numbered if text is not None), image_size, wanted)
    unread = tuple(line for line, text in numbered if text is None)
    return replace(judged, unread=unread)


def _judge_texts(texts: Iterable[tuple[int | None, bytes]], image_size: Size | None, wanted: _Wanted) -> Judged:
    tally = _Tally(wanted)
    texts = [(line, text) for line, text in texts if text.strip()]
    for (line, text), number in zip(
        texts, numbers_of_plain_masks([text for _, text in texts], image_size=image_size), strict=True
    ):
        if number is not None:
            tally.n_masks += number
            continue
        value, findings = parse_json(text)
        tally.note(line, with_proposal(findings, text))
        # Without a value there is nothing in the text; a `null` is judged, as a mask that is none.
        if value is not None or not findings:
            for record in masks_of_record(value, image_size=image_size):
                tally.judge(line, record)
    return tally.judged()


def _judge_records(batch: Records, wanted: _Wanted) -> Judged:
    tally = _Tally(wanted)
    tally.note(None, batch.findings)
    for record in batch.records:
        tally.judge(None, record)
    return tally.judged()


class _Tally:
    """Judges masks many at a time and adds up what is found; in a line what is wrong with its text comes first."""

    def __init__(self, wanted: _Wanted) -> None:
        self.n_masks = 0
        self._wanted = wanted
        self._n_faulty = 0
        self._waiting: list[tuple[int | None, MaskRecord]] = []
        self._around: list[LocatedFinding] = []
        self._found: list[LocatedFinding] = []
        self._absent: dict[str, AbsentMasks] = {}
        self._only_counted: Counter[str] = Counter()

    def note(self, line: int | None, findings: Iterable[Finding]) -> None:
        """Take what is wrong with the text around masks."""
        self._keep(self._wanted.of(findings, line), self._around)

    def judge(self, line: int | None, record: MaskRecord) -> None:
        """Take a mask."""
        self._waiting.append((line, record))
        if len(self._waiting) == _MASKS_AT_ONCE:
            self._judge_waiting()

    def judged(self) -> Judged:
        """Say what came of all."""
        self._judge_waiting()
        found = self._around + self._found
        if self._around:
            found.sort(key=lambda one: one.line or 0)
        absent = tuple(self._absent.values())
        return Judged(self.n_masks, self._n_faulty, tuple(found), absent=absent, only_counted=dict(self._only_counted))

    def _judge_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        for (line, record), findings in zip(waiting, _findings_of([record for _, record in waiting]), strict=True):
            if isinstance(record.masks, Absent):
                code = findings[0].code
                first = LocatedFinding(line, findings[0])
                earlier = self._absent.get(code, AbsentMasks(first, record.masks.why, 0))
                self._absent[code] = earlier._replace(number=earlier.number + 1)
                continue
            self.n_masks += 1
            if findings and (wanted := self._wanted.of(findings, line)):
                self._n_faulty += 1
                self._keep(wanted, self._found)

    def _keep(self, found: list[LocatedFinding], among: list[LocatedFinding]) -> None:
        room = MOST_FINDINGS - len(self._around) - len(self._found)
        among += found[:room]
        self._only_counted.update(one.finding.code for one in found[room:])


def _findings_of(records: list[MaskRecord]) -> list[list[Finding]]:
    findings: list[list[Finding]] = [[] for _ in records]
    closer = [index for index, plain in enumerate(are_plain(records)) if not plain]
    for index, found in zip(closer, find_defects_in_many(records[index] for index in closer), strict=True):
        findings[index] = found
    return findings


def _judge_archive(payload: bytes, image_size: Size | None, wanted: _Wanted) -> Judged:
    try:
        return Judged(n_masks=len(masks_from_npz(payload, image_size=image_size).masks))
    except MaskError:
        findings = wanted.of(find_defects_in_npz(payload, image_size=image_size), None)
        # How many masks a defective archive holds cannot be told; it is counted as one.
        return Judged(1, min(1, len(findings)), tuple(findings))


TOO_LONG: Final = f"longer than {LINE_BYTES} bytes, the most that is read of a line"
