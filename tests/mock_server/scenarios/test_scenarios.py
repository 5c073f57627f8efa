"""Scenarios: which requests they take, what is answered, what is reported, and what is said of a bad file."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from mock_server import Settings, control_of, create_app
from mock_server.http.inspection import InspectedRequest
from mock_server.scenarios.files import MOST_BYTES, Source
from mock_server.scenarios.plan import Plan
from mock_server.scenarios.player import Scenarios
from sam3_contract.errors import ScenarioError, UsageError
from tests.mock_server.client import IMAGE, Json, image, png

DIGEST = hashlib.sha256(png(64, 48)).hexdigest()
URL = "https://example.com/dog.jpg"
OK = {"status": 200}
OPERATIONS = ("concept_segment", "visual_segment", "embed_image")


class Mock:
    """A mock, a client of it, and its scenarios."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.app = create_app(settings)
        self.control = control_of(self.app)
        self.scenarios = self.control.scenarios
        self.http = self.app.test_client()

    def ask(self, operation: str = "embed_image", *, headers: Json | None = None, **fields: Any) -> TestResponse:
        if operation == "concept_segment":
            fields = {"prompts": [{"text": "dog"}], **fields}
        path = f"/sam3/{operation}?api_key=any"
        return self.http.post(path, json={"image": IMAGE, **fields}, headers=headers)

    def statuses(self, number: int) -> list[int]:
        return [self.ask().status_code for _ in range(number)]


def answers(*statuses: int | str) -> list[Any]:
    return [status if isinstance(status, str) else {"status": status} for status in statuses]


# What is answered


def test_answers_come_one_after_another_and_the_last_repeats() -> None:
    mock = Mock()
    mock.scenarios.add("a", answers=answers(503, "normal", 429))

    assert mock.statuses(5) == [503, 200, 429, 429, 429]


@pytest.mark.parametrize(("then", "statuses"), [("normal", [503, 200, 200]), ("refuse", [503, 599, 599])])
def test_what_follows_the_last_answer_can_be_told(then: Any, statuses: list[int]) -> None:
    mock = Mock()
    mock.scenarios.add("a", answers=answers(503), then=then)

    assert mock.statuses(3) == statuses


def test_scenario_that_has_ended_leaves_requests_to_the_next() -> None:
    mock = Mock()
    mock.scenarios.add("first", answers=answers(503), then="normal")
    mock.scenarios.add("second", answers=answers(507))

    assert mock.statuses(3) == [503, 507, 507]


def test_no_answer_left_is_said_and_reported() -> None:
    mock = Mock()
    mock.scenarios.add("a", answers=answers(503), then="refuse", times="any")

    mock.ask()
    answer = mock.ask()

    assert answer.get_json() == {"message": "Mock Has No Answer: 'a' has no answer left after 1 request"}
    assert mock.scenarios.unmatched == ["'a' has no answer left after 1 request"]


def test_fixed_answer_is_given_as_it_is() -> None:
    mock = Mock()
    mock.scenarios.add(answers=[{"status": 418, "headers": {"Retry-After": "3"}, "body": {"message": "ä"}}])

    answer = mock.ask()

    assert (answer.status_code, answer.headers["retry-after"]) == (418, "3")
    assert (answer.content_type, answer.get_json()) == ("application/json", {"message": "ä"})
    assert answer.headers["content-length"] == str(len(answer.get_data()))


@pytest.mark.parametrize(
    ("told", "content", "kind"),
    [
        ({"text": "Bad Gateway"}, b"Bad Gateway", "text/plain; charset=utf-8"),
        ({"body": None}, b"null", "application/json"),
        ({"body": b"\0\1"}, b"\0\1", "application/octet-stream"),
        ({"body": [], "headers": {"Content-Type": "application/x"}}, b"[]", "application/x"),
        ({"status": 204}, b"", "application/json"),
    ],
    ids=["text", "null", "bytes", "type", "nothing"],
)
def test_body_is_sent_by_its_kind(told: Json, content: bytes, kind: str) -> None:
    mock = Mock()
    mock.scenarios.add(answers=[told])

    answer = mock.ask()

    assert (answer.get_data(), answer.content_type) == (content, kind)


