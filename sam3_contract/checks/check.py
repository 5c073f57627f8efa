"""What a check is: a law with a name, and a pure function that finds its breaches in exchanges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.spec import Contract

Severity = Literal["error", "warning"]
"""``error``: the contract is broken. ``warning``: legal, but odd enough to look at."""

Kind = Literal["hard", "statistical"]
"""``hard``: one breach is a broken contract. ``statistical``: a model may miss now and then; the rate counts."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Masks that make a breach visible, for reports with pictures.

    Attributes:
        found: Masks as they were answered, or brought into the frame of the expected ones: polygons, RLE or bitmaps.
        expected: Masks that should have been there; empty if the law does not know them.
        size: ``(height, width)`` of the frame, in pixels.
    """

    found: tuple[Any, ...]
    expected: tuple[Any, ...]
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Breach:
    """What a check found at one place of one exchange.

    Attributes:
        at: JSON path into the answer, or the part of the exchange, such as ``status``.
        found: The offending value, cut short.
        expected: What the law demands there.
        why: What probably went wrong, if that can be told.
        again: A command that sends the request again, for requests that were not planned.
        exchange: Where, if the check was given several.
        deviation: Id of the known deviation that explains it; such a breach is not counted.
        severity: Overrides the check's.
        masks: What to draw.
        beside: The other exchanges that it was compared with.
    """

    at: str
    found: str
    expected: str
    why: str = ""
    again: str = ""
    exchange: Exchange | None = None
    deviation: str = ""
    severity: Severity | None = None
    masks: Shown | None = field(default=None, repr=False, compare=False)
    beside: tuple[Exchange, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came out of a check.

    Attributes:
        judged: How many exchanges, groups of them, or trials of a statistical check it had something to say of.
        breaches: What it found; each names its exchange.
        absent: Ids of known deviations that it looked for and did not see.
    """

    judged: int
    breaches: tuple[Breach, ...]
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Check:
    """One law.

    Attributes:
        code: Short and stable, such as ``M03``.
        name: The law that holds, such as ``rle_size_is_the_images``.
        law: The law in a sentence.
        source: Where it comes from: docs, server, or derived from either.
        rule: The part of the OpenAPI document it belongs to, as a JSON pointer; empty if none.
        mend: What to do about a breach.
        judge: Finds the breaches in the exchanges of a run; ``None`` for an exchange that it cannot judge.
        severity: What a breach amounts to.
        kind: Whether one breach counts, or the rate of them.
        needs: What has to be in the answers for it to judge anything.
        least: Of a statistical check, the share of trials that has to pass, in 0..1.
    """

    code: str
    name: str
    law: str
    source: str
    rule: str
    mend: str
    judge: Callable[[Sequence[Exchange], Contract], Judgement]
    severity: Severity = "error"
    kind: Kind = "hard"
    needs: str = "an answer"
    least: float = 1.0


@dataclass(frozen=True, slots=True)
class Violation:
    """A breach, with the check that found it.

    Attributes:
        check: The law.
        breach: Where and what.
        exchange: The exchange that shows it.
        takes: Which of the things that its request says besides it takes to show it, in words; empty if that is not
            known, or none.
    """

    check: Check
    breach: Breach
    exchange: Exchange
    takes: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        """What it amounts to: the breach's own severity, else the check's."""
        return self.breach.severity or self.check.severity


def each(
    judge: Callable[[Exchange, Contract], Iterable[Breach] | None], *, of_retried: bool = True
) -> Callable[[Sequence[Exchange], Contract], Judgement]:
    """Make a check of a function on one exchange.

    Args:
        judge: Finds its breaches; returns ``None`` where it has nothing to judge.
        of_retried: Whether the law holds as well of answers that asked for the request to be sent again.
    """

    def judge_all(exchanges: Sequence[Exchange], contract: Contract) -> Judgement:
        judged, found = 0, []
        for exchange in exchanges:
            for one in (*exchange.retried, exchange) if of_retried else (exchange,):
                breaches = judge(one, contract)
                if breaches is not None:
                    judged += 1
                    found += [_found_in(one, breach, retried=one is not exchange) for breach in breaches]
        return Judgement(judged, tuple(found))

    return judge_all


def _found_in(exchange: Exchange, breach: Breach, *, retried: bool) -> Breach:
    found = f"{breach.found}, in a {exchange.status} that was tried again" if retried else breach.found
    return replace(breach, found=found, exchange=breach.exchange or exchange)


def few_of_each(found: Iterable[Breach], *, most: int = 8) -> tuple[Breach, ...]:
    """Keep the first breaches of each exchange, so that it is seen in which ones something is wrong."""
    counts = Counter[int]()
    kept = []
    for breach in found:
        counts[id(breach.exchange)] += 1
        kept += [breach] if counts[id(breach.exchange)] <= most else []
    return tuple(kept)


def shown(value: Any, *, limit: int = 100) -> str:
    """Show a value in a report, cut short in the middle.

    Example:
        >>> shown("a" * 300, limit=11)
        "'aaa...aaa'"
    """
    try:
        text = repr(value)
    except RecursionError:
        text = f"{type(value).__name__}, nested too deeply to be shown"
    half = (limit - 3) // 2
    return text if len(text) <= limit else f"{text[:half]}...{text[-half:]}"
