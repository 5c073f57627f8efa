"""Masks drawn over their photograph: coloured, outlined, labelled; holes stay holes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from sam3_contract.errors import ImageError
from sam3_contract.exchanges.predictions import prediction_lists
from sam3_contract.images import decode, read_header
from sam3_contract.masks import bitmap_from_masks

__all__ = ["Contrast", "Layer", "draw_difference", "draw_masks", "enlargement", "layers_of", "open_photograph"]

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]

# Okabe and Ito's palette, told apart with any colour vision; its black and yellow are left out.
PALETTE: Final[tuple[Colour, ...]] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (213, 94, 0),
    (0, 114, 178),
    (204, 121, 167),
)
ONLY_FIRST: Final[Colour] = (20, 120, 220)
ONLY_SECOND: Final[Colour] = (245, 130, 10)
BOTH: Final[Colour] = (235, 235, 235)
OPACITY: Final = 0.45
SMALLEST_SIDE: Final = 640
"""Photographs whose longer side is less than this many pixels are enlarged, for a label to be legible in them."""

_MAX_PIXELS: Final = 2**27  # of a photograph; of more, Pillow says that they are too many
_WHITE: Final[Colour] = (255, 255, 255)
_INK: Final[Colour] = (20, 20, 20)


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


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """One instance as two answers have it.

    Attributes:
        first: Bool, shape ``(height, width)`` of the photograph; None if the first answer lacks it.
        second: The same of the second answer.
        label: What to write beside it.
    """

    first: NDArray[np.bool_] | None
    second: NDArray[np.bool_] | None
    label: str


def open_photograph(content: bytes) -> Image.Image:
    """Decode an image file to RGB, as the service does: turned as that turns it, 16 bits scaled to 8.

    What the service does not decode is shown all the same if Pillow does, turned upright by its EXIF tag.

    Raises:
        ImageError: If it cannot be decoded.
    """
    pixels = _as_the_service_does(content)
    if pixels is not None:
        return Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    try:
        with Image.open(io.BytesIO(content)) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        known = not isinstance(error, UnidentifiedImageError)  # else it tells an address in memory
        raise ImageError(f"the image cannot be decoded: {error if known else 'it is of no known format'}") from error


def _as_the_service_does(content: bytes) -> NDArray[np.uint8] | None:
    try:
        header = read_header(content)
    except ImageError:
        return None
    return decode(content, header) if header.width * header.height <= _MAX_PIXELS else None


def layers_of(answer: dict[str, Any], *, size: tuple[int, int]) -> Iterator[Layer]:
    """Take the masks out of an answer of either segmentation operation, a colour for each prompt or prediction.

    Args:
        answer: The JSON body.
        size: ``(height, width)`` of the photograph.

    Raises:
        MaskError: If a mask is not sound.
    """
    for found in prediction_lists(answer):
        for index, prediction in enumerate(found.predictions):
            if found.prompt is None:
                yield _layer(prediction, f"mask {index}", index, size)
            else:
                number = found.holder["prompt_index"]
                yield _layer(prediction, found.holder["echo"]["text"] or f"exemplar {number}", number, size)


def enlargement(photograph: Image.Image) -> int:
    """Tell how many times a photograph is to be enlarged for labels to be legible.

    Example:
        >>> enlargement(Image.new("RGB", (200, 100))), enlargement(Image.new("RGB", (2000, 1000)))
        (4, 1)
    """
    return -(-SMALLEST_SIDE // max(photograph.size)) if max(photograph.size) < SMALLEST_SIDE else 1


def draw_masks(photograph: Image.Image, layers: Sequence[Layer], *, times: int = 1) -> Image.Image:
    """Draw masks over a photograph.

    Args:
        photograph: RGB.
        layers: The masks, the first at the bottom; each of the photograph's size.
        times: How many times to enlarge it; see `enlargement`.

    Returns:
        A new image, *times* the size.
    """
    canvas = _enlarged(photograph, times)
    for layer in layers:
        _tint(canvas, layer.mask, _colour(layer), opacity=OPACITY, times=times)
    for layer in layers:
        _outline(canvas, layer.mask, _colour(layer), times=times)
    picture = Image.fromarray(canvas)
    _write_labels(picture, [(layer.mask, layer.label, _colour(layer)) for layer in layers], times=times)
    return picture


def draw_difference(
    photograph: Image.Image, contrasts: Sequence[Contrast], *, names: tuple[str, str], times: int = 1
) -> Image.Image:
    """Draw where two answers differ: blue what only the first has, orange what only the second has, white both.

    Args:
        photograph: RGB; it is drawn in pale grey, so that the colours are those of the masks.
        contrasts: The instances.
        names: What the legend calls the two answers.
        times: How many times to enlarge the photograph; see `enlargement`.

    Returns:
        A new image, *times* the size, with a legend below.
    """
    canvas = _enlarged(photograph.convert("L").convert("RGB"), times)
    canvas[...] = canvas // 2 + 20
    areas = _pixels_of(contrasts, shape=(photograph.height, photograph.width))
    colours = (BOTH, ONLY_FIRST, ONLY_SECOND)
    for area, colour, opacity in zip(areas, colours, (0.45, 0.8, 0.8), strict=True):
        _tint(canvas, area, colour, opacity=opacity, times=times)
    labelled = []
    for contrast in contrasts:
        for mask, colour in _pieces(contrast):
            _outline(canvas, mask, colour, times=times)
            labelled.append((mask, contrast.label, colour))
    picture = Image.fromarray(canvas)
    _write_labels(picture, labelled, times=times)
    words = ("in both", f"only in {names[0]}", f"only in {names[1]}")
    entries = [
        (colour, f"{word}: {np.count_nonzero(area):,} px")
        for colour, word, area in zip(colours, words, areas, strict=True)
    ]
    return _with_legend(picture, entries)


def _layer(prediction: dict[str, Any], text: str, colour: int, size: tuple[int, int]) -> Layer:
    mask = bitmap_from_masks(prediction["masks"], image_size=size)
    return Layer(mask, f"{text} {prediction['confidence']:.2f}", colour)


def _colour(layer: Layer) -> Colour:
    return PALETTE[layer.colour % len(PALETTE)]


def _pieces(contrast: Contrast) -> list[tuple[NDArray[np.bool_], Colour]]:
    """Take the masks of an instance together, unless they lie apart."""
    one, other = contrast.first, contrast.second
    if one is not None and other is not None and (one & other).any():
        return [(one | other, BOTH)]
    return [(mask, colour) for mask, colour in ((one, ONLY_FIRST), (other, ONLY_SECOND)) if mask is not None]


def _pixels_of(contrasts: Sequence[Contrast], *, shape: tuple[int, int]) -> tuple[NDArray[np.bool_], ...]:
    """Sort pixels: in both masks of an instance, only in the first, only in the second; a difference prevails."""
    both, first, second = (np.zeros(shape, np.bool_) for _ in range(3))
    none = np.zeros(shape, np.bool_)
    for contrast in contrasts:
        one = none if contrast.first is None else contrast.first
        other = none if contrast.second is None else contrast.second
        both |= one & other
        first |= one & ~other
        second |= other & ~one
    return both & ~first & ~second, first, second


def _enlarged(photograph: Image.Image, times: int) -> NDArray[np.uint8]:
    image = photograph.convert("RGB")
    if times > 1:
        image = image.resize((image.width * times, image.height * times), Image.Resampling.BICUBIC)
    return np.array(image)


def _crop(mask: NDArray[np.bool_], *, times: int) -> tuple[NDArray[np.uint8], int, int]:
    """Cut a mask's box out, enlarged, and say where on the canvas it lies."""
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    crop = np.ascontiguousarray(mask[top : top + height, left : left + width]).view(np.uint8)
    return np.repeat(np.repeat(crop, times, axis=0), times, axis=1), left * times, top * times


