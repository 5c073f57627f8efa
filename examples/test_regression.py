"""A regression suite: answers that were good once are kept, and later ones compared with them mask by mask.

    pytest examples/test_regression.py
    pytest examples/test_regression.py --sam3-snapshot-update     # after a change that was meant
    pytest examples/test_regression.py --sam3-seed 7              # another model, so to say: see what it tells

The snapshots beside this file are of the mock. With `--sam3-live` the same tests ask the live service, which wants
snapshots of its own.
"""

import pytest
import requests

PHOTOGRAPH = {"type": "url", "value": "https://media.roboflow.com/inference/people-walking.jpg"}


def ask(sam3, operation, prompts):
    body = {"image": PHOTOGRAPH, "prompts": prompts, "format": "rle"}
    headers = {"Authorization": f"Bearer {sam3.api_key}"}
    answer = requests.post(f"{sam3.url}/sam3/{operation}", headers=headers, json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()


@pytest.mark.parametrize("text", ["person", "handbag"])
def test_masks_of_a_concept_stay(sam3, sam3_snapshot, text):
    answer = ask(sam3, "concept_segment", [{"type": "text", "text": text}])

    sam3_snapshot.match(answer, iou=0.9, confidence=0.05)


def test_masks_of_a_click_stay(sam3, sam3_snapshot):
    answer = ask(sam3, "visual_segment", [{"points": [{"x": 300, "y": 250, "positive": True}]}])

    sam3_snapshot.match(answer)
