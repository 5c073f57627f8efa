"""What all reports say of a run in the same words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from typing import Final, Literal

from sam3_contract.checks import Violation
from sam3_contract.errors import BROKEN, UNJUDGED
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.redaction import MASK, MIN_KEY, without_key
from sam3_contract.terminal import plain
from sam3_contract.verification.causes import Cause
from sam3_contract.verification.runner import CheckOutcome, Run

__all__ = [
    "Again",
    "Standing",
    "clean",
    "conclusion",
    "count_of",
    "extent",
    "headline",
    "keys_of",
    "plain",
    "rate_of",
    "repeats",
    "safe",
    "tool",
    "verdict_of",
    "violations_of",
]

Standing = Literal["error", "warning", "missed", "accepted", "deviation"]
"""How a violation counts: it breaks the contract; is odd; is a miss of a statistical check that held all the same; is
in the baseline; or is explained by a known deviation."""

Again = Callable[[Violation], Sequence[str]]
"""Tells the commands that show a violation again."""

MAX_FOLLOWING: Final = 3  # checks whose findings follow from a cause that are named
LEAST_PART: Final = 4  # characters of a key that are worth masking
_CUT: Final = "..."  # as `shown` of the checks writes it


def tool() -> str:
    """Name this program and its version."""
    return f"sam3-contract {metadata.version('sam3-contract')}"


def safe(text: str, exchange: Exchange) -> str:
    """Make a text of an exchange fit to be shown: without the key or what a cut left of it, and as plain characters."""
    return plain(_without_part(without_key(text, exchange.key), exchange.key))


def _without_part(text: str, key: str | None) -> str:
    """Mask the beginning or the end of a key beside the dots of a text that was cut short."""
    if key and len(key) >= MIN_KEY and _CUT in text:
        for length in range(len(key) - 1, LEAST_PART - 1, -1):
            text = text.replace(f"{key[:length]}{_CUT}", f"{MASK}{_CUT}").replace(
                f"{_CUT}{key[-length:]}", f"{_CUT}{MASK}"
            )
    return text


def clean(text: str, run: Run) -> str:
    """Make a text of a run, such as its target, fit to be shown."""
    for key in keys_of(run):
        text = without_key(text, key)
    return plain(text)


def keys_of(run: Run) -> frozenset[str]:
    """Collect the API keys that were sent, for the last look at what is written."""
    return frozenset(exchange.key for exchange in run.exchanges if exchange.key)


def count_of(number: int, thing: str) -> str:
    """Write a number and what it counts.

    Example:
        >>> count_of(1, "call"), count_of(2, "call")
        ('1 call', '2 calls')
    """
    return f"{number:,} {thing}{'s' * (number != 1)}"


def rate_of(outcome: CheckOutcome) -> str:
    """Write the rate of a statistical check; empty for others, and where nothing was judged."""
    if outcome.check.kind != "statistical" or not outcome.judged:
        return ""
    wanted = "all" if outcome.least == 1 else f"at least {outcome.least:.0%}"
    return f"{outcome.passed} of {outcome.judged} passed, {wanted} of them have to"


def verdict_of(outcome: CheckOutcome) -> str:
    """Say what a check came to, in a few words."""
    number = len(outcome.violations)
    words = {
        "held": "held",
        "broken": count_of(number, "violation"),
        "odd": count_of(number, "warning"),
        "inconclusive": "nothing to judge",
    }
    beside = [rate_of(outcome)]
    beside += [f"{len(outcome.accepted)} accepted"] if outcome.accepted else []
    beside += [count_of(len(outcome.deviating), "known deviation")] if outcome.deviating else []
    return ", ".join(filter(None, (words[outcome.verdict], *beside)))


def headline(cause: Cause) -> str:
    """Say what is wrong, in a sentence: the diagnosis, or what was found where nobody can tell why."""
    first = cause.violations[0]
    return safe(first.breach.why or cause.check.law, first.exchange)


def extent(cause: Cause) -> str:
    """Say how far a cause reaches: findings, answers, place, and what follows from it."""
    first = cause.violations[0]
    words = f"{count_of(len(cause.violations), 'finding')} in {count_of(cause.answers, 'answer')}"
    words += f", at {safe(cause.place, first.exchange)}"
    follows = " and ".join(f"{number} of {code}" for code, number in cause.follows[:MAX_FOLLOWING])
    rest = sum(number for _, number in cause.follows[MAX_FOLLOWING:])
    follows += f" and {rest} of others" if rest else ""
    return f"{words}; {follows} follow from it" if follows else words


def violations_of(outcome: CheckOutcome) -> Iterator[tuple[Standing, Violation]]:
    """List all that a check found: what counts first, errors before warnings, the smallest requests first."""
    # Generated requests are the smallest that show it, and can be sent again.
    ranked = sorted(outcome.violations, key=lambda one: (one.severity != "error", not one.breach.again))
    missed = outcome.verdict == "held"
    yield from (("missed" if missed else violation.severity, violation) for violation in ranked)
    yield from (("accepted", violation) for violation in outcome.accepted)
    yield from (("deviation", violation) for violation in outcome.deviating)


def repeats(violation: Violation, again: Again | None) -> list[str]:
    """List the commands that show a violation again, without the key."""
    commands = [violation.breach.again] if violation.breach.again else []
    if again is not None:
        commands += [command for command in again(violation) if command not in commands]
    return [safe(command, violation.exchange) for command in commands]


def takes_of(violation: Violation) -> str:
    """Say what a request takes to show a finding, of what it says besides; empty if that is not known, or nothing."""
    if not violation.takes:
        return ""
    things, them = " and ".join(violation.takes), "it" if len(violation.takes) == 1 else "one of them"
    return safe(f"{things}; without {them}, the same request does not show it", violation.exchange)


def conclusion(run: Run) -> str:
    """Say in a few words what a run came to."""
    broken = sum(outcome.verdict == "broken" for outcome in run.outcomes)
    words = {BROKEN: f"{broken} broken", UNJUDGED: "not all could be judged"}
    return words.get(run.exit_status, "all that could be judged held")
