"""``sam3-contract masks check``."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Self

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from sam3_contract.auditing.auditing import outcomes_of
from sam3_contract.auditing.names import files_of
from sam3_contract.auditing.summary import Summary
from sam3_contract.auditing.units import Terms, units_of
from sam3_contract.errors import UsageError
from sam3_contract.mask_files.judging import Located
from sam3_contract.mask_files.opening import STDIN, Unreadable, image_size_from_options
from sam3_contract.mask_files.urls import is_url, shown
from sam3_contract.masks import DEFECTS, Defect, Severity, defect_named
from sam3_contract.terminal import plain, say

__all__ = ["check", "selected_codes"]

_COLOURS: dict[Severity, str] = {"error": "red", "warning": "yellow", "note": "blue"}
_MAX_UNREAD_SHOWN = 20


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...|-")
@click.option("--image-size", metavar="WxH", help="Width and height of the masks' image in pixels, such as 640x480.")
@click.option("--image", type=click.Path(), help="Take the size from this image file.")
@click.option("--lines", "as_lines", is_flag=True, help="Take every file for JSON Lines, whatever its first line is.")
@click.option("--column", metavar="NAME", help="Column of masks in Parquet; found by its name if it has a common one.")
@click.option("--select", multiple=True, metavar="CODES", help="Only these defects: codes, prefixes, names, by comma.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Not these defects.")
@click.option("--max-findings", type=click.IntRange(0), default=50, show_default=True, help="Shown per file, as text.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that judge.")
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def check(
    context: click.Context,
    files: tuple[str, ...],
    *,
    image_size: str | None,
    image: str | None,
    as_lines: bool,
    column: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    max_findings: int,
    jobs: int,
    output_format: str,
) -> None:
    """Find what is wrong with masks, and say what to do about it.

    A FILE is an answer of concept_segment or visual_segment, a list of predictions, a COCO file or list of results,
    a bare mask, JSON Lines of any of these, an npz of visual_segment, Parquet, or a tar of such files; each may be
    packed by gzip or zstd, and be named by URL. Of a folder, all below it that is named as such is taken; patterns may
    be quoted. `-` is standard input.
    Files may be larger than memory. The size of an image counts where it is known: from the options; from a COCO
    file's `images`, which in files above 8 MB must come before its `annotations`; from an `image` with `height` and
    `width` beside the masks.

    \b
    --format json writes one object per line: for each finding
      {"file", "member" (of a tar; absent otherwise), "line" (null if not
       JSON Lines), "path", "code", "name", "severity", "found", "expected",
       "diagnosis"}
    and at the end
      {"totals": {"files", "masks", "masks_with_findings", "errors",
       "warnings", "notes", "defects": {code: number}, "unread": [reason],
       "exit_status"}}

    \b
    Exit status:
      0  no defect that is an error
      1  some; also if other files could not be read
      2  usage
      3  no such defect, but a file cannot be read, or holds no mask at all
    """  # noqa: D301 - click wants the character itself to leave a paragraph as it is
    codes = selected_codes(_words(select), _words(ignore))
    try:
        size = image_size_from_options(image_size, image)
    except Unreadable as error:
        say(f"sam3-contract: {error}", err=True)
        context.exit(3)
    paths = files_of(files)
    names = [shown(path) for path in paths]
    summary = Summary(names, codes)
    show = _as_json if output_format == "json" else _TextReport(max_findings)
    terms = Terms(size, codes, as_lines, column)
    with _Bar(paths) as bar:
        try:
            for outcome in outcomes_of(units_of(paths, terms), terms, jobs=jobs):
                bar.write("".join(show(names[outcome.file], summary.add(outcome))))
                bar.advance(names[outcome.file], outcome.n_bytes)
        except KeyboardInterrupt:
            summary.unread.append("interrupted: what follows was not judged")
        else:
            for place, found in summary.close():
                bar.write("".join(show(names[place], [found])))
    for reason in summary.unread[:_MAX_UNREAD_SHOWN]:
        say(f"sam3-contract: {reason}", err=True)
    if len(summary.unread) > _MAX_UNREAD_SHOWN:
        say(f"sam3-contract: and {len(summary.unread) - _MAX_UNREAD_SHOWN} more of this kind", err=True)
    if output_format == "json":
        say(orjson.dumps({"totals": summary.as_json()}).decode())
    else:
        assert isinstance(show, _TextReport)
        say("".join(f"{line}\n" for line in (*show.rest(), *_totals(summary))), nl=False)
    context.exit(summary.exit_status)


def selected_codes(select: Iterable[str] = (), ignore: Iterable[str] = ()) -> frozenset[str] | None:
    """Choose defects by code, prefix of a code, or name.

    Args:
        select: What to keep; everything if empty.
        ignore: What to leave out of that.

    Returns:
        Their codes; None for all.

    Raises:
        UsageError: If an entry fits no defect, or nothing is left.

    Example:
        >>> sorted(selected_codes(["TXT", "ring_closed"], ["txt01", "TXT02"]))
        ['POL18', 'TXT03', 'TXT04', 'TXT05']
    """
    wanted, unwanted = _codes(select), _codes(ignore)
    if not wanted and not unwanted:
        return None
    chosen = (wanted or {defect.code for defect in DEFECTS}) - unwanted
    if not chosen:
        raise UsageError("no mask defect is left: what is selected is ignored as well")
    return frozenset(chosen)


def _codes(patterns: Iterable[str]) -> set[str]:
    codes: set[str] = set()
    for pattern in patterns:
        by_prefix = {defect.code for defect in DEFECTS if defect.code.startswith(pattern.upper())}
        codes |= by_prefix or {defect_named(pattern).code}
    return codes


def _words(values: Sequence[str]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


class _Bar:
    """Shows on stderr how much of all files is judged, if somebody sits there to see it."""

    def __init__(self, names: Sequence[str]) -> None:
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
        say(text, nl=False)
        if both:
            both.start()


def _length_of(names: Sequence[str]) -> int | None:
    """Return the bytes of all files; None if one is a pipe, or with a service."""
    if any(name == STDIN or is_url(name) for name in names):
        return None
    return sum(path.stat().st_size for path in map(Path, names) if path.is_file())


def _as_json(name: str, findings: Sequence[Located]) -> Iterator[str]:
    for line, finding, member in findings:
        told = asdict(finding)
        where = {"file": name, **({"member": member} if member else {}), "line": line}
        yield orjson.dumps({**where, "path": told.pop("path"), **told}).decode() + "\n"


class _TextReport:
    """Writes findings for a person, up to a number per file."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._found: Counter[str] = Counter()

    def __call__(self, name: str, findings: Sequence[Located]) -> Iterator[str]:
        room = max(0, self._at_most - self._found[name])
        self._found[name] += len(findings)
        for found in findings[:room]:
            yield "\n".join(_told(name, found)) + "\n\n"

    def rest(self) -> Iterator[str]:
        """Say how many findings were not shown."""
        for name, number in self._found.items():
            if number > self._at_most:
                yield f"{name}: {number - self._at_most} more, not shown; --max-findings shows more"
                yield ""


def _told(name: str, found: Located) -> Iterator[str]:
    line, finding, member = found
    where = f"{name}:{member}" if member else name
    where = where if line is None else f"{where}:{line}"
    title = _styled(f"{finding.code} {finding.name}", _COLOURS[finding.severity])
    yield f"{where}  {title} ({finding.severity})"
    for word, text in (("at", finding.path), ("found", finding.found), ("expected", finding.expected)):
        yield f"  {word:8}  {text}"
    if finding.diagnosis:
        yield f"  because   {finding.diagnosis}"


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
