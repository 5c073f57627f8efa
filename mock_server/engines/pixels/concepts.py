"""What a text or an exemplar finds: colours and simple shapes by their names, what looks alike, else what stands out.

The engine knows no other words. Any other text picks some of the most salient regions, always the same for a text, so
that whoever sends it gets masks of things; which things they are is left to chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from mock_server.drawing.dice import Dice
from mock_server.drawing.encoding import confidence_from_permille
from mock_server.drawing.patches import Patch
from mock_server.engines.pixels.boxes import boxed, region_of, window_of
from mock_server.engines.pixels.regions import LEVELS, MILLE, SEAM, Regions
from mock_server.engines.pixels.tree import CHROMA, FINE, Integers
from mock_server.engines.pixels.words import COLORS, color_names, known_words, shapes_of
from mock_server.engines.protocol import Box, Concept, Instance
from mock_server.engines.synthetic import MAX_EXEMPLARS

LOOKED_AT: Final = 48  # regions whose shape is measured
BOXED: Final = 960  # permille, the confidence of what an exemplar boxes
FOUND: Final = 24  # regions of one prompt
MEANT: Final = 3  # of the regions that stand out, those that an unknown text means at most
STANDING_OUT: Final = 8  # regions that such a text chooses among
NAMED: Final = 2  # permille of the frame that a thing takes up at least to be found by colour and shape
CLOSE: Final = 90  # how far a colour may be from the examples of its name
ALIKE: Final = 36 * FINE  # how far the colours of two things may be apart that look alike
SIZES: Final = 3  # how many times as large as the other one of them may be
RAGGED: Final = 2  # how many times as ragged
Found = tuple[int, int]
"""A region and how sure it is, in permille."""


def find(concept: Concept, regions: Regions, seed: int) -> list[Instance]:
    """Find every instance of a concept.

    Args:
        concept: A text, exemplars or both.
        regions: The picture.
        seed: Another seed gives other regions to texts that are not understood.
    """
    unwanted = [region for box in concept.negative[:MAX_EXEMPLARS] for region in _boxed_region(box, regions)]
    instances: list[Instance] = []
    found: list[Found] = [] if concept.text is None else _of_text(concept.text, regions, seed)
    exemplars = concept.positive[:MAX_EXEMPLARS]
    for box in exemplars:
        window = window_of(box, regions)
        if window is None:
            continue
        itself = partial(regions.patch, boxed(window, regions)[0])
        instances.append(Instance(confidence_from_permille(BOXED), itself))
        region = region_of(window, regions)[0]
        found = [one for one in found if not regions.nested(one[0], region)] + list(_like(region, regions))
    sure = dict(reversed(found))
    ranked = sorted(sure, key=lambda region: (-sure[region], region))
    distinct = regions.distinct(ranked, most=FOUND * (1 + len(exemplars)))
    wanted = [one for one in distinct if not any(_are_alike(one, other, regions) for other in unwanted)]
    return instances + [Instance(confidence_from_permille(sure[one]), partial(_drawn, one, regions)) for one in wanted]


def _of_text(text: str, regions: Regions, seed: int) -> list[Found]:
    colors, shapes = known_words(text)
    if not colors and not shapes:
        return list(_left_to_chance(text, regions, seed))
    found = _of_color(colors, regions) if colors else [(region, 900) for region in _sized(regions).tolist()]
    if shapes:
        found = [(region, sure) for region, sure in found[:LOOKED_AT] if shapes <= shapes_of(regions.bitmap(region))]
    chosen = set(regions.distinct([region for region, _ in found], most=FOUND, apart=True))
    return [one for one in found if one[0] in chosen]


def _left_to_chance(text: str, regions: Regions, seed: int) -> Iterator[Found]:
    """Take some of what stands out; the rest is there as well, but so unsure that no usual threshold lets it pass."""
    dice = Dice("pixels", str(seed), text)
    prominent = sorted(regions.things, key=lambda region: -int(regions.prominence[region]))
    chances = prominent[:STANDING_OUT]
    meant = [chances.pop(dice.below(len(chances))) for _ in range(min(dice.between(1, MEANT), len(chances)))]
    for place, region in enumerate(meant):
        yield region, 930 - 90 * place - dice.below(60)
    for place, region in enumerate(one for one in prominent if one not in meant):
        yield region, max(420 - 16 * place, 20)


def _sized(regions: Regions) -> Integers:
    """List the regions of a thing's size that have an edge on all sides, the most salient first."""
    shares = regions.tree.area * MILLE // regions.frame_area
    whole = regions.tree.seam >= SEAM
    sized = np.flatnonzero(whole & (shares >= NAMED) & (shares < LEVELS[0][1]))
    return sized[np.argsort(-regions.salience[sized], kind="stable")]


def _of_color(colors: frozenset[str], regions: Regions) -> list[Found]:
    """List the regions of a colour, the most salient first."""
    sized = _sized(regions)
    names, distances = color_names(regions.tree.color[:, sized])
    wanted = [place for place, name in enumerate(COLORS) if name in colors]
    is_wanted = np.isin(names, wanted) & (distances <= CLOSE)
    sure = 960 - 2 * distances[is_wanted]
    return list(zip(sized[is_wanted].tolist(), sure.tolist(), strict=True))


def _boxed_region(box: Box, regions: Regions) -> Iterator[int]:
    window = window_of(box, regions)
    if window is not None:
        yield region_of(window, regions)[0]


def _like(region: int, regions: Regions) -> Iterator[Found]:
    """Find what looks like a region and is not in it or around it."""
    tree = regions.tree
    apart = _apart(region, np.arange(tree.area.size), regions)
    like = np.flatnonzero((apart <= ALIKE) & _of_kind(region, regions))
    ranked = like[np.argsort(apart[like], kind="stable")]
    others = [one for one in ranked.tolist() if not regions.nested(one, region)]
    for other in regions.distinct(others, most=FOUND):
        yield other, 900 - 400 * int(apart[other]) // ALIKE


def _apart(region: int, others: Integers, regions: Regions) -> Integers:
    """Tell how far colours are apart, in sixteenths of a level."""
    color = regions.tree.color
    levels = np.abs(color[:, others] - color[:, [region]])
    return np.asarray(levels[0] + CHROMA * (levels[1] + levels[2]), np.int64)


def _of_kind(region: int, regions: Regions) -> Integers:
    """Tell of each region whether it is about as large and about as ragged as one."""
    tree = regions.tree
    area, outline = int(tree.area[region]), max(int(tree.outline[region]), 1)
    sized = (tree.area * SIZES >= area) & (tree.area <= area * SIZES)
    # Pixels of outline per pixel of extent, squared: the same for large and small.
    ragged, own = tree.outline**2 * area, outline**2 * tree.area
    return np.asarray(sized & (ragged <= own * RAGGED) & (own <= ragged * RAGGED), np.int64)


def _are_alike(one: int, other: int, regions: Regions) -> bool:
    if regions.nested(one, other):
        return True
    return bool(_of_kind(other, regions)[one]) and int(_apart(other, np.array([one]), regions)[0]) <= ALIKE


def _drawn(region: int, regions: Regions) -> Patch:
    return regions.patch(regions.solid(region))
