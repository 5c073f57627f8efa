"""What a fault changes of the answers to some code, told without running the code again.

The requests of a run are put once more to mocks that begin as its own began. Where each gets the same answer under a
fault as without, to the last byte, header and pause, the code would do under it what it has done before.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from mock_server import create_app
from mock_server.control.mock_control import control_of
from mock_server.engines.named import OWN
from mock_server.faults import parse
from mock_server.http.pauses import GONE
from mock_server.http.session_address import ENVIRON as SESSION
from mock_server.http.session_address import PREFIX as BASE_OF_SESSION
from sam3_contract.errors import Sam3ContractError

if TYPE_CHECKING:
    from flask import Flask

    from mock_server import Settings
    from mock_server.scenarios.plan import Plan

__all__ = ["FAULT", "Rehearsal", "under"]

FAULT: Final = "HTTP_X_MOCK_FAULT"
_UNTOLD: Final = frozenset({"request_id_repeated"})
"""The fault of a header that is never the same twice, unless the request said what it is to be."""
_UNCOMPARED: Final = frozenset({"x-request-id", "execution_id", "x-mock-fault"})
"""Headers that are another each time; but a request's own id, given back to it, is compared."""
_APPS: Final[deque[tuple[Settings, int, Flask]]] = deque(maxlen=8)
"""The last mocks that were made for it: most runs make theirs from the same settings."""
_OF_A_REQUEST: Final = (str, bool, tuple)


@dataclass(slots=True)
class _Told:
    """An answer, as far as a client can tell it from another."""

    line: str = ""
    headers: Sequence[tuple[str, str]] = ()
    content: bytes = field(default=b"", repr=False)
    is_cut: bool = False
    pauses: list[float] = field(default_factory=list)


class _NoWait(Event):
    """What pauses of an answer wait for: notes how long each would be, and is over at once."""

    def __init__(self, pauses: list[float]) -> None:
        super().__init__()
        self._pauses = pauses

    def wait(self, timeout: float | None = None) -> bool:
        self._pauses.append(round(timeout or 0, 1))
        return True


@dataclass(slots=True)
class _Mock:
    """How a mock of the run began, and what it was asked."""

    settings: Settings
    plan: Plan | None = None
    n_seen: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    mock: int
    environ: Mapping[str, Any] = field(repr=False)
    body: bytes = field(repr=False)


class Rehearsal:
    """The requests of one run.

    It is of use only for a run that made its mocks itself, so that they were new, changed none of them between its
    requests, and sent these one after another. Of any other it says that every fault may be felt.
    """

    def __init__(self) -> None:
        self._mocks: list[_Mock] = []
        self._places: WeakKeyDictionary[Flask, int] = WeakKeyDictionary()
        self._asked: list[_Asked] = []
        self._under_way: _Asked | None = None
        self._is_fit = True
        self._lock = Lock()
        self._clean: Sequence[_Told] | None = None

    def made(self, app: Flask, settings: Settings) -> None:
        """Note that the run made a mock."""
        self._places[app] = len(self._mocks)
        self._mocks.append(_Mock(settings))

    def begin(self, app: Flask, environ: Mapping[str, Any]) -> object:
        """Note that a mock is asked, before it is; return what :meth:`end` is to be given then."""
        with self._lock:
            place = self._places.get(app)
            of_session = SESSION in environ or environ["PATH_INFO"].startswith(BASE_OF_SESSION)
            if place is None or self._under_way is not None or of_session:
                self._is_fit = False
            if not self._is_fit or place is None:
                return None
            mock, plan = self._mocks[place], control_of(app).scenarios.plan
            mock.plan = mock.plan or plan
            # Another plan, or requests that did not come this way, such as those of a test client.
            self._is_fit = mock.plan is plan and mock.n_seen == _n_seen(app) and _can_be_repeated(mock.settings)
            kept = {name: value for name, value in environ.items() if isinstance(value, _OF_A_REQUEST)}
            self._under_way = _Asked(place, kept, b"")
            return self._under_way

    def end(self, begun: object, app: Flask, body: bytes) -> None:
        """Note that the answer is whole, and what was read of the request's body for it."""
        with self._lock:
            asked = self._under_way
            if asked is None or asked is not begun:
                return
            self._asked.append(replace(asked, body=body))
            self._mocks[asked.mock].n_seen = _n_seen(app)
            self._under_way = None

    def may_be_felt(self, fault: str, answers: Iterable[tuple[int, bytes, bool]]) -> bool:
        """Say whether a fault changes an answer, or may change one.

        Args:
            fault: As it is switched on.
            answers: Status, body, and whether it was cut, of each answer of the run: what is asked again without a
                fault has to come to the same, or nothing can be told.
        """
        if not self._is_fit or self._under_way is not None or parse(fault).fault.name in _UNTOLD:
            return True
        try:
            if self._clean is None:
                self._clean = self._told(None)
                again = [(int(one.line[:3]), one.content, one.is_cut) for one in self._clean]
                self._is_fit = again == list(answers)
            return not self._is_fit or self._told(fault) != self._clean
        except (Sam3ContractError, OSError):  # a file or folder of the settings was there for the run only
            self._is_fit = False
            return True

    def _told(self, fault: str | None) -> list[_Told]:
        apps = [_begun(mock, place) for place, mock in enumerate(self._mocks)]
        return [_answer(apps[one.mock], under(fault, one.environ), one.body) for one in self._asked]


def under(fault: str | None, environ: Mapping[str, Any]) -> dict[str, Any]:
    """Put a fault on a request, behind those that it asks for itself."""
    if fault is None:
        return dict(environ)
    others = environ.get(FAULT)
    return {**environ, FAULT: f"{others},{fault}" if others else fault}


def _can_be_repeated(settings: Settings) -> bool:
    """Say whether answers come from the mock alone: nobody else is asked again, nor waited for outside a time limit."""
    engine = settings.engine
    return settings.store is None and not settings.fetch_urls and isinstance(engine, str) and engine in OWN


def _n_seen(app: Flask) -> int:
    journal = control_of(app).journal
    return journal.dropped + len(journal.requests)


def _begun(mock: _Mock, place: int) -> Flask:
    """Take a mock that begins as one of the run did; the next to take it begins anew."""
    app = _app(mock.settings, place)
    control = control_of(app)
    control.reset()
    if mock.plan is not None:
        control.scenarios.begin(mock.plan)
    return app


def _app(settings: Settings, place: int) -> Flask:
    """Take a mock of these settings; two of one run are two, alike as they may be."""
    found = next((app for one, its_place, app in _APPS if its_place == place and one == settings), None)
    if found is None:
        found = create_app(settings)
        _APPS.appendleft((settings, place, found))
    return found


def _answer(app: Flask, environ: dict[str, Any], body: bytes) -> _Told:
    told, content = _Told(), bytearray()
    environ |= {"wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO(), GONE: _NoWait(told.pauses)}

    def start_response(line: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        told.line = line
        own_id = environ.get("HTTP_X_REQUEST_ID")
        lowered = [(name.lower(), text) for name, text in headers]
        told.headers = [(name, text) for name, text in lowered if name not in _UNCOMPARED or text == own_id]

    parts = app(environ, start_response)
    try:
        for part in parts:
            content += part
    except ConnectionResetError:
        told.is_cut = True
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    told.content = bytes(content)
    return told
