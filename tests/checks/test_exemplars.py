"""What a check of exemplars counts."""

from __future__ import annotations

import pytest

from mock_server import Settings, create_app
from sam3_contract import cases, spec
from sam3_contract.checks import judge
from sam3_contract.exchanges.exchange import Case, as_base64
from sam3_contract.transport import WsgiTransport
from tests.faults import KEY

CONTRACT = spec.load()


@pytest.mark.parametrize(("faults", "missed"), [((), 0), (("second_exemplar_ignored",), 1)])
def test_prompt_of_several_positive_boxes_is_one_trial(faults: tuple[str, ...], missed: int) -> None:
    photograph = cases.built_in_images()[0]
    boxes = [thing.top_left_box for thing in photograph.things]
    prompts = [{"boxes": boxes, "box_labels": [1] * len(boxes)}]
    body = {"image": as_base64(photograph), "prompts": prompts}
    case = Case("boxes", "concept_segment", "boxes everything", body, image=photograph.header)
    app = create_app(Settings(api_keys=frozenset({KEY}), faults=faults))

    judgement = judge([WsgiTransport(app, CONTRACT, key=KEY).send(case)], CONTRACT)["C06"]

    assert (judgement.judged, len(judgement.breaches)) == (1, missed)


@pytest.mark.parametrize(("left", "judged"), [(20, 0), (150, 1)])
def test_box_that_a_negative_one_reaches_into_is_not_judged(left: int, judged: int) -> None:
    photograph = cases.built_in_images()[0]
    boxes = [photograph.things[0].top_left_box, {"x": left, "y": 20, "width": 100, "height": 100}]
    body = {"image": as_base64(photograph), "prompts": [{"boxes": boxes, "box_labels": [1, 0]}]}
    case = Case("boxes", "concept_segment", "boxes two things, one as unlike", body, image=photograph.header)

    answer = WsgiTransport(create_app(Settings(api_keys=frozenset({KEY}))), CONTRACT, key=KEY).send(case)

    assert judge([answer], CONTRACT)["C06"].judged == judged
