"""What the service says with a status, where nothing in the request decides it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from mock_server.http.protocol import MAX_BODY
from mock_server.http.refusals import INTERNAL_ERROR, NOT_FOUND

__all__ = ["WORDINGS", "wording_of"]

WORDINGS: Final[Mapping[int, str]] = {
    404: NOT_FOUND,
    413: f"The body is larger than {MAX_BODY} bytes.",
    429: "Too many requests.",
    500: INTERNAL_ERROR,
    502: "Internal error. Request to Roboflow API failed.",
    503: "Model is temporarily not ready - retry request.",
    504: "Timeout when attempting to connect to Roboflow API.",
    507: "Model is too big for this server.",
}
"""Sentences by status, in the words of the server's source, as far as they are known."""


def wording_of(status: int) -> str:
    """Say what goes with a status: the service's sentence, else the status's own name.

    Example:
        >>> wording_of(503), wording_of(418), wording_of(598)
        ('Model is temporarily not ready - retry request.', "I'm a Teapot", 'Status 598')
    """
    names = {int(one): one.phrase for one in HTTPStatus}
    return WORDINGS.get(status) or names.get(status, f"Status {status}")
