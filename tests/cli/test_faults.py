"""`sam3-contract faults`, and faults of a server behind a socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from mock_server.faults import FAULTS
from sam3_contract.cli import commands
from tests.servers import command_serving, run_command

ASKED = {"image": {"type": "url", "value": "https://example.com/a.jpg"}, "prompts": [{"text": "specimen:hole"}]}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with command_serving("--fault", "index_from_one") as url:
        yield url


def post(base_url: str, fault: str = "") -> tuple[int, bytes, str]:
    connection = HTTPConnection(urlsplit(base_url).netloc, timeout=30)
    headers = {"Content-Type": "application/json", **({"X-Mock-Fault": fault} if fault else {})}
    try:
        connection.request("POST", "/sam3/concept_segment?api_key=any", json.dumps(ASKED), headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("x-mock-fault", "")
    finally:
        connection.close()


def test_list_names_every_fault_by_its_family() -> None:
    listed = CliRunner().invoke(commands, ["faults"])
    lines = listed.output.splitlines()

    assert listed.exit_code == 0
    for fault in FAULTS.values():
        assert (
            sum(line.split("  ")[1] == fault.name and fault.breaks in line for line in lines if line[:2] == "  ") == 1
        )
    titles = [line.partition(":")[0] for line in lines if line and not line.startswith(" ") and ": " in line]
    assert titles == ["http", "schema", "mask", "semantics"]
    assert lines[-1].startswith(f"{len(FAULTS)} faults")


def test_list_of_an_operation_leaves_the_others_out() -> None:
    listed = CliRunner().invoke(commands, ["faults", "list", "--operation", "embed_image", "--format", "json"])
    unknown = run_command("faults", "list", "--operation", "embed")

    names = {fault["name"] for fault in json.loads(listed.output)}
    assert {"image_id_answered_wrong", "slow"} <= names
    assert not names & {"points_negated", "nms_ignored", "index_from_one"}
    assert unknown.returncode == 2
    assert "did you mean 'embed_image'?" in unknown.stderr


def test_explain_tells_what_shows_a_fault_and_what_it_takes() -> None:
    explained = CliRunner().invoke(commands, ["faults", "explain", "masks_shifted_right"]).output

    assert explained == (
        "masks_shifted_right (mask)\n\nMasks lie too far to the right.\n\n"
        "  operation  concept_segment, visual_segment, embed_image\n"
        "  seen by    every good request\n"
        "  parameter  how far, in pixels from 1 to 100; by default 1\n"
        "  always     sam3-contract serve --fault masks_shifted_right:1\n"
        "  once       sam3-contract serve --fault masks_shifted_right:1:1\n"
        "  a request  X-Mock-Fault: masks_shifted_right:1\n"
    )


def test_explain_every_fault() -> None:
    for fault in FAULTS.values():
        explained = CliRunner().invoke(commands, ["faults", "explain", fault.name])

        assert explained.exit_code == 0
        assert fault.when in explained.output


@pytest.mark.parametrize("arguments", [("faults", "explain", "size_swap"), ("serve", "--fault", "size_swap")])
def test_unknown_fault_ends_with_2_and_the_nearest_name(arguments: tuple[str, ...]) -> None:
    run = run_command(*arguments)

    assert run.returncode == 2
    assert "no fault named 'size_swap'; did you mean 'size_swapped'" in run.stderr
    assert "Traceback" not in run.stderr


def test_served_faults_are_on_for_every_request_and_add_up(base_url: str) -> None:
    _, body, named = post(base_url)
    _, _, both = post(base_url, "time_negative")

    assert json.loads(body)["prompt_results"][0]["prompt_index"] == 1
    assert named == "index_from_one"
    assert both == "index_from_one, time_negative"


def test_connection_ends_before_the_answer_begins(base_url: str) -> None:
    with pytest.raises(RemoteDisconnected):
        post(base_url, "connection_reset")


def test_connection_ends_in_the_middle_of_the_body(base_url: str) -> None:
    with pytest.raises(IncompleteRead) as caught:
        post(base_url, "connection_reset:middle")

    assert caught.value.partial


def test_client_gets_through_at_the_third_try(base_url: str) -> None:
    statuses = []
    for _ in range(3):
        try:
            statuses.append(post(base_url, "connection_reset:before:2")[0])
        except RemoteDisconnected:
            statuses.append(0)

    assert statuses == [0, 0, 200]


@pytest.mark.parametrize("fault", ["slow:3", "body_drips:3"])
def test_late_answers_hold_up_no_other(base_url: str, fault: str) -> None:
    late: list[int] = []
    threads = [threading.Thread(target=lambda: late.append(post(base_url, fault)[0])) for _ in range(24)]
    for thread in threads:
        thread.start()

    status, _, _ = post(base_url)

    assert (status, late) == (200, [])
    for thread in threads:
        thread.join()
    assert late == [200] * 24
