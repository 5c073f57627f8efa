"""Names of hosts: which could be found on the public internet, and which nobody can ever have."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_LONGEST: Final = 253  # characters of a name
_LETTERS: Final = re.compile(rb"[A-Za-z0-9._-]*")  # those of the names that there are
# Top-level names that the public internet does not have and will not have, from IANA's special-use domain names.
_RESERVED: Final = frozenset(
    {"alt", "example", "internal", "invalid", "local", "localhost", "onion", "test", "home", "lan", "corp", "mail"}
)


def is_address(host: str) -> bool:
    """Check whether a host is given by its address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public_name(host: str) -> bool:
    """Check whether a name could be one of the public internet: not a single word, a number, or a reserved name.

    References:
        RFC 6761 and IANA's "Special-Use Domain Names"; the server takes names apart by the Public Suffix List, which
        holds none of these.

    Example:
        >>> [is_public_name(host) for host in ("example.com", "example.com.", "nas", "a.invalid", "1.2.3", "a..com")]
        [True, True, False, False, False, False]
    """
    labels = host.removesuffix(".").split(".")
    if len(labels) < 2 or not labels[-2]:
        return False
    last = labels[-1]
    numeric = last.isdigit() or last.startswith("0x")
    return bool(last) and not numeric and last.lower() not in _RESERVED and labels[-2:] != ["home", "arpa"]


def can_be_looked_up(host: str) -> bool:
    """Check whether a host is an address, or a name that there can be: no empty part, none too long, no odd letters.

    Example:
        >>> [can_be_looked_up(host) for host in ("example.com", "2001:db8::1", "a..b", "a" * 64 + ".com", "a%20b.com")]
        [True, True, False, False, False]
    """
    if is_address(host):
        return True
    try:
        encoded = host.encode("idna")
    except UnicodeError:
        return False
    is_short = len(encoded.removesuffix(b".")) <= _LONGEST
    return not host.startswith(".") and is_short and _LETTERS.fullmatch(encoded) is not None
