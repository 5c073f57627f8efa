"""Answers of ``visual_segment`` and ``embed_image``: objects that are clicked and boxed, images that are remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

from mock_server.drawing.encoding import npz_from_patches
from mock_server.drawing.patches import Patch
from mock_server.engines.protocol import Box, Click, Instance, Target
from mock_server.http.refusals import answering_as, no_answer
from mock_server.images.loading import Picture, load_picture
from mock_server.operations.backend import Answer, Backend, json_answer
from mock_server.operations.bounds import MaskWriter, drawn
from mock_server.operations.caches import prompt_keys_of
from sam3_contract import wire

AnyPrompt: TypeAlias = "wire.VisualPrompt | wire.LenientVisualPrompt"

MODEL: Final = "sam3/sam3_interactive"
LEVELS: Final = 3  # whole, part and subpart
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


def visual_segment(request: wire.VisualSegmentRequest, backend: Backend) -> Answer:
    """Answer a request.

    Raises:
        Refusal: 400 if the image cannot be loaded.
    """
    with answering_as(MODEL):
        embedding = embedded(request.image_id, lambda: _load(request.image, backend), backend)
    picture = embedding.picture
    work = work_of(request, request.asked, embedding, backend)
    levels = LEVELS if request.multimask_output else 1
    found = (one for prompt in request.asked for one in backend.engine.segment(target_of(prompt), picture)[:levels])
    if request.format == "binary":
        count = levels * len(request.asked)
        return _binary_answer(drawn(found), picture, count=count, work=work)
    format_name = "rle" if request.format == "rle" else "polygon"
    return answer_of(found, format_name=format_name, picture=picture, work=work)


def target_of(prompt: AnyPrompt) -> Target:
    """Read what a prompt asks an engine for."""
    box = None
    if prompt.box is not None:
        across, down = abs(prompt.box.width) / 2, abs(prompt.box.height) / 2
        box = Box(prompt.box.x - across, prompt.box.y - down, prompt.box.x + across, prompt.box.y + down)
    return Target(tuple(Click(point.x, point.y, point.positive) for point in prompt.points or ()), box)


def answer_of(found: Iterable[Instance], *, format_name: str, picture: Picture, work: Work) -> Answer:
    """Write what was found.

    Args:
        found: The predictions; written one by one, so that they need not all be held.
        format_name: ``polygon`` or ``rle``.
        picture: The image.
        work: What the answer claims to have taken.
    """
    results = {"predictions": list(map(MaskWriter(format_name, picture.size).prediction, found))}
    return json_answer(results, model_id=MODEL, resolved=MODEL, microseconds=work.cost, headers=work.headers)


def embed_image(request: wire.EmbedImageRequest, backend: Backend) -> Answer:
    """Remember an image.

    Raises:
        Refusal: 400 if the image cannot be loaded.
    """
    with answering_as(MODEL):
        return answer_of_embedding(request.image_id, lambda: _load(request.image, backend), backend)


def answer_of_embedding(image_id: str | None, load: Callable[[], Picture], backend: Backend) -> Answer:
    """Remember an image under its id, made from its content if there is none.

    Args:
        image_id: The client's name for the image.
        load: Loads the image, also if the name is known: the server looks at what it is sent before it looks for that.
        backend: Where embeddings are kept.
    """
    picture = load()
    embedding = embedded(image_id, lambda: picture, backend)
    if image_id is None:
        # The real server hashes the pixels, which nothing here decodes.
        image_id = hashlib.sha1(embedding.picture.digest, usedforsecurity=False).hexdigest()
        backend.caches.embeddings.keep(image_id, embedding.picture)
        embedding = replace(embedding, cache="stored")
    results = {"image_id": image_id}
    return json_answer(
        results, model_id=MODEL, resolved=MODEL, microseconds=embedding.cost + 1_000, headers=embedding.headers
    )


def embedded(image_id: str | None, load: Callable[[], Picture], backend: Backend) -> Embedded:
    """Take the picture that an id remembers, else load this one and remember it."""
    known = backend.caches.embeddings.find(image_id)
    if known is not None:
        return Embedded(known, 0, "hit")
    picture = load()
    if image_id is None:
        return Embedded(picture, EMBEDDING_COST, "miss")
    return Embedded(backend.caches.embeddings.keep(image_id, picture), EMBEDDING_COST, "stored")


def work_of(request: _Refining, prompts: Sequence[AnyPrompt], embedding: Embedded, backend: Backend) -> Work:
    """Work out what an answer takes, and do with the logits as the request asks.

    Starting from kept logits takes less time and changes no mask: the same prompts always give the same ones.

    Args:
        request: What it asks to be kept and to be started from.
        prompts: What it asks for.
        embedding: Its image.
        backend: Where it is remembered.
    """
    if not (request.load_logits_from_cache or request.save_logits_to_cache):
        return Work(embedding.cost + PROMPT_COST * len(prompts), {**embedding.headers, "x-mock-logits-cache": "off"})
    keys, did, each = prompt_keys_of(prompts), [], PROMPT_COST
    image = embedding.picture.digest.hex() if request.image_id is None else request.image_id
    if request.load_logits_from_cache:
        found = backend.caches.logits.find(image, keys)
        each = REFINING_COST if found else PROMPT_COST
        did.append("hit" if found else "miss")
    if request.save_logits_to_cache:
        backend.caches.logits.keep(image, keys)
        did.append("saved")
    return Work(embedding.cost + each * len(prompts), {**embedding.headers, "x-mock-logits-cache": ", ".join(did)})


def _load(image: wire.Image, backend: Backend) -> Picture:
    return load_picture(image, backend.picture_of_url, backend.library)


def _binary_answer(patches: Iterable[Patch], picture: Picture, *, count: int, work: Work) -> Answer:
    pixels = picture.size[0] * picture.size[1]
    if pixels * count > MAX_BINARY_PIXELS:
        raise no_answer(f"{count} masks of {pixels} pixels as binary arrays")
    archive = npz_from_patches(list(patches), size=picture.size)
    return Answer(archive, "application/octet-stream", MODEL, work.cost / 1_000_000, work.headers)
