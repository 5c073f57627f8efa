"""The mock behind a socket: slow and stalled senders, bodies of every kind, and how it stops."""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from mock_server import Settings, create_app
from mock_server.serving.server import serve
from mock_server.serving.workers import Workers
from tests.servers import ROOT, command_serving

PATH = "/sam3/concept_segment?api_key=any"
IMAGE = {"type": "url", "value": "https://example.com/dog.jpg"}
BODY = json.dumps({"image": IMAGE, "prompts": [{"text": "dog"}]}).encode()
HEAD = b"POST /sam3/concept_segment?api_key=any HTTP/1.1\r\nHost: mock\r\nContent-Type: application/json\r\n"
MEBIBYTE = 1024 * 1024
PATIENCE = 30.0  # seconds that a test waits for what has to come


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[str, int]]:
    """Host and port of a mock that waits one second for what a client has to send."""
    with command_serving("--read-timeout", "1") as url:
        parts = urlsplit(url)
        yield parts.hostname or "", parts.port or 0


def connected(place: tuple[str, int]) -> socket.socket:
    return socket.create_connection(place, timeout=PATIENCE)


def ask(place: tuple[str, int], method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(*place, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()


def sent(place: tuple[str, int], content: bytes) -> bytes:
    """Send bytes as they are; return all that comes until the server closes."""
    with connected(place) as channel:
        channel.sendall(content)
        return b"".join(iter(lambda: channel.recv(65536), b""))


def body_of(size: int) -> bytes:
    """A good request of a size, in bytes."""
    return BODY[:-1] + b" " * (size - len(BODY)) + BODY[-1:]


# ---------------------------------------------------------------- senders that take their time


def test_stalled_bodies_hold_up_nobody_and_end_in_time(place: tuple[str, int]) -> None:
    with contextlib.ExitStack() as stack:
        stalled = [stack.enter_context(connected(place)) for _ in range(150)]
        for channel in stalled:
            channel.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        assert ask(place, "POST", PATH, BODY)[0] == 200
        for channel in stalled:
            answer = http.client.HTTPResponse(channel)
            answer.begin()
            assert (answer.status, json.loads(answer.read())) == (408, {"detail": "Request Timeout"})
            assert channel.recv(1) == b""


def test_dripping_body_ends_in_time(place: tuple[str, int]) -> None:
    pause = threading.Event()
    with connected(place) as channel:
        channel.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(1000):
                channel.sendall(b" ")
                pause.wait(0.02)
        # Reset, if a drop came after the end; else the answer and the end.
        with contextlib.suppress(ConnectionError):
            assert channel.recv(65536).startswith(b"HTTP/1.1 408 ")


def test_stalled_chunks_end_in_time(place: tuple[str, int]) -> None:
    with connected(place) as channel:
        channel.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{")

        assert channel.recv(65536).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "content", [b"", b"POST /sam3", HEAD, HEAD + b"X-Slow: "], ids=["nothing", "line", "head", "name"]
)
def test_connection_that_never_sends_a_whole_head_is_closed(place: tuple[str, int], content: bytes) -> None:
    assert b"200 OK" not in sent(place, content)


def test_idle_connections_leave_room_for_others(place: tuple[str, int]) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(connected(place))

        assert ask(place, "GET", "/healthz")[0] == 200


def test_of_too_many_connections_the_one_that_waited_longest_ends() -> None:
    with command() as (_, place), contextlib.ExitStack() as stack:
        first, *_, last = (stack.enter_context(connected(place)) for _ in range(300))
        first.settimeout(PATIENCE / 3)  # long before it would end by itself

        assert first.recv(1) == b""
        last.sendall(b"GET /healthz HTTP/1.1\r\nHost: mock\r\n\r\n")
        assert last.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_waiting_requests_hold_up_nobody(place: tuple[str, int]) -> None:
    with ThreadPoolExecutor(40) as clients:
        slow = [clients.submit(ask, place, "POST", PATH, BODY, **{"X-Mock-Fault": "slow:3"}) for _ in range(40)]
        quick = [ask(place, "POST", PATH, BODY)[0] for _ in range(5)]
        waiting = sum(not one.done() for one in slow)

    assert quick == [200] * 5
    assert waiting > 0
    assert [one.result()[0] for one in slow] == [200] * 40


def test_bodies_are_dropped_by_clients_that_go_away(place: tuple[str, int]) -> None:
    for _ in range(20):
        with connected(place) as channel:
            channel.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n" + bytes(10_000))

    assert ask(place, "POST", PATH, BODY)[0] == 200


# ---------------------------------------------------------------- bodies of every kind


def test_answers_are_those_of_the_application(place: tuple[str, int]) -> None:
    client = create_app().test_client()

    for method, path, body in (
        ("POST", PATH, BODY),
        ("POST", "/sam3/visual_segment?api_key=any", json.dumps({"image": IMAGE, "format": "binary"}).encode()),
        ("POST", PATH, b"{"),
        ("POST", "/sam3/concept_segment", BODY),
        ("GET", "/healthz", None),
        ("DELETE", PATH, None),
        ("GET", "/%E2%82%AC/%ff%00?api_key=%20", None),
        ("GET", "/caf%C3%A9?api_key=any", None),
    ):
        over_socket = ask(place, method, path, body)
        in_process = client.open(path, method=method, data=body, content_type="application/json")
        assert over_socket == (in_process.status_code, in_process.data)


def test_head_and_kept_connections_work(place: tuple[str, int]) -> None:
    connection = http.client.HTTPConnection(*place, timeout=PATIENCE)
    with contextlib.closing(connection):
        for method, body in (("HEAD", b""), ("GET", b'{"status":"healthy"}'), ("HEAD", b"")):
            connection.request(method, "/healthz")
            answer = connection.getresponse()
            assert (answer.status, answer.headers["content-length"], answer.read()) == (200, "20", body)


def test_chunked_body_is_read(place: tuple[str, int]) -> None:
    parts = [BODY[:7], BODY[7:50], BODY[50:]]

    assert ask(place, "POST", PATH, iter(parts)) == ask(place, "POST", PATH, BODY)


def test_key_in_a_chunked_body_is_not_found(place: tuple[str, int]) -> None:
    """As in the service, which looks into a body only if its length is told."""
    body = json.dumps({**json.loads(BODY), "api_key": "any"}).encode()

    assert ask(place, "POST", "/sam3/concept_segment", body)[0] == 200
    assert ask(place, "POST", "/sam3/concept_segment", iter([body])) == (
        401,
        b'{"status":401,"message":"Unauthorized api_key"}',
    )


def test_broken_chunks_are_refused(place: tuple[str, int]) -> None:
    answer = sent(place, HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")

    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 422 "))


def test_http_1_0_is_answered_and_closed(place: tuple[str, int]) -> None:
    head = HEAD.replace(b"HTTP/1.1", b"HTTP/1.0")

    answer = sent(place, head + f"Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")  # as uvicorn says, which the service is behind
    assert answer.endswith(ask(place, "POST", PATH, BODY)[1])


@pytest.mark.parametrize("chunked", [False, True])
def test_body_just_under_20_mib_is_taken(place: tuple[str, int], chunked: bool) -> None:
    body = body_of(20 * MEBIBYTE)

    sending = (body[start : start + MEBIBYTE] for start in range(0, len(body), MEBIBYTE)) if chunked else body
    assert ask(place, "POST", PATH, sending)[0] == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_sender_of_a_body_too_large_sees_the_413_and_may_go_on(place: tuple[str, int], chunked: bool) -> None:
    body = bytes(25 * MEBIBYTE)
    connection = http.client.HTTPConnection(*place, timeout=PATIENCE)

    with contextlib.closing(connection):
        # The standard library sends all of it before it looks for an answer.
        connection.request("POST", PATH, iter([body]) if chunked else body)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (
            413,
            {"message": f"The body is larger than {20 * MEBIBYTE} bytes."},
        )
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200


def test_413_does_not_wait_for_the_body(place: tuple[str, int]) -> None:
    with connected(place) as channel:
        channel.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 999999999999\r\n\r\n")

        assert channel.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_answer_in_parts_is_passed_on(place: tuple[str, int]) -> None:
    whole = ask(place, "POST", PATH, BODY)

    assert ask(place, "POST", PATH, BODY, **{"X-Mock-Fault": "body_drips:0.1"}) == whole


@pytest.mark.parametrize(("when", "error"), [("before", ConnectionError), ("middle", http.client.IncompleteRead)])
def test_connection_that_the_application_breaks_off_ends_early(
    place: tuple[str, int], when: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask(place, "POST", PATH, BODY, **{"X-Mock-Fault": f"connection_reset:{when}"})

    assert ask(place, "POST", PATH, BODY)[0] == 200


# ---------------------------------------------------------------- the end


@contextmanager
def command(*options: str, program: str = "") -> Iterator[tuple[subprocess.Popen[str], tuple[str, int]]]:
    arguments = ["serve", "--port", "0", *options]
    with subprocess.Popen(
        [sys.executable, *(("-c", program) if program else ("-m", "sam3_contract")), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            parts = urlsplit(process.stdout.readline().split()[4])
            yield process, (parts.hostname or "", parts.port or 0)
        finally:
            process.kill()


def wait_until_refused(place: tuple[str, int]) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.01)):
        try:
            connected(place).close()
        except ConnectionError:
            return
        pause.wait(0.01)
    raise AssertionError(f"{place} still takes connections")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("tell", "ending"),
    [(os.kill, signal.SIGTERM), (os.kill, signal.SIGINT), (os.killpg, signal.SIGINT)],
    ids=["terminated", "interrupted", "Ctrl-C"],
)
def test_request_under_way_is_answered_when_the_server_is_stopped(
    tell: Callable[[int, int], None], ending: signal.Signals, workers: int
) -> None:
    """Ctrl-C in a terminal interrupts the workers too."""
    body = json.dumps({"image": IMAGE}).encode()
    head = HEAD.replace(b"concept_segment", b"embed_image") + f"Content-Length: {len(body)}\r\n".encode()

    with (
        command("--latency", "real", "--workers", str(workers)) as (process, place),
        connected(place) as watching,
        connected(place) as channel,
    ):
        watching.sendall(b"GET /playground/journal HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert watching.recv(1024).startswith(b"HTTP/1.1 200 OK")  # a stream that ends only with the server
        channel.sendall(head + b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        assert channel.recv(1024).startswith(b"HTTP/1.1 100 Continue")  # now it is under way
        tell(process.pid, ending)
        wait_until_refused(place)
        channel.sendall(body)
        answer = b"".join(iter(lambda: channel.recv(65536), b""))
        assert b"".join(iter(lambda: watching.recv(65536), b"")).endswith(b"0\r\n\r\n")
        out, err = process.communicate(timeout=PATIENCE)

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["time"] > 0.1
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.skipif(sys.platform != "linux", reason="the workers are found in /proc")
def test_worker_that_is_interrupted_itself_goes_on() -> None:
    """Ctrl-C reaches all: a worker that ended by itself before it is told to would be taken for one that crashed."""
    with command("--workers", "2") as (process, place):
        for worker in (before := children_of(process.pid)):
            os.kill(worker, signal.SIGINT)
        for _ in range(50):
            ask(place, "GET", "/healthz")
        after = children_of(process.pid)
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE)

    assert after == before
    assert (process.returncode, out, err) == (0, "", "")


def test_stop_does_not_wait_for_ever_for_a_stalled_sender() -> None:
    with command() as (process, place), connected(place) as channel:
        channel.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n")
        assert channel.recv(1024).startswith(b"HTTP/1.1 100 Continue")
        process.terminate()

        assert process.wait(timeout=PATIENCE) == 0


def request(fault: str) -> bytes:
    return HEAD + b"X-Mock-Fault: %s\r\nContent-Length: %d\r\n\r\n" % (fault.encode(), len(BODY)) + BODY


def test_stop_ends_what_takes_longer_than_it_has_and_says_nothing() -> None:
    with command() as (process, place), contextlib.ExitStack() as stack:
        for fault in ("slow:600", "body_drips:600"):
            channel = stack.enter_context(connected(place))
            channel.sendall(request(fault))
        assert channel.recv(65536).startswith(b"HTTP/1.1 200 OK")  # both are under way
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.skipif(sys.platform != "linux", reason="the workers are found in /proc")
def test_stop_ends_a_worker_that_hangs() -> None:
    with command() as (process, _):
        for worker in children_of(process.pid):
            os.kill(worker, signal.SIGSTOP)
        process.terminate()

        assert process.wait(timeout=PATIENCE) == 0


def test_connections_that_end_early_are_nothing_to_tell() -> None:
    with command() as (process, place):
        with pytest.raises(http.client.IncompleteRead):
            ask(place, "POST", PATH, BODY, **{"X-Mock-Fault": "connection_reset:middle"})
        for fault in ("slow:0.5", "connection_reset:before"):
            with connected(place) as channel:
                channel.sendall(request(fault) * 4)  # pipelined, by a client that does not wait for the answers
        assert ask(place, "GET", "/healthz")[0] == 200
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out, err) == (0, "", "")


def test_head_behind_a_request_that_is_under_way_is_not_read_without_an_end(place: tuple[str, int]) -> None:
    with connected(place) as channel:
        channel.sendall(request("slow:600") + HEAD + b"X-Long: ")
        channel.settimeout(2)

        with pytest.raises(TimeoutError):  # what the system takes by itself is less
            channel.sendall(b"x" * 2**25)


def test_access_log_goes_to_standard_error_and_the_url_to_standard_output() -> None:
    with command("--access-log", "json") as (process, place):
        ask(place, "POST", "/sam3/concept_segment?api_key=a-secret-key", BODY)
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE)

    lines = [json.loads(line) for line in err.splitlines()]
    assert out == ""
    assert [line["status"] for line in lines if line["operation"] == "concept_segment"] == [200]
    assert "a-secret-key" not in err


def test_what_libraries_print_of_damaged_images_does_not_fill_a_pipe() -> None:
    file = io.BytesIO()
    Image.effect_noise((40, 30), 50).save(file, "PNG")
    damaged = file.getvalue()[:100] + b"damage" + file.getvalue()[106:]
    picture = {"type": "base64", "value": base64.b64encode(damaged).decode()}
    body = json.dumps({"image": picture, "prompts": [{"text": "dog"}]})

    with command("--access-log", "json") as (process, place):
        status = ask(place, "POST", "/sam3/concept_segment?api_key=a-secret-key", body.encode())[0]
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE)

    assert status == 400
    assert json.loads(err.splitlines()[-1])["status"] == 400
    assert all(line.startswith("{") for line in err.splitlines())


def children_of(pid: int) -> set[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return set(map(int, listed.split()))


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_answers_behind_a_server_that_was_killed(workers: int, tmp_path: Path) -> None:
    ready = tmp_path / "ready"

    with command("--workers", str(workers), "--ready-file", str(ready)) as (process, place):
        assert ready.read_text(encoding="utf-8") == f"http://{place[0]}:{place[1]}\n"
        process.kill()
        wait_until_refused(place)

        assert not ready.exists()
        assert socket.create_server(place).close() is None  # the port is free


def test_closing_the_terminal_ends_the_server(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as these tests may be run by nohup themselves
    try:
        with command("--ready-file", str(ready)) as (process, place):
            os.killpg(process.pid, signal.SIGHUP)

            assert process.wait(timeout=PATIENCE) == 0
            wait_until_refused(place)
            assert not ready.exists()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_folder_that_the_server_starts_in_may_be_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[object] = []
    monkeypatch.setattr(Workers, "serve", lambda self, **_: begun.append(self))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gone").mkdir()
    os.chdir("gone")
    (tmp_path / "gone").rmdir()

    serve(Settings(), host="127.0.0.1", port=0)

    assert len(begun) == 1


def test_server_that_is_told_to_outlive_its_terminal_does() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does; processes inherit it
    try:
        with command() as (process, place):
            os.killpg(process.pid, signal.SIGHUP)

            assert ask(place, "GET", "/healthz")[0] == 200
            assert process.poll() is None
    finally:
        signal.signal(signal.SIGHUP, before)


SPAWNING = """
import multiprocessing, sys
from mock_server.serving import server, workers
from sam3_contract.cli import main
server.CONTEXT = workers.CONTEXT = multiprocessing.get_context("spawn")
main(sys.argv[1:])
"""


def test_workers_are_started_where_processes_share_no_memory() -> None:
    """As on macOS and Windows."""
    with command("--workers", "2", program=SPAWNING) as (process, place):
        assert ask(place, "POST", PATH, BODY)[0] == 200
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize("workers", [1, 2])
def test_worker_that_dies_is_replaced(workers: int) -> None:
    with command("--workers", str(workers)) as (process, place):
        before = children_of(process.pid)
        victim = max(before)
        os.kill(victim, signal.SIGKILL)
        pause = threading.Event()
        while len(children_of(process.pid) - {victim}) < len(before):
            pause.wait(0.01)

        # Until the new one listens, connections that it was to take may be refused.
        def answered() -> bool:
            with contextlib.suppress(OSError, http.client.HTTPException):
                return ask(place, "POST", PATH, BODY)[0] == 200
            return False

        assert any(answered() or pause.wait(0.05) for _ in range(int(PATIENCE / 0.05)))
        assert process.poll() is None


# ---------------------------------------------------------------- uploads that do not end as they should

CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = b"%x\r\n%s\r\n" % (len(BODY), BODY)


@pytest.mark.parametrize(
    "chunks",
    [
        WHOLE + b"zz\r\n",
        b"zz\r\n{}\r\n0\r\n\r\n",
        WHOLE + b"-5\r\nabcde\r\n0\r\n\r\n",
        WHOLE + b"ffffffffffffffffff\r\n",
        b"%x\r\n%s0\r\n\r\n" % (len(BODY), BODY),
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY) - 3, BODY),
        WHOLE + b"0\r\nno field\r\n\r\n",
    ],
    ids=["size", "first size", "negative", "huge", "no line end", "too short", "field"],
)
def test_malformed_chunk_is_refused_though_the_body_before_it_was_whole(place: tuple[str, int], chunks: bytes) -> None:
    answer = sent(place, HEAD + CHUNKED + chunks)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"Invalid HTTP request received.")


