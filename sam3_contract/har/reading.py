"""Exchanges, read from a HAR file that anybody recorded: browsers, proxies, test tools, ourselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sam3_contract.errors import HarError
from sam3_contract.exchange import Exchange
from sam3_contract.har.entry import Entry, Unusable
from sam3_contract.har.file import MAX_BYTES, entries_of
from sam3_contract.har.request import case_of, sent_in
from sam3_contract.har.response import answer_of
from sam3_contract.spec import Contract

__all__ = ["MAX_BYTES", "Recording", "exchanges_from_har", "read_har"]

_MAX_NAMED: Final = 8  # addresses in a message


@dataclass(frozen=True, slots=True)
class Recording:
    """What a HAR file holds for a contract.

    Attributes:
        exchanges: In the order of the file.
        left_out: A sentence about each entry that is of the contract's operations but cannot be judged.
    """

    exchanges: tuple[Exchange, ...]
    left_out: tuple[str, ...] = ()


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
    for entry in entries_of(path):
        operation, address = entry.operation_in(contract)
        seen[address] += 1
        if operation is None:
            continue
        try:
            exchanges.append(_exchange(entry, operation, contract))
        except Unusable as reason:
            left_out.append(f"{path.name}, entry {entry.index}: {reason}")
    if not exchanges:
        raise HarError(f"{path}: {_nothing_in(seen, left_out, contract)}")
    return Recording(tuple(exchanges), tuple(left_out))


def _exchange(entry: Entry, operation: str, contract: Contract) -> Exchange:
    answer = answer_of(entry)
    sent = sent_in(entry)
    return Exchange(
        case_of(entry, sent, operation, contract, status=answer.status),
        answer.status,
        answer.headers,
        answer.body,
        entry.seconds,
        sent.key,
        answer.failure,
        exact=entry.own.get("exact") is True,
    )


def _nothing_in(seen: Counter[str], left_out: list[str], contract: Contract) -> str:
    if left_out:
        return f"{len(left_out)} entries are of the contract, and none can be judged; the first: {left_out[0]}"
    wanted = ", ".join(f"{operation.method} {operation.path}" for operation in contract.operations)
    return f"no entry is for {wanted}; {''.join(_addresses(seen)) or 'there are no entries'}"


def _addresses(seen: Counter[str]) -> Iterator[str]:
    if seen:
        yield "there are " + ", ".join(f"{count} x {address}" for address, count in seen.most_common(_MAX_NAMED))
        rest = len(seen) - _MAX_NAMED
        yield f", and {rest} more" if rest > 0 else ""
