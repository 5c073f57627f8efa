"""Small things that the real server does, of which no recording is at hand but a description of what was measured."""

from __future__ import annotations

import base64
import json
import re
import uuid

import pytest

from mock_server import Settings
from tests.mock_server.client import IMAGE, KEY, Client, png

OBSERVED = Client(Settings(profile="observed", api_keys=frozenset({KEY})))
DOG = {"image": IMAGE, "prompts": [{"text": "dog"}]}
BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.mark.parametrize("body", [{}, {"prompts": [{"text": "dog"}]}, {"prompts": [{"text": "dog"}], "id": "mine"}])
def test_missing_field_echoes_the_body_with_an_id_of_the_servers(body: dict[str, object]) -> None:
    first, second = (OBSERVED.post("concept_segment", body) for _ in range(2))

    echoed = first.get_json()["detail"][0]["input"]
    assert echoed == {**body, "id": echoed["id"]}
    assert echoed["id"] == body.get("id") or uuid.UUID(echoed["id"]).version == 4
    assert first.get_data() == second.get_data()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_body_may_be_in_any_encoding_that_python_tells(encoding: str) -> None:
    answer = OBSERVED.send("concept_segment", json.dumps(DOG).encode(encoding))

    assert answer.status_code == 200


def test_key_is_looked_for_in_a_list_as_if_it_were_an_object() -> None:
    answer = OBSERVED.http.post("/sam3/concept_segment", json=[{"api_key": KEY}])

    assert (answer.status_code, answer.mimetype, answer.get_data()) == (500, "text/plain", b"Internal Server Error")
    assert OBSERVED.post("concept_segment", []).status_code == 422  # type: ignore[arg-type]
    assert Client().http.post("/sam3/concept_segment", json=[{"api_key": KEY}]).status_code == 401


@pytest.mark.parametrize("content", [b"null", b"5", b"NaN", b'"api_key"', b'{"api_key": []}', b'{"api_key": {}}'])
def test_body_that_is_no_object_or_a_key_that_is_no_text_ends_the_search_for_it(content: bytes) -> None:
    answer = OBSERVED.http.post("/sam3/nowhere", data=content, content_type="application/json")

    assert (answer.status_code, answer.get_data()) == (500, b"Internal Server Error")
    assert OBSERVED.http.post("/sam3/nowhere", data=content, content_type="Application/JSON").status_code == 401


@pytest.mark.parametrize(
    "content",
    [b'{"x": NaN}', b'{"x": 1e999}', b'{"format": [-Infinity]}', b'{"x": "\\ud800"}', b"[NaN]", b'"\\ud800"'],
    ids=repr,
)
def test_server_fails_as_it_repeats_what_json_does_not_have(content: bytes) -> None:
    answer = OBSERVED.send("concept_segment", content)

    assert (answer.status_code, answer.get_data()) == (500, b"Internal Server Error")
    assert Client().send("concept_segment", content).status_code in {400, 422}


@pytest.mark.parametrize("content_type", ["image/jpeg", "application/octet-stream", None])
def test_file_in_the_place_of_json_is_an_accident(content_type: str | None) -> None:
    file = base64.b64decode(IMAGE["value"])

    answer = OBSERVED.send("embed_image", file, content_type)

    assert (answer.status_code, answer.get_data()) == (500, b"Internal Server Error")
    assert OBSERVED.send("embed_image", b"a text", content_type).status_code == 422


@pytest.mark.parametrize("operation", ["concept_segment", "visual_segment", "embed_image"])
@pytest.mark.parametrize(("field", "value"), [("disable_model_monitoring", "maybe"), ("stream_pipeline_context_id", 5)])
def test_fields_that_the_documentation_does_not_have_are_read(operation: str, field: str, value: object) -> None:
    wrong, none = (OBSERVED.post(operation, {**DOG, "prompts": None, field: one}) for one in (value, None))

    assert wrong.status_code == 422
    assert wrong.get_json()["detail"][0]["loc"] == ["body", field]
    assert field not in none.get_data(as_text=True)


def test_threshold_that_is_no_number_passes_all_but_beside_nms_nothing() -> None:
    numbers = b'{"image": %s, "prompts": [{"text": "dog"}], "output_prob_thresh": NaN%s}'
    image = json.dumps(IMAGE).encode()

    plain, with_nms = (
        OBSERVED.send("concept_segment", numbers % (image, more)) for more in (b"", b', "nms_iou_threshold": 1')
    )

    assert [len(one.get_json()["prompt_results"][0]["predictions"]) for one in (plain, with_nms)] == [200, 0]


@pytest.mark.parametrize("value", [None, "", IMAGE["value"], 5, [[1, 2]], {"a": 1}])
def test_no_value_of_json_is_an_object_of_numpy(value: object) -> None:
    answer = OBSERVED.post("embed_image", {"image": {"type": "Numpy_Object", "value": value}})

    cause = "Data provided as input could not be decoded into np.ndarray object."
    assert (answer.status_code, answer.get_json()) == (400, {"message": f"Could not load input image. Cause: {cause}"})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_path_of_two_parts_is_a_model_that_is_sent_something(method: str) -> None:
    def ask(query: str = "", **more: str) -> tuple[int, object]:
        headers = {"Authorization": f"Bearer {KEY}", **more}
        answer = OBSERVED.http.open(f"/sam3/nope{query}", method=method, headers=headers)
        return answer.status_code, answer.get_json()["message"]

    assert ask() == (400, "Content-Type header not provided with request.")
    assert ask("?image=https://example.com/a.jpg")[0] == 404
    assert ask(**{"Content-Type": "application/json"})[0] == 404


