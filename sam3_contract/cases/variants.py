"""Requests drawn by seed: combinations of conditions that nobody wrote down, each judged by what is drawn."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache, partial
from typing import Any, Final

from sam3_contract.cases.concept import OTHER_WORDS
from sam3_contract.cases.dressing import HIDE_A_KEY
from sam3_contract.cases.pictures.encodings import ENCODINGS
from sam3_contract.cases.pictures.views import encoded, grey_scene
from sam3_contract.cases.questions import CONCEPT, VISUAL, Made, Questions, body_of, case_of, click_at
from sam3_contract.exchanges.exchange import Case, Exchange, KeyPlace, Photograph
from sam3_contract.images.scenes import Scene, Thing, built_in_scenes, further_scenes, mirrored, padded
from sam3_contract.wire.requests import MAX_PROMPTS

Json = dict[str, Any]

NUMBER: Final = 400
"""Variants of a plan: a budget may be spent on them alone."""
PREFIX: Final = "variant/"
THRESHOLDS: Final = (None, 0, 0.05, 0.2, 0.35, 0.5, 0.6, 1)
SUPPRESSIONS: Final = (None, 0, 0.3, 0.5, 1)
MAX_VISUAL: Final = 20
_SCENES: Final = (
    *("shapes", "awkward", "crowd", "wide", "fuller", "tiny"),
    *(f"{name}-{view}" for name in ("shapes", "awkward") for view in ("mirrored", "padded", "grey")),
)
_TOLD: Final = frozenset({"encoding", "prompts", "format", "threshold", "nms", "key_in"})
_KEPT: Final = frozenset({"number", "operation", "scene"})  # grey files need grey scenes


@dataclass(frozen=True, slots=True)
class Variant:
    """One combination of conditions. Each but the first three is plain where it is its default.

    Attributes:
        number: Which one, and what its prompts are drawn by.
        operation: The ``operationId``.
        scene: Which drawn scene is sent.
        encoding: As which kind of file; empty for PNG.
        prompts: How many; 0 for as many as there are things.
        format: How masks are asked for; empty for run lengths.
        threshold: Of the request.
        own: Whether prompts have thresholds of their own.
        nms: The IoU above which one of two goes.
        exemplars: Whether things are boxed as well as named.
        boxes: Whether things are boxed rather than clicked.
        negatives: Whether there are negative clicks.
        many: Whether a thing is clicked many times.
        nested: Whether prompts lie in an object.
        single: Whether one mask is asked for.
        nulls: Whether what is not said is said by null.
        image_id: Whether the image has a name of its own.
        words: Whether the request is sent in other words of HTTP.
        key_in: Where the key is.
    """

    number: int
    operation: str = CONCEPT
    scene: str = "shapes"
    encoding: str = ""
    prompts: int = 0
    format: str = ""
    threshold: float | None = None
    own: bool = False
    nms: float | None = None
    exemplars: bool = False
    boxes: bool = False
    negatives: bool = False
    many: bool = False
    nested: bool = False
    single: bool = False
    nulls: bool = False
    image_id: bool = False
    words: bool = False
    key_in: KeyPlace = "query"

    @property
    def conditions(self) -> list[str]:
        """What is out of the ordinary and could be left out."""
        return [one.name for one in fields(self) if one.name not in _KEPT and getattr(self, one.name) != one.default]

    @property
    def asks(self) -> str:
        """What is out of the ordinary, in a sentence."""
        said = [f"{name} {getattr(self, name)}" if name in _TOLD else name for name in self.conditions]
        return f"asks about {self.scene}" + (f" with {', '.join(said)}" if said else "")

    def without(self, condition: str) -> Variant:
        """Make one of its conditions plain."""
        plain: dict[str, Any] = {one.name: one.default for one in fields(self) if one.name == condition}
        return replace(self, **plain)


@dataclass(frozen=True)
class Variants:
    """The variants of a plan.

    Attributes:
        questions: What the plan asks about; there are none where the user says what is asked.
        seed: What they are drawn by.
    """

    questions: Questions
    seed: int

    @property
    def _are_judged(self) -> bool:
        return self.questions.scene is not None and not self.questions.points and not self.questions.texts

    def made(self) -> Iterator[Made]:
        """List them.

        Yields:
            Id, question, what makes the case when its turn comes, and no ids: each is judged by itself.
        """
        for number in range(1, NUMBER + 1) if self._are_judged else ():
            name = f"{PREFIX}{number}"
            yield name, partial(self._asks, number), partial(self._when_its_turn_comes, name), ()

    def named(self, name: str) -> Case | None:
        """Make the case of an id, such as ``variant/7`` or, made plainer, ``variant/7-encoding-nms``; else ``None``."""
        number, *plain = name.removeprefix(PREFIX).split("-")
        known = name.startswith(PREFIX) and number.isdecimal() and 1 <= int(number) <= NUMBER
        if not self._are_judged or not known:
            return None
        variant = drawn(int(number), self.seed)
        if not set(plain) <= set(variant.conditions):
            return None
        for condition in plain:
            variant = variant.without(condition)
        return self._case(variant, name)

    def simpler(self, name: str) -> Iterator[Case]:
        """Make a case plainer by each of its conditions; of one that is no variant, nothing."""
        number, *plain = name.removeprefix(PREFIX).split("-")
        if self.named(name) is not None:
            left = [condition for condition in drawn(int(number), self.seed).conditions if condition not in plain]
            yield from (case for condition in left if (case := self.named(f"{name}-{condition}")) is not None)

    def _asks(self, number: int) -> str:
        return drawn(number, self.seed).asks

    def _when_its_turn_comes(self, name: str, _: Mapping[str, Exchange]) -> Case | None:
        return self.named(name)

    def _case(self, variant: Variant, name: str) -> Case:
        sent = encoded(_scene_named(variant.scene), variant.encoding or "png")
        dice = random.Random(f"{self.seed}/{variant.number}/prompts")  # noqa: S311 - drawn the same every time
        if variant.operation == CONCEPT:
            body = _concept(variant, sent, dice)
        else:
            body = _visual(variant, sent, dice, self.questions.image_id(name))
        words = OTHER_WORDS if variant.words else {}
        left_out = {"x-request-id", *(HIDE_A_KEY if variant.key_in == "body" else ())}
        return replace(
            case_of("", variant.operation, variant.asks, body_of(sent, **body), sent, key_in=variant.key_in),
            id=name,
            headers={field: value for field, value in words.items() if field not in left_out},
            tolerated={500: "binary_answers_500"} if body.get("format") == "binary" else {},
        )


def drawn(number: int, seed: int) -> Variant:
    """Draw the combination of a number: a few conditions, the rest plain."""
    dice = random.Random(f"{seed}/{number}")  # noqa: S311 - drawn the same every time
    operation = (CONCEPT, VISUAL)[number % 2]
    scene = dice.choice(_SCENES)
    grey, tiny = "grey" in scene, scene == "tiny"
    names = [name for name, way in ENCODINGS.items() if way.grey <= grey and (way.lossless or not tiny)]
    odd: dict[str, Any] = {
        "encoding": dice.choice(names),
        "prompts": dice.randint(1, MAX_PROMPTS if operation == CONCEPT else MAX_VISUAL),
        "format": dice.choice(("polygon", "default") if operation == CONCEPT else ("json", "default", "binary")),
        "nulls": True,
        "words": True,
        "key_in": dice.choice(("bearer", "lower_bearer", "body")),
    }
    if operation == CONCEPT:
        odd |= {"threshold": dice.choice(THRESHOLDS), "own": True, "nms": dice.choice(SUPPRESSIONS), "exemplars": True}
    else:
        odd |= dict.fromkeys(("boxes", "negatives", "many", "nested", "single", "image_id"), True)
    chosen = dice.sample(sorted(odd), k=min(dice.randint(2, 6), len(odd)))
    return Variant(number, operation, scene, **{name: odd[name] for name in chosen})


def _concept(variant: Variant, sent: Photograph, dice: random.Random) -> Json:
    prompts: list[Json] = [{"text": text} for text in _texts(variant, sent, dice)]
    if variant.exemplars:
        boxed = dice.sample(sent.things, k=min(3, len(sent.things)))
        prompts = [*prompts, *map(_exemplar, boxed)][-MAX_PROMPTS:]
    for prompt in prompts if variant.own else ():
        own = dice.choice(THRESHOLDS)
        if own is not None:
            prompt["output_prob_thresh"] = own
    if variant.nulls:
        prompts = [{"boxes": None, "box_labels": None, **prompt} for prompt in prompts]
    body: Json = {"prompts": prompts, "format": variant.format or "rle"}
    body |= {} if variant.threshold is None else {"output_prob_thresh": variant.threshold}
    body |= {} if variant.nms is None and not variant.nulls else {"nms_iou_threshold": variant.nms}
    return _without_default_format(body)


def _texts(variant: Variant, sent: Photograph, dice: random.Random) -> list[str]:
    texts = list(dict.fromkeys(thing.category for thing in sent.things))
    if not variant.prompts:
        return texts
    names = [name for thing in sent.things for name in (thing.category, *thing.synonyms)]
    chosen = [*texts, *dice.choices([*names, "zebra"], k=MAX_PROMPTS)][: variant.prompts]
    dice.shuffle(chosen)
    return chosen


def _exemplar(thing: Thing) -> Json:
    box = thing.top_left_box
    corners = {"x0": box["x"], "y0": box["y"], "x1": box["x"] + box["width"], "y1": box["y"] + box["height"]}
    return {"boxes": [box if thing.edges[0] % 2 else corners], "box_labels": [1]}


def _visual(variant: Variant, sent: Photograph, dice: random.Random, image_id: str) -> Json:
    things = list(sent.things)
    chosen = dice.choices(things, k=variant.prompts) if variant.prompts else things
    prompts = [_object(variant, thing, things, dice) for thing in chosen[:MAX_VISUAL]]
    listed: Any = {"prompts": prompts} if variant.nested else prompts
    body: Json = {"prompts": listed, "format": variant.format or "rle"}
    body |= {"multimask_output": False} if variant.single else {}
    if variant.image_id or variant.nulls:
        body["image_id"] = image_id if variant.image_id else None
    return _without_default_format(body)


def _object(variant: Variant, thing: Thing, things: Sequence[Thing], dice: random.Random) -> Json:
    if variant.boxes:
        return {"box": thing.center_box, **({"points": None} if variant.nulls else {})}
    x, y = thing.click
    points = [click_at((x, y))]
    if variant.many:
        near = [(x + right, y + down) for down in (-2, 0, 2) for right in (-2, 0, 2)]
        points = [click_at(place) for place in near if _holds(thing, *place)]
    others = [other for other in things if other is not thing]
    if variant.negatives and others:
        points.insert(dice.randint(0, len(points)), click_at(dice.choice(others).click, positive=False))
    return {"points": points, **({"box": None} if variant.nulls else {})}


def _without_default_format(body: Json) -> Json:
    return {name: value for name, value in body.items() if value != "default"}


def _holds(thing: Thing, x: int, y: int) -> bool:
    height, width = thing.bitmap.shape
    return 0 <= y < height and 0 <= x < width and bool(thing.bitmap[y, x])


@lru_cache(maxsize=16)
def _scene_named(name: str) -> Scene:
    scenes = {scene.name: scene for scene in (*built_in_scenes(), *further_scenes())}
    base, _, view = name.partition("-")
    views: Mapping[str, Callable[[Scene], Scene]] = {"mirrored": mirrored, "padded": padded, "grey": grey_scene}
    return views[view](scenes[base]) if view else scenes[base]
