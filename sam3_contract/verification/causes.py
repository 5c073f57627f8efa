"""One cause, one finding: what is one mistake at many places, and what only follows from a worse one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sam3_contract.checks import Check, Violation
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.verification.runner import CheckOutcome

MOST_FOLLOWING: Final = 0.5
"""Share of its answers that a cause has to have in common with a worse one to follow from it."""

_TIERS: Final[Sequence[Sequence[str]]] = (
    ("S08", "S01", "S05"),  # no answer, another than was due, or one that nobody can read
    ("R02",),  # another answer to the same request
    ("R08", "R09", "R11", "R12"),  # an answer to another request, or of another image: its masks are elsewhere
    ("M",),  # masks that cannot be read as what they are
    ("S03", "S04"),  # an answer that is none of its schema's
    ("G01",),  # masks that lie elsewhere, with what was done to them
    ("C01", "C02", "C08", "V01", "V02"),  # what of an answer is of which prompt
    ("C04", "V09"),  # one prompt in other company
    ("C03", "R03"),  # one prompt at other thresholds
    ("C", "V"),  # what exemplars, clicks and boxes mean
    ("R",),  # what answers say of each other that were asked for otherwise, or of other pixels
    ("G",),  # what is found at all
)
"""Laws from the ground up: what breaks one, in an answer, shows in all after it. Others neither explain nor follow.

Of laws that compare, those come first that compare what differs in the least: a prompt whose results are mixed up with
another's has other instances at another threshold too, and not the other way round.
"""
_APART: Final = len(_TIERS)
_LATE: Final = 10  # the tier of laws that only compare

_Condition = Callable[[Exchange], bool]


def _names_an_image(exchange: Exchange) -> bool:
    return exchange.case.sent.get("image_id") is not None


def _is_rle(exchange: Exchange) -> bool:
    return exchange.case.sent.get("format") == "rle"


_CONDITIONS: Final[Sequence[tuple[str, _Condition, Sequence[str]]]] = (
    ("R12", lambda exchange: bool(exchange.case.at_once), ("R02", "G01")),
    ("R08", _names_an_image, ("G01",)),
    ("R09", _names_an_image, ("G01",)),
    ("R06", lambda exchange: exchange.case.image is not None and exchange.case.image.format != "PNG", ("G01",)),
    ("R01", _is_rle, ("G01",)),
    ("R01", lambda exchange: not _is_rle(exchange), ("G01",)),
    ("V06", lambda exchange: isinstance(exchange.case.sent.get("prompts"), dict), ("V01",)),
    ("V", lambda exchange: exchange.case.operation == "visual_segment", ("G01",)),
)
"""Laws that name a condition, by their codes: what is under it, and the laws that show the same without a name."""
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_INDEX: Final = re.compile(r"\[[^\]]*\]")
_DOUBTFUL: Final = (
    "R08",
    "R09",
    "R12",
)  # broken as well by whatever differs from call to call, or from prompt to prompt


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


def causes_of(outcomes: Sequence[CheckOutcome], exchanges: Sequence[Exchange] = ()) -> tuple[Cause, ...]:
    """Group what counts in a run by cause, the worst first.

    Findings are one cause if check, diagnosis and place are the same but for numbers, indexes and names of cases. One
    that breaks a later law in the same answers follows from the worse one, and is counted under it. A law that names
    the condition under which something shows, such as an ``image_id``, comes before one that does not, and after it
    where the same shows without the condition as well.

    Args:
        outcomes: Of the checks of a run.
        exchanges: All of the run, which tell what is under a condition and what is not.
    """
    grouped: dict[Hashable, list[Violation]] = {}
    for outcome in outcomes:
        if outcome.verdict in {"broken", "odd"}:
            for violation in outcome.violations:
                grouped.setdefault(_key(violation), []).append(violation)
    # Generated requests are the smallest that show it.
    smallest = (sorted(found, key=lambda one: not one.breach.again) for found in grouped.values())
    causes = [Cause(found[0].check, _place(found[0]), tuple(found)) for found in smallest]
    tiers = _tiers_of(causes, [exchange for exchange in exchanges if exchange.succeeded])
    return tuple(_explaining(sorted(causes, key=partial(_rank, tiers)), tiers))


def _key(violation: Violation) -> Hashable:
    diagnosis = violation.breach.why
    for other in violation.breach.beside:
        diagnosis = diagnosis.replace(other.case.id, "#")
    diagnosis = _NUMBER.sub("#", diagnosis)
    return (violation.check.code, violation.severity, diagnosis.partition(" (")[0], _place(violation))


def _place(violation: Violation) -> str:
    """Leave the way to a prediction out of a path: ``.masks.size`` and not in which answer's which prompt."""
    return _INDEX.sub("[]", violation.breach.at).rpartition("predictions[]")[2] or "prediction"


