"""Nothing out: while an interception is open, connections to other machines are refused.

The interpreter announces every connection and every look-up of a name to audit hooks (:func:`sys.addaudithook`),
whoever makes them: HTTP libraries, urllib, plain sockets. A hook cannot be taken away again, so there is one for the
process, and it does nothing while no interception is open. It does not see sockets that are opened outside of Python:
gRPC, curl, uvloop, other processes.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import socket
import sys
import threading
from collections.abc import Collection, Iterable
from typing import Any, Final

from sam3_contract.errors import NetworkRefusedError, UsageError
from sam3_contract.interception.libraries import how_to_catch_more

__all__ = ["GUARD", "Guard", "Policy", "host_name"]

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def host_name(text: str) -> str:
    """Take a host's name in the one form that is compared: lower case, without a final dot.

    Args:
        text: A name, or a URL of it.

    Raises:
        UsageError: If it has a port, or is empty.

    Example:
        >>> host_name("https://Serverless.Roboflow.com/")
        'serverless.roboflow.com'
    """
    name = text.partition("://")[2].partition("/")[0] if "://" in text else text
    name = name.lower().rstrip(".")
    if not name or "/" in name or (":" in name and not _address(name)):
        raise UsageError(f"{text!r} is no host; write a name such as 'api.example.com', without port and path")
    return name


class Policy:
    """What one interception lets out.

    Args:
        allow: Names (``*`` stands for any part), addresses and networks.
        loopback: Whether connections within this machine are allowed.
        own_ports: Ports of this machine that are the interception's own.
        answered: Names of the hosts that the mock answers for.

    Raises:
        UsageError: If an entry of *allow* is none of these.
    """

    def __init__(
        self,
        *,
        allow: Iterable[str] = (),
        loopback: bool = True,
        own_ports: Iterable[int] = (),
        answered: Collection[str] = (),
    ) -> None:
        if isinstance(allow, str):
            raise UsageError(f"allow is a list of hosts, got the text {allow!r}; write allow=[{allow!r}]")
        entries = list(allow)
        networks = {entry: _network(entry) for entry in entries}
        self._networks = [network for network in networks.values() if network is not None]
        self._names = [host_name(entry) for entry in entries if networks[entry] is None]
        self.answered = answered
        self._loopback = loopback
        self._own_ports = frozenset(own_ports)
        self._looked_up: set[str] = set()
        self._resolved: set[str] = set()

    def allows_name(self, host: str) -> bool:
        """Tell whether the addresses of a host may be looked up; *host* may be an address itself."""
        if is_local(host):
            return True  # which port of this machine is asked for is only known when it is connected to
        address = _address(host)
        if address is not None:
            return self._allows_address(address)
        allowed = any(fnmatch.fnmatchcase(host, name) for name in self._names)
        if allowed:
            self._looked_up.add(host)
        return allowed

    def allows_connection(self, host: str, port: int) -> bool:
        """Tell whether a host, by name or address, may be connected to."""
        if is_local(host):
            return self._loopback or port in self._own_ports
        address = _address(host)
        if address is None:
            return self.allows_name(host)
        return self._allows_address(address) or self._is_of_allowed_name(host)

    def _allows_address(self, address: _Address) -> bool:
        return "*" in self._names or any(address in network for network in self._networks)

    def _is_of_allowed_name(self, address: str) -> bool:
        """Tell whether one of the allowed names that were looked up leads there."""
        if address not in self._resolved:
            for name in tuple(self._looked_up):
                self._resolved |= _addresses_of(name)
        return address in self._resolved


class Guard:
    """Refuses what no open policy allows; one for the process."""

    def __init__(self) -> None:
        self._policies: tuple[Policy, ...] = ()
        self._lock = threading.Lock()
        self._listens = False

    def open(self, policy: Policy) -> None:
        """Hold the process to a policy as well; what any open policy allows is allowed."""
        with self._lock:
            if not self._listens:
                sys.addaudithook(self._hear)
                self._listens = True
            self._policies = (*self._policies, policy)

    def close(self, policy: Policy) -> None:
        """Forget a policy."""
        with self._lock:
            self._policies = tuple(one for one in self._policies if one is not policy)

    def check(self, host: str, port: int) -> None:
        """Refuse a connection that no open policy allows.

        Raises:
            NetworkRefusedError: If there are policies and none allows it.
        """
        name = host.lower().rstrip(".")
        policies = self._policies
        if policies and not any(policy.allows_connection(name, port) for policy in policies):
            raise self._refusal(host, port)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        # Called for every audited event of the process: first of all, be quick.
        if not self._policies or not event.startswith("socket."):
            return
        if event == "socket.getaddrinfo":
            self._check_name(arguments[0], arguments[1])
        elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
            connection, address = arguments[:2]
            # Connecting a datagram socket sends nothing; programs do it to learn an address of their own.
            datagrams = event == "socket.connect" and connection.type != socket.SOCK_STREAM
            if connection.family in _INTERNET and isinstance(address, tuple) and not datagrams:
                self._check_connection(connection, str(address[0]), int(address[1]))

    def _check_connection(self, connection: socket.socket, host: str, port: int) -> None:
        try:
            self.check(host, port)
        except NetworkRefusedError:
            # Callers expect nothing but OSError of it: for any other error, some of them leave it open.
            connection.close()
            raise

    def _check_name(self, host: object, port: object) -> None:
        text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if not isinstance(text, str) or not text:
            return
        name = text.lower().rstrip(".")
        if not any(policy.allows_name(name) for policy in self._policies):
            raise self._refusal(text, port)

    def _refusal(self, host: str, port: object) -> NetworkRefusedError:
        answered = any(host.lower().rstrip(".") in policy.answered for policy in self._policies)
        where = f"{host} port {port}" if port else host
        hint = _NOT_CAUGHT.format(how_to_catch_more()) if answered else _ALLOW.format(repr(host))
        message = f"an interception is open and lets nothing out: refused {where}\n{hint}"
        return NetworkRefusedError(message, host=host, port=port if isinstance(port, int) else None)


def is_local(host: str) -> bool:
    """Tell whether a name or address stands for this machine."""
    address = _address(host)
    if address is None:
        return host in {"", "localhost", socket.gethostname().lower()} or host.endswith(".localhost")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    real = mapped or address
    return real.is_loopback or real.is_unspecified


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _addresses_of(name: str) -> set[str]:
    try:
        return {str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    except OSError:  # no such name any more: then nothing is of it
        return set()


def _network(entry: str) -> _Network | None:
    try:
        return ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None


_ALLOW: Final = """\
  allow it:                  intercept(allow=[{0}])
  let the mock answer there: intercept(hosts=[{0}])
  (with the fixture sam3_intercept: the same arguments in @pytest.mark.sam3_intercept)"""
_NOT_CAUGHT: Final = "  the mock answers there, but the library that asked is not one that is caught: {}"
_INTERNET: Final = frozenset({socket.AF_INET, socket.AF_INET6})
GUARD: Final = Guard()
"""The one of this process: an audit hook stays for good, so there must not be one for each interception."""
