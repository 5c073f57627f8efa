"""Reading scenarios: plain values of whatever format, or of Python, to rules; each mistake with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from mock_server.http.protocol import wording_of
from mock_server.journal.expectations import named_image
from mock_server.scenarios.rules import Fixed, RateLimit, Reply, Scenario, Then, When
from mock_server.scenarios.validation import Mistake, Place
from sam3_contract.bounded import open_regular
from sam3_contract.errors import UsageError
from sam3_contract.suggestions import unknown

__all__ = ["MOST_SCENARIOS", "Reader"]

MOST_SCENARIOS: Final = 1000
MOST_ANSWERS: Final = 1000
MOST_SECONDS: Final = 60.0  # that an answer may be held back
_MOST_FILE: Final = 64 * 1024 * 1024  # bytes of a file that is answered
_MOST_COUNT: Final = 1_000_000
_MOST_RATE: Final = 10_000  # requests of a window, each of which is remembered
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OWN_HEADERS: Final = frozenset({"content-length", "transfer-encoding", "connection"})
_TYPES: Final[Mapping[str, str]] = {
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}
_COUNTS: Final = ("nth", "after", "every")


class Reader:
    """Makes scenarios of what files, requests and Python hold.

    Args:
        operations: The operations that there are.
        folder: What the paths of files are relative to; ``None`` if no file may be named.
        check_fault: Raises :class:`UsageError` for a fault that is none.
    """

    def __init__(
        self, operations: tuple[str, ...], *, folder: Path | None, check_fault: Callable[[str], object]
    ) -> None:
        self._operations = operations
        self._folder = folder
        self._check_fault = check_fault

    def scenarios(self, place: Place) -> tuple[list[Scenario], bool]:
        """Read what a file holds: its scenarios, and whether they are strict.

        Raises:
            Mistake: If something is not what it has to be.
        """
        fields = place.fields(("scenarios", "strict"))
        strict = "strict" in fields and fields["strict"].flag()
        if "scenarios" not in fields:
            if not strict:
                place.wrong("holds no `scenarios`")
            return [], strict
        entries = fields["scenarios"].items(most=MOST_SCENARIOS)
        found = [self.scenario(entry, f"scenario {number}") for number, entry in enumerate(entries, 1)]
        return found, strict

    def scenario(self, place: Place, name: str) -> Scenario:
        """Read one.

        Args:
            place: Where it stands.
            name: Its name if it has none.

        Raises:
            Mistake: If something is not what it has to be.
        """
        fields = place.fields(("name", "when", "answers", "then", "times", "rate_limit"))
        if "rate_limit" in fields:
            for other in ("answers", "then"):
                if other in fields:
                    fields[other].wrong("stands beside `rate_limit`, which answers by itself")
        when = self._when(fields["when"]) if "when" in fields else When()
        if "rate_limit" in fields and any(getattr(when, count) is not None for count in _COUNTS):
            fields["when"].wrong(f"{', '.join(_COUNTS)} stand beside `rate_limit`, which counts by itself")
        answers = fields["answers"].items(most=MOST_ANSWERS) if "answers" in fields else ()
        return Scenario(
            name=fields["name"].text(longest=200) if "name" in fields else name,
            when=when,
            answers=tuple(map(self._reply, answers)) or (Reply(),),
            then=_then(fields["then"]) if "then" in fields else "repeat",
            times=_times(fields["times"]) if "times" in fields else None,
            rate_limit=_rate_limit(fields["rate_limit"]) if "rate_limit" in fields else None,
            definition=_shown(place.value),
        )

    def _when(self, place: Place) -> When:
        known = ("operation", "text", "texts", "format", "image", "image_id", "headers", *_COUNTS)
        fields = place.fields(known)
        counts = [name for name in _COUNTS if name in fields]
        if len(counts) > 1:
            fields[counts[1]].wrong(f"stands beside `{counts[0]}`; a scenario counts in one way")
        texts = fields["texts"].items(most=100) if "texts" in fields else None
        return When(
            operations=self._named_operations(fields["operation"]) if "operation" in fields else None,
            texts=None if texts is None else tuple(text.text() for text in texts),
            image=self._image(fields["image"]) if "image" in fields else None,
            headers=_wanted_headers(fields["headers"]) if "headers" in fields else (),
            text=_text(fields.get("text")),
            format=_text(fields.get("format")),
            image_id=_text(fields.get("image_id")),
            nth=_count(fields.get("nth")),
            after=_count(fields.get("after")),
            every=_count(fields.get("every")),
        )

    def _named_operations(self, place: Place) -> frozenset[str]:
        listed = isinstance(place.value, list | tuple)
        places = place.items(most=len(self._operations)) if listed else [place]
        for one in places:
            if one.text() not in self._operations:
                one.wrong(unknown("operation", one.text(), self._operations))
        return frozenset(one.text() for one in places)

    def _image(self, place: Place) -> str:
        value = place.value
        try:
            if isinstance(value, bytes | Path):
                return named_image(value)
            if re.fullmatch(r"(sha256:)?[0-9a-fA-F]{64}", place.text()) or "://" in value:
                return named_image(str(value))
            return named_image(self._file(place))
        except UsageError as error:
            raise Mistake(place.path, str(error)) from error

    def _reply(self, place: Place) -> Reply:
        if place.value == "normal":
            return Reply()
        if isinstance(place.value, str):
            place.wrong(
                f"is {place.value[:60]!r}, has to be 'normal', or an object such as {{fault: {place.value[:60]}}}"
            )
        fields = place.fields(("delay", "fault", "status", "headers", "body", "text", "body_file"))
        own = [name for name in ("status", "headers", "body", "text", "body_file") if name in fields]
        if not fields:
            place.wrong("is empty; 'normal' is the answer that the mock gives anyway")
        if own and "fault" in fields:
            fields["fault"].wrong(f"stands beside `{own[0]}`: an answer is a fault or given as it is")
        return Reply(
            delay=fields["delay"].number(least=0, most=MOST_SECONDS) if "delay" in fields else 0.0,
            faults=self._faults(fields["fault"]) if "fault" in fields else (),
            fixed=self._fixed(place, fields) if own else None,
        )

    def _faults(self, place: Place) -> tuple[str, ...]:
        places = [place] if isinstance(place.value, str) else place.items(most=8)
        for one in places:
            try:
                self._check_fault(one.text())
            except UsageError as error:
                raise Mistake(one.path, str(error)) from error
        return tuple(one.text() for one in places)

    def _fixed(self, place: Place, fields: Mapping[str, Place]) -> Fixed:
        bodies = [name for name in ("body", "text", "body_file") if name in fields]
        if len(bodies) > 1:
            fields[bodies[1]].wrong(f"stands beside `{bodies[0]}`: an answer has one body")
        if not bodies and "status" not in fields:
            place.wrong("has `headers`, but neither a `status` nor a body")
        status = fields["status"].whole(least=200, most=599) if "status" in fields else 200
        # A refusal without a body of its own says what the service says.
        refusal = orjson.dumps({"message": wording_of(status)}) if status >= 400 else b""
        content, kind = self._content(bodies[0], fields[bodies[0]]) if bodies else (refusal, "application/json")
        if content and status in {204, 205, 304}:
            fields["status"].wrong(f"is {status}, which has no body")
        headers = _own_headers(fields["headers"]) if "headers" in fields else ()
        kind = next((value for name, value in headers if name == "content-type"), kind)
        return Fixed(status, tuple(entry for entry in headers if entry[0] != "content-type"), content, kind)

    def _content(self, name: str, place: Place) -> tuple[bytes, str]:
        if name == "text":
            return place.text(longest=_MOST_FILE).encode("utf-8", "replace"), _TYPES[".txt"]
        if name == "body_file":
            path = self._file(place)
            return _read(path, place), _TYPES.get(path.suffix.lower(), "application/octet-stream")
        if isinstance(place.value, bytes):
            return place.value, "application/octet-stream"
        try:
            return json.dumps(place.value, allow_nan=False, separators=(",", ":")).encode(), _TYPES[".json"]
        except (TypeError, ValueError, RecursionError) as error:
            raise Mistake(place.path, f"cannot be written as JSON: {error}") from error

    def _file(self, place: Place) -> Path:
        if self._folder is None:
            place.wrong("names a file, which nothing but a file of the mock's own machine or Python may do")
        return self._folder / place.text()


def _read(path: Path, place: Place) -> bytes:
    try:
        with open_regular(path) as file:
            content = file.read(_MOST_FILE + 1)
    except (OSError, ValueError) as error:
        raise Mistake(place.path, f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > _MOST_FILE:
        place.wrong(f"{path} is larger than {_MOST_FILE} bytes")
    return content


def _text(place: Place | None) -> str | None:
    return None if place is None else place.text()


def _count(place: Place | None) -> int | None:
    return None if place is None else place.whole(least=1, most=_MOST_COUNT)


def _then(place: Place) -> Then:
    found = place.choice(("repeat", "normal", "refuse"))
    return "normal" if found == "normal" else "refuse" if found == "refuse" else "repeat"


def _times(place: Place) -> int | Literal["any"]:
    if place.value == "any":
        return "any"
    if isinstance(place.value, str):
        place.wrong(f"is {place.value[:60]!r}, has to be a whole number or 'any'")
    return place.whole(least=0, most=_MOST_COUNT)


def _rate_limit(place: Place) -> RateLimit:
    fields = place.fields(("requests", "seconds"))
    for name in ("requests", "seconds"):
        if name not in fields:
            place.wrong(f"needs `{name}`")
    requests = fields["requests"].whole(least=0, most=_MOST_RATE)
    return RateLimit(requests, fields["seconds"].number(least=0.001, most=86_400))


def _wanted_headers(place: Place) -> tuple[tuple[str, str], ...]:
    headers = place.entries()
    for name, value in headers.items():
        if name.lower() == "authorization":
            value.wrong("is not looked at: no API key belongs into a scenario")
    return tuple((name.lower(), value.text()) for name, value in headers.items())


def _own_headers(place: Place) -> tuple[tuple[str, str], ...]:
    headers = place.entries()
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            value.wrong("is no name of a header")
        if name.lower() in _OWN_HEADERS:
            value.wrong("is the server's to say; a fault can get it wrong")
        if not _HEADER_VALUE.fullmatch(value.text()):
            value.wrong("holds characters that no header can: those outside Latin-1, or control characters")
    return tuple((name.lower(), value.text()) for name, value in headers.items())


def _shown(value: Any) -> Any:
    """Copy a definition, so that it can be listed as JSON; what only Python can hold is told in words."""
    if isinstance(value, Mapping):
        return {str(name): _shown(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(entry) for entry in value]
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return value if isinstance(value, str | int | float | None) else str(value)
