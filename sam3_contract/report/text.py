"""A run for a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import click

from sam3_contract.checks import Violation
from sam3_contract.errors import BROKEN, HELD
from sam3_contract.report.words import (
    Again,
    clean,
    conclusion,
    count_of,
    extent,
    headline,
    plain,
    rate_of,
    repeats,
    safe,
    takes_of,
    tool,
    verdict_of,
)
from sam3_contract.spec import Contract
from sam3_contract.verification.causes import Cause, causes_of
from sam3_contract.verification.runner import Run

__all__ = ["as_text", "wants_colour"]

MAX_CAUSES: Final = 3  # that are told; the codes of the rest are listed
MAX_UNSENT: Final = 4  # ids of cases that are named
MAX_LATER: Final = 3  # questions of the next calls that are told
MAX_WORDS: Final = 160  # characters of what was found; a report has them all
NARROWEST: Final = 40  # characters; below that nothing is gained by wrapping

_COLOURS: Final = {"held": "green", "broken": "red", "odd": "yellow", "inconclusive": "yellow"}
_FIELD: Final = 12  # characters before what a field says


def wants_colour() -> bool:
    """Tell whether stdout is a terminal that may be coloured."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def as_text(
    run: Run, contract: Contract, *, colour: bool = False, width: int | None = None, again: Again | None = None
) -> str:
    """Write a run for a person.

    Args:
        run: What came out.
        contract: The document it was held to.
        colour: Whether verdicts are coloured.
        width: Characters of a line; the terminal's by default, without a bound if stdout is none.
        again: Tells the commands that show a violation again, beside those it knows itself.
    """
    page = _Page(run, contract, colour=colour, width=width or _width_of_stdout(), again=again)
    return "\n".join(page.lines()) + "\n"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_WORDS else f"{text[:MAX_WORDS]}..."


def _width_of_stdout() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """How lines are written.

    Attributes:
        colour: Whether words are coloured.
        width: Characters of a line; 0 for no bound.
    """

    colour: bool
    width: int

    def styled(self, text: str, colour: str) -> str:
        """Colour a text, or not."""
        return click.style(text, fg=colour) if self.colour else text

    def wrapped(self, text: str, *, indent: int = 0, first: str | None = None) -> Iterator[str]:
        """Break a text at the width, every line but the first indented."""
        lead = " " * indent if first is None else first
        width = max(self.width, NARROWEST)
        for number, line in enumerate(text.splitlines() or [""]):
            start = lead if number == 0 else " " * indent
            if not self.width:
                yield start + line
                continue
            yield from textwrap.wrap(
                line,
                width,
                initial_indent=start,
                subsequent_indent=" " * indent,
                break_long_words=False,  # paths and ids are there to be copied
                break_on_hyphens=False,
            ) or [start.rstrip()]


