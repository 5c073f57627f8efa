"""Bodies that are no good request: each refused in the server's words, none of them the server's end."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from mock_server import Settings
from mock_server.http.bodies import validate
from mock_server.http.refusals import Refusal
from sam3_contract import spec
from sam3_contract.wire.requests import ConceptSegmentRequest
from tests.mock_server.client import IMAGE, KEY, Client, Json, click

CLIENT = Client()
OPERATIONS = ["concept_segment", "visual_segment", "embed_image"]
EXAMPLES: list[tuple[str, Json]] = [
    (operation.id, spec.load().resolve(example)["value"])
    for operation in spec.load().operations
    for example in spec.load()
    .document["paths"][operation.path]["post"]["requestBody"]["content"]["application/json"]["examples"]
    .values()
]
UNPARSABLE = {"detail": "There was an error parsing the body"}
NOT_AN_OBJECT = "Input should be a valid dictionary or object to extract fields from"
DOG = {"image": IMAGE, "prompts": [{"text": "dog"}]}


def findings_of(answer: TestResponse) -> list[Json]:
    assert answer.status_code == 422, answer.get_data(as_text=True)[:500]
    assert answer.content_type == "application/json"
    findings: list[Json] = answer.get_json()["detail"]
    return findings


def still_answers(client: Client) -> bool:
    return client.post("embed_image", {"image": IMAGE}).status_code == 200


# ---------------------------------------------------------------- no JSON, or not the right kind


@pytest.mark.parametrize(
    ("content", "position", "said"),
    [
        (b'{"image": }', 10, "Expecting value"),
        (b"{} {}", 3, "Extra data"),
        (b'{"a": 1}}', 8, "Extra data"),
        (b"{'a': 1}", 1, "Expecting property name enclosed in double quotes"),
        (b'{"a" 1}', 5, "Expecting ':' delimiter"),
        (b'{"a": 1 "b": 2}', 8, "Expecting ',' delimiter"),
        (b'{"a": "b', 6, "Unterminated string starting at"),
        (b'{"a": "\n"}', 7, "Invalid control character at"),
        (b'{"a": "\\x"}', 7, "Invalid \\escape"),
        (b"image=1", 0, "Expecting value"),
        (b" ", 1, "Expecting value"),
        (b"\x00", 0, "Expecting value"),
        (b'{"a": NaN}', 6, "Expecting value"),
        (b'{"a": [1, Infinity]}', 10, "Expecting value"),
        (b'{"a": -Infinity}', 6, "Expecting value"),
        (b"NaN", 0, "Expecting value"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_malformed_json_is_located(content: bytes, position: int, said: str) -> None:
    finding = {
        "type": "json_invalid",
        "loc": ["body", position],
        "msg": "JSON decode error",
        "input": {},
        "ctx": {"error": said},
    }

    assert findings_of(CLIENT.send("concept_segment", content)) == [finding]


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": "\xff"}',
        b"\xfe\xff\x00{\x00}",
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 2000 + b"]" * 2000,
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b"[" * 100_000,
        b'{"image": "\\ud800"}',
        b'{"\\udfff": 1}',
    ],
    ids=["UTF-8", "UTF-16", "integer", "lists", "objects", "open lists", "surrogate", "surrogate in a name"],
)
def test_body_beyond_any_parser_is_refused_as_such(content: bytes) -> None:
    answer = CLIENT.send("concept_segment", content)

    assert (answer.status_code, answer.get_json()) == (400, UNPARSABLE)
    assert still_answers(CLIENT)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("content", [b"", b"null", b" null "])
def test_body_is_missing_when_it_is_empty_or_null(content: bytes, operation: str) -> None:
    finding = {"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}

    assert findings_of(CLIENT.send(operation, content)) == [finding]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("value", [[], [DOG], "dog", "", 5, 0, 1.5, True, False], ids=lambda value: repr(value)[:20])
def test_body_must_be_an_object(value: Any, operation: str) -> None:
    finding = {"type": "model_attributes_type", "loc": ["body"], "msg": NOT_AN_OBJECT, "input": value}

    assert findings_of(CLIENT.send(operation, json.dumps(value).encode())) == [finding]


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "application/json5",
        "application/jsonlines",
        "application/geojson",
        "image/svg+json",
        "json",
        "garbage; charset=utf-8",
    ],
)
def test_body_of_another_type_is_a_text(content_type: str | None) -> None:
    content = json.dumps(DOG)
    finding = {"type": "model_attributes_type", "loc": ["body"], "msg": NOT_AN_OBJECT, "input": content}

    assert findings_of(CLIENT.send("concept_segment", content.encode(), content_type)) == [finding]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=latin-1",
        "application/vnd.api+json",
        "Application/Problem+JSON; a=b",
    ],
)
def test_body_of_a_json_type_is_read(content_type: str) -> None:
    answer = CLIENT.send("concept_segment", json.dumps(DOG).encode(), content_type)

    assert answer.get_json() == CLIENT.ask("concept_segment", DOG)


def test_byte_order_mark_is_skipped() -> None:
    answer = CLIENT.send("concept_segment", b"\xef\xbb\xbf" + json.dumps(DOG).encode())

    assert answer.get_json() == CLIENT.ask("concept_segment", DOG)


def test_last_of_duplicate_fields_wins() -> None:
    content = json.dumps(DOG)[:-1] + ', "prompts": [{"text": "cat"}]}'

    answer = CLIENT.send("concept_segment", content.encode())

    assert [result["echo"]["text"] for result in answer.get_json()["prompt_results"]] == ["cat"]


def test_text_comes_back_letter_by_letter() -> None:
    texts = ["é", "\u0065\u0301", "犬🐕", "\x00\x1f\x7f\u2028", "\\\"'/", " dog ", "x" * 10_000]

    results = CLIENT.concept([{"text": text} for text in texts])

    assert [result["echo"]["text"] for result in results] == texts


# ---------------------------------------------------------------- JSON that is not the operation's

PROMPT_TOO_FEW = {
    "type": "too_short",
    "loc": ["body", "prompts"],
    "msg": "List should have at least 1 item after validation, not 0",
    "input": [],
    "ctx": {"field_type": "List", "min_length": 1, "actual_length": 0},
}
SEVENTEEN = [{"text": "dog"}] * 17


def value_error(location: list[str | int], words: str, sent: Any) -> Json:
    return {"type": "value_error", "loc": location, "msg": f"Value error, {words}", "input": sent, "ctx": {"error": {}}}


def type_error(kind: str, location: list[str | int], words: str, sent: Any) -> Json:
    return {"type": kind, "loc": location, "msg": words, "input": sent}


CONCEPT_REFUSALS: dict[str, tuple[Json, list[Json]]] = {
    "no prompts": ({"prompts": []}, [PROMPT_TOO_FEW]),
    "too many prompts": (
        {"prompts": SEVENTEEN},
        [value_error(["body", "prompts"], "Exceeded SAM3_MAX_PROMPT_BATCH_SIZE=16: got 17", SEVENTEEN)],
    ),
    "null prompts": (
        {"prompts": None},
        [type_error("list_type", ["body", "prompts"], "Input should be a valid list", None)],
    ),
    "prompts that are no list": (
        {"prompts": {"text": "dog"}},
        [type_error("list_type", ["body", "prompts"], "Input should be a valid list", {"text": "dog"})],
    ),
    "prompt that is no object": (
        {"prompts": ["dog"]},
        [
            {
                "type": "model_type",
                "loc": ["body", "prompts", 0],
                "msg": "Input should be a valid dictionary or instance of Sam3Prompt",
                "input": "dog",
                "ctx": {"class_name": "Sam3Prompt"},
            }
        ],
    ),
    "image that is no object": (
        {"image": "https://example.com/a.png"},
        [
            {
                "type": "model_type",
                "loc": ["body", "image"],
                "msg": "Input should be a valid dictionary or instance of InferenceRequestImage",
                "input": "https://example.com/a.png",
                "ctx": {"class_name": "InferenceRequestImage"},
            }
        ],
    ),
    "list of images": (
        {"image": [IMAGE]},
        [
            {
                "type": "model_type",
                "loc": ["body", "image"],
                "msg": "Input should be a valid dictionary or instance of InferenceRequestImage",
                "input": [IMAGE],
                "ctx": {"class_name": "InferenceRequestImage"},
            }
        ],
    ),
    "image without type": (
        {"image": {"value": "AAAA"}},
        [type_error("missing", ["body", "image", "type"], "Field required", {"value": "AAAA"})],
    ),
    "image of another type": (
        {"image": {"type": "numpy", "value": "AAAA"}},
        [
            {
                "type": "literal_error",
                "loc": ["body", "image", "type"],
                "msg": "Input should be 'url' or 'base64'",
                "input": "numpy",
                "ctx": {"expected": "'url' or 'base64'"},
            }
        ],
    ),
    "image of null": (
        {"image": {"type": "base64", "value": None}},
        [type_error("string_type", ["body", "image", "value"], "Input should be a valid string", None)],
    ),
    "prompt's threshold too high": (
        {"prompts": [{"text": "dog", "output_prob_thresh": 1.01}]},
        [
            value_error(
                ["body", "prompts", 0, "output_prob_thresh"], "output_prob_thresh must be between 0.0 and 1.0", 1.01
            )
        ],
    ),
    "overlap too low": (
        {"nms_iou_threshold": -0.1},
        [value_error(["body", "nms_iou_threshold"], "nms_iou_threshold must be between 0.0 and 1.0", -0.1)],
    ),
    "threshold too high": (
        {"output_prob_thresh": 1.5},
        [
            {
                "type": "less_than_equal",
                "loc": ["body", "output_prob_thresh"],
                "msg": "Input should be less than or equal to 1",
                "input": 1.5,
                "ctx": {"le": 1.0},
            }
        ],
    ),
    "threshold as text": (
        {"output_prob_thresh": "0.5"},
        [type_error("float_type", ["body", "output_prob_thresh"], "Input should be a valid number", "0.5")],
    ),
    "visual prompt without a box": (
        {"prompts": [{"type": "visual", "text": "dog"}]},
        [value_error(["body", "prompts", 0, "boxes"], "Visual prompt requires at least one box", None)],
    ),
    "labels for another number of boxes": (
        {"prompts": [{"text": "dog", "box_labels": [1]}]},
        [value_error(["body", "prompts", 0, "box_labels"], "box_labels must match boxes length when provided", [1])],
    ),
    "format that is none": (
        {"format": "RLE"},
        [
            {
                "type": "literal_error",
                "loc": ["body", "format"],
                "msg": "Input should be 'polygon' or 'rle'",
                "input": "RLE",
                "ctx": {"expected": "'polygon' or 'rle'"},
            }
        ],
    ),
    "misspelt field": (
        {"output_prob_tresh": 0.1},
        [type_error("extra_forbidden", ["body", "output_prob_tresh"], "Extra inputs are not permitted", 0.1)],
    ),
    "empty model": (
        {"model_id": ""},
        [
            {
                "type": "string_too_short",
                "loc": ["body", "model_id"],
                "msg": "String should have at least 1 character",
                "input": "",
                "ctx": {"min_length": 1},
            }
        ],
    ),
    "null id": ({"id": None}, [type_error("string_type", ["body", "id"], "Input should be a valid string", None)]),
    "key that is a number": (
        {"api_key": 12345678},
        [type_error("string_type", ["body", "api_key"], "Input should be a valid string", 12345678)],
    ),
}


@pytest.mark.parametrize("name", CONCEPT_REFUSALS)
def test_concept_body_is_refused_in_the_server_s_words(name: str) -> None:
    change, findings = CONCEPT_REFUSALS[name]

    assert findings_of(CLIENT.post("concept_segment", DOG | change)) == findings


@pytest.mark.parametrize("operation", OPERATIONS)
def test_missing_image_is_reported_with_the_whole_body(operation: str) -> None:
    sent = {"prompts": [{"text": "dog"}], "format": "rle"} if operation == "concept_segment" else {"image_id": "photo"}

    findings = findings_of(CLIENT.post(operation, sent))

    assert findings == [{"type": "missing", "loc": ["body", "image"], "msg": "Field required", "input": sent}]


def test_findings_come_all_at_once_in_the_order_of_the_fields() -> None:
    body = {"nms_iou_threshold": 2, "prompts": [], "image": 3, "format": 1, "model_id": 4, "api_key": 5, "id": 6}

    findings = findings_of(CLIENT.post("concept_segment", body))

    order = ["id", "api_key", "model_id", "format", "image", "prompts", "nms_iou_threshold"]
    assert [finding["loc"][1] for finding in findings] == order


@pytest.mark.parametrize(
    ("box", "findings"),
    [
        ([0, 0, 9, 9], [("model_type", ["Box"]), ("model_type", ["BoxXYXY"])]),
        (
            {"x": 1, "y": 1},
            [
                ("missing", ["Box", "width"]),
                ("missing", ["Box", "height"]),
                *[("missing", ["BoxXYXY", name]) for name in ("x0", "y0", "x1", "y1")],
                ("extra_forbidden", ["BoxXYXY", "x"]),
                ("extra_forbidden", ["BoxXYXY", "y"]),
            ],
        ),
    ],
    ids=["array", "without sides"],
)
def test_box_is_reported_against_both_of_its_forms(box: Any, findings: list[tuple[str, list[str]]]) -> None:
    prompt = {"boxes": [box], "box_labels": [1]}

    answer = CLIENT.post("concept_segment", {"image": IMAGE, "prompts": [prompt]})
    found = [one for one in findings_of(answer) if "boxes" in one["loc"]]

    place = ["body", "prompts", 0, "boxes", 0]
    assert [(one["type"], one["loc"]) for one in found] == [(kind, place + path) for kind, path in findings]
    named = [one["ctx"]["class_name"] for one in found if one["type"] == "model_type"]
    assert named == ([["Box", "BoxXYXY"], []][isinstance(box, dict)])


POINT = {"x": 1, "y": 1}


@pytest.mark.parametrize(
    ("prompts", "kind", "location", "words"),
    [
        ([{"points": [POINT]}], "missing", ["points", 0, "positive"], "Field required"),
        ({"prompts": [{"points": [POINT]}]}, "missing", ["prompts", 0, "points", 0, "positive"], "Field required"),
        ([7], "value_error", [], "Value error, Invalid prompt entry; expected dict or Sam2Prompt instance"),
        ("dog", "model_type", [], "Input should be a valid dictionary or instance of Sam2PromptSet"),
        (5, "model_type", [], "Input should be a valid dictionary or instance of Sam2PromptSet"),
        ([{"box": [1, 2, 3, 4]}], "model_type", ["box"], "Input should be a valid dictionary or instance of Box"),
        ([{"text": "dog"}], "extra_forbidden", ["text"], "Extra inputs are not permitted"),
        (
            [{"points": [{**POINT, "positive": "maybe"}]}],
            "bool_type",
            ["points", 0, "positive"],
            "Input should be a valid boolean",
        ),
    ],
    ids=["flat", "nested", "number in a list", "string", "number", "box as an array", "text", "positive maybe"],
)
def test_visual_prompts_are_refused_in_the_server_s_words(
    prompts: Any, kind: str, location: list[Any], words: str
) -> None:
    found = findings_of(CLIENT.post("visual_segment", {"image": IMAGE, "prompts": prompts}))

    assert [(one["type"], one["loc"], one["msg"]) for one in found] == [(kind, ["body", "prompts", *location], words)]


@pytest.mark.parametrize("value", ["", "1", "yes", "True", "maybe"])
def test_query_is_validated_too(value: str) -> None:
    answer = CLIENT.http.post(
        "/sam3/embed_image",
        json={"image": IMAGE},
        query_string={"api_key": KEY, "countinference": value, "unknown": "x"},
    )

    words = "Input should be a valid boolean, unable to interpret input"
    finding = {"type": "bool_parsing", "loc": ["query", "countinference"], "msg": words, "input": value}
    assert findings_of(answer) == [finding]


@pytest.mark.parametrize("profile", ["documented", "observed"])
@pytest.mark.parametrize(
    ("body", "places"),
    [
        (b"{}", [["query", "countinference"], ["body", "image"], ["body", "prompts"]]),
        (b'{"format": 5}', [["query", "countinference"], ["body", "format"], ["body", "image"], ["body", "prompts"]]),
        (b"[]", [["query", "countinference"], ["body"]]),
        (b"", [["query", "countinference"], ["body"]]),
        (b"{", [["body", 1]]),
    ],
    ids=repr,
)
def test_mistakes_of_query_and_body_are_told_together_but_no_json_comes_first(
    profile: Any, body: bytes, places: list[Any]
) -> None:
    client = Client(Settings(profile=profile))

    answer = client.http.post(
        f"/sam3/concept_segment?api_key={KEY}&countinference=maybe", data=body, content_type="application/json"
    )

    assert [one["loc"] for one in findings_of(answer)] == places


def test_body_that_cannot_be_parsed_comes_before_a_mistake_in_the_query() -> None:
    answer = CLIENT.http.post(
        f"/sam3/embed_image?api_key={KEY}&countinference=maybe", data=b"\xff", content_type="application/json"
    )

    assert (answer.status_code, answer.get_json()) == (400, {"detail": "There was an error parsing the body"})


def test_of_a_parameter_that_comes_twice_the_last_one_counts() -> None:
    path = f"/sam3/embed_image?api_key={KEY}"
    first, last = (
        CLIENT.http.post(f"{path}&countinference={one}&countinference={other}", json={"image": IMAGE})
        for one, other in (("maybe", "true"), ("true", "maybe"))
    )

    assert (first.status_code, last.status_code) == (200, 422)


def test_entries_of_a_list_of_prompts_are_read_in_their_order() -> None:
    half = {"points": [{"x": 1, "y": 1}]}
    first, last = (
        findings_of(CLIENT.post("visual_segment", {"image": IMAGE, "prompts": prompts}))
        for prompts in ([half, "a dog"], ["a dog", half])
    )

    assert [one["loc"] for one in first] == [["body", "prompts", "points", 0, "positive"]]
    assert [one["type"] for one in last] == ["value_error"]


@pytest.mark.parametrize("profile", ["documented", "observed"])
def test_mistakes_come_in_the_order_of_the_server_s_fields(profile: Any) -> None:
    client = Client(Settings(profile=profile))
    wrong = dict.fromkeys(("image_id", "image", "format", "model_id", "sam2_version_id"), 5)

    of_clicks, of_image = (findings_of(client.post(name, wrong)) for name in ("visual_segment", "embed_image"))

    order = ["sam2_version_id", "model_id", "format", "image", "image_id"]
    assert [one["loc"][1] for one in of_clicks] == order
    assert [one["loc"][1] for one in of_image if one["loc"][1] != "format"] == [one for one in order if one != "format"]


@pytest.mark.parametrize("query", ["countinference=true", "countinference=false", "source=a&source_info=b&unknown=c"])
def test_good_query_is_ignored(query: str) -> None:
    answer = CLIENT.http.post(f"/sam3/embed_image?api_key={KEY}&{query}", json={"image": IMAGE})

    assert answer.status_code == 200


@pytest.mark.parametrize("depth", [100, 200])
def test_deep_value_is_echoed(depth: int) -> None:
    value: Any = "x"
    for _ in range(depth):
        value = [value]

    finding, *_ = findings_of(CLIENT.post("concept_segment", DOG | {"image": value}))

    assert finding["input"] == value


# ---------------------------------------------------------------- anything at all

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["image", "prompts", "points", "box", "boxes", "type", "value", "format"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as a path of keys."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


@st.composite
def damaged_examples(draw: st.DrawFn) -> tuple[str, Json]:
    """One of the document's requests in which something was replaced, removed or added."""
    operation, example = draw(st.sampled_from(EXAMPLES))
    body = copy.deepcopy(example)
    *path, last = draw(st.sampled_from([place for place in places(body) if place]))
    parent = body
    for key in path:
        parent = parent[key]
    change = draw(st.sampled_from(["replace", "remove", "add"]))
    if change == "replace":
        parent[last] = draw(JSON_VALUES)
    elif change == "remove":
        del parent[last]
    elif isinstance(parent, dict):
        parent[draw(st.text(max_size=3))] = draw(JSON_VALUES)
    return operation, body


