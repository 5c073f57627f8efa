"""Which images a mock knows: those of an annotation file, and the project's own drawn scenes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from mock_server.annotations.annotated_image import AnnotatedImage, Category, annotation_from_runs
from mock_server.annotations.coco import load_coco
from mock_server.annotations.library import KnownImage, Library, Pixels
from mock_server.annotations.nouns import forms_of
from mock_server.drawing.run_lengths import runs_from_bitmap
from sam3_contract.errors import UsageError
from sam3_contract.scenes import Scene, built_in_scenes, derived_scenes

__all__ = ["known_scenes", "library_of"]


def library_of(*, coco: Path | None, images: Path | None, scenes: bool) -> Library:
    """Gather the images that a mock knows.

    Args:
        coco: An annotation file.
        images: The folder of its images.
        scenes: Whether the drawn scenes are among them.

    Raises:
        UsageError: If one of file and folder is missing, or they cannot be used.
    """
    if (coco is None) != (images is None):
        given, lacking = ("--coco", "--images") if images is None else ("--images", "--coco")
        raise UsageError(f"{given} needs {lacking} beside it: an annotation file and the folder of its images")
    annotated = [] if coco is None or images is None else load_coco(coco, images)
    return Library(chain(annotated, known_scenes() if scenes else ()))


def known_scenes() -> Iterator[KnownImage]:
    """Yield the built-in scenes and their other views: mirrored, padded, grey."""
    for scene in built_in_scenes() + derived_scenes():
        # Packed, eight flat drawings take a few kilobytes.
        packed = zlib.compress(scene.pixels[:, :, ::-1].tobytes(), 1)
        yield KnownImage(_annotated(scene), partial(_unpacked, packed, scene.size))


def _annotated(scene: Scene) -> AnnotatedImage:
    categories = {
        thing.category: Category(thing.category, forms_of(thing.category).union(*map(forms_of, thing.synonyms)))
        for thing in scene.things
    }
    annotations = (
        annotation_from_runs(runs_from_bitmap(thing.bitmap), category=categories[thing.category], size=scene.size)
        for thing in scene.things
    )
    return AnnotatedImage(scene.name, scene.size, tuple(one for one in annotations if one is not None))


def _unpacked(packed: bytes, size: tuple[int, int]) -> Pixels:
    return np.frombuffer(zlib.decompress(packed), np.uint8).reshape(*size, 3)
