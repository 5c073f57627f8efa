"""Accepted findings: kept in a file, matched without the numbers of predictions, reported when they are stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from mock_server import Settings, create_app
from sam3_contract import spec
from sam3_contract.errors import BaselineError
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification import runner
from sam3_contract.verification.baseline import Baseline
from tests import plans
from tests.faults import KEY

CONTRACT = spec.load()
PLAN = plans.PLAN.of_operations(["visual_segment"])


def verified(*faults: str, baseline: Baseline | None = None) -> runner.Run:
    app = create_app(Settings(api_keys=frozenset({KEY}), faults=faults))
    return runner.verify(WsgiTransport(app, CONTRACT, key=KEY), PLAN, CONTRACT, baseline=baseline)


def test_accepted_findings_are_not_counted_and_new_ones_are(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    Baseline.of(verified("size_swapped").violations).save(path)

    same = verified("size_swapped", baseline=Baseline.load(path))
    more = verified("size_swapped", "time_negative", baseline=Baseline.load(path))

    assert same.exit_status == 0
    assert same.stale == ()
    assert sum(len(outcome.accepted) for outcome in same.outcomes) > 0
    assert more.exit_status == 1
    assert {violation.check.code for violation in more.violations} <= {"S04", "S07"}


def test_entry_that_no_longer_occurs_is_stale(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    Baseline.of(verified("size_swapped").violations).save(path)

    run = verified(baseline=Baseline.load(path))

    assert run.exit_status == 0
    assert any(entry.startswith("M03 visual_segment/") for entry in run.stale)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no JSON, line 1"),
        ("[]", "is no baseline"),
        ('{"format": "other", "accepted": []}', "is no baseline"),
        ('{"format": "sam3-contract/baseline/1", "accepted": [{"check": "M03"}]}', "accepted[0] needs texts"),
        (
            '{"format": "sam3-contract/baseline/1", "accepted": [{"check": "M99", "case": "a", "at": "$"}]}',
            "accepted[0] names check 'M99'",
        ),
    ],
)
def test_malformed_baseline_is_refused_with_the_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)

    with pytest.raises(BaselineError) as caught:
        Baseline.load(path)

    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_missing_baseline_is_an_error() -> None:
    with pytest.raises(BaselineError, match="cannot be read"):
        Baseline.load(Path("no-such-baseline.json"))