def test_body_is_read_from_a_file_beside_the_scenarios(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>Bad gateway</p>", encoding="utf-8")
    file = tmp_path / "a.yaml"
    file.write_text("scenarios: [{answers: [{status: 502, body_file: page.html}]}]", encoding="utf-8")

    answer = Mock(Settings(scenarios=file)).ask()

    assert (answer.status_code, answer.mimetype, answer.get_data()) == (502, "text/html", b"<p>Bad gateway</p>")


def test_journal_names_the_scenario_that_answered() -> None:
    mock = Mock()
    mock.scenarios.add("down", when={"operation": "embed_image"}, answers=answers(503))

    mock.ask()
    mock.ask("concept_segment")

    assert [(seen.status, seen.scenario) for seen in mock.control.journal.requests] == [(503, "down"), (200, None)]


def test_request_without_a_key_is_refused_and_not_counted() -> None:
    mock = Mock()
    mock.scenarios.add("a", answers=answers(503))

    answer = mock.http.post("/sam3/embed_image", json={"image": IMAGE})

    assert answer.status_code == 401
    assert mock.scenarios.unused == ["'a' took no request"]


@pytest.mark.parametrize("fault", ["status:503", ["counts_alone", "status:503"]])
def test_fault_is_put_on_the_answer_and_on_no_other(fault: Any) -> None:
    mock = Mock()
    mock.scenarios.add(answers=[{"fault": fault}, "normal"])

    assert mock.statuses(2) == [503, 200]
    first, second = mock.control.journal.requests
    assert "status:503" in first.faults
    assert second.faults == ()


def test_fault_changes_the_normal_answer() -> None:
    mock = Mock()
    mock.scenarios.add(when={"nth": 2}, answers=[{"fault": "counts_truncated"}])
    asked: Json = {"format": "rle", "prompts": [{"text": "specimen:hole"}]}

    right, wrong, again = (mock.ask("concept_segment", **asked).get_json() for _ in range(3))

    assert right == again != wrong
    assert wrong["prompt_results"][0]["predictions"][0]["format"] == "rle"


# Which requests


@pytest.mark.parametrize(
    ("when", "asked", "other"),
    [
        ({"operation": "concept_segment"}, {}, {"operation": "embed_image"}),
        ({"operation": ["visual_segment", "concept_segment"]}, {}, {"operation": "embed_image"}),
        ({"text": "dog"}, {"prompts": [{"text": "cat"}, {"text": "dog"}]}, {"prompts": [{"text": "Dog"}]}),
        ({"texts": ["a", "b"]}, {"prompts": [{"text": "a"}, {"text": "b"}]}, {"prompts": [{"text": "a"}]}),
        ({"format": "rle"}, {"format": "rle"}, {}),
        ({"image_id": "yard"}, {"image_id": "yard"}, {"image_id": "street"}),
        ({"image": f"sha256:{DIGEST}"}, {}, {"image": image(64, 48, "other")}),
        ({"image": DIGEST}, {}, {"image": {"type": "url", "value": URL}}),
        ({"image": png(64, 48)}, {}, {"image": {"type": "base64", "value": "?"}}),
        ({"image": URL}, {"image": {"type": "url", "value": URL}}, {}),
        ({"headers": {"X-Test": "one"}}, {"headers": {"x-test": "one"}}, {"headers": {"x-test": "two"}}),
        ({"text": "dog", "format": "rle"}, {"format": "rle"}, {"format": "polygon"}),
    ],
)
def test_scenario_takes_what_it_is_for_and_nothing_else(when: Json, asked: Json, other: Json) -> None:
    mock = Mock()
    mock.scenarios.add(when=when, answers=answers(418))

    assert mock.ask(**{"operation": "concept_segment", **asked}).status_code == 418
    assert mock.ask(**{"operation": "concept_segment", **other}).status_code != 418


def test_image_may_be_a_file_beside_the_scenarios(tmp_path: Path) -> None:
    (tmp_path / "dog.png").write_bytes(png(64, 48))
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"scenarios": [{"when": {"image": "dog.png"}, "answers": [{"status": 418}]}]}))

    mock = Mock(Settings(scenarios=file))

    assert mock.ask().status_code == 418
    assert mock.ask(image=image(8, 8)).status_code == 200


