"""``/metrics``: what a mock was asked and how it answered, in the format of Prometheus.

Around the application, so that it costs nothing where it is off, and what Prometheus asks stands in no journal. Several
workers write into the files of a folder, which the one that is asked adds up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from mock_server.http.session_address import take_base
from mock_server.sessions.sessions import Sessions
from sam3_contract.extras import extra

PATH: Final = "/metrics"
FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which prometheus-client shares a folder among processes; read when it is imported."""
_OTHER: Final = "other"  # what is asked for that is no operation
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_FAULTS: Final = "x-mock-fault"

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Measured:
    """A mock whose requests are measured.

    Args:
        app: The mock.
        operations: The ``operationId`` of each path.
        sessions: Its sessions.

    Raises:
        UsageError: If prometheus-client is not installed.
    """

    def __init__(self, app: WsgiApp, operations: Mapping[str, str], sessions: Sessions) -> None:
        self._app = app
        self._operations = operations
        self._sessions = sessions
        self._client = client = extra("prometheus_client", name="metrics", need="/metrics is written with it")
        self._registry = own = client.CollectorRegistry()
        self._requests = client.Counter(
            "sam3_mock_requests", "Requests, by operation and status.", ["operation", "status"], registry=own
        )
        self._seconds = client.Histogram(
            "sam3_mock_request_seconds", "Time to an answer.", ["operation"], registry=own, buckets=_SECONDS
        )
        self._faults = client.Counter("sam3_mock_faults", "Answers with a fault, by its name.", ["fault"], registry=own)
        self._memory = client.Gauge(
            "sam3_mock_memory_bytes",
            "What journals, scenarios and remembered images take.",
            registry=own,
            multiprocess_mode="livesum",
        )

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request, and measure it."""
        take_base(environ)
        path: str = environ["PATH_INFO"]
        if path == PATH and environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
            return self._answer(start_response)
        started = time.perf_counter()

        def measuring(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            self._note(self._operations.get(path, _OTHER), status[:3], headers, time.perf_counter() - started)
            return start_response(status, headers, *rest)

        return self._app(environ, measuring)

    def _note(self, operation: str, status: str, headers: list[tuple[str, str]], seconds: float) -> None:
        self._requests.labels(operation, status).inc()
        self._seconds.labels(operation).observe(seconds)
        self._memory.set(self._sessions.memory)
        for texts in (value for name, value in headers if name.lower() == _FAULTS):
            for text in texts.split(", "):
                self._faults.labels(text.partition(":")[0]).inc()

    def _answer(self, start_response: Any) -> list[bytes]:
        registry = self._registry
        folder = os.environ.get(FOLDER_VARIABLE)
        if folder is not None:
            multiprocess = extra("prometheus_client.multiprocess", name="metrics", need="workers are added up with it")
            _forget_the_dead(Path(folder), multiprocess.mark_process_dead)
            registry = self._client.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry, folder)
        body: bytes = self._client.generate_latest(registry)
        headers = [("Content-Type", self._client.CONTENT_TYPE_LATEST), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]


def _forget_the_dead(folder: Path, forget: Callable[[int], None]) -> None:
    """Take the memory of workers out that are no more; what they counted stays."""
    if os.name == "nt":
        return  # there, what asks for a process would end it
    for file in folder.glob("gauge_live*_*.db"):
        number = int(file.stem.rpartition("_")[2])
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):  # another scrape was faster
                forget(number)
        except PermissionError:
            continue
