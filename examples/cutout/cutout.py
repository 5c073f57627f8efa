"""Cut objects out of photographs: each becomes a picture of its own, transparent around it.

    ROBOFLOW_API_KEY=... python cutout.py PHOTOGRAPH TEXT [FOLDER]

A sample application, to show how one is tested: see tests/.
"""

from __future__ import annotations

import base64
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import requests
from PIL import Image, ImageOps
from pycocotools import mask as coco
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from sam3_contract.errors import AnswerError
from sam3_contract.testing import check_answer

SERVICE = "https://serverless.roboflow.com"


class CutoutError(Exception):
    """What was asked for cannot be had; the message is for the user."""


@dataclass(frozen=True)
class Cutout:
    """One object.

    Attributes:
        picture: RGBA, as large as the object; transparent where it is not.
        corner: x and y of the picture's top left corner in the photograph.
        confidence: How sure the service is, in 0..1.
    """

    picture: Image.Image
    corner: tuple[int, int]
    confidence: float


def cut_out(
    photograph: bytes, text: str, *, key: str, service: str = SERVICE, threshold: float = 0.5, timeout: float = 60
) -> list[Cutout]:
    """Cut out every object of a kind, the surest first.

    Raises:
        CutoutError: If the service refuses, does not answer, or the photograph is none.
    """
    try:
        with Image.open(io.BytesIO(photograph)) as opened:
            # The service turns photographs as their EXIF data says, and its masks fit the turned one.
            picture = ImageOps.exif_transpose(opened).convert("RGBA")
    except OSError as error:
        raise CutoutError("this is no photograph that can be read") from error
    predictions = _ask(photograph, text, key=key, service=service, threshold=threshold, timeout=timeout)
    found = [_cut(picture, prediction) for prediction in predictions]
    return sorted((one for one in found if one is not None), key=lambda one: -one.confidence)


def _ask(photograph: bytes, text: str, *, key: str, service: str, threshold: float, timeout: float) -> list[Any]:
    body = {
        "image": {"type": "base64", "value": base64.b64encode(photograph).decode("ascii")},
        "prompts": [{"type": "text", "text": text}],
        "output_prob_thresh": threshold,
        "format": "rle",
    }
    try:
        with _patient_session() as session:
            # In a header, and not in the URL, which logs and proxies keep.
            headers = {"Authorization": f"Bearer {key}"}
            answer = session.post(f"{service}/sam3/concept_segment", headers=headers, json=body, timeout=timeout)
            content = answer.json()
    except requests.JSONDecodeError as error:
        raise CutoutError(f"the service answered {answer.status_code}, and not in JSON") from error
    except requests.RequestException as error:
        raise CutoutError(f"the service does not answer ({type(error).__name__})") from error
    if answer.status_code != 200:
        raise CutoutError(f"the service refuses: {answer.status_code} {_reason(content)}")
    try:
        check_answer(content, photograph, operation="concept_segment")
    except AnswerError as error:
        raise CutoutError(str(error)) from error
    return list(content["prompt_results"][0]["predictions"])


def _patient_session() -> requests.Session:
    session = requests.Session()
    retry = Retry(total=2, status_forcelist=(429, 503), allowed_methods=None, raise_on_status=False, read=0)
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def _reason(content: Any) -> str:
    if isinstance(content, dict):
        return str(content.get("message") or content.get("detail") or "")[:200]
    return ""


def _cut(picture: Image.Image, prediction: Any) -> Cutout | None:
    mask = coco.decode(prediction["masks"]).astype(bool)
    if not mask.any():
        return None
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    cut = picture.crop(box)
    cut.putalpha(Image.fromarray((mask[box[1] : box[3], box[0] : box[2]] * 255).astype(np.uint8)))
    return Cutout(cut, box[:2], prediction["confidence"])


def main(arguments: list[str]) -> int:
    if len(arguments) not in {2, 3}:
        print("usage: cutout.py PHOTOGRAPH TEXT [FOLDER]", file=sys.stderr)
        return 2
    folder = Path(arguments[2] if len(arguments) == 3 else ".")
    try:
        cutouts = cut_out(Path(arguments[0]).read_bytes(), arguments[1], key=os.environ.get("ROBOFLOW_API_KEY", ""))
    except (CutoutError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(cutouts, start=1):
        one.picture.save(folder / f"{Path(arguments[0]).stem}-{number}.png")
    print(f"{len(cutouts)} found")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
