"""What a run sends: within its budget, at its rate, again where that is free, in an order in which things build."""

from __future__ import annotations

import gc
import threading
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from mock_server import Settings, create_app
from sam3_contract import cases, spec
from sam3_contract.cases import FollowUp, Plan
from sam3_contract.cases.pictures.photographs import photograph
from sam3_contract.checks import named
from sam3_contract.errors import AskedError, TransportError, UsageError
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification import pacing, runner
from sam3_contract.verification.pacing import ATTEMPTS, FIRST_WAIT, LONGEST_WAIT, Patience, seconds_between
from sam3_contract.verification.runner import Budget
from tests.faults import KEY
from tests.plans import PLAN

CONTRACT = spec.load()


def transport_of(settings: Settings | None = None) -> WsgiTransport:
    return WsgiTransport(create_app(settings or Settings(api_keys=frozenset({KEY}))), CONTRACT, key=KEY)


def case(name: str, *, after: tuple[str, ...] = ()) -> Case:
    return Case(name, "embed_image", "asks nothing", {"image": {}}, expected=frozenset({422}), after=after)


@dataclass
class Script:
    """A transport that answers what it is told, one answer after the other, and notes what it was sent."""

    answers: list[int | Exception | Mapping[str, str]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    target: str = "a script"
    app: None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    is_free: bool = True
    meanwhile: Callable[[], None] = lambda: None

    def send(self, case: Case) -> Exchange:
        self.sent.append(case.id)
        self.meanwhile()
        answer = self.answers.pop(0) if self.answers else 422
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Mapping):
            return Exchange(case, 503, answer, b"{}")
        return Exchange(case, answer, {}, b"{}")


class Clock:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def patience(script: Script, **options: Any) -> tuple[Patience, Clock]:
    clock = Clock()
    return Patience(script, clock=clock, wait=clock.wait, **options), clock


def test_plan_goes_on_beyond_the_default_budget() -> None:
    assert len(PLAN) > 400 > runner.DEFAULT_CALLS == 60
    assert len({entry.id for entry in PLAN.entries}) == len(PLAN)


def test_nothing_comes_before_what_it_builds_on_or_is_made_of() -> None:
    order = {entry.id: index for index, entry in enumerate(PLAN.entries)}

    for index, entry in enumerate(PLAN.entries):
        assert all(order[name] < index for name in getattr(entry, "after", ()))
        assert all(order[name] < index for name in (entry.beside if isinstance(entry, FollowUp) else ()))


def test_every_case_names_partners_that_are_planned() -> None:
    ids = {entry.id for entry in PLAN.entries}

    for entry in PLAN.entries:
        twin = getattr(entry, "twin", None)
        assert {*entry.beside, *getattr(entry, "after", ()), *([twin.of] if twin else [])} <= ids


def test_images_of_a_second_plan_are_those_of_the_first() -> None:
    # One right after the other: what other tests ask for may take the place of what is kept.
    first, again = (cases.plan(cases.built_in_images()) for _ in range(2))

    views = {one.id: one.sent["image"]["value"] for one in first.cases if one.twin is not None and one.twin.moved}
    images = {one.id: one.sent["image"]["value"] for one in again.cases if one.id in views}
    assert len(views) > 1
    assert all(images[name] is image for name, image in views.items())


@pytest.mark.parametrize("calls", [1, 7, 20, 50])
def test_budget_of_calls_is_not_exceeded_and_what_was_not_sent_is_named(calls: int) -> None:
    run = runner.verify(transport_of(), PLAN, CONTRACT, budget=Budget(calls=calls))

    assert len(run.exchanges) <= calls
    assert len(run.exchanges) + len(run.unsent) >= runner.DEFAULT_CALLS - 1  # one is asked only if nothing was found
    assert run.later
    assert "budget" in run.stopped
    assert run.exit_status == 0


