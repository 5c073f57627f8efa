"""For each check exchanges that keep its law, and exchanges that break it: what ``checks explain`` shows.

All are about an image 6 pixels wide and 4 high, with a square of 2 by 2 pixels at (1, 1).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from sam3_contract.exchanges.exchange import Case, Exchange, Twin
from sam3_contract.images import ImageHeader
from sam3_contract.images.scenes import Thing
from sam3_contract.masks import rle_from_bitmap

Json = dict[str, Any]

HEADER: Final = ImageHeader("PNG", width=6, height=4)
IMAGE: Final = {"type": "url", "value": "https://example.com/square.png"}
OTHER_IMAGE: Final = {"type": "url", "value": "https://example.com/other.png"}
POLYGON: Final = [[[1, 1], [1, 2], [2, 2], [2, 1]]]
KEY: Final = "an-api-key-of-nobody"
ORIGIN: Final = "https://app.example.com"
REQUEST_ID: Final = "3f2b8c1a-9d47-4e05-8b61-2a7c5d9e0f13"


def _drawn(*, left: int, right: int) -> NDArray[np.bool_]:
    """Draw a rectangle two pixels high, its columns given by first and last."""
    return np.array([[left <= x <= right and 1 <= y <= 2 for x in range(6)] for y in range(4)])


_BITMAP: Final = _drawn(left=1, right=2)
SQUARE: Final = rle_from_bitmap(_BITMAP)
MOVED: Final = rle_from_bitmap(_drawn(left=3, right=4))
FAR: Final = rle_from_bitmap(_drawn(left=4, right=5))
WIDE: Final = rle_from_bitmap(_drawn(left=1, right=3))


@dataclass(frozen=True, slots=True)
class Example:
    """What a law means, shown.

    Attributes:
        keeps: Exchanges of which the check has something to say, and nothing bad.
        breaks: Exchanges in which it finds a breach.
    """

    keeps: tuple[Exchange, ...]
    breaks: tuple[Exchange, ...]


@cache
def examples() -> Mapping[str, Example]:
    """Give the examples of every check, by its code."""
    return {**_http(), **_masks(), **_concept(), **_visual(), **_relations(), **_thresholds(), **_views(), **_truth()}


def _http() -> dict[str, Example]:
    good = _found([_prediction(SQUARE)])
    refused = _refused(
        422, {"detail": [{"type": "missing", "loc": ["body", "image"], "msg": "Field required", "input": {}}]}
    )
    html = _with(good, body=b"<html>Bad Gateway</html>", headers={"content-type": "text/html"})
    keyed = replace(good, key=KEY)
    return {
        "S01": _pair(refused, _refused(200, {"time": 0.1, "prompt_results": []})),
        "S02": _pair(good, replace(good, status=418)),
        "S03": _pair(good, html),
        "S04": _pair(good, _changed(good, lambda answer: {**answer, "time": "0.1"})),
        "S05": _pair(good, replace(good, body=good.body.replace(b"0.9", b"NaN"))),
        "S06": _pair(keyed, replace(keyed, headers={**good.headers, "x-asked": f"/?api_key={KEY}"})),
        "S07": _pair(good, _changed(good, lambda answer: {**answer, "time": 153.0})),
        "S08": _pair(good, Exchange(good.case, 0, {}, b"", 0.5, failure="connection reset by peer")),
        "S09": _pair(refused, _refused(400, {"message": 'File "/app/server.py", line 7, in infer: no such array'})),
        "S10": _pair(refused, _refused(422, {"detail": [{"type": "missing", "loc": ["body"], "msg": "Missing"}]})),
        "S11": _pair(_from_elsewhere(good, ORIGIN), _from_elsewhere(good, "https://example.com")),
        "S12": _pair(_named(good, REQUEST_ID), _named(good, "1")),
        "S13": _pair(good, _with(good, body=good.body, headers={"content-type": "application/json; charset=latin-1"})),
        "S14": _pair(_not_allowed({"allow": "POST"}), _not_allowed({})),
        "S15": _pair(_unpacked(good, {}), _unpacked(good, {"content-encoding": "gzip"})),
    }


def _masks() -> dict[str, Example]:
    rle, polygon = _found([_prediction(SQUARE)]), _found([_prediction(POLYGON)], mask_format="polygon")

    def broken(masks: Any, mask_format: str) -> Exchange:
        return _found([{**_prediction(POLYGON), "masks": masks, "format": mask_format}], mask_format=mask_format)

    return {
        "M01": _pair(rle, broken(POLYGON, "rle")),
        "M02": _pair(rle, broken({"size": [4, 6], "counts": "522"}, "rle")),
        "M03": _pair(rle, broken({"size": [6, 4], "counts": "5220;"}, "rle")),
        "M04": _pair(polygon, broken([[[1.5, 1], [1.5, 2], [2.5, 2]]], "polygon")),
        "M05": _pair(polygon, broken([[[5, 1], [5, 2], [6, 2], [6, 1]]], "polygon")),
        "M06": _pair(polygon, broken([POLYGON[0][::-1]], "polygon")),
        "M09": _pair(polygon, broken([[*POLYGON[0], POLYGON[0][0]]], "polygon")),
        "M08": _pair(rle, _found([_prediction(POLYGON)])),
        "M07": _pair(_archive(_BITMAP), _archive(_BITMAP[:, :5])),
    }


def _concept() -> dict[str, Example]:
    two = _results([("dog", [_prediction(SQUARE)]), ("cat", [])])
    swapped = _changed(two, lambda answer: {**answer, "prompt_results": answer["prompt_results"][::-1]})
    box, corners = {"x": 1, "y": 1, "width": 2, "height": 2}, {"x0": 1, "y0": 1, "x1": 3, "y1": 3}
    boxed = _boxed({"boxes": [box], "box_labels": [1]}, [SQUARE], "a box")
    negative = {"text": "square", "boxes": [box], "box_labels": [0]}
    plain = _found([_prediction(SQUARE)])
    return {
        "C01": _pair(two, swapped),
        "C02": _pair(plain, _found([_prediction(SQUARE)], echoed="SQUARE")),
        "C03": _pair(plain, _found([_prediction(SQUARE, 0.3)])),
        "C04": Example((plain, _beside([SQUARE])), (plain, _beside([]))),
        "C05": Example(
            (boxed, _boxed({"boxes": [corners], "box_labels": [1]}, [SQUARE], "corners")),
            (boxed, _boxed({"boxes": [corners], "box_labels": [1]}, [MOVED], "corners")),
        ),
        "C06": _pair(boxed, _boxed({"boxes": [box], "box_labels": [1]}, [MOVED], "a box")),
        "C07": Example(
            (plain, _boxed(negative, [], "a negative box")), (plain, _boxed(negative, [SQUARE], "a negative box"))
        ),
        "C08": _pair(
            _of_eight_times_the_size(_BITMAP, _drawn(left=4, right=5)), _of_eight_times_the_size(*[_BITMAP] * 2)
        ),
        "C09": _pair(_of_texts(0.8, 0.7), _of_texts(0.9, 0.7)),
        "R02": Example((plain, _found([_prediction(SQUARE)])), (plain, _found([_prediction(MOVED)]))),
    }


def _of_texts(beside_dog: float, beside_cat: float) -> Exchange:
    """Ask for a square, and by two texts that say more, with such confidences."""
    asked = (("square", 0.9), ("square, and a dog", beside_dog), ("square or cat", beside_cat))
    return _results([(text, [_prediction(SQUARE, confidence)]) for text, confidence in asked])


def _of_eight_times_the_size(*bitmaps: NDArray[np.bool_]) -> Exchange:
    """Answer larger masks of a larger image: specks may be alike."""
    masks = [rle_from_bitmap(np.kron(bitmap, np.ones((8, 8), np.bool_))) for bitmap in bitmaps]
    found = _found([_prediction(mask, 0.9 - index / 10) for index, mask in enumerate(masks)])
    return replace(found, case=replace(found.case, image=ImageHeader("PNG", width=48, height=32)))


def _visual() -> dict[str, Example]:
    click = {"points": [{"x": 1, "y": 1, "positive": True}]}
    both = {"points": [*click["points"], {"x": 3, "y": 1, "positive": False}]}
    box = {"box": {"x": 2, "y": 2, "width": 2, "height": 2}}
    alone: Json = {"multimask_output": False}
    three = _clicked([click], [SQUARE] * 3)
    one = _clicked([click], [SQUARE], **alone)
    return {
        "V01": _pair(three, _clicked([click], [SQUARE] * 2)),
        "V02": _pair(_archive(_BITMAP), _clicked([click], [SQUARE] * 3, mask_format="binary")),
        "V03": _pair(one, _clicked([click], [MOVED], **alone)),
        "V04": _pair(_clicked([both], [SQUARE], **alone), _clicked([both], [WIDE], **alone)),
        "V05": _pair(_clicked([box], [SQUARE], **alone), _clicked([box], [FAR], **alone)),
        "V06": Example((three, _clicked(click, [SQUARE] * 3)), (three, _clicked(click, [MOVED] * 3))),
        "V07": Example((three, one), (three, _clicked([click], [SQUARE], confidence=0.4, **alone))),
        "V08": Example(
            (one, _archive(_BITMAP, prompts=[click])), (one, _archive(_drawn(left=4, right=5), prompts=[click]))
        ),
        "V09": Example(
            (one, _clicked([click, both], [SQUARE, SQUARE], **alone)),
            (one, _clicked([click, both], [MOVED, SQUARE], **alone)),
        ),
        "R08": Example(
            (one, _clicked([click], [SQUARE], image_id="a", **alone)),
            (one, _clicked([click], [MOVED], image_id="a", **alone)),
        ),
        "R10": _pair(_embedded("a"), _embedded("b")),
        "R13": Example(
            (one, _clicked([click], [SQUARE], load_logits_from_cache=True, **alone)),
            (one, _clicked([click], [FAR], load_logits_from_cache=True, **alone)),
        ),
        "R09": Example(
            (one, _clicked([click], [SQUARE], image_id="a", **alone), _reused(click, SQUARE)),
            (one, _clicked([click], [SQUARE], image_id="a", **alone), _reused(click, MOVED)),
        ),
    }


def _relations() -> dict[str, Example]:
    rle = _found([_prediction(SQUARE)])
    moved = [[[x + 3, y] for x, y in POLYGON[0]]]
    return {
        "R01": Example(
            (rle, _found([_prediction(POLYGON)], mask_format="polygon")),
            (rle, _found([_prediction(moved)], mask_format="polygon")),
        ),
        "R11": Example(
            (rle, _found([_prediction(SQUARE)], nms_iou_threshold=None)),
            (rle, _found([_prediction(MOVED)], nms_iou_threshold=None)),
        ),
        "R12": Example((rle, _at_once([SQUARE])), (rle, _at_once([MOVED]))),
    }


def _thresholds() -> dict[str, Example]:
    low = _found([_prediction(SQUARE), _prediction(MOVED, 0.6)], output_prob_thresh=0.2)
    high = _found([_prediction(SQUARE), _prediction(MOVED, 0.6)], output_prob_thresh=0.5)
    both = [_prediction(SQUARE), _prediction(WIDE, 0.6)]
    return {
        "R03": Example((low, high), (low, _found([_prediction(SQUARE)], output_prob_thresh=0.5))),
        "R04": _pair(
            _found([_prediction(SQUARE), _prediction(MOVED, 0.6)], nms_iou_threshold=0.5),
            _found(both, nms_iou_threshold=0.5),
        ),
        "R05": Example(
            (_found(both), _found(both[:1], nms_iou_threshold=0.5)),
            (_found(both), _found(both[1:], nms_iou_threshold=0.5)),
        ),
    }


def _views() -> dict[str, Example]:
    things = (Thing("square", (), _BITMAP),)
    drawn = _on(_found([_prediction(SQUARE)]), things)
    same = Twin(drawn.case.id, "as JPEG", lambda bitmap: bitmap)
    turned = Twin(drawn.case.id, "mirrored", lambda bitmap: bitmap[:, ::-1], moved=True)
    return {
        "R06": Example((drawn, _view(SQUARE, same)), (drawn, _view(FAR, same))),
        "R07": Example((drawn, _view(MOVED, turned)), (drawn, _view(SQUARE, turned))),
    }


def _truth() -> dict[str, Example]:
    things = (Thing("square", (), _BITMAP),)
    good, moved = (_on(_found([_prediction(masks)]), things) for masks in (SQUARE, MOVED))
    twice = _on(_found([_prediction(SQUARE), _prediction(FAR)]), things)
    return {"G01": _pair(good, moved), "G02": _pair(good, _on(_found([]), things)), "G03": _pair(good, twice)}


def _pair(keeps: Exchange, breaks: Exchange) -> Example:
    return Example((keeps,), (breaks,))


def _from_elsewhere(exchange: Exchange, allowed: str) -> Exchange:
    """Ask from another origin; the answer allows one."""
    case = replace(exchange.case, headers={"origin": ORIGIN})
    return replace(exchange, case=case, headers={**exchange.headers, "access-control-allow-origin": allowed})


def _named(exchange: Exchange, answered: str) -> Exchange:
    """Name the exchange by an id; the answer has one as well."""
    case = replace(exchange.case, headers={"x-request-id": REQUEST_ID})
    return replace(exchange, case=case, headers={**exchange.headers, "x-request-id": answered})


def _unpacked(exchange: Exchange, headers: Mapping[str, str]) -> Exchange:
    """Accept nothing that is packed."""
    case = replace(exchange.case, headers={"accept-encoding": "identity"})
    return replace(exchange, case=case, headers={**exchange.headers, **headers})


def _not_allowed(headers: Mapping[str, str]) -> Exchange:
    """Ask by another method, in a run that names its requests."""
    case = Case("get", "concept_segment", "uses GET", None, method="GET", expected=frozenset({405}))
    answer = orjson.dumps({"detail": "Method Not Allowed"})
    return _named(Exchange(case, 405, {"content-type": "application/json", **headers}, answer, 0.5), REQUEST_ID)


def _at_once(masks: Sequence[Json]) -> Exchange:
    exchange = _found([_prediction(mask) for mask in masks])
    return replace(exchange, case=replace(exchange.case, at_once="all at once"))


def _found(predictions: Sequence[Json], *, mask_format: str = "rle", echoed: str = "square", **sent: Any) -> Exchange:
    body = {"image": IMAGE, "prompts": [{"text": "square"}], "format": mask_format, **sent}
    return _answered("concept_segment", body, {"prompt_results": [_result(0, echoed, predictions)]}, name="square")


def _results(found: Sequence[tuple[str, Sequence[Json]]]) -> Exchange:
    body = {"image": IMAGE, "prompts": [{"text": text} for text, _ in found], "format": "rle"}
    results = [_result(index, text, predictions) for index, (text, predictions) in enumerate(found)]
    return _answered("concept_segment", body, {"prompt_results": results}, name="two prompts")


def _beside(masks: Sequence[Json]) -> Exchange:
    return _results([("circle", []), ("square", [_prediction(mask) for mask in masks])])


def _boxed(prompt: Json, masks: Sequence[Json], name: str) -> Exchange:
    body = {"image": IMAGE, "prompts": [prompt], "format": "rle"}
    result = _result(0, prompt.get("text"), [_prediction(mask) for mask in masks], boxes=1)
    return _answered("concept_segment", body, {"prompt_results": [result]}, name=name)


def _clicked(
    prompts: Any, masks: Sequence[Json], *, mask_format: str = "rle", confidence: float = 0.9, **sent: Any
) -> Exchange:
    body = {"image": IMAGE, "prompts": prompts, "format": mask_format, **sent}
    return _answered(
        "visual_segment", body, {"predictions": [_prediction(mask, confidence) for mask in masks]}, name="click"
    )


def _reused(click: Json, masks: Json) -> Exchange:
    sent: Json = {"image": OTHER_IMAGE, "image_id": "a", "multimask_output": False}
    return _clicked([click], [masks], **sent)


def _embedded(answered: str) -> Exchange:
    return _answered("embed_image", {"image": IMAGE, "image_id": "a"}, {"image_id": answered}, name="embedding")


def _archive(bitmap: Any, prompts: Any = None) -> Exchange:
    file = io.BytesIO()
    logits = np.where(bitmap, 8.0, -8.0).astype(np.float32)[None]
    np.savez_compressed(file, masks=logits, low_res_masks=np.zeros((1, 2, 2), np.float32))
    body = {"image": IMAGE, "prompts": prompts or [], "format": "binary", "multimask_output": False}
    case = Case("click as arrays", "visual_segment", "clicks the square", body, image=HEADER)
    return Exchange(case, 200, {"content-type": "application/octet-stream"}, file.getvalue(), 0.5)


def _answered(operation: str, body: Json, results: Json, *, name: str) -> Exchange:
    case = Case(name, operation, "asks for the square", body, image=HEADER)
    answer = {"time": 0.153, **results}
    return Exchange(case, 200, {"content-type": "application/json"}, orjson.dumps(answer), 0.5)


def _refused(status: int, answer: Json) -> Exchange:
    body = {"prompts": [{"text": "square"}]}
    expected = frozenset({422})
    case = Case("no image", "concept_segment", "has no image", body, expected=expected, mistakes=(("image",),))
    return Exchange(case, status, {"content-type": "application/json"}, orjson.dumps(answer), 0.5)


def _result(index: int, text: str | None, predictions: Sequence[Json], *, boxes: int = 0) -> Json:
    kind = "visual" if boxes else "text"
    echo = {"prompt_index": index, "type": kind, "text": text, "num_boxes": boxes}
    return {"prompt_index": index, "echo": echo, "predictions": list(predictions)}


def _prediction(masks: Any, confidence: float = 0.9) -> Json:
    return {"masks": masks, "confidence": confidence, "format": "rle" if isinstance(masks, dict) else "polygon"}


def _with(exchange: Exchange, *, body: bytes, headers: Mapping[str, str]) -> Exchange:
    return replace(exchange, body=body, headers=headers)


def _changed(exchange: Exchange, change: Any) -> Exchange:
    return replace(exchange, body=orjson.dumps(change(exchange.answer)))


def _on(exchange: Exchange, things: tuple[Thing, ...]) -> Exchange:
    return replace(exchange, case=replace(exchange.case, things=things))


def _view(masks: Json, twin: Twin) -> Exchange:
    exchange = _found([_prediction(masks)], image=OTHER_IMAGE)
    return replace(exchange, case=replace(exchange.case, id=f"square {twin.how}", twin=twin))
