"""The mock with a model behind it: an encoder and a decoder that were exported from a SAM-like model to ONNX.

    pip install onnxruntime
    export SAM_ENCODER=encoder.onnx SAM_DECODER=decoder.onnx
    sam3-contract serve --engine engine_onnx:OnnxSam

The decoder is one that `scripts/export_onnx_model.py` of segment-anything writes. The encoder takes the picture as
`(1, 3, side, side)`, normalised, in its top left corner, and gives `(1, 256, side / 16, side / 16)`.
Such a model knows no words: texts find nothing here, exemplars what is in their boxes.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from threading import Lock
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mock_server.engines.protocol import Box, Concept, Instance, Picture, Target

MEAN = np.array([123.675, 116.28, 103.53], np.float32)  # of RGB, as segment-anything has it
DEVIATION = np.array([58.395, 57.12, 57.375], np.float32)
OUTSIDE, INSIDE, CORNER, OPPOSITE, PADDING = 0, 1, 2, 3, -1  # labels of points, as the decoder knows them
KEPT = 16  # embeddings, of 4 MB each


class OnnxSam:
    reads_pixels = True

    def __init__(self) -> None:
        self._encoder = onnxruntime.InferenceSession(os.environ["SAM_ENCODER"])
        self._decoder = onnxruntime.InferenceSession(os.environ["SAM_DECODER"])
        self._image = self._encoder.get_inputs()[0]
        self._side = int(self._image.shape[-1])
        self._seen: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()
        self._lock = Lock()

    def find(self, concept: Concept, picture: Picture) -> list[Instance]:
        boxed = (self.segment(Target(box=box), picture) for box in concept.positive)
        return [max(three, key=lambda one: one.confidence) for three in boxed]

    def segment(self, target: Target, picture: Picture) -> list[Instance]:
        points, labels = self._prompt(target, picture.size)
        height, width = picture.size
        inputs = {
            "image_embeddings": self._embedding(picture),
            "point_coords": points[None],
            "point_labels": labels[None],
            "mask_input": np.zeros((1, 1, self._side // 4, self._side // 4), np.float32),
            "has_mask_input": np.zeros(1, np.float32),
            "orig_im_size": np.array([height, width], np.float32),
        }
        logits, sure, *_ = self._decoder.run(None, inputs)
        best_first = np.argsort(-sure[0], kind="stable")[:3]
        return [Instance.of_bitmap(logits[0, n] > 0, float(np.clip(sure[0, n], 0, 1))) for n in best_first]

    def _prompt(self, target: Target, size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        points = [(click.x, click.y, INSIDE if click.positive else OUTSIDE) for click in target.clicks]
        box = target.box
        if box is None and not points:
            box = Box(0, 0, size[1], size[0])
        points += [(0, 0, PADDING)] if box is None else [(box.left, box.top, CORNER), (box.right, box.bottom, OPPOSITE)]
        table = np.array(points, np.float32)
        return table[:, :2] * np.float32(self._side / max(size)), table[:, 2]

    def _embedding(self, picture: Picture) -> NDArray[np.float32]:
        with self._lock:
            if picture.digest not in self._seen:
                self._seen[picture.digest] = self._encoded(picture.pixels())
                if len(self._seen) > KEPT:
                    self._seen.popitem(last=False)
            return self._seen[picture.digest]

    def _encoded(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        scale = self._side / max(pixels.shape[:2])
        height, width = (max(round(extent * scale), 1) for extent in pixels.shape[:2])
        small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        canvas = np.zeros((1, 3, self._side, self._side), np.float32)
        canvas[0, :, :height, :width] = ((small - MEAN) / DEVIATION).transpose(2, 0, 1)
        return np.asarray(self._encoder.run(None, {self._image.name: canvas})[0], np.float32)
