"""Calls to the hosted service end in the mock, whoever makes them; nothing else gets out."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import socket
import subprocess
import sys
import threading
import unittest
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import responses
import respx
from urllib3.util import Timeout

import sam3_contract
from mock_server import Settings, create_app
from sam3_contract.errors import NetworkRefusedError, UsageError
from sam3_contract.interception import LocalMock, dispatch, guard, libraries
from tests.servers import serving

HOST = "https://serverless.roboflow.com"
URL = f"{HOST}/sam3/concept_segment"
ELSEWHERE = "https://api.example.com/v1"
IMAGE = {"type": "url", "value": "https://example.com/dog.jpg"}
BODY = {"image": IMAGE, "prompts": [{"type": "text", "text": "dog"}], "format": "rle"}
KEY = {"api_key": "any"}

Reply = tuple[int, bytes]
Ask = Callable[..., Reply]


def by_requests(url: str, *, method: str = "POST", timeout: float | None = None) -> Reply:
    answer = requests.request(method, url, params=KEY, json=BODY, timeout=timeout)
    return answer.status_code, answer.content


def by_httpx(url: str, *, method: str = "POST", timeout: float | None = None) -> Reply:
    answer = httpx.request(method, url, params=KEY, json=BODY, timeout=timeout)
    return answer.status_code, answer.content


def by_httpx_async(url: str, *, method: str = "POST", timeout: float | None = None) -> Reply:
    async def ask() -> Reply:
        async with httpx.AsyncClient(timeout=timeout) as client:
            answer = await client.request(method, url, params=KEY, json=BODY)
            return answer.status_code, answer.content

    return asyncio.run(ask())


def by_aiohttp(url: str, *, method: str = "POST", timeout: float | None = None) -> Reply:
    async def ask() -> Reply:
        wait = aiohttp.ClientTimeout(total=timeout)
        async with (
            aiohttp.ClientSession(timeout=wait) as session,
            session.request(method, url, params=KEY, json=BODY) as answer,
        ):
            return answer.status, await answer.read()

    return asyncio.run(ask())


ALL = [by_requests, by_httpx, by_httpx_async, by_aiohttp]
LATE: list[tuple[Ask, type[Exception]]] = [
    (by_requests, requests.ReadTimeout),
    (by_httpx, httpx.ReadTimeout),
    (by_httpx_async, httpx.ReadTimeout),
    (by_aiohttp, TimeoutError),
]

CUT: list[tuple[Ask, type[Exception], type[Exception]]] = [
    (by_requests, requests.ConnectionError, requests.exceptions.ChunkedEncodingError),
    (by_httpx, httpx.RemoteProtocolError, httpx.RemoteProtocolError),
    (by_httpx_async, httpx.RemoteProtocolError, httpx.RemoteProtocolError),
    (by_aiohttp, aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError),
]


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Whatever a test does, libraries are as they were and no thread goes on."""
    send, threads = requests.adapters.HTTPAdapter.send, set(threading.enumerate())
    handle = httpx.HTTPTransport.handle_request

    yield

    assert requests.adapters.HTTPAdapter.send is send
    assert "connect" not in vars(aiohttp.TCPConnector)
    assert httpx.HTTPTransport.handle_request is handle
    assert guard.GUARD._policies == ()
    left = [thread for thread in threading.enumerate() if thread not in threads and "AnyIO" not in thread.name]
    for thread in left:
        thread.join(5)
        assert not thread.is_alive(), thread


@pytest.mark.parametrize("ask", ALL)
def test_library_gets_the_mocks_answer_at_the_services_url(ask: Ask) -> None:
    expected = create_app().test_client().post("/sam3/concept_segment", query_string=KEY, json=BODY).data

    with sam3_contract.intercept() as mock:
        assert ask(URL) == (200, expected)

    (seen,) = mock.requests
    assert (seen.operation, seen.texts, seen.status) == ("concept_segment", ["dog"], 200)