@pytest.mark.parametrize(
    ("when", "taken"),
    [({"nth": 2}, [0, 1, 0, 0, 0, 0]), ({"after": 4}, [0, 0, 0, 0, 1, 1]), ({"every": 3}, [0, 0, 1, 0, 0, 1])],
    ids=["nth", "after", "every"],
)
def test_scenario_counts_the_requests_that_fit(when: Json, taken: list[int]) -> None:
    mock = Mock()
    mock.scenarios.add(when={"operation": "embed_image", **when}, answers=answers(418))

    statuses = []
    for _ in range(6):
        statuses.append(mock.ask().status_code)
        mock.ask("concept_segment")

    assert [status == 418 for status in statuses] == list(map(bool, taken))


def test_request_goes_to_the_first_scenario_that_takes_it() -> None:
    mock = Mock()
    mock.scenarios.add("second", when={"nth": 2}, answers=answers(502))
    mock.scenarios.add("rest", answers=answers(503))

    assert mock.statuses(3) == [503, 502, 503]


def test_body_that_is_no_json_fits_only_what_asks_nothing_of_it() -> None:
    mock = Mock()
    mock.scenarios.add("picky", when={"text": "dog"}, answers=answers(502), times=0)
    mock.scenarios.add("any", answers=answers(503))

    answer = mock.http.post("/sam3/embed_image?api_key=any", data="{", content_type="application/json")

    assert answer.status_code == 503
    mock.scenarios.verify()


# Delays


def test_delay_holds_back_its_own_answer_and_no_other() -> None:
    mock = Mock()
    mock.scenarios.add("slow", when={"operation": "embed_image"}, answers=[{"delay": 60}])

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(mock.ask)
        deadline = time.monotonic() + 30
        while mock.scenarios.unused and time.monotonic() < deadline:
            pass
        quick = mock.ask("concept_segment")
        waited = not slow.done()
        mock.control.reset()  # ends the delay, so that nobody waits for it
        answer = slow.result(timeout=30)

    assert quick.status_code == 200
    assert waited
    assert answer.status_code == 200


def test_delay_lasts_as_long_as_told() -> None:
    mock = Mock()
    mock.scenarios.add("slow", answers=[{"delay": 0.05, "status": 418}])

    started = time.perf_counter()
    status = mock.ask().status_code

    assert status == 418
    assert time.perf_counter() - started >= 0.05


# Rate limits


def limited(requests: int, seconds: float) -> tuple[Mock, Callable[[float], None]]:
    mock = Mock()
    now = [1000.0]
    mock.scenarios.clock = lambda: now[0]
    mock.scenarios.add("limit", rate_limit={"requests": requests, "seconds": seconds})

    def at(seconds: float) -> None:
        now[0] = 1000.0 + seconds

    return mock, at


def test_rate_limit_refuses_what_comes_too_fast_and_says_when_to_come_back() -> None:
    mock, at = limited(2, 60)

    outcomes = []
    for second in (0, 10, 20.5, 59, 60, 61, 70):
        at(second)
        answer = mock.ask()
        outcomes.append((answer.status_code, answer.headers.get("retry-after")))

    assert outcomes == [(200, None), (200, None), (429, "40"), (429, "1"), (200, None), (429, "9"), (200, None)]


def test_rate_limit_answers_as_the_service_words_errors() -> None:
    mock, _ = limited(0, 1.5)

    answer = mock.ask()

    assert answer.get_json() == {"message": "Too many requests: more than 0 in 1.5 seconds."}
    assert answer.headers["retry-after"] == "2"


def test_rate_limit_passes_what_it_lets_through_to_the_next_scenario() -> None:
    mock, _ = limited(1, 60)
    mock.scenarios.add("down", answers=answers(503))

    assert mock.statuses(2) == [503, 429]
    mock.scenarios.verify()


def test_rate_limit_holds_for_many_threads() -> None:
    mock, _ = limited(50, 60)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: mock.app.test_client().post(**POST).status_code, range(200)))

    assert (found.count(200), found.count(429)) == (50, 150)


POST: Json = {"path": "/sam3/embed_image?api_key=any", "json": {"image": IMAGE}}


def test_each_answer_is_given_once_to_many_threads() -> None:
    mock = Mock()
    mock.scenarios.add("a", answers=answers(*range(400, 500)), times=100)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: mock.app.test_client().post(**POST).status_code, range(100)))

    assert sorted(found) == list(range(400, 500))
    mock.scenarios.verify()


# What was expected


