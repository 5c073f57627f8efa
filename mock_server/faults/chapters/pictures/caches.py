"""Embeddings that serve another image than the one their ``image_id`` was first sent with."""

from __future__ import annotations

from typing import Any, Final

from mock_server.faults.editing.bitmaps import Bitmap, bitmaps
from mock_server.faults.editing.changes import answers, bodies, calls
from mock_server.faults.editing.pixels import eroded
from mock_server.faults.fault import EVERY_OPERATION, Ask, Call, Chapter, Json
from mock_server.http.refusals import NOT_FOUND, message
from mock_server.operations.backend import Answer

CACHES: Final = Chapter("semantics", operation="visual_segment")

BY_ID: Final = "a visual request with image_id"


def _named(call: Call) -> bool:
    return isinstance(call.body.get("image_id"), str)


def _shows(call: Call) -> bool:
    return call.operation == "visual_segment" and _named(call)


def _of_image(body: Json, image: Any) -> Json:
    return {**body, "image": image, "image_id": None}


@CACHES.fault(
    "image_id_serves_first_image",
    "Every image_id stands for the first image that was ever sent with one.",
    on=calls,
    when=f"{BY_ID}, after another image was sent with another id",
    operation=("visual_segment", "embed_image"),
)
def _first_image(call: Call, ask: Ask) -> Answer:
    if not _named(call):
        return ask(call.body)
    answer = ask(call.body)  # refuses what cannot be loaded
    first = call.memory.first(call.body["image"])
    return ask(_of_image(call.body, first)) if call.operation == "visual_segment" else answer


@CACHES.fault(
    "image_id_serves_last_image",
    "Every image_id stands for the image of the request before.",
    on=calls,
    when=f"{BY_ID}, after a request with another image",
    operation=EVERY_OPERATION,
)
def _last_image(call: Call, ask: Ask) -> Answer:
    answer = ask(call.body)
    before = call.memory.swap(call.body.get("image"))
    return ask(_of_image(call.body, before)) if before is not None and _shows(call) else answer


@CACHES.fault(
    "image_id_ignored",
    "Nothing is kept under an image_id: each request is answered on the image that it holds.",
    on=calls,
    when=f"{BY_ID} that was first sent with another image; with the same image only `time` differs",
)
def _ignored(call: Call, ask: Ask) -> Answer:
    return ask({**call.body, "image_id": None}) if _named(call) else ask(call.body)


@CACHES.fault(
    "image_id_changes_masks",
    "Masks of a named image are smaller than those of the same image unnamed.",
    on=bitmaps,
    when=BY_ID,
)
def _changes_masks(bitmap: Bitmap, call: Call) -> Bitmap:
    return eroded(bitmap, 2) if _named(call) else bitmap


@CACHES.fault("image_id_not_found", "A visual request with image_id is answered with 404.", on=bodies, when=BY_ID)
def _not_found(body: Json, call: Call) -> Json:
    if _named(call):
        raise message(404, NOT_FOUND)
    return body


@CACHES.fault(
    "image_id_answered_wrong",
    "embed_image answers another id than it was sent.",
    on=answers,
    when="embed_image",
    operation="embed_image",
)
def _answered_wrong(answer: Any, _: Call) -> None:
    if "image_id" in answer:
        answer["image_id"] = answer["image_id"][::-1] + "-0"
