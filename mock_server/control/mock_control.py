"""What a test holds of a mock: its journal, its scenarios, its faults, and a way to begin anew."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from flask import Flask

from mock_server.faults import FAULTS, parse, switchboard_of
from mock_server.http import pauses
from mock_server.journal.journal import Journal
from mock_server.operations.backends import Backends
from mock_server.scenarios.files import read
from mock_server.scenarios.player import Scenarios
from mock_server.settings import Settings
from sam3_contract.errors import UsageError

_EXTENSION: Final = "sam3_contract_mock"


class MockControl:
    """What a test holds of one mock. Everything may be used from any thread.

    Args:
        app: The mock.
        settings: How the mock behaves.
        backends: What its operations know.
        operations: Their ``operationId``.

    Attributes:
        journal: The requests that it saw.
        scenarios: What it answers otherwise.

    Raises:
        UsageError: If the settings name an unknown fault, or a file of scenarios that cannot be used.
    """

    def __init__(self, app: Flask, settings: Settings, backends: Backends, operations: Sequence[str]) -> None:
        self.journal = Journal(
            operations,
            on=settings.journal,
            most_requests=settings.journal_requests,
            most_bytes=settings.journal_bytes,
        )
        self.scenarios = Scenarios(operations, check_fault=_refuse_early_fault)
        self._app = app
        self._pauses = pauses.install(app)
        app.extensions[_EXTENSION] = self
        self._backends = backends
        self._at_start = read(settings.scenarios) if settings.scenarios else None
        self._faults = self._faults_at_start = _parsed(settings.faults)
        self._restore_scenarios()

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults that are on for every request, as ``name`` or ``name:parameter``.

        They can be set, which raises :class:`UsageError` for an unknown one. Faults that are counted begin anew.
        """
        return self._faults

    @faults.setter
    def faults(self, texts: Collection[str]) -> None:
        self._faults = _parsed(texts)
        switchboard_of(self._app).forget()

    @property
    def may_wait(self) -> bool:
        """Whether a request may be held back, and should not hold up others meanwhile."""
        return self.scenarios.active or bool(self._faults)

    @property
    def reads_pixels(self) -> bool:
        """Whether images are decoded to find what is in them."""
        return self._backends.usual.engine.reads_pixels

    def remembered_pixels(self, image_id: str) -> int | None:
        """Tell how many pixels the image has that is remembered by a name; ``None`` if there is none."""
        picture = self._backends.usual.caches.embeddings.find(image_id)
        return None if picture is None else picture.size[0] * picture.size[1]

    def reset(self) -> None:
        """Begin anew: an empty journal, no remembered image, scenarios and faults as at the start, nobody waiting."""
        self.journal.clear()
        self._backends.forget()
        self.faults = self._faults_at_start
        self._restore_scenarios()
        self.end_waits()

    def end_waits(self) -> None:
        """Let go of the requests that are held back: by latency, a fault or a scenario."""
        self._pauses.end()

    def verify(self) -> None:
        """Fail if the scenarios were not played as they are written, see :meth:`Scenarios.verify`.

        Raises:
            AssertionError: With all that was expected otherwise.
        """
        self.scenarios.verify()

    def catalogue(self) -> list[dict[str, Any]]:
        """List the faults that there are."""
        return [fault.as_json() for fault in FAULTS.values()]

    def _restore_scenarios(self) -> None:
        self.scenarios.clear()
        if self._at_start is not None:
            self.scenarios.load_source(self._at_start, anew=True)
        self.scenarios.reset()


def control_of(app: Flask) -> MockControl:
    """Find what a test holds of a mock.

    Args:
        app: What :func:`mock_server.create_app` made.

    Example:
        >>> from mock_server import create_app
        >>> app = create_app()
        >>> _ = app.test_client().get("/")
        >>> control_of(app).journal.last.status
        200
    """
    control = app.extensions[_EXTENSION]
    assert isinstance(control, MockControl)
    return control


def _parsed(texts: Collection[str]) -> tuple[str, ...]:
    return tuple(parse(text).text for text in texts)


def _refuse_early_fault(text: str) -> None:
    """Refuse an unknown fault, and one that comes too late in a scenario."""
    hooks = parse(text).fault.hooks
    if hooks.arrive is not None or hooks.admits is not None:
        raise UsageError(
            f"fault {text!r} sits before the check of the key, where no scenario has looked at the request yet; "
            "put it on every request, or on one by its header X-Mock-Fault"
        )
