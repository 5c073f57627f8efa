"""From an answer of the service to what a snapshot keeps of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import orjson

from sam3_contract.errors import BinaryMaskError, MaskError, SnapshotError
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.predictions import prediction_lists
from sam3_contract.masks import (
    find_defects_in_many,
    masks_from_npz,
    run_lengths_from_bitmap,
    run_lengths_from_masks,
)
from sam3_contract.masks.catalogue.finding import shown
from sam3_contract.masks.formats import image_size_of
from sam3_contract.redaction import MIN_KEY, bytes_without_key
from sam3_contract.redaction import without_key as text_without_key
from sam3_contract.snapshots.fields import breaches_of, fields_of
from sam3_contract.snapshots.model import Instance, KeptAnswer, PromptInstances
from sam3_contract.spec import Contract

_Found = TypeVar("_Found")
Size = tuple[int, int]

MAX_INSTANCES: Final = 4000
"""Predictions of one answer; the service has at most 200 for each of 16 prompts."""
MAX_OF_PROMPT: Final = 1000
"""Predictions of one prompt: all are matched with all."""
NOT_JSON: Final = "$: not JSON"
_REFUSALS: Final = frozenset({400, 413, 415, 422})
_MOST_MODEL_BYTES: Final = 4096
_MARKS: Final = {"prompt_results": "concept_segment", "predictions": "visual_segment", "image_id": "embed_image"}


class NoAnswerError(SnapshotError):
    """There is no answer to look at: nobody answered, the key was refused, or the service is out of order."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from an answer.

    Attributes:
        status: HTTP status.
        answer: What can be kept.
        breaches: For each of the answer's breaches of the schema, a sentence about it.
        unreadable: Sentences about predictions that show no mask; they are not among the instances.
    """

    status: int
    answer: KeptAnswer
    breaches: Mapping[str, str]
    unreadable: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether every prediction could be read."""
        return not self.unreadable and NOT_JSON not in self.breaches


def read_exchange(exchange: Exchange, contract: Contract) -> Reading:
    """Read the answer of an exchange.

    Args:
        exchange: A request that was sent, with its answer.
        contract: Has the schemas of answers.

    Raises:
        NoAnswerError: If there is no answer to look at.
        SnapshotError: If an answer says too little, or too much, to be kept.
    """
    _refuse_no_answer(exchange)
    case = exchange.case
    size = case.image.size if case.image else None
    if exchange.status == 200 and case.sent.get("format") == "binary" and exchange.media_type != "application/json":
        return _read_archive(exchange.body, size=size, n_prompts=_n_prompts(case.sent))
    answer = _json(without_key(exchange.body, exchange.key))
    if not isinstance(answer, dict):
        problem = f"the body is {exchange.media_type or 'of no media type'}, expected a JSON object"
        return Reading(exchange.status, KeptAnswer(), {NOT_JSON: problem})
    if exchange.status != 200:
        breaches = breaches_of(answer, contract, operation=case.operation, status=exchange.status)
        refusal = KeptAnswer(fields_of(answer), tuple(sorted(breaches)), refusal=_sentence(answer))
        return Reading(exchange.status, refusal, breaches)
    return read_answer(
        answer, contract, operation=case.operation, image_size=size, n_prompts=_n_prompts(exchange.case.sent)
    )


