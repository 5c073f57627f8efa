"""Cases times checks: sends what was planned, within a budget of calls, and judges the answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from sam3_contract.cases import FollowUp, Plan
from sam3_contract.checks import CHECKS, Check, Judgement, Violation
from sam3_contract.errors import BROKEN, HELD, UNJUDGED, TransportError
from sam3_contract.exchanges.deviations import deviations_shown
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.spec import Contract
from sam3_contract.transport import Transport
from sam3_contract.verification.baseline import Baseline
from sam3_contract.verification.judging import judged_whatever_comes
from sam3_contract.verification.pacing import Patience, Turns

DEFAULT_CALLS = 60
INTERRUPTED = "interrupted"
MOST_LATER = 12  # cases beyond the budget that are named
MOST_AT_ONCE = 12  # calls under way where the plan wants to see whether they mix


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

    @property
    def time_is_up(self) -> str:
        """What is said of a run that took too long."""
        return f"the time limit of {self.seconds:g} s has passed"

    def turns(self, since: float) -> Callable[[], str]:
        """Make what waits until another call may be made, or says why no further one is.

        Args:
            since: When the time began to count, by `time.monotonic`.
        """
        turns = Turns(self.interval)
        turns.take()  # of the call that was the last before

        def take() -> str:
            if self.seconds is not None and time.monotonic() > since + self.seconds:
                return self.time_is_up
            turns.take()
            return ""

        return take


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
        unjudged: What could not be judged because a check or a follow-up failed on it, in sentences.
        later: What the next calls would have looked at, in sentences.
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
    unjudged: tuple[str, ...] = ()
    later: tuple[str, ...] = ()

    @property
    def violations(self) -> tuple[Violation, ...]:
        """All that count, and the warnings."""
        return tuple(violation for outcome in self.outcomes for violation in outcome.violations)

    @property
    def exit_status(self) -> int:
        """0 if all held, 1 if the contract was broken, 3 if it could not be judged, or not to the end."""
        if any(outcome.verdict == "broken" for outcome in self.outcomes):
            return BROKEN
        cut_short = self.unanswered or self.unjudged or self.is_interrupted
        return UNJUDGED if cut_short or not any(one.judged for one in self.outcomes) else HELD

    @property
    def is_interrupted(self) -> bool:
        """Whether somebody ended it; not so if it ran out of its budget of time, which was given to it."""
        return self.stopped == INTERRUPTED


@dataclass
class _Sending:
    """The state of a run that is being sent."""

    patience: Patience
    budget: Budget
    answered: Callable[[Exchange], None]
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    unsent: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    unanswered: str = ""
    stopped: str = ""

    def send_all(self, plan: Plan) -> None:
        """Send what was planned, in its order; what may be under way at once is, up to what the budget allows."""
        wave: list[Case] = []
        for number, entry in enumerate(plan.entries):
            if self.budget.calls <= len(self.exchanges) + len(wave):
                # A run of the usual size is whole, though a larger one looks at more.
                self.unsent += [entry.id] if number < DEFAULT_CALLS and self.budget.calls < DEFAULT_CALLS else []
                self.later += [entry.asks] if len(self.later) < MOST_LATER else []
                continue
            if wave and not self._goes_with(entry, wave):
                self._send_wave(wave)
                wave = []
            if isinstance(entry, Case):
                wave.append(entry)
            else:
                self._follow_up(entry)
        self._send_wave(wave)

    def _goes_with(self, entry: Case | FollowUp, wave: Sequence[Case]) -> bool:
        """Tell whether a case may be under way with those that are about to be sent."""
        if isinstance(entry, FollowUp) or any(name in {case.id for case in wave} for name in entry.after):
            return False
        return entry.at_once == wave[-1].at_once and (bool(entry.at_once) or self.budget.concurrency > 1)

    def _follow_up(self, entry: FollowUp) -> None:
        case = None if self._is_over() else self._made(entry)
        if case is not None:
            self._send_wave([case])
        elif self._is_over() or any(name in self.unsent for name in entry.beside):
            self.unsent.append(entry.id)

    def _made(self, entry: FollowUp) -> Case | None:
        try:
            return entry.make(self.exchanges)
        except Exception as error:
            self.unjudged.append(f"{entry.id} could not be made of the answers: {type(error).__name__}")
            return None

    def _send_wave(self, cases: Sequence[Case]) -> None:
        at_once = MOST_AT_ONCE if any(case.at_once for case in cases) else self.budget.concurrency
        if len(cases) < 2 or at_once == 1:
            for case in cases:
                self._send(case)
            return
        with ThreadPoolExecutor(min(at_once, len(cases))) as pool:
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
        except Exception as error:
            # Only its kind is told: what it says may hold the key.
            exchange = Exchange(case, 0, {}, b"", failure=f"the answer could not be read: {type(error).__name__}")
        self.exchanges[case.id] = exchange
        self.answered(exchange)

    def _is_over(self) -> bool:
        deadline = self.patience.deadline
        if deadline is not None and self.patience.clock() > deadline and not self.stopped:
            self.stopped = self.budget.time_is_up
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
        sending.stopped = INTERRUPTED
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
        later=tuple(sending.later),
        unjudged=(*run.unjudged, *sending.unjudged),
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
    judgements, unjudged = judged_whatever_comes(exchanges, contract, checks)
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
        unjudged=unjudged,
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
