"""Watches the requests of a mock, and keeps them in its journal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection
from typing import Any, Final

import orjson
from flask import Flask, Request, Response

from mock_server.http.auth import keys_sent
from mock_server.http.bodies import decode_json, is_json, masked_text
from mock_server.http.inspection import digest_of_image, image_of
from mock_server.http.protocol import is_control
from mock_server.http.query import parameters
from mock_server.http.refusals import Refusal, no_answer
from mock_server.http.request_context import Notes, current_notes, current_request
from mock_server.http.session_address import named_session
from mock_server.images.loading import LOADED, picture_from_base64
from mock_server.journal.entry import Entry, EntryImage, kept_body
from mock_server.journal.journal import Journal
from mock_server.journal.thumbnails import thumbnail
from sam3_contract.errors import StoreError
from sam3_contract.images import bytes_from_base64

_LONGEST: Final = 2000  # characters of a path or URL
_NO_KEYS: Final[frozenset[str]] = frozenset()
_UNWATCHED: Final = "/healthz"  # asked by whoever waits for the mock, not by the client under test


class Recorder:
    """Watches requests from their arrival to their answer.

    Args:
        journal: Finds where the request at hand is kept.
        operations: The ``operationId`` of every operation.
        strict: Whether bodies are decoded as the document has it, or as leniently as the server does.
        thumbnails: Whether images are kept small.
        keys_change: Whether a fault may take the key out of the requests that come now.
    """

    def __init__(
        self,
        journal: Callable[[], Journal],
        operations: Collection[str],
        *,
        strict: bool,
        thumbnails: bool,
        keys_change: Callable[[], bool],
    ) -> None:
        self._journal = journal
        self._operations = frozenset(operations)
        self._strict = strict
        self._thumbnails = thumbnails
        self._keys_change = keys_change

    def install(self, app: Flask) -> None:
        """Watch an application; to be called before anything else is hooked into it."""
        app.before_request(self._begin)
        # Flask calls what was registered first last: the journal sees the answer that goes out.
        app.after_request(self._record)

    def _begin(self) -> None:
        sent = current_request()
        if sent.path == _UNWATCHED or is_control(sent):
            return
        notes = current_notes()
        notes.started = time.perf_counter()
        LOADED.set(None)
        if self._keys_change() or "HTTP_X_MOCK_FAULT" in sent.environ:
            # Some faults take the key out of the request. Looked at in a copy: what was read stays read.
            notes.keys = keys_sent(Request(dict(sent.environ)), None)

    def _record(self, response: Response) -> Response:
        sent, notes = current_request(), current_notes()
        started = notes.get("started")
        if started is None:
            return response
        journal = self._journal()
        if not journal.on:
            return response
        milliseconds = (time.perf_counter() - started) * 1000
        operation = sent.endpoint if sent.endpoint in self._operations else None
        size = len(notes.get("raw", b""))
        body = body_of(sent, notes, strict=self._strict)
        keys = keys_sent(sent, body) | notes.get("keys", _NO_KEYS)
        image = self._image(body, keys)
        kept = b""
        if body is not None:
            kept = kept_body(body, size=size, digest=image.sha256 if image else None, keys=keys)
        path = sent.path if operation else masked_text(sent.path, keys)[:_LONGEST]
        answered = (sent.method, path, operation, response.status_code, milliseconds)
        played = (notes.get("faults", ()), notes.get("scenario"))
        said = (bool(parameters(sent).get("api_key")), named_session(sent.environ))
        try:
            journal.add(lambda number: Entry(number, *answered, size, kept, image, *played, *said))
        except StoreError as error:
            if operation is not None:  # its answer is none that anybody could ask the journal for later
                _replace(response, no_answer(str(error)))
        return response

    def _image(self, body: Any, keys: Collection[str]) -> EntryImage | None:
        found = image_of(body)
        if found is None:
            return None
        kind, value = _writable(found[0]), found[1]
        by_url = kind == "url"
        file = LOADED.get()
        if file is None and not by_url:  # the request was answered without a look at its image
            with contextlib.suppress(Refusal):
                picture_from_base64(value)
            file = LOADED.get()
        url = _writable(masked_text(value, keys))[:_LONGEST] if by_url else None
        if file is None:
            digest = digest_of_image(body)
            return EntryImage(kind[:20], digest.hex() if digest else None, url)
        drawn = thumbnail(bytes_from_base64(value)) if self._thumbnails and not by_url else None
        height, width = file.picture.size
        return EntryImage(kind[:20], file.picture.digest.hex(), url, file.format, width, height, file.bytes, drawn)


def _writable(text: str) -> str:
    """Replace what no store can hold: half surrogate pairs, which only Python's parser reads."""
    return text.encode("utf-8", "replace").decode()


def _replace(response: Response, refusal: Refusal) -> None:
    """Answer otherwise, with the headers that were put on already."""
    response.status_code = refusal.status
    response.content_type = "application/json"
    response.set_data(orjson.dumps(refusal.body))


def body_of(sent: Request, notes: Notes, *, strict: bool) -> Any:
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
