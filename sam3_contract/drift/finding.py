"""Drifts, from what the parts of a watch found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from sam3_contract.drift.drifts import Drift
from sam3_contract.drift.last import Last
from sam3_contract.drift.page import Page
from sam3_contract.report.words import extent, headline, safe
from sam3_contract.snapshots import RequestChange, Verdict, lines_of
from sam3_contract.spec import Contract
from sam3_contract.spec_diff.differences import Comparison
from sam3_contract.verification.causes import causes_of
from sam3_contract.verification.runner import Run

_GOOD: Final = frozenset({200})
_REFUSALS: Final = frozenset({401, 402, 403, 423, 429, 502, 503, 504})


def of_document(comparison: Comparison) -> Iterator[Drift]:
    """Take the differences of the served document; what breaks no client does not count."""
    for one in comparison.differences:
        values = " -> ".join(value for value in (one.was, one.now) if value)
        named = f"see deviation {', '.join(one.deviations)}" if one.deviations else ""
        detail = "\n".join(filter(None, (one.effect, values, named)))
        place = f"{one.operation}: {one.place or 'the operation'}"
        title = f"{place} {one.says}" if one.place else f"{one.operation}: {one.says}"  # which names the operation
        yield Drift("document", one.kind, title, detail, place, counts=one.effect == "breaking")


def of_run(run: Run) -> Iterator[Drift]:
    """Take the causes of what broke the contract."""
    for cause in causes_of(run.outcomes, run.exchanges):
        first = cause.violations[0]
        breach = first.breach
        told = [extent(cause), f"at {breach.at}", f"found {safe(breach.found, first.exchange)}"]
        detail = "\n".join([*told, f"expected {safe(breach.expected, first.exchange)}", f"law: {cause.check.law}"])
        counts = any(violation.severity == "error" for violation in cause.violations)
        # Not the diagnosis, which may name numbers of the day.
        title = f"{cause.check.code} {cause.check.name} is broken"
        yield Drift("contract", cause.check.code, title, f"{headline(cause)}\n{detail}", cause.place, counts=counts)


def refusal_of(run: Run) -> str:
    """Say that nothing was answered for want of a good key, credits or a server that is up; empty if something was.

    What such a run found is about the caller, or about the hour: no drift of the server.
    """
    asked = [one for one in run.exchanges if one.case.expected == _GOOD and one.status]
    refused = Counter(one.status for one in asked if one.status in _REFUSALS)
    if not refused or refused.total() < len(asked):
        return ""
    told = ", ".join(f"{number} with {status}" for status, number in sorted(refused.items()))
    return f"no good request was answered, {told}: look at the API key, its credits and the rate"


def of_deviations(run: Run, contract: Contract, last: Last) -> Iterator[Drift]:
    """Take the known deviations that went, and those that came back since the last watch."""
    known = {one.id: one for one in contract.deviations}
    for name in run.deviations_absent:
        one = known.get(name)
        detail = f"documented: {one.documented}\nwas: {one.observed}\n{one.seen}" if one else ""
        yield Drift("deviation", name, f"deviation {name} is no longer seen", detail)
    for name in run.deviations_seen:
        if name in last.absent:
            one = known.get(name)
            yield Drift("deviation", name, f"deviation {name} is seen again", one.observed if one else "")


def of_snapshots(changes: Sequence[RequestChange]) -> Iterator[Drift]:
    """Take the answers that are not as they were kept."""
    for change in changes:
        if change.verdict in {Verdict.SCHEMA, Verdict.MODEL}:
            rule, detail = change.verdict.name.lower(), "\n".join(lines_of(change))
            yield Drift("snapshot", rule, f"{change.name}: {change.verdict}", detail, change.name)


def of_page(page: Page | None, last: Last) -> Iterator[Drift]:
    """Take the public page, if its words are others than in the first watch."""
    if page is not None and last.page is not None and page.url == last.page.url and page.sha256 != last.page.sha256:
        detail = f"{page.words} words; read what is new, bring the document up to date, and begin anew without --since"
        yield Drift("page", "page_changed", f"{page.url} has changed", detail, page.url)
