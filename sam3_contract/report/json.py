"""A run for programs: one JSON object, described by a JSON Schema that travels with the package."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, Final

import orjson

from sam3_contract.checks import Violation
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.report.words import Again, Standing, clean, headline, plain, repeats, safe, tool, violations_of
from sam3_contract.spec import Contract
from sam3_contract.verification.causes import Cause, causes_of
from sam3_contract.verification.runner import CheckOutcome, Run

__all__ = ["SCHEMA", "as_json", "schema"]

SCHEMA: Final = "sam3-contract/report/1"
"""Changes when a program that reads this report would have to."""


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema of the report."""
    text = resources.files("sam3_contract.report").joinpath("report-1.schema.json").read_bytes()
    document: dict[str, Any] = orjson.loads(text)
    return document


def as_json(run: Run, contract: Contract, *, again: Again | None = None) -> dict[str, Any]:
    """Write a run for a program.

    Args:
        run: What came out.
        contract: The document it was held to.
        again: Tells the commands that show a violation again, beside those it knows itself.

    Returns:
        A JSON object as `schema` describes it: what was verified, ``exit_status``, a line for each of the ``checks``,
        the ``causes`` of what counts, the worst first, the ``violations`` that count and the warnings, those ``missed``
        by statistical checks that held, ``accepted`` by the baseline, or ``deviating`` in a way that is known, and the
        ``exchanges`` by case.
    """
    return {
        "schema": SCHEMA,
        "tool": tool(),
        "contract": contract.version,
        "target": clean(run.target, run),
        "seed": run.seed,
        "exit_status": run.exit_status,
        "calls": len(run.exchanges),
        "retries": run.retries,
        "checks": [_check(outcome) for outcome in run.outcomes],
        "causes": [_cause(cause, again) for cause in causes_of(run.outcomes, run.exchanges)],
        "violations": _all(run, {"error", "warning"}, again),
        "missed": _all(run, {"missed"}, again),
        "accepted": _all(run, {"accepted"}, again),
        "deviating": _all(run, {"deviation"}, again),
        "deviations": list(run.deviations_seen),
        "deviations_absent": list(run.deviations_absent),
        "stale": [plain(entry) for entry in run.stale],
        "unsent": [plain(case_id) for case_id in run.unsent],
        "later": [clean(sentence, run) for sentence in run.later],
        "unjudged": [clean(sentence, run) for sentence in run.unjudged],
        "stopped": clean(run.stopped, run),
        "unanswered": clean(run.unanswered, run),
        "exchanges": [_exchange(exchange) for exchange in run.exchanges],
    }


def _check(outcome: CheckOutcome) -> dict[str, Any]:
    check = outcome.check
    statistical = check.kind == "statistical"
    return {
        "code": check.code,
        "name": check.name,
        "law": check.law,
        "kind": check.kind,
        "severity": check.severity,
        "rule": check.rule,
        "needs": check.needs,
        "judged": outcome.judged,
        "passed": outcome.passed if statistical else None,
        "least": outcome.least if statistical else None,
        "verdict": outcome.verdict,
        "violations": len(outcome.violations),
        "accepted": len(outcome.accepted),
        "deviating": len(outcome.deviating),
    }


def _cause(cause: Cause, again: Again | None) -> dict[str, Any]:
    first = cause.violations[0]
    return {
        "check": cause.check.code,
        "name": cause.check.name,
        "severity": first.severity,
        "diagnosis": headline(cause),
        "place": safe(cause.place, first.exchange),
        "findings": len(cause.violations),
        "answers": cause.answers,
        "follows": [{"check": code, "findings": number} for code, number in cause.follows],
        "first": _violation(first, again),
    }


def _all(run: Run, standings: set[Standing], again: Again | None) -> list[dict[str, Any]]:
    return [
        _violation(violation, again)
        for outcome in run.outcomes
        for standing, violation in violations_of(outcome)
        if standing in standings
    ]


def _violation(violation: Violation, again: Again | None) -> dict[str, Any]:
    check, breach, exchange = violation.check, violation.breach, violation.exchange
    commands = repeats(violation, again)
    return {
        "check": check.code,
        "name": check.name,
        "kind": check.kind,
        "severity": violation.severity,
        "case": safe(exchange.case.id, exchange),
        "operation": exchange.case.operation,
        "at": safe(breach.at, exchange),
        "found": safe(breach.found, exchange),
        "expected": safe(breach.expected, exchange),
        "why": safe(breach.why, exchange),
        "takes": [safe(thing, exchange) for thing in violation.takes],
        "again": commands[0] if commands else "",
        "commands": commands,
        "rule": check.rule,
        "deviation": breach.deviation,
        "beside": [safe(other.case.id, other) for other in breach.beside],
    }


def _exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "case": safe(exchange.case.id, exchange),
        "operation": exchange.case.operation,
        "method": exchange.case.method,
        "status": exchange.status,
        "seconds": round(exchange.seconds, 6),
        "bytes": len(exchange.body),
        "failure": safe(exchange.failure, exchange),
    }