@pytest.mark.parametrize(
    ("expected", "sent", "problem"),
    [
        ({}, 0, "'a' took no request"),
        ({}, 1, None),
        ({"times": 2}, 1, "'a' took 1 request, expected 2"),
        ({"times": 2}, 2, None),
        ({"times": 2}, 3, "'a' took 3 requests, expected 2"),
        ({"times": 0}, 0, None),
        ({"times": 0}, 1, "'a' took 1 request, expected 0"),
        ({"times": "any"}, 0, None),
        ({"rate_limit": {"requests": 9, "seconds": 9}}, 0, "'a' took no request"),
        ({"rate_limit": {"requests": 9, "seconds": 9}}, 1, None),
        ({"rate_limit": {"requests": 1, "seconds": 9}, "times": 1}, 2, None),
        ({"rate_limit": {"requests": 9, "seconds": 9}, "times": 1}, 2, "'a' took 0 requests, expected 1"),
    ],
)
def test_unused_scenario_is_reported(expected: Json, sent: int, problem: str | None) -> None:
    mock = Mock()
    mock.scenarios.add("a", **expected)

    mock.statuses(sent)

    assert mock.scenarios.unused == ([problem] if problem else [])
    if problem is None:
        mock.control.verify()
    else:
        with pytest.raises(AssertionError) as caught:
            mock.control.verify()
        assert str(caught.value) == f"the scenarios were not played as written:\n  {problem}"


def test_strict_scenarios_leave_what_they_do_not_take_unanswered() -> None:
    mock = Mock()
    mock.scenarios.load({"strict": True, "scenarios": [{"name": "cats", "when": {"text": "cat"}, "times": "any"}]})
    secret = "a-key-that-is-secret"

    body = {"image": IMAGE, "prompts": [{"text": f"dog {secret}"}]}
    answer = mock.http.post(f"/sam3/concept_segment?api_key={secret}", json=body)

    said = "no scenario takes concept_segment with texts ['dog ***']"
    assert answer.status_code == 599
    assert answer.get_json() == {"message": f"Mock Has No Answer: {said}; scenarios are 'cats'"}
    assert mock.scenarios.problems == [said]


def test_unmatched_requests_are_kept_within_bounds() -> None:
    mock = Mock()
    mock.scenarios.strict = True

    mock.statuses(150)

    assert len(mock.scenarios.unmatched) == 100


def test_reset_lets_scenarios_begin_again() -> None:
    mock = Mock()
    mock.scenarios.add("a", answers=answers(503, 200), then="refuse")
    mock.statuses(3)

    mock.scenarios.reset()

    assert mock.scenarios.problems == ["'a' took no request"]
    assert mock.statuses(1) == [503]


# Files

