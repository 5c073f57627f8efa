"""What faults change is told by asking again, or not told at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from werkzeug.test import Client

from mock_server.engines.synthetic import Synthetic
from sam3_contract.interception import LocalMock, create_mock
from sam3_contract.interception.trial import Trial, on_trial

CONCEPT = "/sam3/concept_segment?api_key=any"
VISUAL = "/sam3/visual_segment?api_key=any"
UNFELT, FELT = "rings_closed", "size_swapped"  # of RLE
SOMEBODYS = "mock_server.engines.synthetic:Synthetic"


def ask(mock: LocalMock, **changes: Any) -> int:
    image = {"type": "url", "value": "https://example.com/dog.jpg"}
    body = {"image": image, "prompts": [{"text": "specimen:hole"}], "format": "rle", **changes}
    return Client(mock).post(CONCEPT, json=body).status_code


def run(code: Callable[[], object]) -> Trial:
    with on_trial(Trial()) as trial:
        code()
    return trial


def test_only_faults_that_change_an_answer_are_felt() -> None:
    trial = run(lambda: ask(create_mock()))

    assert not trial.may_be_felt(UNFELT)
    assert trial.may_be_felt(FELT)
    assert trial.may_be_felt("content_type_wrong")  # a header
    assert trial.may_be_felt("connection_reset")
    assert not trial.may_be_felt("image_id_ignored")


@pytest.mark.parametrize("fault", ["slow", "body_drips", "requests_mixed", "request_id_repeated"])
def test_faults_that_show_in_time_or_in_what_is_never_the_same_may_be_felt(fault: str) -> None:
    assert run(lambda: ask(create_mock())).may_be_felt(fault)


def test_scenarios_faults_and_settings_of_the_run_hold_again() -> None:
    def code() -> None:
        mock = create_mock(api_keys=frozenset({"any"}))
        mock.scenario(answers=[{"status": 503, "delay": 0.01}, "normal"])
        mock.faults = ["masks_empty:1"]
        for _ in range(3):
            ask(mock)
        mock.use(profile="observed")
        ask(mock)
        Client(mock).get("/sam3/none")

    trial = run(code)

    assert [one.status for one in trial.answers] == [503, 200, 200, 200, 401]
    assert not trial.may_be_felt(UNFELT)
    assert trial.may_be_felt(FELT)


def test_what_an_image_id_remembers_is_there_again() -> None:
    def code() -> None:
        client = Client(create_mock())
        image = {"type": "url", "value": "https://example.com/dog.jpg"}
        client.post("/sam3/embed_image?api_key=any", json={"image": image, "image_id": "dog"})
        point = {"points": [{"x": 5, "y": 5, "positive": True}]}
        client.post(VISUAL, json={"image": image, "image_id": "dog", "prompts": [point]})

    trial = run(code)

    assert trial.answers[1].status == 200
    assert not trial.may_be_felt("threshold_ignored")
    assert trial.may_be_felt("masks_empty")


def asked_by_its_own_client(mock: LocalMock) -> None:
    ask(mock)
    mock.client.post(CONCEPT, json={})
    ask(mock)


def planned_meanwhile(mock: LocalMock) -> None:
    ask(mock)
    mock.scenario(answers=[{"status": 503}])
    ask(mock)


def in_a_session(mock: LocalMock) -> None:
    Client(mock).get("/s/one/healthz")


def told_through_its_routes(mock: LocalMock) -> None:
    client = Client(mock)
    client.put("/_mock/faults", json={"faults": ["status:402"]})
    ask(mock)


def of_an_answer_that_is_never_the_same(mock: LocalMock) -> None:
    Client(mock).get("/info")


@pytest.mark.parametrize(
    "code",
    [
        asked_by_its_own_client,
        planned_meanwhile,
        in_a_session,
        told_through_its_routes,
        of_an_answer_that_is_never_the_same,
    ],
)
def test_where_it_cannot_be_told_everything_may_be_felt(code: Callable[[LocalMock], None]) -> None:
    assert run(lambda: code(create_mock())).may_be_felt(UNFELT)


@pytest.mark.parametrize("kind", ["scenarios", "url_images"])
def test_files_that_are_gone_after_the_run_leave_everything_possible(tmp_path: Path, kind: str) -> None:
    scenarios, images = tmp_path / "s.json", tmp_path / "images"
    scenarios.write_text('{"scenarios": [{"answers": [{"status": 503}]}]}')
    images.mkdir()
    Image.new("RGB", (96, 64)).save(images / "dog.png")
    changes = {"scenarios": {"scenarios": scenarios}, "url_images": {"url_images": images}}[kind]

    trial = run(lambda: ask(create_mock(**changes)))
    scenarios.unlink()
    shutil.rmtree(images)

    assert trial.may_be_felt(UNFELT)
    assert trial.may_be_felt(UNFELT)


@pytest.mark.parametrize("changes", [{"engine": Synthetic(0)}, {"engine": SOMEBODYS}, {"fetch_urls": True}], ids=str)
def test_nobody_else_is_asked_again(changes: dict[str, Any]) -> None:
    trial = run(lambda: Client(create_mock(**changes)).get("/healthz"))

    assert trial.may_be_felt(UNFELT)


@pytest.mark.parametrize(("sent", "is_felt"), [("6f1d4bd7-40ea-4f0a-9d3e-0d7a3b8b5a55", True), ("my-own", False)])
def test_another_request_id_is_felt_by_who_sent_one(sent: str, is_felt: bool) -> None:
    trial = run(lambda: Client(create_mock()).post(CONCEPT, json={}, headers={"X-Request-Id": sent}))

    assert trial.may_be_felt("request_id_replaced") is is_felt


def test_mock_that_was_there_before_may_remember_more() -> None:
    mock = create_mock()

    assert run(lambda: ask(mock)).may_be_felt(UNFELT)


@pytest.mark.parametrize("first_to_end", [0, 1])
def test_requests_at_once_have_no_order_to_be_asked_again_in(first_to_end: int) -> None:
    trial = Trial()
    with on_trial(trial):
        mock = create_mock()
    asked = {"PATH_INFO": "/healthz", "REQUEST_METHOD": "GET"}

    begun = [trial.rehearsal.begin(mock.app, asked) for _ in range(2)]
    for one in (begun[first_to_end], begun[1 - first_to_end]):
        trial.rehearsal.end(one, mock.app, b"")

    assert trial.may_be_felt(UNFELT)


def test_code_that_is_run_again_is_rehearsed_anew() -> None:
    trial = run(lambda: in_a_session(create_mock()))
    trial.begin_again()
    with on_trial(trial):
        ask(create_mock())

    assert len(trial.answers) == 1
    assert not trial.may_be_felt(UNFELT)


@pytest.mark.parametrize("fault", ["status:503", "model_locked"])
def test_refusals_of_a_trial_ask_nobody_to_wait(fault: str) -> None:
    image = {"type": "url", "value": "https://example.com/dog.jpg"}
    asking = {"json": {"image": image, "prompts": [{"text": "dog"}]}}

    usual = Client(create_mock(faults=(fault,))).post(CONCEPT, **asking)
    with on_trial(Trial(fault)):
        hurried = Client(create_mock()).post(CONCEPT, **asking)

    assert (usual.status_code, usual.headers["retry-after"]) == (503, "1")
    assert (hurried.status_code, hurried.headers["retry-after"]) == (503, "0")


def test_faults_of_the_code_itself_ask_it_to_wait_as_ever() -> None:
    asking = {"json": {"image": {"type": "url", "value": "https://e.example/a.jpg"}, "prompts": [{"text": "dog"}]}}
    with on_trial(Trial("model_locked")):
        by_fault = Client(create_mock(faults=("status:503",))).post(CONCEPT, **asking)
        by_header = Client(create_mock()).post(CONCEPT, **asking, headers={"X-Mock-Fault": "status:503"})

    assert [one.headers["retry-after"] for one in (by_fault, by_header)] == ["1", "1"]
