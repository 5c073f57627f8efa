"""Exchanges, read from a HAR file that anybody recorded: browsers, proxies, test tools, ourselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sam3_contract.errors import HarError
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.har.cases import case_of, sent_in
from sam3_contract.har.entry import Entry, Unusable, entries_of
from sam3_contract.spec import Contract

MAX_JUDGED: Final = 2**29
"""Bytes of the entries that are judged together: 512 MiB. In memory they take a few times as much."""
_MAX_NAMED: Final = 8  # addresses in a message
# The server has no part in these, as browsers, proxies and Node say them: the client gave up, was kept from asking (as
# a page is by CORS), or never found the server, or none that it trusts.
_NOT_THE_SERVERS: Final = (
    "aborted",
    "access control checks",
    "blocked",
    "cancelled",
    "canceled",
    "cert",
    "client disconnected",
    "connect call failed",
    "connect to server",
    "connect to the server",
    "connection killed",
    "connection refused",
    "connection_refused",
    "connection_timed_out",
    "econnrefused",
    "enotfound",
    "err_address",
    "err_cache",
    "err_dns",
    "err_failed",
    "err_insufficient_resources",
    "err_name",
    "err_network",
    "err_out_of_memory",
    "err_upload",
    "internet",
    "name or service not known",
    "offline",
    "pkix",
    "proxy",
    "resolve host",
    "sec_error",
    "socks",
    "specified hostname",
    "ssl",
    "temporary failure in name resolution",
    "tls",
    "tunnel",
    "unknown_host",
)
_BOM: Final = 3  # bytes
_EMPTY: Final = frozenset({204, 304})  # statuses without a body
_LOST: Final = "\ufffd".encode()
_BINARY: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Recording:
    """What a HAR file holds for a contract.

    Attributes:
        exchanges: In the order of the file.
        left_out: A sentence about each entry that is of the contract's operations but cannot be judged.
        keys_in_urls: How many requests of a client held an API key in their URL; those that we planned do not count.
    """

    exchanges: tuple[Exchange, ...]
    left_out: tuple[str, ...] = ()
    keys_in_urls: int = 0


def exchanges_from_har(path: str | Path, contract: Contract) -> list[Exchange]:
    """Read the exchanges of a contract's operations from a HAR file; see `read_har`.

    Args:
        path: The file, packed with gzip or not.
        contract: Which operations count.

    Raises:
        HarError: If the file cannot be read, is no HAR, or holds nothing that can be judged.
    """
    return list(read_har(path, contract).exchanges)


def read_har(path: str | Path, contract: Contract) -> Recording:
    """Read a HAR file.

    An entry counts if its method is that of an operation and its path ends with the operation's, whatever the host.
    Keys are taken out of the requests; an exchange remembers its own, to tell whether the answer repeats it.

    Recordings from elsewhere do not say what was to be expected: every documented answer is, apart from a 500, which
    stands for a mistake of the server unless a known deviation explains it.

    Args:
        path: The file, packed with gzip or not, at most `MAX_BYTES` unpacked.
        contract: Which operations count.

    Raises:
        HarError: If the file cannot be read, is no HAR, has a malformed entry, or holds nothing that can be judged.
            The message names the file, and the entry by its number from 0.
    """
    path = Path(path)
    exchanges, left_out, seen = [], [], Counter[str]()
    n_bytes = keys_in_urls = 0
    for entry in entries_of(path):
        operation, address = entry.operation_in(contract)
        seen[address] += 1
        if operation is None:
            continue
        n_bytes += entry.n_bytes
        keys_in_urls += not entry.own and bool(entry.query.get("api_key"))
        if n_bytes > MAX_JUDGED:
            raise HarError(f"{path} holds more than {MAX_JUDGED // 2**20} MiB of the API; judge it in parts")
        try:
            exchanges.append(exchange_of(entry, operation, contract))
        except Unusable as reason:
            left_out.append(f"{path.name}, entry {entry.index}: {reason}")
    if not exchanges:
        raise HarError(f"{path}: {_nothing_in(seen, left_out, contract)}")
    return Recording(tuple(exchanges), tuple(left_out), keys_in_urls)


def exchange_of(entry: Entry, operation: str, contract: Contract) -> Exchange:
    """Make the exchange of an entry.

    Raises:
        HarError: If the entry is malformed.
        Unusable: If it holds too little to be judged.
    """
    answer = _answer_of(entry)
    sent = sent_in(entry)
    case = case_of(entry, sent, operation, contract, status=answer.status)
    before = map(_answer_of, entry.retried)
    return Exchange(
        case,
        answer.status,
        answer.headers,
        answer.body,
        entry.seconds,
        sent.key,
        answer.failure,
        exact=entry.own.get("exact") is True,
        retried=tuple(Exchange(case, one.status, one.headers, one.body, key=sent.key) for one in before),
    )


def _nothing_in(seen: Counter[str], left_out: list[str], contract: Contract) -> str:
    if left_out:
        if len(left_out) == 1:
            return f"the one entry of the contract cannot be judged: {left_out[0]}"
        return f"{len(left_out)} entries are of the contract, and none can be judged; the first: {left_out[0]}"
    wanted = ", ".join(f"{operation.method} {operation.path}" for operation in contract.operations)
    return f"no entry is for {wanted}; {''.join(_addresses(seen)) or 'there are no entries'}"


def _addresses(seen: Counter[str]) -> Iterator[str]:
    if seen:
        yield "there are " + ", ".join(f"{count} x {address}" for address, count in seen.most_common(_MAX_NAMED))
        rest = len(seen) - _MAX_NAMED
        yield f", and {rest} more" if rest > 0 else ""


@dataclass(frozen=True, slots=True)
class _Answer:
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


def _answer_of(entry: Entry) -> _Answer:
    """Read the answer of an entry.

    Raises:
        HarError: If the entry is malformed.
        Unusable: If the recording holds less than came back, or the server had no part in the failure.
    """
    response = entry.response
    status = response.get("status", 0)
    if isinstance(status, bool) or not isinstance(status, int) or not -1 <= status <= 999:
        raise entry.malformed(f"response.status is {status!r}, expected a number of three digits")
    # An answer may break off when its status has come; Playwright writes -1 where none has.
    why = str(response.get("_error") or response.get("_failureText") or "").strip()
    if status <= 0 or why:
        return _failed(why or str(response.get("statusText") or "").strip(), is_told=bool(entry.own))
    headers = entry.response_headers
    content = response.get("content")
    if not isinstance(content, Mapping):
        raise entry.malformed(f"response.content is {type(content).__name__}, expected an object")
    if "content-type" not in headers and isinstance(content.get("mimeType"), str) and not headers:
        headers = {"content-type": content["mimeType"]}  # some recorders keep no headers at all
    return _Answer(status, headers, _body(entry, content, headers))


def _failed(reason: str, *, is_told: bool) -> _Answer:
    """Tell a server's failure from others; a recording of ours has no others, and may repeat what the server said."""
    if not is_told and any(word in reason.lower() for word in _NOT_THE_SERVERS):
        raise Unusable(f"the request did not reach the server, or the client gave it up ({reason})")
    if not reason:  # as where a tab was closed, or the recorder stopped; that says nothing of the server
        raise Unusable("the recording holds no answer, and does not say why")
    return _Answer(0, {}, b"", reason)


def _body(entry: Entry, content: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    body = entry.body_in(content, "response.content")
    size = content.get("size")
    length = headers.get("content-length", "")
    if body is None:
        told_length = int(length) if length.isascii() and length.isdigit() else None
        is_known = size == 0 or told_length == 0 or entry.response.get("status") in _EMPTY
        if not is_known or _is_above(size, 0) or (told_length or 0) > 0:
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
