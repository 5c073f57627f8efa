"""Two servers, one question: what differs is told, known deviations apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mock_server import Settings, create_app
from sam3_contract import spec
from sam3_contract.report import against as shown
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification import runner
from sam3_contract.verification.against import Comparison, compare
from tests import plans
from tests.faults import KEY
from tests.verification.models import ImperfectModel, blurred

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools

CONTRACT = spec.load()
PLAN = plans.PLAN.of_cases(
    [
        "concept_segment/shapes.png/rle",
        "concept_segment/shapes.png/polygon",
        "concept_segment/discs.png/no_nms",
        "visual_segment/shapes.png/rle",
        "visual_segment/shapes.png/binary",
        "refused/no_key",
        "refused/unknown_field",
    ]
)


def run_of(app: Any = None, *, target: str = "one", **fields: Any) -> runner.Run:
    served = app or create_app(Settings(api_keys=frozenset({KEY}), **fields)).wsgi_app
    return runner.verify(WsgiTransport(served, CONTRACT, key=KEY, target=target), PLAN, CONTRACT)


BASE = run_of()


def against(*args: Any, **fields: Any) -> Comparison:
    return compare(BASE, run_of(*args, target="other", **fields))


def test_same_server_answers_alike() -> None:
    comparison = against()

    assert comparison.compared == len(BASE.exchanges)
    assert (comparison.left_out, comparison.differences, comparison.exit_status) == ((), (), 0)
    assert comparison.mean_iou == 1.0
    assert "they answer alike" in shown.as_text(comparison)


@pytest.mark.parametrize(
    ("fault", "kind", "case", "first", "second"),
    [
        ("missing_key_accepted", "status", "refused/no_key", "401", "200"),
        ("confidence_renamed", "field", "concept_segment/shapes.png/rle", "", "score"),
        ("last_result_missing", "field", "", "", ""),
        ("size_swapped", "check", "M03 rle_size_is_the_images", "held", "broken"),
    ],
)
def test_difference_is_told_by_its_kind(fault: str, kind: str, case: str, first: str, second: str) -> None:
    comparison = against(faults=(fault,))

    assert comparison.exit_status == 1
    if fault != "last_result_missing":
        assert any(
            one.kind == kind and case in one.case and first in one.first and second in one.second
            for one in comparison.unexplained
        ), comparison.unexplained


def test_other_profile_differs_by_known_deviations_only() -> None:
    comparison = against(profile="observed")

    assert comparison.unexplained == ()
    assert {one.deviation for one in comparison.differences} >= {
        "binary_answers_500",
        "one_mask_for_each_prompt",
        "lenient_types",
    }
    assert ("binary_answers_500", "other") in comparison.deviations


def test_models_are_compared_by_their_masks(tmp_path: Path) -> None:
    comparison = against(ImperfectModel(worsen=blurred, missed=0.2))

    text = shown.as_text(comparison)
    written = shown.write(comparison, tmp_path)

    assert comparison.exit_status == 1
    assert comparison.mean_iou is not None
    assert 0.8 < comparison.mean_iou < 1.0
    assert "only first has" in text
    assert "least alike" in text
    assert json.loads(written[0].read_bytes())["mean_iou"] == pytest.approx(comparison.mean_iou)
    assert len(written) > 1
    for path in written[1:]:
        with Image.open(path) as picture:
            assert picture.format == "PNG"


def test_case_that_only_one_was_asked_is_left_out() -> None:
    few = runner.verify(
        WsgiTransport(create_app(Settings(api_keys=frozenset({KEY}))), CONTRACT, key=KEY, target="few"),
        PLAN.of_cases(["refused/no_key"]),
        CONTRACT,
    )

    comparison = compare(BASE, few)

    assert comparison.compared == 1
    assert len(comparison.left_out) == len(BASE.exchanges) - 1
    assert compare(BASE, runner.run_of([], CONTRACT, target="none")).exit_status == 3
