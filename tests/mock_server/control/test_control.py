"""The control of a mock: from Python, over `/_mock`, and what the command line makes of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from mock_server import MockControl, Settings, control_of, create_app
from mock_server.http.protocol import CONTROL_PREFIX as PREFIX
from mock_server.scenarios.files import MOST_BYTES
from sam3_contract.errors import UsageError
from tests.mock_server.client import IMAGE, KEY, Json, image
from tests.servers import command_serving, run_command

DOWN = {"name": "down", "answers": [{"status": 503}]}


ROUTES = ("requests", "scenarios", "faults", "reset", "session")


def made(**settings: Any) -> tuple[MockControl, FlaskClient]:
    app = create_app(Settings(**settings))
    return control_of(app), app.test_client()


def embed(http: FlaskClient, **fields: Any) -> int:
    return http.post(f"/sam3/embed_image?api_key={KEY}", json={"image": IMAGE, **fields}).status_code


def concept(http: FlaskClient, text: str) -> int:
    body = {"image": IMAGE, "prompts": [{"text": text}]}
    return http.post(f"/sam3/concept_segment?api_key={KEY}", json=body).status_code


# Python


def test_each_application_has_a_control_of_its_own() -> None:
    first, http = made()
    second, _ = made()

    embed(http)

    assert (len(first.journal.requests), len(second.journal.requests)) == (1, 0)


def test_reset_brings_back_what_was_there_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"scenarios": [{"name": "first", "answers": [{"status": 418}], "then": "normal"}]}))
    control, http = made(scenarios=file)
    assert [embed(http, image_id="a"), embed(http, image_id="a")] == [418, 200]
    control.scenarios.add("second", answers=[{"status": 503}])
    control.scenarios.strict = True

    control.reset()

    assert control.journal.requests == []
    assert control.scenarios.unused == ["'first' took no request"]
    assert not control.scenarios.strict
    assert [embed(http), embed(http)] == [418, 200]


def test_reset_forgets_remembered_images() -> None:
    control, http = made()

    def answer() -> bytes:
        prompts = [{"points": [{"x": 30, "y": 20, "positive": True}]}]
        body = {"image": IMAGE, "image_id": "a", "prompts": prompts}
        return http.post(f"/sam3/visual_segment?api_key={KEY}", json=body).get_data()

    fresh = answer()
    remembered = answer()
    control.reset()

    assert fresh != remembered  # in the time that it claims
    assert answer() == fresh


# HTTP


def test_control_routes_ask_for_no_key_and_leave_no_trace() -> None:
    control, http = made(api_keys=frozenset({KEY}))

    statuses = {
        path: http.get(f"{PREFIX}{path}").status_code for path in ("", "/", "/requests", "/scenarios", "/faults")
    }

    assert set(statuses.values()) == {200}
    assert control.journal.requests == []


def test_control_routes_are_no_part_of_the_contract() -> None:
    _, http = made()

    assert not any(path.startswith(PREFIX) for path in http.get("/openapi.json").get_json()["paths"])


def test_index_names_every_path_with_what_it_does() -> None:
    _, http = made()

    paths = http.get(PREFIX).get_json()["paths"]

    assert set(paths) == {
        PREFIX,
        *(f"{PREFIX}/{name}" for name in ("requests", "scenarios", "faults", "reset", "session")),
    }
    assert all(text.endswith((".", "}.")) for methods in paths.values() for text in methods.values())


def test_requests_are_listed_and_filtered_and_forgotten() -> None:
    _, http = made()
    for text in ("dog", "cat", "dog"):
        concept(http, text)
    embed(http, image=7)

    def numbers(query: str) -> list[int]:
        return [entry["number"] for entry in http.get(f"{PREFIX}/requests?{query}").get_json()["requests"]]

    assert numbers("") == [1, 2, 3, 4]
    assert numbers("operation=concept_segment") == [1, 2, 3]
    assert numbers("text=dog") == [1, 3]
    assert numbers("status=422") == [4]
    assert numbers("limit=2") == [3, 4]
    assert numbers("limit=0") == []
    assert http.get(f"{PREFIX}/requests?text=dog&limit=1").get_json()["matching"] == 2
    assert http.delete(f"{PREFIX}/requests").get_json() == {"cleared": True}
    assert numbers("") == []


def test_scenarios_are_put_added_listed_and_dropped() -> None:
    control, http = made()
    control.scenarios.add("old")

    put = http.put(f"{PREFIX}/scenarios", json={"scenarios": [DOWN]}).get_json()
    added = http.post(f"{PREFIX}/scenarios", json={"name": "one", "when": {"operation": "embed_image"}}).get_json()
    more = http.post(f"{PREFIX}/scenarios", json={"scenarios": [{"name": "two"}]}).get_json()
    status = embed(http)
    listed = http.get(f"{PREFIX}/scenarios").get_json()

    assert [[entry["name"] for entry in answer["scenarios"]] for answer in (put, added, more)] == [
        ["down"],
        ["down", "one"],
        ["down", "one", "two"],
    ]
    assert status == 503
    assert listed["scenarios"][0] == {**DOWN, "fitting": 1, "taken": 1, "problem": None}
    assert listed["problems"] == ["'one' took no request", "'two' took no request"]
    assert http.delete(f"{PREFIX}/scenarios").get_json() == {"strict": False, "scenarios": [], "problems": []}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("application/yaml", "scenarios:\n- name: down\n  answers: [{status: 503}]"),
        ("application/toml", '[[scenarios]]\nname = "down"\nanswers = [{status = 503}]'),
        ("application/json", json.dumps({"scenarios": [DOWN]})),
        ("text/yaml", json.dumps({"scenarios": [DOWN]})),
    ],
)
def test_scenarios_may_come_in_any_format(kind: str, text: str) -> None:
    _, http = made()

    http.put(f"{PREFIX}/scenarios", data=text, content_type=kind)

    assert embed(http) == 503


def test_reset_over_http_is_the_same_as_in_python() -> None:
    control, http = made()
    control.scenarios.add(answers=[{"status": 503}])
    embed(http)

    assert http.post(f"{PREFIX}/reset").get_json() == {"reset": True}

    assert (control.journal.requests, control.scenarios.problems) == ([], [])
    assert embed(http) == 200


def test_faults_are_set_listed_and_taken_off() -> None:
    control, http = made(faults=("status:503:1",))

    at_start = http.get(f"{PREFIX}/faults").get_json()
    statuses = [embed(http), embed(http)]
    put = http.put(f"{PREFIX}/faults", json={"faults": ["status:502", "counts_alone"]}).get_json()
    statuses.append(embed(http))
    dropped = http.delete(f"{PREFIX}/faults").get_json()
    statuses.append(embed(http))
    control.reset()
    statuses.append(embed(http))

    assert at_start["on"] == ["status:503:1"]
    assert {"name", "family", "breaks", "when", "operations", "parameter", "default"} == set(at_start["catalogue"][0])
    assert (put, dropped) == ({"on": ["status:502", "counts_alone"]}, {"on": []})
    assert statuses == [503, 200, 502, 200, 503]


def test_no_faults_may_be_put() -> None:
    _, http = made(faults=("status:503",))

    assert http.put(f"{PREFIX}/faults", json={"faults": []}).get_json() == {"on": []}


def test_unknown_fault_is_refused_and_changes_nothing() -> None:
    control, _ = made(faults=("status:503",))

    with pytest.raises(UsageError, match="no fault named 'statsu'; did you mean 'status'"):
        control.faults = ("statsu",)
    with pytest.raises(UsageError, match="no fault named 'statsu'"):
        made(faults=("statsu",))

    assert control.faults == ("status:503",)


def scenario(**fields: Any) -> str:
    return json.dumps({"scenarios": [fields]}, indent=1)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "/request", "", 404, "no control path named '/_mock/request'; did you mean '/_mock/requests'?"),
        ("PATCH", "/requests", "", 405, "/_mock/requests takes GET, DELETE, not PATCH"),
        ("GET", "/requests?operaton=a", "", 400, "no query parameter named 'operaton'; did you mean 'operation'?"),
        ("GET", "/requests?limit=-1", "", 400, "limit is '-1', has to be a whole number"),
        ("GET", "/requests?status=" + "9" * 5000, "", 400, "has to be a whole number"),
        ("POST", "/reset?hard=1", "", 400, "no query parameter is read, 'hard' is given"),
        ("PUT", "/scenarios", "", 400, "the request's body, line 1: is no JSON: Expecting value"),
        ("PUT", "/scenarios", "[]", 400, "is [], has to be an object"),
        ("PUT", "/scenarios", scenario(tims=1), 400, "line 4: scenarios[0].tims: no field named 'tims'; did you mean"),
        ("POST", "/scenarios", '{"nam": 1}', 400, "line 1: nam: no field named 'nam'; did you mean 'name'?"),
        ("PUT", "/scenarios", scenario(answers=[{"body_file": "/etc/passwd"}]), 400, "body_file: names a file, which"),
        ("PUT", "/scenarios", scenario(when={"image": "/etc/passwd"}), 400, "when.image: names a file, which nothing"),
        ("PUT", "/scenarios", " " * (MOST_BYTES + 1), 413, "data value transmitted exceeds the capacity limit"),
        ("PUT", "/faults", '{"fault": []}', 400, "did you mean 'faults'?"),
        ("PUT", "/faults", "{}", 400, "the request's body, line 1: needs `faults`"),
        ("PUT", "/faults", '{"faults": [1]}', 400, "faults[0]: is 1, has to be a text"),
        ("PUT", "/faults", '{"faults": ["nope"]}', 400, "no fault named 'nope'"),
    ],
)
def test_request_that_makes_no_sense_is_refused_with_the_reason(
    method: str, path: str, body: str, status: int, said: str
) -> None:
    _, http = made()

    answer = http.open(f"{PREFIX}{path}", method=method, data=body, content_type="application/json")

    assert answer.status_code == status
    assert said in answer.get_json()["error"]
    assert http.get(PREFIX).status_code == 200


def test_method_that_is_not_taken_is_answered_with_those_that_are() -> None:
    _, http = made()

    assert http.get(f"{PREFIX}/reset").headers["allow"] == "POST"


def test_scenarios_stay_when_new_ones_hold_a_mistake() -> None:
    _, http = made()
    http.put(f"{PREFIX}/scenarios", json={"scenarios": [DOWN]})

    assert http.put(f"{PREFIX}/scenarios", json={"scenarios": [{"nam": 1}]}).status_code == 400

    assert embed(http) == 503


FOREIGN = [
    ({"Origin": "https://evil.example"}, 403, "another origin"),
    ({"Origin": "null"}, 403, "another origin"),
    ({"Origin": "http://localhost:8000"}, 403, "another origin"),
    ({"Sec-Fetch-Site": "cross-site"}, 403, "another site"),
    ({"Sec-Fetch-Site": "same-site"}, 403, "another site"),
    ({"Host": "evil.example"}, 403, "evil.example"),
    ({"Host": "127.0.0.1.evil.example:9001"}, 403, "evil.example"),
    ({"Content-Type": "text/plain"}, 415, "text/plain"),
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "form"),
    ({"Content-Type": ""}, 415, "content type is ''"),
]


@pytest.mark.parametrize(("headers", "status", "why"), FOREIGN, ids=str)
def test_web_page_cannot_use_the_control_routes(headers: dict[str, str], status: int, why: str) -> None:
    control, http = made()

    answer = http.put(f"{PREFIX}/faults", data='{"faults": ["index_from_one"]}', headers=headers)

    assert answer.status_code == status
    assert why in answer.get_json()["error"]
    assert not any(name.lower().startswith("access-control") for name, _ in answer.headers)
    assert control.faults == ()


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:9001", "127.0.0.1:1", "127.8.8.8", "[::1]:8080", "mock.localhost"]
)
def test_this_machine_and_its_own_pages_can(host: str) -> None:
    control, http = made()
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}

    assert http.put(f"{PREFIX}/faults", json={"faults": ["index_from_one"]}, headers=headers).status_code == 200
    assert control.faults == ("index_from_one",)


def test_preflight_for_a_control_route_allows_nothing() -> None:
    _, http = made()
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}

    answer = http.options(f"{PREFIX}/faults", headers=asked)

    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_hosts_can_be_allowed_and_a_token_be_asked_for() -> None:
    _, http = made(allowed_hosts=frozenset({"mock"}), control_token="secret")

    def status(**headers: str) -> int:
        return http.get(f"{PREFIX}/faults", headers={"Host": "mock:9001", **headers}).status_code

    assert status() == 401
    assert status(**{"X-Mock-Token": "wrong"}) == 401
    assert status(**{"X-Mock-Token": "secret"}) == 200
    assert status(**{"X-Mock-Token": "secret", "Host": "other"}) == 403


@pytest.mark.parametrize("profile", ["documented", "observed"])
def test_switched_off_routes_are_as_unknown_as_any_other_path(profile: Any) -> None:
    control, http = made(control=False, profile=profile)

    answer, unknown = (http.post(f"{name}/reset?api_key={KEY}") for name in (PREFIX, "/other"))

    assert (answer.status_code, answer.get_json()) == (unknown.status_code, unknown.get_json())
    assert len(control.journal.requests) == 2


def test_journal_is_read_while_it_is_written() -> None:
    app = create_app(Settings(journal_requests=20))

    def ask(index: int) -> int:
        http = app.test_client()
        if index % 4 == 0:
            return http.get(f"{PREFIX}/requests?text=dog").status_code
        if index % 10 == 1:
            return http.delete(f"{PREFIX}/requests").status_code
        return concept(http, "dog")

    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(ask, range(200)))

    assert statuses == {200}
    journal = control_of(app).journal
    assert journal.memory == sum(seen.memory for seen in journal.requests)


# Servers


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with command_serving() as url:
        yield url


def test_page_to_click_in_is_where_the_control_routes_are(url: str) -> None:
    shown = requests.get(url, headers={"Accept": "text/html"}, timeout=30)
    asked = {"json": {"image": IMAGE, "prompts": []}, "headers": {"X-Playground": "1"}}

    assert "SAM 3 playground" in shown.text
    assert requests.post(f"{url}/playground/ask/visual_segment", timeout=30, **asked).status_code == 200
    with requests.get(f"{url}/playground/journal", stream=True, timeout=30) as journal:  # it has no end
        assert any("visual_segment" in line for line in journal.iter_lines(chunk_size=1, decode_unicode=True))
    assert requests.get(url, timeout=30).json()["control"] == "/_mock"


def test_delay_holds_up_nobody_else_on_a_server(url: str) -> None:
    slow = {"name": "slow", "when": {"operation": "embed_image"}, "answers": [{"delay": 60}]}
    requests.put(f"{url}{PREFIX}/scenarios", json={"scenarios": [slow]}, timeout=30).raise_for_status()

    def ask(index: int) -> int:
        body: Json = {"image": image(64, 48, str(index))}
        return requests.post(f"{url}/sam3/embed_image?api_key=any", json=body, timeout=50).status_code

    with ThreadPoolExecutor(20) as pool:
        held = [pool.submit(ask, index) for index in range(20)]
        taken = 0
        deadline = time.monotonic() + 40
        while taken < 20 and time.monotonic() < deadline:
            taken = requests.get(f"{url}{PREFIX}/scenarios", timeout=30).json()["scenarios"][0]["taken"]
        body = {"image": IMAGE, "prompts": [{"text": "dog"}]}
        quick = requests.post(f"{url}/sam3/concept_segment?api_key=any", json=body, timeout=30).status_code
        waiting = [not one.done() for one in held]
        requests.post(f"{url}{PREFIX}/reset", timeout=30).raise_for_status()
        statuses = {one.result() for one in held}

    assert (taken, quick) == (20, 200)
    assert all(waiting)
    assert statuses == {200}


def test_readiness_check_leaves_no_trace(url: str) -> None:
    requests.post(f"{url}{PREFIX}/reset", timeout=30).raise_for_status()
    requests.get(f"{url}/healthz", timeout=30).raise_for_status()

    assert requests.get(f"{url}{PREFIX}/requests", timeout=30).json()["requests"] == []


def test_serve_names_the_line_of_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("scenarios:\n- answers:\n  - status: 1\n", encoding="utf-8")

    outcome = run_command("serve", "--port", "0", "--scenario", str(file))

    assert outcome.returncode == 2
    said = "scenarios[0].answers[0].status: is 1, has to be a whole number from 200 to 599"
    assert outcome.stderr == f"sam3-contract: {file}, line 3: {said}\n"


def test_serve_plays_scenarios_and_leaves_the_routes_out(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("scenarios:\n- answers:\n  - status: 418\n", encoding="utf-8")

    with command_serving("--scenario", str(file), "--no-control") as url:
        statuses = [
            requests.post(f"{url}/sam3/embed_image?api_key=any", json={"image": IMAGE}, timeout=30).status_code,
            requests.get(f"{url}{PREFIX}?api_key=any", timeout=30).status_code,
        ]

    assert statuses == [418, 404]
