"""What a test holds of a mock: its journal, its scenarios, its faults, and a way to begin anew."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from flask import Flask, Request, Response, g, request

from mock_server.control import routes
from mock_server.faults import FAULTS, parse, switch_on, switchboard_of
from mock_server.http.auth import keys_sent
from mock_server.http.bodies import decode_json, is_json, masked, masked_text
from mock_server.http.inspection import Asked, digest_of_image, image_of, texts_of
from mock_server.http.refusals import Refusal
from mock_server.http.request_context import Notes, current_notes, current_request
from mock_server.images.loading import LOADED, picture_from_base64
from mock_server.journal.entry import Seen, SeenImage, kept_body
from mock_server.journal.journal import Journal
from mock_server.journal.thumbnails import thumbnail
from mock_server.operations.backend import World
from mock_server.scenarios.files import read
from mock_server.scenarios.player import Scenarios, Taken
from mock_server.scenarios.rules import Reply
from mock_server.settings import Settings
from sam3_contract.errors import UsageError
from sam3_contract.images import bytes_from_base64

__all__ = ["MockControl", "control_of"]

_EXTENSION: Final = "sam3_contract_mock"
_LONGEST: Final = 2000  # characters of a path or URL
_NO_KEYS: Final[frozenset[str]] = frozenset()
_UNWATCHED: Final = "/healthz"  # asked by whoever waits for the mock, not by the client under test


class MockControl:
    """What a test holds of one mock. Everything may be used from any thread.

    Args:
        app: The mock.
        settings: How the mock behaves.
        world: What its operations know.
        operations: Their ``operationId``.

    Attributes:
        journal: The requests that it saw.
        scenarios: What it answers otherwise.

    Raises:
        UsageError: If the settings name a fault that is none, or a file of scenarios that cannot be used.
    """

    def __init__(self, app: Flask, settings: Settings, world: World, operations: Sequence[str]) -> None:
        self.journal = Journal(
            operations,
            on=settings.journal,
            most_requests=settings.journal_requests,
            most_bytes=settings.journal_bytes,
        )
        self.scenarios = Scenarios(operations, check_fault=_refuse_early_fault)
        self._app = app
        self._world = world
        self._routes_on = settings.control
        self._thumbnails = settings.journal_thumbnails
        self._strict = settings.profile == "documented"
        self._operations = frozenset(operations)
        self._at_start = read(settings.scenarios) if settings.scenarios else None
        self._faults = self._faults_at_start = _parsed(settings.faults)
        self._restore_scenarios()

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults that are on for every request, as ``name`` or ``name:parameter``.

        They can be set, which raises :class:`UsageError` for what is none. Faults that are counted begin anew.
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

    def reset(self) -> None:
        """Begin anew: an empty journal, no remembered image, scenarios and faults as at the start."""
        self.journal.clear()
        self._world.memory.clear()
        self.faults = self._faults_at_start
        self._restore_scenarios()

    def verify(self) -> None:
        """Fail if the scenarios were not played as they are written, see :meth:`Scenarios.verify`.

        Raises:
            AssertionError: With all that was expected otherwise.
        """
        self.scenarios.verify()

    def catalogue(self) -> list[dict[str, Any]]:
        """List the faults that there are."""
        return [
            {
                "name": fault.name,
                "family": fault.family,
                "breaks": fault.breaks,
                "when": fault.when,
                "parameter": fault.parameter and fault.parameter.meaning,
                "default": fault.parameter and fault.parameter.default,
            }
            for fault in FAULTS.values()
        ]

    def install(self) -> None:
        """Watch the requests of the mock; to be called before anything else is hooked into it."""
        self._app.extensions[_EXTENSION] = self
        self._app.before_request(self._begin)
        # Flask calls what was registered first last: the journal sees the answer that goes out.
        self._app.after_request(self._record)

    def answering(self, operation: str, view: Callable[[], Response]) -> Callable[[], Response]:
        """Let the scenarios answer an operation before its view does."""

        def answered() -> Response:
            scenarios = self.scenarios
            if not scenarios.active:
                return view()
            asked = Asked(operation, request.headers, lambda: _body_of(request, g, strict=self._strict))
            taken = scenarios.take(asked)
            if taken is None:
                if scenarios.strict:
                    raise scenarios.miss(self._described(asked))
                return view()
            g.scenario = taken.scenario
            return self._play(taken, view)

        return answered

    def _play(self, taken: Taken, view: Callable[[], Response]) -> Response:
        if taken.refusal is not None:
            raise taken.refusal
        reply = taken.reply or Reply()
        if reply.delay:
            self.scenarios.wait(reply.delay)
        if reply.fixed is not None:
            fixed = reply.fixed
            return Response(fixed.body, fixed.status, list(fixed.headers), content_type=fixed.content_type)
        switch_on(reply.faults)
        return view()

    def _begin(self) -> Response | None:
        sent = current_request()
        path = sent.path
        if path.startswith(routes.PREFIX) and self._routes_on and sent.method != "OPTIONS":
            return routes.answer(self, sent)
        if path != _UNWATCHED:
            notes = current_notes()
            notes.started = time.perf_counter()
            LOADED.set(None)
            if self._faults or "HTTP_X_MOCK_FAULT" in sent.environ:
                # Some faults take the key out of the request. Looked at in a copy: what was read stays read.
                notes.keys = keys_sent(Request(dict(sent.environ)), None)
        return None

    def _record(self, response: Response) -> Response:
        sent, notes = current_request(), current_notes()
        started = notes.get("started")
        if started is None or not self.journal.on:
            return response
        milliseconds = (time.perf_counter() - started) * 1000
        operation = sent.endpoint if sent.endpoint in self._operations else None
        size = len(notes.get("raw", b""))
        body = _body_of(sent, notes, strict=self._strict)
        keys = keys_sent(sent, body) | notes.get("keys", _NO_KEYS)
        image = self._image(body, keys)
        kept = b""
        if body is not None:
            kept = kept_body(body, size=size, digest=image.sha256 if image else None, keys=keys)
        path = sent.path if operation else masked_text(sent.path, keys)[:_LONGEST]
        answered = (sent.method, path, operation, response.status_code, milliseconds)
        played = (notes.get("faults", ()), notes.get("scenario"))
        self.journal.add(lambda number: Seen(number, *answered, size, kept, image, *played))
        return response

    def _image(self, body: Any, keys: Collection[str]) -> SeenImage | None:
        found = image_of(body)
        if found is None:
            return None
        kind, value = found
        by_url = kind == "url"
        file = LOADED.get()
        if file is None and not by_url:  # the request was answered without a look at its image
            with contextlib.suppress(Refusal):
                picture_from_base64(value)
            file = LOADED.get()
        url = masked_text(value, keys)[:_LONGEST] if by_url else None
        if file is None:
            digest = digest_of_image(body)
            return SeenImage(kind[:20], digest.hex() if digest else None, url)
        drawn = thumbnail(bytes_from_base64(value)) if self._thumbnails and not by_url else None
        height, width = file.picture.size
        return SeenImage(kind[:20], file.picture.digest.hex(), url, file.format, width, height, file.bytes, drawn)

    def _described(self, asked: Asked) -> str:
        texts = masked(texts_of(asked.body), keys_sent(request, asked.body))
        return f"no scenario takes {asked.operation} with texts {texts!r}"[:500]

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
    """Refuse a fault that is none, and one that comes too late in a scenario."""
    hooks = parse(text).fault.hooks
    if hooks.arrive is not None or hooks.admits is not None:
        raise UsageError(
            f"fault {text!r} sits before the check of the key, where no scenario has looked at the request yet; "
            "put it on every request, or on one by its header X-Mock-Fault"
        )


def _body_of(sent: Request, notes: Notes, *, strict: bool) -> Any:
    """Take the decoded body, or decode it if nothing needed it yet; ``None`` if it is no JSON."""
    if not is_json(sent):
        return None
    if "body" in notes:
        return notes.body
    raw = notes.get("raw")
    try:
        return decode_json(raw, strict=strict) if raw else None
    except Refusal:
        return None
