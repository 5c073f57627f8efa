"""The annotated object under the clicks and in the box.

A positive click picks the smallest annotation under it, a box the one it fits best,
of those that lie in it by half. A negative click takes away the
annotation under it; if that one was asked for too, only a disc of it. Where nothing is annotated, clicks and boxes get
the synthetic engine's object. So here too a further positive click only adds pixels, a negative one only removes some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np

from mock_server.annotations.annotated_image import AnnotatedImage, Annotation, Half
from mock_server.drawing.dice import Dice
from mock_server.drawing.encoding import confidence_from_permille
from mock_server.drawing.patches import Patch, intersection, union, without
from mock_server.engines import synthetic
from mock_server.engines.synthetic import (
    CONFIDENCES,
    KEPT_RADIUS,
    LEVELS,
    MAX_DISCS,
    MAX_RADIUS,
    AnyPrompt,
    Clicks,
    Pixel,
    clicks_of,
    disc,
    half_pixels,
)
from mock_server.images.loading import Picture
from sam3_contract import wire
from sam3_contract.scenes import innermost_pixel

__all__ = ["segment"]

BACKGROUND: Final = b"background"  # stands for the digest, so that other views of an image get the same discs
ERASER: Final = 16  # of the short side, in half pixels: the radius of the disc that a negative click takes away
HALF: Final = 0.5  # of an annotation that has to lie in a box for the box to mean it
DOUBT: Final = 120  # permille that a contradiction costs
COUNTED: Final = 8  # contradictions that cost anything


@dataclass(frozen=True, slots=True)
class Asked:
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
    rest: AnyPrompt | None


def segment(prompt: AnyPrompt, known: AnnotatedImage, *, seed: int) -> list[tuple[Patch, float]]:
    """Segment one object of an annotated image.

    Returns:
        Mask and confidence of whole, part and subpart, best first.
    """
    clicks = clicks_of(prompt.points or [], known.size)
    asked = _asked(prompt, clicks, known)
    seeds = _seeds(asked, known)
    beside = _synthetic(asked, clicks, known, seed)
    erased, contradictions = _erased(asked, clicks, known)
    kept = [*_kept(asked, known), _dots(clicks.positive[MAX_DISCS:])]
    doubt = DOUBT * min(contradictions, COUNTED)
    dice = Dice("annotated object", str(seed), *sorted(one.category.name for one in seeds))
    found = []
    for eighths, nearby, (low, high) in zip(LEVELS, beside, CONFIDENCES, strict=True):
        drawn = union([nearby, *(_part(one, clicked, eighths, known) for one, clicked in seeds.items())])
        patch = union([without(drawn, erased), *kept])
        _clear(patch, clicks.negative)
        found.append((patch, confidence_from_permille(max(dice.between(low, high) - doubt, 10))))
    return found


def _asked(prompt: AnyPrompt, clicks: Clicks, known: AnnotatedImage) -> Asked:
    clicked: dict[Annotation, list[Pixel]] = {}
    missed: list[Pixel] = []
    for click in clicks.positive[:MAX_DISCS]:
        hit = known.under(*click)
        (missed if hit is None else clicked.setdefault(hit, [])).append(click)
    boxed = None if prompt.box is None else known.boxed(_edges(prompt.box), share=HALF)
    if prompt.box is None and not prompt.points:
        boxed = known.largest
    fits_nothing = boxed is None and (prompt.box is not None or not prompt.points)
    rest = {
        "box": prompt.box if boxed is None else None,
        "points": [wire.Point(x=x, y=y, positive=True) for x, y in missed],
    }
    return Asked(boxed, clicked, missed, prompt.model_copy(update=rest) if missed or fits_nothing else None)


def _edges(box: wire.CenterBox) -> Half:
    x, y = half_pixels(box.x), half_pixels(box.y)
    across, down = abs(half_pixels(box.width)) // 2, abs(half_pixels(box.height)) // 2
    return x - across, y - down, x + across, y + down


def _seeds(asked: Asked, known: AnnotatedImage) -> dict[Annotation, list[Pixel]]:
    """Tell for each annotation that is picked around which pixels its parts lie."""
    seeds = dict(asked.clicked)
    if asked.boxed is not None:
        patch = known.patch(asked.boxed)
        x, y = innermost_pixel(patch.pixels)
        seeds[asked.boxed] = [(patch.left + x, patch.top + y), *seeds.get(asked.boxed, [])]
    return seeds


def _part(annotation: Annotation, seeds: Sequence[Pixel], eighths: int, known: AnnotatedImage) -> Patch:
    """Draw as much of an annotation as lies within some eighths of its extent around the seeds."""
    patch = known.patch(annotation)
    if eighths == LEVELS[0]:
        return patch
    radius = min(max(max(patch.pixels.shape) * eighths // 8, 1), MAX_RADIUS)
    return union(intersection(patch, disc(seed, radius=radius, size=known.size)) for seed in seeds)


def _synthetic(asked: Asked, clicks: Clicks, known: AnnotatedImage, seed: int) -> list[Patch]:
    """Draw what is asked for where nothing is annotated, as whole, part and subpart."""
    if asked.rest is None:
        return [union(())] * len(LEVELS)
    discs = [_eraser(click, known) for click in clicks.negative[:MAX_DISCS]]
    drawn = synthetic.segment(asked.rest, Picture(BACKGROUND, known.size), seed=seed)
    return [without(patch, discs) for patch, _ in drawn]


def _erased(asked: Asked, clicks: Clicks, known: AnnotatedImage) -> tuple[list[Patch], int]:
    """List what the negative clicks take away, and count those that contradict what is asked for."""
    erased, contradictions = [], 0
    wanted = list(chain.from_iterable(asked.clicked.values()))
    for click in clicks.negative[:MAX_DISCS]:
        hit = known.under(*click)
        if hit is None:
            reach = _eraser(click, known)
            contradictions += any(_holds(reach, positive) for positive in asked.missed)
        elif hit is asked.boxed or any(_holds(known.patch(hit), positive) for positive in wanted):
            erased.append(intersection(known.patch(hit), _eraser(click, known)))
            contradictions += 1
        else:
            erased.append(known.patch(hit))
    return erased, contradictions


def _kept(asked: Asked, known: AnnotatedImage) -> list[Patch]:
    """Draw what no negative click takes away: the positive clicks, with what lies close by."""
    kept = [disc(click, radius=KEPT_RADIUS, size=known.size) for click in asked.missed]
    for annotation, clicked in asked.clicked.items():
        patch = known.patch(annotation)
        kept += [intersection(patch, disc(click, radius=KEPT_RADIUS, size=known.size)) for click in clicked]
    return kept


def _eraser(click: Pixel, known: AnnotatedImage) -> Patch:
    return disc(click, radius=max(min(known.size) // ERASER, 1), size=known.size)


def _holds(patch: Patch, pixel: Pixel) -> bool:
    x, y = pixel
    return bool(patch.window(y, x, y + 1, x + 1).any())


def _dots(pixels: Sequence[Pixel]) -> Patch:
    """Draw single pixels."""
    if not pixels:
        return union(())
    columns, rows = np.array(pixels).T
    top, left = int(rows.min()), int(columns.min())
    drawn = np.zeros((int(rows.max()) - top + 1, int(columns.max()) - left + 1), np.bool_)
    drawn[rows - top, columns - left] = True
    return Patch(top, left, drawn)


def _clear(patch: Patch, pixels: Sequence[Pixel]) -> None:
    """Take single pixels away, in place."""
    if not pixels:
        return
    columns, rows = np.array(pixels).T
    inside = (patch.top <= rows) & (rows < patch.bottom) & (patch.left <= columns) & (columns < patch.right)
    patch.pixels[rows[inside] - patch.top, columns[inside] - patch.left] = False
