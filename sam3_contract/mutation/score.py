"""Verdicts on many runs, added up to one for each fault, and to a score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sam3_contract.mutation.plan import family_of
from sam3_contract.mutation.verdict import Verdict

__all__ = ["FaultVerdict", "Run", "Score"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of some code under one fault.

    Attributes:
        code: The test, or the function.
        fault: As it was switched on.
        verdict: What the client did about it.
        says: The error, or the fields that changed.
        calls: Requests that it made.
        pictures: PNG files in base64, by what they show: the masks without the fault, and with it.
    """

    code: str
    fault: str
    verdict: Verdict
    says: str = ""
    calls: int = 0
    pictures: Mapping[str, str] = field(default_factory=dict, repr=False)

    def as_json(self) -> dict[str, Any]:
        """Write the run for another process, or for programs."""
        return asdict(self) | {"verdict": self.verdict.value, "pictures": dict(self.pictures)}

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Run:
        """Read what :meth:`as_json` wrote."""
        return cls(**{**value, "verdict": Verdict(value["verdict"])})


@dataclass(frozen=True, slots=True)
class FaultVerdict:
    """What all runs under one fault come to.

    Attributes:
        fault: As it was switched on.
        verdict: The worst of what was done about it, but that one test that notices is enough against silence.
        runs: The runs that came to this verdict.
        calls: Requests of all runs under it.
    """

    fault: str
    verdict: Verdict
    runs: Sequence[Run]
    calls: int

    @property
    def family(self) -> str:
        """What kind of thing is broken."""
        return family_of(self.fault)


@dataclass(frozen=True, slots=True)
class Score:
    """What a client is worth when the service breaks.

    Attributes:
        faults: The verdict on each fault, in the order in which they were tried.
        untried: Faults for which no time was left.
        seconds: What it took, over all processes.
    """

    faults: Sequence[FaultVerdict]
    untried: Sequence[str] = ()
    seconds: float = 0.0

    @classmethod
    def of(cls, runs: Iterable[Run], *, untried: Iterable[str] = (), seconds: float = 0.0) -> Score:
        """Add runs up."""
        by_fault: dict[str, list[Run]] = {}
        for run in runs:
            by_fault.setdefault(run.fault, []).append(run)
        faults = [_verdict_on(fault, some) for fault, some in by_fault.items()]
        return cls(faults, [fault for fault in dict.fromkeys(untried) if fault not in by_fault], seconds)

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """How many faults came to each verdict."""
        counted = Counter(one.verdict for one in self.faults)
        return {verdict: counted[verdict] for verdict in Verdict}

    @property
    def felt(self) -> int:
        """Faults that the client could have felt."""
        return sum(one.verdict.counts for one in self.faults)

    @property
    def percent(self) -> float | None:
        """The part of them about which it did what it should, in per cent; None if there is none."""
        return 100 * sum(one.verdict.is_good for one in self.faults) / self.felt if self.felt else None

    @property
    def families(self) -> Mapping[str, tuple[int, int]]:
        """For each family the faults about which it did what it should, and those it could have felt."""
        found: dict[str, tuple[int, int]] = {}
        for one in self.faults:
            good, felt = found.get(one.family, (0, 0))
            found[one.family] = (good + one.verdict.is_good, felt + one.verdict.counts)
        return found

    @property
    def calls(self) -> int:
        """Requests of all runs."""
        return sum(one.calls for one in self.faults)


def _verdict_on(fault: str, runs: Sequence[Run]) -> FaultVerdict:
    seen = {run.verdict for run in runs}
    if Verdict.NOTICED in seen:
        seen.discard(Verdict.SILENT)
    verdict = next(one for one in Verdict if one in seen)
    return FaultVerdict(fault, verdict, [run for run in runs if run.verdict is verdict], sum(run.calls for run in runs))
