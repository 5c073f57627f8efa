"""Serving the mock with uvicorn, as the service is."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from multiprocessing.synchronize import Semaphore
from pathlib import Path
from typing import Any, Final

from flask import Flask
from uvicorn import Config, Server

from mock_server.app import create_app
from mock_server.control.mock_control import sessions_of
from mock_server.engines.synthetic import Synthetic
from mock_server.http.protocol import MAX_BODY
from mock_server.metrics import FOLDER_VARIABLE
from mock_server.operations import backends, concept, visual
from mock_server.operations.backend import Backend
from mock_server.serving.connection import CONNECTIONS, Connection
from mock_server.serving.cost import Cost
from mock_server.serving.gateway import Application, Environ, Gateway, Limits
from mock_server.serving.lifetime import end_with_parent, ignores_hangup, listen_to_the_main_process_only
from mock_server.serving.standard_error import keep_libraries_out_of_a_pipe
from mock_server.serving.workers import CONTEXT, Workers
from mock_server.sessions.sessions import Sessions
from mock_server.settings import Settings
from mock_server.store.opening import check_store, open_store
from mock_server.store.protocol import Store
from sam3_contract import spec, wire
from sam3_contract.errors import StoreError, UsageError

READ_TIMEOUT: Final = 30.0  # seconds; 20 MiB in that time is a slow upload, or a keep-alive connection is idle
_BACKLOG: Final = 1024  # connections that wait to be taken
STOP_TIMEOUT: Final = 5  # seconds that a request under way may take when the server is stopped
_TRIED: Final[list[Gateway]] = []  # what the settings were tried with, for workers that are forked
_WARMING_IMAGE: Final[dict[str, Any]] = {"type": "url", "value": "https://example.com/warm.jpg"}
_WARMING_TEXTS: Final = [{"text": f"noun {number}"} for number in range(8)]
_WARMING_CLICKS: Final = [{"points": [{"x": 500, "y": 300, "positive": True}, {"x": 20, "y": 20, "positive": False}]}]
# What never makes a request wait. A setting that is added is taken to do so until it is listed here.
QUICK: Final = frozenset(
    {"api_keys", "refused_keys", "auth", "seed", "profile", "access_log", "url_images", "coco", "coco_images", "scenes"}
    | {
        "coco_strict",
        "control",
        "allowed_hosts",
        "control_token",
        "scenarios",
        "metrics",
        "sessions",
        "session_idle",
        "journal",
        "journal_requests",
        "journal_bytes",
        "journal_thumbnails",
    }
)


def address_of(host: str) -> str:
    """Find the address that a host name means.

    Args:
        host: A name or an address, also in brackets. Of a name that has addresses of both kinds the IPv4 one is taken.

    Raises:
        UsageError: If there is no such host.

    Example:
        >>> address_of("localhost"), address_of("[::1]")
        ('127.0.0.1', '::1')
    """
    if not host:
        raise UsageError("the host to listen on is empty; 127.0.0.1 is this machine")
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:  # ValueError of what cannot be written as a name
        raise UsageError(f"cannot listen on {host!r}: nobody knows this name; an address always works") from error
    return str(min(found, key=lambda one: one[0] != socket.AF_INET)[4][0])


def listening(address: str, port: int) -> socket.socket:
    """Listen on a port; for 0, on one that is free.

    Raises:
        UsageError: If the address is not this machine's or the port is taken.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would share a port that is taken
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        hint = "; --port 0 takes a free one" if error.errno == errno.EADDRINUSE else ""
        raise UsageError(f"cannot listen on {address} port {port}: {reason}{hint}") from error
    return listener


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    workers: int = 1,
    document: str | None = None,
    read_timeout: float = READ_TIMEOUT,
    ready: Callable[[str], None] = lambda _: None,
    around: Callable[[Application], Application] | None = None,
    ended: Callable[[str], None] = lambda _: None,
    page: Page | None = None,
) -> None:
    """Serve a mock until it is stopped by a signal. A worker that dies is replaced.

    Args:
        settings: How it behaves.
        host: Name or address to listen on.
        port: Port to listen on; 0 takes a free one.
        workers: Processes. More than one share what they keep in a store, a file of their own unless another is given:
            every one gives the same bytes, counts the same requests and has the same control routes.
        document: Path of the OpenAPI document to serve; the project's own by default.
        read_timeout: Seconds in which the head of a request, and then its body, have to come.
        ready: Called with the URL, in a worker, once that can answer.
        around: Makes of the mock what is served, such as something that answers before it does.
        ended: Called with the URL when nothing answers there any more; in a worker if the main process was killed.
        page: A page that is served with the mock; not where there are no control routes.

    Raises:
        UsageError: If the address cannot be bound, or a file cannot be the store.
        SpecError: If the document cannot be served.
    """
    keep_libraries_out_of_a_pipe()
    address = address_of(host)
    listener = listening(address, port)
    hangup_ends = not ignores_hangup()
    limits = Limits(body=MAX_BODY, read_timeout=read_timeout, threads=CONNECTIONS)
    with listener, _shared_folder(workers) as shared:
        if settings.metrics:
            _share_metrics(shared)
        # What is wrong with the store or the document is said here, not by worker after worker.
        if settings.store is not None:
            check_store(settings.store)
        plan = _Plan(settings, document, limits, shared, around, page if settings.control else None)
        _TRIED[:] = [plan.load()]
        chosen = listener.getsockname()[1]
        url = f"http://[{address}]:{chosen}" if ":" in address else f"http://{address}:{chosen}"
        # Nothing local in here: where processes are spawned, it is pickled.
        orphaned = partial(_clean_up, shared, partial(ended, url))
        run = partial(_run_worker, plan, partial(ready, url), CONTEXT.Semaphore(1), orphaned)
        try:
            Workers(listener, run, count=workers, grace=STOP_TIMEOUT).serve(hangup_ends=hangup_ends)
        finally:
            ended(url)


