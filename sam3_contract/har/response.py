"""The answer of a HAR entry, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sam3_contract.har.entry import Entry, Unusable

__all__ = ["Answer", "answer_of"]

# The server has no part in these: the client gave up, was kept from asking, or never found the server.
_NOT_THE_SERVERS: Final = (
    "aborted",
    "blocked",
    "cancelled",
    "canceled",
    "connection_refused",
    "connection refused",
    "err_address",
    "err_cache",
    "err_cert",
    "err_proxy",
    "err_tunnel",
    "internet_disconnected",
    "name_not_resolved",
    "network_changed",
)
_BOM: Final = 3  # bytes
_LOST: Final = "\ufffd".encode()
_BINARY: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: 0 if nothing whole did.
        headers: Names in lower case.
        body: Its bytes.
        failure: Why there is no answer; empty if there is one.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    failure: str = ""


def answer_of(entry: Entry) -> Answer:
    """Read the answer of an entry.

    Raises:
        HarError: If the entry is malformed.
        Unusable: If the recording holds less than came back, or the server had no part in the failure.
    """
    response = entry.response
    status = response.get("status", 0)
    if isinstance(status, bool) or not isinstance(status, int) or not 0 <= status <= 999:
        raise entry.malformed(f"response.status is {status!r}, expected a number of three digits")
    if status == 0:
        return _failed(response)
    headers = entry.response_headers
    content = response.get("content")
    if not isinstance(content, Mapping):
        raise entry.malformed(f"response.content is {type(content).__name__}, expected an object")
    if "content-type" not in headers and isinstance(content.get("mimeType"), str) and not headers:
        headers = {"content-type": content["mimeType"]}  # some recorders keep no headers at all
    return Answer(status, headers, _body(entry, content, headers))


def _failed(response: Mapping[str, Any]) -> Answer:
    reason = str(response.get("_error") or response.get("statusText") or "").strip()
    if any(word in reason.lower() for word in _NOT_THE_SERVERS):
        raise Unusable(f"the request did not reach the server, or the client gave it up ({reason})")
    return Answer(0, {}, b"", reason or "the recording holds no answer")


def _body(entry: Entry, content: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    body = entry.body_in(content, "response.content")
    size = content.get("size")
    length = headers.get("content-length", "")
    if body is None:
        if _is_above(size, 0) or (length.isascii() and length.isdigit() and int(length) > 0):
            raise Unusable("the recording does not hold the body of the answer; record again with response bodies")
        return b""
    # What was unpacked is larger than its size on the wire, never smaller, but for a byte order mark that was dropped.
    if _is_above(size, len(body) + _BOM):
        raise Unusable(f"the recording holds {len(body)} of the {size} bytes of the answer's body")
    if _LOST in body and headers.get("content-type", "").startswith(_BINARY):
        raise Unusable("the recording holds the answer's bytes as text, which they are not")
    return body


def _is_above(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > least