class _Page:
    def __init__(self, run: Run, contract: Contract, *, colour: bool, width: int, again: Again | None) -> None:
        self._run = run
        self._contract = contract
        self._look = _Look(colour=colour, width=width)
        self._again = again

    def lines(self) -> Iterator[str]:
        run = self._run
        yield from self._look.wrapped(f"{tool()}  {clean(run.target, run)}  seed {run.seed}", indent=2, first="")
        yield ""
        causes = causes_of(run.outcomes, run.exchanges)
        if causes:
            yield from self._causes(causes)
        else:
            yield from self._table()
        yield from self._statements("Accepted by the baseline and not counted:", self._accepted())
        yield from self._statements("In the baseline, but no longer found; take them out:", run.stale)
        if not causes:
            yield from self._deviations()
            yield from self._statements("Nothing to judge, which is not the same as held:", self._inconclusive())
        yield from self._statements("Not sent:", self._unsent())
        yield ""
        if causes:
            yield from self._folded()
        yield from self._summary()

    def _causes(self, causes: Sequence[Cause]) -> Iterator[str]:
        """Tell the worst cause whole, the next ones in two lines, and name the rest."""
        for number, cause in enumerate(causes[:MAX_CAUSES]):
            yield from self._headline(cause)
            first = cause.violations[0]
            for name, text in self._told(first) if number == 0 else ():
                yield from self._field(name, text)
            for command in repeats(first, self._again)[:1]:
                yield from self._field("again", command)
            yield from [""] if number == 0 and len(causes) > 1 else []
        rest = Counter(cause.check.code for cause in causes[MAX_CAUSES:])
        if rest:
            yield f"and {count_of(rest.total(), 'cause')} more: {', '.join(rest)}"

    def _headline(self, cause: Cause) -> Iterator[str]:
        first = cause.violations[0]
        colour = _COLOURS["broken" if first.severity == "error" else "odd"]
        title = f"{cause.check.code} {cause.check.name}"
        head, *rest = self._look.wrapped(f"{title}  {headline(cause)}", indent=2, first="")
        yield head.replace(title, self._look.styled(title, colour), 1)
        yield from rest
        rates = {outcome.check.code: rate_of(outcome) for outcome in self._run.outcomes}
        words = "; ".join(filter(None, (extent(cause), rates.get(cause.check.code, ""))))
        yield from self._look.wrapped(words, indent=2)

    def _table(self) -> Iterator[str]:
        width = max((len(outcome.check.name) for outcome in self._run.outcomes), default=0)
        for outcome in self._run.outcomes:
            check = outcome.check
            row = f"{check.code}  {check.name:{width}}  {outcome.judged:4} judged  "
            verdict = verdict_of(outcome)
            if self._look.width and len(row) + len(verdict) > self._look.width:
                yield f"{check.code}  {check.name}"
                for line in self._look.wrapped(f"{outcome.judged} judged, {verdict}", indent=5):
                    yield self._look.styled(line, _COLOURS[outcome.verdict])
            else:
                yield row + self._look.styled(verdict, _COLOURS[outcome.verdict])

    def _told(self, violation: Violation) -> Iterator[tuple[str, str]]:
        breach, exchange = violation.breach, violation.exchange
        yield "case", _cut(safe(f"{exchange.case.id}: {exchange.case.asks}", exchange))
        yield "at", safe(breach.at, exchange)
        yield "found", _cut(safe(breach.found, exchange))
        yield "expected", _cut(safe(breach.expected, exchange))
        if violation.takes:
            yield "takes", takes_of(violation)
        if breach.why:
            yield "law", violation.check.law
        yield "mend", violation.check.mend

    def _folded(self) -> Iterator[str]:
        """Count what else came out; a report, or ``--format json``, tells all of it."""
        run = self._run
        verdicts = Counter(outcome.verdict for outcome in run.outcomes)
        parts = [f"{verdicts['held']} held"]
        unjudged = [outcome.check.code for outcome in run.outcomes if outcome.verdict == "inconclusive"]
        parts += [f"nothing to judge for {', '.join(unjudged)}"] if unjudged else []
        parts += [f"known deviations seen: {', '.join(run.deviations_seen)}"] if run.deviations_seen else []
        yield from self._look.wrapped("; ".join(parts), indent=2, first="")

    def _field(self, name: str, text: str) -> Iterator[str]:
        lead = f"  {name:8}  "
        if name == "again":  # to be copied as it is
            yield lead + text
        else:
            yield from self._look.wrapped(text, indent=_FIELD, first=lead)

    def _statements(self, title: str, statements: Iterable[str]) -> Iterator[str]:
        listed = list(statements)
        if listed:
            yield ""
            yield from self._look.wrapped(title)
        for statement in listed:
            yield from self._look.wrapped(plain(statement), indent=4, first="  ")

    def _accepted(self) -> Iterator[str]:
        for outcome in self._run.outcomes:
            if outcome.accepted:
                yield f"{outcome.check.code} {outcome.check.name}: {count_of(len(outcome.accepted), 'finding')}"

    def _deviations(self) -> Iterator[str]:
        known = {one.id: one for one in self._contract.deviations}
        statements = {name: f"{' '.join(one.observed.split())} ({one.seen})" for name, one in known.items()}
        seen = (f"{name}: {statements.get(name, 'not in the document')}" for name in self._run.deviations_seen)
        gone = (f"{name} ({known[name].seen})" if name in known else name for name in self._run.deviations_absent)
        title = "Known deviations of the server from its documentation, seen here and not counted:"
        yield from self._statements(title, seen)
        title = "Known deviations no longer seen: the server does here as its documentation says:"
        yield from self._statements(title, gone)

    def _inconclusive(self) -> Iterator[str]:
        for outcome in self._run.outcomes:
            if outcome.verdict == "inconclusive":
                yield f"{outcome.check.code} {outcome.check.name} needs {outcome.check.needs}"

    def _unsent(self) -> Iterator[str]:
        yield from self._run.unsent[:MAX_UNSENT]
        rest = len(self._run.unsent) - MAX_UNSENT
        if rest > 0:
            yield f"and {rest} more"

    def _summary(self) -> Iterator[str]:
        run = self._run
        yield from self._statements("Could not be judged:", (clean(one, run) for one in run.unjudged))
        for sentence in filter(None, (run.unanswered, run.stopped)):
            for line in self._look.wrapped(f"stopped: {clean(sentence, run)}", indent=2, first=""):
                yield self._look.styled(line, "red")
        if run.later:
            more = "; that ".join(clean(sentence, run) for sentence in run.later[:MAX_LATER])
            yield from self._look.wrapped(
                f"a larger budget goes on with a request that {more}; ...", indent=2, first=""
            )
        calls = count_of(len(run.exchanges), "call")
        if run.retries:
            calls += f" and {count_of(run.retries, 'retry').replace('retrys', 'retries')}"
        colour = {HELD: "green", BROKEN: "red"}.get(run.exit_status, "yellow")
        words = conclusion(run)
        for line in self._look.wrapped(f"{calls}, {count_of(len(run.outcomes), 'check')}, {words}"):
            yield line.replace(words, self._look.styled(words, colour))
