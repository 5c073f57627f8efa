"""What a law says of the ends of its range: thresholds of 0, boxes across the border, planes of an archive."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from sam3_contract import spec
from sam3_contract.checks import judge
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.images import ImageHeader
from sam3_contract.masks import rle_from_bitmap

Bitmap = NDArray[np.bool_]

CONTRACT = spec.load()
SIZE = (60, 80)
HEADER = ImageHeader("PNG", width=SIZE[1], height=SIZE[0])
IMAGE = {"type": "url", "value": "https://example.com/things.png"}


def block(left: int) -> Bitmap:
    bitmap = np.zeros(SIZE, np.bool_)
    bitmap[20:40, left : left + 10] = True
    return bitmap


def concept(name: str, prompt: dict[str, Any], found: list[Bitmap], **fields: Any) -> Exchange:
    """Answer one prompt with masks, the surest first, as a server that is exact."""
    sent = {"image": IMAGE, "prompts": [prompt], "format": "rle", "output_prob_thresh": 0.1, **fields}
    boxes = len(prompt.get("boxes", ()))
    echo = {"prompt_index": 0, "type": "visual" if boxes else "text", "text": prompt.get("text"), "num_boxes": boxes}
    predictions = [
        {"masks": rle_from_bitmap(bitmap), "confidence": 0.9 - index / 10, "format": "rle"}
        for index, bitmap in enumerate(found)
    ]
    answer = {"time": 0.1, "prompt_results": [{"prompt_index": 0, "echo": echo, "predictions": predictions}]}
    case = Case(name, "concept_segment", name, sent, image=HEADER)
    return Exchange(case, 200, {"content-type": "application/json"}, orjson.dumps(answer), 0.1, exact=True)


def breaches(code: str, *exchanges: Exchange) -> list[str]:
    return [breach.found for breach in judge(exchanges, CONTRACT)[code].breaches]


@pytest.mark.parametrize(("stay", "wrong"), [((10, 40), False), ((10,), True)])
def test_nms_at_zero_takes_nothing_that_overlaps_nothing(stay: tuple[int, ...], *, wrong: bool) -> None:
    text = {"text": "thing"}
    everything = concept("everything", text, [block(10), block(40)])

    found = breaches("R05", everything, concept("nms", text, [block(left) for left in stay], nms_iou_threshold=0))

    assert bool(found) is wrong


@pytest.mark.parametrize(("left", "missed"), [(0, False), (60, True)])
def test_exemplar_that_reaches_across_the_border_is_found(left: int, *, missed: bool) -> None:
    box = {"x": -4, "y": 20, "width": 14, "height": 20}

    assert bool(breaches("C06", concept("boxed", {"boxes": [box], "box_labels": [1]}, [block(left)]))) is missed


@pytest.mark.parametrize(("before", "wrong"), [((10, 40), True), ((10,), False)])
def test_negative_box_takes_only_what_lies_in_it(before: tuple[int, ...], *, wrong: bool) -> None:
    plain = concept("plain", {"text": "thing"}, [block(left) for left in before])
    negative = {"boxes": [{"x": 10, "y": 20, "width": 10, "height": 20}], "box_labels": [0]}

    assert bool(breaches("C07", plain, concept("negative", {"text": "thing", **negative}, []))) is wrong


@pytest.mark.parametrize("same", [False, True])
def test_low_resolution_logits_are_those_of_each_mask(*, same: bool) -> None:
    masks = [block(10), block(40), block(60)]
    sent = {"image": IMAGE, "prompts": [{"points": [{"x": 12, "y": 22, "positive": True}]}]}
    predictions = [{"masks": rle_from_bitmap(one), "confidence": 0.9, "format": "rle"} for one in masks]
    planes = np.where(np.stack(masks), 8, -8).astype(np.float32)
    low = np.stack([np.full((256, 256), -8.0, np.float32) for _ in masks])
    for index in range(3):
        low[index, 80:160, 40 if same else 40 * index : 80 + 40 * index * (not same)] = 8
    file = io.BytesIO()
    np.savez_compressed(file, masks=planes, low_res_masks=low)
    answers = {
        "rle": ("application/json", orjson.dumps({"time": 0.1, "predictions": predictions})),
        "binary": ("application/octet-stream", file.getvalue()),
    }
    exchanges = [
        Exchange(
            Case(name, "visual_segment", name, {**sent, "format": name}, image=HEADER),
            200,
            {"content-type": kind},
            body,
            0.1,
            exact=True,
        )
        for name, (kind, body) in answers.items()
    ]

    assert breaches("V08", *exchanges) == (["the very logits of npz.low_res_masks[0]"] if same else [])


def test_body_that_is_spread_out_says_the_same() -> None:
    body = {"image": IMAGE, "prompts": [{"text": "grünes Dreieck"}]}

    content = Case("a", "concept_segment", "asks", body, spread_out=True).content

    assert orjson.loads(content) == body
    assert list(orjson.loads(content)) == ["prompts", "image"]
    assert b"\n" in content
    assert content.isascii()


@pytest.mark.parametrize(
    ("header", "wrong"),
    [("0.19", False), ("2", False), ("1.5e-05", False), ("0,19", True), ("0.19 s", True), ("-1", True), ("nan", True)],
)
def test_processing_time_is_a_decimal_number(header: str, *, wrong: bool) -> None:
    good = concept("things", {"text": "thing"}, [block(10)])
    headed = replace(good, headers={**good.headers, "x-processing-time": header})

    assert breaches("S07", headed) == ([f"'{header}'"] if wrong else [])
