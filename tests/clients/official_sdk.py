"""What the official client makes of a server: all methods, sync and async, all ways to send the key, as JSON.

    python tests/clients/official_sdk.py BASE_URL KEY

Run by ``tests/test_clients.py`` in an environment of its own: the packages' pins clash with this project's.
"""

import asyncio
import json
import sys
import warnings

import numpy as np
import supervision as sv
from inference_sdk import InferenceConfiguration, InferenceHTTPClient
from inference_sdk.http.errors import HTTPCallErrorError

warnings.filterwarnings("ignore")

URL, KEY = sys.argv[1:3]
PHOTOGRAPH = np.full((60, 90, 3), 120, np.uint8)
TEXTS = [{"type": "text", "text": "specimen:hole"}, {"type": "text", "text": "specimen:nothing"}]
CLICKS = [{"points": [{"x": 45, "y": 30, "positive": True}]}]


def client(key: str = KEY, transport: str = "legacy") -> InferenceHTTPClient:
    configuration = InferenceConfiguration(api_key_transport=transport)
    return InferenceHTTPClient(api_url=URL, api_key=key).configure(configuration)


def refusal() -> str:
    try:
        client("a-wrong-key").sam3_embed_image(PHOTOGRAPH)
    except HTTPCallErrorError as error:
        return f"{error.status_code} {error.api_message}"
    return "accepted"


async def asynchronous() -> list[list[str]]:
    one = client()
    concept = await one.sam3_concept_segment_async(PHOTOGRAPH, prompts=TEXTS)
    visual = await one.sam3_visual_segment_async(PHOTOGRAPH, prompts=CLICKS)
    embedded = await one.sam3_embed_image_async(PHOTOGRAPH, image_id="asynchronous")
    return [sorted(answer) for answer in (concept, visual, embedded)]


concept = client().sam3_concept_segment(PHOTOGRAPH, prompts=TEXTS, output_prob_thresh=0.3, nms_iou_threshold=0.5)
visual = client().sam3_visual_segment(PHOTOGRAPH, prompts=CLICKS)
detections = {
    "concept": sv.Detections.from_sam3(concept, resolution_wh=(90, 60)),
    "visual": sv.Detections.from_sam3(visual, resolution_wh=(90, 60)),
}
print(
    json.dumps(
        {
            "texts": [result["echo"]["text"] for result in concept["prompt_results"]],
            "predictions": len(visual["predictions"]),
            "no_prompt": len(client().sam3_visual_segment(PHOTOGRAPH, multimask_output=False)["predictions"]),
            "rle_size": client().sam3_concept_segment(PHOTOGRAPH, prompts=TEXTS, format="rle")["prompt_results"][0][
                "predictions"
            ][0]["masks"]["size"],
            "image_id": client().sam3_embed_image(PHOTOGRAPH, image_id="named")["image_id"],
            "transports": [
                client(transport=transport).sam3_embed_image(PHOTOGRAPH, image_id="named")["image_id"]
                for transport in ("legacy", "header", "both")
            ],
            "refusal": refusal(),
            "asynchronous": asyncio.run(asynchronous()),
            "detections": {
                name: [len(found), list(found.mask.shape), bool(found.mask[0, 30, 45])]
                for name, found in detections.items()
            },
        }
    )
)
