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
