"""Synthetic answers of ``visual_segment`` and ``embed_image``: the object under the clicks and in the box.

An object is a box's inscribed ellipse joined with a disc around each positive click; a smaller disc around each
negative click is taken away. So a further positive click only adds pixels near it, and a negative one only removes
pixels near it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mock_server.dice import Dice
from mock_server.encoding import confidence_from_permille, npz_from_patches, polygons_from_patch, rle_from_patch
from mock_server.patches import Patch, union, without
from mock_server.pictures import Picture, load_picture
from mock_server.refusals import Refusal, answering_as
from mock_server.shapes import MAX_EXTENT, draw
from mock_server.world import Answer, World, json_answer
from sam3_contract import wire

__all__ = ["answer_of", "answer_of_embedding", "embed_image", "embedded", "segment", "visual_segment"]

AnyPrompt = wire.VisualPrompt | wire.LenientVisualPrompt

MODEL: Final = "sam3/sam3_interactive"
LEVELS: Final = (8, 5, 3)  # whole, part and subpart, in eighths of the full extent; best first
CONFIDENCES: Final = ((900, 990), (600, 800), (300, 500))  # permille, by level
FAR: Final = 1e6
MAX_BINARY_PIXELS: Final = 2**24  # of an image whose logits are sent as float32
EMBEDDING_COST: Final = 140_000  # microseconds


@dataclass(frozen=True, slots=True)
class Clicks:
    """A prompt's points, as pixels of the image; those outside it are left out.

    Attributes:
        positive: ``(x, y)`` on the object.
        negative: ``(x, y)`` beside it.
    """

    positive: tuple[tuple[int, int], ...]
    negative: tuple[tuple[int, int], ...]


def visual_segment(request: wire.VisualSegmentRequest, world: World) -> Answer:
    """Answer a request.

    Raises:
        Refusal: 400 if the image cannot be loaded.
    """
    with answering_as(MODEL):
        picture, cost = embedded(request.image_id, lambda: load_picture(request.image), world)
    levels = len(LEVELS) if request.multimask_output else 1
    found = [entry for prompt in request.asked for entry in segment(prompt, picture, seed=world.seed)[:levels]]
    if request.format == "binary":
        return _binary_answer([patch for patch, _ in found], picture)
    form = "rle" if request.format == "rle" else "polygon"
    return answer_of(found, form=form, picture=picture, cost=cost + 4_000 * len(request.asked))


def answer_of(found: Sequence[tuple[Patch, float]], *, form: str, picture: Picture, cost: int) -> Answer:
    """Write what was found.

    Args:
        found: Mask and confidence of each prediction.
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
        return answer_of_embedding(request.image_id, lambda: load_picture(request.image), world)


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


