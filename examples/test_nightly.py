"""A nightly look at the live service: does it still keep what the program relies on?

    ROBOFLOW_API_KEY=... pytest examples/test_nightly.py --sam3-live --sam3-max-calls 10

Without `--sam3-live` these tests are collected and skipped; workflows/sam3.yml runs them each night. Each call costs
credits; the run makes no more than `--sam3-max-calls`.
"""

import pytest
import requests

pytestmark = pytest.mark.sam3_live

PHOTOGRAPH = {"type": "url", "value": "https://media.roboflow.com/inference/people-walking.jpg"}


def ask(sam3, **more):
    body = {"image": PHOTOGRAPH, "prompts": [{"type": "text", "text": "person"}], **more}
    headers = {"Authorization": f"Bearer {sam3.api_key}"}
    return requests.post(f"{sam3.url}/sam3/concept_segment", headers=headers, json=body, timeout=60)


def test_finds_people_where_there_are_some(sam3_live):
    answer = ask(sam3_live)

    assert answer.status_code == 200
    assert answer.json()["prompt_results"][0]["predictions"]


def test_both_formats_show_the_same_masks(sam3_live, sam3_assert_masks_equal):
    polygons, run_lengths = (
        ask(sam3_live, format=name).json()["prompt_results"][0]["predictions"] for name in ("polygon", "rle")
    )

    assert len(polygons) == len(run_lengths)
    for traced, encoded in zip(polygons, run_lengths, strict=True):
        sam3_assert_masks_equal(encoded["masks"], traced["masks"], holes_matter=False, iou=0.95)


def test_refuses_a_wrong_key(sam3_live):
    url = f"{sam3_live.url}/sam3/concept_segment"

    headers = {"Authorization": "Bearer wrong"}
    assert requests.post(url, headers=headers, json={}, timeout=60).status_code in {401, 403}
