"""A mock in this process, with everything that a test wants to ask it or tell it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from mock_server import Settings, create_app
from mock_server.control.mock_control import control_of
from sam3_contract.errors import UsageError
from sam3_contract.interception.trial import current_trial
from sam3_contract.interception.wsgi import OutgoingRequest, WsgiAnswer, answer_of

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import Client

    from mock_server.control.mock_control import MockControl
    from mock_server.journal.entry import Entry
    from mock_server.journal.expectations import Expected
    from mock_server.journal.journal import Journal
    from mock_server.scenarios.player import Scenarios


def create_mock(settings: Settings | None = None, **changes: Any) -> LocalMock:
    """Make a mock of the service in this process: no port, no thread, nothing to close.

    It is a WSGI application, for whatever takes one, and has a client of its own.

    Args:
        settings: How it behaves.
        changes: Fields of :class:`mock_server.Settings` that are to be otherwise, such as ``profile="observed"``.

    Raises:
        UsageError: If there is no such field, or the mock cannot be made from them.

    Example:
        >>> mock = create_mock(seed=7)
        >>> image = {"type": "url", "value": "https://example.com/dog.jpg"}
        >>> body = {"image": image, "prompts": [{"type": "text", "text": "dog"}]}
        >>> mock.client.post("/sam3/concept_segment?api_key=any", json=body).status_code
        200
        >>> [request.texts for request in mock.requests]
        [['dog']]
    """
    return LocalMock(_changed(settings or Settings(), changes))


class LocalMock:
    """A mock in this process.

    Args:
        settings: How it behaves.

    Attributes:
        settings: How it behaves.
        app: The WSGI application.

    Example:
        >>> mock = LocalMock()
        >>> mock.scenario(when={"text": "dog"}, answers=[{"status": 503}, "normal"])
        >>> body = {"image": {"type": "url", "value": "https://example.com/a.jpg"}, "prompts": [{"text": "dog"}]}
        >>> asking = {"json": body, "query_string": {"api_key": "any"}}
        >>> [mock.client.post("/sam3/concept_segment", **asking).status_code for _ in range(2)]
        [503, 200]
        >>> len(mock.assert_called("concept_segment", text="dog"))
        2
        >>> mock.verify()
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.app = self._made(self.settings)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer as a WSGI application, by whatever settings hold now."""
        trial = current_trial()
        if trial is not None:
            return trial.answer(self.app, environ, start_response)
        return self.app(environ, start_response)

    def use(self, **changes: Any) -> None:
        """Begin anew with other settings.

        Args:
            changes: Fields of :class:`mock_server.Settings`.

        Raises:
            UsageError: If there is no such field, or the mock cannot be made from them.
        """
        settings = _changed(self.settings, changes)
        self.app, self.settings = self._made(settings), settings

    @property
    def client(self) -> Client:
        """A client that calls the mock without HTTP, such as ``client.post("/sam3/embed_image", json=...)``."""
        return self.app.test_client()

    @property
    def requests(self) -> list[Entry]:
        """The requests that the mock saw, oldest first."""
        return self.journal.requests

    @property
    def journal(self) -> Journal:
        """The requests that the mock saw, and assertions about them."""
        return self._control.journal

    @property
    def scenarios(self) -> Scenarios:
        """What it answers otherwise than by itself."""
        return self._control.scenarios

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults that are on for every request, as ``name`` or ``name:parameter``; can be set.

        Raises:
            UsageError: If it is set to a fault that does not exist.
        """
        return self._control.faults

    @faults.setter
    def faults(self, texts: Collection[str]) -> None:
        self._control.faults = (texts,) if isinstance(texts, str) else tuple(texts)

    def scenario(
        self,
        source: str | Path | Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        when: Mapping[str, Any] | None = None,
        answers: Sequence[Any] | None = None,
        then: Literal["repeat", "normal", "refuse"] | None = None,
        times: int | Literal["any"] | None = None,
        rate_limit: Mapping[str, Any] | None = None,
    ) -> None:
        """Let the mock answer some requests otherwise.

        Args:
            source: A file of scenarios, or what such a file holds; the other arguments are the fields of a single one.
            name: What messages call it.
            when: Which requests it is for.
            answers: What they are answered, one after another.
            then: What those behind the last answer get.
            times: How many requests it has to take; by default at least one.
            rate_limit: WsgiAnswer 429 to more than so many ``requests`` in so many ``seconds``.

        Raises:
            ScenarioError: If something is not what it has to be; with the line, if a file tells it.
            UsageError: If there are both a source and other arguments.
        """
        if source is None:
            self.scenarios.add(name, when=when, answers=answers, then=then, times=times, rate_limit=rate_limit)
        elif (name, when, answers, then, times, rate_limit) == (None,) * 6:
            self.scenarios.load(source)
        else:
            raise UsageError(
                "a file of scenarios says everything itself: give either it, or the fields of one scenario"
            )

    def assert_called(self, operation: str, *, times: int | None = None, **expected: Unpack[Expected]) -> list[Entry]:
        """Fail unless an operation was called as told, see :meth:`mock_server.journal.Journal.assert_called`.

        Raises:
            AssertionError: If it was not, with the nearest requests and what they have otherwise.
        """
        __tracebackhide__ = True  # pytest ends its traceback at the test's own line
        return self.journal.assert_called(operation, times=times, **expected)

    def assert_not_called(self, operation: str, **expected: Unpack[Expected]) -> None:
        """Fail if an operation was called as told.

        Raises:
            AssertionError: If it was.
        """
        __tracebackhide__ = True
        self.journal.assert_not_called(operation, **expected)

    def reset(self) -> None:
        """Begin anew: an empty journal, no remembered image, no scenarios and faults but those of the settings."""
        self._control.reset()

    def verify(self) -> None:
        """Fail unless the scenarios were played as they are written.

        Raises:
            AssertionError: With every request that got no answer, and every scenario that took too few or too many.
        """
        self._control.verify()

    def end(self) -> None:
        """End the delays that are under way, so that nobody waits for a mock that is not asked any more."""
        self._control.end_waits()

    def answer(self, asked: OutgoingRequest) -> WsgiAnswer:
        """Answer a request that was on its way to the service.

        Raises:
            TooSlow: If that takes longer than the client waits.
        """
        return answer_of(self, asked)

    @staticmethod
    def _made(settings: Settings) -> Flask:
        app, trial = create_app(settings), current_trial()
        if trial is not None:
            trial.rehearsal.made(app, settings)
        return app

    @property
    def _control(self) -> MockControl:
        return control_of(self.app)


def _changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    known = [field.name for field in fields(Settings)]
    unknown = [name for name in changes if name not in known]
    if unknown:
        raise UsageError(f"the mock has no setting named {unknown[0]!r}; there are {', '.join(known)}")
    return replace(settings, **changes)
