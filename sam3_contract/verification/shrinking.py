"""Findings made plainer: of many conditions those that it takes to show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from sam3_contract.cases import Plan
from sam3_contract.cases.dressing import worn
from sam3_contract.cases.variants import PREFIX
from sam3_contract.checks import Check, Violation
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.spec import Contract
from sam3_contract.transport import Transport
from sam3_contract.verification.causes import causes_of
from sam3_contract.verification.runner import INTERRUPTED, CheckOutcome, Run

MOST_FINDINGS: Final = 3  # that are made plainer; the first ones tell the story
MOST_CALLS: Final = 24  # of one finding


def shrunk(
    run: Run, transport: Transport, plan: Plan, contract: Contract, *, pace: Callable[[], str] = lambda: ""
) -> Run:
    """Make the findings plainer that only variants or what is said besides show, where calls are free.

    Interrupted from the keyboard, or out of time, it leaves them as they are.

    Args:
        run: What came out.
        transport: Where to send.
        plan: What was asked.
        contract: What the answers are held to.
        pace: Called before each request: waits until it may be sent, or says why no further one is.

    Returns:
        The run; in the place of each finding of a variant one of the plainest variant that still shows it. The others
        say what it takes of what their requests say besides.
    """
    if not transport.is_free or run.unanswered or run.stopped:
        return run
    shrinking = _Shrinking(run, transport, plan, contract, pace)
    try:
        outcomes = tuple(shrinking.outcome(outcome) for outcome in run.outcomes)
        return shrinking.told(replace(run, outcomes=outcomes, exchanges=(*run.exchanges, *shrinking.sent)))
    except KeyboardInterrupt:
        return replace(run, stopped=INTERRUPTED)
    except _OverError:
        return run


class _OverError(Exception):
    """No further request is to be sent."""


class _Shrinking:
    def __init__(self, run: Run, transport: Transport, plan: Plan, contract: Contract, pace: Callable[[], str]) -> None:
        self._base = [exchange for exchange in run.exchanges if not exchange.case.id.startswith(PREFIX)]
        self._transport = transport
        self._plan = plan
        self._contract = contract
        self._pace = pace
        self._left = MOST_FINDINGS
        self.sent: list[Exchange] = []

    def outcome(self, outcome: CheckOutcome) -> CheckOutcome:
        """Put the plainest variant in the place of the first finding, if all findings of a check are of variants."""
        found = outcome.violations
        if not self._left or not found or not all(one.exchange.case.id.startswith(PREFIX) for one in found):
            return outcome
        self._left -= 1
        plainest = self._plainest(found[0])
        if plainest is found[0]:
            return outcome
        self.sent.append(plainest.exchange)
        kept = tuple(one for one in found if one.exchange is not found[0].exchange)
        return replace(outcome, violations=(plainest, *kept))

    def _plainest(self, violation: Violation) -> Violation:
        calls = 0
        while calls < MOST_CALLS:
            for case in self._plan.variants.simpler(violation.exchange.case.id) if self._plan.variants else ():
                calls += 1
                simpler = self._shown_by(violation.check, case, self._base)
                if simpler is not None:
                    violation = simpler
                    break
                if calls >= MOST_CALLS:
                    return violation
            else:
                return violation
        return violation

    def told(self, run: Run) -> Run:
        """Let the causes that are told first say what they take of what their requests say besides."""
        firsts = [cause.violations[0] for cause in causes_of(run.outcomes, run.exchanges)[:MOST_FINDINGS]]
        taking = {id(first): replace(first, takes=self._takes(first, run.exchanges)) for first in firsts}
        outcomes = (
            replace(outcome, violations=tuple(taking.get(id(one), one) for one in outcome.violations))
            for outcome in run.outcomes
        )
        return replace(run, outcomes=tuple(outcomes))

    def _takes(self, violation: Violation, exchanges: Sequence[Exchange]) -> tuple[str, ...]:
        """Leave out one after the other what a request says besides, for as long as the finding stays."""
        case = violation.exchange.case
        at = next((place for place, exchange in enumerate(exchanges) if exchange is violation.exchange), None)
        if case.plain is None or at is None:  # as of an answer that was tried again: nobody can ask for another
            return ()

        def shows(asked: Case) -> bool:
            return self._shown_by(violation.check, asked, exchanges[:at], exchanges[at + 1 :]) is not None

        # Asked again as it was, too: what a server shows but once takes something else.
        if shows(case.plain) or not shows(case):
            return ()
        taken = []
        for words, undress in worn(case):
            if shows(undress(case)):
                case = undress(case)
            else:
                taken.append(words)
        return tuple(taken)

    def _shown_by(
        self, check: Check, case: Case, before: Sequence[Exchange], after: Sequence[Exchange] = ()
    ) -> Violation | None:
        """Ask a case in its place among others, and judge it beside them."""
        if self._pace():
            raise _OverError
        try:
            exchange = self._transport.send(case)
            breaches = check.judge([*before, exchange, *after], self._contract).breaches
        except Exception:
            return None
        own = [one for one in breaches if one.exchange is exchange and not one.deviation]
        return Violation(check, own[0], exchange) if own else None
