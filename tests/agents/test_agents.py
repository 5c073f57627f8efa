"""The tools for agents, by the SDK's own client, in this process."""

from __future__ import annotations

import asyncio
import base64
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from PIL import Image

from mock_server.serving import standard_error
from sam3_contract.agents.desk import Desk, Live, is_loopback
from sam3_contract.cases import built_in_images
from sam3_contract.checks import CHECKS
from sam3_contract.cli import main
from sam3_contract.errors import UsageError
from sam3_contract.masks.catalogue.lookup import DEFECTS
from tests.servers import ROOT, run_command

Tool = Callable[..., Any]
TOOLS = {
    *("start_mock", "ask", "set_faults", "list_faults", "requests_seen"),
    *("verify", "explain", "check_masks", "check_file", "show_picture"),
}


def client_of(desk: Desk) -> Any:
    """Connect the SDK's own client to the tools of a desk."""
    # Only here: each worker collects this file, and the SDK takes seconds and 80 MB.
    from mcp import Client  # noqa: PLC0415

    from sam3_contract.agents.tools import make_server  # noqa: PLC0415

    return Client(make_server(desk))


async def _called(desk: Desk, calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    async with client_of(desk) as client:
        return [await client.call_tool(name, arguments) for name, arguments in calls]


def use(*calls: tuple[str, dict[str, Any]], live: Live | None = None, desk: Desk | None = None) -> list[Any]:
    """Call tools one after another; a text for what is refused, else what is answered."""
    with desk or Desk(live) as used:
        results = asyncio.run(_called(used, list(calls)))
    return [result.content[0].text if result.is_error else result for result in results]


def answers(*calls: tuple[str, dict[str, Any]], **more: Any) -> list[Any]:
    results = use(*calls, **more)
    assert not [result for result in results if isinstance(result, str)], results
    return [result.structured_content for result in results]


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "shapes.png"
    path.write_bytes(built_in_images()[0].content)
    return path


SQUARES = {"prompts": [{"text": "square"}], "format": "rle"}


def test_every_tool_says_what_it_does_and_whether_it_changes_anything() -> None:
    async def listed() -> Any:
        with Desk() as desk:
            async with client_of(desk) as client:
                return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in asyncio.run(listed())}

    assert set(tools) == TOOLS
    assert all(len(tool.description or "") > 60 for tool in tools.values())
    assert {name for name, tool in tools.items() if tool.annotations.read_only_hint} == {
        *("list_faults", "requests_seen", "explain", "check_masks", "check_file", "show_picture")
    }
    assert {name for name, tool in tools.items() if tool.annotations.open_world_hint} == {"verify"}


def test_mock_is_started_asked_and_seen_and_ends_with_the_desk(photograph: Path) -> None:
    with Desk() as desk:

        async def story() -> tuple[Any, int, Any, Any]:
            async with client_of(desk) as client:
                started = (await client.call_tool("start_mock", {"seed": 3})).structured_content
                body = {"image": {"type": "url", "value": "https://example.com/a.jpg"}, **SQUARES}
                over_http = await asyncio.to_thread(
                    requests.post,
                    f"{started['url']}/sam3/concept_segment",
                    json=body,
                    headers={"Authorization": f"Bearer {started['api_key']}"},
                    timeout=30,
                )
                asking = {"operation": "concept_segment", "body": SQUARES, "image_path": str(photograph)}
                asked = (await client.call_tool("ask", asking)).structured_content
                seen = (await client.call_tool("requests_seen", {})).structured_content
                return started, over_http.status_code, asked, seen

        started, status, asked, seen = asyncio.run(story())

    assert started["url"].startswith("http://127.0.0.1:")
    assert (status, asked["status"]) == (200, 200)
    assert asked["answer"]["prompt_results"][0]["echo"]["text"] == "square"
    assert [entry["texts"] for entry in seen["requests"]] == [["square"], ["square"]]
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{started['url']}/healthz", timeout=30)


def test_fault_is_set_found_and_explained() -> None:
    faults, broken, meaning, mended, held = answers(
        ("set_faults", {"faults": ["size_swapped"]}),
        ("verify", {"max_calls": 3}),
        ("explain", {"name": "RLE04"}),
        ("set_faults", {"faults": []}),
        ("verify", {"max_calls": 3, "select": ["M", "S"]}),
        desk=started(),
    )

    assert (faults, mended) == ({"faults": ["size_swapped"]}, {"faults": []})
    assert broken["verdict"] == "broken"
    assert broken["causes"][0]["check"] == "M03"
    assert "size is swapped" in broken["causes"][0]["what"]
    assert meaning["defect"]["name"] == "size_swapped"
    assert (held["verdict"], held["causes"]) == ("held", [])


def started() -> Desk:
    desk = Desk()
    desk.start()
    return desk


