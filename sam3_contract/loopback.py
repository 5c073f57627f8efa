"""Whether a host is this machine to itself: whom control routes answer to, and what costs nothing to ask."""

from __future__ import annotations

import ipaddress

__all__ = ["is_loopback_host"]


def is_loopback_host(host: str) -> bool:
    """Check whether a host, by name or address, is this machine to itself.

    Args:
        host: Without a port, and without the brackets of IPv6.

    Example:
        >>> [is_loopback_host(host) for host in ("localhost", "127.0.0.2", "::1", "0.0.0.0", "evil.example")]
        [True, True, True, False, False]
    """
    host = host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
