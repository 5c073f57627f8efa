"""Small things that the real server does, of which no recording is at hand but a description of what was measured."""

from __future__ import annotations

import base64
import json
import uuid

import pytest

from mock_server import Settings
from tests.mock_server.client import IMAGE, KEY, Client, png

OBSERVED = Client(Settings(profile="observed", api_keys=frozenset({KEY})))
DOG = {"image": IMAGE, "prompts": [{"text": "dog"}]}


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


@pytest.mark.parametrize("path", ["/static/app.js", "/_next/static/app.js"])
def test_files_of_the_page_ask_for_no_key(path: str) -> None:
    assert OBSERVED.http.get(path).status_code in {400, 404}
    assert OBSERVED.http.get("/elsewhere").status_code == 401


def test_image_of_more_pixels_than_opencv_takes_is_an_internal_error() -> None:
    image = {"type": "base64", "value": base64.b64encode(png(40_000, 40_000)).decode()}

    answer = OBSERVED.post("concept_segment", {**DOG, "image": image})

    assert (answer.status_code, answer.get_json()) == (500, {"message": "Internal error."})
    assert Client().post("concept_segment", {**DOG, "image": image}).status_code == 400
