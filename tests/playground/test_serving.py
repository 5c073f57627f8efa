"""The page's own paths: whom they serve, what they hand on, and that no key comes out of them."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Request, Response

from mock_server import Settings, control_of, create_app
from sam3_contract.errors import StoreError
from sam3_contract.images.scenes import built_in_scenes
from sam3_contract.playground.server_target import ServerTarget
from sam3_contract.playground.serving import Playground, before_server, beside_mock
from sam3_contract.playground.watching import JournalEvents
from sam3_contract.recording import Budget, Upstream
from tests.servers import serving

KEY = "a-secret-key-of-somebody"
STATIC = Path(beside_mock.__code__.co_filename).parent / "static"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGE = {"X-Playground": "1"}
IMAGE = {"type": "base64", "value": base64.b64encode(built_in_scenes()[0].content).decode()}
BODY = {"image": IMAGE, "prompts": [{"points": [{"x": 86, "y": 118, "positive": True}]}], "format": "rle"}


def page(settings: Settings | None = None) -> tuple[Client, Any]:
    settings = settings or Settings(api_keys=frozenset({KEY}))
    app = create_app(settings)
    return Client(beside_mock(app, app, settings)), control_of(app)


def ask(client: Client, body: Any = BODY, operation: str = "visual_segment", **headers: str) -> TestResponse:
    sent = {**PAGE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return client.post(f"/playground/ask/{operation}", json=body, headers=sent)


def test_front_page_is_a_page_for_browsers_and_json_for_programs() -> None:
    client, _ = page()

    shown = client.get("/", headers=BROWSER)
    assert shown.content_type == "text/html; charset=utf-8"
    assert shown.data == (STATIC / "index.html").read_bytes()
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
    assert client.get("/").get_json()["contract"] == "/openapi.json"
    assert client.get("/docs", headers=BROWSER).status_code == 200
    assert client.post("/sam3/visual_segment?api_key=wrong-key", json=BODY).status_code == 401


def test_page_goes_on_without_the_store_and_says_what_does_not(tmp_path: Path) -> None:
    client, _ = page(Settings(store=f"sqlite:{tmp_path / 'no such folder' / 'store'}"))

    assert [client.get(path, headers=BROWSER).status_code for path in ("/", "/playground/about")] == [200, 200]
    for answer in (client.get("/playground/journal"), ask(client)):
        assert answer.status_code == 599
        assert "the store of this mock" in answer.get_data(as_text=True)


def test_every_file_of_the_page_is_served_and_no_other() -> None:
    client, _ = page()
    named = re.findall(r'(?:href|src|from)=?\s*"(?:playground/|\./)([\w/.]+)"', (STATIC / "index.html").read_text())
    scripts = [path.name for path in STATIC.glob("*.js")]

    assert set(named) <= {"style.css", "app.js"}
    for name in {*named, *scripts, "examples/cat.jpg", "examples/coffee.jpg", "examples/astronaut.jpg"}:
        answer = client.get(f"/playground/{name}")
        assert (answer.status_code, answer.data) == (200, (STATIC / name).read_bytes())
    for other in ("../serving.py", "examples/README.md", "examples/", "no.js", "%2e%2e/serving.py"):
        assert client.get(f"/playground/{other}").status_code == 404


def test_files_load_nothing_from_elsewhere_and_render_nothing_foreign_as_html() -> None:
    for path in (*STATIC.glob("*.js"), *STATIC.glob("*.css"), STATIC / "index.html"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"(?:src|href|url\(|import\(|from)\W*https?:", text) == [], path.name
        assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text) == []


def test_page_says_what_it_asks_without_the_key() -> None:
    client, _ = page()

    about = client.get("/playground/about")

    told = about.get_json()
    assert (told["mock"], told["target"], told["engine"]) == (True, "http://localhost", "pixels")
    assert {"size_swapped", "status"} <= {fault["name"] for fault in told["faults"]}
    assert KEY not in about.text


def test_asking_gives_what_any_client_is_given_and_shows_in_the_journal() -> None:
    client, control = page()

    answer = ask(client)

    directly = client.post("/sam3/visual_segment", json=BODY, headers={"Authorization": f"Bearer {KEY}"})
    assert (answer.status_code, answer.data) == (200, directly.data)
    assert [entry.operation for entry in control.journal.requests] == ["visual_segment"] * 2
    assert KEY not in str(answer.headers) + answer.text


def test_fault_and_engine_are_of_one_request() -> None:
    client, _ = page(Settings(scenes=False))

    swapped = ask(client, X_Mock_Fault="size_swapped").get_json()["predictions"][0]["masks"]["size"]
    looked, drawn = (ask(client, X_Mock_Engine=name) for name in ("pixels", "synthetic"))

    assert swapped == [320, 208]
    assert [one.headers["x-mock-masks"] for one in (looked, drawn)] == ["estimated", "exact"]
    assert ask(client).data == drawn.data
    assert ask(client, X_Mock_Fault="status:429").status_code == 429


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"X-Playground": "0"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_other_pages_may_not(headers: dict[str, str], status: int) -> None:
    client, control = page()
    sent = {"Content-Type": "application/json", **PAGE, **headers}

    for path in ("ask/visual_segment", "judge"):
        refused = client.post(f"/playground/{path}", data=json.dumps(BODY), headers=sent)
        assert refused.status_code == status
        assert refused.get_json()["error"]
    if status == 403 and "X-Playground" not in headers:
        assert client.get("/playground/journal", headers=headers).status_code == 403
        assert client.get("/playground/about", headers=headers).status_code == 403
    assert control.journal.requests == []


def test_beyond_loopback_the_token_of_the_control_routes_is_wanted() -> None:
    client, _ = page(Settings(control_token="a-token"))

    assert client.get("/playground/about").status_code == 401
    assert client.get("/playground/about", headers={"X-Mock-Token": "a-token"}).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "ask/visual_segment"), ("POST", "ask/other"), ("GET", "judge")])
def test_other_paths_are_not_there(method: str, path: str) -> None:
    client, _ = page()

    assert client.open(f"/playground/{path}", method=method, json={}, headers=PAGE).status_code == 404


def judged(client: Client, answer: TestResponse, body: Any = BODY, operation: str = "visual_segment") -> Any:
    told = {"operation": operation, "body": body, "status": answer.status_code, "answer": answer.text}
    told["headers"] = {name.lower(): value for name, value in answer.headers.items()}
    return client.post("/playground/judge", json=told, headers=PAGE).get_json()


def test_answer_is_judged_as_verify_judges_it() -> None:
    client, _ = page()

    assert judged(client, ask(client)) == {"findings": []}
    findings = judged(client, ask(client, X_Mock_Fault="size_swapped"))["findings"]
    found = next(one for one in findings if one["code"] == "M03")
    assert found["place"] == "$.predictions[0].masks.size"
    assert (found["name"], found["found"]) == ("rle_size_is_the_images", "[320, 208]")
    assert "RLE04" in found["because"]


@pytest.mark.parametrize(("status", "codes"), [(401, set()), (402, set()), (503, set()), (429, {"S01", "S02"})])
def test_refusal_of_a_good_request_is_judged_by_what_the_document_says(status: int, codes: set[str]) -> None:
    client, _ = page()

    findings = judged(client, ask(client, X_Mock_Fault=f"status:{status}"))["findings"]

    assert {one["code"] for one in findings} == codes


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        (b"no json", "Invalid JSON"),
        (b"{}", "operation: Field required"),
        (b'{"operation": "x", "body": {}, "status": 200, "headers": {}, "answer": ""}', "x"),
    ],
)
def test_what_cannot_be_judged_is_said(told: bytes, problem: str) -> None:
    client, _ = page()

    answer = client.post("/playground/judge", data=told, headers={**PAGE, "Content-Type": "application/json"})

    assert answer.status_code == 422
    assert problem in answer.get_json()["error"]


def test_archive_is_judged_by_its_bytes() -> None:
    client, _ = page()
    body = {**BODY, "format": "binary"}
    answer = client.post("/sam3/visual_segment", json=body, headers={"Authorization": f"Bearer {KEY}"})
    asked = {"operation": "visual_segment", "body": body, "status": 200, "headers": dict(answer.headers)}

    def judged(content: bytes, *, written: str = "") -> Any:
        given = {"answer": written or base64.b64encode(content).decode(), "is_base64": True}
        return client.post("/playground/judge", json={**asked, **given}, headers=PAGE)

    assert judged(answer.data).get_json() == {"findings": []}
    assert judged(answer.data[:-9]).get_json()["findings"] != []
    assert (judged(b"", written="no base64!").status_code, judged(b"", written="=").status_code) == (422, 422)


def events(client: Client, seen: int | None = None) -> list[tuple[int, Any]]:
    headers = {} if seen is None else {"Last-Event-ID": str(seen)}
    answer = client.get("/playground/journal", headers=headers)
    assert answer.content_type == "text/event-stream; charset=utf-8"
    blocks = re.findall(r"^id: (\d+)\ndata: ?(.*)\n$", answer.text, re.MULTILINE)
    return [(int(number), json.loads(data) if data else None) for number, data in blocks]


def test_journal_tells_what_is_new() -> None:
    client, control = page()

    assert events(client) == [(0, None)]
    for _ in range(2):
        client.post("/sam3/visual_segment", json=BODY, headers={"Authorization": f"Bearer {KEY}"})
    assert [number for number, _ in events(client)] == [number for number, _ in events(client, 0)] == [1, 2]
    ((number, entry),) = events(client, 1)
    assert (number, entry["operation"], entry["status"]) == (2, "visual_segment", 200)
    assert entry["body"]["prompts"] == BODY["prompts"]
    assert events(client, 2) == []
    control.reset()
    ask(client)
    assert [number for number, _ in events(client, 2)] == [1]


def told(stream: JournalEvents) -> list[str]:
    """The names and ids of the events that came."""
    return re.findall(r"^(?:event: |id: |data: (?=..requests))(.+)$", (stream.more() or b"").decode(), re.MULTILINE)


def test_stream_of_the_journal_tells_each_request_once() -> None:
    client, control = page()
    stream = JournalEvents(control.journal, None)

    assert told(stream) == ["0"]
    assert stream.more() == b""
    ask(client)
    assert told(stream) == ["1"]
    for _ in range(2):
        ask(client)
    assert told(stream) == ["2", "3"]
    assert stream.more() == b""


def test_stream_of_a_journal_that_was_emptied_begins_again() -> None:
    client, control = page()
    stream = JournalEvents(control.journal, None)
    ask(client)
    stream.more()

    control.reset()
    assert stream.more() == b""
    for _ in range(3):
        ask(client)

    assert told(stream) == ["1", "2", "3"]


def test_requests_that_had_to_go_before_they_were_told_are_counted() -> None:
    client, control = page(Settings(journal_requests=2))
    stream = JournalEvents(control.journal, 1)
    for _ in range(5):
        ask(client)

    assert told(stream) == ["lost", '{"requests":2}', "4", "5"]


def test_long_journal_is_told_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sam3_contract.playground.watching._PIECE", 1)
    client, control = page()
    for _ in range(2):
        ask(client)
    stream = JournalEvents(control.journal, 0)

    assert [told(stream) for _ in range(3)] == [["1"], ["2"], []]


def test_stream_ends_with_its_store(monkeypatch: pytest.MonkeyPatch) -> None:
    _, control = page()
    monkeypatch.setattr(type(control.journal), "last", property(lambda _: (_ for _ in ()).throw(StoreError("away"))))

    assert JournalEvents(control.journal, None).more() is None


def echoing(environ: dict[str, Any], start_response: Any) -> Any:
    """A server that answers with all that it was sent."""
    request = Request(environ)
    told = {"headers": dict(request.headers), "body": request.get_json()}
    headers = {"X-Echo": request.headers.get("Authorization", ""), "Access-Control-Allow-Origin": "*"}
    return Response(json.dumps(told), headers=headers, content_type="application/json")(environ, start_response)


def before(url: str, calls: int = 20) -> Client:
    target = ServerTarget(Upstream(url, timeout=5), KEY, Budget(calls))
    return Client(before_server(target))


def test_server_is_asked_within_a_budget_and_its_key_never_comes_here() -> None:
    with serving(echoing) as url:
        client = before(url, calls=1)
        about = client.get("/playground/about")
        answer = ask(client, Cookie="mine", X_Mock_Fault="status:500")
        over = ask(client)

    assert (about.get_json()["costs"], about.get_json()["calls_left"]) == (True, 1)
    told = answer.get_json()
    assert told["body"] == BODY
    assert told["headers"]["Authorization"] == "Bearer ***"
    assert not {"Cookie", "X-Mock-Fault", "X-Playground"} & told["headers"].keys()
    assert answer.headers["x-echo"] == "Bearer ***"
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["x-playground-calls-left"] == "0"
    assert (over.status_code, over.get_json()["message"].startswith("the budget of 1")) == (599, True)
    assert KEY not in answer.text + str(answer.headers) + about.text


def test_server_that_sends_on_is_not_followed() -> None:
    moved = Response(status=308, headers={"Location": f"/playground/ask/visual_segment?api_key={KEY}"})
    with serving(moved) as url:
        client = before(url, calls=5)
        answer = ask(client)

    assert (answer.status_code, answer.headers["x-playground-calls-left"]) == (502, "4")
    assert answer.get_json()["message"] == "the server sends on (308); name the URL that it sends to"


def test_server_that_does_not_answer_is_said() -> None:
    with serving(echoing) as url:
        client = before(url)

    answer = ask(client)

    assert answer.status_code == 502
    assert "gave no whole answer" in answer.get_json()["message"]


def test_nothing_but_the_page_stands_before_a_server() -> None:
    client = before("http://127.0.0.1:9")

    assert client.get("/", headers=BROWSER).status_code == 200
    assert client.get("/sam3/visual_segment").status_code == 404
    assert client.get("/playground/journal").status_code == 404


def test_page_before_a_recording_asks_the_recording() -> None:
    settings = Settings()
    app = create_app(settings)
    made = beside_mock(echoing, app, settings)

    assert isinstance(made, Playground)
    assert ask(Client(made)).get_json()["body"] == BODY
