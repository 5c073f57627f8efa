"""The picture of a changed request: old masks and new masks over the photograph."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sam3_contract.errors import ImageError, SnapshotError
from sam3_contract.exchanges.drawing import Contrast, draw_difference, enlargement, open_photograph
from sam3_contract.files.atomic import write_atomically
from sam3_contract.masks import bitmap_from_run_lengths, union
from sam3_contract.snapshots.changes import Change, InstanceChange, RequestChange
from sam3_contract.snapshots.model import Instance

_MOST_PIXELS: Final = 2**26
_MOST_LABELLED: Final = 30
"""Changed instances that are drawn one by one; each takes two bitmaps of the image's size."""


def write_picture(change: RequestChange, *, photograph: bytes | None, path: Path) -> bool:
    """Draw a changed request and write it as PNG.

    Args:
        change: What was found.
        photograph: The image file that was sent; None draws on plain ground.
        path: The file; folders that are missing are made.

    Returns:
        Whether there was anything to draw.

    Raises:
        SnapshotError: If it cannot be written.
    """
    picture = draw_change(change, photograph=photograph)
    if picture is None:
        return False
    file = io.BytesIO()
    picture.save(file, "PNG")
    write_atomically(path, file.getvalue())
    return True


def draw_change(change: RequestChange, *, photograph: bytes | None) -> Image.Image | None:
    """Draw a changed request: kept masks white on grey, vanished ones blue, appeared ones orange.

    Of a moved mask, what it left is blue and what it took is orange. Changed instances bear the number that
    `lines_of` gives them.

    Args:
        change: What was found.
        photograph: The image file that was sent; None, or one that cannot be decoded, draws on plain ground.

    Returns:
        The picture; None if no instance changed, or the image is too large to draw.

    Raises:
        SnapshotError: If the photograph is not of the masks' size.
    """
    changed = change.changed
    size = next((one.size for instance in changed for one in (instance.old, instance.new) if one), None)
    if size is None or size[0] * size[1] > _MOST_PIXELS:
        return None
    ground = _ground(photograph, size)
    contrasts = list(_contrasts(change.instances, changed, size))
    return draw_difference(ground, contrasts, names=("the snapshot", "the answer"), times=enlargement(ground))


def _ground(photograph: bytes | None, size: tuple[int, int]) -> Image.Image:
    plain = Image.new("RGB", (size[1], size[0]), (128, 128, 128))
    if photograph is None:
        return plain
    try:
        image = open_photograph(photograph)
    except ImageError:
        return plain
    if (image.height, image.width) != size:
        raise SnapshotError(
            f"the image is {image.width} x {image.height} pixels, its masks are {size[1]} x {size[0]}: "
            "no picture was drawn"
        )
    return image


def _contrasts(
    instances: Sequence[InstanceChange], changed: Sequence[InstanceChange], size: tuple[int, int]
) -> Iterator[Contrast]:
    """Take the kept masks together, and the changed ones beyond the first; what remains gets a number each."""
    kept = [one for one in instances if one.change == Change.SAME]
    for many in (kept, changed[_MOST_LABELLED:]):
        if many:
            yield Contrast(
                _together([one.old for one in many], size), _together([one.new for one in many], size), label=""
            )
    for number, one in enumerate(changed[:_MOST_LABELLED], start=1):
        yield Contrast(_together([one.old], size), _together([one.new], size), label=f"{number} {one.change}")


def _together(instances: Sequence[Instance | None], size: tuple[int, int]) -> NDArray[np.bool_] | None:
    runs = [one.run_lengths for one in instances if one is not None]
    return bitmap_from_run_lengths(union(runs), size=size) if runs else None