@contextmanager
def _shared_folder(workers: int) -> Iterator[Path | None]:
    """Make the folder of what workers share, until the block ends; a single one needs none."""
    if workers == 1:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="sam3-mock-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _share_metrics(folder: Path | None) -> None:
    """Let workers write what they measure into one folder; before any of them imports what does so."""
    if folder is not None and FOLDER_VARIABLE not in os.environ:
        (folder / "metrics").mkdir()
        os.environ[FOLDER_VARIABLE] = str(folder / "metrics")


def _clean_up(shared: Path | None, ended: Callable[[], None]) -> None:
    """Do what the main process, being killed, could not."""
    ended()
    if shared is not None:
        shutil.rmtree(shared, ignore_errors=True)


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """A page that is served with a mock.

    Attributes:
        path: Where what it asks for begins; such requests may wait.
        put: Puts it in front of what is served, given that, the mock, its settings, and the document if it is not the
            project's own.
    """

    path: str
    put: Callable[[Application, Flask, Settings, spec.Contract | None], Application]


@dataclasses.dataclass(frozen=True, slots=True)
class _Plan:
    """What each worker loads.

    Attributes:
        settings: How the mock behaves.
        document: Path of the OpenAPI document; ``None`` for the project's own.
        limits: What a client may take.
        shared: The folder of what several workers share.
        around: Makes of the mock what is served.
        page: The page in front of that.
    """

    settings: Settings
    document: str | None
    limits: Limits
    shared: Path | None
    around: Callable[[Application], Application] | None
    page: Page | None

    def load(self) -> Gateway:
        """Make the application and the gateway before it."""
        contract = spec.load(self.document) if self.document else None
        app = create_app(self.settings, contract=contract, store=self._store())
        sessions = sessions_of(app)
        looks = sessions.default.backends.usual.engine.reads_pixels
        cost = Cost(sessions.remembered_pixels, always=looks or self._reads_files())
        served: Application = self.around(app) if self.around else app
        if self.page:
            served = self.page.put(served, app, self.settings, contract)
        always = self.around is not None or _waits(self.settings)
        may_wait = partial(_may_wait, sessions, always=always, page=self.page.path if self.page else None)
        return Gateway(served, self.limits, may_wait, cost.is_quick)

    def _store(self) -> Store | None:
        settings = self.settings
        if self.shared is None or settings.store is not None:
            return None
        return open_store(
            f"sqlite:{self.shared / 'store.sqlite'}", sessions=settings.sessions, idle=settings.session_idle
        )

    def _reads_files(self) -> bool:
        settings = self.settings
        return settings.coco is not None or settings.url_images is not None or settings.journal_thumbnails


