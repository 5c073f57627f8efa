"""Successful answers of operations: whole when made, so that nothing is left to work out when they go out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from flask import Response
from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_LENGTH: Final = "content-length"  # without which werkzeug works it out
_PLACES: Final = frozenset({"location", "content-location"})  # which it makes whole


class Answered(Response):
    """A response whose body is there as one piece.

    werkzeug copies and looks through the headers of every response; as long as this one is what it was made as, there
    is nothing to find. Whatever was changed since, such as by a fault, is answered by werkzeug's rules.

    Args:
        body: All of it.
        headers: Names and values, the media type among them; the length is added.
    """

    def __init__(self, body: bytes, headers: Iterable[tuple[str, str]]) -> None:
        told = Headers()
        for name, value in headers:
            told.add(name, value)
        told.add("Content-Length", str(len(body)))
        super().__init__([body], headers=told)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        headers = self.headers.to_wsgi_list()
        names = {name.lower() for name, _ in headers}
        parts: Any = self.response
        whole = isinstance(parts, list) and len(parts) == 1 and not self._on_close
        as_made = whole and self.status_code == 200 and _LENGTH in names and not names & _PLACES
        if not as_made or environ["REQUEST_METHOD"] == "HEAD" or not isinstance(parts[0], bytes):
            return super().__call__(environ, start_response)
        start_response(self.status, headers)
        answer: list[bytes] = parts
        return answer
