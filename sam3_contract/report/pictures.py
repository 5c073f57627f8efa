"""What makes a finding visible: masks over their photograph, found beside expected, each picture kept once."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from sam3_contract.checks import Violation
from sam3_contract.checks.check import Shown
from sam3_contract.checks.prompts import corners_of, prompts_of, visual_request
from sam3_contract.errors import MaskError
from sam3_contract.exchanges.drawing import PALETTE, Contrast, Layer, draw_difference, draw_masks
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import Prediction, list_of, number, predictions_of
from sam3_contract.masks import masks_from_npz
from sam3_contract.report.stage import Stage, Unshown, bitmap_of, stage_for
from sam3_contract.report.words import count_of, safe

__all__ = ["Album", "Figure", "Picture", "figures_of"]

MAX_BYTES: Final = 8 * 2**20  # of all pictures, as files
MAX_PICTURES: Final = 240
MAX_SECONDS: Final = 60.0  # of drawing; far beyond what any but a hostile answer takes
MAX_MASKS: Final = 24  # of one picture
QUALITY: Final = 72  # of WebP; the colours of masks stay apart

Colour = tuple[int, int, int]

_GREEN, _RED, _INK = (40, 200, 80), (230, 50, 50), (20, 20, 20)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in the report.

    Attributes:
        id: Its name in the page.
        width: In pixels.
        height: In pixels.
        content: The file as base64, of type WebP.
    """

    id: str
    width: int
    height: int
    content: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture and what it shows.

    Attributes:
        caption: What is seen, or why nothing is.
        picture: ``None`` if nothing is.
    """

    caption: str
    picture: Picture | None = None


@dataclass(slots=True)
class Album:
    """The pictures of a report: the same one only once, and no more than a report can hold.

    Attributes:
        pictures: In the order in which they were first wanted.
        is_full: Whether one had to be left out.
    """

    max_bytes: int = MAX_BYTES
    pictures: list[Picture] = field(default_factory=list)
    is_full: bool = False
    _known: dict[Hashable, tuple[str, Picture | None]] = field(default_factory=dict)
    _bytes: int = 0
    _began: float = field(default_factory=time.monotonic)

    def figure(self, key: Hashable, draw: Callable[[], tuple[str, Image.Image | None]]) -> Figure:
        """Draw a picture, unless it is known, or the album is full.

        Args:
            key: What tells the picture from others.
            draw: Makes its caption, and the picture if there is something to see.
        """
        if key not in self._known:
            spent = time.monotonic() - self._began
            if self._bytes >= self.max_bytes or len(self.pictures) >= MAX_PICTURES or spent > MAX_SECONDS:
                self.is_full = True
                return Figure("not drawn: the report holds as many pictures as it can")
            try:
                caption, image = draw()
            except Unshown as reason:
                caption, image = f"not drawn: {reason}", None
            self._known[key] = (caption, None if image is None else self._kept(image))
        caption, picture = self._known[key]
        return Figure(caption, picture)

    def _kept(self, image: Image.Image) -> Picture:
        file = io.BytesIO()
        image.save(file, "WEBP", quality=QUALITY, method=2)
        self._bytes += file.tell()
        content = base64.b64encode(file.getvalue()).decode("ascii")
        self.pictures.append(Picture(f"p{len(self.pictures) + 1}", image.width, image.height, content))
        return self.pictures[-1]


def figures_of(violation: Violation, album: Album) -> list[Figure]:
    """Draw a violation: found beside expected if the check says what to draw, else what the answer holds there.

    Never raises, whatever was answered: what cannot be drawn has a caption that says why.
    """
    exchange, shown = violation.exchange, violation.breach.masks
    if shown is not None and (shown.found or shown.expected):
        return [_safely(figure, exchange) for figure in _compared(exchange, shown, album)]
    prediction = _prediction_at(violation)
    key = (id(exchange), prediction.path if prediction else "")
    return [_safely(album.figure(key, lambda: _answered(exchange, prediction)), exchange)]


def _safely(figure: Figure, exchange: Exchange) -> Figure:
    """Make a caption fit to be shown."""
    return Figure(safe(figure.caption, exchange), figure.picture)


def _compared(exchange: Exchange, shown: Shown, album: Album) -> Iterator[Figure]:
    found, expected = (tuple(map(id, masks)) for masks in (shown.found, shown.expected))
    key = (id(exchange), shown.size)
    yield album.figure((key, "found", found), lambda: _drawn(exchange, shown, shown.found, "found"))
    if shown.expected:
        yield album.figure((key, "expected", expected), lambda: _drawn(exchange, shown, shown.expected, "expected"))
    if shown.found and shown.expected:
        yield album.figure((key, found, expected), lambda: _difference(exchange, shown))


def _drawn(exchange: Exchange, shown: Shown, masks: Sequence[Any], words: str) -> tuple[str, Image.Image | None]:
    stage = stage_for(exchange, frame=_frame(shown))
    bitmaps, notes = _bitmaps(masks, stage)
    layers = [Layer(bitmap, f"{words} {index}" if len(masks) > 1 else words, index) for index, bitmap in bitmaps]
    if not masks:
        return f"{words}: no mask{_noted(stage, notes)}", _picture(exchange, stage, [])
    return f"{words}{_noted(stage, notes)}", _picture(exchange, stage, layers)


def _difference(exchange: Exchange, shown: Shown) -> tuple[str, Image.Image | None]:
    stage = stage_for(exchange, frame=_frame(shown))
    expected, found = (_union(masks, stage) for masks in (shown.expected, shown.found))
    contrasts = [Contrast(expected, found, "")]
    picture = draw_difference(stage.ground, contrasts, names=("expected", "found"), times=stage.times)
    return "difference: blue is missing, orange was added", picture


def _frame(shown: Shown) -> tuple[int, int]:
    return int(shown.size[0]), int(shown.size[1])


def _union(masks: Sequence[Any], stage: Stage) -> NDArray[np.bool_]:
    bitmaps, _ = _bitmaps(masks, stage)
    if not bitmaps:
        raise Unshown("one side of the comparison cannot be decoded")
    union: NDArray[np.bool_] = np.logical_or.reduce([bitmap for _, bitmap in bitmaps])
    return union


def _prediction_at(violation: Violation) -> Prediction | None:
    """Find the prediction that a breach is in."""
    at = violation.breach.at
    for prediction in predictions_of(violation.exchange):
        if at == prediction.path or at.startswith((f"{prediction.path}.", f"{prediction.path}[")):
            return prediction
    return None


def _answered(exchange: Exchange, prediction: Prediction | None) -> tuple[str, Image.Image | None]:
    """Draw what an answer holds: one prediction, all of them, or what was sent if there are none."""
    found = [prediction] if prediction else list(predictions_of(exchange))
    masks = [one.value.get("masks") for one in found] or _logits(exchange)
    stage = stage_for(exchange, frame=None if _has_photograph(exchange) else _stated_frame(masks))
    if not masks:
        return f"the photograph that was sent{_noted(stage, [])}", _picture(exchange, stage, [])
    bitmaps, notes = _bitmaps(masks, stage)
    labels = [_label(one) for one in found] or [str(index) for index in range(len(masks))]
    colours = [one.prompt or 0 for one in found] if len({one.prompt for one in found}) > 1 else range(len(masks))
    # A label would hide the click that lies in the middle of the only mask.
    layers = [Layer(bitmap, "" if prediction else labels[index], colours[index]) for index, bitmap in bitmaps]
    what = f"prediction {labels[0]} as answered" if prediction else f"{count_of(len(masks), 'mask')} as answered"
    return what + _noted(stage, notes), _picture(exchange, stage, layers, prompt=_prompt_of(exchange, prediction))


def _prompt_of(exchange: Exchange, prediction: Prediction | None) -> int | None:
    """Tell which prompt a prediction answers; ``None`` for all of them."""
    found = [prompt.index for prompt in prompts_of(exchange) if prediction in prompt.predictions]
    return found[0] if found else None


def _logits(exchange: Exchange) -> list[Any]:
    """Take the masks out of an npz; none if the answer is no sound one."""
    if exchange.status != 200 or exchange.answer is not None:
        return []
    try:
        return list(masks_from_npz(exchange.body).bitmaps()[:MAX_MASKS])
    except MaskError:
        return []


def _has_photograph(exchange: Exchange) -> bool:
    try:
        return not stage_for(exchange).note
    except Unshown:
        return False


def _stated_frame(masks: Iterable[Any]) -> tuple[int, int] | None:
    """Take the frame from what the masks state; ``None`` if none does."""
    for mask in masks:
        stated = mask.get("size") if isinstance(mask, dict) else getattr(mask, "shape", None)
        if isinstance(stated, list | tuple) and len(stated) == 2 and all(type(side) is int for side in stated):
            return stated[0], stated[1]
    return None


def _bitmaps(masks: Sequence[Any], stage: Stage) -> tuple[list[tuple[int, NDArray[np.bool_]]], list[str]]:
    """Draw masks.

    Returns:
        Those that can be drawn with their number, and what is to be said of the others.
    """
    drawn, notes, outside = [], [], 0
    for index, mask in enumerate(masks[:MAX_MASKS]):
        try:
            bitmap, fits = bitmap_of(mask, stage)
        except Unshown as reason:
            notes.append(f"mask {index} cannot be drawn: {reason}" if len(masks) > 1 else f"cannot be drawn: {reason}")
            continue
        drawn.append((index, bitmap))
        outside += not fits
    if outside:
        notes.append(f"{outside} of {len(masks)} lie outside the image or have another size; drawn where they lie")
    if len(masks) > MAX_MASKS:
        notes.append(f"{len(masks) - MAX_MASKS} more are not drawn")
    return drawn, notes


def _noted(stage: Stage, notes: Sequence[str]) -> str:
    said = [*filter(None, [stage.note]), *notes[:3]]
    if len(notes) > 3:
        said.append(f"and {len(notes) - 3} more like that")
    return "".join(f"; {one}" for one in said)


def _label(prediction: Prediction) -> str:
    confidence = number(prediction.value.get("confidence"))
    index = prediction.path.rpartition("[")[2].rstrip("]")
    name = index if prediction.prompt is None else f"{prediction.prompt}.{index}"
    return name if confidence is None else f"{name} ({confidence:.2f})"


def _picture(exchange: Exchange, stage: Stage, layers: Sequence[Layer], *, prompt: int | None = None) -> Image.Image:
    picture = draw_masks(stage.ground, layers, times=stage.times)
    _draw_prompts(picture, exchange, stage, prompt=prompt)
    return picture


def _draw_prompts(picture: Image.Image, exchange: Exchange, stage: Stage, *, prompt: int | None) -> None:
    """Draw the clicks and boxes of a prompt, or of all, over a picture, where they can be understood."""
    draw, scale = ImageDraw.Draw(picture), stage.scale
    stroke = max(2, round(max(picture.size) / 240))
    try:
        for index, box, colour in _boxes(exchange):
            corners = [min(max(side * scale, -1e5), 1e5) for side in box]
            if prompt in {None, index} and corners[0] <= corners[2] and corners[1] <= corners[3]:
                draw.rectangle(corners, outline=_INK, width=stroke + 2)
                draw.rectangle(corners, outline=colour, width=stroke)
        for index, x, y, positive in sorted(_points(exchange), key=lambda click: click[3]):
            if prompt in {None, index}:
                _draw_click(draw, x * scale, y * scale, radius=stroke * 4, colour=_GREEN if positive else _RED)
    except (ArithmeticError, ValueError, TypeError):
        return  # a request that no server should take; its masks are drawn all the same


def _draw_click(draw: ImageDraw.ImageDraw, x: float, y: float, *, radius: int, colour: Colour) -> None:
    """Draw a disc with a plus in it, or a minus: colour alone does not tell."""
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour, outline=_INK, width=2)
    bar = radius * 0.6
    draw.line((x - bar, y, x + bar, y), fill=_INK, width=2)
    if colour == _GREEN:
        draw.line((x, y - bar, x, y + bar), fill=_INK, width=2)


def _boxes(exchange: Exchange) -> Iterator[tuple[int, tuple[float, float, float, float], Colour]]:
    """List boxes with the number of their prompt, as ``(left, top, right, bottom)`` in pixels."""
    request = visual_request(exchange)
    for index, prompt in enumerate(request.asked if request else ()):
        if prompt.box is not None:
            x, y, width, height = prompt.box.x, prompt.box.y, prompt.box.width, prompt.box.height
            yield index, (x - width / 2, y - height / 2, x + width / 2, y + height / 2), PALETTE[index % len(PALETTE)]
    if exchange.case.operation == "concept_segment":
        for index, prompt in enumerate(list_of(exchange.case.sent, "prompts")):
            labels = list_of(prompt, "box_labels")
            boxes = corners_of(prompt) if isinstance(prompt, dict) else None
            for box, label in zip(boxes or (), labels, strict=False):
                yield index, box, _GREEN if label else _RED


def _points(exchange: Exchange) -> Iterator[tuple[int, float, float, bool]]:
    """List clicks with the number of their prompt: ``x``, ``y`` in pixels, and whether they are positive."""
    request = visual_request(exchange)
    for index, prompt in enumerate(request.asked if request else ()):
        for point in prompt.points or ():
            yield index, point.x, point.y, point.positive