def _tint(canvas: NDArray[np.uint8], mask: NDArray[np.bool_], colour: Colour, *, opacity: float, times: int) -> None:
    crop, left, top = _crop(mask, times=times)
    view = canvas[top : top + crop.shape[0], left : left + crop.shape[1]]
    inside = crop.view(np.bool_)
    view[inside] = (view[inside] * (1 - opacity) + np.array(colour) * opacity).astype(np.uint8)


def _outline(canvas: NDArray[np.uint8], mask: NDArray[np.bool_], colour: Colour, *, times: int) -> None:
    """Draw the outlines of a mask and of its holes, dark on both sides, so that they show on any ground."""
    crop, left, top = _crop(mask, times=times)
    if not crop.size:
        return
    contours, _ = cv2.findContours(crop, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(left, top))
    stroke = max(1, round(min(canvas.shape[:2]) / 350))
    cv2.drawContours(canvas, contours, -1, _INK, stroke + 2)
    cv2.drawContours(canvas, contours, -1, colour, stroke)


def _write_labels(
    picture: Image.Image, labelled: Sequence[tuple[NDArray[np.bool_], str, Colour]], *, times: int
) -> None:
    """Write labels on chips in their masks' colours, none over another if there is room."""
    font = _font(picture)
    draw = ImageDraw.Draw(picture)
    taken: list[Box] = []
    for mask, label, colour in labelled:
        if not label or not mask.any():
            continue
        text = label if len(label) <= 40 else label[:37] + "..."
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        pad = max(3, round(font.size / 4))
        size = (round(right - left) + 2 * pad, round(bottom - top) + 2 * pad)
        box = _place(mask, size=size, taken=taken, canvas=picture.size, times=times)
        taken.append(box)
        draw.rounded_rectangle(box, pad, fill=colour, outline=_INK)
        ink = _INK if 2 * colour[0] + 5 * colour[1] + colour[2] > 8 * 110 else _WHITE
        draw.text((box[0] + pad - left, box[1] + pad - top), text, font=font, fill=ink)


