"""Answers of the service that show squares, and snapshots of them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from PIL import Image

from sam3_contract import spec
from sam3_contract.cases import photograph
from sam3_contract.exchanges.exchange import Case, Exchange, as_base64
from sam3_contract.masks import polygons_from_bitmap, rle_from_bitmap
from sam3_contract.snapshots import Reading, RequestChange, Snapshot, Tolerances, compare_reading, read_exchange
from sam3_contract.snapshots.requests import snapshot_of

SIZE = (60, 80)
Square = tuple[int, int, int, float]
"""x and y of the top left pixel, side, confidence."""

Json = dict[str, Any]
CONTRACT = spec.load()


def image_file(colour: str = "white") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", SIZE[::-1], colour).save(file, "PNG")
    return file.getvalue()


def bitmap_of(x: int, y: int, side: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    bitmap = np.zeros(SIZE, np.bool_)
    bitmap[max(y, 0) : y + side, max(x, 0) : x + side] = True
    return bitmap


def prediction(square: Square, form: str = "rle") -> Json:
    x, y, side, confidence = square
    bitmap = bitmap_of(x, y, side)
    masks = rle_from_bitmap(bitmap) if form == "rle" else polygons_from_bitmap(bitmap)
    return {"masks": masks, "confidence": confidence, "format": form}


def concept_answer(prompts: Mapping[str, Sequence[Square]], form: str = "rle") -> Json:
    return {
        "time": 0.1,
        "prompt_results": [
            {
                "prompt_index": index,
                "echo": {"prompt_index": index, "type": "text", "text": text, "num_boxes": 0},
                "predictions": [prediction(square, form) for square in squares],
            }
            for index, (text, squares) in enumerate(prompts.items())
        ],
    }


def exchange_of(answer: Json | bytes, *, status: int = 200, name: str = "request", **fields: Any) -> Exchange:
    """Make an exchange with an answer; its request asks for dogs."""
    picture = photograph("white.png", image_file())
    body = {"image": as_base64(picture), "prompts": [{"type": "text", "text": "dog"}], "format": "rle"}
    case = Case(name, "concept_segment", "asks for dogs", body, image=picture.header)
    content = answer if isinstance(answer, bytes) else orjson.dumps(answer)
    fields.setdefault("headers", {"content-type": "application/json"})
    return Exchange(case, status, body=content, **fields)


def snapshot_with(prompts: Mapping[str, Sequence[Square]], form: str = "rle") -> Snapshot:
    return snapshot_of(exchange_of(concept_answer(prompts, form)), CONTRACT, image_name="white.png")


def reading_with(prompts: Mapping[str, Sequence[Square]], form: str = "rle") -> Reading:
    return read_exchange(exchange_of(concept_answer(prompts, form)), CONTRACT)


def change_of(
    old: Mapping[str, Sequence[Square]], new: Mapping[str, Sequence[Square]], **tolerances: Any
) -> RequestChange:
    """Compare the answers of two worlds."""
    return compare_reading(snapshot_with(old), reading_with(new), tolerances=Tolerances(**tolerances))
