"""The same request gets the same bytes, in every process and for ever; another seed, other masks."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from mock_server import Settings, create_app
from sam3_contract import spec

KEY = "a-key-for-tests"
EXAMPLES = {
    name: example["value"]
    for name, example in spec.load().document["components"]["examples"].items()
    if "value" in example
}
IMAGE = EXAMPLES["ConceptTwoTexts"]["image"]  # the same bytes for ever, unlike what an encoder would write today
PROMPTS = [
    {"points": [{"x": 11, "y": 11, "positive": True}]},
    {"box": {"x": 16, "y": 12, "width": 20, "height": 15}, "points": []},
]

REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "concept polygon": (
        "concept_segment",
        {"image": IMAGE, "prompts": [{"text": f"noun {number}"} for number in range(16)], "output_prob_thresh": 0},
    ),
    "concept rle": (
        "concept_segment",
        {
            "image": IMAGE,
            "prompts": [
                {"text": "犬", "output_prob_thresh": 0.1},
                {"text": "dog", "boxes": [{"x": 4, "y": 4, "width": 15, "height": 15}], "box_labels": [1]},
                {
                    "boxes": [{"x0": 4, "y0": 4, "x1": 19, "y1": 19}, {"x0": 0, "y0": 0, "x1": 2, "y1": 2}],
                    "box_labels": [1, 0],
                },
            ],
            "nms_iou_threshold": 0.5,
            "format": "rle",
        },
    ),
    "concept by url": ("concept_segment", EXAMPLES["ConceptImageByUrl"]),
    "visual json": ("visual_segment", {"image": IMAGE, "prompts": PROMPTS}),
    "visual rle": ("visual_segment", {"image": IMAGE, "prompts": None, "format": "rle"}),
    "visual binary": ("visual_segment", {"image": IMAGE, "prompts": PROMPTS, "format": "binary"}),
    "embed": ("embed_image", {"image": IMAGE}),
}
GOLDEN: dict[str, str] = {
    "concept polygon": "27445c527e03988e14074db034c48e80f6cbc316da4131fbc0766cdf96c38752",
    "concept rle": "1e7b7f9069b1ba69365b7e7bd3e770a5c68dac28704d5b2ac36ed10a8b5e6e83",
    "concept by url": "02d939c70992a4507c7f059cda3c1f3e4d49320ffc261f643de847a138fba676",
    "visual json": "cfb0293e8af50a70829d2f6a241d209a8a8d60c544ce46f967d48aa1e5ae1ed5",
    "visual rle": "e9161f72bec62beb3563cd5495c0b0bba06209670d317276b857c7325eaa8433",
    "visual binary": "d5ae47c0c5c4cc1610985b12d8442f2480b2d4ada58fcfa2cb9151349fb29bc2",
    "embed": "c6e35e0c39a44871a25ac743880f2488d52e90268e6842867af4ae8f2193a36c",
}


def answers(seed: int = 0) -> dict[str, bytes]:
    """Ask a fresh mock every request; return the bodies."""
    http = create_app(Settings(seed=seed)).test_client()
    bodies = {}
    for name, (operation, body) in REQUESTS.items():
        answer = http.post(f"/sam3/{operation}", json=body, query_string={"api_key": KEY})
        assert answer.status_code == 200, answer.get_data(as_text=True)
        bodies[name] = answer.get_data()
    return bodies


def digest(content: bytes) -> str:
    """Digest an answer; of an archive the arrays, since another zlib may pack them in other bytes."""
    if not content.startswith(b"PK"):
        return hashlib.sha256(content).hexdigest()
    hashed = hashlib.sha256()
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        for name in archive.files:
            array = archive[name]
            hashed.update(f"{name} {array.dtype.str} {array.shape}".encode() + array.tobytes())
    return hashed.hexdigest()


def in_another_process(hash_seed: str) -> dict[str, str]:
    """Ask in a new interpreter that orders its sets and dicts of strings differently."""
    program = (
        "import hashlib, json\n"
        "from tests.contract.test_determinism import answers\n"
        "print(json.dumps({name: hashlib.sha256(body).hexdigest() for name, body in answers().items()}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    told: dict[str, str] = json.loads(done.stdout)
    return told


def test_answers_are_the_same_bytes_in_other_processes_and_other_apps() -> None:
    here = {name: hashlib.sha256(body).hexdigest() for name, body in answers().items()}

    assert in_another_process("1") == here
    assert in_another_process("4021") == here
    assert {name: hashlib.sha256(body).hexdigest() for name, body in answers().items()} == here


def test_answers_are_the_same_bytes_when_asked_again_in_another_order() -> None:
    http = create_app().test_client()
    first = answers()

    for name in [*reversed(REQUESTS), *REQUESTS]:
        operation, body = REQUESTS[name]
        answer = http.post(f"/sam3/{operation}", json=body, query_string={"api_key": KEY})
        assert answer.get_data() == first[name]


@pytest.mark.parametrize("name", REQUESTS)
def test_answer_is_what_it_always_was(name: str) -> None:
    """A release that changes one of these changes the recorded tests of every user: say so in the changelog."""
    assert digest(answers()[name]) == GOLDEN[name]


@pytest.mark.parametrize("name", [name for name in REQUESTS if name != "embed"])
def test_another_seed_gives_other_masks(name: str) -> None:
    bodies = [answers(seed)[name] for seed in (0, 1, 2, 3, 2**40, -1)]

    assert len(set(bodies)) >= 3  # under a single click on a small image, two seeds may well agree


def test_another_seed_gives_the_same_image_ids() -> None:
    assert answers(0)["embed"] == answers(1)["embed"]
