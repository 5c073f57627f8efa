"""Which addresses the mock may connect to when it is asked to fetch an image."""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import Any

import pytest

from mock_server.images.addresses import addresses_of, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.7",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::808:808",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "100::1",
    ],
)
def test_address_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "93.184.216.34",
        "172.32.0.1",
        "2606:2800:220:1:248:1893:25c8:1946",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ],
)
def test_address_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_address_of_an_address_is_itself() -> None:
    assert set(map(str, addresses_of("127.0.0.1", 80, seconds=30))) == {"127.0.0.1"}


def test_look_up_ends_in_time_when_the_resolver_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def silent(*_: Any, **__: Any) -> list[Any]:
        asked.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)

    with pytest.raises(TimeoutError, match=r"no address of 'slow\.test' in time"):
        addresses_of("slow.test", 80, seconds=0.01)
    asked.set()


@pytest.mark.parametrize("name", ["a" * 70 + ".test", "x..test"])
def test_look_up_of_what_is_no_name_is_an_os_error(name: str) -> None:
    with pytest.raises(OSError, match="is no name of a host"):
        addresses_of(name, 80, seconds=30)
