"""Ask for two concepts in a photograph: the sample of the older public page, which sends the key in the URL.

    API_KEY=... python examples/docs_sample_legacy.py PHOTOGRAPH [BASE_URL]

Against the mock any key will do:

    sam3-contract serve &
    API_KEY=any python examples/docs_sample_legacy.py dog.jpeg http://127.0.0.1:9001
"""

import base64
import os
import sys

import cv2
import requests

photograph = sys.argv[1] if len(sys.argv) > 1 else "dog.jpeg"
base_url = sys.argv[2] if len(sys.argv) > 2 else "https://serverless.roboflow.com"
url = base_url + "/sam3/concept_segment"

image = cv2.imread(photograph)
if image is None:
    sys.exit(f"{photograph} is no image that OpenCV can read")
encoded, jpeg = cv2.imencode(".jpg", image)
payload = {
    "image": {"type": "base64", "value": base64.b64encode(jpeg.tobytes()).decode("ascii")},
    "prompts": [{"type": "text", "text": "person"}, {"type": "text", "text": "dog"}],
    "output_prob_thresh": 0.5,
    "format": "polygon",
}
answer = requests.post(url + "?api_key=" + os.getenv("API_KEY", ""), json=payload, timeout=60)
answer.raise_for_status()
print(list(answer.json()))
