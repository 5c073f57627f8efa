"""The `observed` profile against 294 recorded exchanges of the real server: status, what the body says, headers."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mock_server import Settings, create_app

RECORDED = Path(__file__).parent.parent / "data" / "recorded-exchanges.jsonl.gz"
HEADERS = ("content-type", "x-model-id", "allow", "access-control-allow-origin", "x-workspace-id", "vary")

with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
    EXCHANGES = [json.loads(line) for line in lines]
# The landing page is the service's own, with its advertisement; the mock's says that it is a mock.
DIFFERENT = {"proto:infer_legacy_root"}


def kind_of(masks: Any) -> str:
    """What the masks of a prediction are; abridged recordings say how many points there were."""
    if isinstance(masks, dict) and "__polygons__" in masks:
        return "nothing" if masks["__polygons__"] in ([], [0]) else "polygon"
    if isinstance(masks, dict):
        return f"rle {masks['size']}"
    return "nothing" if masks == [[]] else "polygon"


def told(body: Any) -> Any:
    """What must be equal whatever the model: sentences of errors, places of findings, the shape of results."""
    if not isinstance(body, dict):
        return body
    if isinstance(body.get("detail"), list):
        return [(entry["type"], entry["loc"], entry["msg"]) for entry in body["detail"]]
    if "message" in body or "detail" in body:
        return body
    if "prompt_results" in body:
        return sorted(body), [(result["prompt_index"], result["echo"]) for result in body["prompt_results"]]
    if "predictions" in body:
        kinds = Counter((kind_of(one["masks"]), one["format"]) for one in body["predictions"])
        # Whether a mask is empty is the model's affair, as long as something was asked for.
        return sorted(body), sum(kinds.values()), {kind for kind in kinds if kind[0] != "nothing"}
    return sorted(body)


def formats_agree(ours: Any, theirs: Any) -> bool:
    """Prompts for which both models found something have masks of the same kind."""
    for mine, real in zip(ours.get("prompt_results", ()), theirs.get("prompt_results", ()), strict=True):
        kinds = [
            # A long list of predictions ends in a note of how many there were.
            {kind_of(one["masks"]) for one in result["predictions"] if isinstance(one, dict)} - {"nothing"}
            for result in (mine, real)
        ]
        if all(kinds) and kinds[0] != kinds[1]:
            return False
    return True


def ask(client: Any, recorded: dict[str, Any]) -> Any:
    if "raw" in recorded:
        raw = recorded["raw"]
        content = raw[7:].encode("latin-1") if raw.startswith("LATIN1:") else raw.encode("utf-8", "surrogatepass")
    else:
        content = json.dumps(recorded["body"]).encode() if "body" in recorded else b""
    query = {name: str(value) for name, value in recorded["query"].items()}
    return client.open(
        recorded["path"], method=recorded["method"], query_string=query, data=content, headers=recorded["headers"]
    )


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """All exchanges in the order they were recorded in, because `image_id` remembers."""
    client = create_app(Settings(api_keys=frozenset({"good-key"}), profile="observed")).test_client()
    return {recorded["name"]: ask(client, recorded) for recorded in EXCHANGES}


@pytest.mark.parametrize("recorded", EXCHANGES, ids=[recorded["name"] for recorded in EXCHANGES])
def test_observed_profile_answers_as_the_real_server(recorded: dict[str, Any], answers: dict[str, Any]) -> None:
    answer = answers[recorded["name"]]
    real = recorded.get("response_body", recorded.get("response_body_text"))

    assert answer.status_code == recorded["status"]
    if recorded["name"] in DIFFERENT:
        return
    body = answer.get_json() if answer.mimetype == "application/json" and answer.data else answer.get_data(as_text=True)
    assert told(body) == told(real)
    assert not isinstance(body, dict) or formats_agree(body, real)
    for name in HEADERS:
        assert (answer.headers.get(name) or "").split(";")[0] == (recorded["response_headers"].get(name) or "").split(
            ";"
        )[0], name
