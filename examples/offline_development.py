"""Write a program for the hosted service without network, key or credits; its URL stays in the code.

    python examples/offline_development.py

`count` is the program. While `sam3_contract.intercept` is open, what it sends ends in a mock in this process.
"""

import requests

import sam3_contract
from sam3_contract.errors import NetworkRefusedError

SERVICE = "https://serverless.roboflow.com"


def count(text: str, photograph_url: str, *, key: str) -> int:
    """How many objects of a kind does a photograph show?"""
    body = {
        "image": {"type": "url", "value": photograph_url},
        "prompts": [{"type": "text", "text": text}],
        "format": "rle",
    }
    headers = {"Authorization": f"Bearer {key}"}
    answer = requests.post(f"{SERVICE}/sam3/concept_segment", headers=headers, json=body, timeout=60)
    answer.raise_for_status()
    return len(answer.json()["prompt_results"][0]["predictions"])


def main() -> None:
    with sam3_contract.intercept() as mock:
        # Named awkward cases: what does the program say to a photograph that shows nothing of the kind?
        for text in ("specimen:tiny", "specimen:nothing"):
            print(f"{text}: {count(text, 'https://example.com/photograph.jpg', key='any')}")
        # What goes wrong in the hosted service goes wrong on request.
        mock.scenario(when={"text": "dog"}, answers=[{"status": 402}])
        try:
            count("dog", "https://example.com/photograph.jpg", key="any")
        except requests.HTTPError as error:
            print(f"without credits: {error.response.status_code}")
        mock.assert_called("concept_segment", text="specimen:tiny", format="rle", times=1)
        # Nothing gets out to the network.
        try:
            requests.get("https://example.com/", timeout=60)
        except NetworkRefusedError as error:
            print(f"refused: {error.host}")


if __name__ == "__main__":
    main()
