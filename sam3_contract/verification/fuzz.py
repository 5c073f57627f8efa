"""Generated requests: schemathesis makes and shrinks them, its checks and ours judge the answers."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import ignored_auth
from schemathesis.config import SchemathesisConfig

from sam3_contract.checks import CHECKS, Breach, Check, Judgement, Violation, judge
from sam3_contract.errors import TransportError
from sam3_contract.exchanges.deviations import deviation_explaining
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.redaction import without_key
from sam3_contract.schemathesis_hooks import exchange_of
from sam3_contract.spec import Contract, load
from sam3_contract.transport import Transport, cause_of
from sam3_contract.verification.runner import CheckOutcome, Run

GENERATED: Final = Check(
    code="F01",
    name="generated_requests_are_judged_right",
    law="What the document allows is accepted, what it does not is refused, and neither is answered 5xx.",
    source="derived",
    rule="#/paths",
    mend="Send the request again with the curl line; its body is the smallest that was found.",
    judge=lambda _exchanges, _contract: Judgement(0, ()),  # schemathesis judges while it generates
)


@dataclass(slots=True)
class _Found:
    """What one campaign has come to, filled while hypothesis calls back."""

    exchanges: list[Exchange] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    again: str = ""
    unanswered: str = ""


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
) -> Run:
    """Add generated requests to a run.

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
        campaign = _campaign(transport, found, judge_keys=judge_keys)
        _run_campaign(campaign, strategy, found, examples=examples, number=seed, shrink=transport.is_free)
        if found.unanswered:
            break
    return _merged(run, found, contract, checks)


def _campaign(transport: Transport, found: _Found, *, judge_keys: bool) -> Callable[[Any], None]:
    arguments = transport.arguments
    excluded = [] if judge_keys else [ignored_auth]

    def send(case: Any) -> None:
        response = case.call(**arguments)
        found.exchanges.append(exchange_of(case, response))
        found.again = _curl(case, arguments["headers"], found.exchanges[-1])
        try:
            case.validate_response(
                response, headers=arguments["headers"], transport_kwargs=arguments, excluded_checks=excluded
            )
        except (AssertionError, BaseExceptionGroup) as failure:
            # What is known must not end the campaign: it would hide what is not.
            if not _is_known(failure, found):
                raise

    return send


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


def _run_campaign(
    campaign: Callable[[Any], None], strategy: Any, found: _Found, *, examples: int, number: int, shrink: bool
) -> None:
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
        seed(number)(options(given(case=strategy)(lambda case: campaign(case))))()
    except (requests.RequestException, TransportError) as error:
        found.unanswered = f"a generated request: {cause_of(error)}"
    except (AssertionError, BaseExceptionGroup) as failure:
        found.violations += _violations(failure, found.exchanges[-1], found.again)


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
        deviations_seen=tuple(seen),
        deviations_absent=tuple(name for name in run.deviations_absent if name not in seen),
    )
