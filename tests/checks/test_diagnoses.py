"""What findings say of the mistake behind them, and which law tells of what."""

from __future__ import annotations

from typing import Any

import pytest

from mock_server import Settings, create_app
from sam3_contract import cases, spec
from sam3_contract.checks import Breach, judge
from sam3_contract.exchanges.exchange import Case, as_base64
from sam3_contract.transport import WsgiTransport
from tests.faults import KEY

CONTRACT = spec.load()
DISCS = cases.built_in_images()[-1]
TEXT = {"text": "circle"}
BOXED = {"boxes": [{"x": 843, "y": 761, "width": 436, "height": 240}], "box_labels": [1]}


def breaches(code: str, *bodies: dict[str, Any], fault: str) -> tuple[Breach, ...]:
    """Let a broken mock answer requests one after the other, and a check judge them."""
    app = create_app(Settings(api_keys=frozenset({KEY}), faults=(fault,)))
    transport = WsgiTransport(app, CONTRACT, key=KEY)
    asked = [
        Case(f"case {number}", "concept_segment", "asks", {"image": as_base64(DISCS), **body}, image=DISCS.header)
        for number, body in enumerate(bodies)
    ]
    return judge([transport.send(case) for case in asked], CONTRACT)[code].breaches


def test_what_another_prompt_has_instead_is_told() -> None:
    found = breaches("C04", {"prompts": [TEXT]}, {"prompts": [TEXT, TEXT]}, fault="nms_always")

    assert "what it lost is found by prompts[0]: it looks merged, or suppressed" in {breach.why for breach in found}


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("exemplar_boxes_centred", "x and y were taken for the centre of the box"),
        ("exemplar_boxes_ignored", ""),
    ],
)
def test_box_is_said_to_be_read_otherwise_only_if_something_lies_in_that_one(fault: str, why: str) -> None:
    found = breaches("C06", {"prompts": [BOXED], "output_prob_thresh": 0.1}, fault=fault)

    assert [breach.why for breach in found] == [why]


def test_threshold_of_the_request_and_of_a_prompt_are_compared_as_thresholds() -> None:
    bodies = {"prompts": [TEXT], "output_prob_thresh": 0.05}, {"prompts": [{**TEXT, "output_prob_thresh": 0.05}]}

    assert breaches("R03", *bodies, fault="prompt_threshold_ignored")
    assert not breaches("C04", *bodies, fault="prompt_threshold_ignored")


def test_every_answer_with_a_breach_is_shown() -> None:
    many = [{"prompts": [TEXT] * 12, "output_prob_thresh": least} for least in (0.1, 0.4, 0.4)]

    found = breaches("R03", *many, fault="low_threshold_drops_best")

    assert len({breach.exchange for breach in found}) == 2
