"""A score in words, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sam3_contract.mutation.score import FaultVerdict, Score
from sam3_contract.mutation.verdict import Verdict

__all__ = ["lines_of"]

_LISTED: Final = (Verdict.RETRIED, Verdict.HANG, Verdict.CRASH, Verdict.SILENT)
_MOST: Final = 12
"""Faults that are named of each verdict."""


def lines_of(score: Score) -> Iterator[tuple[str, Verdict | None]]:
    """Write the score, line by line, each with the verdict that it is about, if it is about one."""
    for verdict, number in score.counts.items():
        if number:
            yield f"{number:5}  {verdict.value:22} {verdict.meaning}", verdict
    parts = [f"{family} {good} of {felt}" for family, (good, felt) in sorted(score.families.items()) if felt]
    if parts:
        yield f"by family: {', '.join(parts)}", None
    for verdict in _LISTED:
        yield from _listed(score, verdict)
    yield from _last(score)


def _listed(score: Score, verdict: Verdict) -> Iterator[tuple[str, Verdict | None]]:
    found = [one for one in score.faults if one.verdict is verdict]
    if not found:
        return
    yield f"{verdict.value}:", verdict
    width = max(len(one.fault) for one in found[:_MOST])
    for one in found[:_MOST]:
        yield f"  {one.fault:{width}}  {_where(one)}", None
    if len(found) > _MOST:
        yield f"  and {len(found) - _MOST} more", None


def _where(one: FaultVerdict) -> str:
    run = one.runs[0]
    others = f" and {len(one.runs) - 1} more" if len(one.runs) > 1 else ""
    return f"{run.code.rpartition('/')[2]}{others}" + (f"  {run.says}" if run.says else "")


def _last(score: Score) -> Iterator[tuple[str, Verdict | None]]:
    if score.untried:
        yield f"no time was left for {len(score.untried)} faults, such as {score.untried[0]}", None
    if score.percent is None:
        yield "no fault changed an answer: nothing to score", None
        return
    good = sum(one.verdict.is_good for one in score.faults)
    spent = f"{score.calls} calls of the mock, {score.seconds:.1f} s"
    yield f"score {score.percent:.0f} %: {good} of {score.felt} faults noticed or recovered from; {spent}", None
