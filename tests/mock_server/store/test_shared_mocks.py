"""Several mocks on one store are one mock."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from mock_server import Settings, control_of, create_app
from mock_server.control.mock_control import sessions_of
from mock_server.http.session_address import HEADER
from mock_server.store import opening
from sam3_contract.errors import UsageError
from tests.mock_server.client import IMAGE, image
from tests.redis_server import RedisServer
from tests.servers import command_serving

KEY = "sk-a-key-that-nobody-may-find"
HUNDRED = {"scenarios": [{"name": "hundred", "answers": [{"text": f"{n:03}"} for n in range(100)], "then": "refuse"}]}
Make = Callable[..., Flask]


@pytest.fixture(params=["sqlite", "redis"])
def address(request: pytest.FixtureRequest) -> str:
    if request.param == "redis":
        url: str = request.getfixturevalue("redis_url")
        return url
    folder: Path = request.getfixturevalue("tmp_path")
    return f"sqlite:{folder / 'store'}"


@pytest.fixture
def make(address: str) -> Make:
    """Make one more mock on the store of a test, as another process would."""
    return lambda **settings: create_app(Settings(store=address, **settings))


def ask(app: Flask, operation: str = "embed_image", headers: dict[str, str] | None = None, **fields: Any) -> Any:
    body = {"image": IMAGE, **fields}
    return app.test_client().post(
        f"/sam3/{operation}", json=body, headers={"Authorization": f"Bearer {KEY}"} | (headers or {})
    )


def test_what_one_mock_is_told_holds_for_the_other(make: Make) -> None:
    one, other = make(), make()

    one.test_client().put("/_mock/faults", json={"faults": ["status:503:1/2"]})
    control_of(other).scenarios.add("twice", answers=[{"status": 507}, "normal"])
    statuses = [ask(app).status_code for app in (one, other, one, other)]

    assert statuses == [507, 503, 200, 503]
    seen = [control_of(app).journal.requests for app in (one, other)]
    assert seen[0] == seen[1]
    assert [(entry.number, entry.status, entry.scenario) for entry in seen[0]] == [
        (number + 1, status, "twice") for number, status in enumerate(statuses)
    ]


def test_mocks_remember_images_and_logits_together(make: Make) -> None:
    one, other = make(), make()
    told = [
        ask(app, "visual_segment", {"x-mock-engine": engine} if engine else {}, image_id="photo", image=sent).headers[
            "x-mock-embedding-cache"
        ]
        for app, engine, sent in (
            (one, "", IMAGE), (other, "", image(9, 9)), (other, "pixels", IMAGE), (one, "pixels", IMAGE),
        )
    ]  # fmt: skip
    click = {"prompts": [{"points": [{"x": 5, "y": 5, "positive": True}]}], "image_id": "photo"}
    ask(one, "visual_segment", **click, save_logits_to_cache=True)
    found = ask(other, "visual_segment", **click, load_logits_from_cache=True)

    assert told == ["stored", "hit", "stored", "hit"]
    assert found.headers["x-mock-logits-cache"] == "hit"
    control_of(one).reset()
    for headers in ({}, {"x-mock-engine": "pixels"}):
        answer = ask(other, "visual_segment", headers, image_id="photo")
        assert answer.headers["x-mock-embedding-cache"] == "stored"


def test_what_another_mock_was_told_is_known_before_a_request_is_run(make: Make) -> None:
    one, other = make(), make()
    slow = {"scenarios": [{"name": "slow", "answers": [{"delay": 60}]}]}
    assert one.test_client().put("/_mock/scenarios", json=slow, headers={HEADER: "two"}).status_code == 200

    assert sessions_of(other).plan_of({"HTTP_X_MOCK_SESSION": "two"}).plays


def test_half_a_surrogate_pair_is_no_failure_of_a_store(make: Make) -> None:
    app = make(profile="observed")
    content = json.dumps({"image": {"type": "\ud800", "value": "x"}, "prompts": [{"text": "dog"}]})

    for operation in ("concept_segment", "visual_segment", "embed_image"):
        answer = app.test_client().post(f"/sam3/{operation}?api_key=any", data=content, content_type="application/json")
        assert answer.status_code == 400


def test_sessions_are_shared_and_end_for_all(make: Make) -> None:
    one, other = make(), make()
    named = {HEADER: "one"}
    control_of(one, "one").faults = ["status:503"]

    assert [ask(other, headers=headers).status_code for headers in (named, {})] == [503, 200]
    assert other.test_client().delete("/_mock/session", headers=named).get_json() == {"ended": "one"}
    assert ask(one, headers=named).status_code == 200
    assert len(control_of(one, "one").journal.requests) == 1


def test_scenarios_of_a_file_are_counted_together(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"scenarios": [{"answers": [{"status": 503}], "then": "normal"}]}), encoding="utf-8")
    one, other = (make(scenarios=file) for _ in range(2))

    assert [ask(app).status_code for app in (other, one, other)] == [503, 200, 200]
    control_of(one).reset()
    assert [ask(app).status_code for app in (other, one)] == [503, 200]


def test_bodies_of_scenarios_come_back_as_they_were(make: Make) -> None:
    one, other = make(), make()
    control_of(one).scenarios.add("raw", answers=[{"body": bytes(range(256)), "headers": {"x-a": "b"}}])

    answer = ask(other)

    assert (answer.get_data(), answer.headers["x-a"]) == (bytes(range(256)), "b")


def test_limits_are_counted_together(make: Make) -> None:
    one, other = make(), make()
    control_of(one).scenarios.add("limit", rate_limit={"requests": 3, "seconds": 3600})

    answers = [ask(app) for app in (one, other, one, other)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 3590 <= int(answers[-1].headers["retry-after"]) <= 3600


def test_each_answer_is_played_once_by_threads_of_two_mocks(make: Make) -> None:
    apps = [make() for _ in range(2)]
    control_of(apps[0]).scenarios.load(HUNDRED)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: ask(apps[number % 2]), range(110)))

    played = [answer.get_data(as_text=True) for answer in answers if answer.status_code == 200]
    assert sorted(played) == [f"{number:03}" for number in range(100)]
    assert [answer.status_code for answer in answers].count(599) == 10
    assert [entry.number for entry in control_of(apps[1]).journal.requests] == list(range(1, 111))


def test_each_answer_is_played_once_over_workers_of_two_servers(redis_url: str) -> None:
    servers = [command_serving("--store", redis_url, "--workers", "2") for _ in range(2)]
    with ExitStack() as stack, ThreadPoolExecutor(64) as pool:
        places = [urlsplit(url).netloc for url in pool.map(stack.enter_context, servers)]

        def send(place: str, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
            connection = HTTPConnection(place, timeout=60)
            connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            status, content = answer.status, answer.read()
            connection.close()
            return status, content

        assert send(places[0], "PUT", "/_mock/scenarios", HUNDRED)[0] == 200
        path = "/sam3/embed_image?api_key=any"
        answers = list(pool.map(lambda n: send(places[n % 2], "POST", path, {"image": IMAGE}), range(128)))
        seen = json.loads(send(places[1], "GET", "/_mock/requests?limit=1000")[1])

    assert sorted(content.decode() for status, content in answers if status == 200) == [f"{n:03}" for n in range(100)]
    assert [status for status, _ in answers].count(599) == 28
    assert sorted(entry["number"] for entry in seen["requests"]) == list(range(1, 129))


# A store that goes away


@pytest.fixture
def own_redis(started_redis: RedisServer, redis_url: str) -> Iterator[RedisServer]:  # noqa: ARG001 - emptied
    yield started_redis
    started_redis.stop()
    started_redis.start()


def test_what_needs_a_store_that_is_gone_gets_no_answer_until_it_comes_back(own_redis: RedisServer) -> None:
    app = create_app(Settings(store=own_redis.url))
    remembers_only = create_app(Settings(store=own_redis.url, control=False))
    statuses = [ask(app).status_code, ask(remembers_only).status_code]

    own_redis.stop()
    sessions_of(app).clock = lambda: time.monotonic() + 3600  # long since the store was told of the session
    gone = ask(app)
    control = app.test_client().get("/_mock/requests")
    going_on = [app.test_client().get(path).status_code for path in ("/healthz", "/", "/openapi.json", "/nowhere")]
    session = app.test_client().get("/healthz", headers={HEADER: "one"}).status_code
    concept = ask(remembers_only, "concept_segment", prompts=[{"text": "dog"}])
    named = ask(remembers_only, "visual_segment", image_id="photo")
    own_redis.start()
    statuses += [ask(app).status_code, ask(remembers_only, "visual_segment", image_id="photo").status_code]

    assert statuses == [200] * 4
    assert (gone.status_code, control.status_code, named.status_code, concept.status_code) == (599, 599, 599, 200)
    assert "Mock Has No Answer: the store of this mock, a Redis server, cannot be used" in gone.get_json()["message"]
    assert "the store of this mock" in control.get_json()["error"]
    assert "x-request-id" in gone.headers
    assert (going_on, session) == ([200, 200, 200, 401], 200)


def test_answer_that_the_journal_missed_is_none(own_redis: RedisServer) -> None:
    app = create_app(Settings(store=own_redis.url))
    view = app.view_functions["embed_image"]

    def and_then_it_went() -> Any:
        answer = view()
        own_redis.stop()
        return answer

    app.view_functions["embed_image"] = and_then_it_went
    answer = ask(app)

    assert answer.status_code == 599
    assert "cannot be used" in answer.get_json()["message"]


def test_no_key_and_no_password_reaches_what_is_shared(started_redis: RedisServer, redis_url: str) -> None:
    redis = pytest.importorskip("redis")
    app = create_app(Settings(store=redis_url, api_keys=frozenset({KEY})))
    control_of(app).scenarios.add("once", answers=[{"fault": "time_negative"}], then="refuse")
    for _ in range(2):
        ask(app, image_id="photo", api_key=KEY)
    ask(app, image={"type": "url", "value": f"https://example.com/a.jpg?api_key={KEY}"}, api_key=KEY)
    app.test_client().post(f"/sam3/embed_image?api_key={KEY}", json={"api_key": KEY, "image": IMAGE})

    with redis.Redis.from_url(started_redis.url) as client:
        kept = b"".join(client.dump(key) or b"" for key in client.scan_iter())
        names = b"".join(client.scan_iter())

    assert len(kept) > 100
    assert KEY.encode() not in kept + names
    assert "secret" not in repr(Settings(store="redis://:secret@host"))
    lost = create_app(Settings(store="redis://:secret@127.0.0.1:1"))
    assert "secret" not in ask(lost).get_data(as_text=True)


def test_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(UsageError, match=r"redis is missing, .*pip install 'sam3-contract\[redis\]'"):
        opening.open_store("redis://localhost", sessions=1, idle=1)
