"""What it takes of a request to show a finding, of the things that change nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from werkzeug.wrappers import Response

from benchmarks.mutants.server import Call, Json, Mutant, edited
from mock_server import Settings, create_app
from sam3_contract import spec
from sam3_contract.cases.dressing import worn
from sam3_contract.checks import named
from sam3_contract.exchanges.exchange import Case
from sam3_contract.report import as_html, as_json, as_junit, as_text
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification import pacing, runner
from sam3_contract.verification.runner import Run
from sam3_contract.verification.shrinking import shrunk
from tests.faults import KEY
from tests.plans import PLAN

CONTRACT = spec.load()
CASES = [case for case in PLAN.cases[: runner.DEFAULT_CALLS] if case.operation == "concept_segment"]
WORN = [case for case in CASES if case.plain is not None]


def run_of(
    behaviour: Callable[[Call], Response], asked: Sequence[Case] = CASES, pace: Callable[[], str] = lambda: ""
) -> Run:
    app = Mutant("defective", behaviour).around(create_app(Settings(api_keys=frozenset({KEY}))))
    transport = WsgiTransport(app, CONTRACT, key=KEY)
    plan = PLAN.of_cases(case.id for case in asked)
    run = runner.verify(transport, plan, CONTRACT, checks=(named("S04"),))
    return shrunk(run, transport, plan, CONTRACT, pace=pace)


def without_results(call: Call) -> Response:
    def drop(body: Json) -> None:
        body.pop("prompt_results", None)

    return edited(call.ask(), drop)


def headed(call: Call) -> Response:
    return without_results(call) if "traceparent" in call.request.headers else call.ask()


def billed_and_told_from_where(call: Call) -> Response:
    named_both = {"usage_billable", "source"} <= call.body.keys()
    return without_results(call) if named_both else call.ask()


def with_nulls(call: Call) -> Response:
    return without_results(call) if any(None in prompt.values() for prompt in call.prompts) else call.ask()


def borne(call: Call) -> Response:
    return without_results(call) if "authorization" in call.request.headers else call.ask()


def spread_out(call: Call) -> Response:
    return without_results(call) if b"\n" in call.request.get_data() else call.ask()


def with_parameters(call: Call) -> Response:
    return without_results(call) if "countinference" in call.request.args else call.ask()


def in_a_data_uri(call: Call) -> Response:
    image = call.body.get("image") or {}
    return without_results(call) if str(image.get("value")).startswith("data:image/png") else call.ask()


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (headed, ["the header traceparent"]),
        (billed_and_told_from_where, ["`source`", "`usage_billable`"]),
        (with_nulls, ["nulls"]),
        (borne, ["the key where it is"]),
        (spread_out, ["line breaks"]),
        (with_parameters, ["the parameter countinference"]),
        (in_a_data_uri, ["its image as a data URI"]),
    ],
)
def test_finding_says_what_it_takes(behaviour: Callable[[Call], Response], words: list[str]) -> None:
    run = run_of(behaviour, WORN)
    found = next(one for outcome in run.outcomes for one in outcome.violations if one.takes)
    assert len(found.takes) == len(words)
    assert all(any(thing.startswith(word) for thing in found.takes) for word in words)


def test_every_report_says_it() -> None:
    run = run_of(headed)
    said = "the header traceparent: 00-"
    text = as_text(run, CONTRACT)
    assert f"takes     {said}" in text
    assert "without it, the same request does not show it" in text
    assert any(said in thing for one in as_json(run, CONTRACT)["causes"] for thing in one["first"]["takes"])
    assert f"takes     {said}" in as_junit(run, CONTRACT)
    assert f"<dt>takes</dt><dd>{said}" in as_html(run, CONTRACT)


def test_what_plain_requests_show_takes_nothing() -> None:
    run = run_of(without_results)
    assert any(outcome.violations for outcome in run.outcomes)
    assert not any(one.takes for outcome in run.outcomes for one in outcome.violations)


def interrupted() -> str:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("pace", "stopped"), [(interrupted, "interrupted"), (lambda: "the time is up", "")])
def test_findings_stay_as_they_are_where_nothing_more_may_be_sent(pace: Callable[[], str], stopped: str) -> None:
    run = run_of(headed, WORN, pace)

    found = [one for outcome in run.outcomes for one in outcome.violations]
    assert (run.stopped, run.exit_status) == (stopped, 1)
    assert found
    assert not any(one.takes for one in found)


def test_what_shows_but_once_says_nothing() -> None:
    seen: set[bytes] = set()

    def once(call: Call) -> Response:
        first = "traceparent" in call.request.headers and call.request.get_data() not in seen
        seen.add(call.request.get_data())
        return without_results(call) if first else call.ask()

    run = run_of(once)
    assert any(outcome.violations for outcome in run.outcomes)
    assert not any(one.takes for outcome in run.outcomes for one in outcome.violations)


def test_answer_that_was_tried_again_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "FIRST_WAIT", 0.0)
    seen: set[bytes] = set()

    def busy_at_first(call: Call) -> Response:
        first = "traceparent" in call.request.headers and call.request.get_data() not in seen
        seen.add(call.request.get_data())
        return Response('{"error": 1}', 503, content_type="application/json") if first else call.ask()

    run = run_of(busy_at_first, WORN)
    found = [one for outcome in run.outcomes for one in outcome.violations]
    assert {one.exchange.status for one in found} == {503}
    assert not any(one.takes for one in found)


def test_plain_requests_are_those_of_the_plan_without_what_they_say_besides() -> None:
    def undressed(case: Case) -> Case:
        for _, undress in worn(case):
            case = undress(case)
        return case

    assert WORN
    for case in WORN:
        plain = case.plain
        assert plain is not None
        bare = undressed(case)
        kept = bare.headers.keys() - plain.headers.keys()
        assert (bare.body, bare.key_in, bare.spread_out, kept) == (plain.body, plain.key_in, plain.spread_out, set())
