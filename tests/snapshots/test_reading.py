"""What is kept of an answer, what is not, and when there is nothing to look at."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import orjson
import pytest

from sam3_contract.errors import SnapshotError
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.snapshots import (
    NoAnswerError,
    case_from_request,
    operation_of,
    read_answer,
    read_exchange,
    snapshot_of,
    text_from_snapshot,
)
from tests.snapshots.answers import (
    CONTRACT,
    SIZE,
    bitmap_of,
    concept_answer,
    exchange_of,
    image_file,
    prediction,
)

KEY = "s3cret-api-key"
DOG = {"dog": [(10, 10, 20, 0.9)]}


@pytest.mark.parametrize("status", [301, 401, 402, 403, 404, 408, 423, 429, 500, 502, 503, 504])
def test_answer_is_not_looked_at_when_the_service_gave_none(status: int) -> None:
    with pytest.raises(NoAnswerError, match=f"status {status}: out of order"):
        read_exchange(exchange_of({"message": "out of order"}, status=status), CONTRACT)


def test_answer_is_not_looked_at_when_it_is_a_page_for_people() -> None:
    page = exchange_of(b"<h1>Log in</h1>", headers={"content-type": "text/html; charset=utf-8"})

    with pytest.raises(NoAnswerError, match="text/html"):
        read_exchange(page, CONTRACT)


def test_answer_is_not_looked_at_when_it_broke_off() -> None:
    with pytest.raises(NoAnswerError, match="broke off"):
        read_exchange(exchange_of(b"", status=0, failure="the answer broke off"), CONTRACT)


@pytest.mark.parametrize("body", [b"[]", b"null", b"{", b'"text"', b"\xff"])
def test_answer_that_is_no_object_is_not_kept(body: bytes) -> None:
    reading = read_exchange(exchange_of(body), CONTRACT)

    assert not reading.is_whole
    with pytest.raises(SnapshotError, match="expected a JSON object"):
        snapshot_of(exchange_of(body), CONTRACT)


@pytest.mark.parametrize(
    "masks",
    [None, "5220;", [], {"size": list(SIZE), "counts": "522"}, {"size": [80, 60], "counts": "5220;"}, [[[90, 1]]]],
    ids=["none", "text", "no rings", "cut", "swapped", "outside"],
)
def test_unsound_mask_is_not_kept(masks: Any) -> None:
    answer = concept_answer(DOG)
    answer["prompt_results"][0]["predictions"][0]["masks"] = masks

    with pytest.raises(SnapshotError, match=r"not sound, and is not kept: .*\$\.prompt_results\[0\]\.predictions\[0\]"):
        snapshot_of(exchange_of(answer), CONTRACT)


def test_snapshot_keeps_neither_the_image_nor_the_key() -> None:
    exchange = exchange_of(concept_answer({f"dog {KEY}": [(10, 10, 20, 0.9)]}), key=KEY)
    body = {**exchange.case.sent, "api_key": KEY, "prompts": [{"type": "text", "text": f"dog {KEY}"}]}
    case = Case("request", "concept_segment", "asks", body, image=exchange.case.image)
    text = text_from_snapshot(snapshot_of(Exchange(case, 200, exchange.headers, exchange.body, 0.1, KEY), CONTRACT))

    assert KEY not in text
    assert base64.b64encode(image_file()).decode() not in text
    assert '"echo": "dog ***"' in text
    assert '"text": "dog ***"' in text


def test_short_key_is_dropped_but_does_not_spoil_the_words() -> None:
    exchange = exchange_of(concept_answer({"any dog": []}), key="any")
    body = {**exchange.case.sent, "api_key": "any", "prompts": [{"type": "text", "text": "any dog"}]}
    case = Case("request", "concept_segment", "asks", body, image=exchange.case.image)

    kept = snapshot_of(Exchange(case, 200, exchange.headers, exchange.body, 0.1, "any"), CONTRACT)

    assert kept.request.body == {"prompts": [{"type": "text", "text": "any dog"}], "format": "rle"}
    assert kept.answer.prompts[0].echo == "any dog"


def test_request_can_be_asked_again() -> None:
    exchange = exchange_of(concept_answer(DOG))
    kept = snapshot_of(exchange, CONTRACT, image_name="white.png")

    again = case_from_request(kept.name, kept.request, content=image_file())

    assert (again.operation, again.body, again.image) == (
        exchange.case.operation,
        exchange.case.body,
        exchange.case.image,
    )


def test_refusal_is_kept_without_what_it_repeats() -> None:
    said = {"detail": [{"type": "missing", "loc": ["body", "prompts"], "msg": "Field required", "input": "x" * 10_000}]}

    kept = snapshot_of(exchange_of(said, status=422), CONTRACT)

    assert (kept.status, kept.answer.refusal) == (422, "body.prompts: Field required")
    assert len(text_from_snapshot(kept)) < 2000


@pytest.mark.parametrize("n_prompts", [1, 2, 3])
def test_visual_predictions_are_dealt_to_the_prompts(n_prompts: int) -> None:
    answer = {"predictions": [prediction((index, 0, 9, 0.5)) for index in range(6)]}

    found = read_answer(answer, CONTRACT, operation="visual_segment", image_size=SIZE, n_prompts=n_prompts)

    assert [len(prompt.instances) for prompt in found.answer.prompts] == [6 // n_prompts] * n_prompts


def test_size_is_taken_from_an_rle_and_needed_for_polygons() -> None:
    answers = [concept_answer(DOG, form) for form in ("rle", "polygon")]

    found = read_answer(answers[0], CONTRACT, operation="concept_segment")

    assert found.answer.prompts[0].instances[0].size == SIZE
    with pytest.raises(SnapshotError, match="polygons state no image size"):
        read_answer(answers[1], CONTRACT, operation="concept_segment")
    assert read_answer(answers[1], CONTRACT, operation="concept_segment", image_size=SIZE).is_whole


def test_binary_answer_is_kept_as_its_masks() -> None:
    file = io.BytesIO()
    logits = np.where(np.stack([bitmap_of(10, 10, 20), bitmap_of(40, 5, 9)]), 2.5, -1.0).astype(np.float32)
    np.savez_compressed(file, masks=logits, low_res_masks=np.zeros((2, 4, 4), np.float32))
    exchange = exchange_of(concept_answer(DOG))
    body = {"image": exchange.case.sent["image"], "prompts": [{}, {}], "format": "binary"}
    case = Case("request", "visual_segment", "asks for logits", body, image=exchange.case.image)
    archive = Exchange(case, 200, {"content-type": "application/octet-stream"}, file.getvalue())

    kept = snapshot_of(archive, CONTRACT)

    assert [[one.area for one in prompt.instances] for prompt in kept.answer.prompts] == [[400], [81]]
    assert kept.answer.prompts[0].instances[0].confidence is None
    damaged = Exchange(case, 200, archive.headers, archive.body[:50])
    with pytest.raises(SnapshotError, match="not sound"):
        snapshot_of(damaged, CONTRACT)


@pytest.mark.parametrize("body", [b"text", None])
def test_request_that_is_no_object_is_not_kept(body: bytes | None) -> None:
    case = Case("request", "concept_segment", "sends text", body)

    with pytest.raises(SnapshotError, match="no JSON object"):
        snapshot_of(Exchange(case, 422, {"content-type": "application/json"}, b'{"detail": []}'), CONTRACT)


def test_request_that_is_too_large_is_not_kept() -> None:
    case = Case("request", "concept_segment", "sends much", {"prompts": ["x" * 2**20]})

    with pytest.raises(SnapshotError, match="bytes without its image, limit"):
        snapshot_of(Exchange(case, 422, {"content-type": "application/json"}, b'{"detail": []}'), CONTRACT)


def test_more_predictions_than_any_service_has_are_not_kept() -> None:
    answer = concept_answer({"dog": [(1, 1, 1, 0.5)] * 1001})

    with pytest.raises(SnapshotError, match="a snapshot keeps at most 4000 and 1000"):
        snapshot_of(exchange_of(answer), CONTRACT)


@pytest.mark.parametrize("depth", [50, 500])
def test_nesting_of_an_answer_is_followed_only_so_far(depth: int) -> None:
    deep = b'"deep": ' + b'{"a": ' * depth + b"1" + b"}" * depth
    answer = orjson.dumps(concept_answer({"dog": []}))[:-1] + b", " + deep + b"}"

    kept = snapshot_of(exchange_of(answer), CONTRACT)

    assert len(kept.answer.fields) < 30


def test_operation_of_an_error_is_not_guessed() -> None:
    assert operation_of({"image_id": "x"}) == "embed_image"
    with pytest.raises(NoAnswerError, match="Unauthorized api_key"):
        operation_of({"status": 401, "message": "Unauthorized api_key"})
