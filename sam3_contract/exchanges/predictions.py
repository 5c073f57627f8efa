"""Where predictions lie in an answer, whichever operation gave it, and whatever else it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PredictionList:
    """A list of predictions in an answer.

    Attributes:
        path: JSON path of the list.
        prompt: Index of its prompt; ``None`` in an answer of ``visual_segment``, which lists those of all prompts
            together.
        holder: The entry of ``prompt_results`` that has the list; of ``visual_segment``, the answer itself.
        predictions: Any JSON values.
    """

    path: str
    prompt: int | None
    holder: Mapping[str, Any]
    predictions: Sequence[Any]


def prediction_lists(answer: object) -> Iterator[PredictionList]:
    """List where the predictions of an answer lie, in the order of the answer.

    What is not of the document's shape is left out: a result that is no object, or has no list of predictions.

    Args:
        answer: The decoded JSON body of any answer.

    Example:
        >>> answer = {"prompt_results": [{"predictions": [{"confidence": 0.9}]}, {"predictions": None}]}
        >>> [(found.path, len(found.predictions)) for found in prediction_lists(answer)]
        [('$.prompt_results[0].predictions', 1)]
    """
    results = answer.get("prompt_results") if isinstance(answer, Mapping) else None
    for index, result in enumerate(results if isinstance(results, list) else ()):
        if isinstance(result, Mapping) and isinstance(result.get("predictions"), list):
            yield PredictionList(f"$.prompt_results[{index}].predictions", index, result, result["predictions"])
    if isinstance(answer, Mapping) and isinstance(answer.get("predictions"), list):
        yield PredictionList("$.predictions", None, answer, answer["predictions"])
