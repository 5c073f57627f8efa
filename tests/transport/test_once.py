"""A request that may have been worked on, and charged, is sent once, whatever becomes of its answer."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from sam3_contract import spec
from sam3_contract.errors import AskedError, TransportError
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.transport import HttpTransport
from sam3_contract.verification.pacing import Patience
from tests.transport.raw import Answer, answering, tunnelling

CONTRACT = spec.load()
CASE = Case("x", "embed_image", "asks nothing", {})
HOST = "sam.example.com"
CUT = "Remote end closed connection without response"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of a server whose certificate is trusted, and which trusts clients that have one of the same authority."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", HOST).configure_cert(context)
    authority.configure_trust(context)
    return context


def send(url: str) -> Exchange:
    return Patience(HttpTransport(url, CONTRACT, key="s3cret-key", timeout=20), wait=lambda _: None).send(CASE)


@pytest.mark.parametrize("broken", [b"", b"\x17\x03\x03\x00\x20" + bytes(32)], ids=["cut off", "what is none of TLS"])
def test_tls_that_breaks_behind_a_request_is_an_answer_that_failed(broken: Answer, tls: ssl.SSLContext) -> None:
    seen: list[bytes] = []

    with answering(broken, tls=tls, beside=True, seen=seen) as url:
        exchange = send(url)

    assert (exchange.status, len(seen)) == (0, 1)
    assert exchange.failure


def test_server_behind_a_tunnel_that_breaks_off_is_the_one_that_failed(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    tunnels: list[bytes] = []

    with answering(b"", tls=tls, seen=seen) as url, tunnelling(url.removeprefix("https://"), tunnels) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy}")
        exchange = send(f"https://{HOST}")

    assert (exchange.status, exchange.failure) == (0, CUT)
    assert (len(seen), len(tunnels)) == (1, 1)


def test_proxy_that_breaks_off_behind_a_request_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    with answering(b"", seen=seen) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        with pytest.raises(AskedError, match=rf"the proxy {proxy}, which the environment names, cannot be used: {CUT}"):
            send(f"http://{HOST}")

    assert len(seen) == 1


def test_answer_over_a_socks_proxy_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(None) as url, tunnelling(url.removeprefix("http://")) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://{proxy}")
        exchange = HttpTransport(f"http://{HOST}", CONTRACT, timeout=0.3).send(CASE)

    assert exchange.failure == "no whole answer within 0.3 s"


def test_tls_behind_a_socks_proxy_that_does_not_come_about_is_no_fault_of_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with answering(b"no TLS at all") as url, tunnelling(url.removeprefix("http://")) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://{proxy}")
        with pytest.raises(
            TransportError, match=rf"^https://{HOST} does not answer: no TLS handshake: what it answers is"
        ):
            send(f"https://{HOST}")


def test_server_that_asks_for_a_certificate_is_not_blamed(tls: ssl.SSLContext) -> None:
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.minimum_version = ssl.TLSVersion.TLSv1_3  # earlier there is no handshake without one

    with answering(b"", tls=tls) as url, pytest.raises(AskedError, match="asks for a certificate of the client"):
        send(url)


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80\x00\x04\x00\x01\x00\x00\x00\x05\x00\xff\xff\xff",
        b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01",
    ],
    ids=["nginx", "empty settings"],
)
def test_server_that_speaks_http_2_only_is_not_blamed(answer: bytes) -> None:
    seen: list[bytes] = []

    with answering(answer, seen=seen) as url, pytest.raises(AskedError, match="it speaks HTTP/2 only"):
        send(url)

    assert len(seen) == 1


def test_server_that_sends_on_is_asked_once() -> None:
    seen: list[bytes] = []
    answer = b"HTTP/1.1 308 X\r\nLocation: /v2/sam3/embed_image\r\nContent-Length: 0\r\n\r\n"

    with answering(answer, seen=seen) as url, pytest.raises(AskedError, match="sends requests on to"):
        send(url)

    assert len(seen) == 1


def test_answer_over_tls_is_read_though_nobody_reads_the_request(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As without TLS: who refuses a body need not read it to its end."""
    sendall = ssl.SSLSocket.sendall

    def cut_off(self: ssl.SSLSocket, data: bytes) -> None:
        sendall(self, data)
        if data.endswith(b"}") and not self.server_side:
            raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "EOF occurred in violation of protocol")

    monkeypatch.setattr(ssl.SSLSocket, "sendall", cut_off)

    with answering(b"HTTP/1.1 413 X\r\nContent-Length: 2\r\n\r\n{}", tls=tls) as url:
        assert send(url).status == 413
