"""What the official client makes of the service's own URL while `sam3_contract.intercept` is open, as JSON.

    python tests/clients/intercepted_sdk.py

Run by ``tests/test_clients.py`` in the environment of the official clients.
"""

import asyncio
import json
import warnings

import numpy as np
from inference_sdk import InferenceHTTPClient

import sam3_contract
from sam3_contract.errors import NetworkRefusedError

warnings.filterwarnings("ignore")

PHOTOGRAPH = np.full((60, 90, 3), 120, np.uint8)
TEXTS = [{"type": "text", "text": "specimen:hole"}]
CLICKS = [{"points": [{"x": 45, "y": 30, "positive": True}]}]


def client(url: str = "https://serverless.roboflow.com") -> InferenceHTTPClient:
    return InferenceHTTPClient(api_url=url, api_key="any")


async def asynchronous() -> list[int]:
    concept = await client().sam3_concept_segment_async(PHOTOGRAPH, prompts=TEXTS)
    visual = await client().sam3_visual_segment_async(PHOTOGRAPH, prompts=CLICKS)
    return [len(concept["prompt_results"]), len(visual["predictions"])]


def refused(ask: object) -> str:
    try:
        ask()
    except NetworkRefusedError as error:
        return error.host
    return "went out"


with sam3_contract.intercept() as mock:
    concept = client().sam3_concept_segment(PHOTOGRAPH, prompts=TEXTS)
    visual = client().sam3_visual_segment(PHOTOGRAPH, prompts=CLICKS)
    awaited = asyncio.run(asynchronous())
    elsewhere = client("https://detect.roboflow.com")
    print(
        json.dumps(
            {
                "called": [len(concept["prompt_results"]), len(visual["predictions"])],
                "awaited": awaited,
                "seen": [seen.operation for seen in mock.requests],
                "refused": [
                    refused(lambda: elsewhere.sam3_embed_image(PHOTOGRAPH)),
                    refused(lambda: asyncio.run(elsewhere.sam3_embed_image_async(PHOTOGRAPH))),
                ],
            }
        )
    )
