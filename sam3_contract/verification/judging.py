"""Checks applied whatever was answered: one that fails on an exchange leaves that out, and says so."""

from __future__ import annotations

from collections.abc import Sequence

from sam3_contract.checks import Check, Judgement
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import forget_drawings
from sam3_contract.spec import Contract


def judged_whatever_comes(
    exchanges: Sequence[Exchange], contract: Contract, checks: Sequence[Check]
) -> tuple[dict[str, Judgement], tuple[str, ...]]:
    """Apply checks to exchanges; no exception of a check ends the run.

    Args:
        exchanges: All of a run.
        contract: The document they are held to.
        checks: Which checks.

    Returns:
        For each check's code what it made of them, and sentences about what it could not judge.
    """
    made: dict[str, Judgement] = {}
    unjudged: list[str] = []
    for check in checks:
        made[check.code], left_out = _judged(check, exchanges, contract)
        unjudged += left_out
    forget_drawings()
    return made, tuple(unjudged)


def _judged(check: Check, exchanges: Sequence[Exchange], contract: Contract) -> tuple[Judgement, list[str]]:
    whole = _attempt(check, exchanges, contract)
    if isinstance(whole, Judgement):
        return whole, []
    alone = [(exchange, _attempt(check, [exchange], contract)) for exchange in exchanges]
    told = [f"{check.code} could not judge {one.case.id}: {made}" for one, made in alone if isinstance(made, str)]
    rest = _attempt(check, [one for one, made in alone if isinstance(made, Judgement)], contract)
    if isinstance(rest, Judgement) and told:
        return rest, told
    return Judgement(0, ()), [*told, f"{check.code} could not judge the run: {whole}"]


def _attempt(check: Check, exchanges: Sequence[Exchange], contract: Contract) -> Judgement | str:
    """Judge, or name the kind of exception that it came to."""
    try:
        return check.judge(exchanges, contract)
    except Exception as error:
        return type(error).__name__
