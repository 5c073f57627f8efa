"""A run as one HTML file: no request leaves it, and it works without JavaScript, on a phone, printed, in the dark."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from sam3_contract.checks import Check, Violation
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.redaction import without_key
from sam3_contract.report.bodies import Line, answer_lines, request_lines
from sam3_contract.report.pictures import Album, Figure, figures_of
from sam3_contract.report.stage import forget_photographs
from sam3_contract.report.words import (
    Again,
    Standing,
    clean,
    conclusion,
    count_of,
    extent,
    headline,
    keys_of,
    plain,
    rate_of,
    repeats,
    safe,
    takes_of,
    tool,
    verdict_of,
    violations_of,
)
from sam3_contract.spec import Contract
from sam3_contract.verification.causes import causes_of
from sam3_contract.verification.runner import CheckOutcome, Run

__all__ = ["as_html"]

MAX_CAUSES: Final = 20
MAX_UNJUDGED: Final = 20
MAX_FINDINGS: Final = 500  # report.json has them all
MAX_OF_A_CHECK: Final = 100
MAX_PICTURED: Final = 8  # findings of one check with pictures; the rest look the same
MAX_TEXT: Final = 6 * 2**20  # bytes of requests and answers, after which they are left out
MAX_WORDS: Final = 2_000  # characters of what was found, and of what was expected
MAX_HEADERS: Final = 30
MAX_HEADER: Final = 200  # characters of one

_RANK: Final = {"broken": 0, "odd": 1, "held": 2, "inconclusive": 3}


@dataclass(frozen=True, slots=True)
class _Call:
    """A request and its answer, as they are shown."""

    case: str
    asks: str
    method: str
    path: str
    request: list[Line]
    status: str
    headers: list[tuple[str, str]]
    answer: list[Line]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Finding:
    """A violation, as it is shown."""

    number: int
    standing: Standing
    operation: str
    case: str
    at: str
    found: str
    expected: str
    why: str
    takes: str
    deviation: str
    commands: list[str]
    figures: list[Figure]
    calls: list[_Call]


@dataclass(frozen=True, slots=True)
class _Group:
    """The findings of a check."""

    check: Check
    verdict: str
    words: str
    findings: list[_Finding]
    left_out: int


@dataclass(frozen=True, slots=True)
class _Cause:
    """A cause, as it is shown."""

    check: Check
    headline: str
    extent: str
    command: str
    figures: list[Figure]


@dataclass(slots=True)
class _Writer:
    """Turns a run into what the template shows, within the limits of a page."""

    run: Run
    contract: Contract
    again: Again | None
    album: Album = field(default_factory=Album)
    _number: int = 0
    _bytes: int = 0

    def causes(self) -> Iterator[_Cause]:
        """List what is wrong, the worst first; it is pictured, the rest is where its findings are."""
        for number, cause in enumerate(causes_of(self.run.outcomes, self.run.exchanges)[:MAX_CAUSES]):
            first = cause.violations[0]
            yield _Cause(
                cause.check,
                _cut(headline(cause), MAX_WORDS),
                extent(cause),
                next(iter(repeats(first, self.again)), ""),
                figures_of(first, self.album) if number == 0 else [],
            )

    def groups(self) -> Iterator[_Group]:
        """List the checks that found something, each with its findings."""
        for outcome in sorted(self.run.outcomes, key=lambda one: _RANK[one.verdict]):
            found = list(violations_of(outcome))
            if not found:
                continue
            room = max(0, min(MAX_OF_A_CHECK, MAX_FINDINGS - self._number))
            findings = [
                self._finding(standing, violation, pictured=nth < MAX_PICTURED)
                for nth, (standing, violation) in enumerate(found[:room])
            ]
            left_out = len(found) - len(findings)
            yield _Group(outcome.check, outcome.verdict, verdict_of(outcome), findings, left_out)

    def _finding(self, standing: Standing, violation: Violation, *, pictured: bool) -> _Finding:
        self._number += 1
        breach, exchange = violation.breach, violation.exchange
        left_out = Figure("not drawn: other findings of this check show the like")
        others = [other for other in breach.beside if other is not exchange]
        limit = MAX_WORDS if self._fits else MAX_HEADER
        found, expected, why = (
            _cut(safe(text, exchange), limit) for text in (breach.found, breach.expected, breach.why)
        )
        self._spend([found, expected, why])
        return _Finding(
            number=self._number,
            standing=standing,
            operation=exchange.case.operation,
            case=_cut(safe(exchange.case.id, exchange), MAX_HEADER),
            at=_cut(safe(breach.at, exchange), MAX_HEADER),
            found=found,
            expected=expected,
            why=why,
            takes=_cut(takes_of(violation), limit),
            deviation=breach.deviation,
            commands=repeats(violation, self.again),
            figures=figures_of(violation, self.album) if pictured else [left_out],
            calls=[self._call(exchange, breach.at), *(self._call(other, "") for other in others[:2])],
        )

    @property
    def _fits(self) -> bool:
        return self._bytes < MAX_TEXT

    def _spend(self, texts: Iterable[str]) -> None:
        self._bytes += sum(len(escape(text).encode("utf-8", "replace")) for text in texts)

    def _call(self, exchange: Exchange, at: str) -> _Call:
        case = exchange.case
        fits = self._fits
        left_out = [Line("(left out: the page is long enough; exchanges.har has it)")]
        request = request_lines(exchange) if fits else left_out
        answer = answer_lines(exchange, at) if fits else left_out
        headers = [_header(exchange, *header) for header in list(exchange.headers.items())[: MAX_HEADERS * fits]]
        self._spend([line.text for line in (*request, *answer)] + [text for header in headers for text in header])
        return _Call(
            case=_cut(safe(case.id, exchange), MAX_HEADER),
            asks=_cut(safe(case.asks, exchange), MAX_HEADER),
            method=case.method,
            path=self.contract.operation(case.operation).path,
            request=request,
            status=safe(exchange.failure, exchange) or str(exchange.status),
            headers=headers,
            answer=answer,
            seconds=exchange.seconds,
        )


def as_html(run: Run, contract: Contract, *, again: Again | None = None) -> str:
    """Write a run as a page.

    Each finding has its photograph with the masks, what was expected beside it, the request and the answer cut short.
    The page stays below 20 MB: pictures, requests and answers are left out from a limit on, and it says so.

    Args:
        run: What came out.
        contract: The document it was held to.
        again: Tells the commands that show a violation again, beside those it knows itself.
    """
    writer = _Writer(run, contract, again)
    causes = list(writer.causes())
    groups = list(writer.groups())
    forget_photographs()
    template = _environment().get_template("report.html.j2")
    page = template.render(
        tool=tool(),
        run=run,
        contract=contract,
        target=clean(run.target, run),
        conclusion=_conclusion(run),
        facts=_facts(run),
        causes=causes,
        groups=groups,
        shown=sum(len(group.findings) for group in groups),
        pictures=writer.album.pictures,
        is_full=writer.album.is_full,
        outcomes=[_row(outcome) for outcome in run.outcomes],
        notices=[clean(text, run) for text in _notices(run)],
        unsent=[clean(case_id, run) for case_id in run.unsent],
        stale=[clean(entry, run) for entry in run.stale],
        deviations={one.id: one for one in contract.deviations},
        calls=[_line_of(exchange) for exchange in run.exchanges],
        operations=sorted({finding.operation for group in groups for finding in group.findings}),
        standings=_standings(groups),
        style=_asset("report.css"),
        script=_asset("report.js"),
        policy=_policy(),
    )
    for key in keys_of(run):
        page = without_key(page, key)
    return page


def _notices(run: Run) -> Iterator[str]:
    """Say why the run is not whole."""
    yield from (f"Stopped: {text}" for text in (run.unanswered, run.stopped) if text)
    yield from (f"Could not be judged: {text}" for text in run.unjudged[:MAX_UNJUDGED])
    rest = len(run.unjudged) - MAX_UNJUDGED
    if rest > 0:
        yield f"Could not be judged: {rest} more, which report.json lists"


def _conclusion(run: Run) -> str:
    broken = sum(outcome.verdict == "broken" for outcome in run.outcomes)
    return f"{count_of(broken, 'check')} broken" if broken else conclusion(run)


def _facts(run: Run) -> list[tuple[str, str]]:
    verdicts = [outcome.verdict for outcome in run.outcomes]
    facts = [
        ("calls", str(len(run.exchanges))),
        ("retries", str(run.retries)),
        ("checks", str(len(verdicts))),
        ("held", str(verdicts.count("held"))),
        ("broken", str(verdicts.count("broken"))),
        ("with warnings", str(verdicts.count("odd"))),
        ("without anything to judge", str(verdicts.count("inconclusive"))),
    ]
    return [(name, value) for name, value in facts if value != "0" or name in {"calls", "checks", "broken"}]


def _standings(groups: list[_Group]) -> list[tuple[str, str]]:
    names = {
        "error": "errors",
        "warning": "warnings",
        "missed": "missed trials",
        "accepted": "accepted",
        "deviation": "known deviations",
    }
    there = {finding.standing for group in groups for finding in group.findings}
    return [(name, words) for name, words in names.items() if name in there]


def _row(outcome: CheckOutcome) -> dict[str, Any]:
    needs = f"needs {outcome.check.needs}" if outcome.verdict == "inconclusive" else ""
    return {
        "check": outcome.check,
        "judged": outcome.judged,
        "verdict": outcome.verdict,
        "words": verdict_of(outcome),
        "note": needs or rate_of(outcome),
        "has_findings": bool(outcome.violations or outcome.accepted or outcome.deviating),
    }


def _line_of(exchange: Exchange) -> tuple[str, str, str, str]:
    status = str(exchange.status) if exchange.status else f"none: {safe(exchange.failure, exchange)}"
    return safe(exchange.case.id, exchange), exchange.case.operation, status, f"{exchange.seconds:.3f}"


def _header(exchange: Exchange, name: str, value: str) -> tuple[str, str]:
    # Masked before it is cut, so that no part of a key is left.
    return _cut(safe(name, exchange), MAX_HEADER), _cut(safe(value, exchange), MAX_HEADER)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sam3_contract.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    environment.filters["counted"] = count_of
    return environment


@cache
def _asset(name: str) -> Markup:
    """Read a file of ours that goes into the page as it is."""
    environment = _environment()
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])  # noqa: S704 - our own file, without data


@cache
def _policy() -> str:
    """Write a content security policy that lets nothing run or load but what this page brings."""
    style, script = (_hash(str(_asset(name))) for name in ("report.css", "report.js"))
    closed = "default-src 'none'; base-uri 'none'; form-action 'none'"
    return f"{closed}; img-src data:; style-src {style}; script-src {script}"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