CONTENT_TYPES = st.sampled_from([None, "application/json", "text/plain", "multipart/form-data; boundary=x", "é"])


@pytest.mark.parametrize("operation", OPERATIONS)
@given(
    content=st.binary(max_size=60) | st.binary(max_size=20).map(lambda rest: b'{"image": ' + rest),
    content_type=CONTENT_TYPES | st.just("application/json"),
)
def test_any_bytes_are_refused(operation: str, content: bytes, content_type: str | None) -> None:
    answer = CLIENT.send(operation, content, content_type)

    assert answer.status_code in {400, 422}
    assert set(answer.get_json()) == {"detail"}
    assert still_answers(CLIENT)


@pytest.mark.parametrize("operation", OPERATIONS)
@given(JSON_VALUES)
def test_any_json_is_refused(operation: str, value: Any) -> None:
    answer = CLIENT.send(operation, json.dumps(value).encode())

    assert 400 <= answer.status_code < 500
    assert still_answers(CLIENT)


@given(damaged_examples())
def test_damaged_request_is_answered_or_refused(damaged: tuple[str, Json]) -> None:
    operation, body = damaged

    answer = CLIENT.send(operation, json.dumps(body).encode())

    assert answer.status_code < 500
    assert still_answers(CLIENT)


@pytest.mark.parametrize("number", ["1e400", "-1e400"])
def test_number_beyond_all_floats_is_refused(number: str) -> None:
    body = {"image": IMAGE, "prompts": [{"points": [click(9, 9)]}]}
    content = json.dumps(body).replace('"x": 9', f'"x": {number}')

    findings = findings_of(CLIENT.send("visual_segment", content.encode()))

    place = ["body", "prompts", "points", 0, "x"]
    assert findings == [type_error("finite_number", place, "Input should be a finite number", None)]


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "behind a byte order mark"])
@pytest.mark.parametrize("digits", [19, 20, 30, 400, 4300])
def test_integer_of_many_digits_is_refused_where_it_does_not_belong(digits: int, start: bytes) -> None:
    content = start + b'{"image": ' + b"9" * digits + b"}"

    (finding,) = findings_of(CLIENT.send("embed_image", content))

    assert (finding["type"], finding["loc"]) == ("model_type", ["body", "image"])


