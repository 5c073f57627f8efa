"""Cases times checks: sends what was planned, judges the answers, tells what it is doing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sam3_contract.checks import CHECKS, Check, Violation, judge
from sam3_contract.errors import TransportError
from sam3_contract.exchange import Case, Exchange
from sam3_contract.spec import Contract
from sam3_contract.transport import Transport

__all__ = ["CheckOutcome", "Run", "verify"]


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What a check made of a run.

    Attributes:
        check: The law.
        judged: How many exchanges, or groups of them, it had something to say of.
        violations: What it found.
    """

    check: Check
    judged: int
    violations: tuple[Violation, ...]

    @property
    def verdict(self) -> str:
        """``held``, ``broken``, ``odd`` (only warnings), or ``inconclusive`` if there was nothing to judge."""
        if self.violations:
            return "broken" if self.check.severity == "error" else "odd"
        return "held" if self.judged else "inconclusive"


@dataclass(frozen=True, slots=True)
class Run:
    """What came out of a verification.

    Attributes:
        target: What was verified.
        exchanges: Every request and its answer.
        outcomes: One for each check, in the order of the codes.
        unanswered: The sentence about the request that got no answer and ended the run; empty if all were answered.
    """

    target: str
    exchanges: tuple[Exchange, ...]
    outcomes: tuple[CheckOutcome, ...]
    unanswered: str = ""

    @property
    def violations(self) -> tuple[Violation, ...]:
        """All of them, warnings included."""
        return tuple(violation for outcome in self.outcomes for violation in outcome.violations)

    @property
    def deviations(self) -> tuple[str, ...]:
        """Ids of the known deviations that were seen, each once."""
        seen = (exchange.case.tolerated.get(exchange.status) for exchange in self.exchanges)
        return tuple(dict.fromkeys(name for name in seen if name))

    @property
    def exit_status(self) -> int:
        """0 if all held, 1 if the contract was broken, 3 if it could not be judged."""
        if any(outcome.verdict == "broken" for outcome in self.outcomes):
            return 1
        return 3 if self.unanswered or not any(outcome.judged for outcome in self.outcomes) else 0


def verify(
    transport: Transport,
    cases: Sequence[Case],
    contract: Contract,
    *,
    checks: Sequence[Check] = CHECKS,
    answered: Callable[[Exchange], None] = lambda _: None,
) -> Run:
    """Send cases one after the other and judge the answers.

    Args:
        transport: Where to send them.
        cases: What to send.
        contract: What the answers are held to.
        checks: Which laws.
        answered: Called after each answer, for progress.
    """
    exchanges: list[Exchange] = []
    unanswered = ""
    for case in cases:
        try:
            exchange = transport.send(case)
        except TransportError as error:
            unanswered = f"{case.id}: {error}"
            break
        exchanges.append(exchange)
        answered(exchange)
    verdicts = judge(exchanges, contract, checks=checks)
    outcomes = tuple(CheckOutcome(check, *verdicts[check.code]) for check in checks)
    return Run(transport.target, tuple(exchanges), outcomes, unanswered)
