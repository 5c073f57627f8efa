"""A run, shown: as text for people, as JSON for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import click

from sam3_contract.checks import Violation
from sam3_contract.exchange import redacted
from sam3_contract.runner import CheckOutcome, Run
from sam3_contract.spec import Contract

__all__ = ["as_json", "as_text", "wants_colour"]

MAX_SHOWN = 3  # violations of one check; the count tells of the rest
_COLOURS = {"held": "green", "broken": "red", "odd": "yellow", "inconclusive": "yellow"}

Style = Callable[[str, str], str]


def wants_colour() -> bool:
    """Tell whether stdout is a terminal that may be coloured."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def as_text(run: Run, contract: Contract, *, colour: bool = False) -> str:
    """Write a run for a person.

    Args:
        run: What came out.
        contract: The document it was held to.
        colour: Whether verdicts are coloured.
    """
    return "\n".join(_lines(run, contract, _style(colour))) + "\n"


def as_json(run: Run, contract: Contract) -> dict[str, Any]:
    """Write a run for a program.

    Returns:
        A JSON object: ``target``, ``exit_status``, ``calls``, ``checks`` (code, name, judged, verdict), ``violations``
        (check, case, operation, at, found, expected, why, again, rule), ``deviations`` (ids seen) and ``unanswered``.
    """
    return {
        "tool": f"sam3-contract {metadata.version('sam3-contract')}",
        "contract": contract.version,
        "target": run.target,
        "exit_status": run.exit_status,
        "calls": len(run.exchanges),
        "checks": [
            {
                "code": outcome.check.code,
                "name": outcome.check.name,
                "judged": outcome.judged,
                "verdict": outcome.verdict,
            }
            for outcome in run.outcomes
        ],
        "violations": [_violation_as_json(violation) for violation in run.violations],
        "deviations": list(run.deviations),
        "unanswered": run.unanswered,
    }


def _lines(run: Run, contract: Contract, style: Style) -> Iterator[str]:
    yield f"sam3-contract {metadata.version('sam3-contract')}  {run.target}"
    yield ""
    width = max(len(outcome.check.name) for outcome in run.outcomes)
    for outcome in run.outcomes:
        check = outcome.check
        yield f"{check.code}  {check.name:{width}}  {outcome.judged:4} judged  {_verdict(outcome, style)}"
    for outcome in run.outcomes:
        yield from _shown_violations(outcome, style)
    if run.deviations:
        yield ""
        yield "Known deviations of the server from its documentation, seen here and not counted:"
        statements = {deviation.id: deviation for deviation in contract.deviations}
        for name in run.deviations:
            yield f"  {name}: {' '.join(statements[name].observed.split())}"
    yield ""
    yield from _summary(run, style)


def _verdict(outcome: CheckOutcome, style: Style) -> str:
    count = len(outcome.violations)
    words = {
        "held": "held",
        "broken": f"{count} violation{'s' * (count != 1)}",
        "odd": f"{count} warning{'s' * (count != 1)}",
        "inconclusive": "nothing to judge",
    }
    return style(words[outcome.verdict], _COLOURS[outcome.verdict])


def _shown_violations(outcome: CheckOutcome, style: Style) -> Iterator[str]:
    if not outcome.violations:
        return
    check = outcome.check
    yield ""
    yield f"{style(f'{check.code} {check.name}', _COLOURS[outcome.verdict])}  {check.law}"
    if check.rule:
        yield f"  rule      sam3.yaml{check.rule}"
    yield f"  mend      {check.mend}"
    # Generated requests first: they are the smallest that show it, and can be sent again.
    ranked = sorted(outcome.violations, key=lambda violation: not violation.breach.again)
    for violation in ranked[:MAX_SHOWN]:
        yield ""
        for title, text in _told(violation):
            yield f"  {title:8}  {_safe(violation, text)}"
    rest = len(outcome.violations) - MAX_SHOWN
    if rest > 0:
        yield f"  and {rest} more"


def _told(violation: Violation) -> Iterator[tuple[str, str]]:
    breach = violation.breach
    yield "case", violation.exchange.case.id
    yield "at", breach.at
    yield "found", breach.found
    yield "expected", breach.expected
    if breach.why:
        yield "because", breach.why
    if breach.again:
        yield "again", breach.again


def _summary(run: Run, style: Style) -> Iterator[str]:
    if run.unanswered:
        yield style(f"stopped: {run.unanswered}", "red")
    broken = sum(outcome.verdict == "broken" for outcome in run.outcomes)
    verdicts = {1: (f"{broken} broken", "red"), 3: ("not all could be judged", "yellow")}
    words, colour = verdicts.get(run.exit_status, ("all that could be judged held", "green"))
    calls = len(run.exchanges)
    yield f"{calls} call{'s' * (calls != 1)}, {len(run.outcomes)} checks, {style(words, colour)}"


def _violation_as_json(violation: Violation) -> dict[str, str]:
    return {
        "check": violation.check.code,
        "name": violation.check.name,
        "severity": violation.check.severity,
        "case": violation.exchange.case.id,
        "operation": violation.exchange.case.operation,
        "at": violation.breach.at,
        "found": _safe(violation, violation.breach.found),
        "expected": _safe(violation, violation.breach.expected),
        "why": _safe(violation, violation.breach.why),
        "again": _safe(violation, violation.breach.again),
        "rule": violation.check.rule,
    }


def _safe(violation: Violation, text: str) -> str:
    return redacted(text, violation.exchange.key)


def _style(colour: bool) -> Style:
    return (lambda text, name: click.style(text, fg=name)) if colour else (lambda text, _: text)
