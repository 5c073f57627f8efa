"""C09: which texts are to be told apart, and of which servers that is asked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import orjson
import pytest

from sam3_contract import spec
from sam3_contract.checks import judge
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.masks import rle_from_bitmap

CONTRACT = spec.load()
IMAGE = {"type": "url", "value": "https://example.com/dogs.png"}
MASKS = rle_from_bitmap(np.eye(4, dtype=np.bool_))


def answered(confidences: Mapping[str, float | None], *, exact: bool = True, **fields: object) -> Exchange:
    """Answer texts by one instance each, so sure; ``None`` for nothing."""
    results = [
        {
            "prompt_index": index,
            "echo": {"prompt_index": index, "type": "text", "text": text, "num_boxes": 0},
            "predictions": [] if sure is None else [{"masks": MASKS, "confidence": sure, "format": "rle"}],
        }
        for index, (text, sure) in enumerate(confidences.items())
    ]
    body = {"image": IMAGE, "prompts": [{"text": text} for text in confidences], "format": "rle", **fields}
    answer = orjson.dumps({"time": 0.1, "prompt_results": results})
    case = Case("dogs", "concept_segment", "asks for dogs", body)
    return Exchange(case, 200, {"content-type": "application/json"}, answer, 0.1, exact=exact)


def judged(confidences: Mapping[str, float | None], **fields: object) -> tuple[int, list[str]]:
    judgement = judge([answered(confidences, **fields)], CONTRACT)["C09"]
    return judgement.judged, [breach.at for breach in judgement.breaches]


@pytest.mark.parametrize(
    "text", ["dog, and a cat", "dog\nand cat", "dog 犬", "big dog", "dog " + "of many words " * 40, "Dog (the other)"]
)
def test_text_that_says_more_is_told_apart(text: str) -> None:
    others = {"a dog": 0.8, "dogs and a dog": 0.7}
    assert judged({"dog": 0.9, text: 0.9, **others})[1] == ["$.prompt_results[1].predictions"]
    assert judged({"dog": 0.9, text: None, "a dog": 0.8})[1] == []


@pytest.mark.parametrize("text", ["Dog", " dog ", "ｄｏｇ", '"dog"', "dog."])  # noqa: RUF001 - wide letters
def test_text_of_the_same_words_may_be_answered_alike(text: str) -> None:
    assert judged({"dog": 0.9, text: 0.9, "a dog": 0.8})[1] == []


def test_texts_without_a_word_in_common_are_not_compared() -> None:
    assert judged({"dog": 0.9, "puppy": 0.9}) == (0, [])


def test_server_that_knows_some_words_only_is_not_asked_for_others() -> None:
    assert judged({"dog": 0.9, "dog, and a cat": 0.9, "dog 犬": 0.9, "big dog": 0.9, "a dog": 0.8}) == (0, [])


def test_what_suppression_may_have_taken_is_not_compared() -> None:
    assert judged({"dog": 0.9, "big dog": 0.9, "a dog": 0.8, "no dog": 0.7}, nms_iou_threshold=0.5) == (0, [])
