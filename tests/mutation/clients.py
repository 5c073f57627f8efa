"""Clients of the service to try under faults: one that cares, and one that does everything wrong."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import requests
from PIL import Image, ImageDraw

from sam3_contract.errors import AnswerError
from sam3_contract.testing import check_answer

URL = "https://serverless.roboflow.com/sam3/concept_segment"
KEY = "a-key-of-many-letters"


class ServiceError(Exception):
    """What the careful client says of anything that is not as it should be."""


def photograph() -> bytes:
    picture = Image.new("RGB", (96, 64), (90, 120, 90))
    ImageDraw.Draw(picture).ellipse((20, 10, 60, 50), fill=(200, 30, 30))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _body() -> dict[str, Any]:
    image = {"type": "base64", "value": base64.b64encode(photograph()).decode()}
    return {"image": image, "prompts": [{"type": "text", "text": "specimen:hole"}], "format": "rle"}


def asked(*, timeout: float | None) -> int:
    """Ask once; return the status."""
    headers = {"Authorization": f"Bearer {KEY}"}
    return requests.post(URL, json=_body(), headers=headers, timeout=timeout).status_code


def careful() -> list[Any]:
    for attempt in range(3):
        try:
            answer = requests.post(
                URL, json=_body(), headers={"Authorization": f"Bearer {KEY}"}, timeout=0.2, allow_redirects=False
            )
        except requests.RequestException as error:
            raise ServiceError("no answer") from error
        if answer.status_code not in {429, 503} or attempt == 2:
            break
    if answer.status_code != 200 or answer.headers.get("Content-Type") != "application/json":
        raise ServiceError(f"answered {answer.status_code}")
    try:
        content = answer.json()
        check_answer(content, photograph(), operation="concept_segment")
    except (ValueError, AnswerError) as error:
        raise ServiceError("not an answer") from error
    return [(one["masks"], one["confidence"]) for one in content["prompt_results"][0]["predictions"]]


def careless() -> Any:
    for _ in range(2):
        answer = requests.post(URL, params={"api_key": KEY}, json=_body())
        if answer.status_code == 200:
            break
    if answer.status_code == 402:
        return []
    found = answer.json().get("prompt_results", [{"predictions": []}])[0]["predictions"]
    return [(one["masks"]["size"][::-1], one["masks"]["counts"], one["confidence"] > 0.5) for one in found]


def tracing() -> list[Any]:
    own_id = "6f1d4bd7-40ea-4f0a-9d3e-0d7a3b8b5a55"
    answer = requests.post(URL, params={"api_key": KEY}, json=_body(), headers={"x-request-id": own_id}, timeout=0.2)
    if answer.headers.get("x-request-id") != own_id:
        raise ServiceError("an answer to another request")
    return [one["confidence"] for one in answer.json()["prompt_results"][0]["predictions"]]


def talkative() -> int:
    answer = requests.post(URL, params={"api_key": KEY}, json=_body(), timeout=5)
    if answer.status_code != 200:
        raise ServiceError(f"{answer.request.url} answered {answer.status_code}")
    return len(answer.json()["prompt_results"])


def of_a_url() -> list[Any]:
    body = {**_body(), "image": {"type": "url", "value": "https://example.com/dog.jpg"}}
    answer = requests.post(URL, params={"api_key": KEY}, json=body, timeout=5)
    return [one["masks"]["size"] for one in answer.json()["prompt_results"][0]["predictions"]]


def in_arrays() -> list[np.ndarray]:
    answer = requests.post(URL, json={**_body(), "api_key": KEY}, timeout=5)
    if answer.status_code != 200:
        raise ServiceError(f"{KEY}: {answer.status_code}")
    return [np.array([one["confidence"]]) for one in answer.json()["prompt_results"][0]["predictions"]]


def moody(calls: list[int] = []) -> int:  # noqa: B006 - what it remembers is the point
    requests.get("https://serverless.roboflow.com/healthz", timeout=5)
    calls.append(1)
    return len(calls)


def idle() -> None:
    """Ask for nothing."""
