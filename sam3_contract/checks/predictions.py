"""Where predictions lie in an answer, whichever operation gave it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from weakref import WeakKeyDictionary

import orjson

from sam3_contract.exchange import Exchange
from sam3_contract.predictions import prediction_lists

__all__ = ["MAX_PLACES", "Place", "concept_results", "list_of", "number", "predictions_of"]

MAX_PLACES: Final = 4096
"""Predictions of one answer that are looked at: the model finds up to 200 for each of 16 prompts."""
_PLACES: Final[WeakKeyDictionary[Exchange, tuple[Place, ...]]] = WeakKeyDictionary()  # every check asks anew


@dataclass(frozen=True, slots=True)
class Place:
    """A prediction and where it lies.

    Attributes:
        path: JSON path of the prediction.
        prompt: Index of its prompt; ``None`` where the answer does not say.
        prediction: The JSON object.
    """

    path: str
    prompt: int | None
    prediction: dict[str, Any]

    @property
    def confidence(self) -> float:
        """How sure the model is; 0 where the answer holds no number, which the schema reports."""
        return number(self.prediction.get("confidence")) or 0.0


def predictions_of(exchange: Exchange) -> Iterator[Place]:
    """List the predictions of an answer, up to :data:`MAX_PLACES`; none if it is not of the shape the document has.

    Those that are nested beyond any mask are left out: the schema reports them, and nothing else could look at them.
    """
    if exchange not in _PLACES:
        _PLACES[exchange] = tuple(islice(_all_predictions(exchange), MAX_PLACES))
    yield from _PLACES[exchange]


def concept_results(exchange: Exchange) -> Sequence[Any] | None:
    """Take the prompt results of a successful ``concept_segment`` answer; ``None`` of any other."""
    if exchange.case.operation != "concept_segment" or not exchange.succeeded:
        return None
    return list_of(exchange.answer, "prompt_results")


def list_of(node: Any, key: str) -> list[Any]:
    """Take a list out of a JSON object; empty if there is none."""
    found = node.get(key) if isinstance(node, dict) else None
    return found if isinstance(found, list) else []


def number(value: object) -> float | None:
    """Take a JSON number; ``None`` of anything else, booleans included."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _all_predictions(exchange: Exchange) -> Iterator[Place]:
    if not exchange.succeeded:
        return
    for found in prediction_lists(exchange.answer):
        for index, prediction in enumerate(found.predictions):
            if isinstance(prediction, dict) and _is_shallow(prediction):
                yield Place(f"{found.path}[{index}]", found.prompt, prediction)


def _is_shallow(prediction: dict[str, Any]) -> bool:
    """Tell whether a value can be compared and shown: orjson reads 1024 levels and writes 254."""
    try:
        orjson.dumps(prediction)
    except orjson.JSONEncodeError:
        return False
    return True
