"""Cases times checks: sends what was planned, within a budget of calls, and judges the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from sam3_contract.cases import Plan
from sam3_contract.checks import CHECKS, Check, Judgement, Violation, judge
from sam3_contract.deviations import deviations_shown
from sam3_contract.errors import TransportError
from sam3_contract.exchange import Case, Exchange
from sam3_contract.spec import Contract
from sam3_contract.transport import Transport
from sam3_contract.verification.baseline import Baseline
from sam3_contract.verification.pacing import Patience

DEFAULT_CALLS = 60


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may cost.

    Attributes:
        calls: Cases that may be sent.
        concurrency: Calls under way at once.
        interval: Least seconds between two calls.
        seconds: Of wall time, after which nothing more is sent; ``None`` for no limit.
    """

    calls: int = DEFAULT_CALLS
    concurrency: int = 1
    interval: float = 0.0
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What a check made of a run.

    Attributes:
        check: The law.
        judged: How many exchanges, groups of them, or trials it had something to say of.
        violations: What it found and what counts, warnings included.
        accepted: What it found and the baseline accepts.
        deviating: What it found and a known deviation explains.
        least: Of a statistical check, the share of trials that has to pass here.
    """

    check: Check
    judged: int
    violations: tuple[Violation, ...]
    accepted: tuple[Violation, ...] = ()
    deviating: tuple[Violation, ...] = ()
    least: float = 1.0

    @property
    def passed(self) -> int:
        """Of a statistical check, how many trials passed."""
        return max(self.judged - len(self.violations), 0)

    @property
    def verdict(self) -> str:
        """``held``, ``broken``, ``odd`` (only warnings), or ``inconclusive`` if there was nothing to judge.

        A statistical check is broken, or odd, only if too small a share of its trials passed.
        """
        if not self.judged and not self.violations:
            return "inconclusive"
        if self.check.kind == "statistical" and self.passed >= self.least * self.judged:
            return "held"
        if any(violation.severity == "error" for violation in self.violations):
            return "broken"
        return "odd" if self.violations else "held"


@dataclass(frozen=True, slots=True)
class Run:
    """What came out of a verification.

    Attributes:
        target: What was verified.
        exchanges: Every request and its answer.
        outcomes: One for each check, in the order of the codes.
        unanswered: The sentence about the server that could not be reached; empty if it was.
        seed: What generated requests follow from.
        stopped: Why the run ended before its plan; empty if it did not.
        unsent: Ids of the planned cases that were not sent.
        retries: How many calls were sent again.
        deviations_seen: Ids of the known deviations that showed.
        deviations_absent: Ids of those that were looked for and did not show.
        stale: Entries of the baseline that no longer occur.
    """

    target: str
    exchanges: tuple[Exchange, ...]
    outcomes: tuple[CheckOutcome, ...]
    unanswered: str = ""
    seed: int = 0
    stopped: str = ""
    unsent: tuple[str, ...] = ()
    retries: int = 0
    deviations_seen: tuple[str, ...] = ()
    deviations_absent: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()

    @property
    def violations(self) -> tuple[Violation, ...]:
        """All that count, and the warnings."""
        return tuple(violation for outcome in self.outcomes for violation in outcome.violations)

    @property
    def exit_status(self) -> int:
        """0 if all held, 1 if the contract was broken, 3 if it could not be judged."""
        if any(outcome.verdict == "broken" for outcome in self.outcomes):
            return 1
        return 3 if self.unanswered or not any(outcome.judged for outcome in self.outcomes) else 0


@dataclass
class _Sending:
    """The state of a run that is being sent."""

    patience: Patience
    budget: Budget
    answered: Callable[[Exchange], None]
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    unsent: list[str] = field(default_factory=list)
    unanswered: str = ""
    stopped: str = ""

    def send_all(self, plan: Plan) -> None:
        """Send what was planned, in an order in which nothing comes before what it builds on."""
        # What asks about earlier answers tells much for its price; it must not fall to what was planned before.
        kept_back = min(len(plan.follow_ups), self.budget.calls // 12)
        room = self.budget.calls - kept_back
        self.unsent += [case.id for case in plan.cases[room:]]
        for wave in _waves(plan.cases[:room]):
            self._send_wave(wave)
        for follow_up in plan.follow_ups:
            room = self.budget.calls - len(self.exchanges)
            case = None if self._is_over() or room < 1 else follow_up.make(self.exchanges)
            if case is not None:
                self._send_wave([case])
            elif self._is_over() or room < 1 or not all(name in self.exchanges for name in follow_up.beside):
                self.unsent.append(follow_up.id)

    def _send_wave(self, cases: Sequence[Case]) -> None:
        if self.budget.concurrency == 1:
            for case in cases:
                self._send(case)
            return
        with ThreadPoolExecutor(self.budget.concurrency) as pool:
            list(pool.map(self._send, cases))

    def _send(self, case: Case) -> None:
        if self._is_over():
            self.unsent.append(case.id)
            return
        try:
            exchange = self.patience.send(case)
        except TransportError as error:
            self.unanswered = self.unanswered or f"{case.id}: {error}"
            return
        self.exchanges[case.id] = exchange
        self.answered(exchange)

    def _is_over(self) -> bool:
        deadline = self.patience.deadline
        if deadline is not None and self.patience.clock() > deadline and not self.stopped:
            self.stopped = f"the time limit of {self.budget.seconds:g} s has passed"
        return bool(self.unanswered or self.stopped)


def verify(
    transport: Transport,
    plan: Plan,
    contract: Contract,
    *,
    checks: Sequence[Check] = CHECKS,
    budget: Budget | None = None,
    baseline: Baseline | None = None,
    answered: Callable[[Exchange], None] = lambda _: None,
    seed: int = 0,
) -> Run:
    """Send what was planned and judge the answers. Interrupted from the keyboard, it judges what it has.

    Args:
        transport: Where to send it.
        plan: What to send.
        contract: What the answers are held to.
        checks: Which laws.
        budget: What it may cost.
        baseline: Findings that are accepted.
        answered: Called after each answer, for progress.
        seed: Noted in the run.
    """
    limits = budget or Budget()
    patience = Patience(transport, interval=limits.interval)
    patience.deadline = None if limits.seconds is None else patience.clock() + limits.seconds
    sending = _Sending(patience, limits, answered)
    try:
        sending.send_all(plan)
    except KeyboardInterrupt:
        sending.stopped = "interrupted"
        sending.unsent = [entry.id for entry in plan.entries if entry.id not in sending.exchanges]
    # In the order of the plan, not of the answers: checks of what a server remembers go by it.
    order = {entry.id: index for index, entry in enumerate(plan.entries)}
    exchanges = sorted(sending.exchanges.values(), key=lambda exchange: order[exchange.case.id])
    run = run_of(exchanges, contract, target=transport.target, checks=checks, baseline=baseline, seed=seed)
    return replace(
        run,
        unanswered=sending.unanswered,
        stopped=sending.stopped or _out_of_budget(sending),
        unsent=tuple(sending.unsent),
        retries=patience.retries,
    )


def run_of(
    exchanges: Sequence[Exchange],
    contract: Contract,
    *,
    target: str,
    checks: Sequence[Check] = CHECKS,
    baseline: Baseline | None = None,
    seed: int = 0,
) -> Run:
    """Judge exchanges, wherever they come from.

    Args:
        exchanges: In the order in which they happened.
        contract: What the answers are held to.
        target: What to call the server.
        checks: Which laws.
        baseline: Findings that are accepted.
        seed: Noted in the run.
    """
    accepted = baseline or Baseline()
    judgements = judge(exchanges, contract, checks=checks)
    # What says of itself that it is exact is no model but a fake: it has to pass every trial.
    strict = any(exchange.exact for exchange in exchanges)
    outcomes = tuple(_outcome(check, judgements[check.code], accepted, strict=strict) for check in checks)
    seen = dict.fromkeys(one.breach.deviation for outcome in outcomes for one in outcome.deviating)
    shown = deviations_shown(exchanges)
    seen.update(dict.fromkeys(shown.seen))
    absent = dict.fromkeys((*(name for one in judgements.values() for name in sorted(one.absent)), *shown.absent))
    found = [one for outcome in outcomes for one in (*outcome.violations, *outcome.accepted)]
    return Run(
        target,
        tuple(exchanges),
        outcomes,
        seed=seed,
        deviations_seen=tuple(seen),
        deviations_absent=tuple(name for name in absent if name not in seen),
        stale=accepted.stale(found),
    )


def _outcome(check: Check, judgement: Judgement, accepted: Baseline, *, strict: bool) -> CheckOutcome:
    found = [Violation(check, breach, breach.exchange) for breach in judgement.breaches if breach.exchange is not None]
    deviating = [one for one in found if one.breach.deviation]
    counted = [one for one in found if not one.breach.deviation]
    return CheckOutcome(
        check,
        judgement.judged,
        violations=tuple(one for one in counted if one not in accepted),
        accepted=tuple(one for one in counted if one in accepted),
        deviating=tuple(deviating),
        least=1.0 if strict else check.least,
    )


def _out_of_budget(sending: _Sending) -> str:
    if not sending.unsent or sending.unanswered:
        return ""
    return f"the budget of {sending.budget.calls} calls left {len(sending.unsent)} planned cases unsent"


def _waves(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Group cases so that none comes before what it builds on; those of one group may be under way at once."""
    planned = {case.id for case in cases}
    done: set[str] = set()
    left = list(cases)
    while left:
        wave = [case for case in left if all(name in done or name not in planned for name in case.after)]
        if not wave:  # a circle; nobody can build on what never comes
            wave = left
        yield wave
        done |= {case.id for case in wave}
        left = [case for case in left if case.id not in done]
