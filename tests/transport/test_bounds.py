"""Whatever a server does, a request ends: with an answer, or with what is wrong with it."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Iterable

import brotli
import pytest

from sam3_contract import spec
from sam3_contract.errors import TransportError
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.transport import HttpTransport, connections, session
from sam3_contract.transport.connections import TooLateError, TooMuchError, _Allowance
from tests.transport.raw import Answer, answering

CONTRACT = spec.load()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
GZIP = b"Content-Encoding: gzip\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that are reached soon."""
    monkeypatch.setattr(connections, "MAX_BODY", 2**22)
    monkeypatch.setattr(session, "MAX_BODY", 2**21)
    monkeypatch.setattr(session, "MAX_JSON", 2**20)


def exchange_with(answer: Answer, *, timeout: float = 20, reset: bool = False) -> Exchange:
    with answering(answer, reset=reset) as url:
        return HttpTransport(url, CONTRACT, key="s3cret-key", timeout=timeout).send(Case("x", "embed_image", "", {}))


def for_ever(piece: bytes, before: bytes = b"") -> Answer:
    def pieces() -> Iterable[bytes]:
        yield before
        while True:
            yield piece

    return pieces


def now_and_then(piece: bytes, before: bytes = b"") -> Answer:
    def pieces() -> Iterable[bytes]:
        yield before
        while True:
            threading.Event().wait(0.02)
            yield piece

    return pieces


def bomb(before: bytes, *, chunked: bool = False) -> Answer:
    def pieces() -> Iterable[bytes]:
        yield before
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        while True:
            piece = packer.compress(b"0" * 2**20)
            yield b"%x\r\n%b\r\n" % (len(piece), piece) if chunked and piece else piece

    return pieces


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (for_ever(b"x" * 65536, HEAD + b"\r\n"), "it sends a body of more than 1 MiB"),
        (for_ever(b"x" * 65536, b"HTTP/1.1 200 OK\r\n\r\n"), "it sends a body of more than 2 MiB"),
        (for_ever(b"8\r\n12345678\r\n" * 999, CHUNKED), "it sends a body of more than 1 MiB"),
        (bomb(HEAD + b"Content-Encoding: gzip\r\n\r\n"), "it sends a body of more than 1 MiB"),
        (bomb(HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", chunked=True), "more than 1 MiB"),
        (for_ever(b"HTTP/1.1 100 Continue\r\n\r\n" * 999), "it sends headers of more than 1 MiB"),
        (for_ever(b"x" * 65536, CHUNKED + b"-5\r\n"), "the length of the body makes no sense"),
        (for_ever(b"X: y\r\n" * 999, CHUNKED + b"2\r\n{}\r\n0\r\n"), "it sends a body of more than 4 MiB"),
    ],
    ids=["body", "other body", "chunks", "gzip", "gzip in chunks", "continue", "negative chunk", "trailers"],
)
def test_answer_without_end_is_one_that_failed(answer: Answer, failure: str) -> None:
    exchange = exchange_with(answer)

    assert (exchange.status, exchange.body) == (0, b"")
    assert failure in exchange.failure