# ---------------------------------------------------------------- the key stays secret

SECRET = "a-very-secret-key"
WAYS: dict[str, Json] = {
    "query": {"query_string": {"api_key": SECRET}},
    "bearer": {"headers": {"Authorization": f"Bearer {SECRET}"}},
    "body": {},
}
REFUSED_BODIES: dict[str, Any] = {
    "missing fields": {},
    "unknown field": {"image": IMAGE, "key": SECRET},
    "name": {SECRET: 1},
    "name in an image": {"image": {SECRET: SECRET}},
    "image": {"image": SECRET},
    "lists": {"image": [[SECRET], {"a": SECRET}]},
    "prompt": {"image": IMAGE, "prompts": [SECRET]},
    "format": {"image": IMAGE, "format": SECRET},
    "undecodable image": {"image": {"type": "base64", "value": SECRET}},
    "unreachable image": {"image": {"type": "url", "value": SECRET}},
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", REFUSED_BODIES)
@pytest.mark.parametrize("way", WAYS)
def test_key_is_never_echoed(way: str, name: str, operation: str) -> None:
    body = REFUSED_BODIES[name] | ({"api_key": SECRET} if way == "body" else {})

    answer = CLIENT.http.post(f"/sam3/{operation}", json=body, **WAYS[way])

    assert 400 <= answer.status_code < 500
    assert answer.status_code != 401
    assert SECRET not in answer.get_data(as_text=True) + str(answer.headers)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_rejected_key_is_never_echoed(operation: str, way: str) -> None:
    client = Client(Settings(api_keys=frozenset({KEY})))

    answer = client.http.post(f"/sam3/{operation}", json={"api_key": SECRET}, **WAYS[way])

    assert answer.status_code == 401
    assert SECRET not in answer.get_data(as_text=True) + str(answer.headers)


@pytest.mark.parametrize("path", ["/", "/healthz", "/openapi.json", "/nope", "/sam3/concept_segment"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
def test_key_in_a_url_is_never_echoed(method: str, path: str) -> None:
    answer = CLIENT.http.open(f"{path}?api_key={SECRET}", method=method, headers={"Origin": "https://example.com"})

    assert SECRET not in answer.get_data(as_text=True) + str(answer.headers)


def test_key_is_kept_out_of_a_good_answer() -> None:
    for way, sent in WAYS.items():
        body = DOG | ({"api_key": SECRET} if way == "body" else {})

        answer = CLIENT.http.post("/sam3/concept_segment", json=body, **sent)

        assert answer.status_code == 200
        assert SECRET not in answer.get_data(as_text=True) + str(answer.headers)


def test_key_is_replaced_and_nothing_else() -> None:
    findings = findings_of(CLIENT.http.post("/sam3/embed_image", json={"api_key": SECRET, "image_id": "photo"}))

    assert findings[0]["input"] == {"api_key": "***", "image_id": "photo"}


@pytest.mark.parametrize(("body", "n_made"), [({}, 1), ({"id": "mine"}, 0)])
def test_an_id_for_a_body_is_made_once_and_only_if_it_has_none(
    monkeypatch: pytest.MonkeyPatch, body: dict[str, Any], n_made: int
) -> None:
    made = []
    monkeypatch.setattr("mock_server.http.bodies._id_of", lambda named: made.append(named) or "made")

    with pytest.raises(Refusal) as refused:
        validate(ConceptSegmentRequest, body, strict=False)

    inputs = [one["input"] for one in refused.value.body["detail"] if one["type"] == "missing"]
    assert (len(inputs), len(made)) == (2, n_made)
    assert all(one["id"] == body.get("id", "made") for one in inputs)
