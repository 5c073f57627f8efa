"""What single machines of a job array found, kept in files and put together.

A part is JSON Lines: what the work is, then an outcome per unit, written as it is known. So a machine that is killed
leaves what it judged, and whoever puts the parts together knows which units nobody judged.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, Annotated, Final, Literal, cast

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from sam3_contract.auditing.outcome import Outcome, sum_of
from sam3_contract.auditing.units import Shard, Terms
from sam3_contract.errors import OutputError
from sam3_contract.mask_files.judging import AbsentMasks, LocatedFinding
from sam3_contract.mask_files.opening import Unreadable, bytes_of_file
from sam3_contract.masks import DEFECTS, Finding, Severity

__all__ = ["Parts", "parts_of_files", "written_to_part"]

_MAX_NAMED: Final = 5
_LONGER: Final = 2**20  # bytes that the first line of another part may be longer, to be known as one
_Number = Annotated[int, Field(ge=0)]
_CODES: Final = frozenset(defect.code for defect in DEFECTS)


def _known(code: str) -> str:
    if code not in _CODES:
        raise ValueError("is no code of a mask defect")
    return code


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Head(_Model):
    """The first line: the same in all parts of one audit, but for the shard."""

    audit: Literal[1]
    files: tuple[str, ...]
    codes: tuple[str, ...] | None
    image_size: tuple[int, int] | None
    as_lines: bool
    column: str | None
    shard: tuple[int, int]


class _Finding(_Model):
    code: str
    name: str
    severity: Severity
    path: str
    found: str
    expected: str
    diagnosis: str


class _Located(_Model):
    line: int | None
    finding: _Finding
    member: str

    def value(self) -> LocatedFinding:
        return LocatedFinding(self.line, Finding(**self.finding.model_dump()), self.member)


class _Absent(_Model):
    first: _Located
    why: str
    number: _Number


class _Outcome(_Model):
    file: _Number
    part: _Number
    n_parts: Annotated[int, Field(ge=1)]
    n_masks: _Number
    n_faulty: _Number
    findings: tuple[_Located, ...]
    absent: tuple[_Absent, ...]
    unread: tuple[str, ...]
    unread_lines: tuple[int, ...]
    n_lines: _Number
    n_bytes: _Number
    only_counted: dict[Annotated[str, AfterValidator(_known)], _Number] = Field(default_factory=dict)

    def value(self) -> Outcome:
        findings = tuple(one.value() for one in self.findings)
        absent = tuple(AbsentMasks(one.first.value(), one.why, one.number) for one in self.absent)
        counts = self.model_dump(exclude={"findings", "absent"})
        return Outcome(**counts, findings=findings, absent=absent)


@dataclass(frozen=True, slots=True)
class Parts:
    """All parts of one audit.

    Attributes:
        files: The files of masks.
        terms: What was looked for in them.
        outcomes: Those of all units, in their order, each once; for a file with units that nobody judged, one says so.
        missing: Which shards are missing, in a sentence; empty if none is.
    """

    files: tuple[str, ...]
    terms: Terms
    outcomes: tuple[Outcome, ...]
    missing: str


def written_to_part(
    outcomes: Iterable[Outcome], path: Path, *, files: Sequence[str], terms: Terms, shard: Shard
) -> Iterator[Outcome]:
    """Keep outcomes in a file while they pass by.

    Args:
        outcomes: Of whole units or of pieces of them, in their order.
        path: The file; an earlier run of the same shard is lost in it.
        files: Names of the files of masks.
        terms: What is looked for in them.
        shard: Which share of the work it is.

    Yields:
        The outcomes, of whole units.

    Raises:
        OutputError: If the file cannot be written, in which case what was written before is in it; or if it holds what
            another shard, or another audit, found.
    """
    head = _Head(
        audit=1,
        files=tuple(files),
        codes=None if terms.codes is None else tuple(sorted(terms.codes)),
        image_size=terms.image_size,
        as_lines=terms.as_lines,
        column=terms.column,
        shard=(shard.number, shard.of),
    )
    try:
        with path.open("ab", buffering=0) as file:
            _claim(file, path, head)
            _write_all(file, head.model_dump_json().encode() + b"\n")
            for outcome in _whole(outcomes):
                _write_all(file, _line_of(outcome))
                yield outcome
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def _write_all(file: IO[bytes], line: bytes) -> None:
    """Write a line to a file without a buffer: of one that the disk has no room for, a part is taken without a word."""
    rest = memoryview(line)
    while rest:
        rest = rest[file.write(rest) :]


def parts_of_files(names: Sequence[str]) -> Parts:
    """Put the parts of an audit together.

    Args:
        names: Their files. A shard that was judged twice counts once.

    Raises:
        Unreadable: If a file is no part, or they are not of one audit.
    """
    heads: list[_Head] = []
    outcomes: dict[tuple[int, int], Outcome] = {}
    for name in names:
        head, its = _read(name)
        if heads and heads[0].model_copy(update={"shard": (0, 0)}) != head.model_copy(update={"shard": (0, 0)}):
            raise Unreadable(f"{name} is of another audit than {names[0]}: other files, or other terms")
        if heads and heads[0].shard[1] != head.shard[1]:
            raise Unreadable(f"{name} is of {head.shard[1]} shards, {names[0]} of {heads[0].shard[1]}")
        heads.append(head)
        for outcome in its:
            outcomes.setdefault((outcome.file, outcome.part), outcome)
    first = heads[0]
    codes = None if first.codes is None else frozenset(first.codes)
    terms = Terms(first.image_size, codes, first.as_lines, first.column)
    in_order = [outcome for _, outcome in sorted(outcomes.items())]
    in_order += _missing_units(first.files, outcomes)
    return Parts(first.files, terms, tuple(sorted(in_order, key=lambda one: one.file)), _missing_shards(heads))


def _claim(file: IO[bytes], path: Path, head: _Head) -> None:
    """Empty a part; refuse one of another shard, or that another audit is writing: its lines would be lost."""
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return
    try:
        _lock(file)
    except BlockingIOError as error:
        raise OutputError(f"{path} is being written by another audit; each shard takes a part of its own") from error
    except OSError:  # no locks on this file system
        pass
    _refuse_of_others(path, head)
    file.truncate(0)


def _lock(file: IO[bytes]) -> None:
    with suppress(ImportError):  # on Windows
        import fcntl  # noqa: PLC0415 - Unix only

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def _refuse_of_others(path: Path, head: _Head) -> None:
    written = head.model_dump_json().encode() + b"\n"
    with path.open("rb") as file:
        first = file.readline(len(written) + _LONGER)
    if written.startswith(first):  # the same shard's, cut short or not, or nobody's
        return
    try:
        its = _Head.model_validate_json(first)
    except ValidationError as error:
        raise OutputError(f"{path} holds something else than a part of an audit; it is left as it is") from error
    same = its.model_copy(update={"shard": head.shard}) == head
    whose = f"shard {its.shard[0]}/{its.shard[1]}" if same else "another audit, of other files or on other terms,"
    raise OutputError(f"{path} holds what {whose} found; name another --part, or remove that one first")


def _whole(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Join the pieces of each unit."""
    for _, pieces in groupby(outcomes, key=lambda one: (one.file, one.part)):
        yield sum_of(list(pieces))


