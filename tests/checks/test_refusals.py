"""What laws say of refusals, and of ids: which keys may not come back, which mistakes are to be named."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from sam3_contract import cases, spec
from sam3_contract.checks import judge
from sam3_contract.checks.prompts import context_of
from sam3_contract.checks.service import headers
from sam3_contract.exchanges.exchange import WRONG_KEY, Case, Exchange, KeyPlace
from sam3_contract.images import ImageHeader
from sam3_contract.images.scenes import built_in_scenes
from sam3_contract.masks import rle_from_bitmap
from tests.faults import KEY
from tests.plans import PLAN

Json = dict[str, Any]
Bitmap = NDArray[np.bool_]

CONTRACT = spec.load()
HEADER = ImageHeader("PNG", width=6, height=4)
LEFT: Bitmap = np.array([[x < 3 for x in range(6)]] * 4)


def refusal(answer: Json, *, key_in: KeyPlace = "query", mistakes: tuple[tuple[str | int, ...], ...] = ()) -> Exchange:
    case = Case("refused", "concept_segment", "is refused", {"prompts": []}, key_in=key_in, mistakes=mistakes)
    headers = {"content-type": "application/json"}
    return Exchange(case, 422 if mistakes else 401, headers, orjson.dumps(answer), 0.1, KEY)


@pytest.mark.parametrize(
    ("place", "found"), [("wrong", 1), ("wrong_body", 1), ("wrong_query_first", 1), ("empty", 0), ("none", 0)]
)
def test_wrong_key_may_not_come_back_where_it_was_sent(place: KeyPlace, found: int) -> None:
    exchange = refusal({"status": 401, "message": f"No such key: {WRONG_KEY}"}, key_in=place)

    assert len(judge([exchange], CONTRACT)["S06"].breaches) == found


JSON: Json = {"content-type": "application/json"}
SPOKEN: Json = {"access-control-allow-origin": "*"}


@pytest.mark.parametrize(
    ("status", "found", "body", "codes"),
    [
        (429, {**JSON, **SPOKEN}, b'{"message": "Too many requests."}', ""),
        (503, {**JSON, **SPOKEN}, b'{"message": "Model is temporarily not ready - retry request."}', ""),
        (429, {"content-type": "text/html", **SPOKEN}, b"<h1>429</h1>", ""),  # the document says nothing of a 429
        (503, {"content-type": "text/html", **SPOKEN}, b"<h1>503</h1>", "S03"),
        (503, {**JSON, **SPOKEN}, b'{"error": "busy"}', "S04"),
        (429, {**JSON, **SPOKEN}, b"busy", "S05"),
        (429, {**JSON, **SPOKEN}, b'{"message": "%s"}' % KEY.encode(), "S06"),
        (503, {**JSON, **SPOKEN, "x-url": f"/?api_key={KEY}"}, b'{"message": ""}', "S06"),
        (429, {**JSON, **SPOKEN, "x-processing-time": "soon"}, b'{"message": ""}', "S07"),
        (503, {**JSON, **SPOKEN}, b'{"message": "no /usr/app/models/sam3.lock"}', "S09"),
        (503, JSON, b'{"message": ""}', "S11"),
        (429, {"content-type": "application/json; charset=latin-1", **SPOKEN}, b'{"message": ""}', "S13"),
        (429, {**JSON, **SPOKEN, "content-encoding": "gzip"}, b'{"message": ""}', "S15"),
    ],
)
def test_answer_that_is_tried_again_is_held_to_the_laws_of_any_refusal(
    status: int, found: Json, body: bytes, codes: str
) -> None:
    sent = {"origin": "https://app.example.com", "accept-encoding": "identity"}
    case = Case("busy", "concept_segment", "is good", {"prompts": []}, headers=sent)
    busy = Exchange(case, status, found, body, 0.1, KEY)
    good = Exchange(case, 200, {**JSON, **SPOKEN}, b'{"time": 0.1, "prompt_results": []}', 0.1, KEY)

    last = judge([busy], CONTRACT)
    judged = judge([replace(good, retried=(busy,))], CONTRACT)

    breaches = {code: one.breaches for code, one in judged.items() if one.breaches}
    assert list(breaches) == codes.split()
    assert all(one.exchange is busy for found in breaches.values() for one in found)
    # What counts in the end has to be answered with 200, and with a status of the document.
    assert {code for code, one in last.items() if one.breaches} - {"S01", "S02"} == set(breaches)


@pytest.mark.parametrize(("named", "missing"), [(("text", "format"), ""), (("format",), "body.prompts.1.text")])
def test_each_of_several_mistakes_is_to_be_named(named: tuple[str, ...], missing: str) -> None:
    places: Json = {"text": ["body", "prompts", 1, "text"], "format": ["body", "format"]}
    answer = {"detail": [{"loc": places[name], "msg": "no", "type": "string_type"} for name in named]}
    exchange = refusal(answer, mistakes=(("prompts", 1, "text"), ("format",)))

    breaches = judge([exchange], CONTRACT)["S10"].breaches

    assert [breach.expected for breach in breaches] == ([f"{missing}, where a mistake is"] if missing else [])


@pytest.mark.parametrize(
    ("place", "told", "found"),
    [
        (["body", "prompts", 1, "text"], 7, 0),
        (["body", "prompts", 0, "text"], 7, 1),
        (["body", "prompts", 1, "text"], "7", 1),
        (["body", "prompts", 1, "text"], None, 1),
        (["body", "prompts", "text"], None, 0),  # which leads nowhere
        (["body", 9], {}, 0),
    ],
)
def test_refusal_repeats_what_stands_at_its_place(place: list[Any], told: Any, found: int) -> None:
    sent = {"prompts": [{"text": "a dog"}, {"text": 7}]}
    answer = {"detail": [{"loc": place, "msg": "no", "type": "string_type", "input": told}]}
    exchange = Exchange(Case("refused", "concept_segment", "has a number", sent), 422, {}, orjson.dumps(answer))

    assert len(judge([exchange], CONTRACT)["S10"].breaches) == found


def test_mistake_in_the_query_is_named_from_there() -> None:
    case = Case("refused", "embed_image", "has a word", {}, mistakes=(("query", "countinference"),))
    entry = {"msg": "no", "type": "bool_parsing", "input": "perhaps"}
    named, misplaced = (
        Exchange(case, 422, {}, orjson.dumps({"detail": [{**entry, "loc": [root, "countinference"]}]}))
        for root in ("query", "body")
    )

    assert not judge([named], CONTRACT)["S10"].breaches
    assert judge([misplaced], CONTRACT)["S10"].breaches


def test_headers_that_come_with_all_are_those_of_the_document() -> None:
    for operation in CONTRACT.operations:
        responses = CONTRACT.document["paths"][operation.path][operation.method.lower()]["responses"]
        assert set(responses["200"]["headers"]) == set(headers.OF_ANSWERS)


def test_header_of_one_answer_comes_with_all_of_the_operation() -> None:
    case = Case("asked", "embed_image", "asks", {}, headers={"x-request-id": "1"})
    told, untold = (Exchange(case, 200, headers, b"{}") for headers in ({"x-model-id": "sam3"}, {}))
    elsewhere = replace(untold, case=replace(case, operation="visual_segment"))

    assert not judge([told, told, elsewhere], CONTRACT)["S14"].breaches
    assert [breach.at for breach in judge([told, untold], CONTRACT)["S14"].breaches] == ["headers.x-model-id"]


def test_id_that_a_server_makes_is_of_one_picture() -> None:
    first, second = (
        Exchange(Case(scene.name, "embed_image", "asks", {}, things=scene.things), 200, {}, b'{"image_id": "a"}')
        for scene in built_in_scenes()
    )

    assert not judge([first, first], CONTRACT)["R10"].breaches
    assert judge([first, second], CONTRACT)["R10"].breaches


def clicked(name: str, image: str, found: Bitmap, **fields: Any) -> Exchange:
    sent = {"image": {"type": "url", "value": f"https://example.com/{image}.png"}, "format": "rle", **fields}
    body = {**sent, "prompts": [{"points": [{"x": 1, "y": 1, "positive": True}]}]}
    answer = {"time": 0.1, "predictions": [{"masks": rle_from_bitmap(found), "confidence": 0.9, "format": "rle"}]}
    case = Case(name, "visual_segment", name, body, image=HEADER)
    return Exchange(case, 200, {"content-type": "application/json"}, orjson.dumps(answer), 0.1, exact=True)


def test_logits_are_compared_with_answers_of_the_image_that_an_id_stands_for() -> None:
    left, right = LEFT, ~LEFT
    named = clicked("named", "left", left, image_id="a")
    other = clicked("another image under that id", "right", left, image_id="a")
    loaded = clicked("loaded", "right", right, load_logits_from_cache=True)

    assert not judge([named, other, loaded], CONTRACT)["R13"].breaches
    assert judge([clicked("plain", "right", left), loaded], CONTRACT)["R13"].breaches


@pytest.mark.parametrize(("operation", "same"), [("concept_segment", True), ("visual_segment", False)])
def test_id_stands_for_nothing_where_texts_are_asked_for(operation: str, *, same: bool) -> None:
    body = {"image": {"type": "url", "value": "https://example.com/a.png"}, "prompts": []}
    plain, named = (
        Exchange(Case("asked", operation, "asks", {**body, **fields}), 200, {}, b"{}")
        for fields in ({}, {"image_id": "a"})
    )

    assert (context_of(plain) == context_of(named)) is same


def test_something_good_follows_most_kinds_of_refusals() -> None:
    sent = [entry for entry in PLAN.entries[:60] if isinstance(entry, cases.FollowUp) or not entry.at_once]

    after: set[int] = set()
    for refused, entry in pairwise(sent):
        good = isinstance(entry, cases.FollowUp) or entry.expected == {200}
        after |= set() if isinstance(refused, cases.FollowUp) or not good else refused.expected

    assert {400, 401, 404, 405, 422} <= after
