"""Images by URL: virtual by default, local files on request, and never anything from the network or the disk's rest."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from mock_server import Settings, create_app
from mock_server.http.pauses import Pauses
from sam3_contract.cases import built_in_images
from sam3_contract.errors import UsageError
from tests.servers import command_serving

SCENE = built_in_images()[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    images.mkdir()
    (images / "scene.png").write_bytes(SCENE.content)
    (images / "with space.png").write_bytes(SCENE.content)
    (images / "notes.txt").write_text("no image", encoding="utf-8")
    (tmp_path / "secret.png").write_bytes(SCENE.content)
    (images / "link.png").symlink_to(tmp_path / "secret.png")
    mapping = {"https://example.com/a?size=1": "images/scene.png", "https://example.com/gone.png": "images/gone.png"}
    (tmp_path / "map.json").write_text(json.dumps(mapping), encoding="utf-8")
    return images


def ask(source: Path | None, url: str, **options: Any) -> Any:
    client = create_app(Settings(url_images=source, **options)).test_client()
    body = {"image": {"type": "url", "value": url}, "format": "rle"}
    return client.post("/sam3/visual_segment?api_key=any", json=body)


def size_of(answer: Any) -> Any:
    return answer.get_json()["predictions"][0]["masks"]["size"]


@pytest.mark.parametrize("profile", ["documented", "observed"])
@pytest.mark.parametrize("name", ["scene.png", "deep/er/scene.png?width=9", "with%20space.png"])
def test_file_of_a_folder_stands_for_urls_that_end_in_its_name(folder: Path, name: str, profile: str) -> None:
    answer = ask(folder, f"https://example.com/{name}", profile=profile)

    assert size_of(answer) == list(SCENE.header.size)


def test_file_by_url_is_the_same_picture_as_in_base64(folder: Path) -> None:
    import base64  # noqa: PLC0415

    client = create_app(Settings(url_images=folder)).test_client()
    value = base64.b64encode(SCENE.content).decode()
    images = [{"type": "url", "value": "https://example.com/scene.png"}, {"type": "base64", "value": value}]

    answers = [client.post("/sam3/visual_segment?api_key=any", json={"image": image}).get_data() for image in images]

    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("https://example.com/other.png", "Data pointed by URL could not be decoded into image."),
        ("https://example.com/", "Data pointed by URL could not be decoded into image."),
        ("https://example.com/notes.txt", "Data is not image."),
        ("https://example.com/link.png", "Data pointed by URL could not be decoded into image."),
        ("https://example.com/..%2Fsecret.png", "Data pointed by URL could not be decoded into image."),
        ("https://example.com/%2e%2e/secret.png", "Data pointed by URL could not be decoded into image."),
        ("https://example.com/%00", "Data pointed by URL could not be decoded into image."),
    ],
)
def test_url_without_a_file_is_refused_as_one_that_cannot_be_fetched(folder: Path, url: str, cause: str) -> None:
    answer = ask(folder, url)

    assert (answer.status_code, answer.get_json()) == (400, {"message": f"Could not load input image. Cause: {cause}"})


def test_map_gives_each_url_its_file(folder: Path) -> None:
    source = folder.parent / "map.json"

    assert size_of(ask(source, "https://example.com/a?size=1")) == list(SCENE.header.size)
    assert ask(source, "https://example.com/a").status_code == 400
    assert ask(source, "https://example.com/gone.png").status_code == 400


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is neither a folder nor JSON"),
        ('{"a": 1}', "has to map URLs to paths"),
    ],
)
def test_map_that_is_none_is_named(tmp_path: Path, content: str | None, said: str) -> None:
    source = tmp_path / "map.json"
    if content is not None:
        source.write_text(content, encoding="utf-8")

    with pytest.raises(UsageError, match=said):
        create_app(Settings(url_images=source))


def test_no_connection_is_opened_for_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    assert ask(None, "https://example.com/a.jpg").status_code == 200


def test_latency_makes_an_answer_take_as_long_as_it_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(Pauses, "pause", lambda _, seconds, __: slept.append(seconds))

    claimed = ask(None, "https://example.com/a.jpg", latency=True).get_json()["time"]
    ask(None, "https://example.com/a.jpg")

    assert len(slept) == 1
    assert 0 < slept[0] <= claimed


def test_ready_file_holds_the_url(tmp_path: Path) -> None:
    ready = tmp_path / "ready"

    with command_serving("--ready-file", str(ready), "--url-images", str(tmp_path)) as url:
        assert ready.read_text(encoding="utf-8") == f"{url}\n"
        assert [path.name for path in tmp_path.iterdir()] == ["ready"]