@pytest.mark.parametrize("ask", ALL)
def test_library_gets_refusals_and_other_methods_too(ask: Ask) -> None:
    with sam3_contract.intercept(settings=Settings(api_keys=frozenset({"another"}))) as mock:
        assert ask(URL)[0] == 401
        mock.use(api_keys=None)
        assert ask(URL, method="PUT")[0] == 405
        assert ask(f"{HOST}/sam3/nothing")[0] == 404


@pytest.mark.parametrize("ask", ALL)
def test_library_is_refused_any_other_host(ask: Ask) -> None:
    with sam3_contract.intercept(), pytest.raises(NetworkRefusedError) as refused:
        ask(ELSEWHERE)

    assert (refused.value.host, refused.value.port) == ("api.example.com", 443)
    assert "intercept(allow=['api.example.com'])" in str(refused.value)
    assert "intercept(hosts=['api.example.com'])" in str(refused.value)


@pytest.mark.parametrize("ask", ALL)
def test_library_reaches_loopback_and_allowed_hosts(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def to_loopback(host: Any, *rest: Any, **more: Any) -> Any:
        if host in {"service.test", b"service.test"}:
            sys.audit("socket.getaddrinfo", host, rest[0] if rest else more.get("port"), 0, 0, 0)
            host = "127.0.0.1"
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", to_loopback)
    with serving(create_app()) as url, sam3_contract.intercept(allow=["service.test"]) as mock:
        port = url.rpartition(":")[2]
        assert ask(f"{url}/sam3/concept_segment")[0] == 200
        assert ask(f"http://localhost:{port}/sam3/concept_segment")[0] == 200
        assert ask(f"http://service.test:{port}/sam3/concept_segment")[0] == 200

    assert mock.requests == []


@pytest.mark.parametrize("ask", ALL)
def test_library_is_refused_loopback_if_told_so(ask: Ask) -> None:
    with serving(create_app()) as url, sam3_contract.intercept(loopback=False):
        assert ask(URL)[0] == 200
        with pytest.raises(NetworkRefusedError, match=r"refused 127\.0\.0\.1 port"):
            ask(url)


@pytest.mark.parametrize("ask", ALL)
def test_other_hosts_are_answered_if_given(ask: Ask) -> None:
    with sam3_contract.intercept(hosts=["sam.example.com", HOST]) as mock:
        assert ask("http://SAM.example.com/sam3/concept_segment")[0] == 200
        assert ask(URL)[0] == 200

    assert len(mock.requests) == 2


@pytest.mark.parametrize(("ask", "error"), LATE)
def test_client_sees_its_own_timeout_when_the_mock_is_slow(ask: Ask, error: type[Exception]) -> None:
    with sam3_contract.intercept() as mock:
        mock.scenario(answers=[{"delay": 0.3}, "normal"])

        with pytest.raises(error):
            ask(URL, timeout=0.1)
        assert ask(URL, timeout=30)[0] == 200


@pytest.mark.parametrize(("ask", "nothing", "half"), CUT)
def test_client_sees_its_own_error_when_the_connection_ends(
    ask: Ask, nothing: type[Exception], half: type[Exception]
) -> None:
    with sam3_contract.intercept() as mock:
        mock.faults = ["connection_reset:before"]
        with pytest.raises(nothing):
            ask(URL)
        mock.faults = ["connection_reset:middle"]
        with pytest.raises(half):
            ask(URL)


@pytest.mark.parametrize("ask", [by_httpx_async, by_aiohttp])
def test_slow_answer_does_not_stop_the_event_loop(ask: Ask) -> None:
    async def both() -> list[str]:
        order: list[str] = []

        async def slow() -> None:
            if ask is by_aiohttp:
                async with aiohttp.ClientSession() as session, session.post(URL, params=KEY, json=BODY) as answer:
                    await answer.read()
            else:
                async with httpx.AsyncClient() as client:
                    await client.post(URL, params=KEY, json=BODY)
            order.append("answered")

        task = asyncio.create_task(slow())
        while not mock.journal.requests and not order:
            order.append("loop ran") if "loop ran" not in order else None
            await asyncio.sleep(0.01)
        await task
        return order

    with sam3_contract.intercept() as mock:
        mock.scenario(answers=[{"delay": 0.2}])
        assert asyncio.run(both()) == ["loop ran", "answered"]


def test_sessions_opened_before_are_caught_and_free_afterwards() -> None:
    async def of_aiohttp(url: str) -> list[int]:
        async with aiohttp.ClientSession(HOST) as session:
            with sam3_contract.intercept():
                async with session.post("/sam3/concept_segment", params=KEY, json=BODY) as first:
                    statuses = [first.status]
            async with session.post(url, params=KEY, json=BODY) as second:
                return [*statuses, second.status]

    session, client = requests.Session(), httpx.Client()
    with serving(create_app()) as url:
        for kept in (session, client):
            with sam3_contract.intercept():
                assert kept.post(URL, params=KEY, json=BODY).status_code == 200
            assert kept.post(f"{url}/sam3/concept_segment", params=KEY, json=BODY).status_code == 200
            kept.close()
        assert asyncio.run(of_aiohttp(f"{url}/sam3/concept_segment")) == [200, 200]


def test_streamed_bodies_arrive_whole() -> None:
    content = requests.Request("POST", URL, json=BODY).prepare().body
    assert isinstance(content, bytes)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer any"}

    with sam3_contract.intercept():
        by_chunks = requests.post(URL, data=(content[i : i + 10] for i in range(0, len(content), 10)), headers=headers)
        assert by_chunks.status_code == 200
        sent = httpx.post(URL, content=iter([content[:9], content[9:]]), headers=headers)
        assert sent.content == by_chunks.content
        whole = b"".join(requests.post(URL, params=KEY, json=BODY, stream=True).iter_content(7))
        assert whole == by_chunks.content


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO, lambda content: iter([content.decode()])])
def test_bodies_of_any_kind_that_requests_sends_arrive(kind: Callable[[bytes], Any]) -> None:
    content = json.dumps(BODY).encode()

    with sam3_contract.intercept():
        answer = requests.post(URL, params=KEY, data=kind(content), headers={"Content-Type": "application/json"})

    assert answer.status_code == 200


