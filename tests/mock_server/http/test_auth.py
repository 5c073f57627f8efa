"""The key: where it is looked for, what counts as one, and what is said without."""

from __future__ import annotations

import base64
import json

import pytest
from werkzeug.test import TestResponse

from mock_server import Settings, create_app
from tests.mock_server.client import IMAGE, Client, Json

GOOD, OTHER, WRONG = "a-good-key", "another-good-key", "a-wrong-key"
RESTRICTED = Client(Settings(api_keys=frozenset({GOOD, OTHER})))
OPEN = Client()

MISSING = {"status": 401, "message": "Unauthorized api_key"}
REJECTED = {
    "status": 401,
    "message": "Unauthorized api_key. This key is not authorized for serverless inference.",
}


def embed(
    client: Client = RESTRICTED,
    *,
    query: str = "",
    authorization: str | None = None,
    key: object = ...,
    content_type: str = "application/json",
) -> TestResponse:
    """Post a good request, its key where it is asked for."""
    body: Json = {"image": IMAGE} | ({} if key is ... else {"api_key": key})
    headers = {} if authorization is None else {"Authorization": authorization}
    return client.http.post(
        f"/sam3/embed_image{query}", data=json.dumps(body), content_type=content_type, headers=headers
    )


def verdict(answer: TestResponse) -> str:
    """Tell what was said of the key; the bodies of refusals are compared whole."""
    if answer.status_code == 401:
        assert answer.content_type == "application/json"
        assert answer.get_json() in (MISSING, REJECTED)
        return "missing" if answer.get_json() == MISSING else "rejected"
    assert answer.status_code == 200
    return "good"


@pytest.mark.parametrize(
    ("query", "authorization", "key", "expected"),
    [
        ("", None, ..., "missing"),
        (f"?api_key={GOOD}", None, ..., "good"),
        ("", f"Bearer {GOOD}", ..., "good"),
        ("", None, GOOD, "good"),
        (f"?api_key={OTHER}", None, ..., "good"),
        (f"?api_key={WRONG}", None, ..., "rejected"),
        ("", f"Bearer {WRONG}", ..., "rejected"),
        ("", None, WRONG, "rejected"),
        (f"?api_key={GOOD}", f"Bearer {WRONG}", WRONG, "good"),
        (f"?api_key={WRONG}", f"Bearer {GOOD}", GOOD, "rejected"),
        ("", f"Bearer {GOOD}", WRONG, "good"),
        ("", f"Bearer {WRONG}", GOOD, "rejected"),
        ("?api_key=", f"Bearer {GOOD}", GOOD, "rejected"),
        ("?api_key", f"Bearer {GOOD}", GOOD, "rejected"),
        ("", None, "", "rejected"),
        ("", None, None, "missing"),
        ("", None, 12345678, "rejected"),
        ("", None, True, "rejected"),
        ("", None, [GOOD], "missing"),
        ("", None, {"key": GOOD}, "missing"),
        ("", f"Bearer {GOOD}", None, "good"),
        (f"?api_key={GOOD}&api_key={WRONG}", None, ..., "rejected"),
        (f"?api_key={WRONG}&api_key={GOOD}", None, ..., "good"),
        (f"?api_key={GOOD}&api_key=", None, ..., "rejected"),
        (f"?API_KEY={GOOD}", None, ..., "missing"),
        (f"?key={GOOD}", None, ..., "missing"),
        (f"?api_key={GOOD.upper()}", None, ..., "rejected"),
        (f"?api_key=%20{GOOD}", None, ..., "rejected"),
        ("?api_key=a%2Dgood%2Dkey", None, ..., "good"),
    ],
)
def test_first_place_that_has_a_key_decides(query: str, authorization: str | None, key: object, expected: str) -> None:
    assert verdict(embed(query=query, authorization=authorization, key=key)) == expected


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (f"bearer {GOOD}", "good"),
        (f"BEARER {GOOD}", "good"),
        (f"bEaReR    {GOOD}", "good"),
        (f"  Bearer {GOOD}  ", "good"),
        (f"Bearer {GOOD} {GOOD}", "rejected"),
        (f"Bearer{GOOD}", "missing"),
        ("Bearer", "missing"),
        ("Bearer   ", "missing"),
        ("", "missing"),
        (GOOD, "missing"),
        (f"Token {GOOD}", "missing"),
        (f"Basic {GOOD}", "missing"),
        ("Basic " + base64.b64encode(f"{GOOD}:{GOOD}".encode()).decode(), "missing"),
        (f"Api-Key {GOOD}", "missing"),
    ],
)
def test_header_is_a_key_only_as_bearer(authorization: str, expected: str) -> None:
    assert verdict(embed(authorization=authorization)) == expected


@pytest.mark.parametrize("authorization", ["Bearer", f"Basic {WRONG}", WRONG])
def test_header_without_a_key_leaves_it_to_the_body(authorization: str) -> None:
    assert verdict(embed(authorization=authorization, key=GOOD)) == "good"


