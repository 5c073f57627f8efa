"""Requests and answers as they go over the wire, whoever carries them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sam3_contract.spec import Contract, Operation

Headers = tuple[tuple[str, str], ...]
"""Name and value of each header, in order."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        method: HTTP method, in upper case.
        url: Whole URL; where it leads is not looked at, but its path and query are.
        headers: Its headers.
        body: Its bytes.
    """

    method: str
    url: str = field(repr=False)
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer.

    Attributes:
        status: HTTP status.
        headers: Its headers, without those that say how it was carried.
        body: Its bytes, unpacked.
        reason: The words that follow the status.
    """

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    reason: str = ""


def operation_of(method: str, path: str, contract: Contract) -> Operation | None:
    """Find the operation that a request calls; whatever a proxy may have put before its path."""
    return next(
        (one for one in contract.operations if one.method == method and path.rstrip("/").endswith(one.path)), None
    )
