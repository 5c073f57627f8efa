"""Images that are really fetched: from real servers on this machine, which only these tests allow."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import trustme

from mock_server import Settings, create_app
from mock_server.http.refusals import NOT_FETCHED, Refusal
from mock_server.images.addresses import Address, is_public
from mock_server.images.by_url import NO_IMAGE
from mock_server.images.fetching import NOT_ALLOWED, Bounds, Fetcher
from sam3_contract.errors import UsageError
from tests.mock_server.client import png

PICTURE = png(64, 48)
LOOPBACK = ipaddress.ip_address("127.0.0.1")
Serve = Callable[[socket.socket, str], None]


class Host:
    """A server of one thread a connection, that answers each request by a function of its own.

    Attributes:
        port: Where it listens.
        heads: The head of every request that came.
    """

    def __init__(self, serve: Serve, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[str] = []
        self.cut = threading.Event()
        self._serve = serve
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.cut.is_set():
                connection.close()
                return
            # A client that goes away is what many of these tests are about.
            with connection, suppress(OSError), self._secured(connection) as channel:
                head = b""
                while b"\r\n\r\n" not in head and (part := channel.recv(4096)):
                    head += part
                self.heads.append(head.decode("latin-1"))
                self._serve(channel, self.heads[-1].partition(" ")[2].partition(" ")[0])

    def _secured(self, connection: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    def close(self) -> None:
        self.cut.set()
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._listener.close()


@contextmanager
def hosting(serve: Serve, tls: ssl.SSLContext | None = None) -> Iterator[Host]:
    host = Host(serve, tls)
    try:
        yield host
    finally:
        host.close()


def answering(body: bytes, *, status: str = "200 OK", headers: str = "") -> Serve:
    def serve(connection: socket.socket, _: str) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        connection.sendall(head.encode() + body)

    return serve


def redirecting(target: Callable[[str], str | None], *, status: int = 302) -> Serve:
    """Lead each path elsewhere; where nowhere, answer the picture."""

    def serve(connection: socket.socket, path: str) -> None:
        where = target(path)
        if where is None:
            answering(PICTURE)(connection, path)
        else:
            connection.sendall(f"HTTP/1.1 {status} Moved\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode())

    return serve


def fetcher(**options: Any) -> Fetcher:
    """A fetcher for which every name is this machine, and this machine is public."""
    usual: dict[str, Any] = {"allowed": lambda _: True, "resolve": lambda *_, **__: [LOOPBACK]}
    return Fetcher(**(usual | options))


def cause(fetch: Fetcher, url: str) -> str:
    with pytest.raises(Refusal) as refused:
        fetch(url)
    assert refused.value.status == 400
    assert isinstance(refused.value.body, dict)
    words = str(refused.value.body["message"])
    assert words.startswith("Could not load input image. Cause: ")
    return words.removeprefix("Could not load input image. Cause: ")


def test_picture_is_fetched() -> None:
    with hosting(answering(PICTURE)) as host:
        picture = fetcher()(f"http://pictures.example.com:{host.port}/a%20b/ü.png?size=1#part")

    assert picture.size == (48, 64)
    assert host.heads[0].startswith("GET /a%20b/%C3%BC.png?size=1 HTTP/1.1\r\n")
    assert f"\r\nHost: pictures.example.com:{host.port}\r\n" in host.heads[0]


def test_picture_is_the_same_as_the_one_sent_in_the_request() -> None:
    from mock_server.images.loading import picture_from_content  # noqa: PLC0415

    with hosting(answering(PICTURE)) as host:
        assert fetcher()(f"http://pictures.example.com:{host.port}/") == picture_from_content(PICTURE, otherwise="")


def test_parts_are_joined_when_the_length_is_not_told() -> None:
    def chunked(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(PICTURE), 10):
            part = PICTURE[start : start + 10]
            connection.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        connection.sendall(b"0\r\n\r\n")

    def until_closed(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + PICTURE)

    for serve in (chunked, until_closed):
        with hosting(serve) as host:
            assert fetcher()(f"http://pictures.example.com:{host.port}/").size == (48, 64)


def test_server_that_keeps_the_connection_open_is_not_waited_for() -> None:
    done = threading.Event()

    def serve(connection: socket.socket, path: str) -> None:
        answering(PICTURE)(connection, path)
        done.wait(30)

    with hosting(serve) as host:
        assert fetcher()(f"http://pictures.example.com:{host.port}/").size == (48, 64)
        done.set()


def test_nothing_but_the_question_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    with hosting(answering(PICTURE, headers="Set-Cookie: a=b\r\n")) as host:
        for _ in range(2):
            fetcher()(f"http://user:secret@pictures.example.com:{host.port}/")

    names = {line.partition(":")[0].lower() for line in host.heads[1].strip().splitlines()[1:]}
    assert names == {"host", "user-agent", "accept", "accept-encoding", "connection"}


def test_certificate_is_checked_for_the_name_and_not_for_the_address() -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("pictures.example.com").configure_cert(server)
    named: list[str] = []
    server.sni_callback = lambda _, name, __: named.append(name)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    with hosting(answering(PICTURE), server) as host:
        right = fetcher(tls=trusting, only_https=True)(f"https://pictures.example.com:{host.port}/")
        other_name = cause(fetcher(tls=trusting), f"https://other.example.com:{host.port}/")
        unknown_authority = cause(fetcher(), f"https://pictures.example.com:{host.port}/")

    assert right.size == (48, 64)
    assert (other_name, unknown_authority) == (NOT_FETCHED, NOT_FETCHED)
    assert named == ["pictures.example.com", "other.example.com", "pictures.example.com"]
    assert len(host.heads) == 1


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.1.2.3"], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"], ["8.8.8.8", "127.0.0.1"], []],
    ids=str,
)
def test_name_that_leads_inside_is_refused_without_a_connection(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", connect)
    guarded = Fetcher(resolve=lambda *_, **__: [ipaddress.ip_address(address) for address in addresses])

    assert cause(guarded, "https://inside.example.com/a.png") == NOT_ALLOWED


def test_name_is_looked_up_once_so_that_it_cannot_change_its_mind() -> None:
    """A rebinding name: public when it is checked, this machine when it is asked again."""
    asked: list[str] = []
    reached: list[Address] = []

    def rebinding(host: str, _: int, **__: Any) -> list[Address]:
        asked.append(host)
        return [ipaddress.ip_address("192.0.2.1")] if len(asked) == 1 else [LOOPBACK]

    def documented_is_public(address: Address) -> bool:
        reached.append(address)
        return is_public(address) or str(address) == "192.0.2.1"

    with hosting(answering(PICTURE)) as host:
        guarded = Fetcher(resolve=rebinding, allowed=documented_is_public, bounds=Bounds(seconds=0.3, pause=0.2))
        assert cause(guarded, f"http://rebinding.example.com:{host.port}/") == NOT_FETCHED

    assert asked == ["rebinding.example.com"]
    assert list(map(str, reached)) == ["192.0.2.1"]
    assert host.heads == []


def test_redirects_are_followed_and_looked_up_anew() -> None:
    asked: list[str] = []

    def resolve(host: str, *_: Any, **__: Any) -> list[Address]:
        asked.append(host)
        return [LOOPBACK]

    with hosting(redirecting({}.get)) as host:
        host._serve = redirecting({"/a": "/b", "/b": f"http://other.example.com:{host.port}/c"}.get)
        picture = fetcher(resolve=resolve)(f"http://pictures.example.com:{host.port}/a")

    assert picture.size == (48, 64)
    assert asked == ["pictures.example.com", "pictures.example.com", "other.example.com"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://127.0.0.1:{port}/secret", "Providing images via URL without FQDN"),
        ("http://[::1]:{port}/secret", "Providing images via URL without FQDN"),
        ("http://localhost:{port}/secret", "Providing images via URL without FQDN"),
        ("http://2130706433:{port}/secret", "Providing images via URL without FQDN"),
        ("http://inside.example.com:{port}/secret", NOT_ALLOWED),
        ("file:///etc/passwd", "Providing images via non https:// URL"),
        ("ftp://pictures.example.com/a.png", "Providing images via non https:// URL"),
        ("http://[bad", NOT_FETCHED),
    ],
)
def test_redirect_inside_is_refused(target: str, said: str) -> None:
    def resolve(host: str, *_: Any, **__: Any) -> list[Address]:
        return [ipaddress.ip_address("127.0.0.2") if host == "inside.example.com" else LOOPBACK]

    with hosting(redirecting({}.get)) as host:
        host._serve = redirecting({"/": target.format(port=host.port)}.get)
        guarded = fetcher(resolve=resolve, allowed=lambda address: address == LOOPBACK)
        found = cause(guarded, f"http://pictures.example.com:{host.port}/")

    assert found.startswith(said)
    assert [head.split()[1] for head in host.heads] == ["/"]


def test_redirect_to_http_is_refused_where_only_https_is_taken() -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("pictures.example.com").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    with hosting(redirecting({"/": "http://pictures.example.com/"}.get), server) as host:
        found = cause(fetcher(tls=trusting, only_https=True), f"https://pictures.example.com:{host.port}/")

    assert found.startswith("Providing images via non https:// URL")


def test_redirects_in_a_circle_end() -> None:
    with hosting(redirecting(lambda _: "/again")) as host:
        assert cause(fetcher(bounds=Bounds(redirects=3)), f"http://pictures.example.com:{host.port}/") == NOT_FETCHED

    assert len(host.heads) == 4


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "304 Not Modified", "302 Found", "401 Unauthorized"])
def test_status_that_brings_no_file_is_refused(status: str) -> None:
    with hosting(answering(PICTURE, status=status)) as host:
        assert cause(fetcher(), f"http://pictures.example.com:{host.port}/") == NOT_FETCHED


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>not here</html>", PICTURE[:-9], gzip.compress(PICTURE, mtime=0)],
    ids=["empty", "page", "cut short", "packed"],
)
def test_file_that_is_no_image_is_refused(content: bytes) -> None:
    with hosting(answering(content)) as host:
        assert cause(fetcher(), f"http://pictures.example.com:{host.port}/") == NO_IMAGE


def test_packed_answer_is_never_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000

    with hosting(answering(bomb, headers="Content-Encoding: gzip\r\n")) as host:
        assert cause(fetcher(), f"http://pictures.example.com:{host.port}/") == NO_IMAGE

    assert "\r\nAccept-Encoding: identity\r\n" in host.heads[0]


def test_answer_that_ends_before_its_length_is_refused() -> None:
    def serve(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + PICTURE)

    with hosting(serve) as host:
        assert cause(fetcher(), f"http://pictures.example.com:{host.port}/") == NOT_FETCHED


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
    ],
    ids=["length told", "no length", "chunked"],
)
def test_endless_answer_is_cut(head: bytes) -> None:
    sent = 0

    def serve(connection: socket.socket, _: str) -> None:
        nonlocal sent
        connection.sendall(head)
        while True:
            sent += connection.send(bytes(1000))

    with hosting(serve) as host:
        assert cause(fetcher(bounds=Bounds(bytes=50_000)), f"http://pictures.example.com:{host.port}/") == NOT_FETCHED

    assert sent < 50_000_000  # what the kernel buffers, not what would come


def dripping(head: bytes, drop: bytes) -> tuple[Serve, threading.Event]:
    """Send a byte now and then, for ever, until the connection breaks."""
    gone = threading.Event()

    def serve(connection: socket.socket, _: str) -> None:
        try:
            connection.sendall(head)
            while not gone.wait(0.02):
                connection.sendall(drop)
        finally:
            gone.set()

    return serve, gone


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    ],
    ids=["status line", "headers", "body", "chunks", "body without a length"],
)
def test_dripping_server_is_cut_when_the_time_is_over(head: bytes, drop: bytes) -> None:
    serve, gone = dripping(head, drop)

    with hosting(serve) as host:
        # What drips without end is never read to its end: this comes back because it is cut.
        found = cause(fetcher(bounds=Bounds(seconds=0.3, pause=5)), f"http://pictures.example.com:{host.port}/")
        assert gone.wait(60)  # the server notices that it was left

    assert found == NOT_FETCHED


@pytest.mark.parametrize("secured", [False, True], ids=["http", "https"])
def test_silent_server_is_left_after_a_pause(secured: bool) -> None:
    """Over TLS it is silent before the handshake, for nothing wraps its side of the connection."""
    done = threading.Event()

    with hosting(lambda *_: done.wait(30)) as host:
        scheme = "https" if secured else "http"
        found = cause(fetcher(bounds=Bounds(seconds=20, pause=0.1)), f"{scheme}://pictures.example.com:{host.port}/")
        done.set()

    assert found == NOT_FETCHED


def test_all_addresses_are_tried() -> None:
    with hosting(answering(PICTURE)) as host:
        # Nothing listens on the second address of this machine.
        several = [ipaddress.ip_address("127.0.0.77"), LOOPBACK]
        assert fetcher(resolve=lambda *_, **__: several)(f"http://pictures.example.com:{host.port}/").size == (48, 64)


def test_name_without_an_address_and_a_port_without_a_server_are_refused() -> None:
    def unknown(*_: Any, **__: Any) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    assert cause(fetcher(resolve=unknown), "https://nowhere.example.com/a.png") == NOT_FETCHED
    assert cause(fetcher(), f"http://pictures.example.com:{port}/a.png") == NOT_FETCHED


def test_mock_fetches_only_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    body = {"image": {"type": "url", "value": "https://inside.example.com/a.png"}, "prompts": [{"text": "dog"}]}
    answers = [
        create_app(settings).test_client().post("/sam3/concept_segment?api_key=any", json=body)
        for settings in (Settings(), Settings(fetch_urls=True), Settings(fetch_urls=True, profile="observed"))
    ]

    assert [answer.status_code for answer in answers] == [200, 400, 400]
    assert asked == ["inside.example.com"] * 2
    assert answers[1].get_json() == {"message": f"Could not load input image. Cause: {NOT_ALLOWED}"}


def test_fetching_and_local_files_exclude_each_other(tmp_path: Any) -> None:
    with pytest.raises(UsageError, match="drop fetch_urls or url_images"):
        create_app(Settings(fetch_urls=True, url_images=tmp_path))
