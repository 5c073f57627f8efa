"""Network addresses: which ones a name has, and which of them belong to the public internet."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Translators (RFC 6052) put the IPv4 address into the last four bytes; so did the deprecated IPv4-compatible form.
_TRANSLATED: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::/96")))
_LOCALLY_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b:1::/48")


def is_public(address: Address) -> bool:
    """Check whether an address belongs to the public internet.

    Private, loopback, link-local, multicast, reserved and unspecified addresses do not, nor do IPv6 addresses that
    lead to such an IPv4 address: mapped, translated (NAT64) or tunnelled (6to4). Teredo's are none either.

    Example:
        >>> is_public(ipaddress.ip_address("93.184.216.34"))
        True
        >>> is_public(ipaddress.ip_address("::ffff:127.0.0.1"))
        False
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return is_public(inner)
        if address.teredo or address.is_site_local or address in _LOCALLY_TRANSLATED:
            return False
    # The attributes overlap, and which of them knew what has changed between versions of Python.
    never = (
        address.is_private,
        address.is_loopback,
        address.is_link_local,
        address.is_multicast,
        address.is_reserved,
        address.is_unspecified,
    )
    return address.is_global and not any(never)


def addresses_of(host: str, port: int, *, seconds: float) -> list[Address]:
    """Look up the addresses of a host, once.

    Args:
        host: A name or an address.
        port: The port that is meant.
        seconds: How long the answer may take.

    Raises:
        OSError: If there is none, or none in time.
    """
    answers: queue.SimpleQueue[list[Address] | OSError] = queue.SimpleQueue()
    # The system's resolver knows no deadline. A thread that it keeps too long ends with the resolver's own patience.
    threading.Thread(target=_look_up, args=(host, port, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0))
    except queue.Empty as error:
        raise TimeoutError(f"no address of {host!r} in time") from error
    if isinstance(answer, OSError):
        raise answer
    return answer


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Find the IPv4 address that an IPv6 address leads to."""
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if any(address in network for network in _TRANSLATED) and int(address) > 1:  # :: and ::1 are themselves
        return ipaddress.IPv4Address(address.packed[-4:])
    return None


def _look_up(host: str, port: int, answers: queue.SimpleQueue[list[Address] | OSError]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answers.put([ipaddress.ip_address(entry[4][0]) for entry in found])
    except OSError as error:
        answers.put(error)
    except (UnicodeError, ValueError) as error:  # a name that cannot be written in the resolver's alphabet
        answers.put(OSError(f"{host!r} is no name of a host: {error}"))
