"""The mock's CPU time, start and memory, against a bare Flask application under granian in the same run.

    python -m benchmarks.mock [--requests N] [--profile]

Every image is new, so nothing is answered from a cache; two text prompts, polygons. The bare application reads the body
with ``json.loads`` and answers a canned string. The mock is served as its users serve it, `sam3-contract serve`. Load
comes from this process over a kept-alive connection; measured is the CPU time of the server's processes, as the
operating system counts it, in short turns of one server and the other. Linux only.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import dataclass
from itertools import islice
from typing import Final

from benchmarks.apparatus.photographs import HEADERS, PATH, bodies, photograph
from benchmarks.apparatus.profiling import print_profile
from benchmarks.apparatus.servers import Server, bare_flask, mock

READY: Final = 0.6  # seconds
MEMORY: Final = 90  # MB


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent.

    Attributes:
        kilobytes: Size of the image file, at most.
        turn: Requests in one turn.
        target: The most CPU time that the mock may take, in that of the bare application.
    """

    kilobytes: int
    turn: int
    target: float


LOADS: Final = (Load(100, 50, 3.0), Load(1000, 10, 1.4))


def milliseconds_per_request(server: Server, turn: list[bytes]) -> float:
    """Send a turn and divide the CPU time it took by the number of requests."""
    connection = server.connection()
    before = server.cpu_seconds()
    for body in turn:
        connection.request("POST", PATH, body, HEADERS)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}")
    milliseconds = (server.cpu_seconds() - before) * 1000 / len(turn)
    connection.close()
    return milliseconds


def compare(bare: Server, ours: Server, load: Load, *, requests: int) -> float:
    """Print a row of the table; return the ratio of the CPU times."""
    source = bodies(photograph(load.kilobytes))
    for server in (bare, ours):
        milliseconds_per_request(server, [next(source) for _ in range(load.turn)])
    turns = []
    for _ in range(max(requests // load.turn, 5)):
        turn = [next(source) for _ in range(load.turn)]
        turns.append((milliseconds_per_request(bare, turn), milliseconds_per_request(ours, turn)))
    theirs, own = (statistics.median(column) for column in zip(*turns, strict=True))
    ratio = statistics.median(mine / other for other, mine in turns)
    what = f"CPU, image of {len(next(source)) * 3 // 4 // 1024} KB"
    print(row(what, f"{theirs:.3f} ms", f"{own:.3f} ms", ratio) + verdict(ratio, load.target))
    return ratio


def print_memory(bare: Server, ours: Server, *, when: str) -> float:
    """Print what the processes hold; return the most that one of the mock's does, in MB."""
    for what, theirs, own in (
        (f"memory {when}, first process", bare.resident()[0], ours.resident()[0]),
        (f"memory {when}, its worker", bare.resident()[1], ours.resident()[1]),
        (f"memory {when}, both", bare.proportional(), ours.proportional()),
    ):
        print(row(what, f"{theirs:.0f} MB", f"{own:.0f} MB", own / theirs))
    return max(ours.resident())


def row(what: str, theirs: str, own: str, ratio: float) -> str:
    """Write a row of the table."""
    return f"{what:30}{theirs:>12}{own:>12}{ratio:8.2f}"


def verdict(found: float, target: float) -> str:
    """Say whether a target is met."""
    return f"  <= {target}: {'met' if found <= target else 'MISSED'}"


def main() -> int:
    """Print the table; exit status 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000, help="of 100 KB; a tenth of them of 1 MB")
    parser.add_argument("--profile", action="store_true", help="tell where the time of a request goes")
    arguments = parser.parse_args()
    with bare_flask() as bare, mock() as ours:
        print(f"{'':30}{'bare Flask':>12}{'mock':>12}{'ratio':>8}  target")
        ratio = ours.seconds / bare.seconds
        print(row("ready to answer", f"{bare.seconds:.2f} s", f"{ours.seconds:.2f} s", ratio), end="")
        print(verdict(ours.seconds, READY))
        most = print_memory(bare, ours, when="at start")
        print(f"{'most of one process':62}{verdict(most, MEMORY)}")
        missed = (ours.seconds > READY) + (most > MEMORY)
        for load, requests in zip(LOADS, (arguments.requests, arguments.requests // 10), strict=True):
            missed += compare(bare, ours, load, requests=requests) > load.target
        print_memory(bare, ours, when="now")
        if arguments.profile:
            turn = list(islice(bodies(photograph(LOADS[0].kilobytes)), 500))
            whole = statistics.median(milliseconds_per_request(ours, turn[:100]) for _ in range(5))
            print_profile(turn, path=PATH, whole=whole)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
