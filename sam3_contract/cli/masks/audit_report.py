"""What an audit found, shown while it goes on and summed up in the end."""

from __future__ import annotations

import io
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from sam3_contract.auditing.findings_file import FindingsFile, finding_as_json
from sam3_contract.auditing.outcome import Outcome
from sam3_contract.auditing.pictures import Worst
from sam3_contract.auditing.summary import Summary
from sam3_contract.auditing.units import Terms
from sam3_contract.errors import UNJUDGED, OutputError
from sam3_contract.files.atomic import check_output_folder
from sam3_contract.mask_files.judging import MOST_FINDINGS, LocatedFinding
from sam3_contract.mask_files.opening import STANDARD_STREAM, Unreadable
from sam3_contract.mask_files.urls import is_url, shown
from sam3_contract.masks import DEFECTS, Defect, Severity
from sam3_contract.terminal import plain, say

__all__ = ["AuditReport"]

_COLOURS: Final[dict[Severity, str]] = {"error": "red", "warning": "yellow", "note": "blue"}
_MAX_UNREAD_SHOWN: Final = 20
# What commands that report an audit take.
max_findings_option = click.option(
    "--max-findings",
    metavar="N",
    type=click.IntRange(0),
    default=50,
    show_default=True,
    help="Shown per file, as text.",
)
findings_option = click.option(
    "--findings",
    metavar="FILE",
    help="Write the findings kept (the first 20,000 of a unit) to this file too: .parquet, or .json with one a line.",
)


class AuditReport:
    """Takes the outcomes of an audit and shows them on the terminal, in a file, as pictures.

    Args:
        paths: The files, as they are opened.
        terms: How they are read.
        output_format: ``text`` or ``json``.
        max_findings: Shown per file, as text.
        findings: Takes all that are kept; None for no file.
        pictures: Folder for the worst; None for no pictures.
        unread: What is known beforehand not to be judged, a sentence each.

    Raises:
        OutputError: If nothing can be put into the folder for pictures.
    """

    def __init__(
        self,
        paths: Sequence[str],
        terms: Terms,
        *,
        output_format: str,
        max_findings: int,
        findings: FindingsFile | None = None,
        pictures: Path | None = None,
        unread: Sequence[str] = (),
    ) -> None:
        self._paths = paths
        self._summary = Summary([shown(path) for path in paths], terms.codes, unread=[*unread])
        self._text = None if output_format == "json" else _TextReport(max_findings)
        self._findings = findings
        if pictures is not None:
            check_output_folder(pictures)
        self._pictures = pictures
        self._worst = Worst(terms)

    def run_share(self, outcomes: Iterable[Outcome]) -> int:
        """Count the outcomes of a share of the work; where its findings stand is known only beside the others.

        Args:
            outcomes: As of `run`; an `OutputError` ends them early too.

        Returns:
            The exit status of the command.
        """
        return self._run(outcomes, is_share=True)

    def run(self, outcomes: Iterable[Outcome]) -> int:
        """Show outcomes as they come, then what they add up to.

        Args:
            outcomes: In the order of the files. An interrupt, or an `Unreadable` that they raise, ends them early: what
                is known is shown nevertheless.

        Returns:
            The exit status of the command.
        """
        return self._run(outcomes, is_share=False)

    def _run(self, outcomes: Iterable[Outcome], *, is_share: bool) -> int:
        try:
            with _Bar(self._paths) as bar:
                self._follow(outcomes, bar, is_share=is_share)
            self._sum_up()
        except _StdoutError as error:
            sys.stdout = io.StringIO()  # what is left in the buffer would raise again when the process ends
            counts = f"{_number(self._summary.n_masks, 'mask')}, {_number(self._summary.severities['error'], 'error')}"
            say(f"sam3-contract: {error}; judged so far: {counts}", err=True)
            return UNJUDGED
        return self._summary.exit_status

    def _follow(self, outcomes: Iterable[Outcome], bar: _Bar, *, is_share: bool) -> None:
        summary = self._summary
        try:
            for outcome in outcomes:
                found = summary.add(outcome)
                if not is_share:
                    self._show(outcome.file, found, bar)
                    self._count_only(outcome)
                bar.advance(summary.files[outcome.file], outcome.n_bytes)
        except KeyboardInterrupt:
            if bar.is_writing:  # a line may have been cut off, which the last one is not to follow
                _print("\n")
            summary.unread.append("interrupted: what follows was not judged")
        except _StdoutError:
            raise
        except (Unreadable, OutputError) as error:
            summary.unread.append(str(error))
        else:
            for place, late in [] if is_share else summary.close():
                self._show(place, [late], bar)

    def _show(self, place: int, found: Sequence[LocatedFinding], bar: _Bar) -> None:
        name = self._summary.files[place]
        if self._findings is not None:
            self._findings.add(name, found)
        self._worst.add(self._paths[place], found)
        bar.write("".join(self._text(name, found) if self._text else _as_json(name, found)))

    def _count_only(self, outcome: Outcome) -> None:
        if self._text is not None:
            self._text.count_only(self._summary.files[outcome.file], sum(outcome.only_counted.values()))

    def _sum_up(self) -> None:
        summary = self._summary
        if self._findings is not None:
            self._findings.close()
            summary.unread += [self._findings.problem] if self._findings.problem else []
        drawn = list(self._drawn())
        for reason in summary.unread[:_MAX_UNREAD_SHOWN]:
            say(f"sam3-contract: {reason}", err=True)
        if len(summary.unread) > _MAX_UNREAD_SHOWN:
            say(f"sam3-contract: and {len(summary.unread) - _MAX_UNREAD_SHOWN} more of this kind", err=True)
        if summary.only_counted:
            said = _number(summary.only_counted, "more finding")
            say(f"sam3-contract: {said} only counted: of a unit of work the first {MOST_FINDINGS:,} are kept", err=True)
        if self._text is None:
            _print(plain(orjson.dumps({"totals": summary.as_json()}).decode()) + "\n")
        else:
            told = map(plain, (*drawn, *[""] * bool(drawn), *self._text.rest()))
            _print("".join(f"{line}\n" for line in (*told, *_totals(summary))))

    def _drawn(self) -> Iterator[str]:
        if self._pictures is None:
            return
        try:
            for picture, path, found in self._worst.draw(self._pictures):
                yield f"{picture}  {_place(shown(path), found)} {found.finding.path}"
        except OutputError as error:
            self._summary.unread.append(str(error))


