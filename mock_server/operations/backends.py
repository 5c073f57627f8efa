"""Which backend answers a request: the mock's own engine, or the one that the request's header names.

Each session has caches of its own for each engine: what one remembers no other does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from mock_server.annotations.library import Library
from mock_server.engines.named import OWN
from mock_server.engines.protocol import Engine
from mock_server.http.refusals import no_answer
from mock_server.images.by_url import PictureOfUrl
from mock_server.operations.backend import Backend
from mock_server.operations.caches import Caches, caches_in
from mock_server.store.protocol import Store

HEADER: Final = "x-mock-engine"
ENVIRON: Final = "HTTP_X_MOCK_ENGINE"
_USUAL: Final = ""


@dataclass(frozen=True, slots=True)
class Engines:
    """What the backends of all sessions share.

    Attributes:
        usual: The engine of requests that name none.
        named: Makes an engine of this package by its name; the same one each time.
        picture_of_url: Loads the images that requests name by URL.
        library: The images of which it is known what is in them.
        may_choose: Whether requests may name an engine.
    """

    usual: Engine
    named: Callable[[str], Engine]
    picture_of_url: PictureOfUrl
    library: Library
    may_choose: bool


class Backends:
    """The backends of one session.

    Args:
        engines: What those of all sessions share.
        store: Where they remember images.
        session: The id of the session.
    """

    def __init__(self, engines: Engines, store: Store, session: str) -> None:
        self._engines = engines
        self._store = store
        self._session = session
        self._others: dict[str, Backend] = {}
        self._lock = Lock()
        self.usual = self._made(_USUAL, engines.usual)

    def of(self, environ: Mapping[str, Any]) -> Backend:
        """Choose the backend for a request.

        Raises:
            Refusal: 599 if the request names an engine that there is not, or may not choose.
        """
        name = environ.get(ENVIRON)
        if name is None:
            return self.usual
        if not self._engines.may_choose:
            raise no_answer(f"the header {HEADER} takes a mock with its control routes")
        if name not in OWN:  # what a request names is never imported
            raise no_answer(f"there is no engine of that name for the header {HEADER}; there are {', '.join(OWN)}")
        with self._lock:
            if name not in self._others:
                self._others[name] = self._made(name, self._engines.named(name))
            return self._others[name]

    @property
    def memory(self) -> int:
        """What remembered pictures and logits take in this process, in bytes, about."""
        return sum(one.caches.memory for one in (self.usual, *self._others.values()))

    def forget(self) -> None:
        """Forget every image."""
        with self._lock:
            made = [self.usual, *self._others.values()]
        for backend in made:
            backend.caches.clear()
        for name in OWN if self._store.shared else ():  # requests to another process may have named it
            self._caches(name, self._engines.usual).clear()

    def _made(self, name: str, engine: Engine) -> Backend:
        return Backend(engine, self._caches(name, engine), self._engines.picture_of_url, self._engines.library)

    def _caches(self, name: str, engine: Engine) -> Caches:
        library, files = self._engines.library, engine.reads_pixels
        return caches_in(self._store, self._session, engine=name, library=library, files=files)
