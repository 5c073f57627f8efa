"""Waits for a server of this process that are over at once: none of these tests takes the time that it is about."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
import requests

from mock_server.http.pauses import CLOCK
from sam3_contract.interception import create_mock
from sam3_contract.interception.thread_server import ThreadServer
from sam3_contract.interception.trial import Trial, on_trial
from sam3_contract.interception.waiting import ServedClock, hastened
from sam3_contract.mutation.limits import Hang, let_pass, time_limit

BODY = {"image": {"type": "url", "value": "https://example.com/dog.jpg"}, "prompts": [{"text": "dog"}]}
PATH = "/sam3/concept_segment?api_key=a-key-of-many-letters"


@pytest.fixture
def url() -> Iterator[str]:
    mock = create_mock()
    with ThreadServer() as server:
        server.app = mock
        yield server.url
        mock.end()


def _by_requests(url: str, timeout: float | None) -> int:
    return requests.post(url + PATH, json=BODY, timeout=timeout).status_code


def _by_httpx(url: str, timeout: float | None) -> int:
    return httpx.post(url + PATH, json=BODY, timeout=timeout, trust_env=False).status_code


def _by_hand(url: str, timeout: float | None) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


_CLIENTS = pytest.mark.parametrize("ask", [_by_requests, _by_httpx, _by_hand])


def tried(fault: str, run: Callable[[], object], *, seconds: float = 100) -> tuple[Trial, BaseException | object]:
    trial = Trial(fault)
    trial.passes = let_pass
    try:
        with on_trial(trial), time_limit(seconds, release=trial.end):
            return trial, run()
    except (Exception, Hang) as error:
        return trial, error


@pytest.mark.parametrize("ask", [_by_requests, _by_httpx])
def test_answer_that_comes_too_late_is_a_timeout_at_once(ask: Callable[..., int], url: str) -> None:
    trial, error = tried("slow:600", lambda: ask(url, 30))

    assert isinstance(error, requests.ReadTimeout | httpx.ReadTimeout)
    assert [(one.status, one.is_cut) for one in trial.answers] == [(200, True)]
    assert not trial.needs_patience(failed=True, hung=False)


@pytest.mark.parametrize("ask", [_by_requests, _by_httpx])
@pytest.mark.parametrize("fault", ["slow:600", "body_drips:600"])
@pytest.mark.parametrize("patience", [None, 150])
def test_who_would_wait_longer_than_the_run_may_take_hangs_at_once(
    ask: Callable[..., int], fault: str, patience: float | None, url: str
) -> None:
    trial, error = tried(fault, lambda: ask(url, patience))

    assert isinstance(error, Hang)
    assert not trial.needs_patience(failed=False, hung=True)


@pytest.mark.parametrize("ask", [_by_requests, _by_httpx])
def test_answer_that_is_waited_for_comes_at_once_and_the_run_is_to_be_run_again(
    ask: Callable[..., int], url: str
) -> None:
    trial, status = tried("slow:20", lambda: ask(url, 30))

    assert status == 200
    assert trial.needs_patience(failed=False, hung=False)


def test_request_behind_a_late_answer_is_noted_behind_it(url: str) -> None:
    def again() -> int:
        with pytest.raises(requests.ReadTimeout):
            _by_requests(url, 30)
        return _by_requests(url, 30)

    trial, status = tried("slow:600:1", again)

    assert status == 200
    assert [one.is_cut for one in trial.answers] == [True, False]


@_CLIENTS
def test_without_a_fault_nothing_is_otherwise(ask: Callable[..., int], url: str) -> None:
    with hastened():
        assert ask(url, 30) == 200


def test_sockets_are_as_before_behind_a_trial() -> None:
    before = socket.socket.recv, socket.socket.recv_into
    with hastened(), hastened():
        assert (socket.socket.recv, socket.socket.recv_into) != before

    assert (socket.socket.recv, socket.socket.recv_into) == before
    assert not {"recv", "recv_into"} & vars(socket.socket).keys()


def test_sockets_that_a_test_puts_in_the_place_of_others_are_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    class Guarded(socket.socket):
        """As of pytest-socket: there when a trial begins, and gone when it ends."""

    with monkeypatch.context() as patched:
        patched.setattr(socket, "socket", Guarded)
        trial = hastened()
        trial.__enter__()
        assert {"recv", "recv_into"} <= vars(Guarded).keys()
    trial.__exit__(None, None, None)

    assert not {"recv", "recv_into"} & (vars(Guarded).keys() | vars(socket.socket).keys())
    monkeypatch.setattr(socket, "socket", lambda: None)
    with hastened():
        assert socket.socket() is None


def test_who_says_not_to_wait_does_not(url: str) -> None:
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port or 0))
    with connection, hastened(), pytest.raises(BlockingIOError):
        connection.recv(1, socket.MSG_DONTWAIT)


def test_other_threads_wait_as_they_do() -> None:
    clocks: list[bool] = []
    mock = create_mock()

    def app(environ: dict[str, object], start_response: object) -> object:
        clock = environ[CLOCK]
        assert isinstance(clock, ServedClock)
        clock.passes = lambda _: True
        clocks.append(clock.let_pass(600))
        return mock(environ, start_response)

    with ThreadServer() as server, hastened():
        server.app = app  # type: ignore[assignment]
        thread = threading.Thread(target=_by_requests, args=(server.url, 30))
        thread.start()
        thread.join()
        assert _by_requests(server.url, None) == 200

    assert clocks == [False, True]


def test_nothing_passes_behind_a_trial() -> None:
    assert not ServedClock(1).let_pass(600)
