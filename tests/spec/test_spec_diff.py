"""What ``spec diff`` finds: every kind of change, on the right side, and nothing where two documents mean the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sam3_contract import spec
from sam3_contract.spec_diff import RULES, Comparison, Difference, Target, compare
from sam3_contract.spec_diff.report import as_json, as_text

CONTRACT = spec.load()
# Through JSON, so that what YAML's anchors share is not changed in three places at once.
OURS: dict[str, Any] = json.loads(json.dumps(CONTRACT.document))
TARGETS = [Target(operation.id, operation.method, operation.path) for operation in CONTRACT.operations]
CONCEPT, VISUAL, EMBED = TARGETS
DATA = Path(__file__).parents[1] / "data"
FASTAPI_LIKE = json.loads((DATA / "openapi-fastapi-like.json").read_text(encoding="utf-8"))
GONE = object()

Edit = tuple[str, Any]


def edited(document: Any, *edits: Edit) -> Any:
    """A copy with values set, or removed, at slash-separated paths; ``~`` stands for a slash within a key."""
    changed = copy.deepcopy(document)
    for path, value in edits:
        *steps, last = (step.replace("~", "/") for step in path.split("/"))
        node = changed
        for step in steps:
            node = node[int(step)] if isinstance(node, list) else node[step]
        if value is GONE:
            del node[int(last) if isinstance(node, list) else last]
        elif isinstance(node, list):
            node.insert(int(last), value)
        else:
            node[last] = value
    return changed


def told(found: Comparison) -> list[tuple[str, str, str, str]]:
    return [(one.operation, one.place, one.kind, one.effect) for one in found.differences]


CONCEPT_POST = "paths/~sam3~concept_segment/post"
VISUAL_POST = "paths/~sam3~visual_segment/post"
EMBED_POST = "paths/~sam3~embed_image/post"
REQUEST = "components/schemas/ConceptSegmentRequest"
PROMPT = "components/schemas/ConceptPrompt"
VISUAL_REQUEST = "components/schemas/VisualSegmentRequest"
ECHO = "components/schemas/Echo"
RESULT = "components/schemas/PromptResult"
EMBEDDED = "components/schemas/EmbedImageResponse"

# name, edits, operation, place, kind, effect: each edit yields this difference and no other.
MUTATIONS: list[tuple[str, list[Edit], str, str, str, str]] = [
    ("operation gone", [(EMBED_POST, GONE)], "embed_image", "", "operation_removed", "breaking"),
    ("operation moved", [("paths/~v2~embed", OURS["paths"]["/sam3/embed_image"]), ("paths/~sam3~embed_image", GONE)],
     "embed_image", "", "operation_removed", "breaking"),
    ("another method", [("paths/~sam3~embed_image", {"put": OURS["paths"]["/sam3/embed_image"]["post"]})],
     "embed_image", "", "operation_removed", "breaking"),
    ("deprecated", [(f"{EMBED_POST}/deprecated", True)], "embed_image", "", "operation_deprecated", "harmless"),
    ("bearer no longer enough", [(f"{EMBED_POST}/security", [{"queryKey": []}])],
     "embed_image", "security", "credentials_refused", "breaking"),
    ("key parameter demanded",
     [(f"{EMBED_POST}/parameters/0", {"name": "api_key", "in": "query", "required": True, "schema": {}})],
     "embed_image", "security", "credentials_refused", "breaking"),
    ("new parameter", [(f"{EMBED_POST}/parameters/0", {"name": "trace", "in": "query", "schema": {"type": "string"}})],
     "embed_image", "query.trace", "field_added", "harmless"),
    ("new required header",
     [(f"{EMBED_POST}/parameters/0", {"name": "X-Team", "in": "header", "required": True, "schema": {}})],
     "embed_image", "header.x-team", "newly_required", "breaking"),
    ("parameter gone", [(f"{EMBED_POST}/parameters/0", GONE)],
     "embed_image", "query.countinference", "field_undeclared", "unclear"),
    ("parameter retyped", [(f"{EMBED_POST}/parameters/0", GONE),
      (f"{EMBED_POST}/parameters/0", {"name": "countinference", "in": "query", "schema": {"type": "integer"}})],
     "embed_image", "query.countinference", "retyped", "breaking"),
    ("parameter demanded", [(f"{EMBED_POST}/parameters/0", GONE),
      (f"{EMBED_POST}/parameters/0",
       {"name": "countinference", "in": "query", "required": True, "schema": {"type": "boolean"}})],
     "embed_image", "query.countinference", "newly_required", "breaking"),
    ("body gone", [(f"{EMBED_POST}/requestBody", GONE)], "embed_image", "request", "media_type_removed", "breaking"),
    ("optional field", [(f"{REQUEST}/properties/mask_size", {"type": "integer"})],
     "concept_segment", "request.mask_size", "field_added", "harmless"),
    ("required field", [(f"{REQUEST}/properties/mask_size", {"type": "integer"}),
      (f"{REQUEST}/required/0", "mask_size")],
     "concept_segment", "request.mask_size", "newly_required", "breaking"),
    ("field gone from a closed object", [(f"{REQUEST}/properties/nms_iou_threshold", GONE)],
     "concept_segment", "request.nms_iou_threshold", "field_removed", "breaking"),
    ("field newly required", [(f"{REQUEST}/required/0", "format")],
     "concept_segment", "request.format", "newly_required", "breaking"),
    ("field no longer required", [(f"{REQUEST}/required", ["image"])],
     "concept_segment", "request.prompts", "no_longer_required", "harmless"),
    ("request field retyped", [(f"{REQUEST}/properties/format", {"type": "integer", "default": "polygon"})],
     "concept_segment", "request.format", "retyped", "breaking"),
    ("number to integer", [(f"{PROMPT}/properties/output_prob_thresh/type", ["integer", "null"])],
     "concept_segment", "request.prompts[].output_prob_thresh", "type_removed", "breaking"),
    ("one more type taken", [(f"{REQUEST}/properties/output_prob_thresh/type", ["number", "string"])],
     "concept_segment", "request.output_prob_thresh", "type_added", "harmless"),
    ("null taken", [(f"{REQUEST}/properties/output_prob_thresh/type", ["number", "null"])],
     "concept_segment", "request.output_prob_thresh", "type_added", "harmless"),
    ("null refused", [(f"{PROMPT}/properties/text/type", "string")],
     "concept_segment", "request.prompts[].text", "type_removed", "breaking"),
    ("default changed", [(f"{REQUEST}/properties/output_prob_thresh/default", 0.3)],
     "concept_segment", "request.output_prob_thresh", "default_changed", "breaking"),
    ("default instead of null", [(f"{REQUEST}/properties/nms_iou_threshold/default", 0.7)],
     "concept_segment", "request.nms_iou_threshold", "default_changed", "breaking"),
    ("default gone", [(f"{REQUEST}/properties/format/default", GONE)],
     "concept_segment", "request.format", "default_unstated", "unclear"),
    ("bound tightened", [(f"{REQUEST}/properties/output_prob_thresh/maximum", 0.9)],
     "concept_segment", "request.output_prob_thresh", "bound_tightened", "breaking"),
    ("bound made exclusive", [(f"{REQUEST}/properties/output_prob_thresh/minimum", GONE),
      (f"{REQUEST}/properties/output_prob_thresh/exclusiveMinimum", 0)],
     "concept_segment", "request.output_prob_thresh", "bound_tightened", "breaking"),
    ("bound loosened", [(f"{REQUEST}/properties/prompts/maxItems", 32)],
     "concept_segment", "request.prompts", "bound_loosened", "harmless"),
    ("step introduced", [(f"{REQUEST}/properties/output_prob_thresh/multipleOf", 0.1)],
     "concept_segment", "request.output_prob_thresh", "rule_added", "breaking"),
    ("entries must be unique", [(f"{REQUEST}/properties/prompts/uniqueItems", True)],
     "concept_segment", "request.prompts", "rule_added", "breaking"),
    ("pattern introduced", [(f"{REQUEST}/properties/model_id/pattern", "^sam3/")],
     "concept_segment", "request.model_id", "rule_added", "breaking"),
    ("value no longer taken", [(f"{VISUAL_REQUEST}/properties/format/enum", ["json", "rle"])],
     "visual_segment", "request.format", "values_removed", "breaking"),
    ("value taken as well", [(f"{REQUEST}/properties/format/enum", ["rle", "polygon", "png"])],
     "concept_segment", "request.format", "values_added", "harmless"),
    ("values no longer listed", [(f"{REQUEST}/properties/format/enum", GONE)],
     "concept_segment", "request.format", "values_unstated", "harmless"),
    ("values listed", [(f"{REQUEST}/properties/model_id/enum", ["sam3/sam3_final"])],
     "concept_segment", "request.model_id", "values_removed", "breaking"),
    ("form no longer taken",
     [(f"{PROMPT}/properties/boxes/items/anyOf", [{"$ref": "#/components/schemas/TopLeftBox"}])],
     "concept_segment", "request.prompts[].boxes[]", "alternative_removed", "breaking"),
    ("form taken as well",
     [(f"{PROMPT}/properties/boxes/items/anyOf/2", {"type": "object", "properties": {"polygon": {"type": "array"}}}) ],
     "concept_segment", "request.prompts[].boxes[]", "alternative_added", "harmless"),
    ("anything taken", [(f"{REQUEST}/properties/image_id", {})],
     "concept_segment", "request.image_id", "type_unstated", "harmless"),
    ("one more rule", [(f"{PROMPT}/allOf/0", {"not": {"required": ["text", "boxes"]}})],
     "concept_segment", "request.prompts[]", "rule_added", "breaking"),
    ("another rule", [(f"{PROMPT}/anyOf/0/required", ["text", "type"])],
     "concept_segment", "request.prompts[]", "rule_changed", "unclear"),
    ("new field answered", [(f"{ECHO}/properties/language", {"type": "string"})],
     "concept_segment", "answer 200.prompt_results[].echo.language", "field_added", "harmless"),
    ("required field gone", [(f"{ECHO}/properties/num_boxes", GONE),
      (f"{ECHO}/required", ["prompt_index", "type", "text"])],
     "concept_segment", "answer 200.prompt_results[].echo.num_boxes", "field_removed", "breaking"),
    ("optional field gone", [(f"{EMBEDDED}/properties/frame_id", GONE)],
     "embed_image", "answer 200.frame_id", "field_undeclared", "unclear"),
    ("answer field may be absent", [(f"{ECHO}/required", ["prompt_index", "type", "text"])],
     "concept_segment", "answer 200.prompt_results[].echo.num_boxes", "no_longer_required", "breaking"),
    ("answer field with null may be absent", [(f"{ECHO}/required", ["prompt_index", "type", "num_boxes"])],
     "concept_segment", "answer 200.prompt_results[].echo.text", "presence_unstated", "unclear"),
    ("answer field always there", [(f"{EMBEDDED}/required/0", "frame_id")],
     "embed_image", "answer 200.frame_id", "newly_required", "harmless"),
    ("answer field may be null", [(f"{ECHO}/properties/num_boxes/type", ["integer", "null"])],
     "concept_segment", "answer 200.prompt_results[].echo.num_boxes", "type_added", "breaking"),
    ("answer field never null", [(f"{ECHO}/properties/text/type", "string")],
     "concept_segment", "answer 200.prompt_results[].echo.text", "type_removed", "harmless"),
    ("answer field retyped", [(f"{EMBEDDED}/properties/image_id", {"type": "integer"})],
     "embed_image", "answer 200.image_id", "retyped", "breaking"),
    ("integer answered as number", [(f"{RESULT}/properties/prompt_index/type", "number")],
     "concept_segment", "answer 200.prompt_results[].prompt_index", "type_added", "breaking"),
    ("answer field free-form", [(f"{EMBEDDED}/properties/image_id", {"description": "anything"})],
     "embed_image", "answer 200.image_id", "type_unstated", "unclear"),
    ("new value answered", [(f"{ECHO}/properties/type/enum", ["text", "visual", "both"])],
     "concept_segment", "answer 200.prompt_results[].echo.type", "values_added", "breaking"),
    ("value no longer answered", [(f"{ECHO}/properties/type/enum", ["text"])],
     "concept_segment", "answer 200.prompt_results[].echo.type", "values_removed", "harmless"),
    ("answer bound loosened", [(f"{ECHO}/properties/num_boxes/minimum", -1)],
     "concept_segment", "answer 200.prompt_results[].echo.num_boxes", "bound_loosened", "breaking"),
    ("answer closed", [(f"{EMBEDDED}/additionalProperties", False)], "embed_image", "answer 200", "closed", "harmless"),
    ("success gone", [(f"{EMBED_POST}/responses/200", GONE)],
     "embed_image", "answer 200", "success_removed", "breaking"),
    ("another success", [(f"{EMBED_POST}/responses/202", {"description": "x"})],
     "embed_image", "answer 202", "success_added", "unclear"),
    ("answer media type gone", [(f"{VISUAL_POST}/responses/200/content/application~octet-stream", GONE)],
     "visual_segment", "answer 200", "media_type_removed", "breaking"),
    ("answer body gone", [(f"{EMBED_POST}/responses/200/content", GONE)],
     "embed_image", "answer 200", "media_type_removed", "breaking"),
    ("dangling reference", [(f"{REQUEST}/properties/nms_iou_threshold", {"$ref": "#/components/schemas/Nowhere"})],
     "concept_segment", "request.nms_iou_threshold", "unresolved", "unclear"),
    ("reference to another file", [(f"{REQUEST}/properties/nms_iou_threshold", {"$ref": "common.yaml#/Threshold"})],
     "concept_segment", "request.nms_iou_threshold", "unresolved", "unclear"),
    ("circular reference", [(f"{REQUEST}/properties/nms_iou_threshold", {"$ref": "#/components/schemas/A"}),
      ("components/schemas/A", {"$ref": "#/components/schemas/B"}),
      ("components/schemas/B", {"allOf": [{"$ref": "#/components/schemas/A"}]})],
     "concept_segment", "request.nms_iou_threshold", "unresolved", "unclear"),
    ("dangling body", [(f"{EMBED_POST}/requestBody", {"$ref": "#/components/requestBodies/Nowhere"})],
     "embed_image", "request", "unresolved", "unclear"),
    ("a list for a schema", [(f"{REQUEST}/properties/image_id", [1])],
     "concept_segment", "request.image_id", "unresolved", "unclear"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("edits", "operation", "place", "kind", "effect"), [row[1:] for row in MUTATIONS], ids=[row[0] for row in MUTATIONS]
)
def test_mutation_of_our_document_yields_exactly_that_difference(
    edits: list[Edit], operation: str, place: str, kind: str, effect: str
) -> None:
    found = compare(OURS, edited(OURS, *edits), TARGETS)

    assert told(found) == [(operation, place, kind, effect)]
    assert found.is_breaking == (effect == "breaking")


NOT_FELT: list[tuple[str, list[Edit]]] = [
    ("below a prefix", [("paths/~api~sam3~embed_image", OURS["paths"]["/sam3/embed_image"]),
      ("paths/~sam3~embed_image", GONE)]),
    ("slash at the end", [("paths/~sam3~embed_image~", OURS["paths"]["/sam3/embed_image"]),
      ("paths/~sam3~embed_image", GONE)]),
    ("credentials not declared", [(f"{EMBED_POST}/security", [])]),
    ("more credentials", [(f"{EMBED_POST}/security", [{"queryKey": []}, {"bearerKey": []}, {"cookieKey": []}]),
      ("components/securitySchemes/cookieKey", {"type": "apiKey", "in": "cookie", "name": "k"})]),
    ("body optional", [(f"{EMBED_POST}/requestBody/required", False)]),
    ("another request media type", [(f"{EMBED_POST}/requestBody/content/multipart~form-data", {"schema": {}})]),
    ("object opened", [(f"{REQUEST}/additionalProperties", True)]),
    ("default documented", [(f"{REQUEST}/properties/id", {"type": "string", "default": "none"})]),
    ("bound lifted", [(f"{REQUEST}/properties/prompts/maxItems", GONE)]),
    ("format introduced", [(f"{REQUEST}/properties/model_id/format", "uuid")]),
    ("one rule less", [(f"{PROMPT}/anyOf", GONE)]),
    ("answer bound lifted", [(f"{ECHO}/properties/num_boxes/minimum", GONE)]),
    ("error not declared", [(f"{EMBED_POST}/responses/507", GONE)]),
    ("another error", [(f"{EMBED_POST}/responses/418", {"description": "x"})]),
    ("another answer media type", [(f"{EMBED_POST}/responses/200/content/text~csv", {"schema": {"type": "string"}})]),
    ("error body not described", [(f"{EMBED_POST}/responses/404", {"description": "x"})]),
    ("header not declared", [(f"{EMBED_POST}/responses/200/headers/x-model-id", GONE)]),
    ("another header", [(f"{EMBED_POST}/responses/200/headers/X-New", {"schema": {"type": "string"}})]),
    ("dangling parameter", [(f"{EMBED_POST}/parameters/0", {"$ref": "#/components/parameters/Nowhere"})]),
    ("dangling header", [(f"{EMBED_POST}/responses/200/headers/x-model-id", {"$ref": "#/components/headers/Nowhere"})]),
    ("dangling answer", [(f"{EMBED_POST}/responses/404", {"$ref": "#/components/responses/Nowhere"})]),
]  # fmt: skip


@pytest.mark.parametrize("edits", [row[1] for row in NOT_FELT], ids=[row[0] for row in NOT_FELT])
def test_what_no_client_feels_is_not_told(edits: list[Edit]) -> None:
    changed = edited(OURS, *edits)

    assert changed != OURS
    assert compare(OURS, changed, TARGETS).differences == ()


TWO_BASES: list[tuple[str, list[Edit], list[Edit], str, str, str, str]] = [
    ("request closed", [(f"{REQUEST}/additionalProperties", True)], [(f"{REQUEST}/additionalProperties", False)],
     "concept_segment", "request", "closed", "breaking"),
    ("field no longer declared by an open object",
     [(f"{REQUEST}/additionalProperties", GONE)], [(f"{REQUEST}/additionalProperties", GONE),
      (f"{REQUEST}/properties/nms_iou_threshold", GONE)],
     "concept_segment", "request.nms_iou_threshold", "field_undeclared", "unclear"),
    ("no longer any value", [(f"{REQUEST}/properties/image_id", {})], [],
     "concept_segment", "request.image_id", "type_removed", "breaking"),
    ("answered value now listed", [(f"{ECHO}/properties/type/enum", GONE)], [],
     "concept_segment", "answer 200.prompt_results[].echo.type", "values_removed", "harmless"),
    ("pattern changed",
     [(f"{REQUEST}/properties/model_id/pattern", "^a")], [(f"{REQUEST}/properties/model_id/pattern", "^b")],
     "concept_segment", "request.model_id", "rule_changed", "unclear"),
    ("steps that fit each other",
     [(f"{REQUEST}/properties/output_prob_thresh/multipleOf", 4)],
     [(f"{REQUEST}/properties/output_prob_thresh/multipleOf", 2)],
     "concept_segment", "request.output_prob_thresh", "rule_changed", "unclear"),
    ("credentials demanded", [(f"{EMBED_POST}/security", [{}])], [],
     "embed_image", "security", "credentials_refused", "breaking"),
]  # fmt: skip


def inlined(document: Any, status: str) -> Any:
    """The answer of a status written out at one operation, so that it can be edited there alone."""
    name = OURS["paths"]["/sam3/embed_image"]["post"]["responses"][status]["$ref"].rpartition("/")[2]
    return edited(document, (f"{EMBED_POST}/responses/{status}", OURS["components"]["responses"][name]))


@pytest.mark.parametrize(
    ("base", "edits", "expected"), [(row[1], row[2], row[3:]) for row in TWO_BASES], ids=[row[0] for row in TWO_BASES]
)
def test_change_between_two_documents_yields_exactly_that_difference(
    base: list[Edit], edits: list[Edit], expected: tuple[str, str, str, str]
) -> None:
    document = inlined(OURS, "404")

    assert told(compare(edited(document, *base), edited(document, *edits), TARGETS)) == [expected]


def test_every_kind_of_difference_is_shown_by_a_test() -> None:
    shown = {row[4] for row in MUTATIONS} | {row[5] for row in TWO_BASES}

    assert RULES.keys() == shown


SCHEMAS = OURS["components"]["schemas"]
EMBED_NODE = OURS["paths"]["/sam3/embed_image"]["post"]
PROMPT_FORMS = SCHEMAS["VisualSegmentRequest"]["properties"]["prompts"]["anyOf"]
NULLABLE_TEXT = {"type": "string", "nullable": True}
EQUIVALENT: list[tuple[str, list[Edit]]] = [
    ("prose", [("info/title", "other"), (f"{REQUEST}/title", "T"), (f"{REQUEST}/properties/format/examples", ["rle"])]),
    ("null as an alternative", [(f"{PROMPT}/properties/text", {"anyOf": [{"type": "null"}, {"type": "string"}]})]),
    ("null as a value", [(f"{PROMPT}/properties/text", {"oneOf": [{"type": "string"}, {"const": None}]})]),
    ("null default not published", [(f"{PROMPT}/properties/text/default", GONE)]),
    ("order of types", [(f"{PROMPT}/properties/text/type", ["null", "string"])]),
    ("allOf of one reference", [(f"{REQUEST}/properties/image", {"allOf": [SCHEMAS["Image"]], "title": "Image"})]),
    ("default beside a reference", [
        ("components/schemas/Format", {"type": "string", "enum": ["polygon", "rle"]}),
        (f"{REQUEST}/properties/format", {"$ref": "#/components/schemas/Format", "default": "polygon"}),
    ]),
    ("default beside an allOf", [
        ("components/schemas/Format", {"type": "string", "enum": ["polygon", "rle"], "default": "rle"}),
        (f"{REQUEST}/properties/format", {"allOf": [{"$ref": "#/components/schemas/Format"}], "default": "polygon"}),
    ]),
    ("order of values", [(f"{REQUEST}/properties/format/enum", ["rle", "polygon"])]),
    ("values as alternatives", [
        (f"{REQUEST}/properties/format", {"anyOf": [{"const": "rle"}, {"const": "polygon"}], "default": "polygon"})
    ]),
    ("enum of one", [
        ("components/schemas/RlePrediction/properties/format", {"type": "string", "enum": ["rle"]})
    ]),
    ("values without their type", [(f"{REQUEST}/properties/format/type", GONE)]),
    ("exclusive bound of whole numbers", [
        (f"{ECHO}/properties/num_boxes", {"type": "integer", "exclusiveMinimum": -1})
    ]),
    ("boolean that excludes nothing", [(f"{ECHO}/properties/num_boxes/exclusiveMinimum", False)]),
    ("bounds beside the alternatives", [
        (f"{PROMPT}/properties/output_prob_thresh",
         {"anyOf": [{"type": "number"}, {"type": "null"}], "minimum": 0, "maximum": 1.0})
    ]),
    ("bounds in an allOf", [
        (f"{PROMPT}/properties/output_prob_thresh",
         {"type": ["number", "null"], "allOf": [{"minimum": 0}, {"maximum": 1, "minimum": -1}]})
    ]),
    ("empty bounds", [(f"{REQUEST}/properties/format/minLength", 0)]),
    ("unknown format", [(f"{REQUEST}/properties/model_id/format", GONE)]),
    ("open said aloud", [(f"{EMBEDDED}/additionalProperties", True), (f"{ECHO}/additionalProperties", {})]),
    ("order of alternatives", [
        (f"{VISUAL_REQUEST}/properties/prompts/anyOf", PROMPT_FORMS[::-1])
    ]),
    ("order of the fields demanded", [(f"{ECHO}/required", ["num_boxes", "text", "type", "prompt_index"])]),
    ("body written out", [(f"{EMBED_POST}/requestBody/content/application~json/schema", SCHEMAS["EmbedImageRequest"])]),
    ("body as a reference", [
        ("components/requestBodies", {"Embed": EMBED_NODE["requestBody"]}),
        (f"{EMBED_POST}/requestBody", {"$ref": "#/components/requestBodies/Embed"}),
    ]),
    ("media type with a parameter", [
        (f"{EMBED_POST}/requestBody/content",
         {"Application/JSON; charset=utf-8": EMBED_NODE["requestBody"]["content"]["application/json"]})
    ]),
    ("ids of FastAPI", [(f"{EMBED_POST}/operationId", "sam3_embed_image_sam3_embed_image_post")]),
    ("security named otherwise", [
        ("components/securitySchemes/APIKeyQuery", OURS["components"]["securitySchemes"]["queryKey"]),
        (f"{EMBED_POST}/security", [{"bearerKey": []}, {"APIKeyQuery": []}]),
    ]),
    ("security at the operation", [(f"{EMBED_POST}/security", OURS["security"])]),
    ("parameters at the path", [
        ("paths/~sam3~embed_image/parameters", EMBED_NODE["parameters"]),
        (f"{EMBED_POST}/parameters", GONE),
    ]),
    ("a parameter that may be null", [
        ("components/parameters/Source/schema", {"anyOf": [{"type": "string"}, {"type": "null"}]})
    ]),
    ("servers elsewhere", [("servers", [{"url": "http://127.0.0.1:9001/"}])]),
    ("statuses as numbers", [
        (f"{EMBED_POST}/responses", {int(status): answer for status, answer in EMBED_NODE["responses"].items()})
    ]),
    ("other operations", [("paths/~info", {"get": {"responses": {}}}), ("paths/~broken", {"$ref": "#/nowhere"})]),
    ("the narrower of two types", [
        (f"{ECHO}/properties/num_boxes", {"allOf": [{"type": "number", "minimum": 0}, {"type": "integer"}]})
    ]),
]  # fmt: skip  # fmt: skip


@pytest.mark.parametrize("edits", [row[1] for row in EQUIVALENT], ids=[row[0] for row in EQUIVALENT])
def test_other_spellings_of_one_meaning_do_not_differ(edits: list[Edit]) -> None:
    changed = edited(OURS, *edits)

    assert changed != OURS
    assert told(compare(OURS, changed, TARGETS)) == []
    assert told(compare(changed, OURS, TARGETS)) == []


def test_document_as_fastapi_writes_one_breaks_only_where_it_says_so() -> None:
    found = compare(OURS, FASTAPI_LIKE, TARGETS)

    assert {one[:3] for one in told(found) if one[3] == "breaking"} == {
        ("concept_segment", "answer 200.prompt_results[].echo.type", "type_added"),
        ("concept_segment", "answer 200.prompt_results[].echo.num_boxes", "type_added"),
        ("concept_segment", "answer 200.prompt_results[].predictions[].format", "type_added"),
        ("visual_segment", "request.prompts", "type_removed"),
        ("visual_segment", "request.prompts", "alternative_removed"),
        ("visual_segment", "answer 200.predictions[].format", "type_added"),
        ("visual_segment", "answer 200", "media_type_removed"),
    }
    assert {one.kind for one in found.differences if "request" in one.place and one.effect == "unclear"} == set()


def test_two_kinds_of_prediction_where_one_was_breaks_no_reader() -> None:
    found = compare(FASTAPI_LIKE, OURS, [CONCEPT])

    assert [one for one in found.differences if one.effect == "breaking" and one.side == "answer"] == []
    assert ("answer 200.prompt_results[].predictions[].format", "type_removed") in {one[1:3] for one in told(found)}


def test_scheme_of_a_kind_that_is_not_a_key_is_named() -> None:
    demanding = edited(
        OURS,
        ("components/securitySchemes/login", {"type": "oauth2", "flows": {}}),
        (f"{EMBED_POST}/security", [{"login": []}]),
    )

    found = compare(OURS, demanding, [EMBED]).differences

    assert [one.kind for one in found] == ["credentials_refused", "credentials_refused"]
    assert (found[0].was, found[0].now) == ("header Authorization: bearer", "oauth2 login")


def test_two_copies_of_a_fastapi_document_show_the_drift_alone() -> None:
    later = edited(FASTAPI_LIKE, ("components/schemas/Sam3Prompt/properties/text", GONE))

    assert told(compare(FASTAPI_LIKE, later, TARGETS)) == [
        ("concept_segment", "request.prompts[].text", "field_undeclared", "unclear")
    ]


def test_dangling_references_of_an_abridged_document_are_differences_and_the_rest_is_compared() -> None:
    # As on the public page, whose description refers to schemas that it leaves out.
    schemas = {
        name: schema
        for name, schema in FASTAPI_LIKE["components"]["schemas"].items()
        if name not in {"Sam2PromptSet", "Sam2SegmentationPrediction"}
    }
    found = compare(FASTAPI_LIKE, edited(FASTAPI_LIKE, ("components/schemas", schemas)), [VISUAL])

    assert told(found) == [
        ("visual_segment", "request.prompts", "unresolved", "unclear"),
        ("visual_segment", "answer 200.predictions[]", "unresolved", "unclear"),
    ]
    assert found.differences[0].was == "Sam2PromptSet or null"
    assert found.differences[0].now == "'#/components/schemas/Sam2PromptSet' leads nowhere"


@pytest.mark.parametrize(
    ("edits", "operation", "deviations"),
    [
        ([(f"{REQUEST}/properties/format/enum", GONE)], "concept_segment", ["unknown_concept_format_answers_nothing"]),
        (
            [(f"{VISUAL_REQUEST}/properties/format/enum", GONE)],
            "visual_segment",
            ["binary_answers_500", "unknown_visual_format_answers_500"],
        ),
        (
            [
                ("components/schemas/VisualSegmentResponse/properties/predictions", GONE),
                ("components/schemas/VisualSegmentResponse/required", ["time"]),
            ],
            "visual_segment",
            ["visual_answers_predictions"],
        ),
        (
            [("components/schemas/EmbedImageResponse/properties/frame_id", GONE)],
            "embed_image",
            ["answers_have_more_fields"],
        ),
        ([(f"{EMBED_POST}/security", [{"queryKey": []}])], "embed_image", ["key_accepted_elsewhere"]),
        # A field of that name, but not the one the deviation is about; or a change it does not speak of.
        ([("components/schemas/Seconds/minimum", 1)], "embed_image", []),
        ([("components/schemas/RlePrediction/properties/format", {"type": "integer"})], "concept_segment", []),
        ([(f"{REQUEST}/properties/nms_iou_threshold/maximum", 0.9)], "concept_segment", []),
    ],
)
def test_difference_points_to_the_deviations_that_name_its_field(
    edits: list[Edit], operation: str, deviations: list[str]
) -> None:
    found = [one for one in compare(OURS, edited(OURS, *edits), TARGETS).differences if one.operation == operation]

    assert found
    assert {name for one in found for name in one.deviations} == set(deviations)


def test_malformed_deviations_are_passed_over() -> None:
    document = edited(OURS, ("x-deviations", [1, {"id": []}, {"operation": "*", "observed": "`format`"}]))
    changed = edited(document, (f"{REQUEST}/properties/format/enum", GONE))

    assert compare(document, changed, [CONCEPT]).differences[0].deviations == ()


def test_recursive_schema_is_compared_once_round() -> None:
    def document(kind: str) -> Any:
        tree = {
            "type": "object",
            "properties": {"value": {"type": kind}, "children": {"items": {"$ref": "#/components/schemas/T"}}},
        }
        return edited(OURS, ("components/schemas/T", tree), (f"{REQUEST}/properties/id", tree))

    found = compare(document("string"), document("integer"), [CONCEPT])

    assert {one[1:3] for one in told(found)} == {
        ("request.id.value", "retyped"),
        ("request.id.children[].value", "retyped"),
    }


def nested(depth: int, leaf: Any, wrap: Callable[[Any], Any]) -> Any:
    node = leaf
    for _ in range(depth):
        node = wrap(node)
    return node


WRAPS: dict[str, Callable[[Any], Any]] = {
    "items": lambda node: {"type": "array", "items": node},
    "properties": lambda node: {"type": "object", "properties": {"a": node}},
    "anyOf": lambda node: {"anyOf": [node, {"type": "null"}]},
    "allOf": lambda node: {"allOf": [node]},
    "not": lambda node: {"not": node},
    "list": lambda node: [node],
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_schema_nested_ever_deeper_is_said_to_be_so(wrap: Callable[[Any], Any]) -> None:
    deep = [
        edited(OURS, (f"{REQUEST}/properties/id", nested(3_000, {"type": kind}, wrap))) for kind in ("null", "string")
    ]

    found = compare(deep[0], deep[1], [CONCEPT])

    assert [one.kind for one in found.differences] == ["unresolved"] * (wrap is not WRAPS["list"])


def doubling(leaf: Any, keyword: str) -> Any:
    """Schemas that each name the next one twice: few to write, 2**60 to write out."""
    chain: dict[str, Any] = {f"S{i}": double(f"S{i + 1}", keyword) for i in range(60)}
    return edited(
        OURS,
        ("components/schemas", {**SCHEMAS, **chain, "S60": leaf}),
        (f"{REQUEST}/properties/id", {"$ref": "#/components/schemas/S0"}),
    )


def double(name: str, keyword: str) -> Any:
    twice = [{"$ref": f"#/components/schemas/{name}"}, {"$ref": f"#/components/schemas/{name}"}]
    return {"properties": {"a": twice[0], "b": twice[1]}} if keyword == "properties" else {keyword: twice}


@pytest.mark.parametrize("keyword", ["properties", "anyOf", "allOf", "oneOf"])
@pytest.mark.parametrize("leaf", [{"type": "integer"}, {"enum": []}], ids=["integer", "nothing"])
def test_schemas_that_multiply_are_bounded(keyword: str, leaf: Any) -> None:
    found = compare(doubling({"type": "string"}, keyword), doubling(leaf, keyword), [CONCEPT])

    assert 0 < len(found.differences) <= 2_001


def test_many_differences_are_cut_and_said_to_be() -> None:
    many = {f"f{i}": {"type": "string"} for i in range(3_000)}
    document = edited(OURS, (f"{REQUEST}/properties", {**SCHEMAS["ConceptSegmentRequest"]["properties"], **many}))

    found = compare(document, OURS, [CONCEPT])

    assert len(found.differences) < 2_100
    assert found.differences[-1].now == "more differences than are listed"
    assert found.is_breaking


def test_circle_of_objects_as_yaml_anchors_make_them_is_no_endless_loop() -> None:
    schema: dict[str, Any] = {"type": "object"}
    schema["properties"] = {"self": schema}
    schema["allOf"] = [schema]
    circular = edited(OURS, (f"{REQUEST}/properties/id", {"type": "string"}))
    circular["components"]["schemas"]["ConceptSegmentRequest"]["properties"]["id"] = schema

    assert compare(circular, circular, TARGETS).differences == ()
    assert told(compare(OURS, circular, [CONCEPT])) == [("concept_segment", "request.id", "unresolved", "unclear")]


KEYWORDS = [
    "$ref", "type", "properties", "items", "anyOf", "oneOf", "allOf", "required", "enum", "const", "default",
    "additionalProperties", "minimum", "exclusiveMinimum", "maxItems", "nullable", "not", "if", "prefixItems",
    "pattern", "a", "b",
]  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.sampled_from(
        ["string", "object", "array", "null", "a", "", "#/components/schemas/A", "#", "x.yaml", "#/a~1b/0"]
    )
)
HOSTILE = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4)
)
PLACES = [
    "paths", "paths/~sam3~concept_segment", "components", "components/schemas", "components/securitySchemes",
    "security", "servers", "x-deviations", CONCEPT_POST, REQUEST, PROMPT, f"{REQUEST}/properties",
    f"{REQUEST}/properties/id",
    f"{PROMPT}/properties/boxes", "components/schemas/Prediction", "components/schemas/Polygons",
    "components/schemas/Image", f"{CONCEPT_POST}/parameters", f"{CONCEPT_POST}/requestBody",
    f"{CONCEPT_POST}/requestBody/content", f"{CONCEPT_POST}/responses", f"{CONCEPT_POST}/responses/200",
    f"{CONCEPT_POST}/responses/200/headers", f"{CONCEPT_POST}/responses/422", f"{CONCEPT_POST}/security",
    f"{CONCEPT_POST}/operationId",
]  # fmt: skip


FEW_ANSWERS = {status: OURS["paths"]["/sam3/concept_segment"]["post"]["responses"][status] for status in ("200", "422")}
SMALL = edited(OURS, (f"{CONCEPT_POST}/responses", FEW_ANSWERS))


@given(place=st.sampled_from(PLACES), value=HOSTILE)
@example(place=f"{REQUEST}/properties/id", value={"$ref": "#"})
@example(place=REQUEST, value={"multipleOf": 1e-320, "minimum": float("nan")})
@example(place=PLACES[0], value=[])
def test_compare_never_fails_whatever_stands_anywhere(place: str, value: Any) -> None:
    changed = edited(SMALL, (place, value))

    for found in (compare(SMALL, changed, [CONCEPT]), compare(changed, SMALL, [CONCEPT])):
        assert all(one.effect and one.says for one in found.differences)
        assert as_text(found, was="a", now="b")
        assert json.dumps(as_json(found, was="a", now="b"))
    assert told(compare(changed, copy.deepcopy(changed), [CONCEPT])) == []


@given(first=HOSTILE, second=HOSTILE)
def test_compare_never_fails_on_what_is_no_document(first: Any, second: Any) -> None:
    assert compare(first, second, [CONCEPT]).differences == ()


@given(schema=HOSTILE)
def test_schema_does_not_differ_from_itself_in_a_document_that_differs_elsewhere(schema: Any) -> None:
    document = edited(SMALL, (f"{REQUEST}/properties/id", schema), (f"{ECHO}/properties/text", schema))
    other = {**copy.deepcopy(document), "info": {"title": "other", "version": "0"}}

    # The title is not compared, but it takes away the short cut for equal documents.
    assert told(compare(document, other, [CONCEPT])) == []


def test_text_tells_what_breaks_first_and_how_often() -> None:
    changed = edited(
        OURS,
        (f"{REQUEST}/properties/format/enum", ["polygon", "rle", "png"]),
        (f"{REQUEST}/required/0", "format"),
        (f"{ECHO}/properties/type/enum", GONE),
        (EMBED_POST, GONE),
    )

    assert (
        as_text(compare(OURS, changed, TARGETS), was="sam3.yaml 0.1.0", now="there")
        == """\
