"""Images of which somebody has said what is in them: true masks instead of synthetic ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mock_server.annotations.nouns import forms_of
from mock_server.drawing.patches import Patch
from mock_server.drawing.run_lengths import (
    Edges,
    Runs,
    counts_from_runs,
    edges_of_runs,
    patch_from_runs,
    runs_from_counts,
)

DRAWN_PIXELS: Final = 2**24  # of all patches that are remembered, one byte each
SUREST: Final = 990  # permille: the confidence of an image's largest annotation
RANGE: Final = 140  # permille between the first and the last
STEPS: Final = 7  # at least so many steps, so that two annotations are not far apart

Half = tuple[int, int, int, int]
"""A box in half pixels: left, top, right, bottom."""


@dataclass(frozen=True, slots=True, eq=False)
class Category:
    """A kind of thing.

    Attributes:
        name: As the annotations call it.
        forms: Every form of every name it answers to, as :func:`forms_of` makes them.
    """

    name: str
    forms: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """One annotated thing: its mask as compressed COCO counts, about a byte for each run.

    Attributes:
        category: What it is.
        counts: Runs of the whole image.
        edges: First row, first column, row behind the last, column behind the last.
        area: Pixels.
        crowd: Whether it is a region of many things rather than one.
    """

    category: Category
    counts: bytes = field(repr=False)
    edges: Edges
    area: int
    crowd: bool = False


def annotation_from_runs(
    runs: Runs, *, category: Category, size: tuple[int, int], crowd: bool = False
) -> Annotation | None:
    """Make an annotation of run lengths that fill an image of ``(height, width)``; ``None`` if it has no pixel."""
    edges = edges_of_runs(runs, size=size)
    if edges is None:
        return None
    area = int(runs[1::2].sum())
    return Annotation(category, counts_from_runs(runs, size=size), edges, area, crowd)


class PatchCache:
    """The patches drawn last, as many as fit a number of pixels.

    Args:
        pixels: What they may have together; a patch larger than that is drawn each time.
    """

    def __init__(self, pixels: int) -> None:
        self._room = pixels
        self._patches: OrderedDict[Annotation, Patch] = OrderedDict()
        self._lock = Lock()

    def draw(self, annotation: Annotation, size: tuple[int, int]) -> Patch:
        """Draw the mask of an annotation of an image of ``(height, width)``, or take the one drawn before."""
        with self._lock:
            drawn = self._patches.get(annotation)
            if drawn is not None:
                self._patches.move_to_end(annotation)
                return drawn
        drawn = patch_from_runs(runs_from_counts(annotation.counts), annotation.edges, size=size)
        drawn.pixels.flags.writeable = False  # it is shared
        with self._lock:
            if annotation not in self._patches:
                self._patches[annotation] = drawn
                self._room -= drawn.pixels.size
            while self._room < 0:
                _, dropped = self._patches.popitem(last=False)
                self._room += dropped.pixels.size
        return drawn


_DRAWN: Final = PatchCache(DRAWN_PIXELS)


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """What is in one image.

    Attributes:
        name: What to call it.
        size: ``(height, width)`` in pixels.
        annotations: In the order they were given in.
    """

    name: str
    size: tuple[int, int]
    annotations: tuple[Annotation, ...] = field(repr=False)

    def patch(self, annotation: Annotation) -> Patch:
        """Draw the mask of one of its annotations; not to be written to."""
        return _DRAWN.draw(annotation, self.size)

    def named(self, text: str) -> list[Annotation]:
        """List what a noun phrase names, in order."""
        forms = forms_of(text)
        return [one for one in self.annotations if not forms.isdisjoint(one.category.forms)]

    def permille(self, annotation: Annotation) -> int:
        """Choose how sure to be of an annotation: the larger the surer, regions of many things last."""
        return SUREST - RANGE * self._ranks[annotation] // max(len(self.annotations) - 1, STEPS)

    @property
    def largest(self) -> Annotation | None:
        """The largest annotation, regions of many things last; ``None`` if there is none."""
        return next(iter(self._ranks), None)

    def under(self, x: int, y: int) -> Annotation | None:
        """Pick the smallest annotation that holds a pixel; a region of many things only if there is nothing else."""
        top, left, bottom, right = self._edges.T
        for index in np.flatnonzero((top <= y) & (y < bottom) & (left <= x) & (x < right)).tolist():
            annotation = self._smallest_first[index]
            patch = self.patch(annotation)
            if patch.pixels[y - patch.top, x - patch.left]:
                return annotation
        return None

    def boxed(self, box: Half, *, share: float = 0.0) -> Annotation | None:
        """Pick the annotation whose bounding box overlaps a box best, by IoU, and that has a pixel in it.

        Args:
            box: Where to look.
            share: How much of the annotation has to lie in the box, in 0..1; not asked of a box without area.
        """
        if not self.annotations:
            return None
        (x0, x1), (y0, y1) = sorted((box[0], box[2])), sorted((box[1], box[3]))
        top, left, bottom, right = 2 * self._edges.T
        shared = _overlap(left, right, x0, x1) * _overlap(top, bottom, y0, y1)
        together = (right - left) * (bottom - top) + (x1 - x0) * (y1 - y0) - shared
        # A box without area overlaps nothing; what it lies on is picked all the same, the smallest first.
        meets = (left <= x1) & (x0 <= right) & (top <= y1) & (y0 <= bottom)
        ranked = np.argsort(-shared / together, kind="stable")
        best_first: list[int] = ranked[meets[ranked]].tolist()
        for index in best_first:
            annotation = self._smallest_first[index]
            inside = np.count_nonzero(self.patch(annotation).window(y0 // 2, x0 // 2, -(-y1 // 2), -(-x1 // 2)))
            if inside and (inside >= share * annotation.area or x0 == x1 or y0 == y1):
                return annotation
        return None

    @cached_property
    def _smallest_first(self) -> Sequence[Annotation]:
        return sorted(self.annotations, key=lambda one: (one.crowd, one.area))

    @cached_property
    def _ranks(self) -> dict[Annotation, int]:
        ranked = sorted(self.annotations, key=lambda one: (one.crowd, -one.area))
        return {annotation: rank for rank, annotation in enumerate(ranked)}

    @cached_property
    def _edges(self) -> NDArray[np.int64]:
        """Edges of the smallest first, shape ``(n, 4)``."""
        return np.array([one.edges for one in self._smallest_first], np.int64).reshape(-1, 4)


def _overlap(low: NDArray[np.int64], high: NDArray[np.int64], first: int, last: int) -> NDArray[np.int64]:
    shared: NDArray[np.int64] = np.maximum(np.minimum(high, last) - np.maximum(low, first), 0)
    return shared