def test_faults_are_listed_by_what_they_do() -> None:
    (found,) = answers(("list_faults", {"containing": "swapped"}))

    assert {"size_swapped", "coordinates_swapped"} <= set(found)
    assert all("swapped" in f"{name} {breaks}".lower() for name, breaks in found.items())


def test_everything_with_a_code_is_explained() -> None:
    names = [*(check.code for check in CHECKS), *(defect.code for defect in DEFECTS), "slow", "lenient_types"]

    for result in answers(*(("explain", {"name": name}) for name in names)):
        assert result
    (refusal,) = use(("explain", {"name": "size_swaped"}))
    assert "nothing is named 'size_swaped'; did you mean 'size_swapped'?" in refusal


def test_masks_are_checked_by_value_and_in_files(tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text('{"masks": {"size": [4, 6], "counts": "522"}}', encoding="utf-8")
    good, bad = {"size": [4, 6], "counts": "5220;"}, {"size": [6, 4], "counts": "5220;"}

    sound, unsound, of_file = answers(
        ("check_masks", {"masks": [good], "height": 4, "width": 6}),
        ("check_masks", {"masks": [good, bad], "height": 4, "width": 6}),
        ("check_file", {"path": str(tmp_path / "answer.json")}),
    )

    assert sound == {"masks": 1, "sound": True, "findings": [], "of": 0}
    assert unsound["findings"][0].startswith("RLE04 size_swapped at $[1]")
    assert (of_file["masks"], of_file["defects"]) == (1, {"RLE18": 1})
    assert of_file["findings"][0].startswith("RLE18 ")


def test_picture_shows_the_last_answer_over_its_photograph(photograph: Path) -> None:
    asked, shown, whole = use(
        ("ask", {"operation": "concept_segment", "body": SQUARES, "image_path": str(photograph)}),
        ("show_picture", {}),
        ("show_picture", {"image_path": str(photograph), "answer": {"predictions": []}}),
        desk=started(),
    )

    assert not asked.is_error
    pictures = [base64.b64decode(result.content[0].data) for result in (shown, whole)]
    sizes = [Image.open(io.BytesIO(picture)).size for picture in pictures]
    assert sizes[0][0] >= 640
    assert shown.content[0].mime_type == "image/png"
    assert pictures[0] != pictures[1]


@pytest.mark.parametrize(
    "answer",
    [
        {"predictions": [5]},
        {"predictions": [{}]},
        {"prompt_results": [{"predictions": [{"masks": [], "echo": 5}]}]},
        {"predictions": [{"confidence": "x", "format": "polygon", "masks": [[[0, 0], [9, 0], [9, 9]]]}]},
    ],
)
def test_what_is_no_answer_is_not_drawn_and_said_to_be_none(photograph: Path, answer: dict[str, Any]) -> None:
    (refusal,) = use(("show_picture", {"image_path": str(photograph), "answer": answer}))

    assert "this is no whole answer of concept_segment or visual_segment" in refusal


def test_picture_of_a_large_photograph_is_made_smaller_and_of_a_huge_one_refused(tmp_path: Path) -> None:
    for name, size in (("large.png", (4000, 1000)), ("huge.png", (9000, 4000))):
        Image.new("1", size).save(tmp_path / name)

    large, huge = use(
        *(("show_picture", {"image_path": str(tmp_path / name), "answer": {}}) for name in ("large.png", "huge.png"))
    )

    assert Image.open(io.BytesIO(base64.b64decode(large.content[0].data))).size == (2048, 512)
    assert "the photograph has 9000 x 4000 pixels, and 33554432 can be drawn" in huge


def test_fault_that_ends_the_connection_is_told_as_that() -> None:
    asking = {"operation": "embed_image", "body": {"image": {"type": "url", "value": "https://example.com/a.jpg"}}}

    _, refusal = use(("set_faults", {"faults": ["connection_reset"]}), ("ask", asking), desk=started())

    assert "the connection ended without an answer: the fault connection_reset; set_faults mends the mock" in refusal


def test_mocks_that_are_started_at_once_are_one_mock_on_one_port() -> None:
    async def at_once(desk: Desk) -> list[Any]:
        async with client_of(desk) as client:
            starts = (client.call_tool("start_mock", {"seed": seed}) for seed in range(8))
            return [result.structured_content for result in await asyncio.gather(*starts)]

    with Desk() as desk:
        found = asyncio.run(at_once(desk))
        answer = requests.get(f"{found[0]['url']}/healthz", timeout=30)

    assert len({one["url"] for one in found}) == 1
    assert answer.status_code == 200


def test_long_answer_is_cut(photograph: Path) -> None:
    body = {"prompts": [{"text": "specimen:many"}]}
    (result,) = answers(
        ("ask", {"operation": "concept_segment", "body": body, "image_path": str(photograph)}), desk=started()
    )

    predictions = result["answer"]["prompt_results"][0]["predictions"]
    assert len(predictions) == 13
    assert predictions[-1].startswith("and ")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("ask", {"operation": "embed_image", "body": {}}), "no mock is running; start_mock starts one"),
        (("verify", {}), "no mock is running"),
        (("verify", {"target": "10.0.0.1"}), "the target is no URL"),
        (("verify", {"target": "mock", "max_calls": 0}), "max_calls is 0, expected 1 to 400"),
        (("start_mock", {"faults": ["size_swaped"]}), "did you mean 'size_swapped'"),
        (("check_masks", {"masks": [], "height": 4}), "height and width go together"),
        (("check_file", {"path": "nowhere.json"}), "nowhere.json"),
        (("check_file", {"path": "http://127.0.0.1:9/a.json"}), "is no file of this machine"),
        (("check_file", {"path": "-"}), "is no file of this machine"),
        (("check_file", {"path": "/"}), "is no file of this machine"),
        (("verify", {"target": "http://evil.test\\@127.0.0.1"}), "is not on this machine"),
        (("show_picture", {}), "there is no photograph"),
        (("start_mock", {"sead": 3}), "start_mock: no argument named 'sead'; did you mean 'seed'?"),
        (("requests_seen", {"last": 3}), "requests_seen: no argument named 'last'"),
        (("nothing", {}), "Unknown tool: nothing"),
        (("check_masks", {"masks": [], "height": -1, "width": 3}), "height and width are -1 and 3, expected pixels"),
        (("check_masks", {"masks": [], "height": 10**30, "width": 3}), "expected pixels, 1 to"),
        (("check_file", {"path": "a" * 5000}), "is no file of this machine"),
        (("check_file", {"path": "\0"}), "is no file of this machine"),
        (("show_picture", {"image_path": "/", "answer": {}}), "'/' cannot be read: it is no regular file"),
        (("show_picture", {"image_path": "\0", "answer": {}}), r"'\x00' cannot be read: "),
        (("show_picture", {"image_path": "nowhere.png", "answer": {}}), "nowhere.png"),
    ],
)
def test_what_cannot_be_done_is_told_with_the_next_step(call: tuple[str, dict[str, Any]], message: str) -> None:
    (refusal,) = use(call)

    text = refusal if isinstance(refusal, str) else str(refusal.structured_content)
    assert message in text


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9001", "http://localhost", "https://[::1]:8443/x", "http://127.9.9.9"]
)
def test_servers_of_this_machine_are_asked_freely(url: str) -> None:
    assert is_loopback(url)
    assert Desk().target_of(url, 400) == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://serverless.roboflow.com",
            "http://127.0.0.1.evil.test",
            "http://localhost.evil.test",
            "http://0.0.0.0",
        ),
        *("http://evil.test#@127.0.0.1", "http://127.0.0.1@evil.test", "http://10.0.0.7:9001", "http://2130706433"),
    ],
)
def test_other_servers_are_refused_without_leave(url: str) -> None:
    with pytest.raises(UsageError, match="sam3-contract mcp --allow-live"):
        Desk().target_of(url, 1)


