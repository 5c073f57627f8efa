"""Masks drawn over their photograph: coloured, outlined, labelled; holes stay holes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from sam3_contract.errors import ImageError
from sam3_contract.masks import bitmap_from_masks

__all__ = ["Layer", "draw_masks", "layers_of", "open_photograph"]

# Okabe and Ito's palette, told apart with any colour vision; its black and yellow are left out.
PALETTE: Final = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (213, 94, 0), (0, 114, 178), (204, 121, 167))
OPACITY: Final = 0.45


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One mask to draw.

    Attributes:
        mask: Bool, shape ``(height, width)`` of the photograph.
        label: What to write beside it.
        colour: Index into the palette, taken round and round.
    """

    mask: NDArray[np.bool_]
    label: str
    colour: int


def open_photograph(content: bytes) -> Image.Image:
    """Decode an image file, turned upright by its EXIF tag, as RGB.

    Raises:
        ImageError: If it cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"the image cannot be decoded: {error}") from error


def layers_of(answer: dict[str, Any], *, size: tuple[int, int]) -> Iterator[Layer]:
    """Take the masks out of an answer of either segmentation operation, a colour for each prompt or prediction.

    Args:
        answer: The JSON body.
        size: ``(height, width)`` of the photograph.

    Raises:
        MaskError: If a mask is not sound.
    """
    for result in answer.get("prompt_results", ()):
        text = result["echo"]["text"] or f"exemplar {result['prompt_index']}"
        for prediction in result["predictions"]:
            yield _layer(prediction, text, result["prompt_index"], size)
    for index, prediction in enumerate(answer.get("predictions", ())):
        yield _layer(prediction, f"mask {index}", index, size)


def draw_masks(photograph: Image.Image, layers: Sequence[Layer]) -> Image.Image:
    """Draw masks over a photograph.

    Args:
        photograph: RGB.
        layers: The masks, the first at the bottom; each of the photograph's size.

    Returns:
        A new image of the same size.
    """
    canvas = np.asarray(photograph.convert("RGB")).copy()
    for layer in layers:
        colour = np.array(PALETTE[layer.colour % len(PALETTE)], np.float64)
        canvas[layer.mask] = (canvas[layer.mask] * (1 - OPACITY) + colour * OPACITY).astype(np.uint8)
    for layer in layers:
        contours, _ = cv2.findContours(layer.mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, contours, -1, PALETTE[layer.colour % len(PALETTE)], _stroke(photograph))
    picture = Image.fromarray(canvas)
    for layer in layers:
        _write_label(picture, layer)
    return picture


def _layer(prediction: dict[str, Any], text: str, colour: int, size: tuple[int, int]) -> Layer:
    mask = bitmap_from_masks(prediction["masks"], image_size=size)
    return Layer(mask, f"{text} {prediction['confidence']:.2f}", colour)


def _stroke(photograph: Image.Image) -> int:
    return max(1, round(min(photograph.size) / 250))


def _write_label(picture: Image.Image, layer: Layer) -> None:
    """Write a label at the pixel that lies deepest inside the mask, kept inside the picture."""
    if not layer.mask.any():
        return
    depth = cv2.distanceTransform(np.pad(layer.mask, 1).view(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    font = ImageFont.load_default(size=max(11, min(picture.size) // 32))
    draw = ImageDraw.Draw(picture)
    left, top, right, bottom = draw.textbbox((0, 0), layer.label, font=font)
    width, height = right - left + 8, bottom - top + 6
    x0 = min(max(int(x) - width // 2, 0), max(picture.width - width, 0))
    y0 = min(max(int(y) - height // 2, 0), max(picture.height - height, 0))
    draw.rounded_rectangle((x0, y0, x0 + width, y0 + height), 3, fill=(255, 255, 255))
    draw.text((x0 + 4 - left, y0 + 3 - top), layer.label, font=font, fill=(20, 20, 20))