def read_answer(
    answer: Mapping[str, Any],
    contract: Contract,
    *,
    operation: str,
    image_size: Size | None = None,
    n_prompts: int | None = None,
) -> Reading:
    """Read a successful answer.

    Args:
        answer: The decoded JSON body.
        contract: Has the schemas of answers.
        operation: The ``operationId``.
        image_size: ``(height, width)`` of the image in pixels; taken from the first RLE if it is not given.
        n_prompts: How many visual prompts were sent; None if that is not known.

    Raises:
        SnapshotError: If the image's size is needed and not known, or there are more predictions than any service has.
    """
    prompts = list(_by_prompt(answer, n_prompts))
    numbers = [len(prompt.predictions) for prompt in prompts]
    if sum(numbers) > MAX_INSTANCES or max(numbers, default=0) > MAX_OF_PROMPT:
        said = f"{sum(numbers)} predictions, {max(numbers)} of one prompt"
        raise SnapshotError(f"the answer has {said}; a snapshot keeps at most {MAX_INSTANCES} and {MAX_OF_PROMPT}")
    size = image_size or _stated_size(prompts)
    if size is None and any(numbers):
        raise SnapshotError("polygons state no image size: give the image too, or ask for format rle")
    instances, unreadable = _instances(prompts, size or (0, 0))
    breaches = breaches_of(answer, contract, operation=operation, status=200)
    model = answer.get("resolved_model")
    kept = KeptAnswer(
        fields=fields_of(answer),
        breaches=tuple(sorted(breaches)),
        model=model if isinstance(model, dict) and len(orjson.dumps(model)) <= _MOST_MODEL_BYTES else None,
        prompts=tuple(instances),
    )
    return Reading(200, kept, breaches, (*_missing_lists(answer, operation), *unreadable))


def without_key(text: bytes, key: str | None) -> bytes:
    """Mask an API key in JSON text. Keys of a few letters, which turn up in any text, are no secrets.

    Example:
        >>> without_key(b'{"text": "s3cret-key"}', "s3cret-key"), without_key(b'{"text": "any dog"}', "any")
        (b'{"text": "***"}', b'{"text": "any dog"}')
    """
    return bytes_without_key(text, key) if key and len(key) >= MIN_KEY else text


def operation_of(answer: Mapping[str, Any]) -> str:
    """Tell from a successful answer which operation gave it.

    Raises:
        NoAnswerError: If it is none; an error's body, for example.

    Example:
        >>> operation_of({"predictions": []})
        'visual_segment'
    """
    for mark, operation in _MARKS.items():
        if mark in answer:
            return operation
    said = _sentence(answer)
    raise NoAnswerError(f"no answer of the service: {said or shown(dict(answer))}; expected {', '.join(_MARKS)}")


def _refuse_no_answer(exchange: Exchange) -> None:
    if exchange.failure:
        raise NoAnswerError(exchange.failure)
    looked_at = exchange.status == 200 or exchange.status in _REFUSALS
    # A page for people comes from a proxy or a login in between, whatever its status.
    if looked_at and exchange.media_type != "text/html":
        return
    words = _sentence(exchange.answer) if isinstance(exchange.answer, dict) else exchange.media_type
    raise NoAnswerError(text_without_key(f"status {exchange.status}{f': {words}' if words else ''}", exchange.key))


@dataclass(frozen=True, slots=True)
class _Prompt:
    """What was answered to one prompt, unread: the text that the answer repeats, and predictions with their paths."""

    echo: str | None
    predictions: Sequence[tuple[str, Any]]


def _by_prompt(answer: Mapping[str, Any], n_prompts: int | None) -> Iterator[_Prompt]:
    for found in prediction_lists(answer):
        placed = [(f"{found.path}[{index}]", prediction) for index, prediction in enumerate(found.predictions)]
        if found.prompt is None:
            yield from (_Prompt(None, own) for own in _shared_out(placed, n_prompts))
        else:
            echo = found.holder.get("echo")
            text = echo.get("text") if isinstance(echo, dict) else None
            yield _Prompt(text[:200] if isinstance(text, str) else None, placed)


def _shared_out(found: Sequence[_Found], n_prompts: int | None) -> Iterator[Sequence[_Found]]:
    """Give each visual prompt its share: one prediction or three for each, in the prompts' order."""
    number = n_prompts if n_prompts and len(found) % n_prompts == 0 else 1
    each = len(found) // number
    return (found[index * each : (index + 1) * each] for index in range(number))


def _missing_lists(answer: Mapping[str, Any], operation: str) -> Iterator[str]:
    """Say where an answer has no list of predictions."""
    results = answer.get("prompt_results")
    if operation == "concept_segment" and not isinstance(results, list):
        yield "$.prompt_results is no list"
    if operation == "visual_segment" and not isinstance(answer.get("predictions"), list):
        yield "$.predictions is no list"
    for index, result in enumerate(results if isinstance(results, list) else ()):
        if not isinstance(result, dict) or not isinstance(result.get("predictions"), list):
            yield f"$.prompt_results[{index}].predictions is no list"


