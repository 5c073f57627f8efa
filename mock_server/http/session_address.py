"""Which session a request names: by the header ``X-Mock-Session``, or by a base URL ``http://host/s/ID``.

A session is a mock to itself on a server that others use, too. Requests that name none are of the default one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from sam3_contract.errors import UsageError

HEADER: Final = "x-mock-session"
ENVIRON: Final = "HTTP_X_MOCK_SESSION"
PREFIX: Final = "/s/"
LONGEST: Final = 64
_OF_BASE: Final = "sam3_contract.session"
_ID: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST}}}")


def take_base(environ: MutableMapping[str, Any]) -> None:
    """Take ``/s/ID`` off the beginning of a path, and note the id: the rest is a path as of any other request.

    To be called by whoever makes decisions by the path before the application does; a second call changes nothing.

    Example:
        >>> environ = {"PATH_INFO": "/s/one/sam3/embed_image"}
        >>> take_base(environ)
        >>> environ["PATH_INFO"], environ["SCRIPT_NAME"], session_of(environ)
        ('/sam3/embed_image', '/s/one', 'one')
    """
    path: str = environ["PATH_INFO"]
    if not path.startswith(PREFIX) or _OF_BASE in environ:
        return
    name, slash, rest = path[len(PREFIX) :].partition("/")
    if slash:
        environ[_OF_BASE] = name
        environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}{PREFIX}{name}"
        environ["PATH_INFO"] = f"/{rest}"


def session_of(environ: Mapping[str, Any]) -> str | None:
    """Read the id of the session that a request names.

    Returns:
        ``None`` if it names none: it is of the default session, which has no id.

    Raises:
        UsageError: If it is no id, or header and base URL name two.
    """
    header: str | None = environ.get(ENVIRON)
    base: str | None = environ.get(_OF_BASE)
    name = header if base is None else base
    if name is None:
        return None
    if header is not None and header != name:
        raise UsageError(f"the header {HEADER} and the base URL name two sessions; one of them is enough")
    return checked(name)


def named_session(environ: Mapping[str, Any]) -> str | None:
    """Tell which session a request named, of one whose name was found good; ``None`` for the default one."""
    name: str | None = environ.get(ENVIRON) or environ.get(_OF_BASE) or None
    return name


def checked(name: str) -> str:
    """Return the id of a session.

    Raises:
        UsageError: If it is none.
    """
    if not _ID.fullmatch(name):
        # What was sent is not repeated: it may be anything, such as a key.
        raise UsageError(f"the id of a session has 1 to {LONGEST} letters, digits, dots, dashes and underscores")
    return name