def _tiers_of(causes: Sequence[Cause], exchanges: Sequence[Exchange]) -> Mapping[str, float]:
    """Order the laws that are broken in a run, by their codes."""
    tiers: dict[str, float] = {cause.check.code: _tier(cause.check.code) for cause in causes}
    shown = {code: _answers(cause for cause in causes if cause.check.code == code) for code in tiers}
    for prefix, is_under, unnamed in _CONDITIONS:
        for code in (code for code in tiers if code.startswith(prefix)):
            between = [other for other in tiers if other not in _DOUBTFUL and 1 <= _tier(other) < _LATE]
            if code in _DOUBTFUL and any(_shows_without(is_under, shown[other], exchanges) for other in between):
                tiers[code] = _LATE
            elif not all(map(is_under, exchanges)):
                named = [other for other in unnamed if other in tiers and all(map(is_under, shown[other]))]
                tiers[code] = min([tiers[code], *(_tier(other) - 0.5 for other in named)])
    return tiers


def _tier(code: str) -> int:
    return next((number for number, codes in enumerate(_TIERS) if code.startswith(tuple(codes))), _APART)


def _answers(causes: Iterable[Cause]) -> list[Exchange]:
    """List the answers in which causes show, each once."""
    return list({id(one.exchange): one.exchange for cause in causes for one in cause.violations}.values())


def _shows_without(is_under: _Condition, answers: Sequence[Exchange], exchanges: Sequence[Exchange]) -> bool:
    """Tell whether something shows at least half as often where a condition is not met, by what was asked of both."""
    operations = {answer.case.operation for answer in answers}
    asked = Counter(is_under(exchange) for exchange in exchanges if exchange.case.operation in operations)
    broken = Counter(map(is_under, answers))
    without, under = (broken[met] / max(asked[met], 1) for met in (False, True))
    return 2 * without >= under


def _rank(tiers: Mapping[str, float], cause: Cause) -> tuple[bool, float, int, str]:
    """Put errors before warnings, the ground before what stands on it, and what shows most before the rest."""
    warning = cause.violations[0].severity == "warning"
    return (warning, tiers[cause.check.code], -len(cause.violations), cause.check.code)


def _explaining(ranked: Sequence[Cause], tiers: Mapping[str, float]) -> list[Cause]:
    """Count causes under the first worse one that has the answers in which they show."""
    standing: list[tuple[Cause, frozenset[int], Counter[str]]] = []
    for cause in ranked:
        for worse, answers, follows in standing:
            if _may_follow(cause, worse, tiers) and _share(cause, answers) >= MOST_FOLLOWING:
                follows[cause.check.code] += len(cause.violations)
                break
        else:
            answers = frozenset(id(violation.exchange) for violation in cause.violations)
            standing.append((cause, answers, Counter()))
    return [
        Cause(cause.check, cause.place, cause.violations, tuple(follows.most_common()))
        for cause, _, follows in standing
    ]


def _may_follow(cause: Cause, worse: Cause, tiers: Mapping[str, float]) -> bool:
    """Tell whether a law may be broken because another is; of a schema only what it says of masks follows from one."""
    in_order = tiers[worse.check.code] < tiers[cause.check.code] < _APART
    of_schema = cause.check.code == "S04" and worse.check.code.startswith("M")
    return in_order and (not of_schema or "masks" in cause.place)


def _share(cause: Cause, answers: frozenset[int]) -> float:
    """Tell in which share of a cause's findings one of these answers is judged, or compared with."""
    touched = [
        any(id(one) in answers for one in (violation.exchange, *violation.breach.beside))
        for violation in cause.violations
    ]
    return sum(touched) / len(touched)
