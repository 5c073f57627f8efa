"""The official clients, unmodified but for the base URL, against the mock; in an environment of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mock_server import Settings, control_of, create_app
from sam3_contract.recording import ReplayApp, Session, Upstream
from tests.faults import KEY
from tests.servers import ROOT, serving

CLIENTS = ROOT / ".venv-clients" / "bin" / "python"
SHARED = ["frame_id", "inference_id", "resolved_model", "time"]


@pytest.fixture(scope="module", params=["documented", "observed"])
def used_by_the_sdk(request: pytest.FixtureRequest) -> tuple[str, Any]:
    if not CLIENTS.exists():
        pytest.skip("`make clients` installs the official clients")
    profile = request.param
    app = create_app(Settings(api_keys=frozenset({KEY}), profile=profile))
    with serving(app) as url:
        command = [str(CLIENTS), str(ROOT / "tests" / "clients" / "official_sdk.py"), url, KEY]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    return profile, json.loads(result.stdout)


def test_official_sdk_gets_what_it_asks_for(used_by_the_sdk: tuple[str, Any]) -> None:
    profile, used = used_by_the_sdk

    assert used["texts"] == ["specimen:hole", "specimen:nothing"]
    assert used["predictions"] == (3 if profile == "documented" else 1)
    assert used["no_prompt"] == 1
    assert used["rle_size"] == [60, 90]
    assert used["image_id"] == "named"
    assert used["asynchronous"] == [
        sorted([*SHARED, "prompt_results"]),
        sorted([*SHARED, "predictions"]),
        sorted([*SHARED, "image_id"]),
    ]


def test_official_sdk_may_send_its_key_in_any_way(used_by_the_sdk: tuple[str, Any]) -> None:
    _, used = used_by_the_sdk

    assert used["transports"] == ["named"] * 3
    assert used["refusal"].startswith("401 ")
    assert "not authorized for serverless inference" in used["refusal"]


def test_supervision_reads_both_answers_and_fills_the_hole(used_by_the_sdk: tuple[str, Any]) -> None:
    profile, used = used_by_the_sdk

    masks = 3 if profile == "documented" else 1
    assert used["detections"]["concept"] == [1, [1, 60, 90], True]
    assert used["detections"]["visual"] == [masks, [masks, 60, 90], True]


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("fault", ["status:503:2", "rate_limited:0:2"])
def test_official_sdk_tries_again_while_the_service_is_busy(fault: str, way: str) -> None:
    if not CLIENTS.exists():
        pytest.skip("`make clients` installs the official clients")
    app = create_app(Settings(api_keys=frozenset({KEY}), faults=(fault,)))
    with serving(app) as url:
        command = [str(CLIENTS), str(ROOT / "tests" / "clients" / "retrying_sdk.py"), url, KEY, way]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert result.stdout.split() == ["named"], result.stderr
    statuses = [seen.status for seen in control_of(app).journal.requests]
    assert statuses[-1] == 200
    assert len(statuses) == 3


def test_official_sdk_is_intercepted_at_the_services_own_url() -> None:
    if not CLIENTS.exists():
        pytest.skip("`make clients` installs the official clients")
    program = ROOT / "tests" / "clients" / "intercepted_sdk.py"
    result = subprocess.run(
        [str(CLIENTS), str(program)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {
        "called": [1, 3],
        "awaited": [1, 3],
        "seen": ["concept_segment", "visual_segment"] * 2,
        "refused": ["detect.roboflow.com"] * 2,
    }


def test_curl_prints_the_answer() -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    image = {"type": "url", "value": "https://example.com/dog.jpg"}
    body = json.dumps({"image": image, "prompts": [{"type": "text", "text": "dog"}]})
    with serving(create_app()) as url:
        address = f"{url}/sam3/concept_segment?api_key=any"
        command = [curl, "-s", address, "-H", "Content-Type: application/json", "-d", body]
        result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert json.loads(result.stdout)["prompt_results"][0]["echo"]["text"] == "dog"


def test_node_fetches_from_another_origin(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    program = tmp_path / "client.mjs"
    program.write_text(
        """
        const body = {image: {type: "url", value: "https://example.com/dog.jpg"}, prompts: [{text: "specimen:tiny"}]};
        const answer = await fetch(process.argv[2] + "/sam3/concept_segment", {
          method: "POST",
          headers: {"Content-Type": "application/json", Authorization: "Bearer any", Origin: "https://app.example.com"},
          body: JSON.stringify(body),
        });
        const found = await answer.json();
        console.log(answer.headers.get("access-control-allow-origin"), found.prompt_results[0].predictions.length);
        """,
        encoding="utf-8",
    )
    with serving(create_app()) as url:
        result = subprocess.run([node, str(program), url], capture_output=True, text=True, check=True, timeout=60)

    assert result.stdout.split()[-1] == "3"


def test_browser_fetches_from_another_origin(tmp_path: Path) -> None:
    """A page of one origin asks the mock at another, with a header that the browser asks leave for first."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no browser is installed")
    app = create_app()

    def page(_: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE.replace("MOCK", url).encode()]

    with serving(app) as url, serving(page) as other:
        assert url != other
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000"]
        command += [f"--user-data-dir={tmp_path}", "--dump-dom", other]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert "found 3, allowed" in result.stdout, result.stdout + result.stderr[-2000:]
    assert [(seen.method, seen.status) for seen in control_of(app).journal.requests if seen.operation][-1] == (
        "POST",
        200,
    )


PAGE = """<!doctype html><title>asking</title><p id="said">asking</p><script>
fetch("MOCK/sam3/concept_segment", {
  method: "POST",
  headers: {"Content-Type": "application/json", "Authorization": "Bearer any"},
  body: JSON.stringify({image: {type: "url", value: "https://example.com/a.jpg"}, prompts: [{text: "specimen:tiny"}]}),
}).then((answer) => answer.json()).then((found) => {
  const count = found.prompt_results[0].predictions.length;
  document.getElementById("said").textContent = `found ${count}, allowed`;
}, (error) => { document.getElementById("said").textContent = `refused: ${error}`; });
</script>"""


def test_official_sdk_is_recorded_and_replayed(tmp_path: Path) -> None:
    if not CLIENTS.exists():
        pytest.skip("`make clients` installs the official clients")
    command = [str(CLIENTS), str(ROOT / "tests" / "clients" / "official_sdk.py")]
    with serving(create_app(Settings(api_keys=frozenset({KEY})))) as upstream:
        recording = Session(tmp_path / "t.har", mode="all", upstream=Upstream(upstream))
        with serving(ReplayApp(recording, create_app())) as url:
            first = subprocess.run([*command, url, KEY], capture_output=True, text=True, check=False, timeout=120)
    replay = Session(tmp_path / "t.har")
    with serving(ReplayApp(replay, create_app())) as url:
        again = subprocess.run([*command, url, KEY], capture_output=True, text=True, check=False, timeout=120)

    assert first.returncode == 0, first.stderr
    assert json.loads(again.stdout) == json.loads(first.stdout), again.stderr
    replay.verify()
    assert KEY not in (tmp_path / "t.har").read_text("utf-8")
