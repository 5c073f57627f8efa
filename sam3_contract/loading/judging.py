"""Answers under load held to the laws of masks, a sample of them: judging all would slow the load down."""

from __future__ import annotations

from collections.abc import Mapping

from sam3_contract.checks import CHECKS, judge
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.spec import Contract

__all__ = ["failures_of"]

_LAWS = tuple(check for check in CHECKS if check.code.startswith("M"))


def failures_of(case: Case, contract: Contract, *, status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
    """Hold one answer to the status that was asked for and to the laws of masks.

    Args:
        case: What was asked.
        contract: The document.
        status: HTTP status of the answer.
        headers: Its headers.
        body: Its bytes.

    Returns:
        Names of the laws that it breaks, the same words each time, so that they can be counted.
    """
    if status not in case.expected:
        return [f"status {status}, expected {', '.join(map(str, sorted(case.expected)))}"]
    exchange = Exchange(case, status, {name.lower(): value for name, value in headers.items()}, body)
    judgements = judge([exchange], contract, checks=_LAWS)
    broken = [check for check in _LAWS if any(not one.deviation for one in judgements[check.code].breaches)]
    return [f"{check.code} {check.name}" for check in broken]
