"""`serve`, the fixture `sam3_mock`, `intercept()` and `create_app` are one service: what one answers, all do."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import aiohttp
import httpx
import pytest
import requests
import yarl

import sam3_contract
from mock_server import Settings, create_app
from mock_server.http.protocol import Profile
from sam3_contract.interception.wsgi import CutShort, OutgoingRequest, answer_of
from sam3_contract.pytest_plugin.server import ServedMock, ThreadServer
from tests.mock_server.test_conformance import EXCHANGES
from tests.servers import command_serving

HOST = "http://serverless.roboflow.com"
KEY = "?api_key=good-key"
JSON = ("Content-Type", "application/json")
IMAGE = {"type": "url", "value": "https://example.com/dog.jpg"}
CONCEPT = json.dumps({"image": IMAGE, "prompts": [{"text": "dog"}]}).encode()
EMBED = json.dumps({"image": IMAGE, "image_id": "dog"}).encode()
# Of the moment, of the connection, or of the front end's own making.
PASSING = {"date", "server", "connection", "keep-alive", "content-length", "transfer-encoding", "x-request-id"} | {
    "execution_id"
}


@dataclass(frozen=True)
class Sent:
    """A request as it goes over the wire."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = (JSON,)
    body: bytes = b""

    @property
    def is_chunked(self) -> bool:
        return any(name.lower() == "transfer-encoding" for name, _ in self.headers)


@dataclass(frozen=True)
class Got:
    """What came back, without what passes."""

    status: int | str
    body: bytes = b""
    headers: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, status: int, body: bytes, headers: list[tuple[str, str]], base: str) -> Got:
        kept = {(name.lower(), value) for name, value in headers if name.lower() not in PASSING}
        return cls(status, body.replace(base.encode(), b"BASE"), frozenset(kept))


BROKEN_OFF = Got("no whole answer")


def recorded(entry: dict[str, object]) -> Sent:
    raw, query = entry.get("raw"), entry["query"]
    assert isinstance(query, dict)
    if isinstance(raw, str):
        latin = raw.startswith("LATIN1:")
        body = raw[7:].encode("latin-1") if latin else raw.encode("utf-8", "surrogatepass")
    else:
        body = json.dumps(entry["body"]).encode() if "body" in entry else b""
    target = f"{entry['path']}{'?' * bool(query)}{urlencode({name: str(value) for name, value in query.items()})}"
    headers = entry["headers"]
    assert isinstance(headers, dict)
    return Sent(str(entry["method"]), target, tuple(headers.items()), body)