@pytest.mark.parametrize(
    "chunks", [WHOLE, WHOLE[:-20], b"%x\r\n%s" % (len(BODY) + 10, BODY)], ids=["last", "cut", "end"]
)
def test_upload_that_breaks_off_is_not_answered(place: tuple[str, int], chunks: bytes) -> None:
    with connected(place) as channel:
        channel.sendall(HEAD + CHUNKED + chunks)
        channel.shutdown(socket.SHUT_WR)

        assert channel.recv(65536) == b""


def test_first_of_two_headers_counts_where_the_service_reads_one(place: tuple[str, int]) -> None:
    heads = [HEAD + b"Content-Type: text/plain\r\n", HEAD.replace(b"Host", b"Content-Type: text/plain\r\nHost")]

    first, second = (sent(place, head + b"Connection: close\r\n" + CHUNKED + WHOLE + b"0\r\n\r\n") for head in heads)

    assert first.startswith(b"HTTP/1.1 200 OK")
    assert second.startswith(b"HTTP/1.1 422 ")


@pytest.mark.parametrize("head", [b"", b"Trailer: Expires\r\n"], ids=["plain", "with a field behind it"])
def test_sound_chunks_are_taken(place: tuple[str, int], head: bytes) -> None:
    end = b"0\r\nExpires: never\r\n\r\n" if head else b"0\r\n\r\n"

    answer = sent(
        place,
        HEAD
        + head
        + b"Connection: close\r\n"
        + CHUNKED
        + b"5;a=b\r\n"
        + BODY[:5]
        + b"\r\n"
        + b"%x\r\n%s\r\n" % (len(BODY) - 5, BODY[5:])
        + end,
    )

    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_offer_of_another_protocol_is_passed_over(place: tuple[str, int]) -> None:
    """Java's HttpClient makes it with its first request, whose body is to be read all the same."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
    head = HEAD + offer + b"Content-Length: %d\r\n\r\n" % len(BODY)

    with connected(place) as channel:
        channel.sendall(head + BODY)
        answer = http.client.HTTPResponse(channel)
        answer.begin()

        assert (answer.status, answer.read()) == ask(place, "POST", PATH, BODY)


def test_head_without_an_end_is_refused(place: tuple[str, int]) -> None:
    with connected(place) as channel:
        channel.sendall(HEAD + b"X-Long: " + b"x" * 2**17)

        assert channel.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_coding_that_nobody_reads_is_refused(place: tuple[str, int]) -> None:
    answer = sent(place, HEAD + b"Connection: close\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + WHOLE + b"0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")


# ---------------------------------------------------------------- clients that go away


@pytest.mark.parametrize("fault", [b"slow:600", b"body_drips:600"])
def test_requests_that_nobody_waits_for_hold_no_thread(place: tuple[str, int], fault: bytes) -> None:
    head = HEAD + b"X-Mock-Fault: " + fault + b"\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    with contextlib.ExitStack() as stack:
        for _ in range(250):
            channel = stack.enter_context(connected(place))
            channel.sendall(head + BODY)
        # Under way: all that a client sends at once is read before it goes.
        assert ask(place, "GET", "/healthz")[0] == 200

    # As many as there are threads, each of which needs one.
    with ThreadPoolExecutor(40) as clients:
        asked = [clients.submit(ask, place, "POST", PATH, BODY, **{"X-Mock-Fault": "slow:0.01"}) for _ in range(100)]
        assert [one.result()[0] for one in asked] == [200] * 100


# ---------------------------------------------------------------- the journal, as the page follows it


def test_journal_comes_in_one_stream_that_goes_on_where_another_ended(place: tuple[str, int]) -> None:
    def follow(seen: bytes = b"") -> tuple[socket.socket, Callable[[int], list[int]]]:
        channel = connected(place)
        channel.sendall(b"GET /playground/journal HTTP/1.1\r\nHost: 127.0.0.1\r\n" + seen + b"\r\n")
        came = b""

        def numbers(count: int) -> list[int]:
            nonlocal came
            while came.count(b"\n\n\r\n") < count:  # the end of a chunk
                came += channel.recv(65536)
            assert b"retry:" not in came
            return [int(number) for number in re.findall(rb"^id: (\d+)$", came, re.MULTILINE)]

        return channel, numbers

    ask(place, "POST", PATH, BODY)
    first, numbers = follow()
    with first:
        told = numbers(1)
        for count in (2, 3):
            ask(place, "POST", PATH, BODY)
            assert numbers(count) == [*told, *range(told[-1] + 1, told[-1] + count)]
        last = told[-1] + 2
    ask(place, "POST", PATH, BODY)
    again, numbers = follow(b"Last-Event-ID: %d\r\n" % last)
    with again:
        assert numbers(1) == [last + 1]
