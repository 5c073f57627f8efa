"""Every check has exchanges that keep its law and exchanges that break it, and tells them apart."""

from __future__ import annotations

import pytest

from sam3_contract import spec
from sam3_contract.checks import CHECKS, Check
from sam3_contract.checks.examples import examples

CONTRACT = spec.load()


def test_every_check_has_an_example_and_no_example_is_left_over() -> None:
    assert set(examples()) == {check.code for check in CHECKS}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.code}-{check.name}")
def test_check_accepts_the_exchanges_that_keep_its_law(check: Check) -> None:
    judgement = check.judge(examples()[check.code].keeps, CONTRACT)

    assert judgement.judged > 0
    assert judgement.breaches == ()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.code}-{check.name}")
def test_check_finds_the_breach_in_the_exchanges_that_break_its_law(check: Check) -> None:
    found = check.judge(examples()[check.code].breaks, CONTRACT).breaches

    assert found
    assert all(breach.exchange is not None and breach.found and breach.expected for breach in found)
    assert not any(breach.deviation for breach in found)
