"""The sessions of a mock: made when a request first names them, ended when nobody does for long.

Nothing grows without bound: there are only so many, they end after some idle time, and where they are held in this
process they may take only so much together. The session that was not used for longest goes first.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from mock_server.http.session_address import session_of
from mock_server.scenarios.plan import Plan
from mock_server.sessions.session import Make, Session, key_of
from mock_server.store.protocol import Store
from sam3_contract.errors import StoreError, UsageError

MOST_BYTES: Final = 256 * 1024 * 1024  # of all named sessions that this process holds
_TOUCHED_EVERY: Final = 5.0  # seconds at most between two times that a store is told that a session is in use


@dataclass(slots=True)
class _Held:
    session: Session
    used: float
    touched: float
    weight: int = 0


class Sessions:
    """The sessions of one mock. Methods may be called from any thread.

    Args:
        make: Makes the session of an id.
        store: Where sessions are kept.
        at_start: What each begins with.
        most: How many there may be besides the default one.
        idle: Seconds after which one that is not used ends.
        most_bytes: What they may take together in this process.

    Attributes:
        default: The session of requests that name none. It never ends.
        store: Where sessions are kept.
        at_start: What each begins with.
        clock: Seconds; what idle time is counted by.
    """

    def __init__(
        self, make: Make, store: Store, *, at_start: Plan, most: int, idle: float, most_bytes: int = MOST_BYTES
    ) -> None:
        self.clock: Callable[[], float] = time.monotonic
        self.store = store
        self.at_start = at_start
        self._make = make
        self._most = most
        self._idle = idle
        self._most_bytes = most_bytes
        self._held: OrderedDict[str, _Held] = OrderedDict()  # that which was used last stands last
        self._weight = 0
        self._touched_every = min(_TOUCHED_EVERY, idle / 3)
        self._default_touched = -_TOUCHED_EVERY
        self._lock = Lock()
        self.default = make(None)

    def of(self, environ: Mapping[str, Any]) -> Session:
        """Take the session that a request names, or make it.

        Raises:
            UsageError: If what it names is no id of a session.
        """
        name = session_of(environ)
        return self._use_default() if name is None else self.named(name)

    def named(self, name: str) -> Session:
        """Take the session of an id, or make it; it is in use from now on."""
        now = self.clock()
        with self._lock:
            self._end_idle(now)
            held = self._held.get(name)
            if held is None:
                held = self._held[name] = _Held(self._make(name), now, -_TOUCHED_EVERY)
                while len(self._held) > self._most:
                    self._drop_oldest()
            self._held.move_to_end(name)
            held.used = now
            stale = now - held.touched >= self._touched_every
            held.touched = now if stale else held.touched
        if stale:
            self._touch(name)
        return held.session

    def plan_of(self, environ: Mapping[str, Any]) -> Plan:
        """Tell what is planned for a request, without making its session."""
        session = self._known(environ)
        return self.at_start if session is None else session.scenarios.plan

    def remembered_pixels(self, environ: Mapping[str, Any], image_id: str) -> int | None:
        """Tell how many pixels the image has that a request's session remembers by a name; ``None`` if none."""
        session = self._known(environ)
        try:
            picture = None if session is None else session.backends.usual.caches.embeddings.find(image_id)
        except StoreError:  # its answer will say so
            return None
        return None if picture is None else picture.size[0] * picture.size[1]

    def weigh(self, session: Session) -> None:
        """Look how much a named session takes; others end if that is too much together."""
        with self._lock:
            held = None if session.id is None else self._held.get(session.id)
            if held is None or held.session is not session:
                return
            weight = session.memory
            self._weight += weight - held.weight
            held.weight = weight
            while self._weight > self._most_bytes and len(self._held) > 1:
                self._drop_oldest()

    def end(self, session: Session) -> None:
        """End a session: the next request that names it begins anew. The default one is only reset."""
        session.reset()
        if session.id is None:
            return
        with self._lock:
            held = self._held.pop(session.id, None)
            self._weight -= held.weight if held else 0
        self.store.end(key_of(session.id))

    @property
    def count(self) -> int:
        """How many named sessions this process holds."""
        with self._lock:
            self._end_idle(self.clock())
            return len(self._held)

    @property
    def memory(self) -> int:
        """What all sessions take in this process, in bytes, about."""
        return self._weight + self.default.memory

    def _use_default(self) -> Session:
        if self.store.shared:
            now = self.clock()
            if now - self._default_touched >= self._touched_every:
                self._default_touched = now
                self._touch(None)
        return self.default

    def _touch(self, name: str | None) -> None:
        if self.store.shared:
            # Not every request needs the store; what does will be told that it is gone.
            with suppress(StoreError):
                self.store.touch(key_of(name))

    def _known(self, environ: Mapping[str, Any]) -> Session | None:
        try:
            name = session_of(environ)
        except UsageError:  # it will be refused
            return None
        if name is None:
            return self.default
        held = self._held.get(name)
        if held is None and self.store.shared:  # another process may know it
            return self._make(name)
        return None if held is None else held.session

    def _end_idle(self, now: float) -> None:
        while self._held and next(iter(self._held.values())).used < now - self._idle:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        # Of a store that is shared only what this process holds of the session; the store ends it by itself.
        self._weight -= self._held.popitem(last=False)[1].weight