def test_small_budget_still_judges_what_matters_most() -> None:
    run = runner.verify(transport_of(), PLAN, CONTRACT, budget=Budget(calls=12))

    judged = {outcome.check.code for outcome in run.outcomes if outcome.judged}
    assert {"S01", "M02", "M03", "M05", "C01", "C02", "C03", "V01", "V03", "R01", "G01"} <= judged


def test_concurrent_run_comes_to_the_same_as_one_call_at_a_time() -> None:
    one = runner.verify(transport_of(), PLAN, CONTRACT)
    many = runner.verify(transport_of(), PLAN, CONTRACT, budget=Budget(concurrency=8))

    assert [(o.check.code, o.judged, o.verdict) for o in one.outcomes] == [
        (o.check.code, o.judged, o.verdict) for o in many.outcomes
    ]
    assert [x.case.id for x in one.exchanges] == [x.case.id for x in many.exchanges]


def test_concurrent_calls_are_under_way_at_once() -> None:
    meeting = threading.Barrier(4, timeout=30)
    script = Script(meanwhile=lambda: meeting.wait() and None)

    runner.verify(script, Plan(tuple(case(str(n)) for n in range(4))), CONTRACT, budget=Budget(concurrency=4))

    assert sorted(script.sent) == ["0", "1", "2", "3"]


def test_nothing_is_sent_before_what_it_builds_on() -> None:
    script = Script()
    plan = Plan((case("first"), case("keep", after=("first",)), case("other"), case("use", after=("keep",))))

    runner.verify(script, plan, CONTRACT, budget=Budget(concurrency=2))

    assert script.sent.index("first") < script.sent.index("keep") < script.sent.index("use")


def test_rate_spaces_the_calls() -> None:
    script = Script()
    sender, clock = patience(script, interval=2.0)

    for number in range(3):
        sender.send(case(str(number)))

    assert clock.waits == [2.0, 2.0]


@pytest.mark.parametrize(("rate", "seconds"), [("2/s", 0.5), ("30/m", 2.0), ("360/h", 10.0), ("0.5/s", 2.0)])
def test_rate_is_read(rate: str, seconds: float) -> None:
    assert seconds_between(rate) == seconds


@pytest.mark.parametrize("rate", ["", "30", "0/s", "-1/s", "5/d", "x/s"])
def test_rate_that_is_none_is_refused(rate: str) -> None:
    with pytest.raises(UsageError, match="such as 30/m"):
        seconds_between(rate)


def test_busy_server_is_asked_again_after_the_time_it_names() -> None:
    script = Script([{"retry-after": "7"}, 429, 422])
    sender, clock = patience(script)

    exchange = sender.send(case("a"))

    assert exchange.status == 422
    assert clock.waits == [7.0, 1.0]
    assert sender.retries == 2


