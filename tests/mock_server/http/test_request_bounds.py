"""How much one request may hold and have reported: the kinds of bodies that once took seconds and hundreds of MB."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mock_server import Settings
from mock_server.http.request_bounds import ECHOED, LONGEST_ECHO, MOST_FINDINGS, MOST_VALUES
from tests.mock_server.client import IMAGE, Client, Json, image

MOST_ANSWER = 4 * 1024 * 1024


@pytest.fixture(params=["documented", "observed"])
def client(request: pytest.FixtureRequest) -> Client:
    return Client(Settings(profile=request.param))


def concept(**fields: Any) -> Json:
    return {"image": IMAGE, "prompts": [{"text": "dog"}], **fields}


# Made in the test: each worker collects them, and together they are 7 MB.
HEAVY: dict[str, tuple[str, Callable[[], Json]]] = {
    "empty boxes": ("concept_segment", lambda: concept(prompts=[{"boxes": [{}] * 30_000, "box_labels": []}])),
    "empty points": ("visual_segment", lambda: {"image": IMAGE, "prompts": [{"points": [{}] * 30_000}]}),
    "prompts": ("visual_segment", lambda: {"image": IMAGE, "prompts": [{}] * 30_000}),
    "prompts that are none": ("concept_segment", lambda: concept(prompts=[1] * 30_000)),
    "labels": ("concept_segment", lambda: concept(prompts=[{"text": "dog", "box_labels": [0] * 30_000}])),
    "unknown fields": ("concept_segment", lambda: concept(**{f"field{number}": 1 for number in range(30_000)})),
    "fields of the image": (
        "embed_image",
        lambda: {"image": {**IMAGE, **{f"field{number}": 1 for number in range(30_000)}}},
    ),
    "lists in lists": ("concept_segment", lambda: concept(prompts=[[[]] * 30_000])),
}


@pytest.mark.parametrize("name", HEAVY)
def test_body_with_too_much_to_validate_has_no_answer(client: Client, name: str) -> None:
    operation, made = HEAVY[name]

    answer = client.post(operation, made())

    assert answer.status_code == 599
    assert answer.get_json()["message"].startswith("Mock Has No Answer: a body of so many prompts, points and boxes")


def test_body_of_too_many_values_is_not_even_decoded(client: Client) -> None:
    content = b'{"x": [' + b"{}," * MOST_VALUES + b"{}]}"

    answer = client.send("concept_segment", content)

    assert (answer.status_code, answer.get_json()["message"]) == (
        599,
        f"Mock Has No Answer: a body of more than {MOST_VALUES} values",
    )


@pytest.mark.parametrize("operation", ["concept_segment", "visual_segment"])
def test_findings_are_reported_up_to_a_number_that_a_header_tells(client: Client, operation: str) -> None:
    field = "boxes" if operation == "concept_segment" else "points"

    answer = client.post(operation, {"image": IMAGE, "prompts": [{field: [{}] * 3000}]})

    assert answer.status_code == 422
    found = answer.get_json()["detail"]
    shown, total = answer.headers["x-mock-findings"].split(" of ")
    assert (len(found), int(shown)) == (MOST_FINDINGS, MOST_FINDINGS)
    assert int(total) > 6000
    assert len(answer.data) < MOST_ANSWER


def test_few_findings_are_all_reported(client: Client) -> None:
    answer = client.post("visual_segment", {"image": IMAGE, "prompts": [{"points": [{}] * 20}]})

    assert len(answer.get_json()["detail"]) == 60
    assert "x-mock-findings" not in answer.headers


def test_body_of_ordinary_size_is_repeated_whole(client: Client) -> None:
    body = {"image": image(64, 48, "?" * 50_000)}

    (finding,) = client.post("concept_segment", body).get_json()["detail"]

    assert (finding["loc"], finding["input"]["image"]) == (["body", "prompts"], body["image"])


def test_texts_of_a_large_body_are_shortened_where_findings_repeat_them(client: Client) -> None:
    long = "x" * (2 * ECHOED)

    for body in (
        {"image": {"type": "base64", "value": long}, "prompts": []},
        {"image": {"type": "base64", "value": long}},
        {"image": long},
    ):
        answer = client.post("concept_segment", body)
        assert answer.status_code == 422
        assert len(answer.data) < 20 * LONGEST_ECHO
        assert f"({len(long)} characters)" in answer.get_data(as_text=True) or body.get("prompts") == []


def test_texts_of_more_than_a_megabyte_have_no_answer(client: Client) -> None:
    for prompts in ([{"text": "x" * (ECHOED + 1)}], [{"text": "x" * ECHOED}, {"text": "y"}], "x" * (ECHOED + 1)):
        answer = client.post("concept_segment", concept(prompts=prompts))
        assert answer.status_code == 599


def test_text_of_a_body_that_is_none_is_shortened_too(client: Client) -> None:
    answer = client.send("concept_segment", json.dumps("x" * (2 * ECHOED)).encode())

    assert (answer.status_code, len(answer.data) < 2 * LONGEST_ECHO) == (422, True)


def test_image_given_as_an_array_is_refused_as_ever() -> None:
    pixels = {"type": "numpy_object", "value": [[[0, 0, 0]] * 100] * 100}

    answer = Client(Settings(profile="observed")).post("concept_segment", concept(image=pixels))

    assert answer.status_code == 400
    assert "could not be decoded into np.ndarray object" in answer.get_json()["message"]


# ---------------------------------------------------------------- integers beyond 64 bits


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**64), 10**30])
def test_integer_beyond_64_bits_is_repeated_as_it_came(client: Client, number: int) -> None:
    answer = client.post("concept_segment", concept(model_id=number, prompts=[{"text": "dog"}]))

    assert answer.status_code == 422
    (finding,) = answer.get_json()["detail"]
    assert (finding["loc"], finding["input"]) == (["body", "model_id"], number)


def test_integer_beyond_64_bits_is_an_integer_where_one_belongs() -> None:
    box = {"x": 1, "y": 1, "width": 10, "height": 10}
    body = concept(prompts=[{"boxes": [box], "box_labels": [10**30]}])

    assert Client(Settings(profile="observed")).post("concept_segment", body).status_code == 200
    assert Client().post("concept_segment", body).status_code == 422


def test_coordinate_beyond_64_bits_is_a_number(client: Client) -> None:
    point = {"x": 10**30, "y": -(10**25), "positive": True}

    assert client.post("visual_segment", {"image": IMAGE, "prompts": [{"points": [point]}]}).status_code == 200


# ---------------------------------------------------------------- keys in places where none belong


@pytest.mark.parametrize("name", ["api_key", "API_KEY", "api-key", "apiKey"])
def test_key_in_a_place_where_none_belongs_is_not_repeated(name: str) -> None:
    secret = "s3cret-of-somebody"

    answer = Client().post("concept_segment", concept(image={**IMAGE, name: secret}))

    assert answer.status_code == 422
    assert secret not in answer.get_data(as_text=True)
