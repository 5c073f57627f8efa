"""What a neighbour feels of one request, whatever that holds: how long its `/healthz` waits, what the worker takes.

    python -m benchmarks.neighbour [--workers N] [--only NAME]

Starts `sam3-contract serve`, sends each kind of heavy request once, and asks for `/healthz` all the while. Wanted on a
quiet machine: at most 100 ms for any `/healthz`, at most 300 MB for the worker. Exits with 1 where that is not reached.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.apparatus.servers import Server, mock
from sam3_contract.images.bounds import MAX_TRIED

MOST_MILLISECONDS = 100
MOST_MEGABYTES = 300
MEBIBYTE = 1024 * 1024


def header_of(width: int, height: int, size: int = 0) -> dict[str, Any]:
    """Make a black image with a comment of some bytes; of a vast one, whose pixels nobody decodes, the header alone."""
    pixels = zlib.compress(bytes(height * (1 + (width + 7) // 8))) if width * height <= MAX_TRIED else b""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"tEXt", b"Comment\0" + b"x" * size), (b"IDAT", pixels), (b"IEND", b""))
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return {"type": "base64", "value": base64.b64encode(content).decode()}


SMALL, PHOTO, VAST = header_of(640, 480), header_of(4000, 3000), header_of(23_170, 23_170)
BOX = {"x": 2000, "y": 1500, "width": 4000, "height": 3000}
CORNER = {"x": 0, "y": 0, "width": 4000, "height": 4000}


def visual(image: Any, prompts: Any, **fields: Any) -> tuple[str, bytes]:
    """Make a request for masks of what is clicked."""
    return "visual_segment", json.dumps({"image": image, "prompts": prompts, **fields}).encode()


def concept(image: Any, prompts: Any, **fields: Any) -> tuple[str, bytes]:
    """Make a request for the instances of concepts."""
    return "concept_segment", json.dumps({"image": image, "prompts": prompts, **fields}).encode()


EXEMPLARS = {"boxes": [CORNER] * 8, "box_labels": [1] * 8}
REQUESTS: dict[str, Callable[[], tuple[str, bytes]]] = {
    "100 kB of empty boxes": lambda: concept(SMALL, [{"boxes": [{}] * 30_000}]),
    "1 MB of empty points": lambda: visual(SMALL, [{"points": [{}] * 330_000}]),
    "as many empty points as are validated": lambda: visual(SMALL, [{"points": [{}] * 5400}]),
    "3283 empty prompts on a vast image": lambda: visual(VAST, [{}] * 3283),
    "16 whole masks of a vast image": lambda: visual(VAST, [{"box": BOX}] * 16, format="rle"),
    "1000 boxes on a photograph": lambda: visual(PHOTO, [{"box": BOX}] * 1000),
    "1000 boxes on a photograph, as run lengths": lambda: visual(PHOTO, [{"box": BOX}] * 1000, format="rle"),
    "a binary answer as large as there is": lambda: visual(header_of(3300, 3300), [{"box": BOX}], format="binary"),
    "exemplars that are all compared": lambda: concept(
        VAST, [EXEMPLARS] * 16, nms_iou_threshold=1.0, output_prob_thresh=0.01
    ),
    "specimens that cover 32 megapixels": lambda: concept(
        header_of(5792, 5792), [{"text": "specimen:full-frame"}] * 16
    ),
    "200 specimens 16 times, compared": lambda: concept(
        PHOTO, [{"text": "specimen:many"}] * 16, nms_iou_threshold=1.0, output_prob_thresh=0.01
    ),
    "20 MB of braces": lambda: ("concept_segment", b'{"x":[' + b"{}," * 6_900_000 + b"1]}"),
    "20 MB of image": lambda: concept(header_of(640, 480, 14 * MEBIBYTE), [{"text": "dog"}]),
    "20 MB of image in a request that is refused": lambda: concept(header_of(640, 480, 14 * MEBIBYTE), []),
    "20 MB of text": lambda: concept(SMALL, [{"text": "x" * 19 * MEBIBYTE}]),
    "20 MB that are no JSON": lambda: ("concept_segment", b'{"x":"' + b"x" * 19 * MEBIBYTE),
    "a list of integers of 4000 digits": lambda: ("concept_segment", b'{"x":[' + b"1" * 4000 + b"]}"),
    "deep nesting": lambda: ("concept_segment", b"[" * 900_000),
}


class Neighbour:
    """Asks for `/healthz` from a thread of its own until the block ends, and notes how long that takes.

    Args:
        place: Host and port of the server.
    """

    def __init__(self, place: str) -> None:
        self.waits: list[float] = []
        self._place = place
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Neighbour:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        connection = HTTPConnection(self._place, timeout=120)
        while not (self._ended.wait(0.005) and self.waits):
            started = time.perf_counter()
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            self.waits.append((time.perf_counter() - started) * 1000)


def ask(place: str, operation: str, body: bytes) -> tuple[int, int, float]:
    """Send a request; return the status, the size of the answer and the seconds that it took."""
    connection = HTTPConnection(place, timeout=300)
    started = time.perf_counter()
    connection.request("POST", f"/sam3/{operation}?api_key=any", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    size = len(answer.read())
    return answer.status, size, time.perf_counter() - started


def peak_of(server: Server) -> float:
    """Read the most memory that any worker ever had, in MB."""
    statuses = [Path(f"/proc/{worker}/status").read_text(encoding="ascii") for worker in server.pids[1:]]
    return max(int(status.partition("VmHWM:")[2].split()[0]) / 1024 for status in statuses)


def measured(name: str, workers: int) -> bool:
    """Measure one kind of request on a server of its own; print a line; say whether the figures are reached."""
    operation, body = REQUESTS[name]()
    with mock("--workers", str(workers), "--access-log", "none") as server:
        place = f"127.0.0.1:{server.port}"
        idle = peak_of(server)
        with Neighbour(place) as neighbour:
            status, size, seconds = ask(place, operation, body)
        peak = peak_of(server)
    worst, median = max(neighbour.waits), statistics.median(neighbour.waits)
    good = worst <= MOST_MILLISECONDS and peak <= MOST_MEGABYTES
    print(
        f"{name:46} {status}  {size / MEBIBYTE:6.1f} MB  {seconds:6.2f} s"
        f"  healthz {median:5.1f} ms, at most {worst:6.1f} ms"
        f"  worker {idle:4.0f} -> {peak:4.0f} MB{'' if good else '  <-- too much'}",
        flush=True,
    )
    return good


def main() -> None:
    """Measure every kind of request."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    found = [measured(name, options.workers) for name in REQUESTS if options.only in name]
    sys.exit(0 if all(found) else 1)


if __name__ == "__main__":
    main()
