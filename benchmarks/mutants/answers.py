"""Answers that are changed in a part: masks of one encoding, archives, results of some prompts, echoes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from werkzeug.wrappers import Response

from benchmarks.mutants.asked import of_concept, with_prompts
from benchmarks.mutants.server import Bitmap, Call, Json, edited, lists_of

Arrays = dict[str, NDArray[Any]]
Rings = list[Any]


def archive_changed(call: Call, change: Callable[[Arrays], Arrays]) -> Response:
    """Change the arrays of an npz answer."""
    response = call.ask()
    if response.status_code == 200 and response.mimetype == "application/octet-stream":
        buffer = io.BytesIO()
        arrays = change(dict(np.load(io.BytesIO(response.get_data()))))
        np.savez_compressed(buffer, masks=arrays["masks"], low_res_masks=arrays["low_res_masks"])
        response.set_data(buffer.getvalue())
    return response


def polygons_changed(response: Response, change: Callable[[Rings], Rings]) -> Response:
    """Change the rings of each mask that is given as polygons."""

    def each(body: Json) -> None:
        for predictions in lists_of(body):
            for one in predictions:
                if isinstance(one["masks"], list):
                    one["masks"] = change(one["masks"])

    return edited(response, each)


def rings_changed(response: Response, change: Callable[[Rings], Rings]) -> Response:
    """Change each ring of each mask that is given as polygons."""
    return polygons_changed(response, lambda rings: [change(ring) for ring in rings])


def run_lengths_changed(response: Response, change: Callable[[Json], Json]) -> Response:
    """Change each mask that is given as run lengths."""

    def each(body: Json) -> None:
        for predictions in lists_of(body):
            for one in predictions:
                if isinstance(one["masks"], dict):
                    one["masks"] = change(one["masks"])

    return edited(response, each)


def shrunk(pixels: int) -> Callable[[Bitmap, Json], Bitmap]:
    """Make a change that takes so many pixels off the edge of a mask."""

    def change(bitmap: Bitmap, _: Json) -> Bitmap:
        return cv2.erode(bitmap.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=pixels).astype(bool)

    return change


def filled(bitmap: Bitmap) -> Bitmap:
    """Fill the holes of a mask."""
    contours, _hierarchy = cv2.findContours(bitmap.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    canvas = np.zeros(bitmap.shape, np.uint8)
    cv2.drawContours(canvas, contours, -1, 1, cv2.FILLED)
    return canvas.astype(bool)


def without_results(call: Call, concerns: Callable[[Json], bool]) -> Response:
    """Find nothing for those prompts."""

    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            if concerns(prompt):
                result["predictions"] = []

    return edited(call.ask(), change) if of_concept(call) else call.ask()


def give(results: list[Json], found: Sequence[list[Json]]) -> None:
    """Give each prompt what was found, in that order."""
    for result, predictions in zip(results, found, strict=True):
        result["predictions"] = predictions


def with_plain_echoes(call: Call, change: Callable[[int, Json], Json]) -> Response:
    """Ask with each prompt changed, and echo those that came in."""
    plain = call.ask()
    if plain.status_code != 200 or plain.mimetype != "application/json" or not of_concept(call):
        return plain
    echoes = [result["echo"] for result in json.loads(plain.get_data())["prompt_results"]]

    def restored(body: Json) -> None:
        for result, echo in zip(body["prompt_results"], echoes, strict=False):
            result["echo"] = echo

    return edited(with_prompts(call, change), restored)