@pytest.mark.parametrize(
    "answer",
    [
        now_and_then(b"x", HEAD + b"Content-Length: 99999\r\n\r\n"),
        now_and_then(b"1\r\nx\r\n", CHUNKED),
        now_and_then(b"X: y\r\n", HEAD),
        now_and_then(b"HTTP/1.1 100 Continue\r\n\r\n"),
        None,
    ],
    ids=["body", "chunks", "headers", "continue", "nothing"],
)
def test_answer_that_comes_byte_by_byte_has_no_more_time_than_any_other(answer: Answer) -> None:
    assert exchange_with(answer, timeout=0.3).failure == "no whole answer within 0.3 s"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n", "the length of the body makes no sense"),
        (CHUNKED + b"ffffffffffff\r\n{}\r\n", "IncompleteRead"),
        (CHUNKED + b"2\r\n{}\r\n", "Response ended prematurely"),
        (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", "InvalidChunkLength(got length b'zz"),
        (HEAD + b"Content-Length: 9\r\n\r\n{}", "IncompleteRead(2 bytes read, 7 more expected)"),
        (HEAD + b"Content-Length: 2, 3\r\n\r\n{}", "multiple unmatching values"),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "packed with gzip, and is not"),
        (
            HEAD + b"Content-Encoding: secret-way\r\nContent-Length: 2\r\n\r\n{}",
            "packed in a way that was not asked for",
        ),
        (HEAD + b"Content-Encoding: gzip" + b", gzip" * 8 + b"\r\n\r\n{}", "the body is packed 9 times"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n", "got more than 100 headers"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 65537 + b"\r\n\r\n", "got more than 65536 bytes"),
        (b"SSH-2.0-OpenSSH\r\n", "what it answers is no HTTP: it begins with 'SSH-2.0-OpenSSH"),
        (b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n", "what it answers is no HTTP"),
        (b"HTTP/2.0 200 OK\r\n\r\n{}", "what it answers is no HTTP: it begins with 'HTTP/2.0'"),
        (b"HTTP/1.1 200 OK", "the connection ends within the headers of the answer"),
        (HEAD + b"Content-Len", "the connection ends within the headers of the answer"),
        (HEAD + b"no header\r\nContent-Length: 2\r\n\r\n{}", "a line of the headers does not begin with a name and"),
        (HEAD + b"Content-Length: abc\r\n\r\n{}", "the length of the body makes no sense: 'abc'"),
        (HEAD + b"Content-Length: +2\r\n\r\n{}", "the length of the body makes no sense: '+2'"),
        (HEAD + b"Content-Length: -5\r\n\r\n{}", "the length of the body makes no sense: '-5'"),
        (HEAD + GZIP + gzip.compress(b"{}", mtime=0)[:-4], "packed with gzip, and is not, or is not whole"),
        (HEAD + GZIP + gzip.compress(b"{}", mtime=0) + b"{}", "packed with gzip, and is not, or is not whole"),
        (
            HEAD + b"Content-Encoding: deflate\r\n\r\n" + zlib.compress(b"{}")[:-4],
            "packed with deflate, and is not, or is not whole",
        ),
        # Though this machine could unpack it: others could not, and what is judged is the same on all.
        (HEAD + b"Content-Encoding: br\r\n\r\n" + brotli.compress(b"{}"), "packed in a way that was not asked for"),
        (b"", "Remote end closed connection without response"),
    ],
)
def test_answer_that_is_no_whole_http_is_one_that_failed(answer: bytes, failure: str) -> None:
    exchange = exchange_with(answer)

    assert exchange.status == 0
    assert failure in exchange.failure


def test_connection_that_is_reset_is_an_answer_that_failed() -> None:
    assert exchange_with(HEAD, reset=True).failure == "connection reset by peer"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"302 Found\r\nLocation: http://[::1", 302),
        (b"302 Found\r\nLocation: http://\xff\xfe/", 302),
        (b"307 Again\r\nLocation: http://127.0.0.1:1/", 307),
        (b"503 Busy\r\nRetry-After: \xb2", 503),
        (b"200 OK\r\nSet-Cookie: \xff=;;=\x01; expires=never", 200),
    ],
)
def test_odd_headers_are_part_of_an_answer(headers: bytes, status: int) -> None:
    exchange = exchange_with(b"HTTP/1.1 " + headers + b"\r\nContent-Length: 2\r\n\r\n{}")

    assert (exchange.status, exchange.failure, exchange.body) == (status, "", b"{}")


