"""`sam3-contract snapshot` as people meet it: transcripts, exit statuses, pictures, and what goes wrong."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import flask
import numpy as np
import pytest
from PIL import Image

from mock_server import Settings, create_app
from sam3_contract.cli import main
from sam3_contract.snapshots import Change, read_snapshot
from tests.servers import ROOT, serving

KEY = "s3cret-key-of-the-tests"
POINTS = ("--point", "40,30", "--point", "90,60")


class Outcome(NamedTuple):
    status: int
    stdout: str
    stderr: str


Command = Callable[..., Outcome]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `sam3-contract snapshot` in this process."""
    monkeypatch.setenv("ROBOFLOW_API_KEY", KEY)

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["sam3-contract", "snapshot", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main(sys.argv[1:])  # without arguments it takes the process for its own
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert KEY not in said.out + said.err
        assert isinstance(exit_.value.code, int)
        return Outcome(exit_.value.code, said.out, said.err)

    return run


@pytest.fixture(scope="module")
def first() -> Iterator[str]:
    with serving(create_app(Settings(api_keys=frozenset({KEY})))) as url:
        yield url


@pytest.fixture(scope="module")
def second() -> Iterator[str]:
    """Another world: the same images hold other instances."""
    with serving(create_app(Settings(seed=2))) as url:
        yield url


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "street.png"
    ground = np.indices((120, 160)).sum(axis=0) % 256
    Image.fromarray(np.stack([ground, ground // 2, 255 - ground], axis=2).astype(np.uint8)).save(path)
    return path


def test_snapshot_of_one_world_tells_what_moved_appeared_and_vanished_in_another(
    command: Command, first: str, second: str, photo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    texts = [argument for text in ("bus", "tree", "person", "dog", "window") for argument in ("--text", text)]

    taken = command("take", first, "-o", folder, "--image", photo, *texts, *POINTS)
    same = command("compare", first, folder)
    changed = command("compare", second, folder)
    report = json.loads(command("compare", second, folder, "--format", "json").stdout)

    assert (taken.status, same.status, changed.status) == (0, 0, 1)
    assert {path.name for path in folder.glob("*.json")} == {
        "concept_segment-street.json",
        "visual_segment-street.json",
    }
    assert "2 requests: same in 2" in same.stdout
    assert "the model changed" in changed.stdout
    kinds = {one["change"] for request in report["requests"] for one in request["instances"]}
    assert {Change.MOVED, Change.APPEARED, Change.VANISHED} <= kinds
    assert report["exit_status"] == 1
    for request in report["requests"]:
        if request["model_changed"]:
            assert f"picture   {request['picture']}" in changed.stdout
            with Image.open(request["picture"]) as picture:
                colours = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
            for colour in ((20, 120, 220), (245, 130, 10)):  # vanished and appeared, as in the legend
                assert (np.abs(colours - colour).sum(axis=1) < 12).sum() > 50
    assert not any(KEY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_take_keeps_the_same_bytes_again(command: Command, first: str, photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    command("take", first, "-o", folder, "--image", photo, "--text", "bus")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    again = command("take", first, "-o", folder, "--again")

    assert again.status == 0
    assert again.stdout.startswith("as it was")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_take_again_keeps_the_new_answers(
    command: Command, first: str, second: str, photo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    command("take", first, "-o", folder, "--image", photo, *POINTS)

    assert command("take", second, "-o", folder, "--again").stdout.startswith("written")
    assert command("compare", second, folder).status == 0


def test_snapshot_asks_the_built_in_images_when_none_are_given(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "kept"

    assert command("take", "mock", "-o", folder).status == 0
    assert command("compare", "mock", folder).status == 0
    kept = [read_snapshot(path) for path in folder.glob("*.json")]
    assert {one.request.operation for one in kept} == {"concept_segment", "visual_segment"}
    assert {one.request.image.sha256 for one in kept if one.request.image} == {
        path.stem for path in (folder / "images").iterdir()
    }


def test_snapshot_of_request_files_with_and_without_an_image(
    command: Command, first: str, photo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    url = {
        "image": {"type": "url", "value": "https://example.com/dog.jpg"},
        "prompts": [{"text": "dog"}],
        "format": "rle",
    }
    for name, operation, body in (
        ("by url", "concept_segment", url),
        ("boxes", "visual_segment", {"prompts": [{"box": {"x": 80, "y": 60, "width": 50, "height": 40}}]}),
        ("refused", "concept_segment", {"prompts": []}),
        ("stay", "embed_image", {}),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps({"operation": operation, "body": body}))
    files = [argument for path in sorted(tmp_path.glob("*.json")) for argument in ("--request", path)]

    taken = command("take", first, "-o", folder, "--image", photo, *files)

    assert taken.status == 0, taken
    kept = {snapshot.name: snapshot for snapshot in map(read_snapshot, folder.glob("*.json"))}
    assert set(kept) == {"by url", "boxes-street", "refused-street", "stay-street"}
    assert kept["by url"].request.body == url
    assert kept["refused-street"].status == 422
    assert command("compare", first, folder).status == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no JSON: line 1"),
        ("[]", "holds list, expected"),
        ('{"operation": "concept_segment"}', 'holds ["operation"], expected'),
        ('{"operation": "rm", "body": {}}', "operation is 'rm', expected one of concept_segment"),
    ],
)
def test_malformed_request_file_is_a_usage_error(command: Command, tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "request.json").write_text(content)

    found = command("take", "mock", "-o", tmp_path / "kept", "--request", tmp_path / "request.json")

    assert found.status == 2
    assert words in found.stderr
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["take", "mock"], "--output"),
        (["take", "mock", "-o", "x", "--point", "nowhere"], "expected x,y in pixels"),
        (["take", "mock", "-o", "x", "--again", "--text", "dog"], "--again asks what the folder keeps"),
        (["take", "mock", "-o", "x", *["--text", "dog"] * 17], "at most 16 concepts"),
        (["take", "mock", "-o", "x", "--text", ""], "--text '' names no concept"),
        (["take", "nonsense", "-o", "x"], "no URL"),
        (["take", "mock", "-o", "x", "--api-key-env", "NO_SUCH_NAME"], "which is not set"),
        (["compare", "mock", "x", "--iou", "2"], "--iou"),
    ],
)
def test_misuse_is_a_usage_error(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    found = command(*arguments)

    assert found.status == 2, found
    assert words in found.stderr


def test_take_asks_nothing_when_there_is_no_place_for_the_answers(command: Command, photo: Path) -> None:
    found = command("take", "http://127.0.0.1:1", "-o", photo, "--image", photo)

    assert (found.status, found.stderr) == (3, f"sam3-contract: {photo} cannot be written: Not a directory\n")


@pytest.mark.parametrize("kind", ["nowhere", "empty"])
def test_compare_cannot_look_without_snapshots(command: Command, tmp_path: Path, kind: str) -> None:
    folder = tmp_path if kind == "empty" else tmp_path / "nowhere"

    found = command("compare", "mock", folder)

    assert found.status == 3
    assert "`sam3-contract snapshot take` makes" in found.stderr


def test_compare_stops_asking_when_nobody_answers(command: Command, first: str, photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    command("take", first, "-o", folder, "--image", photo, "--text", "bus", *POINTS)
    with serving(create_app()) as url:
        closed = url

    found = command("compare", closed, folder)

    assert found.status == 3
    lines = found.stdout.splitlines()
    assert "could not look: " in lines[0]
    assert "could not look: not asked: " in lines[1]
    taken = command("take", closed, "-o", tmp_path / "other", "--image", photo, "--text", "bus")
    assert taken.status == 3
    assert "1 request not asked" in taken.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("answer", "status", "headline"),
    [
        (
            ({"status": 401, "message": "Unauthorized api_key"}, 401),
            3,
            "could not look: status 401: Unauthorized api_key",
        ),
        (({"message": "Internal error."}, 500), 3, "could not look: status 500: Internal error."),
        (("<h1>login</h1>", 200), 3, "could not look: status 200: text/html"),
        (({"detail": [{"loc": ["body", "prompts"], "msg": "Field required"}]}, 422), 1, "the schema changed"),
        (({"time": 0.1}, 200), 1, "the schema changed"),
        (({"time": 0.1, "prompt_results": []}, 200), 1, "the schema changed"),
    ],
    ids=["401", "500", "page", "422", "no results", "no prompts"],
)
def test_compare_tells_what_could_not_be_looked_at_from_what_changed(
    command: Command, first: str, photo: Path, tmp_path: Path, answer: Any, status: int, headline: str
) -> None:
    folder = tmp_path / "kept"
    command("take", first, "-o", folder, "--image", photo, "--text", "bus")
    app = flask.Flask(__name__)
    app.add_url_rule("/<path:_>", "any", lambda _: answer, methods=["POST"])

    with serving(app) as url:
        found = command("compare", url, folder)

    assert found.status == status
    assert found.stdout.startswith(f"concept_segment-street  {headline}")
    assert "vanished" not in found.stdout


def test_compare_looks_at_the_rest_when_one_snapshot_is_malformed(
    command: Command, first: str, photo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    command("take", first, "-o", folder, "--image", photo, "--text", "bus", *POINTS)
    path = folder / "concept_segment-street.json"
    text = path.read_text().replace('"status": 200', '"status": "fine"')
    path.write_text(text)
    line = text.splitlines().index('  "status": "fine"') + 1

    found = command("compare", first, folder)

    assert found.status == 3
    assert f'could not look: {path}:{line}: $.status: "fine" is not of type "integer"' in found.stdout
    assert "visual_segment-street  same: 2 same" in found.stdout


def test_compare_refuses_an_image_that_was_exchanged(command: Command, first: str, photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    command("take", first, "-o", folder, "--image", photo, "--text", "bus")
    [image] = (folder / "images").iterdir()
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, "PNG")
    image.write_bytes(file.getvalue())

    found = command("compare", first, folder)

    assert found.status == 3
    assert "is not the image 'street.png' that was sent" in found.stdout


def test_take_drops_images_that_no_snapshot_refers_to(
    command: Command, first: str, photo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    command("take", first, "-o", folder, "--image", photo, "--text", "bus")
    [old] = (folder / "images").iterdir()
    Image.new("RGB", (50, 40), "red").save(photo)

    command("take", first, "-o", folder, "--image", photo, "--text", "bus")

    [new] = (folder / "images").iterdir()
    assert new != old


def test_take_tells_of_snapshots_it_did_not_ask_for(command: Command, first: str, photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    command("take", first, "-o", folder, "--image", photo, "--text", "bus")

    found = command("take", first, "-o", folder, "--image", photo, *POINTS)

    assert "1 snapshot of another request stays" in found.stderr
    assert len(list(folder.glob("*.json"))) == 2


def test_requests_of_one_name_become_files_of_their_own(
    command: Command, first: str, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    Image.new("RGB", (50, 40), "red").save(tmp_path / "other" / "street.png")

    command(
        "take",
        first,
        "-o",
        tmp_path / "kept",
        "--image",
        photo,
        "--image",
        tmp_path / "other" / "street.png",
        "--text",
        "bus",
    )

    assert {path.name for path in (tmp_path / "kept").glob("*.json")} == {
        "concept_segment-street.json",
        "concept_segment-street-2.json",
    }


KILLED = """
import os, signal, sys
from sam3_contract.cli import main

replace, calls = os.replace, []

def killing(source, target):
    if str(target).endswith(".json"):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)

os.replace = killing
main()
"""


def test_take_that_is_killed_loses_nothing_that_was_there(
    command: Command, first: str, second: str, photo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    command("take", first, "-o", folder, "--image", photo, "--text", "bus", *POINTS)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    died = subprocess.run(
        [sys.executable, "-c", KILLED, "snapshot", "take", second, "-o", str(folder), "--again"],
        cwd=ROOT,
        env={**os.environ, "ROBOFLOW_API_KEY": KEY},
        capture_output=True,
        check=False,
        timeout=120,
    )

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert {path: path.read_bytes() for path in before} == before
    assert command("compare", first, folder).status == 0