def test_live_server_is_asked_within_the_budget_and_no_other() -> None:
    desk = Desk(Live("https://serverless.roboflow.com", 25))

    assert desk.target_of("https://serverless.roboflow.com/", 20) == "https://serverless.roboflow.com/"
    with pytest.raises(UsageError, match="20 calls are more than the 5 that are left of the budget of 25"):
        desk.target_of("https://serverless.roboflow.com", 20)
    assert desk.target_of("https://serverless.roboflow.com", 5)
    for other in ("https://evil.test", "http://serverless.roboflow.com", "https://serverless.roboflow.com:8443"):
        with pytest.raises(UsageError, match="it would get the API key"):
            desk.target_of(other, 1)


def test_command_speaks_the_protocol_over_its_pipes_and_ends_with_them() -> None:
    from mcp import Client, StdioServerParameters, stdio_client  # noqa: PLC0415 - as above

    parameters = StdioServerParameters(command=sys.executable, args=["-m", "sam3_contract", "mcp"], cwd=str(ROOT))

    async def asked() -> tuple[Any, str]:
        async with Client(stdio_client(parameters)) as client:
            explained = await client.call_tool("explain", {"name": "M03"})
            started = await client.call_tool("start_mock", {})
            return explained.structured_content, started.structured_content["url"]

    explained, url = asyncio.run(asked())

    assert explained["check"]["code"] == "M03"
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/healthz", timeout=30)


def test_command_keeps_libraries_out_of_its_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(standard_error, "keep_libraries_out_of_a_pipe", lambda: done.append("kept out"))
    serving = SimpleNamespace(run=lambda: done.append("run"))
    monkeypatch.setattr("sam3_contract.agents.tools.make_server", lambda _: serving)

    with pytest.raises(SystemExit):
        main(["mcp"])

    assert done == ["kept out", "run"]


def test_mistake_in_the_command_is_told() -> None:
    result = run_command("mcp", "--allow-live=roboflow")

    assert result.returncode == 2
    assert "the target is no URL" in result.stderr
