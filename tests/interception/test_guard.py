"""What an interception lets out: names, addresses, networks, and the proxies that would lead round it."""

from __future__ import annotations

import asyncio
import http.client
import socket
import urllib.request
from collections.abc import Callable, Iterator

import aiohttp
import httpx
import pytest
import requests
import urllib3

import sam3_contract
from sam3_contract.errors import NetworkRefusedError
from sam3_contract.interception.guard import Guard, Policy, host_name
from tests.transport.raw import answering

HOST = "serverless.roboflow.com"
PATH = "/sam3/embed_image?api_key=any"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

Ask = Callable[[str, str | None], int]
"""Asks a URL, through the proxy of the environment or the one that is given; returns the status."""


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[bytes]]]:
    """A proxy on this machine that the environment does not name, and what it was asked for."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    seen: list[bytes] = []
    with answering(b"HTTP/1.1 200 Leaked\r\nContent-Length: 0\r\n\r\n", seen=seen) as url:
        yield url, seen


def by_requests(url: str, proxy: str | None) -> int:
    return requests.post(url, proxies={"all": proxy} if proxy else None, timeout=20).status_code


def by_httpx(url: str, proxy: str | None) -> int:
    return httpx.post(url, proxy=proxy).status_code


def by_httpx_async(url: str, proxy: str | None) -> int:
    async def ask() -> int:
        async with httpx.AsyncClient(proxy=proxy) as client:
            return (await client.post(url)).status_code

    return asyncio.run(ask())


def by_aiohttp(url: str, proxy: str | None) -> int:
    async def ask() -> int:
        async with aiohttp.ClientSession(trust_env=True) as session, session.post(url, proxy=proxy) as answer:
            return answer.status

    return asyncio.run(ask())


def by_urllib(url: str, proxy: str | None) -> int:
    handler = urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None)
    with urllib.request.build_opener(handler).open(url, b"") as answer:
        return int(answer.status)


def by_urllib3(url: str, proxy: str | None) -> int:
    if proxy is None:
        return by_urllib(url, None)  # it does not look at the environment
    with urllib3.ProxyManager(proxy, retries=False) as manager:
        return int(manager.request("POST", url).status)


CAUGHT: list[Ask] = [by_requests, by_httpx, by_httpx_async, by_aiohttp]
OTHERS: list[Ask] = [by_urllib, by_urllib3]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("named", ["environment", "call"])
@pytest.mark.parametrize("ask", [*CAUGHT, *OTHERS])
def test_no_proxy_of_this_machine_leads_round_the_interception(
    ask: Ask, named: str, scheme: str, proxy: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, seen = proxy
    if named == "environment":
        monkeypatch.setenv(f"{scheme}_proxy", address)
    given = address if named == "call" else None

    with sam3_contract.intercept() as mock:
        if ask in CAUGHT:
            assert ask(f"{scheme}://{HOST}{PATH}", given) == 422
            assert [one.operation for one in mock.requests] == ["embed_image"]
        else:
            with pytest.raises(NetworkRefusedError):
                ask(f"{scheme}://{HOST}{PATH}", given)
        with pytest.raises(NetworkRefusedError):
            ask(f"{scheme}://api.example.com/v1", given)

    assert [line for line in seen if line] == []


# Not by httpx: respx takes what httpcore asks its proxy for a request of its own, and cannot read it.
@pytest.mark.parametrize("ask", [by_requests, by_aiohttp, *OTHERS])
def test_host_that_is_allowed_may_be_reached_by_a_proxy_that_is_too(ask: Ask, proxy: tuple[str, list[bytes]]) -> None:
    address, seen = proxy

    with sam3_contract.intercept(allow=["api.example.com", "127.0.0.1"]):
        assert ask("http://api.example.com/v1", address) == 200
    assert len(seen) == 1


def test_proxy_of_the_environment_is_refused_to_any_socket_and_says_why(
    proxy: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(proxy[0].rpartition(":")[2])

    with sam3_contract.intercept():
        socket.create_connection(("127.0.0.1", port)).close()
        monkeypatch.setenv("ALL_PROXY", f"socks5://me:secret@localhost:{port}")
        with pytest.raises(NetworkRefusedError, match=rf"refused 127\.0\.0\.1 port {port}, a proxy, which leads out"):
            socket.create_connection(("127.0.0.1", port))
    with sam3_contract.intercept(allow=["127.0.0.1"]):
        socket.create_connection(("127.0.0.1", port)).close()


@pytest.mark.parametrize("value", ["", "http://[::1", "nonsense", "http://127.0.0.1:99999", "socks5://localhost"])
def test_proxy_that_cannot_be_used_is_no_reason_to_fail(
    value: str, proxy: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", value)

    with sam3_contract.intercept():
        socket.create_connection(("127.0.0.1", int(proxy[0].rpartition(":")[2]))).close()


def test_socket_of_pysocks_is_refused(proxy: tuple[str, list[bytes]]) -> None:
    class SocksSocket(socket.socket):  # as PySocks has it: kind of proxy, address, port, ...
        proxy = (2, "127.0.0.1", 1080, True, None, None)

    with sam3_contract.intercept(), SocksSocket() as connection, pytest.raises(NetworkRefusedError, match="a proxy"):
        connection.connect(("127.0.0.1", int(proxy[0].rpartition(":")[2])))


@pytest.mark.parametrize(
    "first",
    [b"CONNECT api.example.com:443 HTTP/1.1\r\n", b"GET http://api.example.com/v1 HTTP/1.1\r\n",
     b"POST HTTPS://me:secret@api.example.com:444 HTTP/1.0\r\n", b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n",
     b"CONNECT api.example.com:abc HTTP/1.1\r\n", b"GET http://[2001:db8::a]/ HTTP/1.1\r\n"],
)  # fmt: skip
def test_request_to_a_proxy_is_told_by_its_first_line(first: bytes, proxy: tuple[str, list[bytes]]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(proxy[0].rpartition(":")[2]))

    with sam3_contract.intercept(), pytest.raises(NetworkRefusedError):
        connection.send(first)
    connection.close()


@pytest.mark.parametrize(
    "first", [b"GET /v1?next=http://api.example.com HTTP/1.1\r\n", b"CONNECT is a word", b"GET http://a.test is text"]
)
def test_other_requests_and_bodies_are_not_taken_for_one_to_a_proxy(
    first: bytes, proxy: tuple[str, list[bytes]]
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(proxy[0].rpartition(":")[2]))

    with sam3_contract.intercept():
        connection.send(first)
    connection.close()


@pytest.mark.parametrize(
    ("look_up", "arguments"),
    [
        (socket.getaddrinfo, ("api.example.com", 443)),
        (socket.gethostbyname, ("api.example.com",)),
        (socket.gethostbyname_ex, ("api.example.com",)),
        (socket.gethostbyaddr, ("192.0.2.1",)),
        (socket.getnameinfo, (("192.0.2.1", 443), 0)),
    ],
)
def test_look_ups_of_names_and_addresses_are_refused(look_up: Callable[..., object], arguments: tuple[object]) -> None:
    with (
        sam3_contract.intercept(),
        pytest.raises(NetworkRefusedError, match=r"refused (api\.example\.com|192\.0\.2\.1)"),
    ):
        look_up(*arguments)


@pytest.mark.parametrize(
    ("look_up", "arguments"),
    [
        (socket.getaddrinfo, ("localhost", 443)),
        (socket.gethostbyname, ("localhost",)),
        (socket.gethostbyaddr, ("127.0.0.1",)),
        (socket.getnameinfo, (("127.0.0.1", 443), 0)),
    ],
)
def test_look_ups_of_this_machine_are_let_through(look_up: Callable[..., object], arguments: tuple[object]) -> None:
    with sam3_contract.intercept():
        assert look_up(*arguments)


def test_policy_knows_names_addresses_and_networks() -> None:
    policy = Policy(allow=["*.example.com", "192.0.2.0/24", "2001:db8::1", "https://api.test/"])

    assert policy.allows_name("api.example.com")
    assert policy.allows_name("api.test")
    assert not policy.allows_name("example.com")
    assert policy.allows_connection("192.0.2.77")
    assert not policy.allows_connection("192.0.3.1")
    assert policy.allows_connection("2001:db8::1")
    assert policy.allows_connection("::ffff:127.0.0.1")
    assert policy.allows_connection("tests.localhost")
    assert Policy(allow=["*"]).allows_connection("198.51.100.1")


def test_policy_allows_the_addresses_of_an_allowed_name(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(allow=["api.test"])
    found = {"api.test": [(2, 1, 6, "", ("192.0.2.9", 0))]}
    monkeypatch.setattr(socket, "getaddrinfo", lambda name, *_, **__: found[name])

    assert not policy.allows_connection("192.0.2.9")
    assert policy.allows_name("api.test")
    assert policy.allows_connection("192.0.2.9")
    assert not policy.allows_connection("192.0.2.10")


def test_any_of_several_policies_allows() -> None:
    several = Guard()
    narrow, wide = Policy(), Policy(allow=["api.test"])
    several.check("api.test", 443)

    several.open(narrow)
    with pytest.raises(NetworkRefusedError):
        several.check("api.test", 443)
    several.open(wide)
    several.check("API.test.", 443)
    several.close(wide)
    with pytest.raises(NetworkRefusedError):
        several.check("api.test", 443)
    several.close(narrow)
    several.check("api.test", 443)


def test_host_name_takes_a_url_apart() -> None:
    assert host_name("https://Serverless.Roboflow.com./") == "serverless.roboflow.com"
    assert host_name("2001:db8::1") == "2001:db8::1"