PATHS = [
    *(f"{before}sam3/embed_image" for before in ("//", "///", "/./", "/x/../", "/%2F", "/%2f%2f")),
    *(f"/sam3/embed_image{behind}" for behind in ("/", "//", "%2F", "%00", "%20", ";x=1", "%3Fx=1", "%", "%zz")),
    *("/sam3//embed_image", "/sam3/Embed_Image", "/sam3%2Fembed_image", "/%73am3/embed_image", "/sam3/embed%5Fimage"),
    *("/", "//", "/healthz", "//healthz", "//_mock", "/sam3", "/sam3/%ff", "/sam3/%C3%A9", "/a:b/c", "/a/b/c"),
]
QUERIES = [
    *("", "?", "?api_key=", "?api_key=good-key&api_key=wrong", "?API_KEY=good-key", "?api_key=good%2Dkey"),
    *("?api_key=good+key", "?api_key=%ff", "?api_key=g%C3%B6%C3%B6d", "?api_key=good-key%0A", "??api_key=good-key"),
    *("?countinference=maybe&api_key=good-key", "?a;api_key=good-key", f"{KEY}&x=%00", f"{KEY}&x={'y' * 7000}"),
]
HEADERS: list[tuple[tuple[str, str], ...]] = [
    (),
    *(
        (("Content-Type", value),)
        for value in ("text/plain", "APPLICATION/JSON", "application/json; charset=utf-8", "application/a+json", "")
    ),
    (JSON, JSON),
    (("Content-Type", "text/plain"), JSON),
    (JSON, ("Content-Type", "text/plain")),
    (JSON, ("Origin", "https://first.example"), ("Origin", "https://second.example")),
    *(
        (JSON, header)
        for header in (
            ("X-Request-Id", "not-a-uuid"),
            ("X_Request_Id", "underscores"),
            ("X_Mock_Fault", "status:503"),
            ("Origin", "https://evil.example"),
            ("Host", "evil.example"),
            ("X-Mock-Fault", "status:503"),
            ("X-Mock-Fault", "no_such_fault"),
            ("X-Latin", "\xe9"),
            ("Accept", "text/html"),
            ("Accept-Encoding", "gzip"),
            ("Cookie", "a=b"),
            ("Range", "bytes=0-1"),
            ("X-HTTP-Method-Override", "DELETE"),
            ("X-Forwarded-Prefix", "/x"),
        )
    ),
    (JSON, ("X-Mock-Fault", "time_negative"), ("X-Mock-Fault", "size_swapped")),
    (JSON, *((f"X-Many-{number}", "y" * 100) for number in range(60))),
]
BODIES: list[tuple[tuple[tuple[str, str], ...], bytes]] = [
    ((JSON, ("Content-Encoding", "gzip")), gzip.compress(EMBED)),
    ((JSON, ("Content-Encoding", "deflate")), zlib.compress(EMBED)),
    ((JSON, ("Transfer-Encoding", "chunked")), EMBED),
    ((JSON, ("Transfer-Encoding", "chunked")), b""),
    *(
        ((JSON,), body)
        for body in (
            *(b"", b"\0", b"\xef\xbb\xbf" + EMBED, EMBED.decode().encode("utf-16"), b'{"image_id": "\xe9"}'),
            *(b'{"image": NaN}', b'{"image_id": "a", "image_id": "b"}', b"[" * 5000 + b"]" * 5000, CONCEPT),
        )
    ),
]
BEARERS = ["Bearer good-key", "bearer good-key", "Bearer  good-key", "good-key", "Bearer wrong"]
METHODS = ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "QUERY", "FOO", "post"]
ODD = [
    *(Sent(method, path + KEY, body=EMBED * (method == "POST")) for path in PATHS for method in ("POST", "GET")),
    *(Sent("POST", f"/sam3/embed_image{query}", body=EMBED) for query in QUERIES),
    *(Sent("POST", f"/sam3/embed_image{KEY}", headers, EMBED) for headers in HEADERS),
    *(Sent("POST", f"/sam3/embed_image{KEY}", headers, body) for headers, body in BODIES),
    *(Sent("POST", "/sam3/embed_image", (JSON, ("Authorization", value)), EMBED) for value in BEARERS),
    *(
        Sent("POST", "/sam3/embed_image", (JSON, *(("Authorization", f"Bearer {key}") for key in keys)), EMBED)
        for keys in (("good-key", "wrong"), ("wrong", "good-key"))
    ),
    *(Sent(method, f"/sam3/embed_image{KEY}") for method in METHODS),
    Sent("POST", f"/sam3/embed_image{KEY}", (JSON, ("X-Mock-Fault", "connection_reset:before")), EMBED),
]

Front = Callable[[Sent], Got]


def over_http(base: str) -> Front:
    """Send over a connection of its own, byte for byte: no library cleans up what is odd."""
    parts = urlsplit(base)
    assert parts.hostname is not None

    def ask(sent: Sent) -> Got:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        named = any(name.lower() == "host" for name, _ in sent.headers)
        connection.putrequest(sent.method, sent.target, skip_host=named, skip_accept_encoding=True)
        for name, value in sent.headers:
            connection.putheader(name, value)
        if not sent.is_chunked and sent.body:
            connection.putheader("Content-Length", str(len(sent.body)))
        connection.endheaders()
        try:
            connection.send(_in_chunks(sent.body) if sent.is_chunked else sent.body)
            answer = connection.getresponse()
            return Got.of(answer.status, answer.read(), answer.getheaders(), base)
        except (http.client.HTTPException, ConnectionError):
            return BROKEN_OFF
        finally:
            connection.close()

    return ask


def _in_chunks(body: bytes) -> bytes:
    pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


def in_process(settings: Settings) -> Front:
    app, base = create_app(settings), "http://127.0.0.1:9001"

    def ask(sent: Sent) -> Got:
        try:
            answer = answer_of(app, OutgoingRequest(sent.method, base + sent.target, sent.headers, sent.body))
        except CutShort:
            return BROKEN_OFF
        body = b"" if sent.method == "HEAD" else answer.body
        return Got.of(answer.status, body, list(answer.headers), base)

    return ask


