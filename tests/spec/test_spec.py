"""The document: sound, complete, told where each statement comes from; and how it is loaded."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from openapi_spec_validator import validate

from sam3_contract import spec
from sam3_contract.errors import SpecError
from sam3_contract.images import bytes_from_base64, read_header
from sam3_contract.masks import find_defects

CONTRACT = spec.load()
DOCUMENT = CONTRACT.document
SOURCES = {"documented", "source", "observed"}


def nodes(node: Any, path: str = "#") -> Iterator[tuple[str, Any]]:
    yield path, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from nodes(child, f"{path}/{key}")


def examples_with_schemas() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Every named example, with the schema of the place that shows it."""
    for path, node in nodes({"paths": DOCUMENT["paths"], "responses": DOCUMENT["components"]["responses"]}):
        if isinstance(node, dict) and "schema" in node and "examples" in node:
            for name, example in node["examples"].items():
                yield f"{path}:{name}", CONTRACT.resolve(example)["value"], node["schema"]


EXAMPLES = list(examples_with_schemas())


def test_document_is_valid_openapi() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    validate(DOCUMENT)


def test_document_is_loaded_by_schemathesis_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = schemathesis.openapi.from_dict(copy.deepcopy(DOCUMENT))
        operations = [result.ok() for result in loaded.get_all_operations()]

    assert len(operations) == 3


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    references = [node["$ref"] for _, node in nodes(DOCUMENT) if isinstance(node, dict) and "$ref" in node]
    components = {
        f"#/components/{kind}/{name}"
        for kind, named in DOCUMENT["components"].items()
        if kind != "securitySchemes"
        for name in named
    }

    for reference in references:
        CONTRACT.resolve({"$ref": reference})
    assert components - set(references) == set()


def told(entry: Any) -> bool:
    return "$ref" in entry or "x-source" in entry


def test_every_property_parameter_header_and_response_tells_its_source() -> None:
    untold = [
        f"{kind}/{name}"
        for kind in ("parameters", "headers", "responses", "securitySchemes")
        for name, entry in DOCUMENT["components"][kind].items()
        if not told(entry)
    ]
    # Inside anyOf and the like, properties only refine those that are told already.
    for name, schema in DOCUMENT["components"]["schemas"].items():
        untold += [f"{name}.{field}" for field, entry in schema.get("properties", {}).items() if not told(entry)]

    assert untold == []


def test_sources_are_of_the_three_kinds() -> None:
    found = [node["x-source"] for _, node in nodes(DOCUMENT) if isinstance(node, dict) and "x-source" in node]
    kinds = {kind for source in found for kind in (source.values() if isinstance(source, dict) else [source])}

    assert kinds == SOURCES


def test_every_request_property_is_described_and_has_a_default_or_is_required() -> None:
    for name in ("ConceptSegmentRequest", "VisualSegmentRequest", "EmbedImageRequest"):
        schema = DOCUMENT["components"]["schemas"][name]
        for field, entry in schema["properties"].items():
            resolved = CONTRACT.resolve(entry)
            assert resolved.get("description"), f"{name}.{field}"
            assert "default" in resolved or field in {*schema["required"], "id"}, f"{name}.{field}"