def test_body_ends_where_its_length_says_so() -> None:
    content = json.dumps({**BODY, "image_id": "é"}, ensure_ascii=False)

    with sam3_contract.intercept():
        # Requests counts its characters, so that its last byte is cut off.
        answer = requests.post(URL, params=KEY, data=io.StringIO(content), headers={"Content-Type": "application/json"})

    assert answer.json()["detail"][0]["type"] == "json_invalid"


@pytest.mark.parametrize("timeout", [5, (5, 5), (5, None), Timeout(total=5), Timeout(connect=5, read=5)], ids=repr)
def test_timeout_of_any_kind_that_requests_takes_is_kept(timeout: Any) -> None:
    with sam3_contract.intercept():
        assert requests.post(URL, params=KEY, json=BODY, timeout=timeout).status_code == 200


@pytest.mark.parametrize("timeout", [Timeout(total=0.1), Timeout(connect=5, read=0.1), (5, 0.1)], ids=repr)
def test_timeout_of_reading_is_the_one_that_counts(timeout: Any) -> None:
    with sam3_contract.intercept() as mock:
        mock.scenario(answers=[{"delay": 0.3}])
        with pytest.raises(requests.ReadTimeout):
            requests.post(URL, params=KEY, json=BODY, timeout=timeout)


@pytest.mark.parametrize("timeout", [0, -1, "5", (1, 0)])
def test_what_is_no_timeout_to_requests_is_none_to_the_mock(timeout: Any) -> None:
    with sam3_contract.intercept(), pytest.raises(ValueError, match=r"(?i)timeout"):
        requests.post(URL, params=KEY, json=BODY, timeout=timeout)


@pytest.mark.parametrize("ask", ALL)
@pytest.mark.parametrize("host", ["münchen.example", "MÜNCHEN.example.", "xn--mnchen-3ya.example"])
def test_host_is_answered_in_any_writing(ask: Ask, host: str) -> None:
    with sam3_contract.intercept(hosts=[host]):
        assert ask("https://münchen.example/sam3/concept_segment")[0] == 200
        assert ask("https://xn--mnchen-3ya.example/sam3/concept_segment")[0] == 200


