"""Generated requests: schemathesis makes and shrinks them, its checks and ours judge the answers."""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky
from schemathesis import GenerationMode
from schemathesis.checks import ignored_auth
from schemathesis.config import SchemathesisConfig

from sam3_contract.checks import CHECKS, Breach, Check, Judgement, Violation, judge
from sam3_contract.errors import TransportError
from sam3_contract.exchanges.deviations import deviation_explaining
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.redaction import without_key
from sam3_contract.schemathesis_hooks import case_of, exchange_of
from sam3_contract.spec import Contract, load
from sam3_contract.transport import Transport
from sam3_contract.transport.session import Session, cause_of, is_no_answer, was_not_reached
from sam3_contract.verification.runner import INTERRUPTED, CheckOutcome, Run

GENERATED: Final = Check(
    code="F01",
    name="generated_requests_are_judged_right",
    law="What the document allows is accepted, what it does not is refused, and neither is answered 5xx.",
    source="derived",
    rule="#/paths",
    mend="Send the request again with the curl line; its body is the smallest that was found.",
    judge=lambda _exchanges, _contract: Judgement(0, ()),  # schemathesis judges while it generates
)


_WHOLE: Final = "S08"  # the law that every request gets a whole answer
MOST_SECONDS: Final = 10.0  # for which a smaller request is looked for that shows the same


@dataclass(slots=True)
class _Found:
    """What campaigns have come to, filled while hypothesis calls back.

    Attributes:
        exchanges: All requests and answers.
        violations: What counts.
        again: How the last request is sent again.
        unanswered: Why there was no answer; empty if there was.
        stopped: Why the campaigns ended before all was sent; empty if they did not.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    again: str = ""
    unanswered: str = ""
    stopped: str = ""


class _BrokenError(Exception):
    """An answer that hypothesis looks for a smaller request to; schemathesis' own failures pass by it."""


class _Ended(BaseException):
    """Passes by hypothesis, which would send the last request once more to see whether it fails again."""


def extend(
    run: Run,
    transport: Transport,
    contract: Contract,
    *,
    checks: Sequence[Check],
    examples: int,
    seed: int,
    operations: Collection[str] = (),
    judge_keys: bool = True,
    pace: Callable[[], str] = lambda: "",
) -> Run:
    """Add generated requests to a run. Interrupted from the keyboard, it judges what it has.

    Args:
        run: What planned cases have shown.
        transport: Where to send.
        contract: The document that requests are generated from.
        checks: Which of our checks count.
        examples: Requests for each operation and each kind, allowed and not allowed.
        seed: Of the generator. The same seed makes the same requests in the same program: hypothesis also draws from
            the constants of modules that are imported.
        operations: Which ones to ask; all by default.
        judge_keys: Whether wrong keys have to be refused; without a key of its own, a server cannot be asked that.
        pace: Called before each request: waits until it may be sent, or says why no further one is.

    Returns:
        The run with the new exchanges and what they showed. Failures are shrunk only where calls are free.
    """
    config = SchemathesisConfig()  # not what a file in the working directory says
    document = schemathesis.openapi.from_dict(copy.deepcopy(contract.document), config=config)
    document.app = transport.app
    found = _Found()
    chosen = [one for one in contract.operations if not operations or one.id in operations]
    for operation, mode in itertools.product(chosen, GenerationMode):
        strategy = document[operation.path][operation.method].as_strategy(generation_mode=mode)
        campaign = _Campaign(transport, found, pace, judge_keys=judge_keys)
        _run_campaign(campaign, strategy, examples=examples, number=seed, shrink=transport.is_free)
        if found.unanswered or found.stopped:
            break
    return _merged(run, found, contract, checks)


class _Campaign:
    """Requests of one kind to one operation, until one shows something."""

    def __init__(self, transport: Transport, found: _Found, pace: Callable[[], str], *, judge_keys: bool) -> None:
        self._transport = transport
        self._arguments = transport.arguments
        if "session" in self._arguments:
            self._arguments["session"] = _OnceSession()
        self._excluded = [] if judge_keys else [ignored_auth]
        self._pace = pace
        self._until = math.inf
        self._shown: tuple[BaseException, Exchange, str] | None = None
        self.found = found

    def send(self, case: Any) -> None:
        """Send a request and judge the answer.

        Raises:
            _BrokenError: If that breaks a law, and a smaller request that does may be looked for.
            _Ended: If it does, or nothing more is to be sent.
        """
        self.found.stopped = self._pace()
        if self.found.stopped or time.monotonic() > self._until:
            raise _Ended
        try:
            response = _answer_to(case, self._arguments, self.found)
            headers = self._arguments["headers"]
            case.validate_response(
                response, headers=headers, transport_kwargs=self._arguments, excluded_checks=self._excluded
            )
        except (requests.RequestException, TransportError) as error:
            self.found.unanswered = f"a generated request: {cause_of(error)}"
            raise _Ended from error
        except (AssertionError, BaseExceptionGroup) as failure:
            # What is known must not end the campaign: it would hide what is not.
            if not _is_known(failure, self.found):
                self._until = min(self._until, time.monotonic() + MOST_SECONDS)
                self._shown = failure, self.found.exchanges[-1], self.found.again
                raise (_BrokenError if self._transport.is_free else _Ended) from failure

    def end(self) -> None:
        """Note what was shown last, which is the smallest that was found."""
        if self._shown is not None:
            self.found.violations += _violations(*self._shown)


