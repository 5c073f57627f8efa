"""What the official client makes of a server that is busy at first: one call, sync or async.

python tests/clients/retrying_sdk.py BASE_URL KEY sync|async
"""

import asyncio
import sys

import numpy as np
from inference_sdk import InferenceHTTPClient

URL, KEY, WAY = sys.argv[1:4]
PHOTOGRAPH = np.full((60, 90, 3), 120, np.uint8)

client = InferenceHTTPClient(api_url=URL, api_key=KEY)
if WAY == "async":
    answer = asyncio.run(client.sam3_embed_image_async(PHOTOGRAPH, image_id="named"))
else:
    answer = client.sam3_embed_image(PHOTOGRAPH, image_id="named")
print(answer["image_id"])