def test_any_method_is_answered() -> None:
    with sam3_contract.intercept():
        answers = [library.request("PROPFIND", URL, params=KEY) for library in (requests, httpx)]

    assert [answer.status_code for answer in answers] == [405, 405]


def test_upload_that_asks_first_whether_it_may_come_is_answered() -> None:
    async def ask() -> int:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.post(URL, params=KEY, json=BODY, expect100=True) as answer,
        ):
            return answer.status

    with sam3_contract.intercept():
        assert asyncio.run(ask()) == 200


def test_first_of_two_headers_counts_as_over_a_socket() -> None:
    kinds = [("content-type", kind) for kind in ("application/json", "text/plain")]
    content = json.dumps(BODY).encode()

    with sam3_contract.intercept():
        statuses = [
            httpx.post(URL, params=KEY, content=content, headers=headers).status_code
            for headers in (kinds, kinds[::-1])
        ]

    assert statuses == [200, 422]


def test_decorated_functions_and_coroutines_are_intercepted_each_call_anew() -> None:
    @sam3_contract.intercept()
    def embed(name: str) -> int:
        body = {"image": IMAGE, "image_id": name}
        return requests.post(f"{HOST}/sam3/embed_image", params=KEY, json=body).status_code

    @sam3_contract.intercept()
    async def embed_later(name: str) -> int:
        async with aiohttp.ClientSession() as session:
            body = {"image": IMAGE, "image_id": name}
            async with session.post(f"{HOST}/sam3/embed_image", params=KEY, json=body) as answer:
                return answer.status

    assert embed("a") == 200
    assert embed.__name__ == "embed"
    assert asyncio.run(embed_later("b")) == 200


def test_generator_function_is_not_decorated() -> None:
    def steps() -> Iterator[int]:
        yield 1

    with pytest.raises(UsageError, match="steps yields"):
        sam3_contract.intercept()(steps)


def status_of_a_call() -> int:
    return requests.post(URL, params=KEY, json=BODY).status_code


class _Inherited:
    def test_inherited(self) -> int:
        return status_of_a_call()


def test_tests_of_a_decorated_class_are_intercepted_and_stay_its_tests() -> None:
    @sam3_contract.intercept()
    class TestOfCalls(_Inherited):
        test_data = "is no method"

        def test_method(self) -> int:
            return status_of_a_call()

        @staticmethod
        def test_static() -> int:
            return status_of_a_call()

        @classmethod
        def test_of_class(cls) -> tuple[type, int]:
            return cls, status_of_a_call()

        async def test_coroutine(self) -> int:
            return status_of_a_call()

        def helper(self) -> None:
            raise NetworkRefusedError("was not intercepted", host="")

    assert inspect.isclass(TestOfCalls)
    tests = TestOfCalls()
    assert tests.test_method() == tests.test_static() == tests.test_inherited() == 200
    assert tests.test_of_class() == (TestOfCalls, 200)
    assert asyncio.run(tests.test_coroutine()) == 200
    assert _Inherited.__dict__["test_inherited"] is not TestOfCalls.__dict__["test_inherited"]
    assert not hasattr(_Inherited.test_inherited, "__wrapped__")
    assert not hasattr(TestOfCalls.helper, "__wrapped__")


def test_decorated_classes_run_under_unittest() -> None:
    @sam3_contract.intercept()
    class TestOfCalls(unittest.TestCase):
        def test_passes(self) -> None:
            assert status_of_a_call() == 200

        def test_fails(self) -> None:
            assert status_of_a_call() == 503

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(TestOfCalls).run(result)

    assert (result.testsRun, len(result.failures), len(result.errors)) == (2, 1, 0)


def test_class_without_tests_is_not_decorated() -> None:
    class Helpers:
        def help(self) -> None: ...

    with pytest.raises(UsageError, match=r"Helpers has no method named test\.\.\."):
        sam3_contract.intercept()(Helpers)


