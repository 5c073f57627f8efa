"""A small annotated set on disk, with every way in which COCO files tell a mask, and pycocotools to read it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

from tests.mock_server.client import Json

Bitmap = NDArray[np.bool_]

WIDTH, HEIGHT = 120, 90
FULL_WIDTH, FULL_HEIGHT = 64, 200


def photograph(seed: int, *, width: int, height: int) -> NDArray[np.uint8]:
    """Make something like a photograph: smooth, with some grain; RGB."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 226, (6, 6, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int64)
    return np.clip(smooth + rng.integers(-5, 6, smooth.shape), 0, 255).astype(np.uint8)


def rectangle(left: int, top: int, right: int, bottom: int) -> Bitmap:
    bitmap = np.zeros((HEIGHT, WIDTH), np.bool_)
    bitmap[top:bottom, left:right] = True
    return bitmap


def compressed(bitmap: Bitmap) -> Json:
    counts = coco.encode(np.asfortranarray(bitmap.astype(np.uint8)))["counts"].decode("ascii")
    return {"size": list(bitmap.shape), "counts": counts}


def uncompressed(bitmap: Bitmap) -> Json:
    flat = np.append(bitmap.T.ravel(), ~bitmap[-1, -1])
    ends = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(ends, prepend=0).tolist()
    return {"size": list(bitmap.shape), "counts": [0, *runs] if bitmap[0, 0] else runs}


RING = rectangle(60, 10, 100, 50) & ~rectangle(70, 20, 90, 40)
PERSON = [[10.5, 8.0, 40.0, 8.0, 44.5, 70.2, 6.0, 70.0], [20, 72, 30, 72, 30, 80, 20, 80]]
TIE = rectangle(20, 20, 26, 40)
HERD = rectangle(50, 55, 119, 89)


def annotation_file() -> Json:
    """Write out the set: what it holds is known to the tests."""
    entries: list[Json] = [
        {"category_id": 1, "segmentation": PERSON},
        {"category_id": 2, "segmentation": compressed(TIE)},
        {"category_id": 3, "segmentation": uncompressed(RING)},
        {"category_id": 4, "segmentation": compressed(HERD), "iscrowd": 1},
        {"category_id": 4, "segmentation": [[52, 56, 70, 56, 70, 70, 52, 70]]},
        {"category_id": 1, "image_id": 8, "segmentation": [[0, 0, 64, 0, 64, 200, 0, 200]]},
    ]
    return {
        "info": {"year": 2026},
        "images": [
            {"id": 7, "file_name": "first.png", "width": WIDTH, "height": HEIGHT, "license": 3},
            {"id": 8, "file_name": "nested/second.jpg", "width": FULL_WIDTH, "height": FULL_HEIGHT},
            {"id": 9, "coco_url": "http://images.example.com/val/empty.png"},
        ],
        "annotations": [{"id": 100 + index, "image_id": 7, "iscrowd": 0, **one} for index, one in enumerate(entries)],
        "categories": [
            {"id": 1, "name": "person", "supercategory": "none"},
            {"id": 2, "name": "bow_tie", "synonyms": ["necktie"], "supercategory": "clothing"},
            {"id": 3, "name": "photo frame"},
            {"id": 4, "name": "sheep", "supercategory": "animal"},
            {"id": 5, "name": "zebra", "supercategory": "animal"},
        ],
    }


def write_set(folder: Path, file: Json | None = None) -> tuple[Path, Path]:
    """Write the images and the annotation file; return the paths of that file and of the images' folder."""
    images = folder / "images"
    (images / "nested").mkdir(parents=True)
    Image.fromarray(photograph(1, width=WIDTH, height=HEIGHT)).save(images / "first.png")
    second = photograph(2, width=FULL_WIDTH, height=FULL_HEIGHT)
    Image.fromarray(second).save(images / "nested/second.jpg", quality=90)
    Image.fromarray(photograph(3, width=WIDTH, height=HEIGHT)).save(images / "empty.png")
    annotations = folder / "annotations.json"
    annotations.write_text(json.dumps(file or annotation_file()), encoding="utf-8")
    return annotations, images


def as_image(content: bytes) -> dict[str, Any]:
    """Make the `image` of a request of a file."""
    return {"type": "base64", "value": base64.b64encode(content).decode("ascii")}
