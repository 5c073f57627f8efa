"""Answers of ``visual_segment`` and ``embed_image``: objects that are clicked and boxed, images that are remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, Final

from mock_server import annotated_objects, objects
from mock_server.encoding import npz_from_patches, rings_from_patch, rle_from_patch
from mock_server.objects import LEVELS, AnyPrompt
from mock_server.patches import Patch
from mock_server.pictures import Picture, load_picture
from mock_server.refusals import Refusal, answering_as
from mock_server.world import Answer, World, json_answer
from sam3_contract import wire

__all__ = ["MODEL", "answer_of", "answer_of_embedding", "embed_image", "embedded", "segment", "visual_segment"]


MODEL: Final = "sam3/sam3_interactive"
MAX_BINARY_PIXELS: Final = 2**25  # of all logits of an answer, which are sent as float32
EMBEDDING_COST: Final = 140_000  # microseconds


def visual_segment(request: wire.VisualSegmentRequest, world: World) -> Answer:
    """Answer a request.

    Raises:
        Refusal: 400 if the image cannot be loaded.
    """
    with answering_as(MODEL):
        picture, cost = embedded(request.image_id, lambda: _load(request.image, world), world)
    levels = len(LEVELS) if request.multimask_output else 1
    found = (entry for prompt in request.asked for entry in segment(prompt, picture, seed=world.seed)[:levels])
    if request.format == "binary":
        count = levels * len(request.asked)
        return _binary_answer((patch for patch, _ in found), picture, count=count, cost=cost)
    form = "rle" if request.format == "rle" else "polygon"
    return answer_of(found, form=form, picture=picture, cost=cost + 4_000 * len(request.asked))


def segment(prompt: AnyPrompt, picture: Picture, *, seed: int) -> list[tuple[Patch, float]]:
    """Segment one object: an annotated one if the image is known, else a synthetic one.

    Returns:
        Mask and confidence of whole, part and subpart, best first.
    """
    if picture.known is not None:
        return annotated_objects.segment(prompt, picture.known, seed=seed)
    return objects.segment(prompt, picture, seed=seed)


def answer_of(found: Iterable[tuple[Patch, float]], *, form: str, picture: Picture, cost: int) -> Answer:
    """Write what was found.

    Args:
        found: Mask and confidence of each prediction; written one by one, so that they need not all be held.
        form: ``polygon`` or ``rle``.
        picture: The image.
        cost: Microseconds that the answer claims to have taken.
    """
    predictions = [_prediction(patch, confidence, form, picture.size) for patch, confidence in found]
    return json_answer({"predictions": predictions}, model_id=MODEL, resolved=MODEL, microseconds=cost)


def embed_image(request: wire.EmbedImageRequest, world: World) -> Answer:
    """Remember an image.

    Raises:
        Refusal: 400 if the image cannot be loaded.
    """
    with answering_as(MODEL):
        return answer_of_embedding(request.image_id, lambda: _load(request.image, world), world)


def answer_of_embedding(image_id: str | None, load: Callable[[], Picture], world: World) -> Answer:
    """Remember an image under its id, made from its content if there is none.

    Args:
        image_id: The client's name for the image.
        load: Loads the image; not called if the name is known.
        world: Where embeddings are kept.
    """
    picture, cost = embedded(image_id, load, world)
    if image_id is None:
        # The real server hashes the pixels, which nothing here decodes.
        image_id = hashlib.sha1(picture.digest, usedforsecurity=False).hexdigest()
        world.embeddings.keep(image_id, picture)
    return json_answer({"image_id": image_id}, model_id=MODEL, resolved=MODEL, microseconds=cost + 1_000)


def embedded(image_id: str | None, load: Callable[[], Picture], world: World) -> tuple[Picture, int]:
    """Take the picture that an id remembers, else load and remember this one; tell what that costs in microseconds."""
    known = world.embeddings.find(image_id)
    if known is not None:
        return known, 0
    picture = load()
    return (picture if image_id is None else world.embeddings.keep(image_id, picture)), EMBEDDING_COST


def _load(image: wire.Image, world: World) -> Picture:
    return load_picture(image, world.picture_of_url, world.library)


def _prediction(patch: Patch, confidence: float, form: str, size: tuple[int, int]) -> dict[str, Any]:
    if form == "rle":
        return {"masks": rle_from_patch(patch, size=size), "confidence": confidence, "format": "rle"}
    return {"masks": rings_from_patch(patch), "confidence": confidence, "format": "polygon"}


def _binary_answer(patches: Iterable[Patch], picture: Picture, *, count: int, cost: int) -> Answer:
    pixels = picture.size[0] * picture.size[1]
    if pixels * count > MAX_BINARY_PIXELS:
        # No status of the real service: a client must not mistake the mock's limit for the service's.
        raise Refusal(599, {"message": f"Mock Has No Answer: {count} masks of {pixels} pixels as binary arrays"})
    archive = npz_from_patches(list(patches), size=picture.size)
    return Answer(archive, "application/octet-stream", MODEL, cost / 1_000_000)
