"""One client under many faults, in an order and within a time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sam3_contract.interception.trial import Answered, JsonPath, Trial
from sam3_contract.mutation.fields import changed_fields, written
from sam3_contract.mutation.pictures import pictures_of
from sam3_contract.mutation.plan import operations_of
from sam3_contract.mutation.score import Run
from sam3_contract.mutation.verdict import End, Verdict, verdict_on

__all__ = ["Client", "Trials"]

_MOST_FIELDS: Final = 3
"""Fields that a line names."""
_ADDRESS: Final = re.compile(r" at 0x[0-9A-Fa-f]+")
"""Where an object lies in memory, which is elsewhere in every run."""
_WORST: Final = frozenset({Verdict.RETRIED, Verdict.HANG, Verdict.CRASH})
"""Behind these, no other client makes the verdict on a fault any better, and waiting for more of them takes long."""


@dataclass(slots=True)
class Client:
    """Code that can be run again and again.

    Attributes:
        name: What reports call it.
        run: Runs it in a trial, to its end or to the end of its time.
        clean: What it asked, and got, without a fault.
        may_feel: Says whether a fault changes one of these answers, or may change one.
        needs: Whether it passed without some fields, as far as that was tried.
    """

    name: str
    run: Callable[[Trial], End]
    clean: Sequence[Answered]
    may_feel: Callable[[str], bool] = lambda _: True
    needs: dict[frozenset[JsonPath], bool] = field(default_factory=dict)

    @property
    def operations(self) -> frozenset[str]:
        """The operations that it asks for, by the last part of their path."""
        return frozenset(one.operation for one in self.clean)


class Trials:
    """Runs of clients under faults.

    Args:
        faults: Which, in order.
        budget: Seconds after which no run begins any more; None for no end.
        pictures: For how many faults to draw what was silently wrong.

    Attributes:
        untried: Faults for which no time was left.
    """

    def __init__(self, faults: Sequence[str], *, budget: float | None = None, pictures: int = 0) -> None:
        self._faults = faults
        self._budget = budget
        self._pictures = pictures
        self.untried: list[str] = []

    def of(self, clients: Collection[Client]) -> Iterator[Run]:
        """Run every client under every fault that can reach it, fault by fault, until one does the worst there is."""
        started = time.monotonic()
        for place, fault in enumerate(self._faults):
            if self._budget is not None and time.monotonic() - started > self._budget:
                self.untried = list(self._faults[place:])
                return
            reached = operations_of(fault)
            yield from self._under(fault, [client for client in clients if client.operations & reached])

    def _under(self, fault: str, clients: Collection[Client]) -> Sequence[Run]:
        """Run clients until one does the worst there is; draw what all of them were silent about."""
        runs: list[Run] = []
        unseen: list[tuple[int, Client, Trial]] = []
        for client in clients:
            trial = Trial(fault)
            run = self._run(client, trial, fault)
            if run.verdict is Verdict.SILENT and self._pictures > 0:
                unseen.append((len(runs), client, trial))
            runs.append(run)
            if run.verdict in _WORST:
                return runs
        if all(run.verdict is not Verdict.NOTICED for run in runs):
            self._draw_first(runs, unseen)
        return runs

    def _draw_first(self, runs: list[Run], unseen: Sequence[tuple[int, Client, Trial]]) -> None:
        """Draw the first of some runs that can be drawn."""
        for place, client, trial in unseen:
            pictures = dict(pictures_of(client.clean, trial.answers))
            if pictures:
                runs[place] = replace(runs[place], pictures=pictures)
                self._pictures -= 1
                return

    def _run(self, client: Client, trial: Trial, fault: str) -> Run:
        if not client.may_feel(fault):
            return Run(client.name, fault, Verdict.UNFELT, calls=len(client.clean))
        end = client.run(trial)
        if trial.needs_patience(failed=end.kind in {"failed", "crashed"}, hung=end.kind == "hung"):
            trial.settle()
            trial.begin_again(patiently=True)
            end = client.run(trial)
        trial.settle()
        verdict = verdict_on(end, client.clean, trial.answers)
        says = _ADDRESS.sub("", trial.without_keys(end.says))
        if verdict is Verdict.SILENT:
            fields = changed_fields(client.clean, trial.answers)
            says = _said(fields)
            if fields is not None and end.kind == "passed" and not _needs(client, fields):
                verdict = Verdict.UNREAD
        return Run(client.name, fault, verdict, says, len(trial.answers))


def _needs(client: Client, fields: frozenset[JsonPath]) -> bool:
    """Try whether the client misses some fields: what it does as well without, it does not read."""
    if not fields:
        return False
    if fields not in client.needs:
        client.needs[fields] = client.run(Trial(without=fields)).kind != "passed"
    return client.needs[fields]


def _said(fields: Collection[JsonPath] | None) -> str:
    if fields is None:
        return "more than fields of its answers changed"
    if not fields:
        return "changed: how the JSON is written"
    names = sorted(map(written, fields))
    more = f" and {len(names) - _MOST_FIELDS} more" if len(names) > _MOST_FIELDS else ""
    return f"changed: {', '.join(names[:_MOST_FIELDS])}{more}"
