"""C: what ``concept_segment`` promises of its results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sam3_contract.checks.law import Breach, Check, each, shown
from sam3_contract.checks.predictions import concept_results, predictions_of
from sam3_contract.exchange import Exchange
from sam3_contract.spec import Contract

__all__ = ["CHECKS"]

DEFAULT_THRESHOLD = 0.5


def _prompts(exchange: Exchange) -> Sequence[Any]:
    prompts = exchange.case.sent.get("prompts")
    return prompts if isinstance(prompts, list) else []


def _results_follow_prompts(exchange: Exchange, _: Contract) -> list[Breach] | None:
    results = concept_results(exchange)
    if results is None:
        return None
    return list(_out_of_step(results, _prompts(exchange)))


def _out_of_step(results: Sequence[Any], prompts: Sequence[Any]) -> Iterator[Breach]:
    if len(results) != len(prompts):
        yield Breach("$.prompt_results", f"{len(results)} results", f"{len(prompts)}, one for each prompt")
    for index, result in enumerate(results):
        if isinstance(result, dict) and result.get("prompt_index") != index:
            yield Breach(f"$.prompt_results[{index}].prompt_index", shown(result.get("prompt_index")), str(index))


def _echo_repeats_the_prompt(exchange: Exchange, _: Contract) -> list[Breach] | None:
    results = concept_results(exchange)
    if not results:
        return None
    pairs = enumerate(zip(results, _prompts(exchange), strict=False))
    return [breach for index, (result, prompt) in pairs for breach in _wrong_echo(index, result, prompt)]


def _wrong_echo(index: int, result: Any, prompt: Any) -> Iterator[Breach]:
    echo = result.get("echo") if isinstance(result, dict) else None
    if not isinstance(echo, dict) or not isinstance(prompt, dict):
        return  # the schema says so
    boxes = len(prompt.get("boxes") or ())
    wanted = {
        "prompt_index": index,
        "type": "visual" if boxes else "text",
        "text": prompt.get("text"),
        "num_boxes": boxes,
    }
    for field, value in wanted.items():
        if field in echo and echo[field] != value:
            yield Breach(f"$.prompt_results[{index}].echo.{field}", shown(echo[field]), shown(value))


def _confidence_reaches_threshold(exchange: Exchange, _: Contract) -> list[Breach] | None:
    if exchange.case.operation != "concept_segment":
        return None
    places = list(predictions_of(exchange))
    prompts = _prompts(exchange)
    found = []
    for place in places:
        confidence = place.prediction.get("confidence")
        threshold = _threshold(exchange, prompts, place.prompt)
        if threshold is not None and isinstance(confidence, int | float) and confidence < threshold:
            found.append(Breach(f"{place.path}.confidence", shown(confidence), f"at least the threshold, {threshold}"))
    return found if places else None


def _threshold(exchange: Exchange, prompts: Sequence[Any], index: int | None) -> float | None:
    prompt = prompts[index] if index is not None and index < len(prompts) else None
    own = prompt.get("output_prob_thresh") if isinstance(prompt, dict) else None
    effective = exchange.case.sent.get("output_prob_thresh", DEFAULT_THRESHOLD) if own is None else own
    return effective if isinstance(effective, int | float) else None


CHECKS = (
    Check(
        code="C01",
        name="results_follow_prompts",
        law="There is one result for each prompt, in the order of the prompts, numbered from 0.",
        source="server",
        rule="#/components/schemas/ConceptSegmentResponse/properties/prompt_results",
        mend="A prompt that found nothing keeps its result, with an empty list of predictions.",
        judge=each(_results_follow_prompts),
    ),
    Check(
        code="C02",
        name="echo_repeats_the_prompt",
        law="The echo holds the prompt's index, its text letter by letter, its number of boxes, and its kind.",
        source="server",
        rule="#/components/schemas/Echo",
        mend="Echo what was sent, not what it was normalised to; the kind is visual exactly if there are boxes.",
        judge=each(_echo_repeats_the_prompt),
    ),
    Check(
        code="C03",
        name="confidence_reaches_threshold",
        law="No prediction is less confident than its prompt's threshold, or the request's if it has none.",
        source="docs",
        rule="#/components/schemas/ConceptSegmentRequest/properties/output_prob_thresh",
        mend="Filter each prompt at its own threshold, also where one pass of the model serves several prompts.",
        judge=each(_confidence_reaches_threshold),
    ),
)
