"""``--sam3-server``: one mock for all tests, with a session for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask import Flask

from mock_server import Settings, control_of, create_app
from mock_server.control.mock_control import sessions_of
from mock_server.journal.entry import entry_from_json
from sam3_contract.errors import UsageError
from sam3_contract.pytest_plugin.shared import SharedMock
from tests.mock_server.client import IMAGE
from tests.servers import serving

pytest_plugins = ["pytester"]

TESTS = """
    import pytest, requests

    BODY = {"image": {"type": "url", "value": "https://example.com/dog.jpg"}, "prompts": [{"text": "dog"}]}

    def ask(sam3):
        url = sam3.url + "/sam3/concept_segment"
        return requests.post(url, json=BODY, headers={"Authorization": "Bearer " + sam3.api_key}).status_code

    @pytest.mark.sam3_faults("status:503")
    def test_fault(sam3_mock):
        assert ask(sam3_mock) == 503

    @pytest.mark.sam3_scenario(answers=[{"status": 507}, "normal"], times=2)
    def test_scenario(sam3_mock):
        assert [ask(sam3_mock) for _ in range(2)] == [507, 200]
        sam3_mock.assert_called("concept_segment", text="dog", times=2)

    def test_nothing(sam3):
        assert ask(sam3) == 200
        assert len(sam3.requests) == 1

    @pytest.mark.sam3_scenario(answers=[{"status": 507}], times=2)
    def test_not_played(sam3_mock):
        assert ask(sam3_mock) == 507

    @pytest.mark.sam3_settings(seed=7)
    def test_settings(sam3_mock):
        pass
"""


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Settings(journal_thumbnails=True))


@pytest.fixture(scope="module")
def url(app: Flask) -> Iterator[str]:
    with serving(app) as url:
        yield url


@pytest.fixture
def mock(url: str) -> Iterator[SharedMock]:
    mock = SharedMock(url)
    yield mock
    mock.end()


def ask(mock: SharedMock) -> int:
    body = {"image": IMAGE, "prompts": [{"points": [{"x": 5, "y": 5, "positive": True}]}]}
    return requests.post(f"{mock.url}/sam3/visual_segment?api_key={mock.api_key}", json=body, timeout=30).status_code


def test_each_test_of_a_suite_has_a_session(pytester: pytest.Pytester, app: Flask, url: str) -> None:
    pytester.makepyfile(TESTS)

    result = pytester.runpytest_inprocess("--sam3-server", url, "-p", "no:schemathesis", "-p", "no:xdist", "-rs")

    result.assert_outcomes(passed=4, errors=1, skipped=1)
    result.stdout.fnmatch_lines(["*took 1 request, expected 2*", "*sam3_settings is for a mock of the test's own*"])
    assert sessions_of(app).count == 0
    assert control_of(app).journal.requests == []


@pytest.mark.parametrize("other", ["--sam3-coverage", "--sam3-mutate"])
def test_what_looks_into_mocks_of_the_process_is_refused_with_it(pytester: pytest.Pytester, other: str) -> None:
    result = pytester.runpytest_inprocess("--sam3-server", "http://127.0.0.1:1", other, "-p", "no:schemathesis")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{other}*--sam3-server*"])


def test_two_sessions_of_one_server_do_not_see_each_other(mock: SharedMock, url: str) -> None:
    other = SharedMock(url)
    mock.faults = "status:503"
    other.scenario({"scenarios": [{"answers": [{"status": 507}]}]})

    assert [ask(one) for one in (mock, other, mock)] == [503, 507, 503]
    assert (mock.faults, other.faults) == (("status:503",), ())
    assert [len(one.requests) for one in (mock, other)] == [2, 1]
    other.verify()
    mock.assert_not_called("embed_image")
    other.end()


def test_entries_are_those_of_the_mock(mock: SharedMock, app: Flask) -> None:
    ask(mock)

    kept = control_of(app, mock.url.rpartition("/")[2]).journal.requests
    assert mock.requests == [entry_from_json(entry.as_json()) for entry in kept]
    assert [entry.as_json() for entry in mock.requests] == [entry.as_json() for entry in kept]
    assert (mock.journal.last, mock.journal.dropped) == (mock.requests[-1], 0)
    mock.journal.clear()
    assert (mock.requests, mock.journal.last) == ([], None)


def test_scenarios_come_from_files_and_are_verified(mock: SharedMock, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("scenarios:\n- name: down\n  answers:\n  - status: 503\n", encoding="utf-8")
    mock.scenario(file)

    with pytest.raises(AssertionError, match="not played as written:\n  'down' took no request"):
        mock.verify()
    assert ask(mock) == 503
    mock.verify()
    mock.reset()
    assert ask(mock) == 200


def test_mistakes_are_said_as_of_a_mock_in_the_process(mock: SharedMock) -> None:
    with pytest.raises(UsageError, match="no fault named 'nope'"):
        mock.faults = ["nope"]
    with pytest.raises(UsageError, match="status: is 99, has to be a whole number"):
        mock.scenario(answers=[{"status": 99}])
    with pytest.raises(UsageError, match="give either it, or the fields"):
        mock.scenario({}, name="a")
    with pytest.raises(UsageError, match="not JSON serializable"):
        mock.scenario(answers=[{"body": b"bytes"}])
    with pytest.raises(UsageError, match="seed: the settings of a mock by --sam3-server are as it is served"):
        mock.use(seed=7)


def test_server_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"--sam3-server: POST http://127\.0\.0\.1:1/s/.*/_mock/reset cannot be done"):
        SharedMock("http://127.0.0.1:1").reset()


def test_token_of_the_server_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(create_app(Settings(control_token="a-token"))) as url:
        with pytest.raises(UsageError, match="want the token"):
            SharedMock(url).reset()
        monkeypatch.setenv("SAM3_MOCK_CONTROL_TOKEN", "a-token")
        SharedMock(url).reset()