@pytest.mark.parametrize("name", ["X-API-Key", "Api-Key", "api_key"])
def test_other_headers_are_no_place_for_a_key(name: str) -> None:
    answer = RESTRICTED.http.post("/sam3/embed_image", json={"image": IMAGE}, headers={name: GOOD})

    assert verdict(answer) == "missing"


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", "good"),
        ("application/json ; charset=utf-8", "good"),
        ("APPLICATION/JSON; charset=utf-8", "missing"),
        ("Application/JSON", "missing"),
        ("application/vnd.api+json", "missing"),
        ("text/plain", "missing"),
        ("application/x-www-form-urlencoded", "missing"),
    ],
)
def test_body_is_read_for_a_key_only_as_json(content_type: str, expected: str) -> None:
    assert verdict(embed(key=GOOD, content_type=content_type)) == expected


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b'["api_key"]', b'"api_key"', b"{", b"\xff", b"[" * 3000], ids=repr
)
def test_body_without_a_readable_key_has_none(content: bytes) -> None:
    answer = RESTRICTED.http.post("/sam3/embed_image", data=content[:3000], content_type="application/json")

    assert verdict(answer) == "missing"


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"image": 3}', b""], ids=repr)
@pytest.mark.parametrize("path", ["/sam3/embed_image", "/sam3/concept_segment", "/nope"])
def test_key_is_checked_before_anything_else(path: str, content: bytes) -> None:
    answer = RESTRICTED.http.post(f"{path}?api_key={WRONG}", data=content, content_type="application/json")

    assert verdict(answer) == "rejected"


@pytest.mark.parametrize("key", ["x", "any key", "é", "犬", "0"])
def test_any_key_is_good_when_none_are_set(key: str) -> None:
    answer = OPEN.http.post("/sam3/embed_image", json={"image": IMAGE}, query_string={"api_key": key})

    assert verdict(answer) == "good"


@pytest.mark.parametrize(
    ("query", "key", "expected"),
    [("", ..., "missing"), ("?api_key=", ..., "rejected"), ("", "", "rejected"), ("", None, "missing")],
)
def test_empty_key_is_wrong_also_when_none_are_set(query: str, key: object, expected: str) -> None:
    assert verdict(embed(OPEN, query=query, key=key)) == expected


def test_no_key_is_good_when_none_are_allowed() -> None:
    closed = Client(Settings(api_keys=frozenset()))

    assert verdict(embed(closed, authorization=f"Bearer {GOOD}")) == "rejected"


@pytest.mark.parametrize("path", ["/nope", "/sam3", "/sam3/nope", "/sam3/embed_image/", "/healthz/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_path_needs_a_key_too(method: str, path: str) -> None:
    without = RESTRICTED.http.open(path, method=method)
    with_key = RESTRICTED.http.open(path, method=method, headers={"Authorization": f"Bearer {GOOD}"})

    assert verdict(without) == "missing"
    assert with_key.status_code == 404


@pytest.mark.parametrize("path", ["/", "/healthz", "/openapi.json"])
def test_service_paths_need_no_key(path: str) -> None:
    assert RESTRICTED.http.get(path).status_code == 200
    assert RESTRICTED.http.get(f"{path}?api_key={WRONG}").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_need_no_key_to_be_refused(method: str) -> None:
    answer = RESTRICTED.http.open("/sam3/concept_segment", method=method)

    assert (answer.status_code, answer.get_json()) == (405, {"detail": "Method Not Allowed"})
    assert answer.headers["allow"] == "POST"


def test_get_needs_a_key_and_is_then_refused() -> None:
    without = RESTRICTED.http.get("/sam3/concept_segment")
    with_key = RESTRICTED.http.get(f"/sam3/concept_segment?api_key={GOOD}")

    assert verdict(without) == "missing"
    assert (with_key.status_code, with_key.get_json()) == (405, {"detail": "Method Not Allowed"})
    assert with_key.headers["allow"] == "POST"


def test_head_is_refused_without_a_body() -> None:
    answer = RESTRICTED.http.head("/sam3/concept_segment")

    assert (answer.status_code, answer.get_data()) == (405, b"")


def test_key_changes_nothing_in_the_answer() -> None:
    answers = {
        embed(query=f"?api_key={GOOD}").get_data(),
        embed(authorization=f"Bearer {OTHER}").get_data(),
        embed(key=OTHER).get_data(),
        embed(OPEN, key="whatever").get_data(),
    }

    assert len(answers) == 1


@pytest.mark.parametrize(
    ("how", "family", "words"),
    [
        ("401", {"message"}, "valid for workspace you use"),
        ("402", {"status", "message"}, "cannot currently spend credits"),
        ("403", {"message"}, "have required scopes"),
        ("423", {"message"}, "usage is paused"),
    ],
)
def test_refused_key_gets_its_own_status(how: str, family: set[str], words: str) -> None:
    client = create_app(Settings(refused_keys={"the-refused-key": how})).test_client()

    refused = client.post("/sam3/embed_image?api_key=the-refused-key", json={})
    other = client.post("/sam3/embed_image?api_key=another-key", json={})

    assert (refused.status_code, other.status_code) == (int(how), 422)
    assert set(refused.get_json()) == family
    assert words in refused.get_json()["message"]


def test_no_auth_asks_for_no_key() -> None:
    client = create_app(Settings(auth=False)).test_client()

    assert client.post("/sam3/embed_image", json={}).status_code == 422
    assert client.post("/sam3/nope").status_code == 404
