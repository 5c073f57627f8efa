"""The main job in one go: a mock, a request on a real photograph, a picture of the answer, and the contract verified.

    python examples/demo.py [OUTPUT_FOLDER]

Needs scikit-image for the photograph (`pip install -e ".[dev]"`).
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import requests
from skimage import data

from sam3_contract.exchanges.drawing import draw_masks, layers_of, open_photograph

TEXTS = ("cup", "spoon")
CLICKS = {"the cup": (290, 45), "its handle": (220, 270), "the spoon": (370, 300)}
KEY = "any-key-will-do"
COMMAND = [sys.executable, "-m", "sam3_contract"]


@contextmanager
def running_mock() -> Iterator[str]:
    """Serve the mock on a free port of this machine until the block ends."""
    server = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--engine", "pixels"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        if not line:
            sys.exit("the mock did not start; what it said stands above")
        yield next(word for word in line.split() if word.startswith("http"))
    finally:
        server.terminate()
        server.wait()


def photograph() -> bytes:
    """A photograph as a client has it: a JPEG made with OpenCV."""
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2BGR))
    return jpeg.tobytes()


def ask(url: str, operation: str, jpeg: bytes, **fields: Any) -> Any:
    """Send a request as the public documentation's sample does."""
    image = {"type": "base64", "value": base64.b64encode(jpeg).decode("ascii")}
    headers = {"Authorization": f"Bearer {os.environ['API_KEY']}"}
    answer = requests.post(f"{url}/sam3/{operation}", headers=headers, json={"image": image, **fields}, timeout=60)
    answer.raise_for_status()
    return answer.json()


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["API_KEY"] = KEY
    os.environ.pop("ROBOFLOW_API_KEY", None)  # the mock on this machine has no need of a real key
    jpeg = photograph()
    (folder / "photograph.jpg").write_bytes(jpeg)
    with running_mock() as url:
        print(f"1. a mock of the SAM 3 API runs at {url}")
        started = time.perf_counter()
        texts = [{"type": "text", "text": text} for text in TEXTS]
        answer = ask(url, "concept_segment", jpeg, prompts=texts, output_prob_thresh=0.5, format="polygon")
        seconds = time.perf_counter() - started
        counts = [len(result["predictions"]) for result in answer["prompt_results"]]
        found = ", ".join(f"{count} of {text!r}" for text, count in zip(TEXTS, counts, strict=True))
        print(f"2. the request of the docs' sample was answered in {seconds * 1000:.0f} ms: {found}")
        clicks = [{"points": [{"x": x, "y": y, "positive": True}]} for x, y in CLICKS.values()]
        answer = ask(url, "visual_segment", jpeg, prompts=clicks, multimask_output=False, format="rle")
        picture = open_photograph(jpeg)
        layers = list(layers_of(answer, size=(picture.height, picture.width)))
        path = folder / "masks.png"
        draw_masks(picture, layers).save(path)
        print(f"3. what clicks on {', '.join(CLICKS)} found, drawn on the photograph: {path.resolve()}")
        print("   (by colours and edges: there is no model, and a text picks what stands out, whatever it says)")
        print("4. the contract, verified on this photograph:\n", flush=True)
        verify = [*COMMAND, "verify", url, "--image", str(folder / "photograph.jpg")]
        verify += [option for text in TEXTS for option in ("--text", text)]
        status = subprocess.run(verify, check=False).returncode
    sys.exit(status)


if __name__ == "__main__":
    main()
