"""The mock's CPU time per request, against a bare Flask application under the same server in the same run.

    python benchmarks/mock.py [--requests N]

Every image is new, so nothing is answered from a cache; two text prompts, polygons. The bare application reads the body
with ``json.loads`` and answers a canned string. Load comes from this process over kept-alive connections; measured is
the CPU time of the worker, as the operating system counts it. Linux only.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import io
import json
import multiprocessing
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import flask
import numpy as np
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from PIL import Image

from mock_server import create_app
from mock_server.serving import free_port

TICKS = os.sysconf("SC_CLK_TCK")
PATH = "/sam3/concept_segment?api_key=any"


def bare_app() -> flask.Flask:
    """Make the floor: what Flask costs when it does nothing but read JSON."""
    app = flask.Flask("bare")

    @app.post("/sam3/concept_segment")
    def answer() -> str:
        json.loads(flask.request.get_data())
        return '{"time": 0.1, "prompt_results": []}'

    @app.get("/healthz")
    def health() -> str:
        return "ok"

    return app


def serve(load: Callable[[], Any], port: int) -> None:
    """Run one worker until it is stopped."""
    server = Granian(
        "app", port=port, interface=Interfaces.WSGI, blocking_threads=8, backpressure=256, log_level=LogLevels.error
    )
    server.serve(target_loader=load, wrap_loader=False)


@contextmanager
def serving(load: Callable[[], Any]) -> Iterator[tuple[int, int, float]]:
    """Serve from a process of its own; yield the port, the worker's process id, and the seconds until it answered."""
    port = free_port("127.0.0.1", 0)
    started = time.perf_counter()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(load, port))
    process.start()
    try:
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/healthz")
                connection.getresponse().read()
                break
            except OSError:
                time.sleep(0.01)
        seconds = time.perf_counter() - started
        yield port, children_of(process.pid or 0)[0], seconds
    finally:
        process.terminate()
        process.join()


def children_of(pid: int) -> list[int]:
    """List a process's workers, leaving out the helper that multiprocessing starts."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(child) for child in children if "resource_tracker" not in Path(f"/proc/{child}/cmdline").read_text()]


def cpu_seconds(pid: int) -> float:
    """Read what a process has used, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_megabytes(pid: int) -> float:
    """Read the memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def photographs(number: int, *, kilobytes: int) -> list[bytes]:
    """Make bodies of requests whose images all differ, each a JPEG of about the size asked for."""
    rng = np.random.default_rng(7)
    side = 400 if kilobytes <= 100 else 1500
    noise = rng.integers(0, 256, (side * 3 // 4, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    for quality in range(95, 5, -5):
        file = io.BytesIO()
        Image.fromarray(noise).save(file, "JPEG", quality=quality)
        if file.tell() <= kilobytes * 1024:
            break
    content = file.getvalue()
    prompts = [{"type": "text", "text": "person"}, {"type": "text", "text": "dog"}]
    bodies = []
    for index in range(number):
        value = base64.b64encode(content + index.to_bytes(8, "big")).decode("ascii")
        bodies.append(json.dumps({"image": {"type": "base64", "value": value}, "prompts": prompts}).encode())
    return bodies


def milliseconds_per_request(port: int, pid: int, bodies: list[bytes]) -> float:
    """Send all bodies and divide the CPU time the worker took by their number."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    before = cpu_seconds(pid)
    for body in bodies:
        connection.request("POST", PATH, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}")
    return (cpu_seconds(pid) - before) * 1000 / len(bodies)


def main() -> int:
    """Print the table; exit status 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000, help="of 100 KB; a tenth of them of 1 MB")
    number = parser.parse_args().requests
    missed = 0
    with serving(bare_app) as (bare_port, bare_pid, bare_ready), serving(partial(create_app)) as (port, pid, ready):
        print(f"{'':28}{'bare Flask':>12}{'mock':>12}{'ratio':>8}  target")
        print(f"{'ready to answer':28}{bare_ready:10.2f} s{ready:10.2f} s{ready / bare_ready:8.1f}")
        for kilobytes, count, target in ((100, number, 3.0), (1000, max(number // 10, 20), 1.4)):
            bodies = photographs(count, kilobytes=kilobytes)
            random.Random(1).shuffle(bodies)  # noqa: S311 - an order, no secret
            milliseconds_per_request(port, pid, bodies[:20])
            rounds = [
                (milliseconds_per_request(bare_port, bare_pid, bodies), milliseconds_per_request(port, pid, bodies))
                for _ in range(3)
            ]
            theirs, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
            ratio = statistics.median(mine / bare for bare, mine in rounds)
            size = f"CPU, image of {len(bodies[0]) * 3 // 4 // 1024} KB"
            verdict = "met" if ratio <= target else "MISSED"
            print(f"{size:28}{theirs:9.3f} ms{ours:9.3f} ms{ratio:8.1f}  <= {target} x {verdict}")
            missed += ratio > target
        print(f"{'memory of the worker':28}{resident_megabytes(bare_pid):9.0f} MB{resident_megabytes(pid):9.0f} MB")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