def _waits(settings: Settings) -> bool:
    """Check whether a setting could make any request wait: for its latency, for another server, for a fault."""
    usual = Settings()
    names = {entry.name for entry in dataclasses.fields(settings)} - QUICK
    return any(getattr(settings, name) != getattr(usual, name) for name in names)


def _may_wait(sessions: Sessions, environ: Environ, *, always: bool, page: str | None) -> bool:
    if always or "HTTP_X_MOCK_FAULT" in environ or backends.ENVIRON in environ:
        return True
    try:
        plan = sessions.plan_of(environ)
    except StoreError:  # its answer will say so, but who knows when
        return True
    if plan.plays or plan.faults:
        return True
    return page is not None and environ["PATH_INFO"].startswith(page)


class _Server(Server):
    """A server in a worker.

    Args:
        config: How it serves.
        announce: Called once it takes connections.
    """

    def __init__(self, config: Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections, and say so."""
        await super().startup(sockets)
        asyncio.get_running_loop().call_soon(self._announce)  # where it fails, the server goes on

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is under way, after the time that it has for itself; that it was cut off is no error."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]  # a context manager as well
        """Be told to stop by the main process alone."""
        signal.signal(signal.SIGTERM, self.handle_exit)
        return nullcontext()


def _run_worker(
    plan: _Plan,
    announce: Callable[[], None],
    first: Semaphore,
    orphaned: Callable[[], None],
    listener: socket.socket,
) -> None:
    """Serve in a worker; the first that takes connections says so."""
    listen_to_the_main_process_only()
    end_with_parent(orphaned)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # what clients send wrongly is answered, and no more
    gateway = _TRIED[0] if _TRIED else plan.load()
    warm_up()
    config = Config(
        gateway,
        interface="asgi3",
        http=Connection,
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=plan.limits.read_timeout,  # type: ignore[arg-type]  # fractions are fine
        timeout_graceful_shutdown=STOP_TIMEOUT,
    )
    server = _Server(config, lambda: announce() if first.acquire(block=False) else None)
    gateway.is_stopping = lambda: server.should_exit
    # Its loop is never closed: threads that still have something to send would complain of that.
    asyncio.Runner(loop_factory=_loop_factory()).run(server.serve(sockets=[listener]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # else threads that wait for something would hold it up


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - is not everywhere
    except ImportError:
        return None
    return uvloop.new_event_loop


def warm_up() -> None:
    """Answer a request of each kind before anybody asks, so that the first client waits no longer than the others.

    Nothing remembers it, and the memory that a worker takes at the start is about what it takes from then on.
    """
    backend = Backend(Synthetic())
    for format_name in ("polygon", "rle"):
        body = {"image": _WARMING_IMAGE, "prompts": _WARMING_TEXTS, "format": format_name}
        concept.concept_segment(wire.parse_request(wire.ConceptSegmentRequest, body), backend)
    body = {"image": _WARMING_IMAGE, "prompts": _WARMING_CLICKS}
    visual.visual_segment(wire.parse_request(wire.VisualSegmentRequest, body), backend)
