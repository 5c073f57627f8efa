"""The ground that masks are drawn on: the photograph of a request, brought to a size that a report can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sam3_contract.errors import ImageError, MaskError
from sam3_contract.exchanges.drawing import enlargement, open_photograph
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.images import bytes_from_base64, read_header
from sam3_contract.masks.diagnosis.sketch import sketch_of

__all__ = ["Stage", "Unshown", "bitmap_of", "forget_photographs", "stage_for"]

MAX_SIDE: Final = 960  # pixels of a picture
MAX_PHOTOGRAPH: Final = 2**26  # pixels that are decoded
MAX_MASK: Final = 2**24  # pixels of a mask that is drawn; a photograph of 4096 x 4096
_GREY: Final = (222, 222, 222)


class Unshown(Exception):  # noqa: N818 - says why something is not drawn, and never leaves this package
    """This cannot be drawn; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A ground to draw on.

    Attributes:
        ground: The photograph or a grey plane, RGB, no side longer than `MAX_SIDE`.
        size: ``(height, width)`` of the masks' frame, in pixels.
        note: What the ground is, if it is not the photograph; empty if it is.
    """

    ground: Image.Image
    size: tuple[int, int]
    note: str = ""

    @property
    def times(self) -> int:
        """How many times the ground is to be enlarged."""
        return enlargement(self.ground)

    @property
    def scale(self) -> float:
        """Pixels of the picture for each of the frame."""
        return self.ground.width * self.times / self.size[1]

    def fitted(self, bitmap: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Bring a mask of the frame to the ground's size; what is thin is kept rather than lost."""
        shape = (self.ground.height, self.ground.width)
        if bitmap.shape == shape:
            return bitmap
        plane = np.ascontiguousarray(bitmap).view(np.uint8) * 255
        shares = cv2.resize(plane, shape[::-1], interpolation=cv2.INTER_AREA)
        fitted: NDArray[np.bool_] = shares >= 128
        return fitted if fitted.any() else shares > 0


def stage_for(exchange: Exchange, *, frame: tuple[int, int] | None = None) -> Stage:
    """Find the ground for the masks of an exchange.

    Args:
        exchange: The exchange.
        frame: ``(height, width)`` of the masks, where that is known; that of the photograph by default.

    Raises:
        Unshown: If there is neither a photograph nor a frame.
    """
    reason = "the request sent no image"
    image = exchange.case.sent.get("image")
    if isinstance(image, Mapping) and image.get("type") == "base64" and isinstance(image.get("value"), str):
        try:
            photograph = _photograph(image["value"])
            if frame is None or frame == (photograph.size.height, photograph.size.width):
                return Stage(photograph.picture, (photograph.size.height, photograph.size.width))
            reason = "the masks have another frame than the photograph"
        except Unshown as unshown:
            reason = str(unshown)
    elif isinstance(image, Mapping):
        reason = "the photograph was not sent, only named"
    size = frame or (exchange.case.image.size if exchange.case.image else None)
    if size is None:
        raise Unshown(reason)
    height, width = size
    if min(size) < 1 or height * width > MAX_PHOTOGRAPH:
        raise Unshown(f"{reason}, and a frame of {width} x {height} pixels is not drawn")
    plane = Image.new("RGB", _within(width, height), _GREY)
    return Stage(plane, size, f"drawn on grey: {reason}")


def bitmap_of(mask: object, stage: Stage) -> tuple[NDArray[np.bool_], bool]:
    """Draw a mask as it stands in a stage's frame, sound or not.

    Returns:
        The bitmap, of the ground's shape, and whether the mask has the frame's size and lies in it.

    Raises:
        Unshown: If it cannot be decoded, or is too large.
    """
    stated = mask.get("size") if isinstance(mask, dict) else getattr(mask, "shape", None)
    sides = stated if isinstance(stated, list | tuple) and all(isinstance(side, int) for side in stated) else ()
    if np.prod([float(side) for side in sides]) > MAX_MASK:
        raise Unshown(f"a mask of {' x '.join(map(str, sides))} pixels is not drawn")
    if stage.size[0] * stage.size[1] > MAX_MASK:
        raise Unshown(f"masks in a frame of {stage.size[1]} x {stage.size[0]} pixels are not drawn")
    try:
        sketch = sketch_of(mask, image_size=stage.size)
        return stage.fitted(sketch.bitmap), sketch.fits
    except (MaskError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError, cv2.error) as error:
        # Any answer gets here, and a report must come out of it.
        raise Unshown(str(error) or type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class _Size:
    height: int
    width: int


@dataclass(frozen=True, slots=True, eq=False)
class _Photograph:
    picture: Image.Image
    size: _Size


def forget_photographs() -> None:
    """Let go of the photographs that were brought to size, once the report is drawn: they are of its run alone."""
    _photograph.cache_clear()


@lru_cache(maxsize=16)
def _photograph(value: str) -> _Photograph:
    try:
        content = bytes_from_base64(value)
        header = read_header(content)
        if header.width * header.height > MAX_PHOTOGRAPH:
            raise Unshown(f"a photograph of {header.width} x {header.height} pixels is not drawn")
        photograph = open_photograph(content)
    except ImageError as error:
        raise Unshown(str(error)) from error
    size = _Size(photograph.height, photograph.width)
    return _Photograph(photograph.resize(_within(*photograph.size), Image.Resampling.LANCZOS), size)


def _within(width: int, height: int) -> tuple[int, int]:
    """Shrink sides so that the longer one is at most `MAX_SIDE`."""
    longest = max(width, height)
    if longest <= MAX_SIDE:
        return width, height
    return max(1, round(width * MAX_SIDE / longest)), max(1, round(height * MAX_SIDE / longest))
