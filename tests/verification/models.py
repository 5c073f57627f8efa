"""Servers with a model's misses: the mock's masks, made worse, and nothing said of exactness."""

from __future__ import annotations

import io
import json
import random
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from mock_server import Settings, create_app
from sam3_contract.exchanges.exchange import Case
from tests.faults import KEY

Json = dict[str, Any]
Bitmap = NDArray[np.bool_]
Worsen = Callable[[Bitmap, random.Random], Bitmap]

SPECK = 16  # pixels
ELLIPSE = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))


def eroded(bitmap: Bitmap, _: random.Random) -> Bitmap:
    return cv2.erode(bitmap.astype(np.uint8), ELLIPSE, borderValue=1).astype(bool)


def blurred(bitmap: Bitmap, _: random.Random) -> Bitmap:
    """Lose corners and thin lines, as upsampled logits do."""
    return cv2.GaussianBlur(bitmap.astype(np.float32), (0, 0), 2.0) >= 0.5


def jittered(bitmap: Bitmap, dice: random.Random) -> Bitmap:
    """Have another edge in every call: by a pixel to either side, and at times thinner; specks are seen or not."""
    if np.count_nonzero(bitmap) < SPECK:
        return bitmap
    (height, width), (down, right) = bitmap.shape, (dice.randint(0, 2), dice.randint(0, 2))
    moved = np.pad(bitmap, 1)[down : down + height, right : right + width]
    thinner = cv2.erode(moved.astype(np.uint8), ELLIPSE).astype(bool)
    return thinner if dice.random() < 0.3 and thinner.any() else moved


def as_it_is(bitmap: Bitmap, _: random.Random) -> Bitmap:
    return bitmap


@dataclass
class ImperfectModel:
    """A WSGI application that answers as a model does.

    Attributes:
        worsen: What is done to each mask.
        seed: Of the mock, and of what varies from call to call.
        noise: By how much confidences vary from call to call.
        missed: The share of things that are not seen, in 0..1: the same ones in every call.
        faults: Of the mock.
        profile: Of the mock.
    """

    worsen: Worsen = as_it_is
    seed: int = 0
    noise: float = 0.0
    missed: float = 0.0
    faults: tuple[str, ...] = ()
    profile: Any = "documented"
    _app: Any = field(init=False)
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        keys = frozenset({KEY})
        settings = Settings(api_keys=keys, seed=self.seed, faults=self.faults, profile=self.profile)
        self._app = create_app(settings).wsgi_app
        self._dice = random.Random(self.seed)

    def __call__(self, environ: Json, start_response: Any) -> Iterable[bytes]:
        """Answer, and say nothing of exactness."""
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        response = self._ask(environ, content)
        del response.headers["x-mock-masks"]
        if response.status_code == 200 and response.mimetype == "application/json":
            sent = json.loads(content)
            overlap = sent.get("nms_iou_threshold")
            if overlap is not None:  # what was suppressed by a thing that is missed would be missed as well
                everything = {**sent, "nms_iou_threshold": None, "format": "rle"}
                answer = json.loads(self._ask(environ, json.dumps(everything).encode()).get_data())
            else:
                answer = json.loads(response.get_data())
            self._answer(answer, sent)
            if overlap is not None:
                _suppress(answer, float(overlap), sent.get("format"))
            response.set_data(json.dumps(answer))
        return response(environ, start_response)

    def _ask(self, environ: Json, content: bytes) -> Response:
        sent = {**environ, "wsgi.input": io.BytesIO(content), "CONTENT_LENGTH": str(len(content))}
        body, status, headers = run_wsgi_app(self._app, sent)
        return Response(b"".join(body), status, headers)

    def _answer(self, answer: Json, sent: Json) -> None:
        for holder, least in _holders(answer, sent):
            predictions = holder["predictions"]
            bitmaps = [self._bitmap(one, sent) for one in predictions]
            kept = []
            for prediction, bitmap in zip(predictions, bitmaps, strict=True):
                if bitmap is None or (least is not None and self._is_missed(bitmap)):
                    kept += [prediction] if bitmap is None else []
                    continue
                self._change(prediction, bitmap)
                if least is None or prediction["confidence"] >= least:
                    kept.append(prediction)
            holder["predictions"] = kept

    def _change(self, prediction: Json, bitmap: Bitmap) -> None:
        changed = self.worsen(bitmap, self._dice)
        prediction["masks"] = _polygons(changed) if prediction["format"] == "polygon" else _rle(changed)
        confidence = prediction["confidence"] + self._dice.uniform(-self.noise, self.noise)
        prediction["confidence"] = float(np.float32(min(max(confidence, 0.0), 1.0)))

    def _is_missed(self, bitmap: Bitmap) -> bool:
        if not self.missed:
            return False
        contours, _ = cv2.findContours(bitmap.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        outlines = b"".join(contour.tobytes() for contour in contours)  # which all formats have in common
        return zlib.crc32(outlines, self.seed) % 1000 < 1000 * self.missed

    def _bitmap(self, prediction: Json, sent: Json) -> Bitmap | None:
        masks = prediction["masks"]
        if isinstance(masks, dict):
            try:
                return np.asarray(coco.decode(_coco(prediction)), bool)
            except (TypeError, ValueError):
                return None
        size = self._size(sent)
        if size is None:
            return None
        canvas = np.zeros(size, np.uint8)
        for ring in masks:
            if ring:
                cv2.fillPoly(canvas, [np.array(ring, np.int32)], 1)
        return canvas.astype(bool)

    def _size(self, sent: Json) -> tuple[int, int] | None:
        header = Case.from_body("concept_segment", sent).image
        return None if header is None or sent.get("image_id") is not None else header.size


def _holders(answer: Json, sent: Json) -> Iterator[tuple[Json, float | None]]:
    """List what holds predictions, with the threshold of its prompt."""
    for result, prompt in zip(answer.get("prompt_results", ()), sent.get("prompts") or (), strict=False):
        own = prompt.get("output_prob_thresh") if isinstance(prompt, dict) else None
        request = sent.get("output_prob_thresh")
        yield result, float(own if own is not None else 0.5 if request is None else request)
    if "predictions" in answer:
        yield answer, None


def _suppress(answer: Json, threshold: float, format_name: str | None) -> None:
    """Suppress RLEs that overlap a more confident one, whatever they answer, and write the rest as they were wanted."""
    found = [one for result in answer["prompt_results"] for one in result["predictions"]]
    kept: list[Json] = []
    for one in sorted(found, key=lambda one: -one["confidence"]):
        masks = [_coco(other) for other in kept]
        if not masks or coco.iou([_coco(one)], masks, [0] * len(masks)).max() <= threshold:
            kept.append(one)
    for result in answer["prompt_results"]:
        result["predictions"] = [one for one in result["predictions"] if any(one is other for other in kept)]
    for one in kept if format_name != "rle" else ():
        one |= {"masks": _polygons(np.asarray(coco.decode(_coco(one)), bool)), "format": "polygon"}


def _coco(prediction: Json) -> Json:
    masks: Json = prediction["masks"]
    return {**masks, "counts": masks["counts"].encode()}


def _rle(bitmap: Bitmap) -> Json:
    encoded = coco.encode(np.asfortranarray(bitmap.astype(np.uint8)))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode()}


def _polygons(bitmap: Bitmap) -> list[Any]:
    contours, _ = cv2.findContours(bitmap.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [contour.reshape(-1, 2).tolist() for contour in contours] or [[]]
