"""What an answer holds that can be asked about: instances with a sound mask and a confidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import Mask, predictions_of

MAX_FOUND: Final = 64  # of one answer; enough to choose from


@dataclass(frozen=True, slots=True)
class Found:
    """One instance that was found.

    Attributes:
        index: The place of its prompt.
        prompt: The prompt.
        confidence: In 0..1.
        mask: Its mask, of at least one pixel.
    """

    index: int
    prompt: Mapping[str, Any]
    confidence: float
    mask: Mask = field(repr=False)

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
    for one in predictions_of(exchange):
        if one.prompt is None or one.prompt >= len(prompts) or not 0 < one.confidence <= 1:
            continue
        if exchange.case.image is not None and one.mask is not None and one.mask.area:
            yield Found(one.prompt, prompts[one.prompt], one.confidence, one.mask)
