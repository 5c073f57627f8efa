"""The predictions of an answer and their masks, measured once and kept with the exchange."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from sam3_contract.errors import MaskError
from sam3_contract.exchanges.exchange import Exchange, kept
from sam3_contract.exchanges.predictions import prediction_lists
from sam3_contract.masks import (
    RleBatch,
    area_of_run_lengths,
    bitmap_from_run_lengths,
    box_of_run_lengths,
    holes_filled,
    parse_rles,
    run_lengths_from_bitmap,
    run_lengths_from_masks,
)

Runs = NDArray[np.int64]
Bitmap = NDArray[np.bool_]
Size = tuple[int, int]

MAX_PREDICTIONS: Final = 4096
"""Predictions of one answer that are looked at: the model finds up to 200 for each of 16 prompts."""
MAX_FRAME: Final = 2**24  # pixels of a frame that is known from an answer only
MOST_DRAWN: Final = 16  # masks whose pixels are kept: a comparison of many looks at one of them again and again


@dataclass(frozen=True, eq=False)
class Mask:
    """A sound mask.

    Attributes:
        runs: Its runs down the columns, background first, in pixels, shape ``(n_runs,)``.
        size: ``(height, width)`` of its frame in pixels.
    """

    runs: Runs
    size: Size

    @classmethod
    def of(cls, bitmap: Bitmap) -> Mask:
        """Measure a bitmap of shape ``(height, width)``."""
        return cls(run_lengths_from_bitmap(np.ascontiguousarray(bitmap)), (bitmap.shape[0], bitmap.shape[1]))

    @cached_property
    def area(self) -> int:
        """Its pixels."""
        return area_of_run_lengths(self.runs)

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """``(x, y, width, height)`` of its pixels, anchored at the top left; zeros if it has none."""
        return box_of_run_lengths(self.runs, height=self.size[0])

    @cached_property
    def key(self) -> bytes:
        """What tells it from other masks of its size."""
        return self.runs.tobytes()

    def holds(self, x: int, y: int) -> bool:
        """Tell whether a pixel of the frame is in the mask."""
        return bool(np.searchsorted(self._edges, x * self.size[0] + y, side="right") % 2)

    @cached_property
    def _edges(self) -> Runs:
        return np.cumsum(self.runs)

    @property
    def bitmap(self) -> Bitmap:
        """The mask drawn, shape ``(height, width)``; not to be written to. Those drawn last are kept."""
        return _drawn(self)

    @cached_property
    def filled(self) -> Mask:
        """The mask without its holes, as polygons give it."""
        return Mask(holes_filled(self.runs, size=self.size), self.size)


def forget_drawings() -> None:
    """Let go of the pixels that are kept of masks: of a large photograph they are up to 256 MB."""
    _drawn.cache_clear()


@lru_cache(maxsize=MOST_DRAWN)
def _drawn(mask: Mask) -> Bitmap:
    drawn = bitmap_from_run_lengths(mask.runs, size=mask.size)
    drawn.flags.writeable = False
    return drawn


@dataclass(frozen=True, eq=False)
class Prediction:
    """A prediction of an answer.

    Attributes:
        path: JSON path of the prediction.
        prompt: Index of its prompt; ``None`` where the answer does not say.
        value: The JSON object.
    """

    path: str
    prompt: int | None
    value: dict[str, Any]
    _answer: _Answer = field(repr=False)
    _index: int = field(repr=False)

    @property
    def confidence(self) -> float:
        """How sure the model is; 0 where the answer holds no number, which the schema reports."""
        return number(self.value.get("confidence")) or 0.0

    @property
    def is_polygon(self) -> bool:
        """Whether its mask is given as polygons, or else as run lengths."""
        return isinstance(self.value.get("masks"), list)

    @cached_property
    def mask(self) -> Mask | None:
        """Its mask; ``None`` if that is not sound or of another size than the image, which the M checks report."""
        return self._answer.mask_of(self._index)


class _Answer:
    """The masks of one answer: all compressed run lengths are parsed in one pass when the first is wanted."""

    def __init__(self, frame: Size | None) -> None:
        self.frame = frame
        self.masks: list[object] = []

    def mask_of(self, index: int) -> Mask | None:
        if self.frame is None:
            return None
        place = self._places.get(index)
        if place is not None:
            return self._parsed(place, self.frame)
        try:
            return Mask(run_lengths_from_masks(self.masks[index], image_size=self.frame), self.frame)
        except (MaskError, ValueError, TypeError):
            return None

    def _parsed(self, place: int, frame: Size) -> Mask | None:
        sound = not self._batch.breaches[place] and tuple(self._batch.sizes[place].tolist()) == frame
        return Mask(self._batch.run_lengths_of(place), frame) if sound else None

    @cached_property
    def _places(self) -> dict[int, int]:
        """Where in the batch each mask is that is compressed."""
        encoded = [index for index, masks in enumerate(self.masks) if isinstance(masks, dict) and _is_text(masks)]
        return {index: place for place, index in enumerate(encoded)}

    @cached_property
    def _batch(self) -> RleBatch:
        return parse_rles([self.masks[index] for index in self._places])


@kept
def predictions_of(exchange: Exchange) -> tuple[Prediction, ...]:
    """List the predictions of an answer, up to :data:`MAX_PREDICTIONS`; none if it has not the document's shape.

    Those that are nested beyond any mask are left out: the schema reports them, and nothing else could look at them.
    """
    return tuple(islice(_all_predictions(exchange), MAX_PREDICTIONS))


def frame_of(exchange: Exchange) -> Size | None:
    """Tell the ``(height, width)`` of the masks of an exchange: the image's, else the one that an RLE states."""
    return exchange.case.image.size if exchange.case.image is not None else _stated_frame(exchange)


def list_of(node: Any, key: str) -> list[Any]:
    """Take a list out of a JSON object; empty if there is none."""
    found = node.get(key) if isinstance(node, dict) else None
    return found if isinstance(found, list) else []


def number(value: object) -> float | None:
    """Take a JSON number; ``None`` of anything else, booleans included."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _all_predictions(exchange: Exchange) -> Iterator[Prediction]:
    if not exchange.succeeded:
        return
    answer = _Answer(frame_of(exchange))
    for found in prediction_lists(exchange.answer):
        for index, value in enumerate(found.predictions):
            if isinstance(value, dict) and _is_shallow(value):
                answer.masks.append(value.get("masks"))
                yield Prediction(f"{found.path}[{index}]", found.prompt, value, answer, len(answer.masks) - 1)


def _is_shallow(value: dict[str, Any]) -> bool:
    """Tell whether a value can be compared and shown: orjson reads 1024 levels and writes 254."""
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True


def _is_text(masks: dict[str, Any]) -> bool:
    return isinstance(masks.get("counts"), str)


@kept
def _stated_frame(exchange: Exchange) -> Size | None:
    for found in prediction_lists(exchange.answer):
        for value in found.predictions:
            size = list_of(value.get("masks") if isinstance(value, dict) else None, "size")
            if len(size) == 2 and all(type(side) is int and side > 0 for side in size) and _is_small(size):
                return size[0], size[1]
    return None


def _is_small(size: Sequence[int]) -> bool:
    return max(size) < MAX_FRAME and size[0] * size[1] <= MAX_FRAME
