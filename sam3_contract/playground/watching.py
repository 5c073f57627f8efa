"""The journal as it grows, as server-sent events.

Each answer ends after a moment, and the browser asks again for what is new since: nothing is held for a page that was
closed, and no page keeps the mock from being stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

import orjson
from werkzeug.wrappers import Response

from mock_server.http.pauses import GONE
from mock_server.journal.entry import Entry
from mock_server.journal.journal import Journal

FIRST: Final = 50  # entries that a page is shown which comes anew
LOOKS: Final = 20  # before an answer without an entry ends
PAUSE: Final = 0.1  # seconds between two looks
AGAIN: Final = 200  # milliseconds after which the browser asks again
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def events(journal: Journal, environ: Mapping[str, Any]) -> Response:
    """Answer with the requests since the last one that the page has seen.

    Args:
        journal: What there is.
        environ: The page's request; ``Last-Event-ID`` says what it has seen.
    """
    told = environ.get("HTTP_LAST_EVENT_ID", "")
    seen = int(told) if told.isascii() and told.isdigit() and len(told) < 16 else None
    gone: threading.Event = environ.get(GONE) or threading.Event()
    fresh = _since(journal, seen)
    for _ in range(LOOKS):
        if fresh or gone.wait(PAUSE):
            break
        fresh = _since(journal, seen)
    # Also where there was nothing yet the page has now seen all, so that it is told of the next one.
    mark = "" if fresh or seen is not None else "id: 0\ndata:\n\n"
    text = f"retry: {AGAIN}\n\n{mark}" + "".join(map(_event, fresh))
    return Response(text, headers=_HEADERS, content_type="text/event-stream; charset=utf-8")


def _since(journal: Journal, seen: int | None) -> list[Entry]:
    last = journal.last
    if last is None or last.number == seen:
        return []
    entries = journal.requests
    if seen is None:
        return entries[-FIRST:]
    # A journal that was emptied counts from 1 again.
    return [one for one in entries if one.number > seen] if last.number > seen else entries


def _event(entry: Entry) -> str:
    told = entry.as_json()
    try:
        data = orjson.dumps(told)
    except TypeError:  # what only Python's parser reads: integers over 64 bits
        data = orjson.dumps({**told, "body": None})
    return f"id: {entry.number}\ndata: {data.decode()}\n\n"
