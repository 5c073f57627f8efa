"""A run as JUnit XML, which build servers show: a suite for each family of checks, a test case for each check.

The form has no standard; this keeps to what the schema of Jenkins' xUnit plugin allows, which GitLab and others read
too. Jenkins keeps only one failure of a test case, so all of a check's violations are in one. (junitparser, the library
for it, adds an attribute to the root that this schema refuses.)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final
from xml.etree import ElementTree as ET  # written only; what is read elsewhere never comes here

from sam3_contract.checks import Violation
from sam3_contract.report.words import (
    Again,
    Standing,
    clean,
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
    violations_of,
)
from sam3_contract.spec import Contract
from sam3_contract.verification.causes import Cause, causes_of
from sam3_contract.verification.runner import CheckOutcome, Run

__all__ = ["as_junit"]

MAX_SHOWN: Final = 20  # violations of one check

_BESIDE: Final[dict[Standing, str]] = {
    "warning": "warning",
    "missed": "missed trial",
    "accepted": "accepted finding",
    "deviation": "known deviation",
}


def as_junit(run: Run, contract: Contract, *, again: Again | None = None) -> str:
    """Write a run as JUnit XML.

    A broken check is a failure, with one finding of each cause; one without anything to judge is skipped; warnings,
    accepted findings and known deviations are in the output of a test case that passes. The run has one of its own: an
    error where it could not be judged to its end, and skipped where its budget left some of the plan unsent.

    Args:
        run: What came out.
        contract: The document it was held to.
        again: Tells the commands that show a violation again, beside those it knows itself.
    """
    root = ET.Element("testsuites", {"name": "sam3-contract"})
    causes = causes_of(run.outcomes, run.exchanges)
    for family, outcomes in groupby(run.outcomes, key=lambda outcome: outcome.check.code[0]):
        suite = ET.SubElement(root, "testsuite", {"name": f"sam3-contract.{family}"})
        for outcome in outcomes:
            own = [cause for cause in causes if cause.check is outcome.check]
            _add_check(suite, outcome, own, again)
    _add_run(ET.SubElement(root, "testsuite", {"name": "sam3-contract.run"}), run, contract)
    seconds = sum(exchange.seconds for exchange in run.exchanges)
    for suite in root:
        _count(suite, seconds=seconds if suite is root[-1] else 0)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, 0)) for suite in root)))
    root.set("time", f"{seconds:.3f}")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _count(suite: ET.Element, *, seconds: float) -> None:
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(list(suite.iter(tag)))))
    suite.set("time", f"{seconds:.3f}")


def _add_run(suite: ET.Element, run: Run, contract: Contract) -> None:
    facts = {
        "tool": tool(),
        "contract": contract.version,
        "target": clean(run.target, run),
        "seed": str(run.seed),
        "calls": str(len(run.exchanges)),
        "retries": str(run.retries),
    }
    properties = ET.SubElement(suite, "properties")
    for name, value in facts.items():
        ET.SubElement(properties, "property", {"name": name, "value": value})
    seconds = sum(exchange.seconds for exchange in run.exchanges)
    case = _add_case(suite, "run is complete", "sam3_contract.run", seconds=seconds)
    reasons = [clean(reason, run) for reason in (run.unanswered, *run.unjudged) if reason]
    if not reasons and not any(outcome.judged for outcome in run.outcomes):
        reasons = ["nothing could be judged"]
    tag = "error" if reasons or run.is_interrupted else "skipped"
    reasons += [clean(run.stopped, run)] if run.stopped else []
    if reasons:
        told = ET.SubElement(case, tag, {"type": "stopped", "message": reasons[0]})
        told.text = "\n".join([*reasons, *(f"not sent: {plain(case_id)}" for case_id in run.unsent)])


def _add_case(suite: ET.Element, name: str, group: str, *, seconds: float = 0) -> ET.Element:
    return ET.SubElement(suite, "testcase", {"name": name, "classname": group, "time": f"{seconds:.3f}"})


def _add_check(suite: ET.Element, outcome: CheckOutcome, causes: Sequence[Cause], again: Again | None) -> None:
    check = outcome.check
    case = _add_case(suite, f"{check.code} {check.name}", f"sam3_contract.{check.code[0]}")
    found = list(violations_of(outcome))
    if outcome.verdict == "broken":
        whys = [f"{headline(cause)} ({extent(cause)})" for cause in causes] or ["follows from a worse cause"]
        message = f"{check.law} {whys[0]}; {verdict_of(outcome)}"
        failure = ET.SubElement(case, "failure", {"type": check.kind, "message": message})
        # Of each cause one finding, or of what follows from another check's.
        errors = [violation for standing, violation in found if standing == "error"]
        firsts = [cause.violations[0] for cause in causes if cause.violations[0].severity == "error"]
        failure.text = "\n\n".join(["\n".join(whys), _told(firsts or errors[:1], again)])
    elif outcome.verdict == "inconclusive":
        message = f"nothing to judge: needs {check.needs}"
        ET.SubElement(case, "skipped", {"type": "inconclusive", "message": message})
    beside = _beside(outcome, found, again)
    if beside:
        ET.SubElement(case, "system-out").text = beside


def _beside(outcome: CheckOutcome, found: list[tuple[Standing, Violation]], again: Again | None) -> str:
    """Tell what does not count, and the rate."""
    parts = [rate_of(outcome)]
    for standing, words in _BESIDE.items():
        violations = [violation for one, violation in found if one == standing]
        if violations:
            parts.append(f"{count_of(len(violations), words)}:\n\n{_told(violations, again)}")
    return "\n\n".join(filter(None, parts))


def _told(violations: list[Violation], again: Again | None) -> str:
    told = ["\n".join(_lines(violation, again)) for violation in violations[:MAX_SHOWN]]
    rest = len(violations) - MAX_SHOWN
    return "\n\n".join([*told, *([f"and {rest} more"] if rest > 0 else [])])


def _lines(violation: Violation, again: Again | None) -> list[str]:
    breach, exchange = violation.breach, violation.exchange
    fields = [
        ("case", exchange.case.id),
        ("at", breach.at),
        ("found", breach.found),
        ("expected", breach.expected),
        ("because", breach.why),
        ("takes", takes_of(violation)),
        *(("again", command) for command in repeats(violation, again)),
    ]
    return [f"{name:8}  {safe(text, exchange)}" for name, text in fields if text]
