"""Nothing out: while an interception is open, connections to other machines are refused.

The interpreter announces every connection and every look-up of a name to audit hooks (:func:`sys.addaudithook`),
whoever makes them: HTTP libraries, urllib, plain sockets. A hook cannot be taken away again, so there is one for the
process, and it does nothing while no interception is open. It does not see sockets that are opened outside of Python:
gRPC, curl, uvloop, other processes.

A proxy on this machine leads out of it. It is told by the environment that names it, by what `http.client` asks of it
(which urllib, urllib3 and requests are made of), and by PySocks' own kind of socket; for httpx and aiohttp, where they
are caught, it is the host of the request that counts.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
import socket
import sys
import threading
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from sam3_contract.errors import NetworkRefusedError, UsageError
from sam3_contract.interception.libraries import how_to_catch_more
from sam3_contract.transport.prepared import prepared

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def host_name(text: str) -> str:
    """Take a host's name in the one form that is compared: in ASCII and lower case, without a final dot.

    Args:
        text: A name, or a URL of it.

    Raises:
        UsageError: If it has a port, or is empty.

    Example:
        >>> host_name("https://Serverless.Roboflow.com/")
        'serverless.roboflow.com'
    """
    name = text.partition("://")[2].partition("/")[0] if "://" in text else text
    try:
        name = _compared(name)
    except ValueError:
        name = ""
    if not name or "/" in name or (":" in name and not _address(name)):
        raise UsageError(f"{text!r} is no host; write a name such as 'api.example.com', without port and path")
    return name


def _compared(name: str) -> str:
    """Write a name as it is compared.

    Raises:
        ValueError: If it cannot be written in ASCII.
    """
    if not name.isascii():
        # Label by label, as a pattern may be one of them.
        labels = (
            label if label.isascii() else urlsplit(prepared(f"https://{label}")).netloc for label in name.split(".")
        )
        name = ".".join(labels)
    return name.lower().rstrip(".")


class Policy:
    """What one interception lets out.

    Args:
        allow: Names (``*`` stands for any part), addresses and networks.
        loopback: Whether connections within this machine are allowed.
        answered: Names of the hosts that the mock answers for.

    Raises:
        UsageError: If an entry of *allow* is none of these.
    """

    def __init__(
        self,
        *,
        allow: Iterable[str] = (),
        loopback: bool = True,
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
        self._looked_up: set[str] = set()
        self._resolved: set[str] = set()

    def allows_name(self, host: str) -> bool:
        """Whether the addresses of a host may be looked up; *host* may be an address itself."""
        # Whether a port of this machine may be reached is only known when it is connected to.
        return is_local(host) or self._names_it(host)

    def allows_connection(self, host: str, *, leads_out: bool = False) -> bool:
        """Whether a host may be connected to.

        Args:
            host: By name or address.
            leads_out: Whether a proxy listens there; on this machine too, it has to be allowed by name or address.
        """
        if is_local(host) and self._loopback and not leads_out:
            return True
        return self._names_it(host) or (_address(host) is not None and self._is_of_allowed_name(host))

    def _names_it(self, host: str) -> bool:
        address = _address(host)
        if address is not None:
            return "*" in self._names or any(address in network for network in self._networks)
        allowed = any(fnmatch.fnmatchcase(host, name) for name in self._names)
        if allowed:
            self._looked_up.add(host)
        return allowed

    def _is_of_allowed_name(self, address: str) -> bool:
        """Whether one of the allowed names that were looked up leads there."""
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

    def check(self, host: str, port: int, *, leads_out: bool = False) -> None:
        """Refuse a connection that no open policy allows.

        Args:
            host: By name or address.
            port: Of the host.
            leads_out: Whether a proxy listens there.

        Raises:
            NetworkRefusedError: If there are policies and none allows it.
        """
        name = _asked_for(host)
        policies = self._policies
        if policies and not any(one.allows_connection(name, leads_out=leads_out) for one in policies):
            raise self._refusal(host, port, leads_out=leads_out)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        # Called for every audited event of the process: first of all, be quick.
        if not self._policies:
            return
        if event in _LOOK_UPS:
            host, port = (*arguments[:2], None)[:2]
            if event == "socket.getnameinfo":
                host, port = host[:2]
            self._check_name(host, port)
        elif event in _SENDING:
            connection, address = arguments[:2]
            # Connecting a datagram socket sends nothing; programs do it to learn an address of their own.
            datagrams = event == "socket.connect" and connection.type != socket.SOCK_STREAM
            if connection.family in _INTERNET and isinstance(address, tuple) and not datagrams:
                self._check_connection(connection, str(address[0]), int(address[1]))
        elif event == "http.client.send":
            self._check_request_line(arguments[1])

    def _check_request_line(self, data: object) -> None:
        """Refuse what asks a proxy for a host that no policy allows."""
        asked = _TO_A_PROXY.match(data) if isinstance(data, bytes) else None
        if asked is not None:
            host, _, port = (asked["tunnel"] or asked["host"]).decode("latin-1").rpartition(":")
            if not port.isdecimal():  # none was named, and the colon may be one of an address
                host, port = f"{host}:{port}" if host else port, "443" if asked["tunnel"] else "80"
            self.check(host.strip("[]"), int(port))

    def _check_connection(self, connection: socket.socket, host: str, port: int) -> None:
        leads_out = is_local(host.lower()) and (port in _ports_of_proxies() or _speaks_socks(connection))
        try:
            self.check(host, port, leads_out=leads_out)
        except NetworkRefusedError:
            # Callers expect nothing but OSError of it: for any other error, some of them leave it open.
            connection.close()
            raise

    def _check_name(self, host: object, port: object) -> None:
        text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if not isinstance(text, str) or not text:
            return
        name = _asked_for(text)
        if not any(policy.allows_name(name) for policy in self._policies):
            raise self._refusal(text, port)

    def _refusal(self, host: str, port: object, *, leads_out: bool = False) -> NetworkRefusedError:
        answered = any(_asked_for(host) in policy.answered for policy in self._policies)
        where = f"{host} port {port}" if port else host
        where += ", a proxy, which leads out" if leads_out else ""
        hint = _NOT_CAUGHT.format(how_to_catch_more()) if answered else _ALLOW.format(repr(host))
        message = f"an interception is open and lets nothing out: refused {where}\n{hint}"
        return NetworkRefusedError(message, host=host, port=port if isinstance(port, int) else None)


def _asked_for(host: str) -> str:
    """Write a name that somebody asks for as it is compared; one that nobody can have as it is."""
    try:
        return _compared(host)
    except ValueError:
        return host


def is_local(host: str) -> bool:
    """Whether a name or address stands for this machine."""
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


def _ports_of_proxies() -> set[int]:
    """List the ports of this machine on which proxies listen that the environment names."""
    ports: set[int] = set()
    for scheme, proxy in getproxies_environment().items():
        with suppress(ValueError):  # a proxy that cannot be used
            parts = urlsplit(proxy if "://" in proxy else f"//{proxy}")
            if scheme != "no" and parts.hostname and is_local(parts.hostname):
                ports.add(parts.port or {"https": 443, "http": 80}.get(parts.scheme, 1080))
    return ports


def _speaks_socks(connection: socket.socket) -> bool:
    """Whether this is a socket of PySocks that goes through a proxy."""
    return bool(next(iter(getattr(connection, "proxy", None) or ()), None))


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
_NOT_CAUGHT: Final = """\
  the mock answers there, but the library that asked is not one that is caught: {}
  or a `responses` that was opened within the interception passed it on: open the interception within it"""
_LOOK_UPS: Final = frozenset(
    {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}
)
_SENDING: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_TO_A_PROXY: Final = re.compile(
    rb"(?:CONNECT (?P<tunnel>[^ /?#]+)|[A-Z]+ https?://(?:[^ /?#@]*@)?(?P<host>[^ /?#]+)[^ \r\n]*) HTTP/1\.",
    re.IGNORECASE,
)
"""The first line of a request to a proxy: any other server is asked for a path."""
_INTERNET: Final = frozenset({socket.AF_INET, socket.AF_INET6})
GUARD: Final = Guard()
"""The one of this process: an audit hook stays for good, so there must not be one for each interception."""