def test_unknown_path_that_is_sent_something_is_named_as_a_model() -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    named = OBSERVED.http.get("/sam3/nope", headers=headers)
    beyond_latin_1 = OBSERVED.http.post("/%E2%82%AC/7", headers=headers)
    beyond_ascii = OBSERVED.http.post("/%C3%A9/7", headers=headers)

    assert (named.status_code, named.headers["x-model-id"]) == (404, "sam3/nope")
    assert (beyond_ascii.status_code, beyond_ascii.headers["x-model-id"]) == (404, "?/7")  # which httpx can read
    assert (beyond_latin_1.status_code, beyond_latin_1.get_data()) == (500, b"Internal Server Error")


def test_model_id_that_no_header_can_hold_is_a_plain_500() -> None:
    answer = OBSERVED.post("concept_segment", {**DOG, "model_id": "\u0663"})

    assert (answer.status_code, answer.mimetype, answer.get_data()) == (500, "text/plain", b"Internal Server Error")
    assert Client().post("concept_segment", {**DOG, "model_id": "\u0663"}).status_code == 404


@pytest.mark.parametrize(
    "path", ["/sam3", "/sam3/", "/a/b/c", "/sam3/concept_segment/", "/static/x", "/_next/static/x"]
)
def test_path_of_no_model_is_a_file_that_is_not_there(path: str) -> None:
    get, post = (OBSERVED.http.open(path, method=one, headers=BEARER) for one in ("GET", "POST"))

    assert (get.status_code, get.get_json()) == (404, {"detail": "Not Found"})
    assert (post.status_code, post.get_json()) == (405, {"detail": "Method Not Allowed"})
    assert post.headers["allow"] == "GET, HEAD"


def test_head_is_as_long_as_what_is_said_of_a_missing_file() -> None:
    assert OBSERVED.http.head("/sam3/visual_segment").headers["content-length"] == "22"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/model/registry", 200),
        ("GET", "/a/b/c", 404),
        ("GET", "/sam3/embed_image", 400),
        ("PUT", "/sam3/embed_image", 405),
        ("OPTIONS", "/sam3/embed_image", 405),
        ("POST", "/sam3/embed_image", 422),
    ],
)
def test_every_answer_says_how_long_it_took_and_as_what_it_ran(method: str, path: str, status: int) -> None:
    headers = {**BEARER, "Content-Type": "application/json"} if status == 422 else BEARER
    answer = OBSERVED.http.open(path, method=method, headers={**headers, "execution-id": "mine"})

    assert answer.status_code == status
    assert float(answer.headers["x-processing-time"]) >= 0
    assert re.fullmatch(r"\d{19}_[0-9a-f]{4}", answer.headers["execution_id"])
    assert answer.headers["x-internal-remote-exec-req-verified"] == "false"


def test_what_is_answered_before_the_service_runs_does_not_say_that_it_ran() -> None:
    no_key = OBSERVED.http.get("/a/b")
    asking = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    asked = OBSERVED.http.options("/a/b", headers=asking)

    assert no_key.status_code == 401
    assert "x-internal-remote-exec-req-verified" not in no_key.headers
    assert {"x-processing-time", "execution_id"} <= {name.lower() for name, _ in no_key.headers}
    assert not {"x-processing-time", "execution_id"} & {name.lower() for name, _ in asked.headers}


def test_registry_tells_what_models_are_for() -> None:
    models = OBSERVED.http.get("/model/registry").get_json()["models"]

    assert {model["task_type"] for model in models} == {"unsupervised-segmentation"}


BAD_URL = "Provided image URL is invalid"
NOT_HTTPS = "Providing images via non https:// URL is not supported in this configuration of `inference`."
NOT_FETCHED = "Data pointed by URL could not be decoded into image."
NO_FQDN = "Providing images via URL without FQDN is not supported in this configuration of `inference`."


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("https://example.com/a b.jpg", None),
        (" https://example.com/a.jpg", None),
        ("https://example.com/a.jpg\n", None),
        ("https://example.com/?words=two words", None),
        ("https://münchen.de/a.jpg", None),
        ("https://*.example.com/a.jpg", BAD_URL),
        ("https://example.com\u200b/a.jpg", BAD_URL),
        ("https://\N{FOX FACE}.com/a.jpg", BAD_URL),
        ("https://example.com%20/a.jpg", NOT_FETCHED),
        ("http:///a.jpg", BAD_URL),
        ("//example.com/a.jpg", BAD_URL),
        ("ht tps://example.com/a.jpg", NOT_HTTPS),
        ("data:image/png;base64,iVBO Rw0K", NOT_HTTPS),
        ("file:///home/me/a picture.jpg", NOT_HTTPS),
        (" https://localhost/a.jpg", NO_FQDN),
        ("https://10.0.0.1/a b.jpg", NO_FQDN),
    ],
)
def test_url_is_read_as_requests_reads_it(url: str, cause: str | None) -> None:
    answer = OBSERVED.post("embed_image", {"image": {"type": "url", "value": url}})

    assert answer.status_code == (400 if cause else 200)
    assert not cause or answer.get_json() == {"message": f"Could not load input image. Cause: {cause}"}


@pytest.mark.parametrize("path", ["/static/app.js", "/_next/static/app.js"])
def test_files_of_the_page_ask_for_no_key(path: str) -> None:
    assert OBSERVED.http.get(path).status_code in {400, 404}
    assert OBSERVED.http.get("/elsewhere").status_code == 401


def test_image_of_more_pixels_than_opencv_takes_is_an_internal_error() -> None:
    image = {"type": "base64", "value": base64.b64encode(png(40_000, 40_000)).decode()}

    answer = OBSERVED.post("concept_segment", {**DOG, "image": image})

    assert (answer.status_code, answer.get_json()) == (500, {"message": "Internal error."})
    assert Client().post("concept_segment", {**DOG, "image": image}).status_code == 400