@pytest.fixture
def thread_server() -> Iterator[ThreadServer]:
    with ThreadServer() as server:
        yield server


@pytest.mark.parametrize("profile", ["documented", "observed"])
def test_front_ends_answer_alike(profile: Profile, thread_server: ThreadServer) -> None:
    settings = Settings(api_keys=frozenset({"good-key"}), profile=profile)
    thread_server.app = ServedMock(settings, url=thread_server.url)
    requests_ = [*map(recorded, EXCHANGES), *ODD]

    with command_serving("--profile", profile, "--api-key", "good-key", "--access-log", "none") as url:
        served, fixture, direct = over_http(url), over_http(thread_server.url), in_process(settings)
        answers = [(sent, served(sent), fixture(sent), direct(sent)) for sent in requests_]

    assert [
        (sent.method, sent.target, sent.headers, first, second, third)
        for sent, first, second, third in answers
        if not first == second == third
    ] == []
    assert len({first.status for _, first, _, _ in answers}) >= 8  # they are not all refused alike


def test_several_slashes_at_the_beginning_lead_nowhere() -> None:
    sent = Sent("POST", f"//sam3/embed_image{KEY}", body=EMBED)

    assert in_process(Settings(profile="documented"))(sent).status == 404
    assert in_process(Settings(profile="observed"))(sent).status == 405


def _headers_of(sent: Sent) -> list[tuple[str, str]]:
    """What a library is told; of the encoding in chunks it speaks itself."""
    return [(name, value) for name, value in sent.headers if name.lower() != "transfer-encoding"]


def by_requests(url: str, all_sent: list[Sent]) -> list[Got]:
    def ask(sent: Sent) -> Got:
        body = iter([sent.body]) if sent.is_chunked else sent.body
        target = url + sent.target
        answer = session.request(sent.method, target, data=body, headers=dict(_headers_of(sent)), allow_redirects=False)
        return Got(answer.status_code, answer.content.replace(url.encode(), b"BASE"))

    with requests.Session() as session:
        return [ask(sent) for sent in all_sent]


def by_httpx(url: str, all_sent: list[Sent]) -> list[Got]:
    def ask(sent: Sent) -> Got:
        body = iter([sent.body]) if sent.is_chunked else sent.body
        answer = client.request(sent.method, url + sent.target, content=body, headers=_headers_of(sent))
        return Got(answer.status_code, answer.content.replace(url.encode(), b"BASE"))

    with httpx.Client() as client:
        return [ask(sent) for sent in all_sent]


def by_aiohttp(url: str, all_sent: list[Sent]) -> list[Got]:
    async def ask(sent: Sent, session: aiohttp.ClientSession) -> Got:
        target = yarl.URL(url + sent.target, encoded=True)
        content, chunked = sent.body or None, sent.is_chunked or None
        asking = session.request(sent.method, target, data=content, headers=_headers_of(sent), chunked=chunked)
        async with asking as answer:
            return Got(answer.status, (await answer.read()).replace(url.encode(), b"BASE"))

    async def ask_all() -> list[Got]:
        async with aiohttp.ClientSession() as session:
            return [await ask(sent, session) for sent in all_sent]

    return asyncio.run(ask_all())


# What every library can send; each tidies it up in its own way, and the answers have to be the same all the same.
SENDABLE = [
    sent
    for sent in ODD
    if sent.method.isupper()
    and sent.method not in {"FOO", "TRACE"}
    and not any(name in {"Host", "X-Latin"} or "reset" in value for name, value in sent.headers)
    and len(dict(sent.headers)) == len(sent.headers)
    and "_mock" not in sent.target  # the control routes answer to hosts of this machine only
]


@pytest.mark.parametrize("ask", [by_requests, by_httpx, by_aiohttp])
def test_interception_answers_as_a_server_does(
    ask: Callable[[str, list[Sent]], list[Got]], thread_server: ThreadServer
) -> None:
    settings = Settings(api_keys=frozenset({"good-key"}), profile="observed")
    thread_server.app = ServedMock(settings, url=thread_server.url)

    served = ask(thread_server.url, SENDABLE)
    with sam3_contract.intercept(settings=settings):
        caught = ask(HOST, SENDABLE)

    assert [
        (sent.method, sent.target, sent.headers, first, second)
        for sent, first, second in zip(SENDABLE, served, caught, strict=True)
        if first != second
    ] == []
    assert len(SENDABLE) > 100
