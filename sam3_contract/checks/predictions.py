"""Where predictions lie in an answer, whichever operation gave it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sam3_contract.exchange import Exchange

__all__ = ["Place", "concept_results", "list_of", "predictions_of"]


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


def predictions_of(exchange: Exchange) -> Iterator[Place]:
    """List the predictions of an answer; none if it is no success, or not of the shape the document has."""
    if not exchange.succeeded:
        return
    for index, result in enumerate(list_of(exchange.answer, "prompt_results")):
        yield from _places(result, f"$.prompt_results[{index}]", index)
    yield from _places(exchange.answer, "$", None)


def concept_results(exchange: Exchange) -> Sequence[Any] | None:
    """Take the prompt results of a successful ``concept_segment`` answer; ``None`` of any other."""
    if exchange.case.operation != "concept_segment" or not exchange.succeeded:
        return None
    return list_of(exchange.answer, "prompt_results")


def list_of(node: Any, key: str) -> list[Any]:
    """Take a list out of a JSON object; empty if there is none."""
    found = node.get(key) if isinstance(node, dict) else None
    return found if isinstance(found, list) else []


def _places(node: Any, path: str, prompt: int | None) -> Iterator[Place]:
    for index, prediction in enumerate(list_of(node, "predictions")):
        if isinstance(prediction, dict):
            yield Place(f"{path}.predictions[{index}]", prompt, prediction)
