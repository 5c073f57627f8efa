"""Beside other plugins and options of pytest: what runs a test again, or not to its end, and what forbids sockets."""

from __future__ import annotations

import pytest

from tests.pytest_plugin.test_snapshots import UPDATE, kept, run, session, write
from tests.recording.calls import standing_in

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


CUT_SHORT = f"""{MOCK}
@PLAYED
def test_mock(sam3_mock): pytest.exit("enough")

@PLAYED
def test_intercept(sam3_intercept): pytest.exit("enough")

def test_replay(sam3_replay): pytest.exit("enough")
"""


def record(session: pytest.Pytester) -> None:
    """Write a test and its recording."""
    with standing_in() as (url, _):
        source = f"""{MOCK}
@pytest.mark.sam3_recording(upstream="{url}")
def test_replay(sam3_replay): ask("https://serverless.roboflow.com")
"""
        write(session, source)
        run(session, "--sam3-record", "once").assert_outcomes(passed=1)


@pytest.mark.parametrize("fixture", ["mock", "intercept", "replay"])
def test_interrupted_test_is_asked_for_nothing(session: pytest.Pytester, fixture: str) -> None:
    record(session)
    write(session, CUT_SHORT)

    result = run(session, "-k", fixture)

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*Exit: enough*"])


def test_test_that_is_only_set_up_is_asked_for_nothing(session: pytest.Pytester) -> None:
    write(session, CUT_SHORT)

    run(session, "--setup-only", "-k", "not replay").assert_outcomes()


def test_what_fails_a_test_is_said_once(session: pytest.Pytester) -> None:
    write(session, CUT_SHORT.replace('pytest.exit("enough")', "pass"))

    result = run(session)

    result.assert_outcomes(passed=2, errors=3)
    result.stdout.no_fnmatch_line("*another exception occurred*")


def test_repetitions_of_a_test_share_its_recording(session: pytest.Pytester) -> None:
    record(session)

    run(session, "--count", "3").assert_outcomes(passed=3)


def test_what_others_note_of_a_test_does_not_matter(session: pytest.Pytester) -> None:
    write(session, "def test_noted(request): request.node.user_properties += [{'a': 1}, ('a', 'b', 'c')]")

    assert run(session).ret == pytest.ExitCode.OK


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["here", "a worker"])
def test_keys_in_urls_are_counted_and_stay_out_of_junit(session: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write(
        session,
        f"{MOCK}\ndef test_both(sam3_mock, sam3_intercept):\n"
        "    ask(sam3_mock.url)\n    ask('https://serverless.roboflow.com')",
    )

    result = run(session, "--junitxml", "junit.xml", *workers)

    result.stdout.fnmatch_lines(["sam3-contract: note: 2 requests held the API key in the URL*"])
    assert "propert" not in (session.path / "junit.xml").read_text()
