"""What clicks and a box ask for, as a whole, a part and a subpart.

Every positive click adds the regions that it chooses by itself, every negative one takes away the largest region around
it in which no positive click lies. So a further positive click only adds pixels, a further negative one only removes
some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from mock_server.drawing.encoding import confidence_from_permille
from mock_server.drawing.patches import Patch, clear, dots, erase, paint, union
from mock_server.engines.pixels.boxes import Window, boxed, window_of
from mock_server.engines.pixels.regions import LEVELS, Bitmap, Regions
from mock_server.engines.protocol import Instance, Target
from mock_server.engines.synthetic import KEPT_RADIUS, MAX_DISCS, Clicks, Pixel, clicks_of, disc

CONFIDENCES: Final = ((860, 980), (620, 800), (330, 540))  # permille, best first
SHARP: Final = 160  # what the colour changes along an outline that is as clear as can be
DOUBT: Final = 120  # permille that a negative click costs which contradicts a positive one
COUNTED: Final = 4  # contradictions that cost anything
ERASER: Final = 24  # of the short side, in half pixels: the radius of the least that a negative click takes away
Levels = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class _Wish:
    """What is asked for.

    Attributes:
        regions: The picture.
        clicks: In pixels of it.
        window: The box, if there is one.
        bases: What the box asks for; empty without one.
        added: The regions that each positive click chooses, in the order of the answer.
        taken: The regions that the negative clicks take away.
    """

    regions: Regions
    clicks: Clicks
    window: Window | None
    bases: Sequence[Bitmap]
    added: Sequence[Levels]
    taken: Sequence[int]


def segment(target: Target, regions: Regions) -> list[Instance]:
    """Segment one object; without clicks and box, what looks most like one.

    Returns:
        A whole, a part and a subpart, the one first that is most likely meant.
    """
    clicks = clicks_of(target.clicks, regions.size)
    window = None if target.box is None else window_of(target.box, regions)
    bases = [] if window is None else boxed(window, regions)
    pieces = [regions.at(*click) for click in clicks.positive[:MAX_DISCS]]
    if target.box is None and not target.clicks:
        pieces = [regions.things[0]]
    added = _ordered([regions.levels(piece) for piece in pieces], regions)
    taken, contradictions = _taken(clicks, pieces, window, regions)
    wish = _Wish(regions, clicks, window, bases, added, taken)
    doubt = DOUBT * min(contradictions, COUNTED)
    return [
        Instance(confidence_from_permille(max(_sureness(wish, place) - doubt, 10)), partial(_drawn, wish, place))
        for place in range(len(LEVELS))
    ]


def _ordered(levels: Sequence[Levels], regions: Regions) -> list[Levels]:
    """Put the level first that the first click most likely means; the same order for all, so that no click moves it."""
    if not levels:
        return []
    order = sorted(range(len(LEVELS)), key=lambda level: -int(regions.prominence[levels[0][level]]))
    return [(each[order[0]], each[order[1]], each[order[2]]) for each in levels]


def _taken(clicks: Clicks, pieces: Sequence[int], window: Window | None, regions: Regions) -> tuple[list[int], int]:
    """Choose what negative clicks take away; count those that can take away none of the levels around them."""
    taken, contradictions = [], 0
    wanted = regions.tree.first[np.array(pieces, np.int64)]
    for click in clicks.negative[:MAX_DISCS]:
        piece = regions.at(*click)

        def free(region: int) -> bool:
            # Of a box no click takes away more than half.
            fits = window is None or 2 * int(regions.tree.area[region]) <= window.area
            return fits and not regions.holds(region, wanted)

        level = next((one for one in regions.levels(piece) if free(one)), None)
        contradictions += level is None
        if level is None:
            level = next((one for one in reversed(regions.lineage(piece)) if free(one)), None)
        if level is not None:
            taken.append(level)
    return taken, contradictions


def _sureness(wish: _Wish, place: int) -> int:
    """Tell how sure a mask is, in permille: the sharper its outline the surer."""
    low, high = CONFIDENCES[place]
    if not wish.added:
        return (low + high) // 2
    sharp = min(int(wish.regions.strength[wish.added[0][place]]), SHARP)
    return low + (high - low) * sharp // SHARP


def _drawn(wish: _Wish, place: int) -> Patch:
    regions, clicks = wish.regions, wish.clicks
    bitmap = wish.bases[place].copy() if wish.bases else np.zeros(regions.tree.ranks.shape, np.bool_)
    for region in dict.fromkeys(levels[place] for levels in wish.added):
        solid = regions.solid(region)
        if wish.window is None:
            bitmap |= solid
        else:
            bitmap[wish.window.part] |= solid[wish.window.part]
    for region in dict.fromkeys(wish.taken):
        bitmap &= ~_removable(region, clicks, regions)
    kept = [disc(click, radius=KEPT_RADIUS, size=regions.size) for click in clicks.positive[:MAX_DISCS]]
    patch = union([regions.patch(bitmap), *kept, dots(clicks.positive[MAX_DISCS:])])
    for click in clicks.negative[:MAX_DISCS]:
        erase(patch, disc(click, radius=_reach(click, clicks, regions), size=regions.size))
    # The clicks themselves come last: what one takes away around it must not undo another.
    for one in (*kept, dots(clicks.positive[MAX_DISCS:])):
        paint(patch, one)
    clear(patch, clicks.negative)
    return patch


def _removable(region: int, clicks: Clicks, regions: Regions) -> Bitmap:
    """Draw a region with what it surrounds, unless a positive click is surrounded."""
    solid = regions.solid(region)
    factor = regions.factor
    if any(solid[y // factor, x // factor] for x, y in clicks.positive[:MAX_DISCS]):
        return regions.bitmap(region)
    return solid


def _reach(click: Pixel, clicks: Clicks, regions: Regions) -> int:
    """Tell how far around it a negative click takes away at least, in half pixels: not up to a positive one."""
    near = min((max(abs(click[0] - x), abs(click[1] - y)) for x, y in clicks.positive[:MAX_DISCS]), default=ERASER)
    return max(min(min(regions.size) // ERASER, near), 1)