def _line_of(outcome: Outcome) -> bytes:
    try:
        return orjson.dumps(asdict(outcome), default=_as_object) + b"\n"
    except orjson.JSONEncodeError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # for which orjson takes no more than for any exception
            raise error.__cause__ from None
        raise


def _as_object(value: object) -> object:
    """Write named tuples as objects: orjson does not."""
    return cast(LocatedFinding | AbsentMasks, value)._asdict()


def _read(name: str) -> tuple[_Head, list[Outcome]]:
    lines = bytes_of_file(name).split(b"\n")
    # What follows the last line end was cut off: its machine was killed, or its disk full.
    whole = lines[:-1]
    try:
        head = _Head.model_validate_json(whole[0] if whole else b"")
        outcomes = [_Outcome.model_validate_json(line).value() for line in whole[1:]]
    except ValidationError as error:
        raise Unreadable(f"{name} is no part of an audit, as `masks check --shard` writes it") from error
    if any(outcome.file >= len(head.files) or outcome.part >= outcome.n_parts for outcome in outcomes):
        raise Unreadable(f"{name} is no part of an audit: it has outcomes of files that it does not name")
    return head, outcomes


def _missing_shards(heads: Sequence[_Head]) -> str:
    n_shards = heads[0].shard[1]
    missing = sorted(set(range(1, n_shards + 1)) - {head.shard[0] for head in heads})
    if not missing:
        return ""
    named = ", ".join(map(str, missing[:_MAX_NAMED])) + (", ..." if len(missing) > _MAX_NAMED else "")
    return f"of {n_shards} shards {len(missing)} {'is' if len(missing) == 1 else 'are'} missing: {named}"


def _missing_units(files: Sequence[str], outcomes: dict[tuple[int, int], Outcome]) -> Iterator[Outcome]:
    judged: dict[int, list[Outcome]] = {}
    for outcome in outcomes.values():
        judged.setdefault(outcome.file, []).append(outcome)
    for place, name in enumerate(files):
        its = judged.get(place, [])
        n_parts = its[0].n_parts if its else 1
        if len(its) < n_parts:
            some = (
                f"{name}: {n_parts - len(its)} of its {n_parts} units were not judged; later lines are counted without"
            )
            reason = some if its else f"{name} was not judged"
            yield Outcome(place, n_parts, n_parts, unread=(reason,))
