"""Where the time of a request goes, by samples of the stack every few milliseconds of CPU time."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Final

from werkzeug.test import create_environ, run_wsgi_app

from mock_server import create_app
from mock_server.http.protocol import WHOLE_BODY

__all__ = ["print_profile"]

INTERVAL: Final = 0.001  # seconds asked for; the kernel makes it 4 ms
SECONDS: Final = 12.0  # of CPU time

# What a file, a folder, or a function or class of a file is there for: paths in the project, and packages that it uses.
# The innermost frame that is listed counts, by the first of these that it is in.
PARTS: Final[dict[str, str]] = {
    "mock_server/http/bodies.py:decode_json": "reading the JSON (orjson)",
    "mock_server/http/bodies.py:validate": "validation (pydantic)",
    "mock_server/http/request_bounds.py": "validation (pydantic)",
    "sam3_contract/wire/": "validation (pydantic)",
    "pydantic/": "validation (pydantic)",
    "sam3_contract/images/base64.py": "base64 (pybase64)",
    "sam3_contract/images/": "header and structure of the image",
    "mock_server/images/loading.py:picture_from_content": "digest of the file (SHA-256)",
    "mock_server/annotations/library.py": "looking for a known image",
    "mock_server/drawing/dice.py": "choosing what is there",
    "mock_server/engines/": "choosing what is there",
    "mock_server/drawing/encoding.py": "contours (OpenCV)",
    "mock_server/drawing/": "drawing masks (numpy)",
    "mock_server/operations/backend.py:json_answer": "writing the JSON (orjson)",
    "mock_server/operations/": "the operation",
    "mock_server/journal/": "journal",
    "mock_server/store/memory.py": "journal",
    "mock_server/http/inspection.py": "journal",
    "mock_server/faults/": "faults, scenarios, sessions (none)",
    "mock_server/sessions/": "faults, scenarios, sessions (none)",
    "mock_server/control/": "faults, scenarios, sessions (none)",
    "mock_server/http/": "key, headers, view",
    "mock_server/app.py": "key, headers, view",
    "flask/": "Flask and Werkzeug",
    "werkzeug/": "Flask and Werkzeug",
    "blinker/": "Flask and Werkzeug",
}
_PROJECT: Final = Path(__file__).parents[2]


def print_profile(bodies: Sequence[bytes], *, path: str, whole: float) -> None:
    """Print a table of the parts of a request.

    Args:
        bodies: Requests to the path.
        path: With its query.
        whole: Milliseconds that a request takes in the server, everything included.
    """
    app = create_app()
    for body in bodies[:50]:
        ask(app, path, body)
    samples: Counter[str] = Counter()
    signal.signal(signal.SIGPROF, lambda _, frame: samples.update([part_of(frame)]))
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    started, requests = time.process_time(), 0
    while time.process_time() - started < SECONDS:
        for body in bodies:
            ask(app, path, body)
        requests += len(bodies)
    application = (time.process_time() - started) * 1000 / requests
    signal.setitimer(signal.ITIMER_PROF, 0)
    del samples["this program"]
    print(f"\n{'where the time goes':32}{'ms':>8}{'share':>8}")
    parts = [(part, count / samples.total() * application) for part, count in samples.most_common()]
    # Code that a request wakes up finds the caches cold, and takes longer than here, where one follows the other.
    parts.append(("sockets, event loop, waking up", max(whole - application, 0.0)))
    total = sum(milliseconds for _, milliseconds in parts)
    for part, milliseconds in sorted(parts, key=lambda row: -row[1]):
        print(f"{part:32}{milliseconds:8.3f}{milliseconds / total:8.0%}")


def ask(app: Any, path: str, body: bytes) -> None:
    """Put a request to the application as the gateway does."""
    environ = create_environ(path, method="POST", content_type="application/json", data=body)
    environ[WHOLE_BODY] = body
    run_wsgi_app(app, environ)


def part_of(frame: FrameType | None) -> str:
    """Tell what the innermost frame that is listed is there for."""
    for inner in _frames(frame):
        code = inner.f_code
        path = code.co_filename
        if path == __file__ or (code.co_name in {"create_environ", "run_wsgi_app"} and path.endswith("test.py")):
            return "this program"
        part = _part(path, code.co_qualname.partition(".")[0])
        if part is not None:
            return part
    return "this program"


@cache
def _part(path: str, name: str) -> str | None:
    """Look up what a function or class is there for, given the path of its file."""
    listed = path.removeprefix(f"{_PROJECT}/").rpartition("/site-packages/")[2]
    whole = f"{listed}:{name}"
    return next((part for key, part in PARTS.items() if listed.startswith(key) or whole == key), None)


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
