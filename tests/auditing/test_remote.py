"""Archives read by URL: of a store in memory, of folders, of a web server that knows ranges and one that does not."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest

from sam3_contract.auditing import Summary, audit
from sam3_contract.auditing.running import outcomes_here
from sam3_contract.auditing.units import Terms, units_of
from sam3_contract.mask_files import urls
from sam3_contract.mask_files.urls import shown

SOUND = json.dumps({"masks": {"size": [4, 6], "counts": "5220;"}}).encode() + b"\n"
CUT = json.dumps({"masks": {"size": [4, 6], "counts": "5220k"}}).encode() + b"\n"
LINES = b"".join(CUT if number % 97 == 0 else SOUND for number in range(500))


@pytest.fixture
def store() -> Iterator[str]:
    """The URL of an empty folder in memory."""
    folder = f"memory://{uuid4()}"
    yield folder
    fsspec.filesystem("memory").rm(folder, recursive=True)


def written(url: str, content: bytes) -> str:
    with fsspec.open(url, "wb") as file:
        file.write(content)
    return url


class Handler(BaseHTTPRequestHandler):
    """Sends `LINES`; refuses one path, and drops the connection of another in the middle."""

    knows_ranges = True
    requested: list[str]

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")) if self.knows_ranges else None
        content = LINES
        status = 403 if self.path.startswith("/refused") else 404 if self.path.startswith("/missing") else 200
        if asked and status == 200:
            self.requested.append(asked[0])
            first, last = int(asked[1]), int(asked[2] or len(LINES) - 1)
            content, status = LINES[first : last + 1], 206
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{first + len(content) - 1}/{len(LINES)}")
        if self.knows_ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_body:
            self.wfile.write(content[: 9000 if self.path.startswith("/dropped") else None])

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def web_server(*, knows_ranges: bool) -> Iterator[tuple[str, list[str]]]:
    handler = type("Handler", (Handler,), {"knows_ranges": knows_ranges, "requested": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler.requested
        finally:
            server.shutdown()
            thread.join()


def test_a_store_is_read_as_a_disk_is(store: str, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for folder in (store, str(tmp_path)):
        written(f"{folder}/a/lines.jsonl", LINES)
        written(f"{folder}/a/b/one.json", CUT)
        written(f"{folder}/a/photo.jpg", b"\xff\xd8")

    there, here = (audit([f"{folder}/a"]) for folder in (store, tmp_path))

    assert list(there.files) == [
        name.replace("//", "///") for name in (f"{store}/a/b/one.json", f"{store}/a/lines.jsonl")
    ]
    assert there.as_json() == here.as_json()
    assert audit([f"{store}/a/*.jsonl"]).n_masks == 500


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_web_server_is_asked_for_ranges_if_it_knows_them(knows_ranges: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "_BLOCK_BYTES", 4096)
    with web_server(knows_ranges=knows_ranges) as (address, requested):
        name = f"{address}/lines.jsonl?signature=SECRET"
        summary = Summary([shown(name)])
        parts = list(units_of([name], Terms(), unit_bytes=10_000))
        for outcome in outcomes_here(parts, Terms()):
            summary.add(outcome)

    assert len(parts) == (-(-len(LINES) // 10_000) if knows_ranges else 1)
    assert bool(requested) == knows_ranges
    assert (summary.n_masks, dict(summary.defects), summary.unread) == (500, {"RLE13": 6}, [])


def test_what_cannot_be_had_is_named_without_secrets() -> None:
    with web_server(knows_ranges=True) as (address, _):
        paths = [f"{address}/{name}.jsonl?key=SECRET" for name in ("refused", "missing", "dropped", "lines")]
        summary = audit(paths)

    assert len(summary.unread) == 3
    for name, reason in zip(("refused", "missing", "dropped"), summary.unread, strict=True):
        assert reason.startswith(f"{address}/{name}.jsonl cannot be read: ")
    for status, reason in zip(("403 Forbidden", "404 Not Found"), summary.unread, strict=False):
        assert reason.endswith(f": the server answers {status}")
    assert "SECRET" not in repr(summary)
    assert summary.n_masks == 500


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nowhere://a/b.json", "nowhere://a/b.json cannot be read: Protocol not known: nowhere"),
        ("memory://none/b.json", "memory://none/b.json cannot be read: there is no such file"),
        ("http://127.0.0.1:1/b.json", "http://127.0.0.1:1/b.json cannot be read: Connect call failed ('127.0.0.1', 1)"),
    ],
)
def test_urls_that_lead_nowhere_say_so(url: str, says: str) -> None:
    assert audit([url]).unread == [says]


def test_without_fsspec_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)

    [reason] = audit(["s3://bucket/a.json"]).unread

    assert reason == (
        "s3://bucket/a.json cannot be read: fsspec is missing, and files named by URL are read through it: "
        "pip install 'sam3-contract[remote]'"
    )
