"""True masks of images that somebody has annotated.

A text finds categories, their synonyms and supercategories; an exemplar the category of what it boxes.
A positive click picks the smallest annotation under it, a box the one it fits best,
of those that lie in it by half. A negative click takes away the
annotation under it; if that one was asked for too, only a disc of it. Where nothing is annotated, clicks and boxes get
the synthetic engine's object. So here too a further positive click only adds pixels, a negative one only removes some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final

from mock_server.annotations.annotated_image import AnnotatedImage, Annotation, Half
from mock_server.drawing.dice import Dice
from mock_server.drawing.encoding import confidence_from_permille
from mock_server.drawing.patches import Patch, clear, dots, intersection, union, without
from mock_server.engines.protocol import Box, Click, Concept, Instance, Target
from mock_server.engines.synthetic import (
    CONFIDENCES,
    KEPT_RADIUS,
    LEVELS,
    MAX_DISCS,
    MAX_EXEMPLARS,
    MAX_RADIUS,
    Clicks,
    Pixel,
    Synthetic,
    clicks_of,
    disc,
    half_pixels,
)
from mock_server.images.loading import Picture
from sam3_contract.images.scenes import innermost_pixel

BACKGROUND: Final = b"background"  # stands for the digest, so that other views of an image get the same discs
ERASER: Final = 16  # of the short side, in half pixels: the radius of the disc that a negative click takes away
MAX_ANNOTATED: Final = 200  # annotations of one prompt
HALF: Final = 0.5  # of an annotation that has to lie in a box for the box to mean it
DOUBT: Final = 120  # permille that a contradiction costs
COUNTED: Final = 8  # contradictions that cost anything


@dataclass(frozen=True, slots=True)
class Selection:
    """What a prompt asks for.

    Attributes:
        boxed: The annotation that the box fits, or that stands for no prompt at all.
        clicked: Annotations, each with the positive clicks that picked it.
        missed: Positive clicks on nothing that is annotated.
        rest: What is left for the synthetic engine; ``None`` if nothing is.
    """

    boxed: Annotation | None
    clicked: dict[Annotation, list[Pixel]]
    missed: list[Pixel]
    rest: Target | None


@dataclass(frozen=True, slots=True)
class Annotated:
    """The engine of images that somebody has annotated.

    Attributes:
        seed: Another seed gives other confidences, and other objects where nothing is annotated.
    """

    seed: int = 0

    @property
    def reads_pixels(self) -> bool:
        """No: who annotated the image did."""
        return False

    def find(self, concept: Concept, picture: Picture) -> list[Instance]:
        """Find the annotations that a text names, and those of a category that a box shows, each once and in order."""
        known = _known(picture)
        named = set() if concept.text is None else set(known.named(concept.text))
        boxed = (known.boxed(_edges(box)) for box in concept.positive[:MAX_EXEMPLARS])
        like = {one.category for one in boxed if one is not None}
        found = [one for one in known.annotations if one in named or one.category in like]
        # The model looks at so many things and no more.
        kept = set(sorted(found, key=known.permille, reverse=True)[:MAX_ANNOTATED])
        return [
            Instance(confidence_from_permille(known.permille(one)), partial(known.patch, one))
            for one in found
            if one in kept
        ]

    def segment(self, target: Target, picture: Picture) -> list[Instance]:
        """Segment one object: whole, part and subpart, best first."""
        known = _known(picture)
        clicks = clicks_of(target.clicks, known.size)
        selection = _selection(target, clicks, known)
        seeds = _seeds(selection, known)
        beside = _beside(selection, clicks, known, self.seed)
        erased, contradictions = _erased(selection, clicks, known)
        kept = [*_kept(selection, known), dots(clicks.positive[MAX_DISCS:])]
        doubt = DOUBT * min(contradictions, COUNTED)
        dice = Dice("annotated object", str(self.seed), *sorted(one.category.name for one in seeds))
        found = []
        for eighths, nearby, (low, high) in zip(LEVELS, beside, CONFIDENCES, strict=True):
            parts = union([nearby, *(_part(one, clicked, eighths, known) for one, clicked in seeds.items())])
            patch = union([without(parts, erased), *kept])
            clear(patch, clicks.negative)
            confidence = confidence_from_permille(max(dice.between(low, high) - doubt, 10))
            found.append(Instance(confidence, partial(_same, patch)))
        return found


def _known(picture: Picture) -> AnnotatedImage:
    if picture.known is None:
        raise ValueError("an image that nobody has annotated has no annotations to find")
    return picture.known


def _same(patch: Patch) -> Patch:
    return patch


def _selection(prompt: Target, clicks: Clicks, known: AnnotatedImage) -> Selection:
    clicked: dict[Annotation, list[Pixel]] = {}
    missed: list[Pixel] = []
    for click in clicks.positive[:MAX_DISCS]:
        hit = known.under(*click)
        (missed if hit is None else clicked.setdefault(hit, [])).append(click)
    boxed = None if prompt.box is None else known.boxed(_edges(prompt.box), share=HALF)
    if prompt.box is None and not prompt.clicks:
        boxed = known.largest
    fits_nothing = boxed is None and (prompt.box is not None or not prompt.clicks)
    rest = None
    if missed or fits_nothing:
        rest = Target(tuple(Click(x, y, True) for x, y in missed), prompt.box if boxed is None else None)
    return Selection(boxed, clicked, missed, rest)


def _edges(box: Box) -> Half:
    return half_pixels(box.left), half_pixels(box.top), half_pixels(box.right), half_pixels(box.bottom)


def _seeds(selection: Selection, known: AnnotatedImage) -> dict[Annotation, list[Pixel]]:
    """Find, for each annotation that is picked, the pixels around which its parts lie."""
    seeds = dict(selection.clicked)
    if selection.boxed is not None:
        patch = known.patch(selection.boxed)
        x, y = innermost_pixel(patch.pixels)
        seeds[selection.boxed] = [(patch.left + x, patch.top + y), *seeds.get(selection.boxed, [])]
    return seeds


def _part(annotation: Annotation, seeds: Sequence[Pixel], eighths: int, known: AnnotatedImage) -> Patch:
    """Draw as much of an annotation as lies within some eighths of its extent around the seeds."""
    patch = known.patch(annotation)
    if eighths == LEVELS[0]:
        return patch
    radius = min(max(max(patch.pixels.shape) * eighths // 8, 1), MAX_RADIUS)
    return union(intersection(patch, disc(seed, radius=radius, size=known.size)) for seed in seeds)


def _beside(selection: Selection, clicks: Clicks, known: AnnotatedImage, seed: int) -> list[Patch]:
    """Draw what is asked for where nothing is annotated, as whole, part and subpart."""
    if selection.rest is None:
        return [union(())] * len(LEVELS)
    discs = [_eraser(click, known) for click in clicks.negative[:MAX_DISCS]]
    drawn = Synthetic(seed).segment(selection.rest, Picture(BACKGROUND, known.size))
    return [without(one.patch, discs) for one in drawn]


def _erased(selection: Selection, clicks: Clicks, known: AnnotatedImage) -> tuple[list[Patch], int]:
    """List what the negative clicks take away, and count those that contradict what is asked for."""
    erased, contradictions = [], 0
    wanted = list(chain.from_iterable(selection.clicked.values()))
    for click in clicks.negative[:MAX_DISCS]:
        hit = known.under(*click)
        if hit is None:
            reach = _eraser(click, known)
            contradictions += any(_holds(reach, positive) for positive in selection.missed)
        elif hit is selection.boxed or any(_holds(known.patch(hit), positive) for positive in wanted):
            erased.append(intersection(known.patch(hit), _eraser(click, known)))
            contradictions += 1
        else:
            erased.append(known.patch(hit))
    return erased, contradictions


def _kept(selection: Selection, known: AnnotatedImage) -> list[Patch]:
    """Draw what no negative click takes away: the positive clicks, with what lies close by."""
    kept = [disc(click, radius=KEPT_RADIUS, size=known.size) for click in selection.missed]
    for annotation, clicked in selection.clicked.items():
        patch = known.patch(annotation)
        kept += [intersection(patch, disc(click, radius=KEPT_RADIUS, size=known.size)) for click in clicked]
    return kept


def _eraser(click: Pixel, known: AnnotatedImage) -> Patch:
    return disc(click, radius=max(min(known.size) // ERASER, 1), size=known.size)


def _holds(patch: Patch, pixel: Pixel) -> bool:
    x, y = pixel
    return bool(patch.window(y, x, y + 1, x + 1).any())
