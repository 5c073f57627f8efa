"""The journal as it grows, as one stream of server-sent events for each page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from mock_server.http.growing import Growing
from mock_server.journal.entry import Entry
from mock_server.journal.journal import Journal
from sam3_contract.errors import StoreError
from sam3_contract.playground.targets import StartResponse, WsgiApp

FIRST: Final = 50  # entries that a page is shown which comes anew
AGAIN: Final = 2000  # milliseconds after which a page comes again that was told what there is, and no more
_PIECE: Final = 2**18  # bytes that a page is told at a time, about: an entry may have a thumbnail, and 64 kB of JSON
_HEADERS: Final = [
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
]


class JournalEvents(Growing):
    """The requests since the last one that a page has seen.

    Every event has the number of its entry for an id. What had to go from the journal before it was told is told as
    an event named ``lost``, with how many they were.

    Args:
        journal: What there is.
        seen: The number of the last entry that was seen; ``None`` if the page comes anew.
    """

    def __init__(self, journal: Journal, seen: int | None) -> None:
        self._journal = journal
        self._seen = seen
        self._last: Entry | None = None

    def more(self) -> bytes | None:
        """Tell what is new, not all of it at once; ``None`` if the journal cannot be read any more."""
        try:
            fresh = self._fresh()
        except StoreError:
            return None  # whoever comes again is told
        told = bytearray()
        for entry in fresh:
            if self._seen is not None and entry.number > self._seen + 1:
                lost = entry.number - self._seen - 1
                told += b'event: lost\ndata: {"requests":%d}\n\n' % lost
            told += _event(entry)
            self._seen, self._last = entry.number, entry
            if len(told) > _PIECE:
                break
        if self._seen is None:  # where there is nothing yet the page has now seen all, so that it misses none
            self._seen = 0
            told += b"id: 0\ndata:\n\n"
        return bytes(told)

    def __iter__(self) -> Iterator[bytes]:
        """Tell what there is, and when to come again."""
        yield b"retry: %d\n\n" % AGAIN
        yield self.more() or b""

    def _fresh(self) -> list[Entry]:
        last = self._journal.last
        if last is None or (self._last is not None and last == self._last):
            return []
        entries = self._journal.requests
        if self._seen is None:
            return entries[-FIRST:]
        if self._is_another(entries):
            self._seen = 0
        return [one for one in entries if one.number > (self._seen or 0)]

    def _is_another(self, entries: list[Entry]) -> bool:
        """Whether the journal was emptied since, and has counted from 1 again."""
        if not entries or self._seen is None or entries[-1].number < self._seen:
            return True
        kept = next((one for one in entries if one.number == self._seen), None)
        return self._last is not None and kept is not None and kept != self._last


def events(journal: Journal, environ: Mapping[str, Any]) -> WsgiApp:
    """Make what answers with the requests since the last one that the page has seen, as they come.

    Args:
        journal: What there is.
        environ: The page's request; ``Last-Event-ID`` says what it has seen.

    Raises:
        StoreError: If the journal cannot be read.
    """
    told = environ.get("HTTP_LAST_EVENT_ID", "")
    seen = int(told) if told.isascii() and told.isdigit() and len(told) < 16 else None
    _ = journal.last  # so that a store that is away is said by a status

    def answer(_: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", list(_HEADERS))
        return JournalEvents(journal, seen)

    return answer


def _event(entry: Entry) -> bytes:
    told = entry.as_json()
    try:
        data = orjson.dumps(told)
    except TypeError:  # what only Python's parser reads: integers over 64 bits
        data = orjson.dumps({**told, "body": None})
    return b"id: %d\ndata: %b\n\n" % (entry.number, data)