YAML = """\
# What the nightly build meets.
scenarios:
  - name: dog
    when: {operation: concept_segment, text: no, nth: 2}
    answers:
      - status: 503
        headers: {Retry-After: "1"}
        body: {message: wait, on: 2026-11-22}
      - normal
  - name: limit
    rate_limit: {requests: 5, seconds: 0.5}
strict: true
"""
SAME: Json = {
    "scenarios": [
        {
            "name": "dog",
            "when": {"operation": "concept_segment", "text": "no", "nth": 2},
            "answers": [
                {"status": 503, "headers": {"Retry-After": "1"}, "body": {"message": "wait", "on": "2026-11-22"}},
                "normal",
            ],
        },
        {"name": "limit", "rate_limit": {"requests": 5, "seconds": 0.5}},
    ],
    "strict": True,
}
TOML = """\
strict = true

[[scenarios]]
name = "dog"
when = { operation = "concept_segment", text = "no", nth = 2 }
answers = [
    { status = 503, headers = { Retry-After = "1" }, body = { message = "wait", on = "2026-11-22" } },
    "normal",
]

[[scenarios]]
name = "limit"

[scenarios.rate_limit]
requests = 5
seconds = 0.5
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.yaml", YAML), ("a.YML", YAML), ("a.json", json.dumps(SAME, indent="\t")), ("a.toml", TOML)],
)
def test_formats_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    from_file, from_python = (Scenarios(OPERATIONS, check_fault=lambda _: None) for _ in range(2))

    from_file.load(file)
    from_python.load(SAME)

    assert from_file.as_json() == from_python.as_json()
    assert from_file.strict


NO_FAULT = "no fault named 'nope'"

MALFORMED: list[tuple[str, str, int | None, str]] = [
    # YAML: the file, the line of the mistake, what is said
    ("", "yaml", 1, "holds nothing"),
    ("[]", "yaml", 1, "is [], has to be an object"),
    ("scenarios:\n  - nam: a", "yaml", 2, "scenarios[0].nam: no field named 'nam'; did you mean 'name'?"),
    ("a: 1\nscenarios: []", "yaml", 1, "a: no field named 'a'; known are scenarios, strict"),
    ("scenarios: []", "yaml", 1, "scenarios: has 0 entries, may have 1 to 1000"),
    ("strict: yes", "yaml", 1, "strict: is 'yes', has to be true or false"),
    ("strict: false", "yaml", 1, "holds no `scenarios`"),
    ("scenarios:\n  - when:\n      operaton: a", "yaml", 3, "did you mean 'operation'?"),
    (
        "scenarios:\n  - when:\n      operation: concept_segmnt",
        "yaml",
        3,
        "scenarios[0].when.operation: no operation named 'concept_segmnt'; did you mean 'concept_segment'?",
    ),
    ("scenarios:\n- when: {text: 7}", "yaml", 2, "when.text: is 7, has to be a text; put it in quotes"),
    ("scenarios:\n- when: {nth: 0}", "yaml", 2, "when.nth: is 0, has to be a whole number from 1 to 1000000"),
    ("scenarios:\n- when: {nth: 1.5}", "yaml", 2, "is 1.5, has to be a whole number"),
    ("scenarios:\n- when: {nth: true}", "yaml", 2, "is True, has to be a whole number"),
    ("scenarios:\n- when:\n    nth: 1\n    every: 2", "yaml", 4, "stands beside `nth`; a scenario counts in one way"),
    ("scenarios:\n- when: {headers: {Authorization: x}}", "yaml", 2, "no API key belongs into a scenario"),
    ("scenarios:\n- when: {image: nowhere.jpg}", "yaml", 2, "nowhere.jpg cannot be read: No such file"),
    ("scenarios:\n- answers:\n  - normal\n  - {}", "yaml", 4, "answers[1]: is empty; 'normal' is"),
    (
        "scenarios:\n- answers:\n  - slow",
        "yaml",
        3,
        "is 'slow', has to be 'normal', or an object such as {fault: slow}",
    ),
    ("scenarios:\n- answers: normal", "yaml", 2, "answers: is 'normal', has to be a list"),
    ("scenarios:\n- answers:\n  - delay: 61", "yaml", 3, "delay: is 61, has to be a number from 0 to 60"),
    ("scenarios:\n- answers:\n  - delay: .nan", "yaml", 3, "is '.nan', has to be a number from 0 to 60"),
    ("scenarios:\n- answers:\n  - status: 99", "yaml", 3, "status: is 99, has to be a whole number from 200 to 599"),
    ("scenarios:\n- answers:\n  - {status: 204, body: {}}", "yaml", 3, "status: is 204, which has no body"),
    ("scenarios:\n- answers:\n  - {body: 1,\n     text: a}", "yaml", 4, "stands beside `body`: an answer has one body"),
    ("scenarios:\n- answers:\n  - headers: {a: b}", "yaml", 3, "has `headers`, but neither a `status` nor a body"),
    ("scenarios:\n- answers:\n  - {status: 200, headers: {a b: c}}", "yaml", 3, "is no name of a header"),
    ('scenarios:\n- answers:\n  - {status: 200, headers: {a: "b\\nc"}}', "yaml", 3, "characters that no header can"),
    ("scenarios:\n- answers:\n  - {status: 200, headers: {Content-Length: '9'}}", "yaml", 3, "is the server's to say"),
    ("scenarios:\n- answers:\n  - body_file: nowhere.json", "yaml", 3, "nowhere.json cannot be read: No such file"),
    ("scenarios:\n- answers:\n  - fault: nope", "yaml", 3, NO_FAULT),
    ("scenarios:\n- answers:\n  - fault:\n    - nope", "yaml", 4, NO_FAULT),
    ("scenarios:\n- answers:\n  - {fault: nope, status: 1}", "yaml", 3, "stands beside `status`: an answer is a fault"),
    ("scenarios:\n- answers:\n  - fault: bearer_key_ignored", "yaml", 3, "sits before the check of the key"),
    ("scenarios:\n- answers:\n  - fault: status:9999", "yaml", 3, "the parameter of fault 'status' is '9999'"),
    ("scenarios:\n- then: stop", "yaml", 2, "then: is 'stop', has to be 'repeat' or 'normal' or 'refuse'"),
    ("scenarios:\n- times: -1", "yaml", 2, "times: is -1, has to be a whole number from 0"),
    ("scenarios:\n- times: twice", "yaml", 2, "times: is 'twice', has to be a whole number or 'any'"),
    ("scenarios:\n- rate_limit: {requests: 5}", "yaml", 2, "rate_limit: needs `seconds`"),
    ("scenarios:\n- rate_limit: {requests: 5, seconds: 0}", "yaml", 2, "seconds: is 0, has to be a number from 0.001"),
    ("scenarios:\n- rate_limit: {requests: 5, seconds: 1}\n  answers: [normal]", "yaml", 3, "beside `rate_limit`"),
    ("scenarios:\n- rate_limit: {requests: 5, seconds: 1}\n  when: {nth: 1}", "yaml", 3, "which counts by itself"),
    ("scenarios:\n- name: a\n- name: a", "yaml", 3, "scenarios[1].name: 'a' names another scenario, too"),
    ("scenarios:\n- name: a\n  name: b", "yaml", 3, "'name' is given twice"),
    ("scenarios:\n- name: a\n- [", "yaml", 4, "is no YAML: did not find expected node content"),
    ("scenarios:\n- &a {name: a}\n- *a", "yaml", 3, "alias *a is not read; write it out"),
    ("scenarios:\n- !!python/object:os.system {}", "yaml", 2, "is not read"),
    ("scenarios:\n- 7: a", "yaml", 2, "a name has to be a text; put it in quotes"),
    ("scenarios:\n- " + "[" * 70, "yaml", 2, "is nested more than 64 levels deep"),
    ("a: 1\n---\nb: 2", "yaml", 2, "is no YAML: but found another document"),
    ("scenarios:\n- name: \x07", "yaml", None, "is no YAML"),
    # JSON
    ("", "json", 1, "is no JSON: Expecting value"),
    (
        '{"scenarios": [\n  {"name": "a"},\n  {"name": ["]", {"x": "}"}],\n   "tims": 1}]}',
        "json",
        4,
        "did you mean 'times'",
    ),
    ('{"scenarios": [\n  {"name": "a"},\n  {"name": 7}]}', "json", 3, "scenarios[1].name: is 7, has to be a text"),
    ('{"scenarios": [\n  {"answers": [\n "normal",\n {"status": 9}]}]}', "json", 4, "answers[1].status: is 9"),
    ('{"strict": true,}', "json", 1, "is no JSON"),
    ('{"strict": NaN}', "json", None, "NaN is no JSON"),
    ('{"strict": true,\n "strict": true}', "json", None, "'strict' is given twice"),
    ("[" * 100_000, "json", None, "is no JSON that can be read"),
    ("[" * 400 + "]" * 400, "json", None, "is nested more than 64 levels deep"),
    # TOML
    ("strict = yes", "toml", 1, "is no TOML: Invalid value"),
    ('[[scenarios]]\nname = "a"\n\n[[scenarios]]\nnam = "b"', "toml", 5, "scenarios[1].nam: no field named 'nam'"),
    ('[[scenarios]]\nname = "a"\n[scenarios.when]\nnth = 0', "toml", 4, "scenarios[0].when.nth: is 0"),
    ("[[scenarios]]\nanswers = [\n {status = 9},\n]", "toml", 3, "scenarios[0].answers[0].status: is 9"),
    ("[[scenarios]]\nanswers = [\n {body = 2026-11-22},\n]", "toml", 3, "body: cannot be written as JSON"),
    ("a = " + "[" * 90 + "]" * 90, "toml", None, "is nested more than 64 levels deep"),
    ("[[scenarios]]\nanswers = [\n {body = inf},\n]", "toml", 3, "body: cannot be written as JSON"),
]


@pytest.mark.parametrize(
    ("text", "suffix", "line", "said"), MALFORMED, ids=[f"{row[1]}-{row[3][:40]}" for row in MALFORMED]
)
def test_mistake_is_told_with_its_file_and_line(
    tmp_path: Path, text: str, suffix: str, line: int | None, said: str
) -> None:
    file = tmp_path / f"scenarios.{suffix}"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ScenarioError) as caught:
        create_app(Settings(scenarios=file))

    place = str(file) if line is None else f"{file}, line {line}"
    assert str(caught.value).startswith(f"{place}: ")
    assert said in str(caught.value)
    assert (caught.value.origin, caught.value.line) == (str(file), line)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.ini", b"", "has to end in .yaml, .yml, .json, .toml"),
        ("a.yaml", b"a: \xff", "line 1: byte 0xff is no UTF-8"),
        ("a.yaml", b" " * (MOST_BYTES + 1), f"is larger than {MOST_BYTES} bytes"),
    ],
    ids=["suffix", "encoding", "size"],
)
def test_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    with pytest.raises(UsageError) as caught:
        create_app(Settings(scenarios=file))

    assert str(caught.value).startswith(str(file))
    assert said in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"nowhere\.yaml: cannot be read: No such file"):
        create_app(Settings(scenarios=tmp_path / "nowhere.yaml"))


def test_mistake_in_python_names_the_scenario_and_the_place() -> None:
    scenarios = Scenarios(OPERATIONS, check_fault=lambda _: None)

    with pytest.raises(ScenarioError) as caught:
        scenarios.add("dog", answers=[{"status": 99}])

    assert str(caught.value) == "scenario 'dog': answers[0].status: is 99, has to be a whole number from 200 to 599"


def test_nothing_is_added_of_what_holds_a_mistake() -> None:
    scenarios = Scenarios(OPERATIONS, check_fault=lambda _: None)
    scenarios.add("kept")

    for wrong in ([{"name": "new"}, {"nam": "a"}], [{"name": "new"}, {"name": "kept"}]):
        with pytest.raises(ScenarioError):
            scenarios.load({"strict": True, "scenarios": wrong})

    assert [one["name"] for one in scenarios.as_json()["scenarios"]] == ["kept"]
    assert not scenarios.strict


def test_there_are_only_so_many_scenarios() -> None:
    scenarios = Scenarios(OPERATIONS, check_fault=lambda _: None)
    scenarios.load({"scenarios": [{"name": str(number)} for number in range(1000)]})

    with pytest.raises(ScenarioError, match="are 1001 scenarios with those before, may be 1000"):
        scenarios.add("one more")


def test_image_is_hashed_only_if_a_scenario_asks_for_it() -> None:
    scenarios = Scenarios(OPERATIONS, check_fault=lambda _: None)
    scenarios.add("picky", when={"operation": "visual_segment", "image": DIGEST})

    def never() -> Any:
        raise AssertionError("the body was looked at")

    assert scenarios.take(InspectedRequest("embed_image", {}, never)) is None  # type: ignore[arg-type]


def test_example_file_is_played() -> None:
    mock = Mock(Settings(scenarios=Path(__file__).parents[3] / "examples" / "scenarios.yaml"))

    dogs = [mock.ask("concept_segment").status_code for _ in range(3)]

    assert dogs == [200, 200, 502]
    assert mock.ask().status_code == 503
    mock.scenarios.verify()


def test_a_list_is_of_one_plan_though_another_one_comes_meanwhile() -> None:
    scenarios = Scenarios(["embed_image"], check_fault=lambda _: None)
    scenarios.add("old", answers=[{"status": 503}])
    counted, counts = scenarios._counted, scenarios._counted.counts

    def replaced_meanwhile(names: Sequence[str]) -> list[int]:
        counted.counts = counts  # type: ignore[method-assign]
        scenarios.load_source(
            Source({"scenarios": [{"name": "new", "answers": [{"status": 507}]}], "strict": True}, "scenarios"),
            anew=True,
        )
        return counts(names)

    counted.counts = replaced_meanwhile  # type: ignore[method-assign]
    listed = scenarios.as_json()

    assert [one["name"] for one in listed["scenarios"]] == ["new"]
    assert listed["strict"] is True
    assert listed["problems"] == ["'new' took no request"]


def test_a_scenario_is_read_once_however_often_the_plan_changes_meanwhile() -> None:
    checked = []
    scenarios = Scenarios(["embed_image"], check_fault=checked.append)
    change = scenarios._plan.change

    def changed_meanwhile(add: Callable[[Plan], Plan]) -> Plan:
        add(Plan())  # in vain: another one was faster
        scenarios._plan.change = change  # type: ignore[method-assign]
        scenarios.add(answers=[{"status": 503}])
        return change(add)

    scenarios._plan.change = changed_meanwhile  # type: ignore[method-assign]
    scenarios.add(answers=[{"fault": "score_range"}])

    assert checked == ["score_range"]
    assert [one["name"] for one in scenarios.as_json()["scenarios"]] == ["scenario 1", "scenario 2"]