def _instances(prompts: Sequence[_Prompt], size: Size) -> tuple[list[PromptInstances], list[str]]:
    """Read the masks of all prompts, validating them in one pass.

    Args:
        prompts: What was answered.
        size: ``(height, width)`` of the image in pixels.

    Returns:
        The instances of each prompt, and a sentence about each prediction that shows no mask.
    """
    placed = [
        (path, prediction if isinstance(prediction, dict) else {})
        for prompt in prompts
        for path, prediction in prompt.predictions
    ]
    items = [(f"{path}.masks", found.get("masks"), _declared(found), size) for path, found in placed]
    instances: list[Instance | None] = []
    unreadable: list[str] = []
    for (path, prediction), findings in zip(placed, find_defects_in_many(items), strict=True):
        instance = None
        try:
            errors = [finding for finding in findings if finding.severity == "error"]
            unreadable += [str(errors[0])] if errors else []
            instance = None if errors else _instance(prediction, size)
        except MaskError as error:
            unreadable.append(f"{path}.masks: {error}")
        instances.append(instance)
    rest = iter(instances)
    return [
        PromptInstances(prompt.echo, tuple(one for _ in prompt.predictions if (one := next(rest)) is not None))
        for prompt in prompts
    ], unreadable


def _stated_size(prompts: Sequence[_Prompt]) -> Size | None:
    """Take ``(height, width)`` in pixels from the first RLE; None if there is none."""
    for _, prediction in (placed for prompt in prompts for placed in prompt.predictions):
        try:
            size = image_size_of(prediction.get("masks")) if isinstance(prediction, dict) else None
        except MaskError:
            continue
        if size is not None:
            return size
    return None


def _instance(prediction: Mapping[str, Any], size: Size) -> Instance:
    masks, confidence = prediction.get("masks"), prediction.get("confidence")
    known = type(confidence) in {int, float} and math.isfinite(confidence)  # type: ignore[arg-type]
    return Instance.from_run_lengths(
        run_lengths_from_masks(masks, image_size=size),
        size=size,
        confidence=confidence if known else None,
        format="rle" if isinstance(masks, dict) else "polygon",
    )


def _declared(prediction: Mapping[str, Any]) -> str | None:
    declared = prediction.get("format")
    return declared if isinstance(declared, str) else None


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _read_archive(body: bytes, *, size: Size | None, n_prompts: int) -> Reading:
    try:
        bitmaps = masks_from_npz(body, image_size=size).bitmaps()
    except BinaryMaskError as error:
        return Reading(200, KeptAnswer(), {}, (str(error),))
    found = [
        Instance.from_run_lengths(
            run_lengths_from_bitmap(bitmap), size=(bitmap.shape[0], bitmap.shape[1]), confidence=None, format="binary"
        )
        for bitmap in bitmaps
    ]
    prompts = tuple(PromptInstances(None, tuple(own)) for own in _shared_out(found, n_prompts))
    return Reading(200, KeptAnswer(prompts=prompts), {})


def _n_prompts(sent: Mapping[str, Any]) -> int:
    """Count the visual prompts of a request: a list, a list in an object, one alone, or none, which counts as one."""
    prompts = sent.get("prompts")
    if isinstance(prompts, Mapping):
        prompts = prompts.get("prompts", [prompts])
    return max(1, len(prompts)) if isinstance(prompts, list) else 1


def _sentence(answer: Mapping[str, Any]) -> str:
    """Take what an error body says to people, without what it repeats of the request."""
    for key in ("message", "detail"):
        said = answer.get(key)
        if isinstance(said, str):
            return said[:300]
        if isinstance(said, list):
            found = [entry for entry in said[:8] if isinstance(entry, dict)]
            return "; ".join(f"{'.'.join(map(str, _steps(entry)))}: {str(entry.get('msg'))[:200]}" for entry in found)
    return ""


def _steps(entry: Mapping[str, Any]) -> list[Any]:
    place = entry.get("loc")
    return place[:12] if isinstance(place, list) else []
