"""Where the predictions of an answer lie, prompt by prompt, and the masks they show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sam3_contract.errors import MaskError
from sam3_contract.masks import find_defects_in_many, run_lengths_from_masks
from sam3_contract.masks.formats import image_size_of
from sam3_contract.snapshots.model import Instance, PromptInstances

__all__ = ["Group", "groups_of", "missing_lists", "prompts_of", "size_in"]

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Group:
    """The predictions of one prompt, unread.

    Attributes:
        path: JSON path of the list.
        first: Index in that list of the first of them.
        echo: The text that the answer repeats, if it is one.
        predictions: Any JSON values.
    """

    path: str
    first: int
    echo: str | None
    predictions: Sequence[Any]


def groups_of(answer: Mapping[str, Any], n_prompts: int | None) -> Iterator[Group]:
    """List the predictions of an answer of either operation, prompt by prompt.

    Args:
        answer: The decoded JSON body.
        n_prompts: How many visual prompts were sent; None if that is not known, which takes all as one.
    """
    results = answer.get("prompt_results")
    for index, result in enumerate(results if isinstance(results, list) else ()):
        predictions = result.get("predictions") if isinstance(result, dict) else None
        echo = result.get("echo") if isinstance(result, dict) else None
        text = echo.get("text") if isinstance(echo, dict) else None
        yield Group(
            f"$.prompt_results[{index}].predictions",
            0,
            text[:200] if isinstance(text, str) else None,
            predictions if isinstance(predictions, list) else (),
        )
    predictions = answer.get("predictions")
    if isinstance(predictions, list):
        # One prediction or three for each prompt, in the prompts' order.
        number = n_prompts if n_prompts and len(predictions) % n_prompts == 0 else 1
        each = len(predictions) // number
        for index in range(number):
            yield Group("$.predictions", index * each, None, predictions[index * each : (index + 1) * each])


def missing_lists(answer: Mapping[str, Any], operation: str) -> Iterator[str]:
    """Say where an answer has no list of predictions.

    Args:
        answer: The decoded JSON body.
        operation: The ``operationId``.
    """
    results = answer.get("prompt_results")
    if operation == "concept_segment" and not isinstance(results, list):
        yield "$.prompt_results is no list"
    if operation == "visual_segment" and not isinstance(answer.get("predictions"), list):
        yield "$.predictions is no list"
    for index, result in enumerate(results if isinstance(results, list) else ()):
        if not isinstance(result, dict) or not isinstance(result.get("predictions"), list):
            yield f"$.prompt_results[{index}].predictions is no list"


def prompts_of(groups: Sequence[Group], size: Size) -> tuple[list[PromptInstances], list[str]]:
    """Read the masks of all prompts, validating them in one pass.

    Args:
        groups: The predictions.
        size: ``(height, width)`` of the image in pixels.

    Returns:
        The instances of each prompt, and a sentence about each prediction that shows no mask.
    """
    places = [
        (f"{group.path}[{group.first + index}]", prediction if isinstance(prediction, dict) else {})
        for group in groups
        for index, prediction in enumerate(group.predictions)
    ]
    items = [(f"{path}.masks", found.get("masks"), _declared(found), size) for path, found in places]
    instances: list[Instance | None] = []
    unreadable: list[str] = []
    for (path, masks, _, _), (_, prediction), findings in zip(items, places, find_defects_in_many(items), strict=True):
        instance = None
        try:
            errors = [finding for finding in findings if finding.severity == "error"]
            unreadable += [str(errors[0])] if errors else []
            instance = None if errors else _instance(masks, prediction, size)
        except MaskError as error:
            unreadable.append(f"{path}: {error}")
        instances.append(instance)
    rest = iter(instances)
    return [
        PromptInstances(group.echo, tuple(one for _ in group.predictions if (one := next(rest)) is not None))
        for group in groups
    ], unreadable


def size_in(groups: Sequence[Group]) -> Size | None:
    """Take ``(height, width)`` in pixels from the first RLE; None if there is none."""
    for group in groups:
        for prediction in group.predictions:
            try:
                size = image_size_of(prediction.get("masks")) if isinstance(prediction, dict) else None
            except MaskError:
                continue
            if size is not None:
                return size
    return None


def _instance(masks: object, prediction: Mapping[str, Any], size: Size) -> Instance:
    confidence = prediction.get("confidence")
    known = type(confidence) in {int, float} and math.isfinite(confidence)  # type: ignore[arg-type]
    return Instance.from_run_lengths(
        run_lengths_from_masks(masks, image_size=size),
        size=size,
        confidence=confidence if known else None,
        form="rle" if isinstance(masks, dict) else "polygon",
    )


def _declared(prediction: Mapping[str, Any]) -> str | None:
    declared = prediction.get("format")
    return declared if isinstance(declared, str) else None
