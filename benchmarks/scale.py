"""What sessions, a shared store, several processes and a cluster cost, as ratios, in one run.

    python -m benchmarks.scale [--requests N] [--rounds N] [--masks N] [--without-cluster]

Sessions and stores: the same requests to mocks that differ in nothing else, in turns. Each mock is a server of one
process; a request sends a photograph of 90 KB with an ``image_id``, so it needs all that is kept: the plan of its
session, its image memory, its journal. Processor time is that of the mock, and with Redis of the store as well;
milliseconds are what a client waits, over one connection that stays open. Of each the best round counts, as everything
else on a machine only adds.

Processes and cluster: an archive like SA-1B, audited by one process, two, and a cluster of two workers
(`benchmarks/apparatus/jobs.py`). Two that know nothing of each other show what this machine gives two at most.

Exit status 1 if Redis takes more than 2 ms more, or two processes are less than 1.8 times as fast as one. Linux only.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.apparatus.jobs import LEAST_OF_TWO, by_cluster, by_one, by_two, by_two_apart, large_archive
from benchmarks.apparatus.photographs import HEADERS, bodies, photograph
from benchmarks.apparatus.servers import Server, cpu_seconds_of, mock
from benchmarks.archives import hundreds
from tests.redis_server import COMMAND, MISSING, redis_server

PATH: Final = "/sam3/visual_segment?api_key=any"
MOST_MORE: Final = 2.0  # milliseconds that a request may take longer with Redis
_CLICK: Final = {"x": 50, "y": 50, "positive": True}


@dataclass(slots=True)
class Line:
    """One way to be asked.

    Attributes:
        name: What it is called.
        server: The mock.
        base: What is before the path.
        beside: Processes that work for it, besides its own.
        milliseconds: The median wait of each round.
        cpu: Processor time for a request, in milliseconds, of each round.
    """

    name: str
    server: Server
    base: str = ""
    beside: Sequence[int] = ()
    milliseconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def ask(self, asked: Sequence[bytes]) -> None:
        """Send requests, one after another; note what they took."""
        connection, waits = self.server.connection(), []
        before = self._cpu()
        for body in asked:
            started = time.perf_counter()
            connection.request("POST", self.base + PATH, body, HEADERS)
            answer = connection.getresponse()
            answer.read()
            waits.append(time.perf_counter() - started)
            if answer.status != 200:
                raise SystemExit(f"{self.name}: status {answer.status}")
        connection.close()
        self.milliseconds.append(statistics.median(waits) * 1000)
        self.cpu.append((self._cpu() - before) / len(asked) * 1000)

    def _cpu(self) -> float:
        return self.server.cpu_seconds() + sum(map(cpu_seconds_of, self.beside))


@contextmanager
def lines() -> Iterator[list[Line]]:
    """Serve everything that is compared."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        memory = stack.enter_context(mock())
        file = stack.enter_context(mock("--store", f"sqlite:{folder / 'store'}"))
        found = [Line("memory", memory), Line("memory, a session", memory, "/s/one"), Line("SQLite", file)]
        if COMMAND is None:
            print(f"without Redis: {MISSING}")
        else:
            redis = stack.enter_context(redis_server())
            shared = stack.enter_context(mock("--store", redis.url))
            found.append(Line("Redis", shared, beside=[redis.pid]))
        yield found


def measured_stores(requests: int, rounds: int) -> bool:
    """Ask the mocks in turns and print what came out; tell whether Redis is quick enough."""
    fields = {"prompts": [{"points": [_CLICK]}], "format": "rle"}
    made = bodies(photograph(90), image_id="photo", **fields)
    with lines() as found:
        for _ in range(rounds + 1):
            asked = list(islice(made, requests))
            for line in found:
                line.ask(asked)
    for line in found:
        del line.milliseconds[0], line.cpu[0]  # what is done once
    usual = found[0]
    print(f"{'':24}{'CPU of a request':>22}{'waited for':>14}")
    for line in found:
        times = min(line.cpu) / min(usual.cpu)
        more = min(line.milliseconds) - min(usual.milliseconds)
        print(f"{line.name:24}{min(line.cpu):11.2f} ms {times:5.2f} x{min(line.milliseconds):11.2f} ms {more:+.2f}")
    last = found[-1]
    return last.name != "Redis" or min(last.milliseconds) - min(usual.milliseconds) <= MOST_MORE


def measured_jobs(n_masks: int, *, with_cluster: bool) -> bool:
    """Audit an archive in each way and print what came out; tell whether two processes are quick enough."""
    with TemporaryDirectory() as folder:
        path, number = large_archive(Path(folder), n_masks)
        one = by_one(path, number)
        ways = {"two apart": by_two_apart(path), "two processes": by_two(path)}
        if with_cluster:
            ways["cluster of two workers"] = by_cluster(path)
    print(f"\n{'':24}{'as fast as one':>16}{'CPU of all':>14}{'who hands out':>16}")
    for name, took in ways.items():
        print(f"{name:24}{one / took.longest:14.2f} x{took.total / one:12.2f} x{took.parent / one:14.3f} x")
    return one / ways["two processes"].longest >= LEAST_OF_TWO


def main() -> int:
    """Measure, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=150, help="of each round and way; 150 by default")
    parser.add_argument("--rounds", type=int, default=8, help="8 by default")
    parser.add_argument("--masks", type=hundreds, default=20_000, help="a twentieth of the archive; 20,000 by default")
    parser.add_argument("--without-cluster", action="store_true", help="without Dask, of the extra of that name")
    options = parser.parse_args()
    met = [
        measured_stores(options.requests, options.rounds),
        measured_jobs(options.masks, with_cluster=not options.without_cluster),
    ]
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
