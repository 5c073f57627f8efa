"""Recordings in the place of the service, for every HTTP library, and in users' own tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests

from sam3_contract import intercept
from sam3_contract.errors import HarError, UsageError
from tests.recording.calls import HOST, KEY, concept, standing_in

pytest_plugins = ["pytester"]

URL = f"{HOST}/sam3/concept_segment"
ASKING = {"params": {"api_key": KEY}, "json": concept()}
Reply = tuple[int, bytes]


def by_requests() -> Reply:
    answer = requests.post(URL, timeout=30, **ASKING)
    return answer.status_code, answer.content


def by_httpx() -> Reply:
    answer = httpx.post(URL, timeout=30, **ASKING)
    return answer.status_code, answer.content


def by_httpx_async() -> Reply:
    async def ask() -> Reply:
        async with httpx.AsyncClient(timeout=30) as client:
            answer = await client.post(URL, **ASKING)
            return answer.status_code, answer.content

    return asyncio.run(ask())


def by_aiohttp() -> Reply:
    async def ask() -> Reply:
        async with aiohttp.ClientSession() as session, session.post(URL, **ASKING) as answer:
            return answer.status, await answer.read()

    return asyncio.run(ask())


ALL = [by_requests, by_httpx, by_httpx_async, by_aiohttp]


@pytest.mark.parametrize("ask", ALL)
def test_library_is_recorded_and_replayed_without_a_network(tmp_path: Path, ask: Callable[[], Reply]) -> None:
    path = tmp_path / "t.har"
    with standing_in() as (url, counting):
        with intercept(record=path, upstream=url) as recording:
            answer = ask()
        assert (answer[0], counting.asked, recording.n_recorded) == (200, 1, 1)

    with intercept(record=path) as replay:
        assert ask() == answer
    assert (replay.n_recorded, replay.misses, replay.findings) == (0, [], [])


def test_miss_is_answered_599_and_fails_the_block(tmp_path: Path) -> None:
    with standing_in() as (url, _), intercept(record=tmp_path / "t.har", upstream=url):
        by_requests()

    replaying = intercept(record=tmp_path / "t.har", allow_unused=True)
    with pytest.raises(AssertionError, match=r"prompts\[0\]\.text is 'cat', recorded was 'dog'"), replaying:
        status = requests.post(URL, params={"api_key": KEY}, json=concept("cat"), timeout=30).status_code
    assert status == 599
    with pytest.raises(AssertionError, match="not asked for: entry 0"), intercept(record=tmp_path / "t.har"):
        pass


def test_decorated_function_replays_at_each_call(tmp_path: Path) -> None:
    with standing_in() as (url, _), intercept(record=tmp_path / "t.har", upstream=url):
        by_requests()
    again = intercept(record=tmp_path / "t.har")(by_requests)

    assert again() == again()


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mode is for a recording"):
        intercept(mode="once")  # type: ignore[call-overload]
    with pytest.raises(UsageError, match="a recording has no settings"):
        intercept(record=tmp_path / "t.har", settings=object())  # type: ignore[call-overload]
    with pytest.raises(HarError, match="is missing"), intercept(record=tmp_path / "t.har", mode="none"):
        pass


TESTS = """
import pytest, requests
URL = "https://serverless.roboflow.com/sam3/concept_segment"

def ask(text):
    image = {"type": "url", "value": "https://example.com/dog.jpg"}
    body = {"image": image, "prompts": [{"type": "text", "text": text}]}
    return requests.post(URL, params={"api_key": "a-key-of-many-letters"}, json=body, timeout=30)

@pytest.mark.sam3_recording(upstream="UPSTREAM")
@pytest.mark.parametrize("text", ["dog", "cat"])
def test_own_recording(sam3_replay, text):
    assert ask(text).status_code == 200

@pytest.mark.sam3_recording("shared", upstream="UPSTREAM", allow_unused=True)
@pytest.mark.parametrize("text", ["one", "two", "three", "four"])
def test_shared_recording(sam3_replay, text):
    assert ask(text).status_code == 200
