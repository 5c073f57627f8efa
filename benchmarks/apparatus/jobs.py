"""An archive audited by two processes, and by a cluster of two workers, against one process: how many times as fast.

That is what one takes by itself, divided by what the busiest of the several takes: of its processor time, with its
start but for workers of a cluster, which wait for work, or that of the process that hands out the work if that is more.
So much time passes where each has a core of its own. What a machine gives two processes at most is measured beside it:
by two that know nothing of each other, each with half of the work. Run by `benchmarks.scale`. Linux only.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.apparatus.servers import cpu_seconds_of
from benchmarks.archives import TERMS, audited, here, in_turns, written
from benchmarks.masks import sa1b_like
from sam3_contract.auditing.cluster import outcomes_on_cluster
from sam3_contract.auditing.outcome import Outcome
from sam3_contract.auditing.running import outcomes_here, outcomes_in_processes
from sam3_contract.auditing.units import units_of

LEAST_OF_TWO: Final = 1.8
_TIMES: Final = 20
"""How often the file is repeated: the start of a process takes as long as ten thousand masks."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What several processes took for an audit, in seconds of processor time.

    Attributes:
        parent: The process that hands out the work; of a cluster its scheduler, too.
        workers: Each of those that judge.
    """

    parent: float
    workers: list[float]

    @property
    def longest(self) -> float:
        """What the busiest of them took."""
        return max([self.parent, *self.workers])

    @property
    def total(self) -> float:
        """What all took together."""
        return self.parent + sum(self.workers)


def large_archive(folder: Path, n_masks: int) -> tuple[Path, int]:
    """Write JSON Lines of so many masks, many times over; return how many that are."""
    small = written(folder, sa1b_like(1000), n_masks)["an answer a line"]
    large = folder / "large.jsonl"
    large.write_bytes(small.read_bytes() * _TIMES)
    return large, n_masks * _TIMES


def by_one(path: Path, n_masks: int) -> float:
    """Audit a file in this process; return the seconds of processor time."""
    [microseconds] = in_turns([lambda: here(path)], 1)
    return microseconds * n_masks / 1e6


def by_two_apart(path: Path) -> Shared:
    """Audit a file in two processes that know nothing of each other: every other unit each."""
    with ExitStack() as stack:
        context = multiprocessing.get_context("spawn")
        pools = [stack.enter_context(ProcessPoolExecutor(1, mp_context=context)) for _ in range(2)]
        halves = [pool.submit(_every_other, path, place) for place, pool in enumerate(pools)]
        return Shared(0, [half.result() for half in halves])


def _every_other(path: Path, first: int) -> float:
    """Audit every other unit of a file; return the seconds of processor time of this process, with its start."""
    for _ in outcomes_here(islice(units_of([str(path)], TERMS), first, None, 2), TERMS):
        pass
    return time.process_time()


def by_two(path: Path) -> Shared:
    """Audit a file in two processes."""
    begun = time.process_time()
    seconds: list[float] = []

    def watched() -> Iterator[Outcome]:
        for outcome in outcomes_in_processes(units_of([str(path)], TERMS), TERMS, jobs=2):
            seconds[:] = [cpu_seconds_of(child.pid or 0) for child in multiprocessing.active_children()]
            yield outcome

    audited(watched(), path)
    return Shared(time.process_time() - begun, seconds)


def by_cluster(path: Path) -> Shared:
    """Audit a file on a cluster of Dask: a scheduler in this process, and two workers, each a process of its own."""
    from distributed import LocalCluster  # noqa: PLC0415 - the extra `dask` brings it

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1") as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]
        begun, before = time.process_time(), [*map(cpu_seconds_of, pids)]
        audited(outcomes_on_cluster(cluster.scheduler_address, units_of([str(path)], TERMS), TERMS), path)
        workers = [cpu_seconds_of(pid) - started for pid, started in zip(pids, before, strict=True)]
        return Shared(time.process_time() - begun, workers)
