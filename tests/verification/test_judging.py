"""Whatever is answered, a run ends with a report: what a check fails on is left out and said."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mock_server import Settings, create_app
from sam3_contract import spec
from sam3_contract.cases import FollowUp, Plan
from sam3_contract.checks import CHECKS, Check, Judgement, named
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.exchanges.measuring import predictions_of
from sam3_contract.spec import Contract
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification import runner
from tests.faults import KEY
from tests.plans import PLAN

CONTRACT = spec.load()
NESTED = b'{"time": 0.1, "prompt_results": ' + b"[" * 900 + b"]" * 900 + b"}"


def judged_badly(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    if any(exchange.case.id == "concept_segment/shapes.png/polygon" for exchange in exchanges):
        raise KeyError("nobody thought of this")
    return Judgement(len(exchanges), ())


def judged_never(_: Sequence[Exchange], __: Contract) -> Judgement:
    raise RecursionError


def transport_of(app: Any = None) -> WsgiTransport:
    return WsgiTransport(app or create_app(Settings(api_keys=frozenset({KEY}))).wsgi_app, CONTRACT, key=KEY)


def run_with(check: Check, ids: Sequence[str]) -> runner.Run:
    return runner.verify(transport_of(), PLAN.of_cases(ids), CONTRACT, checks=[named("S02"), check])


def test_exchange_that_a_check_fails_on_is_left_out_and_named() -> None:
    check = replace(named("S01"), judge=judged_badly)
    run = run_with(check, ["concept_segment/shapes.png/rle", "concept_segment/shapes.png/polygon"])

    assert run.unjudged == ("S01 could not judge concept_segment/shapes.png/polygon: KeyError",)
    assert [outcome.judged for outcome in run.outcomes] == [2, 1]
    assert run.exit_status == 3


def test_check_that_fails_on_everything_judges_nothing() -> None:
    run = run_with(replace(named("S01"), judge=judged_never), ["concept_segment/shapes.png/rle"])

    assert [outcome.judged for outcome in run.outcomes] == [1, 0]
    assert run.unjudged[-1] == "S01 could not judge the run: RecursionError"


def test_pixels_of_masks_are_not_kept_after_a_run() -> None:
    drawn = []

    def judge(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
        masks = [one.mask for exchange in exchanges for one in predictions_of(exchange)]
        drawn.extend(weakref.ref(mask.bitmap) for mask in masks if mask is not None)
        assert all(bitmap() is not None for bitmap in drawn)
        return Judgement(len(drawn), ())

    run = run_with(replace(named("S01"), judge=judge), ["concept_segment/shapes.png/rle"])

    assert run.outcomes[1].judged == len(drawn) > 0
    assert all(bitmap() is None for bitmap in drawn)


def test_follow_up_that_cannot_be_made_ends_no_run() -> None:
    def make(_: Mapping[str, Exchange]) -> Case | None:
        raise IndexError

    entries = (FollowUp("a", "embed_image", "asks on", make), *PLAN.of_cases(["embed_image/shapes.png"]).entries)
    run = runner.verify(transport_of(), Plan(entries), CONTRACT)

    assert [exchange.case.id for exchange in run.exchanges] == ["embed_image/shapes.png"]
    assert run.unjudged == ("a could not be made of the answers: IndexError",)
    assert run.unsent == ()


def test_transport_that_fails_in_its_own_way_is_a_finding() -> None:
    class Failing(WsgiTransport):
        def send(self, case: Case) -> Exchange:  # noqa: ARG002 - the transport's signature
            raise ValueError(f"an odd header, and {KEY}")

    run = runner.verify(Failing(create_app(), CONTRACT, key=KEY), PLAN.of_cases(["embed_image/shapes.png"]), CONTRACT)

    (exchange,) = run.exchanges
    assert exchange.failure == "the answer could not be read: ValueError"
    assert {violation.check.code for violation in run.violations} == {"S08"}


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        ("200 OK", {"content-type": "application/json"}, NESTED),
        ("200 OK", {"content-type": "application/json"}, b'{"time": 1e999, "prompt_results": {}}'),
        ("200 OK", {"content-type": 'application/json; charset="'}, b"[1, {}]"),
        ("200 OK", {"content-type": "application/octet-stream"}, b"PK\x03\x04"),
        ("422 No", {"content-type": "application/json"}, b'{"detail": [{"loc": 5, "msg": []}, 7, null]}'),
        ("503 Busy", {"retry-after": "\xb2", "x-request-id": ""}, b"\xff\xfe"),
        ("500 No", {"content-type": "text/plain; charset=utf-16"}, b"Traceback (most recent call last):"),
    ],
)
def test_hostile_answer_ends_in_a_report(status: str, headers: dict[str, str], body: bytes) -> None:
    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, list(headers.items()))
        return [body]

    run = runner.verify(transport_of(app), PLAN, CONTRACT, budget=runner.Budget(calls=60, seconds=20))

    assert run.unjudged == ()
    assert run.exit_status == 1
    assert len(run.outcomes) == len(CHECKS)