ASCTIME = "%a %b %d %H:%M:%S %Y"
NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("named", "seconds"),
    [
        ("1.5", 1.5),
        (" 0 ", 0.0),
        (formatdate(NOW + 9, usegmt=True), 9.0),
        (formatdate(NOW - 99, usegmt=True), 0.0),
        # Those of HTTP are in UTC, without saying so as well.
        (time.strftime(ASCTIME, time.gmtime(NOW + 9)), 9.0),
        (formatdate(NOW + 9), 9.0),
        *(
            (odd, FIRST_WAIT)
            for odd in ("", "soon", "-5", "1, 1", "\xb2", "1e2", "nan", "Wed, 32 Oct 2099 07:28:00 GMT")
        ),
    ],
)
def test_every_form_of_the_time_that_a_busy_server_names_is_read(
    named: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    monkeypatch.setattr(pacing, "time", SimpleNamespace(time=lambda: NOW))
    time.tzset()
    sender, clock = patience(Script([{"retry-after": named}]))
    try:
        assert sender.send(case("a")).status == 422
    finally:
        monkeypatch.undo()
        time.tzset()

    assert clock.waits == [seconds]


def test_answers_that_were_tried_again_are_kept_with_the_one_that_counts() -> None:
    sender, _ = patience(Script([{"retry-after": "7"}, 429, 422, 503, 503, 503]))

    answers = [sender.send(case(name)) for name in ("a", "b")]

    assert [[one.status for one in answer.retried] for answer in answers] == [[503, 429], [503, 503]]
    assert answers[0].retried[0].headers == {"retry-after": "7"}


def test_server_that_stays_busy_is_judged_by_that_and_not_asked_so_often_again() -> None:
    script = Script([503] * (ATTEMPTS + 1))
    sender, _ = patience(script)

    answers = [sender.send(case(name)).status for name in ("a", "b")]

    assert answers == [503, 503]
    assert script.sent == ["a"] * ATTEMPTS + ["b"]


def test_server_that_wants_too_long_a_wait_is_not_waited_for() -> None:
    script = Script([{"retry-after": str(LONGEST_WAIT + 1)}])
    sender, clock = patience(script)

    assert sender.send(case("a")).status == 503
    assert clock.waits == []


@pytest.mark.parametrize("status", [200, 400, 401, 500, 502, 504])
def test_what_may_have_been_charged_is_never_sent_again(status: int) -> None:
    script = Script([status])
    sender, _ = patience(script)

    assert sender.send(case("a")).status == status
    assert script.sent == ["a"]


def test_broken_connection_is_not_sent_again_but_one_that_was_never_made_is() -> None:
    script = Script([TransportError("nobody there"), 422])
    sender, _ = patience(script)

    assert sender.send(case("a")).status == 422
    assert script.sent == ["a", "a"]


def test_request_that_was_lost_on_its_way_is_not_sent_again() -> None:
    script = Script([AskedError("the proxy broke off")])

    run = runner.verify(script, Plan((case("a"), case("b"))), CONTRACT)

    assert (run.exit_status, run.unanswered) == (3, "a: the proxy broke off")
    assert script.sent == ["a"]


def test_unreachable_server_could_not_be_judged() -> None:
    script = Script([TransportError("nobody there")] * 9)

    run = runner.verify(script, Plan((case("a"), case("b"))), CONTRACT)

    assert run.exit_status == 3
    assert "nobody there" in run.unanswered


def test_deadline_ends_the_waiting_and_the_run() -> None:
    script = Script([{"retry-after": "20"}])
    sender, clock = patience(script, deadline=10.0)

    assert sender.send(case("a")).status == 503
    assert clock.waits == []


def test_time_limit_ends_a_run_and_names_what_was_not_sent() -> None:
    run = runner.verify(transport_of(), PLAN, CONTRACT, budget=Budget(seconds=1e-9))

    assert "time limit" in run.stopped
    assert len(run.unsent) == len(PLAN)
    assert run.exit_status == 3


def test_interrupted_run_judges_what_it_has() -> None:
    seen: list[str] = []

    def interrupt(exchange: Exchange) -> None:
        seen.append(exchange.case.id)
        if len(seen) == 10:
            raise KeyboardInterrupt

    run = runner.verify(transport_of(), PLAN, CONTRACT, answered=interrupt)

    assert run.stopped == "interrupted"
    assert run.exit_status == 3
    assert len(run.exchanges) == 10
    assert any(outcome.judged for outcome in run.outcomes)


def test_broken_connection_is_a_finding_of_its_own() -> None:
    def broken(_: Any, __: Any) -> list[bytes]:
        raise ConnectionResetError("connection reset by peer")

    run = runner.verify(WsgiTransport(broken, CONTRACT, key=KEY), Plan((case("a"),)), CONTRACT)

    assert {violation.check.code for violation in run.violations} == {"S08"}
    assert run.exit_status == 1


def test_other_prompts_are_asked_where_nothing_was_found() -> None:
    nothing = cases.plan(cases.built_in_images()[:1], texts=["specimen:nothing"])

    run = runner.verify(transport_of(Settings(api_keys=frozenset({KEY}))), nothing, CONTRACT)

    assert "concept_segment/shapes.png/other_prompts" in {exchange.case.id for exchange in run.exchanges}
    assert run.exit_status == 0


def test_follow_up_of_what_was_not_worth_asking_is_not_called_unsent() -> None:
    first = FollowUp("b", "embed_image", "asks on", lambda _: None, ("a",))
    second = FollowUp("c", "embed_image", "asks further", lambda _: None, ("b",))

    run = runner.verify(Script(), Plan((case("a"), first, second)), CONTRACT)

    assert (run.unsent, run.stopped) == ((), "")


def test_follow_up_is_made_of_the_answers() -> None:
    asked: list[Mapping[str, Exchange]] = []

    def make(seen: Mapping[str, Exchange]) -> Case:
        asked.append(dict(seen))
        return case("b")

    plan = Plan((case("a"), FollowUp("b", "embed_image", "asks on", make, ("a",))))
    run = runner.verify(Script(), plan, CONTRACT)

    assert [exchange.case.id for exchange in run.exchanges] == ["a", "b"]
    assert list(asked[0]) == ["a"]


@pytest.mark.parametrize("operation", ["concept_segment", "visual_segment", "embed_image"])
def test_plan_of_one_operation_keeps_what_it_builds_on(operation: str) -> None:
    kept = PLAN.of_operations([operation])

    ids = {entry.id for entry in kept.entries}
    assert any(entry.operation == operation for entry in kept.entries)
    assert all(name in ids for one in kept.cases for name in one.after)


def test_plan_of_one_case_brings_what_it_is_compared_with() -> None:
    kept = PLAN.of_cases(["concept_segment/shapes.png/again"])

    assert [entry.id for entry in kept.entries] == [
        "concept_segment/shapes.png/rle",
        "concept_segment/shapes.png/again",
    ]


def test_nothing_judged_is_not_a_pass() -> None:
    assert runner.verify(transport_of(), Plan(()), CONTRACT).exit_status == 3


@pytest.mark.parametrize(("passed", "verdict"), [(3, "held"), (2, "broken")])
def test_statistical_check_is_broken_by_its_rate(passed: int, verdict: str) -> None:
    check = named("V03")
    exchange = Exchange(case("a"), 200, {}, b"{}")
    breach = runner.Violation(check, cases_breach(exchange), exchange)

    outcome = runner.CheckOutcome(check, 4, (breach,) * (4 - passed), least=check.least)

    assert outcome.passed == passed
    assert outcome.verdict == verdict


def cases_breach(exchange: Exchange) -> Any:
    from sam3_contract.checks import Breach  # noqa: PLC0415

    return Breach("$", "outside", "inside", exchange=exchange)


def test_image_by_url_is_compared_with_the_same_file(tmp_path: Any) -> None:
    photograph = cases.built_in_images()[2]
    (tmp_path / "discs.png").write_bytes(photograph.content)
    url = "https://images.example.com/discs.png"
    plan = cases.plan(cases.built_in_images()[:1], urls={url: photograph})

    alike = runner.verify(transport_of(Settings(api_keys=frozenset({KEY}), url_images=tmp_path)), plan, CONTRACT)
    unlike = runner.verify(transport_of(), plan, CONTRACT)

    assert "R06" not in {violation.check.code for violation in alike.violations}
    assert "R06" in {violation.check.code for violation in unlike.violations}  # a virtual photograph stands for the URL


def test_run_keeps_a_photograph_once_and_not_with_each_call() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (512, 768, 3), np.uint8)
    file = cv2.imencode(".png", noise)[1].tobytes()
    size = len(file)
    transport = transport_of()

    def verified() -> runner.Run:
        return runner.verify(transport, cases.plan([photograph("noise.png", file)]), CONTRACT, budget=Budget(calls=24))

    verified()  # what is drawn, imported and remembered once is no matter of a run
    tracemalloc.start()
    try:
        run = verified()
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert len(run.exchanges) == 24
    assert kept < 12 * size  # requests cut short have a few as well
