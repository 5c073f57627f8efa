"""Whether two image files show the same picture: the same pixels, up to what encoding them costs.

Encoders round: the same pixels written as JPEG by two programs, or as PNG by one of them, differ by a few levels here
and there, but hardly in the means of blocks. Something that was moved, added or painted over changes whole blocks.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sam3_contract.errors import ImageError
from sam3_contract.exchanges.drawing import open_photograph

BLOCK: Final = 8  # pixels, the block of JPEG
MOST_APART: Final = 10
"""Levels of 0..255 by which the mean of a block may differ in a channel."""
MOST_ON_AVERAGE: Final = 1.5
"""Levels by which the means of all blocks may differ on average."""
MAX_PIXELS: Final = 2**26  # of an image that is decoded for this


def blocks_of(content: bytes) -> NDArray[np.int16] | None:
    """Decode an image and take the means of its blocks.

    Args:
        content: The file.

    Returns:
        Levels of 0..255, shape ``(rows, columns, 3)``, with the size in pixels appended as a last row; ``None`` if the
        file cannot be decoded, or is too large to be.
    """
    try:
        picture = open_photograph(content)
    except ImageError:
        return None
    if picture.width * picture.height > MAX_PIXELS:
        return None
    size = (-(-picture.width // BLOCK), -(-picture.height // BLOCK))
    means = np.asarray(picture.resize(size, Image.Resampling.BOX).convert("YCbCr"), dtype=np.int16)
    frame = np.zeros((1, size[0], 3), dtype=np.int16)
    frame[0, 0] = (picture.width % 2**15, picture.height % 2**15, 0)
    return np.concatenate([means, frame])


def are_alike(one: NDArray[np.int16] | None, other: NDArray[np.int16] | None) -> bool:
    """Tell whether the blocks are those of one picture.

    Example:
        >>> grey = np.full((3, 4, 3), 128, dtype=np.int16)
        >>> are_alike(grey, grey + 1), are_alike(grey, grey + 20)
        (True, False)
    """
    if one is None or other is None or one.shape != other.shape:
        return False
    apart = np.abs(one - other)
    return bool(apart.max() <= MOST_APART and apart.mean() <= MOST_ON_AVERAGE)
