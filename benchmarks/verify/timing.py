"""How long a run of `verify` takes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import requests

from benchmarks.verify.finding import CONTRACT, KEY, plan_of, verdict
from sam3_contract.transport import HttpTransport
from sam3_contract.verification import runner

MAX_SECONDS = 5.0


def report_of_time(rounds: int = 5) -> tuple[dict[str, Any], bool]:
    """Print how long a default run takes over loopback, beside as many requests that ask for nothing."""
    calls, statuses = 0, set[int]()

    def command(url: str) -> None:
        words = [sys.executable, "-m", "sam3_contract", "verify", url]
        env = {**os.environ, "ROBOFLOW_API_KEY": KEY}
        statuses.add(subprocess.run(words, env=env, stdout=subprocess.DEVNULL, check=False).returncode)  # noqa: S603

    def in_process(url: str) -> None:
        nonlocal calls
        run = runner.verify(HttpTransport(url, CONTRACT, key=KEY), plan_of(by_url=False), CONTRACT)
        calls = len(run.exchanges) + run.retries

    def floor(url: str) -> None:
        with requests.Session() as session:
            for _ in range(calls):
                session.get(f"{url}/healthz", timeout=60).raise_for_status()

    with served() as url:
        taken = [[seconds(partial(one, url)) for one in (in_process, floor, command)] for _ in range(rounds)]
    ours, least, whole = (statistics.median(column) for column in zip(*taken, strict=True))
    ratio = statistics.median(mine / bare for mine, bare, _ in taken)
    ended = ", ".join(map(str, sorted(statuses)))
    met = whole < MAX_SECONDS and statuses == {0}
    print(f"default run over loopback HTTP, {calls} calls, median of {rounds}")
    print(f"  sending and judging  {ours:6.2f} s, {ratio:.1f} x the floor")
    print(f"  floor                {least:6.2f} s: {calls} requests for /healthz to the same server")
    print(f"  the whole command    {whole:6.2f} s, exit status {ended}; < {MAX_SECONDS:g} s and 0 {verdict(met)}")
    return {"calls": calls, "seconds": ours, "floor": least, "ratio": ratio, "command": whole}, met


@contextmanager
def served() -> Iterator[str]:
    """Run `sam3-contract serve` on a free port until the block ends."""
    command = [sys.executable, "-m", "sam3_contract", "serve", "--port", "0", "--api-key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603
        try:
            line = process.stdout.readline() if process.stdout else ""
            if "http://" not in line:
                raise SystemExit(f"the mock does not start: {line!r}")
            yield line[line.index("http://") :].split()[0]
        finally:
            process.terminate()
            process.wait()


def seconds(call: Callable[[], object]) -> float:
    """Measure a call once."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