def segment(prompt: AnyPrompt, picture: Picture, *, seed: int) -> list[tuple[Patch, float]]:
    """Segment one object.

    Returns:
        Mask and confidence of whole, part and subpart, best first.
    """
    dice = Dice("visual", str(seed), picture.digest)
    short = min(picture.size)
    radius = dice.between(max(short // 5, 1), max(short // 3, 1))  # half pixels
    clicks = _clicks(prompt.points or [], picture.size)
    base = _base(prompt, clicks, dice, picture)
    removed = [_disc(click, max(radius // 4, 1), picture.size) for click in clicks.negative]
    spots = [_disc(click, 5, picture.size) for click in clicks.positive]
    spared = [_disc(click, 1, picture.size) for click in clicks.negative]
    doubt = 120 * _contradictions(clicks, radius // 2)
    found = []
    for eighths, (low, high) in zip(LEVELS, CONFIDENCES, strict=True):
        discs = [_disc(click, max(radius * eighths // 8, 1), picture.size) for click in clicks.positive]
        solid = without(union([*base(eighths), *discs]), removed)
        # The clicked pixels themselves come last: a disc must not undo another click.
        patch = without(union([solid, *spots]), spared)
        found.append((patch, confidence_from_permille(max(dice.between(low, high) - doubt, 10))))
    return found


def _base(prompt: AnyPrompt, clicks: Clicks, dice: Dice, picture: Picture) -> Any:
    """Choose the ellipse that a box, or the lack of any prompt, asks for, as a function of its eighths."""
    height, width = picture.size
    if prompt.box is not None:
        box = prompt.box
        center = (_half_pixels(box.x), _half_pixels(box.y))
        radii = (abs(_half_pixels(box.width)) // 2, abs(_half_pixels(box.height)) // 2)
    elif clicks.positive or prompt.points:
        return lambda _: ()
    else:
        center = (dice.between(width // 2, 3 * width // 2), dice.between(height // 2, 3 * height // 2))
        radii = (dice.between(width // 4, width), dice.between(height // 4, height))

    def ellipse(eighths: int) -> Iterable[Patch]:
        scaled = (radii[0] * eighths // 8, radii[1] * eighths // 8)
        return (draw("ellipse", center=center, radii=scaled, size=picture.size),)

    return ellipse


def _clicks(points: Sequence[wire.Point], size: tuple[int, int]) -> Clicks:
    """Sort the clicks that hit the image; drop repeated ones, and those too far from the first to share a window."""
    height, width = size
    hits = [
        (int(point.x), int(point.y), point.positive)
        for point in points
        if 0 <= point.x < width and 0 <= point.y < height
    ]
    near = [
        hit for hit in hits if abs(hit[0] - hits[0][0]) < MAX_EXTENT // 2 and abs(hit[1] - hits[0][1]) < MAX_EXTENT // 2
    ]
    return Clicks(
        positive=tuple(dict.fromkeys((x, y) for x, y, positive in near if positive)),
        negative=tuple(dict.fromkeys((x, y) for x, y, positive in near if not positive)),
    )


def _contradictions(clicks: Clicks, reach: int) -> int:
    """Count negative clicks that lie close to a positive one."""
    if not clicks.positive or not clicks.negative:
        return 0
    positive = np.array(clicks.positive, dtype=np.int64)
    return sum(
        bool((np.abs(positive - np.array(click)).max(axis=1) * 2 <= reach).any()) for click in clicks.negative[:8]
    )


def _disc(click: tuple[int, int], radius: int, size: tuple[int, int]) -> Patch:
    return draw("ellipse", center=(2 * click[0] + 1, 2 * click[1] + 1), radii=(radius, radius), size=size)


def _half_pixels(value: float) -> int:
    return int(2 * max(-FAR, min(FAR, value)))


def embedded(image_id: str | None, load: Callable[[], Picture], world: World) -> tuple[Picture, int]:
    """Take the picture that an id remembers, else load and remember this one; tell what that costs in microseconds."""
    known = world.embeddings.find(image_id)
    if known is not None:
        return known, 0
    picture = load()
    return (picture if image_id is None else world.embeddings.keep(image_id, picture)), EMBEDDING_COST


def _prediction(patch: Patch, confidence: float, form: str, size: tuple[int, int]) -> dict[str, Any]:
    if form == "rle":
        return {"masks": rle_from_patch(patch, size=size), "confidence": confidence, "format": "rle"}
    return {"masks": polygons_from_patch(patch), "confidence": confidence, "format": "polygon"}


def _binary_answer(patches: list[Patch], picture: Picture) -> Answer:
    pixels = picture.size[0] * picture.size[1]
    if pixels * len(patches) > 4 * MAX_BINARY_PIXELS or pixels > MAX_BINARY_PIXELS:
        # No status of the real service: a client must not mistake the mock's limit for the service's.
        raise Refusal(599, {"message": f"Mock Has No Answer: {len(patches)} masks of {pixels} pixels as binary arrays"})
    return Answer(npz_from_patches(patches, size=picture.size), "application/octet-stream", MODEL)