"""
FOLDER = "__sam3_recordings__/test_it"


PLUGINS = ("-p", "sam3_contract.pytest_plugin", "-p", "no:cacheprovider")


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    # In this process other tests may have imported the plugin before, of which pytest 8 warns.
    return pytester.runpytest(*PLUGINS, "-W", "ignore::pytest.PytestAssertRewriteWarning", *arguments)


def outcomes(pytester: pytest.Pytester, *arguments: str) -> dict[str, int]:
    return run(pytester, *arguments).parseoutcomes()


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # each session would wait for what it has no use for
    return pytester


def test_session_records_once_and_replays_for_ever(session: pytest.Pytester) -> None:
    with standing_in() as (url, counting):
        session.makepyfile(test_it=TESTS.replace("UPSTREAM", url))
        missing = run(session, "-k", "own")
        assert counting.asked == 0
        assert outcomes(session, "--sam3-record", "new") == {"passed": 6}
        assert counting.asked == 6

    missing.stdout.fnmatch_lines(["*is missing, and nothing is recorded in mode none; --sam3-record once records it*"])
    assert outcomes(session) == {"passed": 6}
    assert (session.path / FOLDER / "shared.har").is_file()
    own = json.loads(next((session.path / FOLDER).glob("test_own_recording_dog*.har")).read_text())
    assert len(own["log"]["entries"]) == 1


def test_session_fails_for_what_is_not_recorded_and_what_is_not_used(session: pytest.Pytester) -> None:
    with standing_in() as (url, _):
        tests = TESTS.replace("UPSTREAM", url)
        session.makepyfile(test_it=tests)
        outcomes(session, "--sam3-record", "once", "-k", "own")

    session.makepyfile(test_it=tests.replace("ask(text).status_code == 200", "ask(text[::-1]).status_code == 599"))
    changed = run(session, "-k", "own")
    session.makepyfile(test_it=tests.replace("assert ask(text).status_code == 200", "pass"))
    idle = run(session, "-k", "own")

    assert changed.parseoutcomes()["errors"] == idle.parseoutcomes()["errors"] == 2
    changed.stdout.fnmatch_lines(["*prompts[[]0[]].text is 'god', recorded was 'dog'*"])
    idle.stdout.fnmatch_lines(["*not asked for: entry 0, concept_segment of test_own_recording*"])


def test_workers_that_record_into_one_file_lose_nothing(session: pytest.Pytester) -> None:
    with standing_in() as (url, counting):
        session.makepyfile(test_it=TESTS.replace("UPSTREAM", url))
        command = [*PLUGINS, "-p", "xdist.plugin", "-n", "2", "--sam3-record", "all", "-k", "shared"]
        assert session.runpytest_subprocess(*command).parseoutcomes() == {"passed": 4}
        assert counting.asked == 4

    assert outcomes(session, "-k", "shared") == {"passed": 4, "deselected": 2}


def test_tests_that_share_a_recording_record_it_once_in_one_run(session: pytest.Pytester) -> None:
    with standing_in() as (url, counting):
        session.makepyfile(test_it=TESTS.replace("UPSTREAM", url))
        assert outcomes(session, "--sam3-record", "once", "-k", "shared") == {"passed": 4, "deselected": 2}
        session.makepyfile(test_it=TESTS.replace("UPSTREAM", url).replace('"three"', '"five"'))
        later = run(session, "--sam3-record", "once", "-k", "shared")

    assert counting.asked == 4
    assert later.parseoutcomes() == {"passed": 3, "failed": 1, "deselected": 2}
    # The test fails by its own assertion; that its request missed is said beside it.
    later.stdout.fnmatch_lines(
        ["*no answer for concept_segment: *is 'five', recorded was *", "--sam3-record new records*"]
    )


def test_failed_test_is_not_failed_again_for_what_it_did_not_ask(session: pytest.Pytester) -> None:
    with standing_in() as (url, _):
        tests = TESTS.replace("UPSTREAM", url)
        session.makepyfile(test_it=tests)
        outcomes(session, "--sam3-record", "once", "-k", "own")

    session.makepyfile(test_it=tests.replace("assert ask(text).status_code == 200", "assert text == 7"))

    assert outcomes(session, "-k", "own") == {"failed": 2, "deselected": 4}


def test_marker_that_cannot_be_meant_is_named(session: pytest.Pytester) -> None:
    session.makepyfile(test_it=TESTS.replace('upstream="UPSTREAM"', 'upstream="nowhere"'))

    ran: Any = run(session, "-k", "own")

    ran.stdout.fnmatch_lines(["*@pytest.mark.sam3_recording: 'nowhere' is no URL of a server*"])
    ran.stdout.no_fnmatch_line("*another exception occurred*")

    given = ("7", '""', '"a", "b"', 'path="a"')
    marked = "\n".join(
        f"@pytest.mark.sam3_recording({one})\ndef test_{n}(sam3_replay): 0\n" for n, one in enumerate(given)
    )
    session.makepyfile(test_it=f"import pytest\n{marked}")
    ran = run(session)

    assert ran.parseoutcomes() == {"errors": 4}
    ran.stdout.fnmatch_lines(
        [f"*takes one name, a text, before its options; got {got}" for got in ("7", "''", "'a', 'b'", "path")]
    )
