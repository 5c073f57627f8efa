"""Serving the mock with granian."""

from __future__ import annotations

import multiprocessing
import socket
import threading
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection, HTTPException
from multiprocessing.synchronize import Semaphore
from typing import Final
from urllib.parse import urlsplit

from flask import Flask
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from mock_server.app import create_app
from mock_server.settings import Settings
from sam3_contract import spec
from sam3_contract.errors import UsageError

__all__ = ["free_port", "serve"]

THREADS: Final = 8  # for each worker; the work is bound by the interpreter, more would only wait
PATIENCE: Final = 30.0  # seconds to wait for the first answer
POLL: Final = 0.01  # seconds between two looks whether it comes
STOP_TIMEOUT: Final = 5  # seconds that a request under way may take when the server is stopped
BACKLOG: Final = 256  # requests that a worker takes on at once


def free_port(host: str, port: int) -> int:
    """Make sure that a port can be bound; for 0, find one that can.

    Raises:
        UsageError: If the address is not this machine's or the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot listen on {host} port {port}: {reason}; --port 0 takes a free one") from error


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    workers: int = 1,
    document: str | None = None,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a mock until it is stopped by a signal.

    Args:
        settings: How it behaves.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        workers: Processes; each keeps its own ``image_id`` cache.
        document: Path of the OpenAPI document to serve; the project's own by default.
        ready: Called with the URL, in a worker, once that can answer.

    Raises:
        UsageError: If the address cannot be bound.
        SpecError: If the document cannot be served.
    """
    chosen = free_port(host, port)
    _load(settings, document)  # what is wrong with the document is said here, not by worker after worker
    url = f"http://[{host}]:{chosen}" if ":" in host else f"http://{host}:{chosen}"
    first = multiprocessing.Semaphore(1)
    server = Granian(
        "mock_server",
        address=host,
        port=chosen,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        backpressure=BACKLOG,
        workers_kill_timeout=STOP_TIMEOUT,
        log_level=LogLevels.error,
        websockets=False,
    )
    # Nothing local in here: where processes are spawned, it is pickled.
    load = partial(_load_and_announce, settings, document, partial(ready, url), url, first)
    server.serve(target_loader=load, wrap_loader=False)


def _load(settings: Settings, document: str | None) -> Flask:
    return create_app(settings, contract=spec.load(document) if document else None)


def _load_and_announce(
    settings: Settings, document: str | None, announce: Callable[[], None], url: str, first: Semaphore
) -> Flask:
    """Load the application in a worker; the first to have done so watches for it to answer."""
    app = _load(settings, document)
    if first.acquire(block=False):
        threading.Thread(target=_announce_once_it_answers, args=(url, announce), daemon=True).start()
    return app


def _announce_once_it_answers(url: str, announce: Callable[[], None]) -> None:
    # Not before: granian does not stop a worker that is told to before it serves.
    pause = threading.Event()
    for _ in range(int(PATIENCE / POLL)):
        try:
            connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            connection.close()
        except (OSError, HTTPException):
            pause.wait(POLL)
        else:
            announce()
            return
