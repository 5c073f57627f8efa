"""Load on two mocks behind a balancer, by a master and two workers of Locust: requests a second, percentiles, findings.

    python -m benchmarks.balanced [--seconds N] [--users N] [--fault NAME]

Everything runs on this machine: two servers of one process with one store of Redis, HAProxy with the file of
``examples/compose``, and three processes of Locust, which hold every answer to the laws of masks. First
without a fault, then with one on every request of both mocks, told to one of them. Exit status 1 if anything is found
without the fault, or nothing with it. Needs haproxy and redis-server (or valkey-server). Linux only.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.apparatus.servers import Server, free_port, mock, running
from tests.redis_server import redis_server

ROOT: Final = Path(__file__).parent.parent
CONFIGURATION: Final = ROOT / "examples" / "compose" / "balancer.cfg"
LOCUSTFILE: Final = ROOT / "examples" / "locustfile.py"
_PERCENTILES: Final = ("50%", "95%", "99%")
Row = dict[str, str]


@contextmanager
def balancer(mocks: list[Server], folder: Path) -> Iterator[Server]:
    """Run the balancer of the compose file before mocks of this machine."""
    command = shutil.which("haproxy")
    if command is None:
        raise SystemExit("haproxy is not installed")
    port, text = free_port(), CONFIGURATION.read_text(encoding="utf-8")
    for number, one in enumerate(mocks, start=1):
        text = text.replace(f"mock-{number}:9001", f"127.0.0.1:{one.port}")
    file = folder / "balancer.cfg"
    file.write_text(text.replace("bind :9001", f"bind 127.0.0.1:{port}"), encoding="utf-8")
    with running([command, "-f", str(file)], port) as server:
        yield server


def load_on(port: int, folder: Path, *, users: int, seconds: int) -> list[Row]:
    """Let a master and two workers ask; return the rows of Locust's table, the last one of all requests."""
    bound = str(free_port())
    locust = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"]
    master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", bound, "--expect-workers", "2"]
    asked = ["--host", f"http://127.0.0.1:{port}", "--users", str(users), "--spawn-rate", str(users)]
    written = ["--run-time", str(seconds), "--sample", "1", "--csv", "load"]
    worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", bound]
    commands = [locust + master + asked + written, locust + worker, locust + worker]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen(command, cwd=folder, env=env, **quiet) for command in commands]  # type: ignore[call-overload]  # noqa: S603
    for process in processes:
        process.wait(seconds + 60)
    return list(csv.DictReader((folder / "load_stats.csv").read_text(encoding="utf-8").splitlines()))


def put_fault_on(server: Server, fault: str) -> None:
    """Tell one mock, and so both, to break something."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/_mock/faults",
        json.dumps({"faults": [fault]}).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        answer.read()


def findings_in(folder: Path) -> dict[str, int]:
    """Count what was found, by what it is called."""
    rows = csv.DictReader((folder / "load_failures.csv").read_text(encoding="utf-8").splitlines())
    found: dict[str, int] = {}
    for row in rows:
        name = re.sub(r"^CatchResponseError\('(.*)'\)$", r"\1", row["Error"])
        found[name] = found.get(name, 0) + int(row["Occurrences"])
    return found


def shares(mocks: list[Server], seconds: list[float]) -> str:
    """Tell how much of the processor time of all mocks each took."""
    taken = [one.cpu_seconds() - before for one, before in zip(mocks, seconds, strict=True)]
    return " and ".join(f"{one / sum(taken):.0%}" for one in taken)


def main() -> int:
    """Measure, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20, help="of each of the two runs; 20 by default")
    parser.add_argument("--users", type=int, default=20, help="20 by default; each asks five times a second at most")
    parser.add_argument("--fault", default="size_swapped", help="of the second run; size_swapped by default")
    options = parser.parse_args()
    found = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        redis = stack.enter_context(redis_server())
        mocks = [stack.enter_context(mock("--store", redis.url)) for _ in range(2)]
        front = stack.enter_context(balancer(mocks, folder))
        for fault in (None, options.fault):
            if fault is not None:
                put_fault_on(mocks[0], fault)
            before = [one.cpu_seconds() for one in mocks]
            total = load_on(front.port, folder, users=options.users, seconds=options.seconds)[-1]
            found.append(findings_in(folder))
            print(
                f"{fault or 'no fault'}: {total['Request Count']} requests, {float(total['Requests/s']):.1f} a second"
            )
            print("  " + ", ".join(f"{name} within {total[name]} ms" for name in _PERCENTILES))
            print(f"  findings: {found[-1] or 'none'}; the mocks took {shares(mocks, before)} of the work")
    return int(bool(found[0]) or not found[1])


if __name__ == "__main__":
    sys.exit(main())
