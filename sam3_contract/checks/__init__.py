"""The laws of the contract, as pure functions on exchanges; they open no socket, no file and no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sam3_contract.checks.check import Breach, Check, Judgement, Shown, Violation
from sam3_contract.checks.comparisons import agreement as relations
from sam3_contract.checks.comparisons import embeddings, meaning, suppression, thresholds, views
from sam3_contract.checks.concept_segment import exemplars, texts
from sam3_contract.checks.concept_segment import results as concept
from sam3_contract.checks.formats import archives, masks
from sam3_contract.checks.service import headers, http, refusals
from sam3_contract.checks.truth import scenes
from sam3_contract.checks.visual_segment import clicks
from sam3_contract.checks.visual_segment import results as visual
from sam3_contract.errors import UsageError
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.spec import Contract
from sam3_contract.suggestions import did_you_mean

__all__ = [
    "CHECKS",
    "Breach",
    "Check",
    "Judgement",
    "Shown",
    "Violation",
    "judge",
    "named",
    "selected",
]

_SUBJECTS: Final = (
    *(http, refusals, headers, masks, concept, exemplars, texts, visual, clicks, archives),
    *(relations, meaning, thresholds, suppression, views, embeddings, scenes),
)
_FAMILIES: Final = "SMCVRG"

CHECKS: Final[tuple[Check, ...]] = tuple(
    sorted(
        (check for subject in _SUBJECTS for check in subject.CHECKS),
        key=lambda check: (_FAMILIES.index(check.code[0]), check.code),
    )
)
"""Every check, in the order of the codes."""


def named(name: str) -> Check:
    """Look a check up by its code or name.

    Raises:
        UsageError: If there is none; the nearest name is suggested.

    Example:
        >>> named("M03").name
        'rle_size_is_the_images'
    """
    for check in CHECKS:
        if name in {check.code, check.name}:
            return check
    raise _unknown(name)


def selected(select: Iterable[str] = (), ignore: Iterable[str] = ()) -> tuple[Check, ...]:
    """Choose checks by code, prefix of a code, or name.

    Args:
        select: What to keep; everything if empty.
        ignore: What to leave out of that.

    Raises:
        UsageError: If an entry fits no check, or nothing is left.

    Example:
        >>> [check.code for check in selected(["C"], ["echo_repeats_the_prompt"])]
        ['C01', 'C03', 'C04', 'C05', 'C06', 'C07', 'C08', 'C09']
    """
    wanted, unwanted = _matches(select), _matches(ignore)
    chosen = tuple(check for check in CHECKS if (check in wanted or not wanted) and check not in unwanted)
    if not chosen:
        raise UsageError("no check is left: what is selected is ignored as well")
    return chosen


def judge(
    exchanges: Sequence[Exchange], contract: Contract, *, checks: Sequence[Check] = CHECKS
) -> dict[str, Judgement]:
    """Apply checks to exchanges.

    Args:
        exchanges: All of a run, so that checks on several of them find their partners.
        contract: The document they are held to.
        checks: Which checks.

    Returns:
        For each check's code, what it made of them.
    """
    return {check.code: check.judge(exchanges, contract) for check in checks}


def _matches(patterns: Iterable[str]) -> set[Check]:
    found: set[Check] = set()
    for pattern in patterns:
        matching = {check for check in CHECKS if check.code.startswith(pattern) or check.name == pattern}
        if not pattern or not matching:
            raise _unknown(pattern)
        found |= matching
    return found


def _unknown(name: str) -> UsageError:
    known = [word for check in CHECKS for word in (check.code, check.name)]
    hint = did_you_mean(name, known, otherwise="`sam3-contract checks` lists them")
    return UsageError(f"no check named {name!r}; {hint}")
