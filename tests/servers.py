"""Servers on free ports of this machine, for tests that need a socket."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from werkzeug.serving import WSGIRequestHandler, make_server

from sam3_contract.cli import main

ROOT = Path(__file__).parent.parent


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve a WSGI application from a thread of this process."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def command_serving(*options: str, address: str = "127.0.0.1") -> Iterator[str]:
    """Run `sam3-contract serve` on a free port until the block ends; *address* is what it listens on by its options."""
    command = [sys.executable, "-m", "sam3_contract", "serve", "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith(f"SAM 3 mock at http://{address}:"), process.communicate()
            yield line.split()[4]
        finally:
            process.terminate()
            process.communicate()


def run_command(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `sam3-contract` in this process, without API keys in its environment."""
    cleared = {"ROBOFLOW_API_KEY": None, "API_KEY": None, "COLUMNS": "120"}
    with CliRunner().isolation(env={**cleared, **(env or {})}) as (out, err, _):
        try:
            main(arguments)
        except SystemExit as ended:
            status = ended.code
        except Exception:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        said = [stream.getvalue().decode("utf-8") for stream in (out, err)]
    assert isinstance(status, int)
    return subprocess.CompletedProcess(arguments, status, *said)


def run_process(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `sam3-contract` in a process of its own, where that is the point."""
    inherited = {key: value for key, value in os.environ.items() if key not in {"ROBOFLOW_API_KEY", "API_KEY"}}
    return subprocess.run(
        [sys.executable, "-m", "sam3_contract", *arguments],
        cwd=ROOT,
        env={**inherited, "COLUMNS": "120", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
