"""Servers in processes of their own, and what the operating system says of them. Linux only."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Server", "bare_flask", "cpu_seconds_of", "free_port", "mock", "running"]

PATIENCE: Final = 60.0  # seconds to wait for the first answer
POLL: Final = 0.002  # seconds between two looks whether it answers


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers.

    Attributes:
        port: Where it listens, on this machine.
        pid: Of its first process.
        seconds: From its start to its first answer.
    """

    port: int
    pid: int
    seconds: float

    @property
    def pids(self) -> list[int]:
        """Its first process and the children of that."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        return [self.pid, *map(int, children)]

    def cpu_seconds(self) -> float:
        """Read what all its processes have used, in user and system mode."""
        return sum(map(cpu_seconds_of, self.pids))

    def resident(self) -> list[float]:
        """Read the memory that each of its processes holds, in MB; what they share counts in each."""
        pages = (int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) for pid in self.pids)
        return [count * os.sysconf("SC_PAGE_SIZE") / 2**20 for count in pages]

    def proportional(self) -> float:
        """Read the memory that all its processes take together, in MB; what they share counts once."""
        return sum(_rollup(pid, "Pss:") for pid in self.pids)

    def connection(self) -> http.client.HTTPConnection:
        """Make a connection to it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)


def cpu_seconds_of(pid: int) -> float:
    """Read what a process has used, in user and system mode."""
    # The kernel's number of a process's CPU clock, as clock_getcpuclockid(3) makes it: nanoseconds, not ticks.
    return time.clock_gettime((~pid << 3) | 2)


@contextmanager
def bare_flask() -> Iterator[Server]:
    """Serve the bare application until the block ends."""
    port = free_port()
    with running([sys.executable, str(Path(__file__).with_name("bare.py")), str(port)], port) as server:
        yield server


@contextmanager
def mock(*options: str) -> Iterator[Server]:
    """Serve the mock as its users do, `sam3-contract serve`, until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "sam3_contract", "serve", "--port", str(port), *options]
    with running(command, port) as server:
        yield server


@contextmanager
def running(command: list[str], port: int) -> Iterator[Server]:
    """Run a server until the block ends, which begins when it answers."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # noqa: S603 - commands of ours
        try:
            _wait_for_an_answer(port, process)
            yield Server(port, process.pid, time.perf_counter() - started)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


def _wait_for_an_answer(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            time.sleep(POLL)
        else:
            return
        finally:
            connection.close()
    raise SystemExit(f"no answer from port {port}")


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _rollup(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"no {name} of process {pid}")
