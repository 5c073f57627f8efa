"""C: what ``concept_segment`` promises of its results."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from sam3_contract.checks.check import Breach, Check, Judgement, Shown, each, few_of_each, shown
from sam3_contract.checks.matching import differences
from sam3_contract.checks.prompts import AnsweredPrompt, context_of, grouped, is_suppressed, prompts_of
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import Prediction, list_of, number
from sam3_contract.spec import Contract

THRESHOLD_QUIRKS: Final = "zero_threshold_means_default"  # the deviation that all oddities of thresholds belong to
SPECK: Final = 8  # pixels of either side; things that are smaller may well have one mask


def _results_follow_prompts(exchange: Exchange, _: Contract) -> list[Breach] | None:
    results = _results(exchange)
    if results is None:
        return None
    return list(_out_of_step(results, list_of(exchange.case.sent, "prompts")))


def _out_of_step(results: Sequence[Any], prompts: Sequence[Any]) -> Iterator[Breach]:
    if len(results) != len(prompts):
        yield Breach("$.prompt_results", f"{len(results)} results", f"{len(prompts)}, one for each prompt")
    for index, result in enumerate(results):
        if isinstance(result, dict) and result.get("prompt_index") != index:
            yield Breach(f"$.prompt_results[{index}].prompt_index", shown(result.get("prompt_index")), str(index))


def _echo_repeats_the_prompt(exchange: Exchange, _: Contract) -> list[Breach] | None:
    results = _results(exchange)
    if not results:
        return None
    pairs = enumerate(zip(results, list_of(exchange.case.sent, "prompts"), strict=False))
    return [breach for index, (result, prompt) in pairs for breach in _wrong_echo(index, result, prompt)]


def _results(exchange: Exchange) -> list[Any] | None:
    if exchange.case.operation != "concept_segment" or not exchange.succeeded:
        return None
    return list_of(exchange.answer, "prompt_results")


def _wrong_echo(index: int, result: Any, prompt: Any) -> Iterator[Breach]:
    echo = result.get("echo") if isinstance(result, dict) else None
    if not isinstance(echo, dict) or not isinstance(prompt, dict):
        return  # the schema says so
    boxes = len(list_of(prompt, "boxes"))
    wanted = {
        "prompt_index": index,
        "type": "visual" if boxes else "text",
        "text": prompt.get("text"),
        "num_boxes": boxes,
    }
    for field, value in wanted.items():
        if field in echo and echo[field] != value:
            yield Breach(f"$.prompt_results[{index}].echo.{field}", shown(echo[field]), shown(value))


def _confidence_reaches_threshold(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged, found, quirks = 0, [], False
    for exchange in exchanges:
        prompts = [one for one in prompts_of(exchange) if one.threshold is not None and one.predictions]
        judged += bool(prompts)
        quirks |= any(one.threshold > one.served_threshold for one in prompts if one.threshold and one.served_threshold)
        found += [breach for one in prompts for breach in _too_unsure(one)]
    seen = any(breach.deviation for breach in found)
    return Judgement(judged, tuple(found), frozenset({THRESHOLD_QUIRKS}) if quirks and not seen else frozenset())


def _too_unsure(prompt: AnsweredPrompt) -> Iterator[Breach]:
    for one in prompt.predictions:
        confidence = number(one.value.get("confidence"))
        if confidence is None or prompt.threshold is None or confidence >= prompt.threshold:
            continue
        explained = prompt.served_threshold is not None and confidence >= prompt.served_threshold
        yield Breach(
            f"{one.path}.confidence",
            shown(confidence),
            f"at least the threshold, {prompt.threshold}",
            exchange=prompt.exchange,
            deviation=THRESHOLD_QUIRKS if explained else "",
        )


def _prompts_do_not_interact(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for _key, members in grouped(exchanges, _question):
        first, *others = map(_reaching, members)
        for other in others:
            if other.exchange is first.exchange or other.exchange.case.signature != first.exchange.case.signature:
                judged += 1
                found += _told_apart(first, other)
    return Judgement(judged, tuple(found))


def _reaching(prompt: AnsweredPrompt) -> AnsweredPrompt:
    """Leave out what is below the threshold, of which C03 tells."""
    least = min(one for one in (prompt.threshold, prompt.served_threshold) if one is not None)
    return replace(prompt, predictions=tuple(one for one in prompt.predictions if one.confidence >= least))


def _told_apart(ours: AnsweredPrompt, theirs: AnsweredPrompt) -> Iterator[Breach]:
    """Compare two answers, and tell whether another prompt beside it has what one lost."""
    found = differences(ours, theirs, law="other prompts beside it change nothing")
    if not found:
        return
    lost = set(_masks_of(ours)) - set(_masks_of(theirs))
    taken = (prompt.index for prompt in prompts_of(theirs.exchange) if not lost.isdisjoint(_masks_of(prompt)))
    index = next(taken, None)
    for breach in found:
        is_taken = index is not None and breach.at == theirs.path
        why = f"what it lost is found by prompts[{index}]: it looks merged, or suppressed"
        yield replace(breach, why=why) if is_taken else breach


def _masks_of(prompt: AnsweredPrompt) -> Iterator[bytes]:
    return (one.mask.key for one in prompt.predictions if one.mask is not None)


def _instances_are_answered_once(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Judge each prompt that found several things."""
    several = [one for exchange in exchanges for one in prompts_of(exchange) if len(one.predictions) > 1]
    of_concepts = [one for one in several if one.exchange.case.operation == "concept_segment"]
    return Judgement(len(of_concepts), few_of_each(breach for prompt in of_concepts for breach in _twins(prompt)))


def _twins(prompt: AnsweredPrompt) -> Iterator[Breach]:
    first: dict[bytes, Prediction] = {}
    for one in prompt.predictions:
        if one.mask is not None and min(one.mask.box[2:]) >= SPECK and first.setdefault(one.mask.key, one) is not one:
            found = f"the very mask of {first[one.mask.key].path}"
            masks = Shown((one.value["masks"],), (), one.mask.size)
            yield Breach(f"{one.path}.masks", found, "another instance", exchange=prompt.exchange, masks=masks)
            return


def _question(prompt: AnsweredPrompt) -> Hashable | None:
    if prompt.threshold is None or is_suppressed(prompt.exchange):
        return None
    # Whether a threshold is the request's or a prompt's own makes no difference either, but that is for R03.
    thresholds = (prompt.said_threshold, prompt.served_threshold, prompt.strict)
    return (context_of(prompt.exchange), prompt.question, thresholds)


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
        judge=_confidence_reaches_threshold,
        needs="a prediction of concept_segment",
    ),
    Check(
        code="C04",
        name="prompts_do_not_interact",
        law="Without NMS a prompt finds the same whatever other prompts stand beside it, in whatever order.",
        source="derived",
        rule="#/components/schemas/ConceptSegmentRequest/properties/prompts",
        mend="Look whether results are mixed up between the prompts of a batch, merged, or cut to a common number.",
        judge=_prompts_do_not_interact,
        needs="the same prompt in two requests with different company, or twice in one",
    ),
    Check(
        code="C08",
        name="instances_are_answered_once",
        law="No two instances of a prompt have the very same mask.",
        source="derived",
        rule="#/components/schemas/PromptResult/properties/predictions",
        mend="Look for results that are joined twice: of passes, of tiles, or of a text and its exemplars.",
        judge=_instances_are_answered_once,
        kind="statistical",
        least=0.9,
        needs="a prompt that finds two things",
    ),
)
