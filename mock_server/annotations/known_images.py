"""Which images a mock knows: those of an annotation file, and the project's own drawn scenes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Final

import numpy as np

from mock_server.annotations.annotated_image import AnnotatedImage, Category, annotation_from_runs
from mock_server.annotations.library import KnownImage, Later, Library, Pixels, Size
from mock_server.annotations.nouns import forms_of
from mock_server.drawing.run_lengths import runs_from_bitmap
from sam3_contract.errors import UsageError
from sam3_contract.images.scenes import Scene, built_in_scenes, derived_scenes, filled, further_scenes, stencil
from sam3_contract.terminal import say

# How many scenes there are of each size. Drawn, they take 11 MB, and of most mocks nobody asks for one.
_SIZES: Final[Mapping[Size, int]] = {
    (208, 320): 3,
    (296, 216): 3,
    (232, 384): 1,
    (320, 280): 1,
    (251, 345): 2,
    (151, 620): 1,
    (10, 14): 1,
    (953, 2111): 1,
    (203, 15): 1,
    (131, 131): 1,
    (97, 181): 1,
    (57, 83): 1,
}


def library_of(*, coco: Path | None, images: Path | None, scenes: bool, strict: bool = False) -> Library:
    """Gather the images that a mock knows; a line on stderr says what of the annotation file is left out.

    Args:
        coco: An annotation file.
        images: The folder of its images.
        scenes: Whether the drawn scenes are among them.
        strict: Whether an annotation file of which something would be left out is refused.

    Raises:
        UsageError: If one of file and folder is missing, or they cannot be used.
    """
    if (coco is None) != (images is None):
        given, lacking = ("--coco", "--images") if images is None else ("--images", "--coco")
        raise UsageError(f"{given} needs {lacking} beside it: an annotation file and the folder of its images")
    annotated = () if coco is None or images is None else _annotated_images(coco, images, strict=strict)
    return Library(annotated, _SCENES if scenes else {})


def _annotated_images(coco: Path, images: Path, *, strict: bool) -> Sequence[KnownImage]:
    from mock_server.annotations.coco import load_coco  # noqa: PLC0415 - few mocks are given such a file

    loaded = load_coco(coco, images, strict=strict)
    if loaded.left_out:
        say(f"--coco {coco}: left out {loaded.left_out}; --strict refuses such a file", err=True)
    return loaded.images


def known_scenes(size: Size | None = None) -> Iterator[KnownImage]:
    """Yield the built-in and further scenes, and the other views of the built-in ones: mirrored, padded, grey.

    Args:
        size: ``(height, width)`` of those that are meant; all by default.
    """
    for scene in _scenes():
        if size in {None, scene.size}:
            yield KnownImage(_annotated(scene), partial(_pixels, scene))


@cache
def _scenes() -> Sequence[Scene]:
    return (*built_in_scenes(), *derived_scenes(), *further_scenes(), stencil(), filled())


_SCENES: Final = {size: Later(count, partial(known_scenes, size)) for size, count in _SIZES.items()}


@cache
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


def _pixels(scene: Scene) -> Pixels:
    """Paint a scene, BGR: when a picture of its size comes for the first time, and kept from then on."""
    return np.ascontiguousarray(scene.pixels[:, :, ::-1])
