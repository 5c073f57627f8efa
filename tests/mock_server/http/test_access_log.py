"""The access log: one line a request, in text or JSON, without keys."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask import Flask

from mock_server import Settings, create_app
from mock_server.http import access_log
from tests.mock_server.client import IMAGE

KEY = "a-very-secret-key"
GOOD = {"image": IMAGE, "prompts": [{"text": "dog"}]}


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def client(form: access_log.LogFormat = "json", **settings: Any) -> Any:
    return create_app(Settings(access_log=form, **settings)).test_client()


def test_json_line_tells_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    answer = client().post(f"/sam3/concept_segment?api_key={KEY}&source=a%20test", json=GOOD)

    (line,) = lines_of(capsys)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert 0 < line.pop("milliseconds") < 60_000
    assert line == {
        "client": "127.0.0.1",
        "method": "POST",
        "path": "/sam3/concept_segment",
        "query": "api_key=***&source=a+test",
        "status": 200,
        "bytes_in": answer.request.content_length,
        "bytes_out": len(answer.data),
        "operation": "concept_segment",
        "request_id": answer.headers["x-request-id"],
        "faults": None,
        "session": None,
    }


def test_text_line_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    answer = client("text").post(f"/sam3/embed_image?api_key={KEY}", json={"image": IMAGE})

    line = capsys.readouterr().err
    assert re.fullmatch(
        r"\S+ 127\.0\.0\.1 \"POST /sam3/embed_image\?api_key=\*\*\*\" 200 \d+\.\dms "
        rf"in={answer.request.content_length} out={len(answer.data)} operation=embed_image "
        rf"id={answer.headers['x-request-id']}\n",
        line,
    ), line


def test_no_log_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    create_app().test_client().get("/healthz")

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/", 200),
        ("GET", "/sam3/concept_segment", 401),
        ("GET", "/sam3/nothing?api_key=any", 404),
        ("PUT", "/sam3/concept_segment", 405),
        ("OPTIONS", "/sam3/concept_segment", 405),
        ("POST", "/sam3/concept_segment?api_key=any", 422),
        ("GET", "/_mock/requests", 200),
        ("GET", "/_mock/nothing", 404),
    ],
)
def test_every_answer_is_logged(method: str, path: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    client().open(path, method=method)

    (line,) = lines_of(capsys)
    assert (line["method"], line["path"], line["status"]) == (method, path.partition("?")[0], status)


def test_body_too_large_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    client().post("/sam3/concept_segment?api_key=any", data=bytes(20 * 1024 * 1024 + 1))

    (line,) = lines_of(capsys)
    assert (line["status"], line["bytes_in"]) == (413, 20 * 1024 * 1024 + 1)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        (f"/sam3/concept_segment?api_key={KEY}", {}, GOOD),
        (f"/sam3/concept_segment?API_KEY={KEY}", {}, GOOD),
        (f"/sam3/concept_segment?api%5Fkey={KEY}", {}, GOOD),
        (f"/sam3/concept_segment?service_secret={KEY}&api_key=any", {}, GOOD),
        (f"/sam3/concept_segment?source=my-{KEY}&api_key={KEY}", {}, GOOD),
        (f"/sam3/concept_segment?{KEY}=1&api_key={KEY}", {}, GOOD),
        (f"/{KEY}/model?source=at-{KEY}", {"Authorization": f"Bearer {KEY}"}, {}),
        (f"/sam3/concept_segment?source={KEY}", {}, {**GOOD, "api_key": KEY}),
        ("/sam3/concept_segment", {"Authorization": f"Bearer {KEY}", "x-request-id": KEY}, GOOD),
        (f"/sam3/concept_segment?api_key={KEY}", {"X-Mock-Fault": "size_swapped"}, GOOD),
    ],
)
def test_key_is_in_no_line(
    form: Any, path: str, headers: dict[str, str], body: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    client(form).post(path, headers=headers, json=body)

    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert KEY not in line


def test_key_of_odd_letters_is_in_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    key = "a/b c+d&é=1"

    client("text").get("/sam3/x", query_string={"api_key": key, "source": f"<{key}>"})

    assert re.search(r'"GET /sam3/x\?api_key=\*\*\*&source=%3C\*\*\*%3E"', capsys.readouterr().err)


def test_path_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    client("text").get("/a%0a2026-01-01T00:00:00%20%1b[2J%22", query_string={"api_key": "any", "a\nb": "c\nd"})

    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert '"GET /a%0A2026-01-01T00:00:00%20%1B%5B2J%22?api_key=***&a%0Ab=c%0Ad" 404 ' in line


def test_faults_of_an_answer_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    mock = client(faults=("size_swapped",))
    mock.post("/sam3/concept_segment?api_key=any", json=GOOD)

    assert lines_of(capsys)[0]["faults"] == "size_swapped"


def test_log_that_cannot_be_written_does_not_hinder_an_answer() -> None:
    def broken(_: str) -> None:
        raise BrokenPipeError

    app = Flask("mock")
    access_log.install(app, "text", (), broken)
    app.add_url_rule("/", view_func=lambda: "answered")

    assert app.test_client().get("/").text == "answered"
