"""The requests of a load test: mixed as clients mix them, of drawn pictures, by seed."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from typing import Any, Final

from sam3_contract.exchanges.exchange import Case
from sam3_contract.images import read_header
from sam3_contract.images.scenes import Scene, Thing, built_in_scenes

__all__ = ["cases"]

_SHARES: Final = {"concepts": 5, "click": 3, "box": 1, "embedding": 1}
"""How often a request of each kind comes; a click on an image follows its embedding, as in a tool for annotators."""
_CLICKS: Final = 3
"""Clicks on an image that was embedded, by its ``image_id``."""


def cases(seed: int) -> Iterator[Case]:
    """Make requests without end; the same seed makes the same ones.

    Args:
        seed: Another one for each user.

    Example:
        >>> [next(requests).operation for requests in [cases(0)] for _ in range(4)]
        ['visual_segment', 'embed_image', 'visual_segment', 'visual_segment']
    """
    dice = random.Random(seed)  # noqa: S311 - a sequence to repeat
    makers = {"concepts": _concepts, "click": _click, "box": _box, "embedding": _embedding}
    number = 0
    while True:
        kind = dice.choices(list(_SHARES), list(_SHARES.values()))[0]
        scene = dice.choice(built_in_scenes())
        for case in makers[kind](dice, scene, f"{seed}-{number}"):
            yield case
            number += 1


def _concepts(dice: random.Random, scene: Scene, name: str) -> Iterator[Case]:
    texts = dice.sample(scene.categories, dice.randint(1, min(3, len(scene.categories))))
    prompts = [{"text": text} for text in [*texts, *(["umbrella"] if dice.random() < 0.2 else [])]]
    body = {"image": _image(scene), "prompts": prompts, "format": dice.choice(["rle", "polygon"])}
    yield _case(f"concepts/{name}", "concept_segment", body, scene)


def _click(dice: random.Random, scene: Scene, name: str) -> Iterator[Case]:
    body = {"image": _image(scene), "prompts": [_clicked(dice.choice(scene.things))], "format": "rle"}
    yield _case(f"click/{name}", "visual_segment", body, scene)


def _box(dice: random.Random, scene: Scene, name: str) -> Iterator[Case]:
    box = dice.choice(scene.things).center_box
    body = {"image": _image(scene), "prompts": [{"box": box}], "format": dice.choice(["rle", "json"])}
    yield _case(f"box/{name}", "visual_segment", body, scene)


def _embedding(dice: random.Random, scene: Scene, name: str) -> Iterator[Case]:
    known = {"image": _image(scene), "image_id": f"load-{name}"}
    yield _case(f"embedding/{name}", "embed_image", known, scene)
    for place in range(dice.randint(1, _CLICKS)):
        # The image goes along: behind a balancer the next server may not have seen it.
        body = {**known, "prompts": [_clicked(dice.choice(scene.things))], "format": "rle"}
        yield _case(f"embedded/{name}-{place}", "visual_segment", body, scene)


def _clicked(thing: Thing) -> dict[str, Any]:
    x, y = thing.click
    return {"points": [{"x": x, "y": y, "positive": True}]}


def _image(scene: Scene) -> dict[str, str]:
    return {"type": "base64", "value": base64.b64encode(scene.content).decode("ascii")}


def _case(name: str, operation: str, body: dict[str, Any], scene: Scene) -> Case:
    return Case(name, operation, "load", body, image=read_header(scene.content))