def _font(picture: Image.Image) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=max(12, min(picture.size) // 36))
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def _place(
    mask: NDArray[np.bool_], *, size: tuple[int, int], taken: Sequence[Box], canvas: tuple[int, int], times: int
) -> Box:
    """Find room for a label: deep inside a mask that is large enough, else next to it, else wherever it is free."""
    crop, left, top = _crop(mask, times=times)
    height, width = crop.shape
    beside = [(left + width // 2, top - size[1] // 2 - 2), (left + width // 2, top + height + size[1] // 2 + 2)]
    places = [_deepest(crop, left, top), *beside]
    if width < 2 * size[0] or height < 3 * size[1]:
        places = [*beside, places[0]]
    step = size[1] + 2
    places += [(x, y + way * nth * step) for nth in range(1, 12) for x, y in places[:1] for way in (1, -1)]
    boxes = [_box_around(place, size=size, canvas=canvas) for place in places]
    return next((box for box in boxes if not any(_meet(box, other) for other in taken)), boxes[0])


def _deepest(crop: NDArray[np.uint8], left: int, top: int) -> tuple[int, int]:
    depth = cv2.distanceTransform(np.pad(crop, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = divmod(int(depth.argmax()), crop.shape[1])
    return left + x, top + y


def _box_around(place: tuple[int, int], *, size: tuple[int, int], canvas: tuple[int, int]) -> Box:
    """Put a label's middle at a place, but all of it into the picture."""
    x = min(max(place[0] - size[0] // 2, 0), max(canvas[0] - size[0] - 1, 0))
    y = min(max(place[1] - size[1] // 2, 0), max(canvas[1] - size[1] - 1, 0))
    return x, y, x + size[0], y + size[1]


def _meet(box: Box, other: Box) -> bool:
    return box[0] <= other[2] and other[0] <= box[2] and box[1] <= other[3] and other[1] <= box[3]


def _with_legend(picture: Image.Image, entries: Sequence[tuple[Colour, str]]) -> Image.Image:
    """Add a strip below with a square of each colour and what it means, in as many rows as they need."""
    font = _font(picture)
    draw = ImageDraw.Draw(picture)
    side = round(font.size)
    row = round(side * 1.8)
    spots: list[tuple[int, int]] = []
    x = y = side // 2
    for _, words in entries:
        width = 2 * side + round(draw.textlength(words, font=font))
        if spots and x + width > picture.width:
            x, y = side // 2, y + row
        spots.append((x, y))
        x += width + side
    whole = Image.new("RGB", (picture.width, picture.height + y + row), _WHITE)
    whole.paste(picture, (0, 0))
    draw = ImageDraw.Draw(whole)
    for (colour, words), (left, below) in zip(entries, spots, strict=True):
        top = picture.height + below
        draw.rectangle((left, top, left + side, top + side), fill=colour, outline=_INK)
        draw.text((left + side * 3 // 2, top + side // 2), words, font=font, fill=_INK, anchor="lm")
    return whole