class _OnceSession(Session):
    """Sends once what schemathesis sends again where it takes a broken connection for one that was kept too long."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request; no error of it is one of those that are tried again."""
        try:
            return super().send(request, **options)
        except requests.ConnectionError as error:
            raise requests.RequestException("no answer", request=request) from error


def _answer_to(case: Any, arguments: dict[str, Any], found: _Found) -> Any:
    """Send a case, and note the exchange.

    Raises:
        AssertionError: If there is no whole answer.
        requests.RequestException: If the server is not reached.
    """
    failure = ""
    try:
        response = case.call(**arguments)
        exchange = exchange_of(case, response)
    except (requests.RequestException, ConnectionError, TimeoutError) as error:
        if isinstance(error, requests.RequestException) and (was_not_reached(error) or is_no_answer(error)):
            raise
        key = arguments["headers"].get("Authorization", "").removeprefix("Bearer ") or None
        failure = without_key(cause_of(error), key)
        exchange = Exchange(case_of(case), 0, {}, b"", key=key, failure=failure)
    found.exchanges.append(exchange)
    found.again = _curl(case, arguments["headers"], exchange)
    if failure:
        raise AssertionError(f"{_WHOLE} {failure}")  # which names the law, as those of the hooks do
    return response


def _is_known(failure: BaseException, found: _Found) -> bool:
    """Note a failure that a known deviation explains; tell whether it is one."""
    exchange = found.exchanges[-1]
    violations = list(_violations(failure, exchange, found.again))
    deviation = deviation_explaining(exchange.case, exchange.status)
    if not deviation or any(violation.check is not GENERATED for violation in violations):
        return False
    if deviation not in {violation.breach.deviation for violation in found.violations}:
        found.violations += [replace(one, breach=replace(one.breach, deviation=deviation)) for one in violations[:1]]
    return True


def _run_campaign(campaign: _Campaign, strategy: Any, *, examples: int, number: int, shrink: bool) -> None:
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    options = settings(
        max_examples=examples,
        phases=phases,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    try:
        seed(number)(options(given(case=strategy)(lambda case: campaign.send(case))))()
    except (_BrokenError, _Ended, Flaky):  # flaky is what does not show again; that it showed once is enough
        pass
    except KeyboardInterrupt:
        campaign.found.stopped = INTERRUPTED
    campaign.end()


def _violations(failure: BaseException, exchange: Exchange, again: str) -> Iterator[Violation]:
    if isinstance(failure, BaseExceptionGroup):
        for inner in failure.exceptions:
            yield from _violations(inner, exchange, again)
        return
    title, message = str(getattr(failure, "title", "")), str(getattr(failure, "message", failure))
    ours = [check for check in CHECKS if message.startswith(f"{check.code} ")]
    for check in ours:
        for breach in (one for one in check.judge([exchange], load()).breaches if not one.deviation):
            yield Violation(check, replace(breach, again=again), exchange)
    if not ours:
        expected = " ".join(message.split()) or GENERATED.law
        yield Violation(GENERATED, Breach("the answer", title, expected, again=again), exchange)


def _curl(case: Any, headers: dict[str, str], exchange: Exchange) -> str:
    """Write the command that sends a case again; the shell puts the key in."""
    command = case.as_curl_command(headers=headers)
    command = command.replace("'Authorization: [Filtered]'", '"Authorization: Bearer $API_KEY"')
    return without_key(command, exchange.key)


def _merged(run: Run, found: _Found, contract: Contract, checks: Sequence[Check]) -> Run:
    judged = judge(found.exchanges, contract, checks=checks)
    outcomes = [
        CheckOutcome(
            outcome.check,
            outcome.judged + judged[outcome.check.code].judged,
            outcome.violations + tuple(one for one in found.violations if one.check is outcome.check),
            outcome.accepted,
            outcome.deviating,
        )
        for outcome in run.outcomes
    ]
    general = [one for one in found.violations if one.check is GENERATED]
    counted = tuple(one for one in general if not one.breach.deviation)
    known = tuple(one for one in general if one.breach.deviation)
    outcomes.append(CheckOutcome(GENERATED, len(found.exchanges), counted, deviating=known))
    seen = dict.fromkeys((*run.deviations_seen, *(one.breach.deviation for one in known)))
    return replace(
        run,
        exchanges=run.exchanges + tuple(found.exchanges),
        outcomes=tuple(outcomes),
        unanswered=found.unanswered,
        stopped=found.stopped or run.stopped,
        deviations_seen=tuple(seen),
        deviations_absent=tuple(name for name in run.deviations_absent if name not in seen),
    )