@pytest.mark.parametrize(
    "before",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n" * 3,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_what_only_announces_an_answer_is_passed_over(before: bytes) -> None:
    exchange = exchange_with(before + HEAD + b"Content-Length: 8\r\n\r\n" + b'{"a": 1}')

    assert (exchange.status, exchange.answer) == (200, {"a": 1})


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(
    ("location", "base"),
    [
        (b"https://sam.example.com/sam3/embed_image?api_key=s3cret-key", "https://sam.example.com"),
        (b"https://sam.example.com:8443/v1/sam3/embed_image", "https://sam.example.com:8443/v1"),
        (b"//s3cret-key@sam.example.com/sam3/embed_image", "http://sam.example.com"),
        (b"/v2/sam3/embed_image", r"http://127\.0\.0\.1:\d+/v2"),
    ],
)
def test_server_that_is_elsewhere_is_not_blamed_but_named(status: int, location: bytes, base: str) -> None:
    with pytest.raises(TransportError, match=rf"sends requests on to '{base}'; give that as the base URL$") as unsent:
        exchange_with(b"HTTP/1.1 %d X\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, location))

    assert "s3cret" not in str(unsent.value)


@pytest.mark.parametrize(
    ("status", "location"),
    [(307, b"/sam3/embed_image/"), (302, b"https://sam.example.com/login"), (308, b""), (200, b"/v2/sam3/embed_image")],
)
def test_other_redirects_are_answers(status: int, location: bytes) -> None:
    answer = b"HTTP/1.1 %d X\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, location)

    assert exchange_with(answer).status == status


def _bare(content: bytes) -> bytes:
    return zlib.compress(content)[2:-4]  # as some understand deflate


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        (b"gzip", gzip.compress(b'{"a": 1}', mtime=0)),
        (b"X-GZIP, identity", gzip.compress(b'{"a"', mtime=0) + gzip.compress(b": 1}", mtime=0)),
        (b"deflate", zlib.compress(b'{"a": 1}')),
        (b"deflate", _bare(b'{"a": 1}')),
        (b"gzip, deflate", zlib.compress(gzip.compress(b'{"a": 1}', mtime=0))),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_compressed_answer_is_decoded(coding: bytes, packed: bytes, chunked: bool) -> None:
    head = HEAD + b"Content-Encoding: %b\r\n" % coding
    single = b"".join(b"1\r\n%c\r\n" % one for one in packed) + b"0\r\n\r\n"
    answer = head + (b"Transfer-Encoding: chunked\r\n\r\n" + single if chunked else b"\r\n" + packed)

    assert exchange_with(answer).answer == {"a": 1}


def test_head_that_is_read_in_pieces_is_whole() -> None:
    answer = HEAD + b"X-Long: a\r\n b\r\nContent-Length: 8\r\n\r\n" + b'{"a": 1}'

    def pieces() -> Iterable[bytes]:
        for one in answer:
            yield bytes([one])

    assert exchange_with(pieces).answer == {"a": 1}


def test_key_that_comes_back_in_what_is_no_http_is_not_shown() -> None:
    assert "s3cret" not in exchange_with(b"who are you, s3cret-key?\r\n").failure


def test_every_request_has_a_connection_of_its_own() -> None:
    """A server that closes the one it said it would keep, which is its right, is not blamed for it."""
    seen: list[bytes] = []

    with answering(HEAD + b"Connection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", reset=True, seen=seen) as url:
        transport = HttpTransport(url, CONTRACT)
        answers = [transport.send(Case("x", "embed_image", "", {})) for _ in range(5)]

    assert [answer.failure for answer in answers] == [""] * 5
    assert len(seen) == 5


def test_allowance_counts_time_from_its_beginning_and_bytes_from_its_parts() -> None:
    now = [100.0]
    allowance = _Allowance(5, clock=lambda: now[0])

    now[0] += 3
    assert allowance.seconds() == 2
    allowance.begin("a body", 2**20)
    allowance.spend(2**20)
    with pytest.raises(TooMuchError, match="it sends a body of more than 1 MiB"):
        allowance.spend(1)
    now[0] += 2
    with pytest.raises(TooLateError, match="no whole answer within 5 s"):
        allowance.seconds()
