"""Servers with conditional defects that are in no catalogue: how many of them `verify` finds with how many calls."""

from __future__ import annotations

from functools import cache

import pytest

from benchmarks.mutants import MUTANTS
from mock_server import Settings, create_app
from sam3_contract import cases, spec
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification import runner
from tests.faults import KEY

CONTRACT = spec.load()
PLAN = cases.plan(cases.built_in_images())
# Some of different kinds, found in whatever the usual run asks.
QUICK = [
    "masks_move_where_the_width_is_no_multiple_of_8",
    "own_threshold_below_the_requests_is_raised",
    "origins_are_not_answered",
]


@cache
def is_found(name: str, calls: int) -> bool:
    app = create_app(Settings(api_keys=frozenset({KEY}))).wsgi_app
    transport = WsgiTransport(MUTANTS[name].around(app), CONTRACT, key=KEY)
    return runner.verify(transport, PLAN, CONTRACT, budget=runner.Budget(calls)).exit_status == 1


@pytest.mark.parametrize("name", QUICK)
def test_conditional_defect_is_found_by_a_usual_run(name: str) -> None:
    assert is_found(name, 60)


@pytest.mark.soak
@pytest.mark.parametrize(("calls", "least"), [(60, 0.60), (150, 0.85)])
def test_larger_budget_finds_more_of_the_conditional_defects(calls: int, least: float) -> None:
    found = [name for name in MUTANTS if is_found(name, 60) or (calls > 60 and is_found(name, calls))]

    assert len(found) >= least * len(MUTANTS)