class _StdoutError(OutputError):
    """Standard output cannot be written."""


def _print(text: str) -> None:
    """Print a text with colours of our own, whose foreign parts are `plain` already."""
    try:
        say(text, nl=False, styled=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _StdoutError(f"standard output cannot be written: {error.strerror or error}") from error


class _Bar:
    """Shows on stderr how much of all files is judged, if somebody sits there to see it."""

    def __init__(self, names: Sequence[str]) -> None:
        self.is_writing = False
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        # Not redirected: what goes to stdout would end on stderr, even with stdout in a file.
        self._progress = (
            Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
            if console.is_terminal
            else None
        )
        self._task = self._progress.add_task("", total=_length_of(names)) if self._progress else None

    def __enter__(self) -> Self:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def advance(self, name: str, n_bytes: int) -> None:
        """Show that so many more bytes of a file are judged."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, description=escape(plain(name)), advance=n_bytes)

    def write(self, text: str) -> None:
        """Write to stdout, above the bar if both are on one terminal."""
        if not text:
            return
        both = self._progress if sys.stdout.isatty() else None
        if both:
            both.stop()
        self.is_writing = True
        _print(text)
        self.is_writing = False
        if both:
            both.start()


def _length_of(names: Sequence[str]) -> int | None:
    """Return the bytes of all files; None if one is a pipe, or with a service."""
    if any(name == STANDARD_STREAM or is_url(name) for name in names):
        return None
    return sum(os.path.getsize(name) for name in names if os.path.isfile(name))  # noqa: PTH113, PTH202 - as in names.py


def _as_json(name: str, findings: Sequence[LocatedFinding]) -> Iterator[str]:
    for one in findings:
        yield plain(orjson.dumps(finding_as_json(name, one)).decode()) + "\n"


class _TextReport:
    """Writes findings for a person, up to a number per file."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._found: Counter[str] = Counter()
        self._only_counted: Counter[str] = Counter()

    def __call__(self, name: str, findings: Sequence[LocatedFinding]) -> Iterator[str]:
        room = max(0, self._at_most - self._found[name])
        self._found[name] += len(findings)
        for found in findings[:room]:
            yield "\n".join(_told(name, found)) + "\n\n"

    def count_only(self, name: str, number: int) -> None:
        """Note findings that were not kept."""
        self._only_counted[name] += number

    def rest(self) -> Iterator[str]:
        """Say how many findings were not shown."""
        kept_of_unit = f"the first {MOST_FINDINGS:,} of a unit"
        for name, number in self._found.items():
            hidden, counted = max(0, number - self._at_most), self._only_counted[name]
            if hidden:
                of = f" of the findings kept ({kept_of_unit})" if counted else ""
                yield f"{name}: {hidden + counted} more, not shown; --max-findings shows more{of}"
                yield ""
            elif counted:
                yield f"{name}: {counted} more, not shown: of the findings only {kept_of_unit} are kept"
                yield ""


def _told(name: str, found: LocatedFinding) -> Iterator[str]:
    finding = found.finding
    where = plain(_place(name, found))
    title = _styled(f"{finding.code} {finding.name}", _COLOURS[finding.severity])
    yield f"{where}  {title} ({finding.severity})"
    for word, text in (("at", finding.path), ("found", finding.found), ("expected", finding.expected)):
        yield f"  {word:8}  {plain(text)}"
    if finding.diagnosis:
        yield f"  because   {plain(finding.diagnosis)}"


def _place(name: str, found: LocatedFinding) -> str:
    where = f"{name}:{found.member}" if found.member else name
    return where if found.line is None else f"{where}:{found.line}"


def _totals(summary: Summary) -> Iterator[str]:
    present = [defect for defect in DEFECTS if summary.defects[defect.code]]
    if present:
        yield from _table(present, summary.defects)
        yield ""
    counts = [_number(summary.severities[severity], severity) for severity in _COLOURS if summary.severities[severity]]
    colour = "red" if summary.severities["error"] else "yellow" if summary.unread or counts else "green"
    verdict = ", ".join(counts) or ("no defect" if summary.n_masks else "nothing to judge")
    if summary.unread and (summary.n_masks or counts):
        verdict += "; not all could be judged"
    yield f"{_number(len(summary.files), 'file')}, {_number(summary.n_masks, 'mask')}: {_styled(verdict, colour)}"
    if present:
        yield f"`sam3-contract masks explain {present[0].code}` tells how it comes about and how to mend it"


def _table(defects: Sequence[Defect], numbers: Counter[str]) -> Iterator[str]:
    width = max(len(defect.name) for defect in defects)
    digits = max(len(f"{numbers[defect.code]:,}") for defect in defects)
    for defect in defects:
        code = _styled(defect.code, _COLOURS[defect.severity])
        yield f"{code}  {defect.name:{width}}  {numbers[defect.code]:>{digits},}  {defect.severity}"


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _styled(text: str, colour: str) -> str:
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return click.style(text, fg=colour) if coloured else text
