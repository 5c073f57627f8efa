"""What is asked of an image: texts, clicks and boxes, on what is drawn there or around its middle."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final
from uuid import UUID

import cv2
import numpy as np

from sam3_contract.cases.pictures.photographs import ACROSS_EDGES, is_of_discs
from sam3_contract.exchanges.exchange import Case, Exchange, Photograph, as_base64
from sam3_contract.images.scenes import Scene, Thing, built_in_scenes

Asks = str | Callable[[], str]
"""A question in one sentence, or what writes it once somebody wants to read it."""
Made = tuple[str, Asks, Callable[[Mapping[str, Exchange]], Case | None], tuple[str, ...]]
"""A case that is made of earlier answers: id, question, what makes it, and the ids of the cases it is made of."""

BAD_ID: Final = "bad"
"""Of the ids that come with what is no image."""
CONCEPT: Final = "concept_segment"
VISUAL: Final = "visual_segment"

DEFAULT_TEXTS: Final = ("person", "circle", "thing", "zebra")
LOW: Final = 0.2  # low enough that a model finds something, high enough that a threshold ignored shows
HIGH: Final = 0.6
VERY_LOW: Final = 0.05
ORIGIN: Final = "https://app.example.com"
LONG: Final = 300  # characters of an id, more than a column of a table or a file's name may have
MAX_TEXTS: Final = 6  # of one scene's categories; each costs the server a pass
MAX_BOXES: Final = 8  # of one scene
CLEAR: Final = 4.0  # pixels from a thing from which on a click is clearly beside it


@dataclass(frozen=True)
class Questions:
    """What to ask of which image.

    Attributes:
        photographs: The images, the most thoroughly asked one first.
        texts: The concepts to ask for; empty for what is drawn.
        points: Positive clicks in pixels; empty for what is drawn.
    """

    photographs: tuple[Photograph, ...]
    texts: tuple[str, ...] = ()
    points: tuple[tuple[float, float], ...] = ()

    @property
    def lead(self) -> Photograph:
        """The image that the most is asked of."""
        return self.photographs[0]

    @property
    def scene(self) -> Scene | None:
        """The scene that the lead shows; ``None`` if it is a photograph of which nothing is known."""
        return self.scene_of(self.lead)

    @property
    def all_drawn(self) -> bool:
        """Whether nothing is asked but what is drawn in built-in scenes: nobody gave photographs, texts or clicks."""
        return self.scene is not None and not self.points and not self.texts

    @staticmethod
    def scene_of(photograph: Photograph) -> Scene | None:
        """Find the built-in scene that an image shows."""
        known = {scene.things: scene for scene in built_in_scenes()}
        return known.get(photograph.things)

    def concepts(self, photograph: Photograph) -> tuple[str, ...]:
        """Choose the texts to ask of an image: what was given, else what is drawn and one thing that is not."""
        if self.texts:
            return self.texts
        drawn = tuple(dict.fromkeys(thing.category for thing in photograph.things))[:MAX_TEXTS]
        return (*drawn, "zebra") if drawn else DEFAULT_TEXTS

    def concept_prompts(self, photograph: Photograph) -> list[dict[str, Any]]:
        """Ask for each text, every other one with a threshold of its own."""
        return [
            {"type": "text", "text": text, **({"output_prob_thresh": HIGH} if index % 2 else {})}
            for index, text in enumerate(self.concepts(photograph))
        ]

    def click_prompts(self, photograph: Photograph) -> list[dict[str, Any]]:
        """Click two objects, one alone, the other with a negative click on the first; then nothing but negatively."""
        if self.points or not photograph.things:
            return [{"points": [click_at(point)]} for point in self.points or (_middle(photograph),)]
        first, second = photograph.things[0], photograph.things[-1]
        return [
            {"points": [click_at(first.click)]},
            {"points": [click_at(second.click), click_at(first.click, positive=False)]},
            {"points": [click_at(first.click, positive=False)]},
        ]

    def one_click(self, photograph: Photograph) -> list[dict[str, Any]]:
        """Click one object: of several the second, which no server would take without being told."""
        prompts = self.click_prompts(photograph)
        return prompts[1:2] or prompts[:1]

    def other_click(self, photograph: Photograph) -> list[dict[str, Any]]:
        """Click another object than `one_click`, if there are several."""
        return self.click_prompts(photograph)[:1]

    def object_prompts(self, photograph: Photograph) -> list[dict[str, Any]]:
        """Box what is drawn, tightly, with clicks beside it; where nothing is known, click."""
        if self.points or not photograph.things:
            return self.click_prompts(photograph)
        return [_boxed(thing) for thing in photograph.things[:MAX_BOXES]]

    def box_prompts(self, photograph: Photograph) -> list[dict[str, Any]]:
        """Box what is off the middle of an image, and once more with a click on it and one beside it.

        The clicks are in the box, as the boxed object is asked to have one and not the other. Beside built-in scenes,
        whose things are boxed with clicks, nothing but boxes is asked here.
        """
        width, height = photograph.header.width, photograph.header.height
        box = {"x": 0.4 * width, "y": 0.45 * height, "width": 0.5 * width, "height": 0.5 * height}
        small = {"x": 0.85 * width, "y": 0.8 * height, "width": 0.125 * width, "height": 0.25 * height}
        on, beside = (0.3 * width, 0.35 * height), (0.5 * width, 0.55 * height)
        clicked = {"box": box, "points": [click_at(on), click_at(beside, positive=False)]}
        return [{"box": box}, *([] if is_of_discs(photograph) else [clicked]), {"box": small}]

    def click_train(self, photograph: Photograph) -> list[dict[str, Any]]:
        """Click two places of an object and one beside it, the first and last pixel, and on both sides of edges."""
        width, height = photograph.header.width, photograph.header.height
        on, also, beside = (0.3 * width, 0.33 * height), (0.25 * width, 0.48 * height), (0.355 * width, 0.35 * height)
        edges = ACROSS_EDGES if is_of_discs(photograph) else ()
        return [
            {"points": [click_at(on), click_at(also), click_at(beside, positive=False)]},
            {"points": [click_at((0, 0))]},
            {"points": [click_at((width - 1, height - 1))]},
            *(
                {"points": [click_at(inside), *(click_at(outside, positive=False) for outside in outsides)]}
                for inside, outsides in edges
            ),
        ]

    def image_id(self, name: str) -> str:
        """Name an image by what is sent in all: a server may remember the id from another run.

        The ids of a run differ in their last characters only, by which a cache that cuts them short shows; and before
        those stands what something may be cut at: a letter beyond ASCII, and signs of URLs, files and shells.
        """
        return f"sam3-contract/\u00e9 .:;,@#?&=+*|~$%2f'\"\\/{self._digest}/{name}"

    @property
    def uuid(self) -> str:
        """An id for what is sent in the form in which libraries make them."""
        return str(UUID(self._digest[:32]))

    @property
    def short_id(self) -> str:
        """An id of few letters and digits."""
        return self._digest[:5]

    @property
    def number(self) -> str:
        """An id for what is sent that is all digits."""
        return str(int(self._digest[:12], 16))

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(b"".join(photograph.content for photograph in self.photographs)).hexdigest()


def body_of(photograph: Photograph, **fields: Any) -> dict[str, Any]:
    """Write a request on an image."""
    return {"image": as_base64(photograph), **fields}


def as_uri(body: Mapping[str, Any], subtype: str) -> dict[str, Any]:
    """Write the image of a request as a data URI."""
    image = body["image"]
    return {**body, "image": {**image, "value": _data_uri(image["value"], subtype)}}


@lru_cache(maxsize=64)  # those that every plan has are made once
def _data_uri(value: str, subtype: str) -> str:
    return f"data:image/{subtype};base64,{value}"


def case_of(name: str, operation: str, asks: str, body: Mapping[str, Any], photograph: Photograph, **more: Any) -> Case:
    """Make a case of a good request on an image."""
    return Case(f"{operation}/{name}", operation, asks, body, image=photograph.header, things=photograph.things, **more)


def click_at(point: tuple[float, float], *, positive: bool = True) -> dict[str, Any]:
    """Write a click on a pixel ``(x, y)``."""
    return {"x": point[0], "y": point[1], "positive": positive}


def in_corners(box: Mapping[str, float]) -> dict[str, float]:
    """Write a box of a corner and sides as one of two corners."""
    return {"x0": box["x"], "y0": box["y"], "x1": box["x"] + box["width"], "y1": box["y"] + box["height"]}


def _middle(photograph: Photograph) -> tuple[int, int]:
    return photograph.header.width // 2, photograph.header.height // 2


def _boxed(thing: Thing) -> dict[str, Any]:
    """Box a thing, and click what is in its box and not of it, if anything is."""
    left, top, width, height = (int(thing.top_left_box[name]) for name in ("x", "y", "width", "height"))
    depth = cv2.distanceTransform((~thing.bitmap).astype(np.uint8), cv2.DIST_L1, 3)[
        top : top + height, left : left + width
    ]
    row, column = divmod(int(np.argmax(depth)), width)
    prompt: dict[str, Any] = {"box": thing.center_box}
    if depth[row, column] >= CLEAR:
        prompt["points"] = [click_at((left + column, top + row), positive=False)]
    return prompt
