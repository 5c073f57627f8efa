"""Honest to models: their misses break no contract, and what is broken behind them is found all the same."""

from __future__ import annotations

from typing import Any

import pytest

from sam3_contract import spec
from sam3_contract.cases import Plan
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification import runner
from tests.faults import KEY
from tests.plans import PLAN
from tests.verification.models import ImperfectModel, as_it_is, blurred, eroded, jittered

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools

CONTRACT = spec.load()
MODELS: dict[str, dict[str, Any]] = {
    "eroded": {"worsen": eroded},
    "blurred": {"worsen": blurred},
    "jittered": {"worsen": jittered},
    "noisy": {"worsen": as_it_is, "noise": 0.005},
    "missing": {"worsen": as_it_is, "missed": 0.1},
    "all of it": {"worsen": jittered, "noise": 0.005, "missed": 0.1},
}
# What is done to masks behind a model, whose edges hide what is smaller.
GEOMETRY = [
    "masks_shifted_right:6",
    "masks_shifted_down:6",
    "masks_mirrored",
    "masks_upside_down",
    "masks_letterboxed",
    "masks_in_model_frame",
    "masks_half_size",
    "masks_inverted",
    "size_swapped",
    "points_swapped",
    "visual_boxes_top_left",
    "exif_ignored",
]


def run_of(*, calls: int = runner.DEFAULT_CALLS, plan: Plan = PLAN, **fields: Any) -> runner.Run:
    transport = WsgiTransport(ImperfectModel(**fields), CONTRACT, key=KEY)
    return runner.verify(transport, plan, CONTRACT, budget=runner.Budget(calls))


def broken(run: runner.Run) -> list[tuple[str, str, str]]:
    return [
        (one.check.code, one.exchange.case.id, one.breach.found)
        for outcome in run.outcomes
        for one in outcome.violations
        if outcome.verdict == "broken"
    ]


@pytest.mark.parametrize("model", ["eroded", "all of it"])
def test_misses_of_a_model_break_no_contract(model: str) -> None:
    assert broken(run_of(**MODELS[model])) == []


def test_confidence_that_varies_about_a_threshold_is_no_breach() -> None:
    plan = PLAN.of_cases(["concept_segment/at_own_threshold", "concept_segment/at_request_threshold"])
    model = ImperfectModel(worsen=as_it_is, noise=0.005, seed=1)

    assert broken(runner.verify(WsgiTransport(model, CONTRACT, key=KEY), plan, CONTRACT)) == []


@pytest.mark.parametrize(
    ("fault", "case"),
    [
        ("masks_mirrored", "concept_segment/shapes.png/rle"),
        ("size_swapped", "concept_segment/shapes.png/rle"),
        ("visual_boxes_top_left", "visual_segment/discs.png/boxes"),
    ],
)
def test_what_is_broken_behind_a_model_is_found(fault: str, case: str) -> None:
    assert run_of(**MODELS["all of it"], faults=(fault,), plan=PLAN.of_cases([case])).exit_status == 1


@pytest.mark.soak
@pytest.mark.parametrize("fault", GEOMETRY)
@pytest.mark.parametrize("model", MODELS)
def test_whatever_geometry_is_broken_behind_a_model_is_found(model: str, fault: str) -> None:
    assert run_of(**MODELS[model], faults=(fault,)).exit_status == 1


@pytest.mark.soak
@pytest.mark.parametrize("profile", ["documented", "observed"])
@pytest.mark.parametrize("model", MODELS)
def test_misses_of_a_model_break_no_contract_with_any_seed(model: str, profile: str) -> None:
    alarms = {
        seed: found
        for seed in range(50)
        if (found := broken(run_of(**MODELS[model], seed=seed, profile=profile, calls=150)))
    }

    assert alarms == {}
