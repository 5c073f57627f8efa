"""The engine that looks at the picture: processor time of a photograph of 1 megapixel, and how well it segments.

    python -m benchmarks.pixels

Segmented are photographs of scikit-image on which outlines were drawn by hand, with each of up to three clicks and with
the box around the outline; given is the worst click's best mask of three, and the box's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from mock_server import create_app
from mock_server.engines.pixels.engine import Pixels
from mock_server.engines.protocol import Box, Click, Instance, Picture, Target

OUTLINES: Final = Path(__file__).parent.parent / "tests" / "data" / "outlines.json"
ROUNDS: Final = 15
MEGAPIXEL: Final = (1155, 866)


def main() -> None:
    """Print both."""
    print_times()
    print_quality()


def print_times() -> None:
    """Measure whole requests within the process: JSON, base64, decoding, masks, polygons."""
    photograph = cv2.resize(data.coffee()[:, :, ::-1], MEGAPIXEL, interpolation=cv2.INTER_CUBIC)
    jpeg = cv2.imencode(".jpg", photograph)[1].tobytes()
    client = create_app().test_client()
    print(f"one click on a JPEG of {MEGAPIXEL[0]} x {MEGAPIXEL[1]} pixels, {len(jpeg) // 1024} KiB, three polygons")
    for engine in ("pixels", "synthetic"):
        first, again = zip(*(_times(client, engine, jpeg + bytes([n])) for n in range(ROUNDS)), strict=True)
        times = ", ".join(f"{name} {_told(taken)}" for name, taken in (("first", first), ("after that", again)))
        print(f"  {engine:10} {times}")


def _told(seconds: tuple[float, ...]) -> str:
    return f"{min(seconds) * 1000:.1f} ms ({statistics.median(seconds) * 1000:.1f} in the middle)"


def _times(client: Any, engine: str, content: bytes) -> tuple[float, float]:
    image = {"type": "base64", "value": base64.b64encode(content).decode("ascii")}
    body = json.dumps({"image": image, "prompts": [{"points": [{"x": 640, "y": 500, "positive": True}]}]})
    headers = {"X-Mock-Engine": engine, "Content-Type": "application/json"}

    def asked() -> float:
        started = time.process_time()
        answer = client.post("/sam3/visual_segment?api_key=any", data=body, headers=headers)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return time.process_time() - started

    return asked(), asked()


def print_quality() -> None:
    """Print the table of docs/engines.md."""
    engine = Pixels()
    print("\n| photograph | thing | click | box |\n|---|---|---|---|")
    for known in json.loads(OUTLINES.read_text(encoding="utf-8"))["things"]:
        picture = _picture(getattr(data, known["photograph"])())
        truth = np.zeros(picture.size, np.uint8)
        cv2.fillPoly(truth, [np.array(known["outline"], np.int32)], 1)
        clicks = min(_best(engine, Target((Click(x, y, True),)), picture, truth) for x, y in known["clicks"])
        columns, rows = zip(*known["outline"], strict=True)
        box = _best(engine, Target(box=Box(min(columns), min(rows), max(columns), max(rows))), picture, truth)
        print(f"| {known['photograph']} | {known['thing']} | {clicks:.2f} | {box:.2f} |")


def _picture(pixels: NDArray[np.uint8]) -> Picture:
    png = cv2.imencode(".png", pixels[:, :, ::-1])[1].tobytes()
    return Picture(hashlib.sha256(png).digest(), (pixels.shape[0], pixels.shape[1]), file=png)


def _best(engine: Pixels, target: Target, picture: Picture, truth: NDArray[np.uint8]) -> float:
    return max(_overlaps(engine.segment, target, picture, truth))


def _overlaps(
    segment: Callable[[Target, Picture], list[Instance]], target: Target, picture: Picture, truth: NDArray[np.uint8]
) -> Iterator[float]:
    for one in segment(target, picture):
        mask = np.zeros(picture.size, np.bool_)
        patch = one.patch
        mask[patch.top : patch.bottom, patch.left : patch.right] = patch.pixels
        yield float((mask & (truth > 0)).sum() / (mask | (truth > 0)).sum())


if __name__ == "__main__":
    main()
