"""One cause, one finding: what is one mistake at many places, and what only follows from a worse one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

from sam3_contract.checks import Check, Violation
from sam3_contract.verification.runner import CheckOutcome

MOST_FOLLOWING: Final = 0.5
"""Share of its answers that a cause has to have in common with a worse one to follow from it."""

_TIERS: Final[Sequence[Sequence[str]]] = (
    ("S08", "S01"),  # no answer, or another than was due
    ("R08", "R09", "R12"),  # an answer to another request, or of another image: its masks are in another frame
    ("M",),  # masks that cannot be read as what they are
    ("S03", "S04"),  # an answer that is none of its schema's
    ("G01",),  # masks that lie elsewhere, with what was done to them
    ("C", "V"),  # what prompts, exemplars, clicks and thresholds mean
    ("R",),  # what answers say of each other
    ("G",),  # what is found at all
)
"""Laws from the ground up: what breaks one, in an answer, shows in all after it. Others neither explain nor follow."""
_APART: Final = len(_TIERS)
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_INDEX: Final = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Cause:
    """One mistake, wherever it shows.

    Attributes:
        check: The law that is broken.
        place: Where, without the way to it: ``.masks.size`` of whichever prediction.
        violations: All of its findings, those of generated requests first, else in the order of the run.
        follows: How many findings of which check follow from it, by code; the most first.
    """

    check: Check
    place: str
    violations: tuple[Violation, ...]
    follows: tuple[tuple[str, int], ...] = ()

    @property
    def diagnosis(self) -> str:
        """What went wrong, as its first finding says it; the law if nobody can tell."""
        return self.violations[0].breach.why or self.check.law

    @property
    def answers(self) -> int:
        """In how many answers it shows."""
        return len({id(violation.exchange) for violation in self.violations})


def causes_of(outcomes: Sequence[CheckOutcome]) -> tuple[Cause, ...]:
    """Group what counts in a run by cause, the worst first.

    Findings are one cause if check, diagnosis and place are the same but for numbers and indexes. One that breaks a
    later law in the same answers follows from the worse one, and is counted under it.

    Args:
        outcomes: Of the checks of a run.
    """
    grouped: dict[Hashable, list[Violation]] = {}
    for outcome in outcomes:
        if outcome.verdict in {"broken", "odd"}:
            for violation in outcome.violations:
                grouped.setdefault(_key(violation), []).append(violation)
    # Generated requests are the smallest that show it.
    smallest = (sorted(found, key=lambda one: not one.breach.again) for found in grouped.values())
    ranked = sorted((Cause(found[0].check, _place(found[0]), tuple(found)) for found in smallest), key=_rank)
    return tuple(_explaining(ranked))


def _key(violation: Violation) -> Hashable:
    diagnosis = _NUMBER.sub("#", violation.breach.why)
    return (violation.check.code, violation.severity, diagnosis.partition(" (")[0], _place(violation))


def _place(violation: Violation) -> str:
    """Leave the way to a prediction out of a path: ``.masks.size`` and not in which answer's which prompt."""
    return _INDEX.sub("[]", violation.breach.at).rpartition("predictions[]")[2] or "prediction"


def _tier(check: Check) -> int:
    return next((number for number, codes in enumerate(_TIERS) if check.code.startswith(tuple(codes))), _APART)


def _rank(cause: Cause) -> tuple[bool, int, int, str]:
    """Put errors before warnings, the ground before what stands on it, and what shows most before the rest."""
    warning = cause.violations[0].severity == "warning"
    return (warning, _tier(cause.check), -len(cause.violations), cause.check.code)


def _explaining(ranked: Sequence[Cause]) -> list[Cause]:
    """Count causes under the first worse one that has the answers in which they show."""
    standing: list[tuple[Cause, frozenset[int], Counter[str]]] = []
    for cause in ranked:
        for worse, answers, follows in standing:
            if _may_follow(cause, worse) and _share(cause, answers) >= MOST_FOLLOWING:
                follows[cause.check.code] += len(cause.violations)
                break
        else:
            answers = frozenset(id(violation.exchange) for violation in cause.violations)
            standing.append((cause, answers, Counter()))
    return [
        Cause(cause.check, cause.place, cause.violations, tuple(follows.most_common()))
        for cause, _, follows in standing
    ]


def _may_follow(cause: Cause, worse: Cause) -> bool:
    """Tell whether a law may be broken because another is; of a schema only what it says of masks follows from one."""
    in_order = _tier(worse.check) < _tier(cause.check) < _APART
    of_schema = cause.check.code == "S04" and worse.check.code.startswith("M")
    return in_order and (not of_schema or "masks" in cause.place)


def _share(cause: Cause, answers: frozenset[int]) -> float:
    """Tell in which share of a cause's findings one of these answers is judged, or compared with."""
    touched = [
        any(id(one) in answers for one in (violation.exchange, *violation.breach.beside))
        for violation in cause.violations
    ]
    return sum(touched) / len(touched)
