"""A recording as a server: in a process of its own, and as an application."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.test import Client

from mock_server import create_app
from sam3_contract.cli.serve.record import Recording
from sam3_contract.errors import UsageError
from sam3_contract.recording import PassThrough, Upstream
from tests.recording.calls import KEY, concept, encoded, pixels, standing_in
from tests.servers import ROOT, run_command

PATH = "/sam3/concept_segment"


def options(**given: Any) -> Recording:
    return Recording(
        **{"record": None, "to": None, "replay": None, "on_miss": "refuse", "budget": (100, None), "document": None}
        | given
    )


def served(mock: Any = None, **given: Any) -> Client:
    return Client(options(**given)(mock or create_app()))


def ask(client: Client, body: Any) -> Any:
    return client.post(PATH, query_string={"api_key": KEY}, json=body)


def test_calls_are_passed_on_and_kept_and_answered_again(tmp_path: Path) -> None:
    path = tmp_path / "t.har"
    with standing_in() as (url, counting):
        recording = served(record=url, to=path)
        answer = ask(recording, concept())
        assert (answer.status_code, counting.asked) == (200, 1)
        assert recording.get("/healthz").status_code == 200

    replay = served(replay=path)
    assert [ask(replay, concept()).data for _ in range(3)] == [answer.data] * 3
    assert replay.get("/healthz").json["status"] == "healthy"


@pytest.mark.parametrize(("on_miss", "status"), [("refuse", 599), ("mock", 200)])
def test_request_that_is_not_recorded_is_refused_or_left_to_the_mock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], on_miss: str, status: int
) -> None:
    with standing_in() as (url, _):
        ask(served(record=url, to=tmp_path / "t.har"), concept())

    answer = ask(served(replay=tmp_path / "t.har", on_miss=on_miss), concept("cat"))

    assert answer.status_code == status
    assert ("prompts[0].text is 'cat', recorded was 'dog'" in answer.text) == (on_miss == "refuse")
    told = capsys.readouterr().err
    assert "no recorded answer for concept_segment" in told
    assert ("the mock answers" in told) == (on_miss == "mock")


def test_request_that_is_not_recorded_may_be_recorded(tmp_path: Path) -> None:
    with standing_in() as (url, counting):
        ask(served(record=url, to=tmp_path / "t.har"), concept())
        replay = served(replay=tmp_path / "t.har", on_miss="record", record=url)
        for text in ("dog", "cat", "cat"):
            assert ask(replay, concept(text)).status_code == 200

        assert counting.asked == 2


def test_budget_and_body_are_bounded(tmp_path: Path) -> None:
    with standing_in() as (url, _):
        recording = served(record=url, to=tmp_path / "t.har", budget=(0, None))
        assert "the budget of 0 recorded calls is used up" in ask(recording, concept()).text
        assert recording.post(PATH, data=b"x" * (20 * 2**20 + 1)).status_code == 599
        replay = served(replay=tmp_path / "t.har", on_miss="record", record=url)
        assert replay.post(PATH, query_string={"api_key": "any"}, data=b"x" * (20 * 2**20 + 1)).status_code == 413


def test_service_that_is_not_there_is_said_to_be() -> None:
    answer = Client(PassThrough(Upstream("http://127.0.0.1:9"))).get("/info")

    assert (answer.status_code, answer.status) == (599, "599 Mock Has No Answer")
    assert "connection refused" in answer.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"record": "http://a.example"}, "one goes with the other"),
        ({"to": Path("t.har")}, "one goes with the other"),
        ({"replay": Path("t.har"), "to": Path("u.har")}, "records into the same file"),
        ({"replay": Path("t.har"), "record": "http://a.example"}, "takes the server in --record"),
        ({"replay": Path("t.har"), "on_miss": "record"}, "takes the server in --record"),
        ({"record": "http://a.example", "to": Path("t.har"), "on_miss": "mock"}, "is for --replay"),
    ],
)
def test_options_that_do_not_go_together_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        options(**given)


@pytest.mark.parametrize(
    "url", ["a.example", "http://[::1", "http://a:b", "http://u:p@h", "http://a/?q=1", "http://a b"]
)
def test_no_recording_is_made_of_what_is_no_server(url: str) -> None:
    with pytest.raises(UsageError, match=r"no URL of a server|name or password|no base URL"):
        Upstream(url)


def test_command_refuses_before_it_listens(tmp_path: Path) -> None:
    missing = run_command("serve", "--port", "0", "--replay", str(tmp_path / "t.har"))
    several = run_command("serve", "--port", "0", "--workers", "2", "--record", "http://a.example", "--to", "t.har")
    no_url = run_command("serve", "--port", "0", "--record", "a.example", "--to", str(tmp_path / "t.har"))

    assert (missing.returncode, several.returncode, no_url.returncode) == (3, 2, 2)
    assert "t.har is missing, and nothing is recorded in mode none" in missing.stderr
    assert "a recording is of one process, not of 2 workers" in several.stderr
    assert "'a.example' is no URL of a server" in no_url.stderr


def test_recording_server_that_is_killed_leaves_what_it_has_answered(tmp_path: Path) -> None:
    path = tmp_path / "t.har"
    broken = b'{"time": "\\u001b[31msoon", "prompt_results": []}'
    with standing_in(lambda number: (200, broken) if number == 1 else None) as (url, service):
        command = [sys.executable, "-m", "sam3_contract", "serve", "--port", "0", "--record", url, "--to", str(path)]
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                line = process.stdout.readline()
                base = line.split()[4]
                answers = [
                    requests.post(f"{base}{PATH}", params={"api_key": KEY}, json=concept(text), timeout=30).content
                    for text in ("dog", "cat")
                ]
                said = process.stderr.readline()
            finally:
                os.killpg(process.pid, signal.SIGKILL)

    assert line.startswith(f"Recording of {url} at http://127.0.0.1:")
    assert service.asked == 2  # to look whether the recorder answers, the service is not asked
    assert said.startswith("sam3-contract: concept_segment breaks the contract: S04 at $.time: ")
    assert "\x1b" not in said
    replay = served(replay=path)
    assert [ask(replay, concept(text)).data for text in ("dog", "cat")] == answers
    assert KEY not in path.read_text("utf-8")
    assert len(json.loads(path.read_text("utf-8"))["log"]["entries"]) == 2


def test_large_images_are_recorded_and_replayed(tmp_path: Path) -> None:
    image = encoded(pixels(size=(1_500, 2_000)))
    with standing_in() as (url, _):
        answer = ask(served(record=url, to=tmp_path / "t.har"), concept(image=image))

    assert ask(served(replay=tmp_path / "t.har"), concept(image=image)).data == answer.data
    assert (tmp_path / "t.har").stat().st_size < 100_000