@pytest.mark.parametrize(("name", "value", "schema"), EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
def test_example_fits_its_schema(name: str, value: Any, schema: dict[str, Any]) -> None:
    errors = [f"{error.instance_path}: {error.message}" for error in CONTRACT.validator(schema).iter_errors(value)]

    assert errors == [], name


def test_examples_of_masks_are_sound_masks_of_the_example_image() -> None:
    image = DOCUMENT["components"]["examples"]["ConceptTwoTexts"]["value"]["image"]["value"]
    size = read_header(bytes_from_base64(image)).size
    predictions = [
        node for _, value, _ in EXAMPLES for _, node in nodes(value) if isinstance(node, dict) and "masks" in node
    ]

    found = [
        str(finding)
        for prediction in predictions
        for finding in find_defects(prediction["masks"], declared_format=prediction["format"], image_size=size)
        if finding.severity != "note"
    ]

    assert len(predictions) >= 6
    assert found == []


def test_every_operation_has_examples_and_every_status_a_body() -> None:
    statuses = {200, 400, 401, 402, 403, 404, 405, 413, 422, 423, 500, 501, 502, 503, 504, 507}

    for operation in CONTRACT.operations:
        assert set(operation.answer_schemas) == statuses
        assert all(media for status, media in operation.answer_schemas.items() if status != 413)


def test_deviations_are_complete_and_name_known_operations() -> None:
    known = {"*", *(operation.id for operation in CONTRACT.operations)}

    assert len(CONTRACT.deviations) == 16
    assert len({deviation.id for deviation in CONTRACT.deviations}) == 16
    assert {deviation.operation for deviation in CONTRACT.deviations} <= known


def test_deviations_say_when_they_were_seen() -> None:
    for deviation in CONTRACT.deviations:
        assert date.fromisoformat(deviation.since) <= date.fromisoformat(deviation.until)

    assert CONTRACT.deviations[0].seen == "seen 2026-11-22, in 1.8.3"
    assert replace(CONTRACT.deviations[0], until="2026-11-27").seen == "seen 2026-11-22 to 2026-11-27, in 1.8.3"


def test_deviation_of_an_older_document_has_one_date() -> None:
    fields = dict.fromkeys(("id", "operation", "documented", "observed", "source", "version"), "x")
    document = {**CONTRACT.document, "x-deviations": [{**fields, "date": "2026-11-22"}]}

    (deviation,) = spec.Contract(document, origin="older").deviations
    assert (deviation.since, deviation.until) == ("2026-11-22", "2026-11-22")


@pytest.mark.parametrize("entry", [1, "ab", {}, {"id": "x", "unknown": 1}])
def test_malformed_deviation_is_told(entry: object) -> None:
    contract = spec.Contract({**CONTRACT.document, "x-deviations": [entry]}, origin="broken")

    with pytest.raises(SpecError, match="broken: an entry of x-deviations is malformed"):
        _ = contract.deviations


OF_A_SERVER = Path(__file__).parents[1] / "data" / "openapi-fastapi-like.json"


def test_operations_of_a_server_that_describes_itself_are_known_by_their_paths() -> None:
    whole = spec.load(OF_A_SERVER)

    assert {one.id: (one.method, one.path) for one in whole.operations} == {
        one.id: (one.method, one.path) for one in CONTRACT.operations
    }
    assert len(whole.document["paths"]) > len(whole.operations)


def test_what_else_a_server_does_is_no_reason_to_refuse_its_document() -> None:
    document = json.loads(OF_A_SERVER.read_text())
    document["paths"]["/metrics"] = {"get": {"responses": {"default": {}}}}

    assert len(spec.Contract(document).operations) == 3


def test_load_reads_a_path_as_it_reads_the_packaged_document(tmp_path: Path) -> None:
    copied = tmp_path / "copy.yaml"
    copied.write_bytes(spec.packaged_path().read_bytes())

    assert spec.load(copied).document == DOCUMENT
    assert spec.load(copied).operation("embed_image").path == "/sam3/embed_image"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [", "is neither JSON nor YAML"),
        ("- 1", "has no paths"),
        ("openapi: 3.1.0", "has no paths"),
        ("paths: {/x: {post: {responses: {}}}}", "POST /x has no operationId"),
        (
            "paths: {/x: {post: {operationId: x, responses: {}, requestBody: {$ref: '#/components/nowhere'}}}}",
            "'#/components/nowhere' leads nowhere, there is no 'components'",
        ),
        ("paths: {/x: {post: {operationId: x, responses: {'200': {$ref: 'other.yaml#/x'}}}}}", "outside the document"),
        (
            "paths: {/x: {post: {operationId: x, responses: {}}, get: {operationId: x, responses: {}}}}",
            "operationId 'x' is given twice",
        ),
        (
            "components: {a: {$ref: '#/components/a'}}\n"
            "paths: {/x: {post: {operationId: x, responses: {'200': {$ref: '#/components/a'}}}}}",
            "refers to itself",
        ),
        (
            "components: {schemas: {A: {properties: {b: {$ref: '#/components/schemas/B'}}}}}\npaths: {}",
            "'#/components/schemas/B' leads nowhere",
        ),
        ("paths: {/x: {post: {operationId: x, responses: {4XX: {description: x}}}}}", "POST /x answers '4XX'"),
        ("paths: {/x: [1]}", "/x holds list, not operations by method"),
    ],
)
def test_load_says_what_is_wrong_with_a_document(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(SpecError) as caught:
        spec.load(path)

    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_load_says_that_a_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        spec.load(tmp_path / "none.yaml")


def test_operation_names_the_known_ones_when_it_is_unknown() -> None:
    with pytest.raises(SpecError, match="no operation 'segment'; it has concept_segment, visual_segment, embed_image"):
        CONTRACT.operation("segment")


def test_document_is_plain_yaml_that_becomes_json() -> None:
    # Dates and the like would be read as objects that no JSON writer takes.
    kinds = {type(node) for _, node in nodes(yaml.safe_load(spec.packaged_path().read_text(encoding="utf-8")))}

    assert kinds <= {dict, list, str, int, float, bool, type(None)}
