"""What a test holds of a mock: its journal, its scenarios, its faults, and a way to begin anew."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from flask import Flask

from mock_server.faults import FAULTS
from mock_server.http import pauses
from mock_server.http.session_address import checked
from mock_server.journal.journal import Journal
from mock_server.scenarios.player import Scenarios
from mock_server.sessions.session import Session
from mock_server.sessions.sessions import Sessions

_EXTENSION: Final = "sam3_contract_mock"


class MockControl:
    """What a test holds of one session of a mock. Everything may be used from any thread.

    Args:
        app: The mock.
        sessions: All its sessions.
        session: The one.
    """

    def __init__(self, app: Flask, sessions: Sessions, session: Session) -> None:
        self._pauses = pauses.install(app)
        self._sessions = sessions
        self._session = session

    @property
    def session(self) -> str | None:
        """The id of the session; ``None`` of the default one, that of all requests that name none."""
        return self._session.id or None

    @property
    def sessions(self) -> int:
        """How many sessions there are besides the default one; of a shared store, how many this process knows."""
        return self._sessions.count

    @property
    def journal(self) -> Journal:
        """The requests that it saw."""
        return self._session.journal

    @property
    def scenarios(self) -> Scenarios:
        """What it answers otherwise."""
        return self._session.scenarios

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults that are on for every request, as ``name`` or ``name:parameter``.

        They can be set, which raises :class:`UsageError` for an unknown one. Faults that are counted begin anew.
        """
        return self.scenarios.plan.faults

    @faults.setter
    def faults(self, texts: Collection[str]) -> None:
        self._session.put_faults_on(tuple(texts))

    def reset(self) -> None:
        """Begin anew: an empty journal, no remembered image, scenarios and faults as at the start, nobody waiting."""
        self._session.reset()
        self.end_waits()

    def end(self) -> None:
        """End the session: nothing of it is kept. The default one only begins anew."""
        self._sessions.end(self._session)
        self.end_waits()

    def end_waits(self) -> None:
        """Let go of the requests that are held back: by latency, a fault or a scenario."""
        self._pauses.end(self.session)

    def verify(self) -> None:
        """Fail if the scenarios were not played as they are written, see :meth:`Scenarios.verify`.

        Raises:
            AssertionError: With all that was expected otherwise.
        """
        self.scenarios.verify()

    def catalogue(self) -> list[dict[str, Any]]:
        """List the faults that there are."""
        return [fault.as_json() for fault in FAULTS.values()]


def install(app: Flask, sessions: Sessions) -> None:
    """Let :func:`control_of` find the sessions of an application."""
    app.extensions[_EXTENSION] = sessions
    pauses.install(app)


def control_of(app: Flask, session: str | None = None) -> MockControl:
    """Find what a test holds of a mock.

    Args:
        app: What :func:`mock_server.create_app` made.
        session: The id of a session, which is made if it is new; by default that of requests that name none.

    Raises:
        UsageError: If this is no id of a session.

    Example:
        >>> from mock_server import create_app
        >>> app = create_app()
        >>> _ = app.test_client().get("/")
        >>> control_of(app).journal.last.status
        200
        >>> control_of(app, "another").journal.requests
        []
    """
    sessions = sessions_of(app)
    return MockControl(app, sessions, sessions.default if session is None else sessions.named(checked(session)))


def sessions_of(app: Flask) -> Sessions:
    """Find all sessions of a mock."""
    sessions = app.extensions[_EXTENSION]
    assert isinstance(sessions, Sessions)
    return sessions
