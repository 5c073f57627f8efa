"""What good requests say besides: allowed by the document, without a meaning, and felt where a server minds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.mutants.server import Call, Mutant, refusal
from mock_server import Settings, create_app
from sam3_contract import spec, wire
from sam3_contract.cases.dressing import dressed
from sam3_contract.checks.prompts import image_of, meant_by
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification import runner
from tests.faults import KEY
from tests.plans import PLAN

MODELS: dict[str, type[wire.Request]] = {
    "concept_segment": wire.ConceptSegmentRequest,
    "visual_segment": wire.VisualSegmentRequest,
    "embed_image": wire.EmbedImageRequest,
}
GOOD = [case for case in PLAN.cases if case.expected == {200} and "image" in case.sent]
CONTRACT = spec.load()
SEEDS = range(1000, 1005)


def exchange_of(case: Case) -> Exchange:
    return Exchange(case, 200, {}, b"{}", 0.0, None)


@pytest.mark.parametrize("seed", SEEDS)
def test_dressed_requests_are_allowed_and_mean_what_they_meant(seed: int) -> None:
    for case in GOOD:
        worn = dressed(case, seed)

        wire.parse_request(MODELS[case.operation], worn.sent)
        assert meant_by(exchange_of(worn)) == meant_by(exchange_of(case))
        assert image_of(exchange_of(worn)) == image_of(exchange_of(case))


def test_dressing_says_what_can_be_said() -> None:
    plain = [case for case in GOOD if case.operation == "visual_segment"]
    said = [dressed(case, seed) for case in plain for seed in range(40)]

    assert {case.sent.get("sam2_version_id") for case in said} >= {"hiera_tiny", "hiera_small", "hiera_b_plus"}
    assert {case.key_in for case in said} >= {"query", "bearer", "lower_bearer", "body"}
    assert {"cookie", "accept", "traceparent", "x-request-id"} <= {name for case in said for name in case.headers}
    assert not any("api_key" in case.sent for case in said if case.key_in == "body")


def test_key_in_a_body_is_where_the_service_looks_for_it() -> None:
    variants = [PLAN.variants.named(f"variant/{number}") for number in range(1, 100)]
    undressed = [*GOOD, *(case for case in variants if case is not None)]
    asked = [*undressed, *(dressed(case, seed) for case in undressed for seed in SEEDS)]
    in_body = [case for case in asked if case.key_in == "body"]

    assert any("origin" in case.headers for case in in_body if case.id.startswith("variant/"))
    for case in in_body:
        assert "transfer-encoding" not in case.headers
        assert case.headers.get("content-type", "application/json").startswith("application/json")


def test_requests_that_differ_in_one_thing_differ_in_that_alone_when_dressed() -> None:
    case = next(case for case in GOOD if case.id == "concept_segment/discs.png/no_nms")
    other = replace(case, body={**case.sent, "output_prob_thresh": 0.123})

    for seed in SEEDS:
        ours, theirs = dressed(case, seed), dressed(other, seed)
        assert {**ours.sent, "output_prob_thresh": 0.123} == theirs.sent
        assert (ours.key_in, ours.headers) == (theirs.key_in, theirs.headers)


def test_what_is_made_of_a_dressed_request_is_dressed_alike() -> None:
    for case in GOOD:
        once = dressed(case, 1000)
        twice = dressed(replace(once, headers=case.headers), 1000)
        assert (twice.sent, twice.key_in, twice.headers, twice.query) == (
            (once.sent, once.key_in, once.headers, once.query)
        )


def test_what_has_a_mistake_is_not_dressed_nor_is_what_is_asked_of_the_first_image() -> None:
    first = PLAN.cases[0].sent["image"]
    of_first = [case for case in GOOD if case.sent["image"] == first]

    assert len(of_first) > 20
    assert not any("traceparent" in case.headers or "source" in case.sent for case in of_first)
    for case in PLAN.cases:
        if case.expected != {200} or case.method != "POST":
            assert dressed(case, 0) is case


MINDS: dict[str, Callable[[Call], bool]] = {
    "a version of SAM 2": lambda call: call.body.get("sam2_version_id", "hiera_large") != "hiera_large",
    "a null for a box": lambda call: any(prompt.get("box", 1) is None for prompt in call.prompts),
    "a null for a threshold": lambda call: any(prompt.get("output_prob_thresh", 1) is None for prompt in call.prompts),
    "an id that is no UUID": lambda call: len(str(call.body.get("id", "x" * 36))) != 36,
    "no statistics": lambda call: "start" in call.body and call.body["start"] is None,
    "a trace": lambda call: "traceparent" in call.request.headers,
}


@pytest.mark.parametrize("what", MINDS)
def test_server_that_minds_what_is_said_besides_is_found(what: str) -> None:
    def behaviour(call: Call) -> Any:
        return refusal(500, {"message": "Internal error."}) if MINDS[what](call) else call.ask()

    app = Mutant(what, behaviour).around(create_app(Settings(api_keys=frozenset({KEY}))).wsgi_app)
    run = runner.verify(WsgiTransport(app, CONTRACT, key=KEY), PLAN, CONTRACT, budget=runner.Budget(60))

    assert "S01" in {outcome.check.code for outcome in run.outcomes if outcome.verdict == "broken"}
