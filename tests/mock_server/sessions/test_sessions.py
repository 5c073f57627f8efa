"""Sessions: mocks to themselves on one server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mock_server import Settings, control_of, create_app
from mock_server.control.mock_control import sessions_of
from mock_server.http.session_address import HEADER, session_of, take_base
from mock_server.sessions.sessions import Sessions
from sam3_contract.errors import UsageError
from tests.mock_server.client import IMAGE, image

ONE, OTHER = {HEADER: "one"}, {HEADER: "other"}
DOWN = {"scenarios": [{"name": "down", "answers": [{"status": 503}]}]}


def ask(client: FlaskClient, base: str = "", headers: dict[str, str] | None = None, **fields: Any) -> Any:
    return client.post(f"{base}/sam3/embed_image?api_key=any", json={"image": IMAGE, **fields}, headers=headers)


def answered(app: Any, session: str | None = None) -> list[tuple[str, str | None, int]]:
    return [(seen.path, seen.session, seen.status) for seen in control_of(app, session).journal.requests]


# How a request names its session


@pytest.mark.parametrize(("base", "headers"), [("", ONE), ("/s/one", {}), ("/s/one", ONE)])
def test_session_is_named_by_header_or_base_url(base: str, headers: dict[str, str]) -> None:
    app = create_app()
    control_of(app, "one").faults = ["status:503"]
    client = app.test_client()

    answer, other = ask(client, base, headers), ask(client)

    assert (answer.status_code, other.status_code) == (503, 200)
    assert (answer.headers[HEADER], HEADER in other.headers) == ("one", False)
    assert answered(app, "one") == [("/sam3/embed_image", "one", 503)]
    assert answered(app) == [("/sam3/embed_image", None, 200)]


@pytest.mark.parametrize("name", ["", "a b", "é", "x" * 65, "a%2Fb", "../x"])
def test_what_is_no_id_gets_no_answer(name: str) -> None:
    app = create_app()
    client = app.test_client()

    answers = [ask(client, headers={HEADER: name.encode("utf-8").decode("latin-1")}), ask(client, f"/s/{name}")]
    control = client.get("/_mock", headers={HEADER: name.encode("utf-8").decode("latin-1")})

    assert {answer.status_code for answer in answers if answer.status_code != 404} == {599}
    assert "the id of a session has 1 to 64 letters" in answers[0].get_json()["message"]
    assert control.status_code == 400
    assert "the id of a session" in control.get_json()["error"]
    assert answered(app) == []


def test_header_and_base_url_may_not_name_two() -> None:
    answer = ask(create_app().test_client(), "/s/one", OTHER)

    assert answer.status_code == 599
    assert "name two sessions" in answer.get_json()["message"]


@pytest.mark.parametrize("path", ["/s", "/s/one", "/sam3/s/one/x"])
def test_other_paths_are_what_they_were(path: str) -> None:
    app = create_app()

    assert app.test_client().get(f"{path}?api_key=any").status_code == 404
    assert answered(app) == [(path, None, 404)]


def test_base_url_is_taken_off_once() -> None:
    environ = {"PATH_INFO": "/s/one/s/other/x", "SCRIPT_NAME": "/mounted"}
    for _ in range(2):
        take_base(environ)

    assert environ["PATH_INFO"] == "/s/other/x"
    assert environ["SCRIPT_NAME"] == "/mounted/s/one"
    assert session_of(environ) == "one"


def test_session_keeps_slashes_and_says_its_own_url() -> None:
    client = create_app().test_client()

    assert ask(client, "/s/one/").status_code == 404  # //sam3/embed_image is no path of the service
    assert client.get("/s/one/openapi.json").get_json()["servers"][0]["url"] == "http://localhost/s/one"
    assert client.get("/openapi.json").get_json()["servers"][0]["url"] == "http://localhost"


# What a session owns


def test_session_begins_as_the_mock_does() -> None:
    app = create_app(Settings(faults=("status:503:1",)))
    client = app.test_client()

    statuses = [[ask(client, headers=named).status_code for _ in range(2)] for named in ({}, ONE, OTHER)]

    assert statuses == [[503, 200]] * 3


def test_scenarios_and_their_counts_are_of_a_session() -> None:
    app = create_app()
    client = app.test_client()
    answers = {"name": "limit", "rate_limit": {"requests": 1, "seconds": 60}}
    for named in (ONE, OTHER):
        assert client.put("/_mock/scenarios", json={"scenarios": [answers]}, headers=named).status_code == 200

    statuses = [ask(client, headers=named).status_code for named in (ONE, ONE, OTHER, {}, {})]

    assert statuses == [200, 429, 200, 200, 200]
    assert client.get("/_mock/scenarios", headers=ONE).get_json()["scenarios"][0]["taken"] == 1
    assert client.get("/s/other/_mock/scenarios").get_json()["scenarios"][0]["taken"] == 0
    assert client.get("/_mock/scenarios").get_json()["scenarios"] == []


def test_images_are_remembered_by_a_session_and_an_engine() -> None:
    client = create_app().test_client()
    pixels = {"x-mock-engine": "pixels"}

    def told(headers: dict[str, str]) -> str:
        answer = client.post(
            "/sam3/visual_segment?api_key=any", json={"image": IMAGE, "image_id": "photo"}, headers=headers
        )
        return str(answer.headers["x-mock-embedding-cache"])

    assert [told(named) for named in ({}, ONE, OTHER, ONE, ONE | pixels, {})] == [
        "stored", "stored", "stored", "hit", "stored", "hit",
    ]  # fmt: skip


def test_control_says_of_which_session_it_is() -> None:
    client = create_app().test_client()
    ask(client, headers=ONE)

    index, seen = (client.get(f"/s/one/_mock{path}").get_json() for path in ("", "/requests"))

    assert (index["session"], index["sessions"], index["requests"]) == ("one", 1, 1)
    assert (seen["session"], seen["requests"][0]["session"]) == ("one", "one")
    assert client.get("/_mock/requests").get_json() == {
        "session": None, "matching": 0, "dropped": 0, "requests": [],
    }  # fmt: skip


def test_reset_and_end_are_of_one_session() -> None:
    app = create_app()
    client = app.test_client()
    for named in (ONE, OTHER, {}):
        client.put("/_mock/scenarios", json=DOWN, headers=named)
        ask(client, headers=named)

    assert client.post("/_mock/reset", headers=ONE).get_json() == {"reset": True}
    assert [ask(client, headers=named).status_code for named in (ONE, OTHER, {})] == [200, 503, 503]
    assert client.delete("/_mock/session", headers=OTHER).get_json() == {"ended": "other"}
    assert [ask(client, headers=named).status_code for named in (ONE, OTHER, {})] == [200, 200, 503]
    refused = client.delete("/_mock/session")
    assert (refused.status_code, "never ends" in refused.get_json()["error"]) == (400, True)


def test_ending_the_waits_of_a_session_lets_others_wait() -> None:
    app = create_app()
    for name in ("one", "other"):
        control_of(app, name).scenarios.add("slow", answers=[{"delay": 60}])

    with ThreadPoolExecutor(2) as pool:
        one, other = (pool.submit(ask, app.test_client(), headers=named) for named in (ONE, OTHER))
        while sessions_of(app).named("one").scenarios.unused or sessions_of(app).named("other").scenarios.unused:
            pass
        while not one.done():  # taken is not yet waiting
            control_of(app, "one").end_waits()
        waiting = not other.done()
        while not other.done():
            control_of(app, "other").end_waits()

    assert waiting
    assert (one.result().status_code, other.result().status_code) == (200, 200)


def test_control_of_refuses_what_is_no_id() -> None:
    with pytest.raises(UsageError, match="the id of a session"):
        control_of(create_app(), "no id")


# How sessions end


def sessions(**settings: Any) -> tuple[Sessions, list[float]]:
    found = sessions_of(create_app(Settings(**settings)))
    now = [0.0]
    found.clock = lambda: now[0]
    return found, now


def test_session_ends_when_nobody_uses_it() -> None:
    found, now = sessions(session_idle=60.0)
    one, other = found.named("one"), found.named("other")

    now[0] = 50
    assert found.named("one") is one
    now[0] = 100

    assert found.named("one") is one
    assert found.count == 1
    assert found.named("other") is not other


def test_there_are_only_so_many_and_that_not_used_for_longest_goes() -> None:
    found, _ = sessions(sessions=3)
    first = {name: found.named(name) for name in "abc"}

    found.named("a")
    found.named("d")

    assert found.count == 3
    assert [found.named(name) is first[name] for name in "acb"] == [True, True, False]


def test_sessions_take_only_so_much_together() -> None:
    app = create_app()
    found = sessions_of(app)
    found._most_bytes = 20_000
    client = app.test_client()

    for number in range(12):
        for _ in range(3):
            ask(client, headers={HEADER: str(number)})

    assert 2 <= found.count < 10
    assert len(answered(app, "11")) == 3
    for number in range(12):
        found.end(found.named(str(number)))
    assert found._weight == 0


@pytest.mark.parametrize(
    ("fault", "least"),
    [
        ("answers_cached_without:format", 8 * 100),
        ("image_id_serves_first_image", len(IMAGE["value"])),
        ("image_id_serves_last_image", len(IMAGE["value"])),
    ],
)
def test_what_faults_remember_counts_for_their_session(fault: str, least: int) -> None:
    app = create_app(Settings(journal=False))
    found = sessions_of(app)
    control_of(app, "one").faults = [fault]
    client, session = app.test_client(), found.named("one")
    before = session.memory

    for number in range(8):
        prompts = [{"type": "text", "text": f"thing {number}"}]
        client.post("/sam3/concept_segment?api_key=any", json={"image": IMAGE, "prompts": prompts}, headers=ONE)
        ask(client, headers=ONE, image_id="photo")

    assert session.fault_memories.memory >= least
    assert session.memory - before >= session.fault_memories.memory
    assert found._weight == session.memory
    session.reset()
    assert session.fault_memories.memory == 0


def test_looking_at_a_request_makes_no_session() -> None:
    found, _ = sessions(faults=("status:503",))

    for environ in ({"HTTP_X_MOCK_SESSION": "one"}, {"HTTP_X_MOCK_SESSION": "no id"}):
        assert found.plan_of(environ).faults == ("status:503",)
        assert found.remembered_pixels(environ, "photo") is None
    assert found.count == 0


# Many at once


@dataclass(frozen=True)
class _Client:
    """One of many test runs that share a server: each has other scenarios, faults and images, by its number."""

    app: Flask
    number: int

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        by_header = self.number % 2 == 0
        base = "" if by_header else f"/s/test-{self.number}"
        headers = {HEADER: f"test-{self.number}"} if by_header else {}
        answer = self.app.test_client().open(base + path, method=method, json=body, headers=headers)
        return answer.status_code, answer.get_json()

    def prepare(self) -> None:
        play = {"name": "play", "when": {"nth": 1}, "answers": [{"status": 500 + self.number % 90}]}
        limit = {"name": "limit", "rate_limit": {"requests": 1 + self.number % 2, "seconds": 3600}}
        assert self.call("PUT", "/_mock/scenarios", {"scenarios": [limit, play]})[0] == 200, "not set up"

    def use(self) -> list[int]:
        sent = {"image": image(10 + self.number, 8), "image_id": "photo"}
        return [self.call("POST", "/sam3/visual_segment?api_key=any", sent)[0] for _ in range(2)]

    def look(self) -> tuple[list[int], list[int]]:
        seen = self.call("GET", "/_mock/requests")[1]
        assert seen["session"] == f"test-{self.number}"
        return [one["status"] for one in seen["requests"]], [one["image"]["width"] for one in seen["requests"]]


def test_300_at_once_on_one_server_do_not_see_each_other() -> None:
    app = create_app()
    with ThreadPoolExecutor(32) as pool:
        clients = [_Client(app, number) for number in range(300)]
        list(pool.map(_Client.prepare, clients))
        used = list(pool.map(_Client.use, clients))
        looked = list(pool.map(_Client.look, clients))

    expected = [[500 + number % 90, 200 if number % 2 else 429] for number in range(300)]
    assert used == expected
    assert looked == [(expected[number], [10 + number] * 2) for number in range(300)]