@pytest.mark.parametrize("ask", ALL)
def test_calls_take_no_socket(ask: Ask) -> None:
    opened: list[object] = []

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if opened and event in {"socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname"}:
            opened.append((event, arguments))

    sys.addaudithook(refuse)
    opened.append("listening")
    with sam3_contract.intercept():
        assert ask(URL)[0] == 200
    seen, opened[:] = opened[1:], []

    assert seen == []


def test_nothing_is_started_that_is_not_used() -> None:
    threads = set(threading.enumerate())

    with sam3_contract.intercept():
        by_requests(URL)
        assert set(threading.enumerate()) == threads


def test_async_with_yields_the_mock() -> None:
    async def ask() -> LocalMock:
        async with sam3_contract.intercept() as mock, httpx.AsyncClient() as client:
            await client.post(URL, params=KEY, json=BODY)
            return mock

    assert len(asyncio.run(ask()).requests) == 1


def test_inner_interception_answers_first_and_outer_again_after_it() -> None:
    for ask in ALL:
        with sam3_contract.intercept() as outer:
            with sam3_contract.intercept() as inner:
                ask(URL)
            assert (len(outer.requests), len(inner.requests)) == (0, 1)
            ask(URL)
            assert (len(outer.requests), len(inner.requests)) == (1, 1)


def test_inner_interception_for_another_host_leaves_the_outer_its_own() -> None:
    for ask in ALL:
        with sam3_contract.intercept() as outer, sam3_contract.intercept(hosts=["sam.example.com"]) as inner:
            ask(URL)
            ask("https://sam.example.com/sam3/concept_segment")
        assert (len(outer.requests), len(inner.requests)) == (1, 1)


def test_interceptions_of_threads_end_in_any_order() -> None:
    both_open, first_closed = threading.Barrier(2), threading.Event()

    def first() -> None:
        with sam3_contract.intercept():
            both_open.wait(30)
        first_closed.set()

    def second() -> list[int]:
        with sam3_contract.intercept():
            both_open.wait(30)
            assert first_closed.wait(30)
            return [ask(URL)[0] for ask in ALL]

    with ThreadPoolExecutor(2) as pool:
        earlier, later = pool.submit(first), pool.submit(second)
        earlier.result()
        assert later.result() == [200] * len(ALL)


def test_calls_of_many_threads_are_answered() -> None:
    with sam3_contract.intercept() as mock, ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: ALL[n % len(ALL)](URL), range(24)))

    assert len(set(replies)) == 1
    assert len(mock.requests) == 24


def test_libraries_are_restored_when_the_block_fails() -> None:
    @sam3_contract.intercept()
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


def test_error_of_the_block_is_the_one_to_be_seen() -> None:
    def fail() -> None:
        with sam3_contract.intercept() as mock:
            mock.scenario(answers=["normal"])  # never played
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


def test_block_fails_when_a_scenario_was_not_played() -> None:
    with pytest.raises(AssertionError, match="'retry' took no request"), sam3_contract.intercept() as mock:
        mock.scenario(name="retry", answers=[{"status": 503}])


def test_block_ends_at_once_when_an_answer_is_still_held_back() -> None:
    async def give_up() -> None:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(session.post(URL, params=KEY, json=BODY), 0.05)

    with sam3_contract.intercept() as mock:
        mock.scenario(answers=[{"delay": 60}])
        asyncio.run(give_up())

    assert mock.scenarios.unused == []  # what was played can still be asked for


def test_interception_is_not_entered_twice_but_may_be_used_again() -> None:
    interception = sam3_contract.intercept()
    for _ in range(2):
        with interception, pytest.raises(UsageError, match="open already"), interception:
            pass


