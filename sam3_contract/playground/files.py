"""The page itself: a few files that load nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from werkzeug.wrappers import Response

_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".jpg": "image/jpeg",
}
HEADERS: Final[Mapping[str, str]] = {
    # A photograph is a blob of the page's own; nothing that an answer holds can load or run anything.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "Vary": "Accept, Origin",
}
_FOLDER: Final = Path(__file__).parent / "static"


def page() -> Response:
    """Answer with the page."""
    return _file("index.html")


def file_of(name: str) -> Response | None:
    """Answer with a file of the page, such as ``app.js`` or ``examples/cat.jpg``; ``None`` if there is none."""
    return _file(name) if name in _names() else None


def _file(name: str) -> Response:
    path = _FOLDER / name
    return Response(path.read_bytes(), headers=dict(HEADERS), content_type=_TYPES[path.suffix])


@cache
def _names() -> frozenset[str]:
    """List the files that there are: no other path is ever put together from what a request says."""
    return frozenset(
        path.relative_to(_FOLDER).as_posix() for path in _FOLDER.rglob("*") if path.suffix in _TYPES and path.is_file()
    )
