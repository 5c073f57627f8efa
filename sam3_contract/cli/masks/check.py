"""``sam3-contract masks check``."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from sam3_contract.errors import UsageError
from sam3_contract.mask_files.batches import batches_of
from sam3_contract.mask_files.judging import TOO_LONG, AbsentMasks, Judged, Located, Part, judge_in_order
from sam3_contract.mask_files.opening import Source, Unreadable, image_size_from_options, opened
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
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    max_findings: int,
    jobs: int,
    output_format: str,
) -> None:
    """Find what is wrong with masks, and say what to do about it.

    A FILE is an answer of concept_segment or visual_segment, a list of predictions, a COCO file or list of results,
    a bare mask, JSON Lines of any of these, or an npz of visual_segment; each may be gzip. `-` is standard input.
    Files may be larger than memory. The size of an image counts where it is known: from the options; from a COCO
    file's `images`, which in files above 8 MB must come before its `annotations`; from an `image` with `height` and
    `width` beside the masks.

    \b
    --format json writes one object per line: for each finding
      {"file", "line" (null if not JSON Lines), "path", "code", "name",
       "severity", "found", "expected", "diagnosis"}
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
    tally = _Tally(files, codes)
    show = _as_json if output_format == "json" else _TextReport(max_findings)
    with _Bar() as bar:
        parts = _parts(files, advance=bar.advance, as_lines=as_lines, image_size=size)
        try:
            for part, judged in judge_in_order(parts, jobs=jobs, image_size=size, codes=codes):
                bar.write("".join(show(files[part.file], judged.findings)))
                tally.add(part, judged)
        except Unreadable as error:
            tally.unread.append(str(error))
        else:
            for place, found in tally.close():
                bar.write("".join(show(files[place], [found])))
    for reason in tally.unread[:_MAX_UNREAD_SHOWN]:
        say(f"sam3-contract: {reason}", err=True)
    if len(tally.unread) > _MAX_UNREAD_SHOWN:
        say(f"sam3-contract: and {len(tally.unread) - _MAX_UNREAD_SHOWN} more of this kind", err=True)
    if output_format == "json":
        say(orjson.dumps({"totals": tally.as_json()}).decode())
    else:
        assert isinstance(show, _TextReport)
        say("".join(f"{line}\n" for line in (*show.rest(), *_totals(tally))), nl=False)
    context.exit(tally.exit_status)


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


@dataclass(slots=True)
class _Tally:
    """What was counted so far."""

    files: Sequence[str]
    codes: frozenset[str] | None = None
    n_masks: int = 0
    n_faulty: int = 0
    defects: Counter[str] = field(default_factory=Counter)
    severities: Counter[Severity] = field(default_factory=Counter)
    unread: list[str] = field(default_factory=list)
    masks_of_file: Counter[int] = field(default_factory=Counter)
    told_of: set[int] = field(default_factory=set)
    absent: dict[int, dict[str, AbsentMasks]] = field(default_factory=dict)

    def add(self, part: Part, judged: Judged) -> None:
        """Count the outcome of a batch."""
        self.n_masks += judged.n_masks
        self.n_faulty += judged.n_faulty
        self.masks_of_file[part.file] += judged.n_masks
        self._count(judged.findings)
        for one in judged.absent:
            of_file = self.absent.setdefault(part.file, {})
            earlier = of_file.get(one.first.finding.code, one._replace(number=0))
            of_file[one.first.finding.code] = earlier._replace(number=earlier.number + one.number)
        problems = [part.problem] if part.problem else []
        problems += [f"{self.files[part.file]}:{line} is {TOO_LONG}" for line in judged.unread]
        self.unread += problems
        # A file with an error in its text has been told of, even if that left no mask of it.
        if problems or any(found.finding.severity == "error" for found in judged.findings):
            self.told_of.add(part.file)

    def close(self) -> list[tuple[int, Located]]:
        """Note the files that turned out to hold no mask; return, of the others, what holds none beside the masks."""
        late = []
        for place, name in enumerate(self.files):
            absent = self.absent.get(place, {})
            if self.masks_of_file[place] or place in self.told_of:
                late += [(place, _aggregated(one)) for code, one in absent.items() if self._wants(code)]
            else:
                self.unread.append("; ".join([f"{name} holds no mask", *map(_reason, absent.values())]))
        self._count([found for _, found in late])
        return late

    def _wants(self, code: str) -> bool:
        return self.codes is None or code in self.codes

    def _count(self, findings: Sequence[Located]) -> None:
        self.defects.update(found.finding.code for found in findings)
        self.severities.update(found.finding.severity for found in findings)

    @property
    def exit_status(self) -> int:
        """1 if an error was found, else 3 if something could not be judged."""
        return 1 if self.severities["error"] else 3 if self.unread else 0

    def as_json(self) -> dict[str, Any]:
        """Return the totals as the help of the command describes them."""
        return {
            "files": len(self.files),
            "masks": self.n_masks,
            "masks_with_findings": self.n_faulty,
            "errors": self.severities["error"],
            "warnings": self.severities["warning"],
            "notes": self.severities["note"],
            "defects": dict(sorted(self.defects.items())),
            "unread": self.unread,
            "exit_status": self.exit_status,
        }


