"""Beside other plugins: those that run a test again, and those that forbid sockets."""

from __future__ import annotations

import pytest

from tests.pytest_plugin.test_snapshots import UPDATE, kept, run, session, write

__all__ = ["session"]

pytest_plugins = ["pytester"]

MOCK = """
import pytest, requests

BODY = {"image": {"type": "url", "value": "https://example.com/dog.jpg"}, "prompts": [{"text": "dog"}]}
PLAYED = pytest.mark.sam3_scenario(name="retry", answers=[{"status": 503}, "normal"])
attempts = []

def ask(url):
    return requests.post(url + "/sam3/concept_segment?api_key=any", json=BODY, timeout=30).status_code
"""
OF_THE_MOCK = f"""{MOCK}
@PLAYED
def test_plays_at_last(sam3_mock):
    attempts.append(1)
    assert [ask(sam3_mock.url), ask(sam3_mock.url)] == [503, 200]
    assert len(attempts) == 2

@PLAYED
def test_never_plays(sam3_mock):
    attempts.append(1)
    assert len(attempts) % 2 == 0

@PLAYED
def test_never_plays_in_process(sam3_intercept):
    attempts.append(1)
    assert len(attempts) % 2 == 0
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1", "-p", "pytest_rerunfailures")], ids=["here", "xdist"])
def test_scenario_that_the_last_attempt_did_not_play_fails_it(
    session: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    write(session, OF_THE_MOCK)

    result = run(session, "--reruns", "1", *workers)

    outcomes = result.parseoutcomes()
    assert {name: outcomes.get(name) for name in ("passed", "errors", "rerun")} == {
        "passed": 3,
        "errors": 2,
        "rerun": 3,
    }
    result.stdout.fnmatch_lines(["*'retry' took no request*"])


SNAPSHOTS = """
from helping import *
attempts = []

def test_dog(sam3_snapshot):
    attempts.append(1)
    if {always} or len(attempts) == 1:
        sam3_snapshot.match(answer((10, 10, 20)))
    assert len(attempts) != 1 or {always}
"""


def test_snapshot_that_only_a_failed_attempt_looked_at_is_unused(session: pytest.Pytester) -> None:
    write(session, SNAPSHOTS.format(always=True))
    assert run(session, UPDATE).ret == 0

    write(session, SNAPSHOTS.format(always=False))
    result = run(session, "--reruns", "1")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["unused *test_dog.json", "*1 passed, 1 rerun*"])


def test_repetitions_of_a_test_share_its_snapshots(session: pytest.Pytester) -> None:
    source = """
from helping import *

def test_dog(sam3_snapshot):
    sam3_snapshot.match(answer((10, 10, 20)))

@pytest.mark.parametrize("side", [3, 4], ids=["1-3", "four"])
def test_sides(sam3_snapshot, side):
    sam3_snapshot.match(answer((1, 1, side)))
"""
    write(session, source)
    assert run(session, UPDATE).ret == 0
    files = kept(session)

    repeated = run(session, "--count", "3")
    updated = run(session, "--count", "2", UPDATE)

    repeated.assert_outcomes(passed=9)
    updated.assert_outcomes(passed=6)
    assert (repeated.ret, updated.ret) == (0, 0)
    assert kept(session) == files
    assert len(files) == 3


def test_interception_works_where_sockets_are_forbidden(session: pytest.Pytester) -> None:
    write(
        session,
        f"""{MOCK}
def test_answers(sam3_intercept):
    assert ask("https://serverless.roboflow.com") == 200
""",
    )

    run(session, "--disable-socket").assert_outcomes(passed=1)
