"""Recordings: a replayed answer against the mock's own in the same run, and the memory that a long recording takes.

    python -m benchmarks.recording [--megabytes N]

Measured is processor time of this process, of the application alone, in turns of one and the other; and its resident
memory. Writes the recording to a temporary folder. Linux and macOS.
"""

from __future__ import annotations

import argparse
import base64
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from werkzeug.test import EnvironBuilder, run_wsgi_app

from mock_server import create_app
from sam3_contract import cases, spec
from sam3_contract.recording import Answer, Cassette, ReplayApp, Request, Session
from sam3_contract.recording.entries import Recorded, recorded

PATH = "/sam3/concept_segment"
TURNS = 60
ANSWER = 90_000  # bytes
PLAYED = 1_000


def body_of(text: str) -> bytes:
    """Write a request."""
    image = base64.b64encode(cases.built_in_images()[0].content).decode("ascii")
    return json.dumps({"image": {"type": "base64", "value": image}, "prompts": [{"text": text}]}).encode()


def call(text: str, content: bytes) -> Recorded:
    """Make a recorded call."""
    request = Request("POST", f"https://serverless.roboflow.com{PATH}", (), body_of(text))
    answer = Answer(200, (("content-type", "application/json"),), content)
    return recorded(request, answer, "concept_segment", spec.load(), seconds=0.1, ended=datetime.now(UTC))


def processor_time(app: Callable[..., Iterable[bytes]], body: bytes) -> tuple[float, bytes]:
    """Ask an application."""
    builder = EnvironBuilder(path=PATH, method="POST", query_string={"api_key": "any"}, data=body)
    environ = builder.get_environ()
    started = time.process_time()
    parts, _, _ = run_wsgi_app(app, environ)
    content = b"".join(parts)
    return time.process_time() - started, content


def compare(folder: Path) -> None:
    """Compare a replayed answer with the mock's own."""
    mock, body = create_app(), body_of("dog")
    Cassette(folder / "one.har", spec.load()).add(call("dog", processor_time(mock, body)[1]))
    replay = ReplayApp(Session(folder / "one.har", repeats=True), mock)
    turns = [(processor_time(mock, body)[0], processor_time(replay, body)[0]) for _ in range(TURNS)]
    own, replayed = (statistics.median(times) for times in zip(*turns, strict=True))
    print(f"mock {own * 1e3:.2f} ms, replay {replayed * 1e3:.2f} ms: {replayed / own:.2f} times (at most 2)")


def fill(path: Path, megabytes: int) -> int:
    """Write many calls into one file, each as the cassette writes it."""
    cassette = Cassette(path, spec.load())
    cassette.add(call("noun 0", json.dumps({"time": 0.1, "prompt_results": [], "x": "5" * ANSWER}).encode()))
    head, tail = path.read_bytes().rsplit(b"\n]}}", 1)
    line = head.split(b"\n", 1)[1]
    number = megabytes * 2**20 // len(line)
    with path.open("wb") as file:
        file.write(head)
        for index in range(1, number):
            file.write(b",\n" + line.replace(b"noun 0", f"noun {index}".encode()))
        file.write(b"\n]}}" + tail)
    return number


def memory() -> float:
    """Tell the most resident memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def stream(folder: Path, megabytes: int) -> None:
    """Read a long recording, and play some of it."""
    number = fill(folder / "many.har", megabytes)
    before, started = memory(), time.process_time()
    session: Any = Session(folder / "many.har")
    read = time.process_time() - started
    after = memory()
    for index in range(0, number, max(1, number // PLAYED)):
        assert isinstance(session.answer(Request("POST", PATH, (), body_of(f"noun {index}"))), Answer)
    print(f"{number} calls, {megabytes} MiB: read in {read:.1f} s of processor time")
    print(f"memory {before:.0f} MB before, {after:.0f} MB read, {memory():.0f} MB played")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1024)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder))
        stream(Path(folder), arguments.megabytes)


if __name__ == "__main__":
    main()
