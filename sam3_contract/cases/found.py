"""What an answer holds that can be asked about: instances with a sound mask and a confidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract.errors import MaskError
from sam3_contract.exchange import Exchange
from sam3_contract.masks import area_of_run_lengths, box_of_run_lengths, run_lengths_from_masks
from sam3_contract.predictions import prediction_lists

__all__ = ["Found", "first_telling", "found_in"]

MAX_FOUND: Final = 64  # of one answer; enough to choose from


@dataclass(frozen=True, slots=True)
class Found:
    """One instance that was found.

    Attributes:
        index: The place of its prompt.
        prompt: The prompt.
        confidence: In 0..1.
        runs: Its mask's runs down the columns, shape ``(n_runs,)``.
        box: ``(x, y, width, height)`` of its mask, anchored at the top left, in pixels.
    """

    index: int
    prompt: Mapping[str, Any]
    confidence: float
    runs: NDArray[np.int64] = field(repr=False)
    box: tuple[int, int, int, int]

    @property
    def text(self) -> str | None:
        """What was asked for in words."""
        text = self.prompt.get("text")
        return text if isinstance(text, str) else None

    @property
    def question(self) -> dict[str, Any]:
        """The prompt without its threshold."""
        return {name: value for name, value in self.prompt.items() if name != "output_prob_thresh"}


def found_in(exchange: Exchange | None) -> list[Found]:
    """List what a ``concept_segment`` answer holds, up to :data:`MAX_FOUND`."""
    return [] if exchange is None else list(islice(_found(exchange), MAX_FOUND))


def first_telling(seen: Mapping[str, Exchange], *names: str) -> Exchange | None:
    """Choose the first of several cases whose answer holds anything."""
    return next((seen[name] for name in names if name in seen and found_in(seen[name])), None)


def _found(exchange: Exchange) -> Iterator[Found]:
    prompts = exchange.case.sent.get("prompts", ())
    for listed in prediction_lists(exchange.answer) if exchange.succeeded else ():
        index = listed.prompt
        if index is None or index >= len(prompts):
            continue
        for prediction in listed.predictions:
            found = _read(index, prompts[index], prediction, exchange) if isinstance(prediction, dict) else None
            if found is not None:
                yield found


def _read(index: int, prompt: Mapping[str, Any], prediction: Mapping[str, Any], exchange: Exchange) -> Found | None:
    size = exchange.case.image.size if exchange.case.image else (0, 0)
    confidence = prediction.get("confidence")
    if not isinstance(confidence, int | float) or isinstance(confidence, bool) or not 0 < confidence <= 1:
        return None
    try:
        runs = run_lengths_from_masks(prediction.get("masks"), image_size=size)
    except (MaskError, ValueError, TypeError):
        return None
    if not area_of_run_lengths(runs):
        return None
    return Found(index, prompt, float(confidence), runs, box_of_run_lengths(runs, height=size[0]))
