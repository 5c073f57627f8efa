"""What of the environment a request heeds, and how it says that it cannot be used."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sam3_contract import spec
from sam3_contract.errors import TransportError
from sam3_contract.exchanges.exchange import Case
from sam3_contract.transport import HttpTransport
from sam3_contract.transport.surroundings import proxies_for, tls_context
from tests.servers import serving
from tests.transport.raw import answering

CONTRACT = spec.load()
CASE = Case("x", "embed_image", "asks nothing", {})
ELSEWHERE = "http://sam.example.com"
VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def send(url: str) -> tuple[int, str]:
    exchange = HttpTransport(url, CONTRACT, key="s3cret-key", timeout=20).send(CASE)
    return exchange.status, exchange.failure


def seen_by_a_server() -> tuple[list[Request], object]:
    seen: list[Request] = []

    def app(environ: dict[str, object], start_response: object) -> object:
        seen.append(Request(environ))
        return Response(b"{}", headers={"Set-Cookie": "session=1"})(environ, start_response)  # type: ignore[arg-type]

    return seen, app


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "foo://bar", "http://"])
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
def test_no_proxy_stands_before_this_machine(variable: str, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, proxy)
    _, app = seen_by_a_server()

    with serving(app) as url:
        assert send(url) == (200, "")


def test_proxy_of_the_environment_is_used_for_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, app = seen_by_a_server()

    with serving(app) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        assert send(ELSEWHERE) == (200, "")

    assert seen[0].host == "sam.example.com"


@pytest.mark.parametrize(
    ("variables", "proxies"),
    [
        ({"HTTP_PROXY": "http://a:1"}, {"http": "http://a:1"}),
        ({"http_proxy": "a:1"}, {"http": "http://a:1"}),
        ({"ALL_PROXY": "http://a:1"}, {"http": "http://a:1"}),
        ({"HTTPS_PROXY": "http://a:1"}, {}),
        ({"HTTP_PROXY": "http://a:1", "NO_PROXY": "example.com"}, {}),
        ({"HTTP_PROXY": "http://a:1", "NO_PROXY": "*"}, {}),
        ({"HTTP_PROXY": "http://a:1", "NO_PROXY": "other.example.com"}, {"http": "http://a:1"}),
    ],
)
def test_proxy_is_chosen_as_the_variables_say(
    variables: dict[str, str], proxies: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert proxies_for(f"{ELSEWHERE}/sam3/embed_image") == proxies


@pytest.mark.parametrize(
    ("variable", "proxy", "says"),
    [
        ("HTTP_PROXY", "foo://bar", "HTTP_PROXY names 'foo://bar', which is no proxy; write it like"),
        ("ALL_PROXY", "http://me:s3cret-word@:1", "ALL_PROXY names 'http://:1', which is no proxy"),
        ("HTTP_PROXY", "http://[::1", "HTTP_PROXY names .*, which is no proxy"),
        ("HTTP_PROXY", " ", "HTTP_PROXY names .*, which is no proxy"),
        ("HTTP_PROXY", "http://a:1\r", "HTTP_PROXY names .*, which is no proxy"),
        ("HTTP_PROXY", "http://a..b:1", "HTTP_PROXY names .*, which is no proxy"),
        ("HTTP_PROXY", "socks5://me:s3cret-word@a:1", "HTTP_PROXY names a SOCKS proxy, 'socks5://a:1', which takes"),
        (
            "HTTP_PROXY",
            "http://me:s3cret-word@127.0.0.1:1",
            "the proxy http://127.0.0.1:1, which the environment names, cannot be used: connection refused",
        ),
    ],
)
def test_proxy_that_cannot_be_used_is_named_and_not_the_server_blamed(
    variable: str, proxy: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy)
    monkeypatch.setattr("sam3_contract.transport.surroundings.find_spec", lambda _: None)

    with pytest.raises(TransportError, match=says) as unsent:
        send(ELSEWHERE)

    assert "s3cret" not in str(unsent.value)


NO_ENTRANCE = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (NO_ENTRANCE, "Tunnel connection failed: 407"),
        (b"", "Remote end closed connection without response"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "what it answers is no HTTP: it begins with 'SSH-2.0"),
        (None, "no whole answer within 0.3 s"),
    ],
)
def test_proxy_that_refuses_to_connect_is_named(
    answer: bytes | None, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(answer) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        transport = HttpTransport("https://sam.example.com", CONTRACT, timeout=0.3)
        with pytest.raises(TransportError, match=rf"the proxy {proxy}, which .*: {says}"):
            transport.send(CASE)


def test_proxy_that_wants_a_password_is_no_answer_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(NO_ENTRANCE) as proxy:
        assert send(proxy) == (407, "")  # a server of its own says so of itself
        monkeypatch.setenv("HTTP_PROXY", proxy)
        with pytest.raises(TransportError, match=rf"the proxy {proxy}, which .*: 407 Proxy Authentication Required"):
            send(ELSEWHERE)


@pytest.mark.parametrize("written", ["日本", "%E6%97%A5%E6%9C%AC", "\udce6\udc97\udca5\udce6\udc9c\udcac"])
def test_password_of_a_proxy_is_sent_in_utf_8(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, app = seen_by_a_server()

    with serving(app) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.replace("//", f"//me:{written}@"))
        assert send(ELSEWHERE) == (200, "")

    assert seen[0].headers["Proxy-Authorization"] == f"Basic {base64.b64encode('me:日本'.encode()).decode()}"


@pytest.mark.parametrize(
    ("place", "says"), [("127.0.0.1:1", "connection refused"), ("nobody.invalid:1", "(name|temporary|no address)")]
)
def test_socks_proxy_that_is_not_there_is_named_and_not_the_server_blamed(
    place: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"socks5h://me:s3cret-word@{place}")

    with pytest.raises(TransportError, match=rf"the proxy socks5h://{place}, which .* {says}"):
        send(ELSEWHERE)


def test_socks_proxy_that_does_not_reach_the_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxy_for_it = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with answering(no_proxy_for_it) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.replace("http://", "socks5h://"))
        with pytest.raises(TransportError, match="the proxy socks5h://"):
            send(ELSEWHERE)


def test_netrc_does_not_take_the_place_of_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("default login me password other")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    seen, app = seen_by_a_server()
    bearer = Case("x", "embed_image", "asks nothing", {}, key_in="bearer")

    with serving(app) as url:
        transport = HttpTransport(url, CONTRACT, key="s3cret-key")
        transport.send(CASE)
        transport.send(bearer)

    assert [request.headers.get("Authorization") for request in seen] == [None, "Bearer s3cret-key"]


def test_cookies_of_one_answer_do_not_come_with_the_next_request() -> None:
    seen, app = seen_by_a_server()

    with serving(app) as url:
        transport = HttpTransport(url, CONTRACT)
        for _ in range(2):
            transport.send(CASE)
        transport.arguments["session"].post(f"{url}/sam3/embed_image")

    assert [dict(request.cookies) for request in seen] == [{}, {}, {}]


@contextmanager
def serving_tls(authority: trustme.CA) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = make_server("127.0.0.1", 0, Response(b"{}"), ssl_context=context)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_bundle_of_the_environment_is_trusted_and_others_are_not(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    with serving_tls(authority) as url:
        with pytest.raises(TransportError, match="certificate verify failed"):
            send(url)
        monkeypatch.setenv(variable, str(tmp_path / "ca.pem"))
        assert send(url) == (200, "")


@pytest.mark.parametrize(
    ("content", "says"), [(None, "no such file"), ("", "holds no certificates"), ("x", "holds no")]
)
def test_bundle_that_cannot_be_used_is_named(
    content: str | None, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))

    with pytest.raises(TransportError, match=rf"(?i)REQUESTS_CA_BUNDLE names '.*ca\.pem': {says}"):
        send("https://127.0.0.1:1")


def test_log_of_keys_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "no" / "keys.log"))
    tls_context.__globals__["_context_of"].cache_clear()

    with pytest.raises(TransportError, match=r"^SSLKEYLOGFILE names '.*keys\.log': No such file"):
        tls_context()


def test_certificates_are_loaded_once() -> None:
    assert tls_context() is tls_context()


def test_tls_that_does_not_come_about_is_not_blamed_on_the_answers() -> None:
    speaks_no_tls = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with (
        answering(speaks_no_tls) as url,
        pytest.raises(TransportError, match="no TLS handshake: what it answers is no TLS"),
    ):
        send(url.replace("http://", "https://"))
    with answering(b"", reset=True) as url, pytest.raises(TransportError, match="no TLS handshake"):
        send(url.replace("http://", "https://"))
    with answering(None) as url:
        transport = HttpTransport(url.replace("http://", "https://"), CONTRACT, timeout=0.2)
        with pytest.raises(TransportError, match="no TLS handshake: not in time"):
            transport.send(CASE)


def test_host_that_nobody_knows_is_not_blamed_on_the_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(TransportError, match=r"http://sam\.example\.com does not answer: name or service not known"):
        send(ELSEWHERE)