def _aggregated(absent: AbsentMasks) -> Located:
    number = f"; {absent.number} such in all" if absent.number > 1 else ""
    finding = absent.first.finding
    return absent.first._replace(finding=replace(finding, diagnosis=finding.diagnosis + number))


def _reason(absent: AbsentMasks) -> str:
    """Say of what holds no mask what it has instead."""
    line, finding = absent.first
    where = finding.path if line is None else f"line {line}: {finding.path}"
    return f"{where} {absent.why}" + (f" ({absent.number} such in all)" if absent.number > 1 else "")


def _parts(
    files: Sequence[str], *, advance: Callable[[Source], None], as_lines: bool, image_size: tuple[int, int] | None
) -> Iterator[Part]:
    for place, name in enumerate(files):
        try:
            with opened(name) as source:
                for batch in batches_of(source, as_lines=as_lines, image_size=image_size):
                    yield Part(place, batch)
                    advance(source)
        except Unreadable as error:
            yield Part(place, None, str(error))


class _Bar:
    """Shows on stderr how much of a file is read, if somebody sits there to see it."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        # Not redirected: what goes to stdout would end on stderr, even with stdout in a file.
        self._progress = (
            Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
            if console.is_terminal
            else None
        )
        self._task = self._progress.add_task("", total=None) if self._progress else None

    def __enter__(self) -> Self:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def advance(self, source: Source) -> None:
        """Show how far reading has come."""
        if self._progress and self._task is not None and source.n_bytes is not None:
            read = source.packed.tell()
            self._progress.update(
                self._task, description=escape(plain(source.name)), total=source.n_bytes, completed=read
            )

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


def _as_json(name: str, findings: Sequence[Located]) -> Iterator[str]:
    for line, finding in findings:
        told = asdict(finding)
        yield orjson.dumps({"file": name, "line": line, "path": told.pop("path"), **told}).decode() + "\n"


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
    line, finding = found
    where = name if line is None else f"{name}:{line}"
    title = _styled(f"{finding.code} {finding.name}", _COLOURS[finding.severity])
    yield f"{where}  {title} ({finding.severity})"
    for word, text in (("at", finding.path), ("found", finding.found), ("expected", finding.expected)):
        yield f"  {word:8}  {text}"
    if finding.diagnosis:
        yield f"  because   {finding.diagnosis}"


def _totals(tally: _Tally) -> Iterator[str]:
    present = [defect for defect in DEFECTS if tally.defects[defect.code]]
    if present:
        yield from _table(present, tally.defects)
        yield ""
    counts = [_number(tally.severities[severity], severity) for severity in _COLOURS if tally.severities[severity]]
    colour = "red" if tally.severities["error"] else "yellow" if tally.unread or counts else "green"
    verdict = ", ".join(counts) or ("no defect" if tally.n_masks else "nothing to judge")
    if tally.unread and (tally.n_masks or counts):
        verdict += "; not all could be judged"
    yield f"{_number(len(tally.files), 'file')}, {_number(tally.n_masks, 'mask')}: {_styled(verdict, colour)}"
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
