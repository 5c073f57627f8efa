"""Refusals, worded as the real server words them, in its three families of bodies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

NO_ANSWER: Final = 599
"""The status of what the mock cannot answer; no real service uses it, so nobody takes the mock's limits for its."""

INTERNAL_ERROR = "Internal error."
PLAIN_ERROR: Final = "Internal Server Error"
"""All that the server's framework says, as text, of an error that nothing caught."""
MALFORMED_IMAGE = "Malformed base64 input image."
NOT_FETCHED = "Data pointed by URL could not be decoded into image."
NOT_FOUND = (
    "Requested Roboflow resource not found. Make sure that workspace, project or model you referred in request exists."
)


class Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """An answer other than 200, raised wherever the reason is found.

    Attributes:
        status: HTTP status.
        body: JSON body, or the plain text of an error that nothing caught.
        headers: Further headers.
    """

    def __init__(self, status: int, body: dict[str, Any] | str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def message(status: int, text: str) -> Refusal:
    """Refuse as the operations do."""
    return Refusal(status, {"message": text})


def status_message(status: int, text: str) -> Refusal:
    """Refuse as the check of the key does."""
    return Refusal(status, {"status": status, "message": text})


def detail(status: int, findings: str | list[dict[str, Any]], *, headers: dict[str, str] | None = None) -> Refusal:
    """Refuse as the web framework does: a sentence, or a list of what validation found."""
    return Refusal(status, {"detail": findings}, headers=headers)


def no_answer(reason: str) -> Refusal:
    """Say that the mock has no answer of its own, with a status that the service does not have."""
    return message(NO_ANSWER, f"Mock Has No Answer: {reason}")


def unloadable_image(cause: str) -> Refusal:
    """Refuse an image."""
    return message(400, f"Could not load input image. Cause: {cause}")


def fits_a_header(model_id: str) -> bool:
    """Check whether a model can be named in a header, which is Latin-1; else the service fails, whatever it answers."""
    try:
        model_id.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def answering_as(model_id: str) -> Iterator[None]:
    """Name the model that was resolved in whatever is refused from here on, as the service's headers do."""
    try:
        yield
    except Refusal as refusal:
        refusal.headers["x-model-id"] = model_id
        raise
