"""The models and the document judge alike: keyword by keyword, and on generated bodies."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from schemathesis import GenerationMode

from sam3_contract import spec, wire
from tests.properties import examples

CONTRACT = spec.load()
SCHEMAS: dict[str, Any] = CONTRACT.document["components"]["schemas"]
REQUESTS = ["ConceptSegmentRequest", "VisualSegmentRequest", "EmbedImageRequest"]
ANSWERS = ["ConceptSegmentResponse", "VisualSegmentResponse", "EmbedImageResponse"]

IMAGE = {"type": "base64", "value": "AAAA"}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 30) | st.floats(allow_nan=False, allow_infinity=False) | st.text("ab"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["x", "prompts"]), inner, max_size=2),
    max_leaves=3,
)


def document_accepts(name: str, body: Any) -> bool:
    return bool(CONTRACT.validator({"$ref": f"#/components/schemas/{name}"}).is_valid(body))


def model_accepts(name: str, body: Any) -> bool:
    model: type[BaseModel] = wire.MODELS[name]
    try:
        model.model_validate(body, strict=True, context={"strict": True})
    except ValidationError:
        return False
    return True


def keeps_rules_the_document_cannot_express(body: Any) -> bool:
    """`x-rules`: as many labels as boxes."""
    prompts = body.get("prompts") if isinstance(body, dict) else None
    return all(
        len(prompt["boxes"]) == len(prompt["box_labels"])
        for prompt in (prompts if isinstance(prompts, list) else [])
        if isinstance(prompt, dict)
        and isinstance(prompt.get("boxes"), list)
        and isinstance(prompt.get("box_labels"), list)
    )


def generated(schema: dict[str, Any], components: dict[str, Any], mode: GenerationMode) -> st.SearchStrategy[Any]:
    """Bodies that fit a schema, or that just do not."""
    operation = {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"200": {"description": "any"}},
    }
    document = {
        "openapi": "3.1.0",
        "info": {"title": "one schema", "version": "1"},
        "paths": {"/": {"post": operation}},
        "components": {"schemas": components},
    }
    found = schemathesis.openapi.from_dict(document)["/"]["POST"]
    bodies = found.as_strategy(generation_mode=mode).map(lambda case: case.body)
    return bodies.filter(lambda body: isinstance(body, dict | list | str | int | float | None))  # negative: also bytes


def from_document(name: str, mode: GenerationMode = GenerationMode.POSITIVE) -> st.SearchStrategy[Any]:
    return generated({"$ref": f"#/components/schemas/{name}"}, SCHEMAS, mode)


def from_model(name: str, mode: GenerationMode = GenerationMode.POSITIVE) -> st.SearchStrategy[Any]:
    modelled = wire.MODELS[name].model_json_schema(ref_template="#/components/schemas/{model}")
    return generated(modelled, modelled.pop("$defs", {}), mode)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as a path of keys."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


@st.composite
def near_misses(draw: st.DrawFn, bodies: st.SearchStrategy[Any]) -> Any:
    """A valid body in which one place is replaced, one field removed or one added."""
    body = copy.deepcopy(draw(bodies))
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
        parent[draw(st.sampled_from(["extra", "boxes", "box_labels", "text", "type"]))] = draw(JSON_VALUES)
    return body


REQUEST_BODIES = {
    "ConceptSegmentRequest": st.fixed_dictionaries(
        {
            "image": st.just(IMAGE),
            "prompts": st.lists(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "type": st.sampled_from(["text", "visual", "box"]),
                        "text": st.sampled_from(["dog", "", None]),
                        "output_prob_thresh": st.sampled_from([None, 0, 0.5, 1, 1.01, -0.1]),
                        "boxes": st.sampled_from(
                            [
                                None,
                                [],
                                [{"x": 1, "y": 2, "width": 3, "height": 4}],
                                [{"x0": 1, "y0": 2, "x1": 3, "y1": 4}],
                            ]
                        ),
                        "box_labels": st.sampled_from([None, [], [1], [0], [2], [1.0], [True]]),
                    },
                ),
                min_size=0,
                max_size=18,
            ),
        },
        optional={
            "format": st.sampled_from(["polygon", "rle", "json", None]),
            "nms_iou_threshold": st.sampled_from([None, 0, 1, 1.5]),
            "model_id": st.sampled_from(["sam3", "", None]),
        },
    ),
    "VisualSegmentRequest": st.fixed_dictionaries(
        {"image": st.just(IMAGE)},
        optional={
            "prompts": st.sampled_from(
                [
                    None,
                    [],
                    {},
                    {"prompts": None},
                    {"prompts": [{}]},
                    [{"points": [{"x": 1, "y": 2.5, "positive": True}]}],
                    {"box": {"x": 1, "y": 2, "width": 3, "height": 4}, "points": None},
                    {"prompts": [{"points": []}], "points": []},
                ]
            ),
            "format": st.sampled_from(["json", "rle", "binary", "polygon", ""]),
            "multimask_output": st.sampled_from([True, False, 1, "yes", None]),
            "sam2_version_id": st.sampled_from(["hiera_tiny", "huge", None]),
        },
    ),
    "EmbedImageRequest": st.fixed_dictionaries(
        {"image": st.just(IMAGE)}, optional={"image_id": st.sampled_from(["a", "", None, 5])}
    ),
}


def test_document_and_models_say_the_same_keyword_by_keyword() -> None:
    assert wire.disagreements(CONTRACT) == []


@pytest.mark.parametrize(
    ("schema", "place", "value", "said"),
    [
        ("ConceptSegmentRequest", ("properties", "prompts", "maxItems"), 4, "the document says 4, the model 16"),
        ("ConceptSegmentRequest", ("required",), ["image"], "the document says ['image']"),
        ("Point", ("properties", "x", "type"), "integer", "the document says 'integer', the model 'number'"),
        ("VisualSegmentRequest", ("properties", "format", "default"), "rle", "the document says 'rle'"),
        ("Confidence", ("maximum",), 100, "the document says 100, the model 1"),
    ],
)
def test_disagreements_names_a_change_of_the_document(
    schema: str, place: tuple[str, ...], value: Any, said: str
) -> None:
    document = copy.deepcopy(CONTRACT.document)
    node = document["components"]["schemas"][schema]
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value

    assert any(said in line for line in wire.disagreements(spec.Contract(document)))


@pytest.mark.parametrize("name", REQUESTS)
@given(data=st.data())
@examples(20)
def test_what_the_document_allows_the_model_takes(name: str, data: st.DataObject) -> None:
    body = data.draw(from_document(name))

    assert document_accepts(name, body)
    assert model_accepts(name, body) == keeps_rules_the_document_cannot_express(body)


@pytest.mark.parametrize("name", ANSWERS)
@given(data=st.data())
@examples(12)
def test_what_the_document_says_of_answers_the_model_takes(name: str, data: st.DataObject) -> None:
    body = data.draw(from_document(name))

    assert model_accepts(name, body)


@pytest.mark.parametrize("name", [*REQUESTS, *ANSWERS])
@given(data=st.data())
@examples(12)
def test_what_the_model_allows_the_document_takes(name: str, data: st.DataObject) -> None:
    body = data.draw(from_model(name) | from_model(name, GenerationMode.NEGATIVE))

    assert model_accepts(name, body) == (document_accepts(name, body) and keeps_rules_the_document_cannot_express(body))


@pytest.mark.parametrize("name", REQUESTS)
@given(data=st.data())
def test_document_and_model_judge_near_misses_alike(name: str, data: st.DataObject) -> None:
    bodies = REQUEST_BODIES[name]
    body = data.draw(bodies | near_misses(bodies) | from_document(name, GenerationMode.NEGATIVE))

    documented = document_accepts(name, body) and keeps_rules_the_document_cannot_express(body)

    assert model_accepts(name, body) == documented


@pytest.mark.parametrize(
    ("body", "location", "message"),
    [
        (
            {"prompts": [{"text": "a"}] * 17},
            ("prompts",),
            "Value error, Exceeded SAM3_MAX_PROMPT_BATCH_SIZE=16: got 17",
        ),
        ({"prompts": []}, ("prompts",), "List should have at least 1 item after validation, not 0"),
        (
            {"prompts": [{"text": "a", "output_prob_thresh": 1.01}]},
            ("prompts", 0, "output_prob_thresh"),
            "Value error, output_prob_thresh must be between 0.0 and 1.0",
        ),
        (
            {"prompts": [{"type": "visual", "boxes": None}]},
            ("prompts", 0, "boxes"),
            "Value error, Visual prompt requires at least one box",
        ),
        (
            {"prompts": [{"text": "a", "box_labels": [1]}]},
            ("prompts", 0, "box_labels"),
            "Value error, box_labels must match boxes length when provided",
        ),
        ({"prompts": 3}, ("prompts",), "Input should be a valid list"),
    ],
)
def test_concept_rules_are_worded_as_the_server_words_them(body: Any, location: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        wire.parse_request(wire.ConceptSegmentRequest, {"image": IMAGE, **body})

    assert [(error["loc"], error["msg"]) for error in caught.value.errors()] == [(location, message)]


@pytest.mark.parametrize(
    ("prompts", "location"),
    [
        ([{"points": [{"y": 1, "positive": True}]}], ("prompts", "points", 0, "x")),
        ({"prompts": [{"points": [{"x": 1, "y": 1}]}]}, ("prompts", "prompts", 0, "points", 0, "positive")),
        ({"points": [{"x": 1, "y": 1}]}, ("prompts", "points", 0, "positive")),
        ([None], ("prompts",)),
        ("x", ("prompts",)),
    ],
    ids=["bare list has no index", "nested", "single prompt", "null entry", "string"],
)
def test_visual_prompt_errors_are_located_as_the_server_locates_them(prompts: Any, location: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        wire.parse_request(wire.VisualSegmentRequest, {"image": IMAGE, "prompts": prompts})

    assert [error["loc"] for error in caught.value.errors()] == [location]


@pytest.mark.parametrize(
    ("prompts", "count"),
    [(None, 1), ([], 1), ({}, 1), ([{}, {}], 1), ({"prompts": None}, 1), ([{"points": []}], 1)],
)
def test_asking_nothing_asks_for_one_object(prompts: Any, count: int) -> None:
    request = wire.parse_request(wire.VisualSegmentRequest, {"image": IMAGE, "prompts": prompts})

    assert len(request.asked) == count


def test_prompts_without_box_are_dropped_only_when_there_are_no_points() -> None:
    box = {"box": {"x": 1, "y": 1, "width": 2, "height": 2}}
    click = {"points": [{"x": 1, "y": 1, "positive": True}]}

    asked = [
        len(wire.parse_request(wire.VisualSegmentRequest, {"image": IMAGE, "prompts": prompts}).asked)
        for prompts in ([box, {}], [click, {}], [box, click])
    ]

    assert asked == [1, 2, 2]


@pytest.mark.parametrize(
    ("field", "sent", "taken"),
    [("output_prob_thresh", "0.7", 0.7), ("output_prob_thresh", True, 1.0), ("usage_billable", "yes", True)],
)
def test_lax_validation_coerces_as_the_server_does(field: str, sent: Any, taken: Any) -> None:
    body = {"image": IMAGE, "prompts": [{"text": "a"}], field: sent}

    request = wire.parse_request(wire.ConceptSegmentRequest, body, strict=False)

    assert getattr(request, field) == taken
    assert not document_accepts("ConceptSegmentRequest", body)
