"""Which backend answers a request: the mock's own, or one with the engine that the request's header names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Final

from mock_server.engines.named import OWN
from mock_server.http.refusals import no_answer
from mock_server.operations.backend import Backend

HEADER: Final = "x-mock-engine"
ENVIRON: Final = "HTTP_X_MOCK_ENGINE"


class Backends:
    """The backends of one mock. What one engine remembers of images no other does.

    Args:
        usual: Answers requests that name no engine.
        make: Makes the one with an engine of this package; ``None`` if requests may not choose.
    """

    def __init__(self, usual: Backend, make: Callable[[str], Backend] | None) -> None:
        self.usual = usual
        self._make = make
        self._others: dict[str, Backend] = {}
        self._lock = Lock()

    def of(self, environ: Mapping[str, Any]) -> Backend:
        """Choose the backend for a request.

        Raises:
            Refusal: 599 if the request names an engine that there is not, or may not choose.
        """
        name = environ.get(ENVIRON)
        if name is None:
            return self.usual
        if self._make is None:
            raise no_answer(f"the header {HEADER} takes a mock of one worker, with its control routes")
        if name not in OWN:  # what a request names is never imported
            raise no_answer(f"there is no engine of that name for the header {HEADER}; there are {', '.join(OWN)}")
        with self._lock:
            if name not in self._others:
                self._others[name] = self._make(name)
            return self._others[name]

    def forget(self) -> None:
        """Forget every image."""
        self.usual.caches.clear()
        with self._lock:
            for backend in self._others.values():
                backend.caches.clear()
