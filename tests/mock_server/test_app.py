"""The application is what the document says: paths, methods, headers, answers."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from mock_server import create_app
from mock_server.app import MAX_BODY
from sam3_contract import spec, wire
from sam3_contract.errors import SpecError
from tests.mock_server.client import IMAGE, KEY, Client, Json

CLIENT = Client()
CONTRACT = spec.load()
BEARER = {"Authorization": f"Bearer {KEY}"}
ORIGIN = "https://app.example.com"
UNKNOWN_PATH = (
    "Requested Roboflow resource not found. Make sure that workspace, project or model you referred in request exists."
)
EXAMPLES = {
    f"{operation.id}-{name}": (operation.id, CONTRACT.resolve(example)["value"])
    for operation in CONTRACT.operations
    for name, example in CONTRACT.document["paths"][operation.path]["post"]["requestBody"]["content"][
        "application/json"
    ]["examples"].items()
}
ANSWERS = {
    "concept_segment": wire.ConceptSegmentResponse,
    "visual_segment": wire.VisualSegmentResponse,
    "embed_image": wire.EmbedImageResponse,
}

# ---------------------------------------------------------------- documents it cannot serve


def embedding(document: Json) -> Json:
    operation: Json = document["paths"]["/sam3/embed_image"]["post"]
    return operation


def with_another_operation(document: Json) -> None:
    document["paths"]["/sam3/track"] = {"post": {**embedding(document), "operationId": "track"}}


def with_another_name(document: Json) -> None:
    embedding(document)["operationId"] = "embed"


def with_another_request(document: Json) -> None:
    content = embedding(document)["requestBody"]["content"]["application/json"]
    content["schema"] = {"$ref": "#/components/schemas/VisualSegmentRequest"}


def with_a_request_of_its_own(document: Json) -> None:
    embedding(document)["requestBody"]["content"]["application/json"]["schema"] = {"type": "object"}


def without_a_request(document: Json) -> None:
    del embedding(document)["requestBody"]


def with_fewer_prompts(document: Json) -> None:
    document["components"]["schemas"]["ConceptSegmentRequest"]["properties"]["prompts"]["maxItems"] = 4


def with_another_answer(document: Json) -> None:
    document["components"]["schemas"]["Confidence"]["maximum"] = 100


def with_a_dangling_request(document: Json) -> None:
    content = embedding(document)["requestBody"]["content"]["application/json"]
    content["schema"] = {"$ref": "#/components/schemas/Nope"}


def with_a_dangling_answer(document: Json) -> None:
    embedding(document)["responses"]["200"] = {"$ref": "#/components/responses/Nope"}


def with_a_request_elsewhere(document: Json) -> None:
    embedding(document)["requestBody"] = {"$ref": "bodies.yaml#/Embed"}


def without_components(document: Json) -> None:
    del document["components"]


def with_an_operation_twice(document: Json) -> None:
    document["paths"]["/sam3/again"] = document["paths"]["/sam3/embed_image"]


UNSERVABLE: list[tuple[Callable[[Json], None], str]] = [
    (with_another_operation, "the mock cannot answer 'track'; it implements concept_segment, visual_segment, "),
    (with_another_name, "the mock cannot answer 'embed'"),
    (with_another_request, "embed_image takes VisualSegmentRequest, the mock validates EmbedImageRequest"),
    (with_a_request_of_its_own, "embed_image takes no schema of components"),
    (without_a_request, "embed_image takes no schema of components"),
    (with_fewer_prompts, "ConceptSegmentRequest.properties.prompts.maxItems: the document says 4, the model 16"),
    (with_another_answer, "confidence.maximum: the document says 100, the model 1"),
    (with_a_dangling_request, "'#/components/schemas/Nope' leads nowhere, there is no 'Nope'"),
    (with_a_dangling_answer, "'#/components/responses/Nope' leads nowhere, there is no 'Nope'"),
    (with_a_request_elsewhere, "'bodies.yaml#/Embed' points outside the document"),
    (without_components, "leads nowhere, there is no 'components'"),
    (with_an_operation_twice, "operationId 'embed_image' is given twice"),
]


@pytest.mark.parametrize(("change", "said"), UNSERVABLE, ids=[change.__name__ for change, _ in UNSERVABLE])
def test_document_that_cannot_be_served_is_refused(change: Callable[[Json], None], said: str) -> None:
    document = copy.deepcopy(CONTRACT.document)
    change(document)

    with pytest.raises(SpecError) as caught:
        create_app(contract=spec.Contract(document, origin="other.yaml"))

    assert said in str(caught.value)
    assert str(caught.value).startswith("other.yaml")


def test_document_decides_which_operations_are_there_and_where() -> None:
    document = copy.deepcopy(CONTRACT.document)
    document["paths"] = {"/v2/embed": document["paths"]["/sam3/embed_image"]}

    http = create_app(contract=spec.Contract(document)).test_client()

    assert http.post("/v2/embed", json={"image": IMAGE}, headers=BEARER).status_code == 200
    assert http.post("/sam3/embed_image", json={"image": IMAGE}, headers=BEARER).status_code == 404
    assert http.get("/").get_json()["operations"] == ["POST /v2/embed"]


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_of_the_document_is_answered_as_the_document_says(name: str) -> None:
    operation, body = EXAMPLES[name]
    schema = CONTRACT.operation(operation).answer_schemas[200]["application/json"]

    answer = CLIENT.post(operation, body)

    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert schema is not None
    CONTRACT.validator(schema).validate(answer.get_json())
    ANSWERS[operation].model_validate_json(answer.get_data(), strict=True)


@pytest.mark.parametrize("name", EXAMPLES)
def test_answer_is_compact_and_in_the_service_s_order(name: str) -> None:
    operation, body = EXAMPLES[name]

    content = CLIENT.post(operation, body).get_data()

    answer = json.loads(content)
    assert json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode() == content
    assert list(answer)[:4] == ["inference_id", "frame_id", "time", "resolved_model"]
    assert (answer["inference_id"], answer["frame_id"]) == (None, None)
    model = "sam3/sam3_final" if operation == "concept_segment" else "sam3/sam3_interactive"
    assert answer["resolved_model"]["model_id"] == model


REFUSALS: dict[str, tuple[int, str, dict[str, Any]]] = {
    "400 image": (400, "embed_image", {"json": {"image": {"type": "base64", "value": ""}}, "headers": BEARER}),
    "400 body": (400, "embed_image", {"data": b'"\xff"', "content_type": "application/json", "headers": BEARER}),
    "401": (401, "embed_image", {"json": {"image": IMAGE}}),
    "404": (
        404,
        "concept_segment",
        {"json": {"image": IMAGE, "prompts": [{"text": "a"}], "model_id": "a"}, "headers": BEARER},
    ),
    "422": (422, "visual_segment", {"json": {"prompts": 3}, "headers": BEARER}),
    "422 json": (422, "visual_segment", {"data": b"{", "content_type": "application/json", "headers": BEARER}),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusal_is_as_the_document_says(name: str) -> None:
    status, operation, request = REFUSALS[name]
    schema = CONTRACT.operation(operation).answer_schemas[status]["application/json"]

    answer = CLIENT.http.post(f"/sam3/{operation}", **request)

    assert (answer.status_code, answer.content_type) == (status, "application/json")
    assert schema is not None
    CONTRACT.validator(schema).validate(answer.get_json())


def test_query_parameters_of_the_document_are_taken() -> None:
    parameters = [CONTRACT.resolve(node) for node in embedding(CONTRACT.document)["parameters"]]
    query = {parameter["name"]: "true" for parameter in parameters if parameter["in"] == "query"}

    answer = CLIENT.http.post("/sam3/embed_image", json={"image": IMAGE}, headers=BEARER, query_string=query)

    assert len(query) == 4
    assert answer.status_code == 200


# ---------------------------------------------------------------- the mock's own paths


def test_front_page_says_that_this_is_a_mock() -> None:
    answer = CLIENT.http.get("/")

    assert answer.status_code == 200
    assert "mock" in answer.get_json()["what"]
    assert answer.get_json()["operations"] == [
        "POST /sam3/concept_segment",
        "POST /sam3/visual_segment",
        "POST /sam3/embed_image",
    ]
    for path in ("contract", "health"):
        assert CLIENT.http.get(answer.get_json()[path]).status_code == 200


def test_health_is_told() -> None:
    answer = CLIENT.http.get("/healthz")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "healthy"})
    assert (CLIENT.http.head("/healthz").status_code, CLIENT.http.head("/healthz").get_data()) == (200, b"")


def test_document_is_served_with_this_server_as_its_own() -> None:
    served = CLIENT.http.get("/openapi.json", base_url="http://mock.example.com:1234").get_json()

    assert served.pop("servers") == [{"url": "http://mock.example.com:1234", "description": "This mock."}]
    assert served == {key: value for key, value in CONTRACT.document.items() if key != "servers"}
    assert [operation.id for operation in spec.Contract(served).operations] == list(ANSWERS)
    assert CONTRACT.document["servers"][0]["url"] == "https://serverless.roboflow.com"


@pytest.mark.parametrize("path", ["/", "/docs", "/healthz", "/openapi.json"])
def test_service_path_answers_get_only(path: str) -> None:
    answer = CLIENT.http.post(path, headers=BEARER)

    assert (answer.status_code, answer.get_json()) == (405, {"detail": "Method Not Allowed"})
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/sam3",
        "/sam3/",
        "/sam3/nope",
        "/sam3/concept_segment/",
        "/sam3/concept_segment/x",
        "/SAM3/embed_image",
    ],
)
def test_unknown_path_is_answered_as_the_service_does(path: str) -> None:
    answer = CLIENT.http.post(path, json={"image": IMAGE}, headers=BEARER)

    assert (answer.status_code, answer.content_type) == (404, "application/json")
    assert answer.get_json() == {"message": UNKNOWN_PATH}


# ---------------------------------------------------------------- bodies that are too large


@pytest.mark.parametrize("path", ["/sam3/concept_segment", "/sam3/visual_segment", "/nope"])
def test_body_over_20_mib_is_refused_whatever_it_is(path: str) -> None:
    answer = CLIENT.http.post(path, data=b"x" * (MAX_BODY + 1), headers=BEARER)

    assert MAX_BODY == 20 * 2**20
    assert (answer.status_code, answer.content_type) == (413, "application/json")
    assert answer.get_json() == {"message": f"The body is larger than {MAX_BODY} bytes."}


def test_body_of_20_mib_is_read() -> None:
    start = json.dumps({"image": IMAGE})
    content = start + " " * (MAX_BODY - len(start))

    answer = CLIENT.send("embed_image", content.encode())

    assert len(content) == MAX_BODY
    assert answer.status_code == 200


# ---------------------------------------------------------------- headers


@pytest.mark.parametrize("path", ["/sam3/concept_segment", "/sam3/embed_image", "/", "/nope"])
def test_preflight_is_answered_without_a_key(path: str) -> None:
    sent = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }

    answer = CLIENT.http.options(path, headers=sent)

    assert (answer.status_code, answer.get_data()) == (200, b"OK")
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-headers"] == "authorization, content-type"
    assert answer.headers["access-control-max-age"] == "600"
    assert "POST" in answer.headers["access-control-allow-methods"].split(", ")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"Access-Control-Request-Method": "patch"}, "method"),
        ({"Access-Control-Request-Method": "MKCOL"}, "method"),
        ({"Access-Control-Request-Private-Network": "true"}, "private-network"),
        (
            {"Access-Control-Request-Method": "", "Access-Control-Request-Private-Network": "true"},
            "method, private-network",
        ),
    ],
)
def test_preflight_of_what_is_not_allowed_is_refused(more: dict[str, str], said: str) -> None:
    answer = CLIENT.http.options(
        "/sam3/embed_image", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST", **more}
    )

    assert (answer.status_code, answer.get_data(as_text=True)) == (400, f"Disallowed CORS {said}")
    assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("missing", ["Origin", "Access-Control-Request-Method"])
def test_options_that_is_no_preflight_is_refused(missing: str) -> None:
    sent = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    del sent[missing]

    answer = CLIENT.http.options("/sam3/concept_segment", headers=sent)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("path", "headers", "allowed"),
    [
        ("/sam3/embed_image", {"Origin": ORIGIN, **BEARER}, ORIGIN),
        ("/sam3/nope", {"Origin": ORIGIN, **BEARER}, ORIGIN),
        ("/sam3/embed_image", {"Origin": "null", **BEARER}, "null"),
        ("/sam3/embed_image", BEARER, None),
        ("/sam3/embed_image", {"Origin": ORIGIN}, None),
    ],
    ids=["good", "refused", "file", "no browser", "no key"],
)
def test_origin_is_allowed_unless_the_key_was_refused(path: str, headers: dict[str, str], allowed: str | None) -> None:
    answer = CLIENT.http.post(path, json={"image": IMAGE}, headers=headers)

    assert answer.headers.get("access-control-allow-origin") == allowed
    assert allowed is None or answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "sent", ["8d7a9f4e-1c2b-4d3e-9f8a-7b6c5d4e3f2a", "8D7A9F4E1C2B4D3E9F8A7B6C5D4E3F2A"], ids=["dashes", "no dashes"]
)
@pytest.mark.parametrize("path", ["/sam3/embed_image", "/nope", "/healthz"])
def test_request_id_of_the_client_is_kept_when_it_is_a_uuid(path: str, sent: str) -> None:
    answer = CLIENT.http.get(path, headers={"x-request-id": sent})

    assert answer.headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", [None, "", "mine", "1234", "8d7a9f4e-1c2b-4d3e-9f8a-7b6c5d4e3f2", "g" * 32])
def test_request_id_is_made_up_otherwise_and_never_twice(sent: str | None) -> None:
    headers = {} if sent is None else {"x-request-id": sent}

    made = [CLIENT.http.post("/sam3/embed_image", headers=headers).headers["x-request-id"] for _ in range(3)]

    assert len(set(made)) == 3
    assert all(uuid.UUID(name).hex == name for name in made)


@pytest.mark.parametrize(
    ("operation", "model"), [("visual_segment", "sam3/sam3_interactive"), ("embed_image", "sam3/sam3_interactive")]
)
@pytest.mark.parametrize("asked", [None, "sam3/other", "a/b/c"])
def test_interactive_model_answers_whatever_was_asked_for(operation: str, model: str, asked: str | None) -> None:
    answer = CLIENT.post(operation, {"image": IMAGE, "model_id": asked})

    assert answer.status_code == 200
    assert answer.headers["x-model-id"] == model
    assert float(answer.headers["x-processing-time"]) == pytest.approx(answer.get_json()["time"], rel=1e-5)
