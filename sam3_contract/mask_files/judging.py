"""Batches of masks judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from sam3_contract.errors import MaskError
from sam3_contract.mask_files.batches import LINE_BYTES, Archive, Batch, Document, Lines
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

__all__ = ["TOO_LONG", "AbsentMasks", "Judged", "Located", "judge"]


class Located(NamedTuple):
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

    first: Located
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
    """

    n_masks: int = 0
    n_faulty: int = 0
    findings: tuple[Located, ...] = ()
    unread: tuple[int, ...] = ()
    absent: tuple[AbsentMasks, ...] = ()


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
    return _judge_records([(None, record) for record in batch.records], [(None, f) for f in batch.findings], wanted)


class _Wanted:
    """A choice of defects."""

    def __init__(self, codes: frozenset[str] | None) -> None:
        self._codes = codes

    def of(self, findings: Iterable[Finding], line: int | None) -> list[Located]:
        """Keep the findings that are wanted."""
        return [Located(line, found) for found in findings if self._codes is None or found.code in self._codes]


def _judge_lines(batch: Lines, image_size: Size | None, wanted: _Wanted) -> Judged:
    numbered = list(enumerate(batch.texts, start=batch.first))
    judged = _judge_texts(((line, text) for line, text in numbered if text is not None), image_size, wanted)
    unread = tuple(line for line, text in numbered if text is None)
    return replace(judged, unread=unread)


def _judge_texts(texts: Iterable[tuple[int | None, bytes]], image_size: Size | None, wanted: _Wanted) -> Judged:
    records: list[tuple[int | None, MaskRecord]] = []
    around: list[tuple[int | None, Finding]] = []
    n_plain = 0
    texts = [(line, text) for line, text in texts if text.strip()]
    for (line, text), number in zip(
        texts, numbers_of_plain_masks([text for _, text in texts], image_size=image_size), strict=True
    ):
        if number is not None:
            n_plain += number
            continue
        value, findings = parse_json(text)
        around += [(line, finding) for finding in with_proposal(findings, text)]
        # Without a value there is nothing in the text; a `null` is judged, as a mask that is none.
        if value is not None or not findings:
            records += [(line, record) for record in masks_of_record(value, image_size=image_size)]
    judged = _judge_records(records, around, wanted)
    return replace(judged, n_masks=judged.n_masks + n_plain)


def _judge_records(
    records: list[tuple[int | None, MaskRecord]], around: list[tuple[int | None, Finding]], wanted: _Wanted
) -> Judged:
    """Judge masks in one pass; what is wrong with the text *around* them comes first in each line."""
    located = [found for line, finding in around for found in wanted.of([finding], line)]
    n_faulty = n_absent = 0
    absent: dict[str, AbsentMasks] = {}
    for (line, record), findings in zip(records, _findings_of([record for _, record in records]), strict=True):
        if isinstance(record.masks, Absent):
            n_absent += 1
            code = findings[0].code
            earlier = absent.get(code, AbsentMasks(Located(line, findings[0]), record.masks.why, 0))
            absent[code] = earlier._replace(number=earlier.number + 1)
        elif findings and (kept := wanted.of(findings, line)):
            n_faulty += 1
            located += kept
    if around:
        located.sort(key=lambda found: found.line or 0)
    return Judged(len(records) - n_absent, n_faulty, tuple(located), absent=tuple(absent.values()))


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
