"""Answers of ``visual_segment`` and ``embed_image``: objects that are clicked and boxed, images that are remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from mock_server.drawing.encoding import npz_from_patches, rings_from_patch, rle_from_patch
from mock_server.drawing.patches import Patch
from mock_server.engines import annotated, synthetic
from mock_server.engines.synthetic import LEVELS, AnyPrompt
from mock_server.http.refusals import Refusal, answering_as
from mock_server.images.loading import Picture, load_picture
from mock_server.operations.backend import Answer, World, json_answer
from mock_server.operations.caches import asked_of
from sam3_contract import wire

__all__ = [
    "MODEL",
    "Embedded",
    "Work",
    "answer_of",
    "answer_of_embedding",
    "embed_image",
    "embedded",
    "segment",
    "visual_segment",
    "work_of",
]

MODEL: Final = "sam3/sam3_interactive"
MAX_BINARY_PIXELS: Final = 2**25  # of all logits of an answer, which are sent as float32
EMBEDDING_COST: Final = 140_000  # microseconds
PROMPT_COST: Final = 4_000  # microseconds
REFINING_COST: Final = 2_500  # microseconds, of a prompt with logits to start from


@dataclass(frozen=True, slots=True)
class Embedded:
    """An image that the model has seen.

    Attributes:
        picture: The image.
        cost: Microseconds that it took.
        cache: ``hit`` if its ``image_id`` was known, ``stored`` if it is from now on, ``miss`` if it has none.
    """

    picture: Picture
    cost: int
    cache: str

    @property
    def headers(self) -> dict[str, str]:
        """What the mock tells of it."""
        return {"x-mock-embedding-cache": self.cache}


@dataclass(frozen=True, slots=True)
class Work:
    """What an answer claims to have taken.

    Attributes:
        cost: Microseconds.
        headers: What the mock tells of it.
    """

    cost: int
    headers: Mapping[str, str]


class _Refining(Protocol):
    """A request that may keep logits and start from kept ones."""

    @property
    def image_id(self) -> str | None: ...
    @property
    def save_logits_to_cache(self) -> bool: ...
    @property
    def load_logits_from_cache(self) -> bool: ...


def visual_segment(request: wire.VisualSegmentRequest, world: World) -> Answer:
    """Answer a request.

    Raises:
        Refusal: 400 if the image cannot be loaded.
    """
    with answering_as(MODEL):
        seen = embedded(request.image_id, lambda: _load(request.image, world), world)
    picture = seen.picture
    work = work_of(request, request.asked, seen, world)
    levels = len(LEVELS) if request.multimask_output else 1
    found = (entry for prompt in request.asked for entry in segment(prompt, picture, seed=world.seed)[:levels])
    if request.format == "binary":
        count = levels * len(request.asked)
        return _binary_answer((patch for patch, _ in found), picture, count=count, work=work)
    form = "rle" if request.format == "rle" else "polygon"
    return answer_of(found, form=form, picture=picture, work=work)


def segment(prompt: AnyPrompt, picture: Picture, *, seed: int) -> list[tuple[Patch, float]]:
    """Segment one object: an annotated one if the image is known, else a synthetic one.

    Returns:
        Mask and confidence of whole, part and subpart, best first.
    """
    if picture.known is not None:
        return annotated.segment(prompt, picture.known, seed=seed)
    return synthetic.segment(prompt, picture, seed=seed)


def answer_of(found: Iterable[tuple[Patch, float]], *, form: str, picture: Picture, work: Work) -> Answer:
    """Write what was found.

    Args:
        found: Mask and confidence of each prediction; written one by one, so that they need not all be held.
        form: ``polygon`` or ``rle``.
        picture: The image.
        work: What the answer claims to have taken.
    """
    results = {"predictions": [_prediction(patch, confidence, form, picture.size) for patch, confidence in found]}
    return json_answer(results, model_id=MODEL, resolved=MODEL, microseconds=work.cost, headers=work.headers)


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
    seen = embedded(image_id, load, world)
    if image_id is None:
        # The real server hashes the pixels, which nothing here decodes.
        image_id = hashlib.sha1(seen.picture.digest, usedforsecurity=False).hexdigest()
        world.memory.embeddings.keep(image_id, seen.picture)
        seen = replace(seen, cache="stored")
    results = {"image_id": image_id}
    return json_answer(results, model_id=MODEL, resolved=MODEL, microseconds=seen.cost + 1_000, headers=seen.headers)


def embedded(image_id: str | None, load: Callable[[], Picture], world: World) -> Embedded:
    """Take the picture that an id remembers, else load this one and remember it."""
    known = world.memory.embeddings.find(image_id)
    if known is not None:
        return Embedded(known, 0, "hit")
    picture = load()
    if image_id is None:
        return Embedded(picture, EMBEDDING_COST, "miss")
    return Embedded(world.memory.embeddings.keep(image_id, picture), EMBEDDING_COST, "stored")


def work_of(request: _Refining, prompts: Sequence[AnyPrompt], seen: Embedded, world: World) -> Work:
    """Tell what an answer takes, and do with the logits as the request asks.

    Starting from kept logits takes less time and changes no mask: the same prompts always give the same ones.

    Args:
        request: What it asks to be kept and to be started from.
        prompts: What it asks for.
        seen: Its image.
        world: Where it is remembered.
    """
    if not (request.load_logits_from_cache or request.save_logits_to_cache):
        return Work(seen.cost + PROMPT_COST * len(prompts), {**seen.headers, "x-mock-logits-cache": "off"})
    asked, did, each = asked_of(prompts), [], PROMPT_COST
    image = seen.picture.digest.hex() if request.image_id is None else request.image_id
    if request.load_logits_from_cache:
        found = world.memory.logits.find(image, asked)
        each = REFINING_COST if found else PROMPT_COST
        did.append("hit" if found else "miss")
    if request.save_logits_to_cache:
        world.memory.logits.keep(image, asked)
        did.append("saved")
    return Work(seen.cost + each * len(prompts), {**seen.headers, "x-mock-logits-cache": ", ".join(did)})


def _load(image: wire.Image, world: World) -> Picture:
    return load_picture(image, world.picture_of_url, world.library)


def _prediction(patch: Patch, confidence: float, form: str, size: tuple[int, int]) -> dict[str, Any]:
    if form == "rle":
        return {"masks": rle_from_patch(patch, size=size), "confidence": confidence, "format": "rle"}
    return {"masks": rings_from_patch(patch), "confidence": confidence, "format": "polygon"}


def _binary_answer(patches: Iterable[Patch], picture: Picture, *, count: int, work: Work) -> Answer:
    pixels = picture.size[0] * picture.size[1]
    if pixels * count > MAX_BINARY_PIXELS:
        # No status of the real service: a client must not mistake the mock's limit for the service's.
        raise Refusal(599, {"message": f"Mock Has No Answer: {count} masks of {pixels} pixels as binary arrays"})
    archive = npz_from_patches(list(patches), size=picture.size)
    return Answer(archive, "application/octet-stream", MODEL, work.cost / 1_000_000, work.headers)
