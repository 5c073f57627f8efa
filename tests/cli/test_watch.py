"""``sam3-contract watch`` before a stand-in that drifts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mock_server import Settings, control_of, create_app
from sam3_contract.cases import built_in_images
from tests.faults import KEY
from tests.servers import run_command, serving


class StandIn:
    """A mock that does as the server does, beside a page and a document that may be others."""

    def __init__(self) -> None:
        self.mock = create_app(Settings(profile="observed", api_keys=frozenset({KEY})))
        self.page = b"<p>Send the key in a header.</p>"
        self.edit: Callable[[bytes], bytes] = lambda document: document

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/page":
            start_response("200 OK", [("Content-Type", "text/html")])
            return [self.page]
        if environ["PATH_INFO"] != "/openapi.json":
            return self.mock(environ, start_response)
        content = self.edit(self.mock.test_client().get("/openapi.json").data)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [content]


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[StandIn, str]]:
    app = StandIn()
    with serving(app) as url:
        yield app, url


@pytest.fixture
def stand_in(shared: tuple[StandIn, str]) -> tuple[StandIn, str]:
    app, url = shared
    StandIn.__init__(app)
    return app, url


def watched(url: str, folder: Path, *options: str) -> tuple[Any, dict[str, Any]]:
    result = run_command("watch", url, "-o", str(folder), "--max-calls", "2", *options, env={"API_KEY": KEY})
    path = folder / "watch.json"
    return result, json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def test_server_that_is_as_it_was_has_not_drifted(stand_in: tuple[StandIn, str], tmp_path: Path) -> None:
    _, url = stand_in

    result, found = watched(url, tmp_path, "--page", f"{url}/page")

    assert result.returncode == found["exit_status"] == 0, result.stdout + result.stderr
    assert f"{url}: nothing has drifted; wrote {tmp_path}" in result.stdout
    assert found["drifts"] == found["unseen"] == []
    assert found["page"]["words"] == 6
    assert {path.name for path in tmp_path.iterdir()} == {"watch.json", "watch.md", "watch.sarif"}


def test_everything_that_drifts_is_told_and_known_the_next_time(stand_in: tuple[StandIn, str], tmp_path: Path) -> None:
    app, url = stand_in
    kept = tmp_path / "kept"
    photograph = tmp_path / "shapes.png"
    photograph.write_bytes(built_in_images()[0].content)
    taken = run_command(
        *("snapshot", "take", url, "-o", str(kept), "--image", str(photograph), "--text", "square"),
        env={"API_KEY": KEY},
    )
    assert taken.returncode == 0, taken.stderr
    options = ("--page", f"{url}/page", "--snapshots", str(kept))
    first, _ = watched(url, tmp_path / "first", *options)
    control_of(app.mock).faults = ["masks_shifted_right:40"]
    app.page = b"<p>Send the key in a cookie.</p>"
    app.edit = lambda document: document.replace(b'"polygon","rle"', b'"polygon"')

    drifted, found = watched(url, tmp_path / "second", *options, "--since", str(tmp_path / "first" / "watch.json"))
    again, later = watched(url, tmp_path / "third", *options, "--since", str(tmp_path / "second" / "watch.json"))

    assert (first.returncode, drifted.returncode, again.returncode) == (0, 1, 1)
    assert {"contract", "snapshot", "page"} <= {drift["kind"] for drift in found["drifts"]}
    assert "G01 " in drifted.stdout
    assert all(drift["new"] for drift in found["drifts"])
    assert {drift["kind"] for drift in later["drifts"] if drift["new"]} == set()
    assert len(later["drifts"]) == len(found["drifts"])  # that of the page as well
    assert "(as before)" in again.stdout
    assert KEY not in drifted.stdout + drifted.stderr + json.dumps(found)


def test_what_cannot_be_looked_at_is_no_drift(stand_in: tuple[StandIn, str], tmp_path: Path) -> None:
    app, url = stand_in
    app.edit = lambda _: b"{}"

    result, found = watched(url, tmp_path, "--page", f"{url}/nowhere")
    without, _ = watched(url, tmp_path, "--no-document")

    assert result.returncode == 3
    assert any("the served document: " in sentence for sentence in found["unseen"])
    assert any("the page: " in sentence and "expected 200 and a page" in sentence for sentence in found["unseen"])
    assert without.returncode == 0


def test_bad_key_is_no_drift_of_the_server(stand_in: tuple[StandIn, str], tmp_path: Path) -> None:
    _, url = stand_in
    _, first = watched(url, tmp_path / "first", "--page", f"{url}/page")
    since = ("--since", str(tmp_path / "first" / "watch.json"))
    options = ("--max-calls", "3", "--page", f"{url}/nowhere", *since)

    result = run_command("watch", url, "-o", str(tmp_path / "second"), *options, env={"API_KEY": "expired-key"})

    later = json.loads((tmp_path / "second" / "watch.json").read_text(encoding="utf-8"))
    assert result.returncode == 3
    assert "no good request was answered, 3 with 401: look at the API key" in result.stderr
    assert later["drifts"] == []
    assert (later["deviations"], later["page"]) == (first["deviations"], first["page"])  # for the next one


def test_summary_of_a_job_is_added_to(
    stand_in: tuple[StandIn, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = stand_in
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    watched(url, tmp_path / "watch", "--github", "--no-document")

    assert summary.read_text(encoding="utf-8").startswith(f"before\n# `{url}`: nothing has drifted")


def test_folder_that_cannot_be_written_is_told_before_anything_is_sent(
    stand_in: tuple[StandIn, str], tmp_path: Path
) -> None:
    app, url = stand_in
    taken = tmp_path / "taken"
    taken.write_text("a file", encoding="utf-8")

    result, _ = watched(url, taken)

    assert result.returncode == 3
    assert f"{taken} cannot be made: File exists; --output takes another folder" in result.stderr
    assert app.mock.test_client().get("/_mock/requests").get_json()["requests"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mock"], "'mock' is no URL of a server"),
        (["http://127.0.0.1:9", "--since", "README.md"], "README.md is no JSON"),
        (["http://127.0.0.1:9", "--spec", "nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["http://127.0.0.1:9", "--page", "docs/sam3"], "'docs/sam3' is no URL of a page; write it like https://docs."),
    ],
)
def test_mistake_in_the_command_is_told_before_anything_is_sent(arguments: list[str], message: str) -> None:
    result = run_command("watch", *arguments)

    assert result.returncode == 2
    assert message in result.stderr