was  sam3.yaml 0.1.0
now  there

concept_segment  1 breaking, 1 unclear, 1 harmless
visual_segment   the same
embed_image      1 breaking

concept_segment
  breaking  is newly required
              request.format: optional -> required
                see deviation unknown_concept_format_answers_nothing
  unclear   has no list of values there
              answer 200.prompt_results[].echo.type: "text", "visual"
  harmless  may be one more value
              request.format: "polygon", "rle" -> "polygon", "rle", "png"
                see deviation unknown_concept_format_answers_nothing

embed_image
  breaking  the operation has gone, or is elsewhere
              the operation: POST /sam3/embed_image -> not there

2 breaking, 1 unclear, 1 harmless
"""
    )


def test_text_says_when_nothing_differs() -> None:
    assert as_text(compare(OURS, OURS, [EMBED]), was="a", now="b") == (
        "was  a\nnow  b\n\nembed_image  the same\n\nNothing differs that a client of these operations could feel.\n"
    )


def test_json_holds_every_difference() -> None:
    written = as_json(
        compare(OURS, edited(OURS, (f"{REQUEST}/properties/nms_iou_threshold", GONE)), TARGETS), was="a", now="b"
    )

    assert written["exit_status"] == 1
    assert written["counts"] == {"breaking": 1, "unclear": 0, "harmless": 0}
    assert written["operations"][0] == {"operation": "concept_segment", "counts": written["counts"]}
    assert written["differences"] == [
        {
            "operation": "concept_segment",
            "place": "request.nms_iou_threshold",
            "side": "request",
            "kind": "field_removed",
            "effect": "breaking",
            "says": "has gone",
            "was": "optional",
            "now": "not declared",
            "deviations": (),
        }
    ]


def test_difference_of_a_kind_that_does_not_occur_on_its_side_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="is no difference of the answer"):
        _ = Difference("request", "credentials_refused", "answer").effect