def test_everything_else_is_refused_too() -> None:
    with sam3_contract.intercept():
        with pytest.raises(NetworkRefusedError, match=r"refused api\.example\.com port 443"):
            urllib.request.urlopen(ELSEWHERE)
        with pytest.raises(NetworkRefusedError, match=r"refused 192\.0\.2\.1 port 80"):
            socket.create_connection(("192.0.2.1", 80))
        with socket.socket() as plain, pytest.raises(NetworkRefusedError, match=r"192\.0\.2\.1"):
            plain.connect(("192.0.2.1", 80))
        with socket.socket(socket.AF_INET6) as plain, pytest.raises(NetworkRefusedError, match="2001:db8::1"):
            plain.connect(("2001:db8::1", 80))
        with socket.socket(type=socket.SOCK_DGRAM) as plain, pytest.raises(NetworkRefusedError):
            plain.sendto(b"?", ("192.0.2.1", 53))


def test_library_that_is_not_caught_is_told_so_at_the_services_url(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (dispatch, libraries):
        monkeypatch.setattr(place, "can_catch", lambda library: library == "requests")

    with sam3_contract.intercept():
        assert by_requests(URL)[0] == 200
        for ask in (by_httpx, by_httpx_async, by_aiohttp):
            with pytest.raises(NetworkRefusedError, match="the library that asked is not one that is caught") as error:
                ask(URL)
            assert "caught are calls made with requests\n" in str(error.value)
            assert "to catch aiohttp: pip install 'sam3-contract[aiohttp]'" in str(error.value)


def test_sockets_of_this_machine_stay_usable() -> None:
    with sam3_contract.intercept():
        left, right = socket.socketpair()
        with left, right:
            left.sendall(b"here")
            assert right.recv(4) == b"here"
        assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True).stdout.split()


def test_tests_own_responses_go_on_around_and_within() -> None:
    with responses.RequestsMock() as own:
        own.get("https://weather.test/", json={"sky": "blue"})
        with sam3_contract.intercept():
            assert by_requests(URL)[0] == 200
        assert requests.get("https://weather.test/").json() == {"sky": "blue"}
    with sam3_contract.intercept(), responses.RequestsMock() as own:
        own.get("https://weather.test/", json={"sky": "grey"})
        assert requests.get("https://weather.test/").json() == {"sky": "grey"}
        own.add_passthru(URL)
        with pytest.raises(NetworkRefusedError, match=r"`responses` .* passed it on: open the interception within it"):
            by_requests(URL)


def test_tests_own_respx_goes_on_around_and_within() -> None:
    with respx.mock as own:
        own.get("https://weather.test/").respond(json={"sky": "blue"})
        with sam3_contract.intercept():
            assert httpx.get("https://weather.test/").json() == {"sky": "blue"}
            assert by_httpx(URL)[0] == 200
    with sam3_contract.intercept(), respx.mock as own:
        own.get("https://weather.test/").respond(json={"sky": "grey"})
        assert httpx.get("https://weather.test/").json() == {"sky": "grey"}
        assert by_httpx(URL)[0] == 200


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: sam3_contract.intercept(hosts="a.test"), r"write hosts=\['a\.test'\]"),
        (lambda: sam3_contract.intercept(allow="a.test"), r"write allow=\['a\.test'\]"),
        (lambda: sam3_contract.intercept(allow=["a.test:443"]), "'a.test:443' is no host"),
        (lambda: sam3_contract.intercept(hosts=["a.test/path"]), "'a.test/path' is no host"),
        (lambda: sam3_contract.intercept(hosts=[""]), "'' is no host"),
    ],
)
def test_hosts_that_are_none_are_refused_before_anything_is_opened(make: Callable[[], object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make()


def test_unknown_setting_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"no setting named 'sead'; there are api_keys, .*seed"):
        LocalMock().use(sead=1)


def test_scenario_from_a_file_has_no_other_fields() -> None:
    with pytest.raises(UsageError, match="give either it, or"):
        LocalMock().scenario("scenarios.yaml", times=2)


def test_memory_of_the_libraries_stays_flat() -> None:
    """What they remember of each call, they would keep for as long as the interception is open."""
    kept: list[int] = []
    original = responses.CallList.add_call

    def add_call(self: responses.CallList, call: responses.Call) -> None:
        original(self, call)
        kept.append(len(self))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(responses.CallList, "add_call", add_call)
        with sam3_contract.intercept():
            for _ in range(5):
                by_requests(URL)

    assert max(kept) == 1
