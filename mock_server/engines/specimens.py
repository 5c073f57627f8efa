"""Named concepts that give a client every awkward case: the text ``specimen:hole`` finds a mask with a hole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from mock_server.drawing.encoding import confidence_from_permille
from mock_server.drawing.patches import Patch, union, without
from mock_server.drawing.shapes import draw
from mock_server.engines.protocol import Instance
from mock_server.http.refusals import no_answer

PREFIX: Final = "specimen:"
MAX_PIXELS: Final = 2**26  # of a specimen that covers the image

Size = tuple[int, int]
Found = list[tuple[Callable[[], Patch], int]]


@dataclass(frozen=True, slots=True)
class Specimen:
    """One awkward case.

    Attributes:
        shows: What it is for, in a phrase.
        draw: Lists what draws the masks, and their confidences in permille, for an image of ``(height, width)`` pixels.
    """

    shows: str
    draw: Callable[[Size], Found]


def specimen_of(text: str, size: Size) -> list[Instance] | None:
    """Make the specimen that a text names; ``None`` if it names none.

    What follows the name after a space is free, and echoed: ``specimen:unicode 猫``.

    Args:
        text: The concept.
        size: ``(height, width)`` of the image, in pixels.

    Raises:
        Refusal: 599, which no real service uses, if there is no specimen of that name, or it would be too large.
    """
    if not text.startswith(PREFIX):
        return None
    name = text.removeprefix(PREFIX).partition(" ")[0]
    if name not in SPECIMENS:
        known = ", ".join(SPECIMENS)
        raise no_answer(f"no specimen named {name!r}; there are {known}")
    if size[0] * size[1] > MAX_PIXELS:
        raise no_answer(f"specimens of images over {MAX_PIXELS} pixels")
    return [Instance(confidence_from_permille(permille), mask) for mask, permille in SPECIMENS[name].draw(size)]


def _disc(size: Size, *, x: int, y: int, radius: int) -> Patch:
    """Draw a disc around a place told in eighths of the image, its radius in eighths of the short side."""
    height, width = size
    reach = max(min(size) * radius // 4, 1)
    return draw("ellipse", center=(width * x // 4, height * y // 4), radii=(reach, reach), size=size)


def _hole(size: Size) -> Found:
    return [(lambda: without(_disc(size, x=4, y=4, radius=3), [_disc(size, x=4, y=4, radius=1)]), 950)]


def _nested(size: Size) -> Found:
    def ring_and_island() -> Patch:
        ring = without(_disc(size, x=4, y=4, radius=3), [_disc(size, x=4, y=4, radius=2)])
        return union((ring, island()))

    island = partial(_disc, size, x=4, y=4, radius=1)
    return [(ring_and_island, 950), (island, 900)]


def _parts(size: Size) -> Found:
    return [(lambda: union(_disc(size, x=x, y=y, radius=1) for x in (2, 4, 6) for y in (2, 6)), 950)]


def _many(size: Size) -> Found:
    height, width = size
    reach = max(min(height // 10, width // 20) * 3 // 4, 1)
    centers = [(width * (2 * i + 1) // 20, height * (2 * j + 1) // 10) for j in range(10) for i in range(20)]
    disc = partial(draw, "ellipse", radii=(reach, reach), size=size)
    return [(partial(disc, center=center), 999 - 2 * index) for index, center in enumerate(centers)]


def _tiny(size: Size) -> Found:
    height, width = size
    places = ((height // 2, width // 2), (0, 0), (height - 1, width - 1))
    return [(partial(_block, y, x, (1, 1)), 950 - index) for index, (y, x) in enumerate(places)]


def _thin(size: Size) -> Found:
    height, width = size
    return [
        (partial(_block, height // 2, 0, (1, width)), 950),
        (partial(_block, 0, width // 2, (height, 1)), 940),
        (lambda: Patch(0, 0, np.eye(min(size), dtype=np.bool_)), 930),
    ]


def _touching(size: Size) -> Found:
    height, width = size
    middle = max(width // 2, 1)
    return [
        (partial(_block, 0, 0, (height, middle)), 950),
        (partial(_block, 0, middle, (height, width - middle)), 940),
    ]


def _overlapping(size: Size) -> Found:
    return [(partial(_disc, size, x=4, y=4, radius=3), 950), (partial(_disc, size, x=4, y=4, radius=2), 900)]


def _full_frame(size: Size) -> Found:
    return [(partial(_block, 0, 0, size), 950)]


def _checkerboard(size: Size) -> Found:
    rows, columns = (np.arange(min(side, 64)) for side in size)
    return [(lambda: Patch(0, 0, (rows[:, None] + columns[None, :]) % 2 == 0), 950)]


def _confidences(size: Size) -> Found:
    disc = partial(_disc, size, x=4, y=4, radius=2)
    return [(disc, permille) for permille in (1000, 999, 750, 501, 500, 499, 250, 1, 0)]


def _block(top: int, left: int, size: Size) -> Patch:
    return Patch(top, left, np.ones(size, np.bool_))


SPECIMENS: Final[dict[str, Specimen]] = {
    "hole": Specimen("a mask with a hole, which polygons lose", _hole),
    "nested": Specimen("a ring with an island, which polygons lose, and the island as an instance", _nested),
    "parts": Specimen("one mask of six parts", _parts),
    "many": Specimen("200 instances, as many as the model looks at", _many),
    "tiny": Specimen("masks of one pixel, in the middle and in two corners", _tiny),
    "thin": Specimen("lines of one pixel's width: across, down and diagonal", _thin),
    "touching": Specimen("two masks that share the whole frame and touch all its borders", _touching),
    "overlapping": Specimen("two instances of which one lies in the other, for NMS", _overlapping),
    "full-frame": Specimen("a mask of every pixel", _full_frame),
    "checkerboard": Specimen("as many runs and parts as pixels allow, up to 64 x 64 of them", _checkerboard),
    "confidences": Specimen("the same mask with confidences from 1 down to 0, for thresholds", _confidences),
    "empty": Specimen("a prediction whose mask has no pixel", lambda _: [(partial(union, ()), 950)]),
    "nothing": Specimen("no prediction at all", lambda _: []),
    "unicode": Specimen("one mask; write what you like behind the name, it is echoed", _hole),
}
"""Every specimen by its name."""
