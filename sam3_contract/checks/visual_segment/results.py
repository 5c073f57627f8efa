"""V: what ``visual_segment`` promises of its predictions."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Final

from sam3_contract import wire
from sam3_contract.checks.check import Breach, Check, Judgement, each, shown
from sam3_contract.checks.matching import SAME_CONFIDENCE, differences
from sam3_contract.checks.prompts import AnsweredPrompt, context_of, grouped, prompts_of, visual_request
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.exchanges.measuring import list_of, number
from sam3_contract.spec import Contract

MASKS_OF_A_PROMPT: Final = 3
ONE_MASK: Final = "one_mask_for_each_prompt"


def _predictions_follow_prompts(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """A server that answers one mask where three are documented is known; one that does so now and then is not."""
    counted = [(exchange, *_counts(exchange, request)) for exchange, request in _answered(exchanges)]
    three = any(count == wanted != prompts for _, prompts, count, wanted in counted)
    found = [
        Breach(
            "$.predictions",
            f"{count} predictions",
            f"{wanted} for {prompts} prompts",
            exchange=exchange,
            deviation=ONE_MASK if count == prompts and not three else "",
        )
        for exchange, prompts, count, wanted in counted
        if count != wanted
    ]
    return Judgement(len(counted), tuple(found), frozenset({ONE_MASK}) if three else frozenset())


def _answered(exchanges: Sequence[Exchange]) -> Iterator[tuple[Exchange, wire.VisualSegmentRequest]]:
    for exchange in exchanges:
        request = visual_request(exchange)
        if request is not None and exchange.succeeded:
            yield exchange, request


def _counts(exchange: Exchange, request: wire.VisualSegmentRequest) -> tuple[int, int, int]:
    """Count the prompts, the predictions, and those that there should be."""
    prompts, count = len(request.asked), len(list_of(exchange.answer, "predictions"))
    return prompts, count, MASKS_OF_A_PROMPT * prompts if request.multimask_output else prompts


def _format_is_the_one_asked(exchange: Exchange, _: Contract) -> list[Breach] | None:
    request = visual_request(exchange)
    if request is None or exchange.status != 200:
        return None
    wanted = "application/octet-stream" if request.format == "binary" else "application/json"
    if exchange.media_type == wanted:
        return []
    return [Breach("headers.content-type", repr(exchange.media_type), f"{wanted} for `format: {request.format}`")]


def _prompt_forms_agree(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for _key, (first, *others) in grouped(exchanges, _key_of_prompt):
        for other in others:
            if other.exchange is not first.exchange and _form(other.exchange) != _form(first.exchange):
                judged += 1
                found += differences(first, other, law="a list, a nested list and a single prompt mean the same")
    return Judgement(judged, tuple(found))


def _prompts_do_not_interact(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for _key, (first, *others) in grouped(exchanges, _key_of_prompt):
        for other in others:
            mixed = other.exchange is first.exchange or _company(other.exchange) != _company(first.exchange)
            if mixed and _form(other.exchange) == _form(first.exchange):
                judged += 1
                found += differences(first, other, law="other prompts beside it change nothing")
    return Judgement(judged, tuple(found))


def _best_is_the_best(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Compare the one mask with the three: it has to be the most confident of them."""
    judged = 0
    found: list[Breach] = []
    for _key, members in grouped(exchanges, _key_of_object):
        many = [one for one in members if _wants_three(one)]
        for one in members if many else ():
            if not _wants_three(one) and len(one.predictions) == 1:
                judged += 1
                found += _not_the_best(one, many[0])
    return Judgement(judged, tuple(found))


def _key_of_object(prompt: AnsweredPrompt) -> Hashable | None:
    if prompt.exchange.case.operation != "visual_segment":
        return None
    return (context_of(prompt.exchange, besides=["multimask_output", "format", "image_id"]), prompt.question)


def _wants_three(prompt: AnsweredPrompt) -> bool:
    request = visual_request(prompt.exchange)
    return request is not None and request.multimask_output


def _not_the_best(one: AnsweredPrompt, many: AnsweredPrompt) -> Iterator[Breach]:
    confidences = [other.confidence for other in many.predictions]
    own = number(one.predictions[0].value.get("confidence"))
    if own is not None and own < max(confidences) - SAME_CONFIDENCE:
        why = "the least confident of the three was taken" if own <= min(confidences) + 1e-9 else ""
        at, wanted = f"{one.predictions[0].path}.confidence", f"{max(confidences)}, the best of the three masks"
        yield Breach(at, shown(own), wanted, why, exchange=one.exchange, beside=(many.exchange,))


def _key_of_prompt(prompt: AnsweredPrompt) -> Hashable | None:
    if prompt.exchange.case.operation != "visual_segment":
        return None
    return (context_of(prompt.exchange), prompt.question)


def _company(exchange: Exchange) -> tuple[str, ...]:
    return tuple(one.question for one in prompts_of(exchange))


def _form(exchange: Exchange) -> str:
    prompts = exchange.case.sent.get("prompts")
    if isinstance(prompts, dict):
        return "nested" if "prompts" in prompts else "single"
    return "list"


_PROMPTS: Final = "#/components/schemas/VisualSegmentRequest/properties/prompts"

CHECKS = (
    Check(
        code="V01",
        name="predictions_follow_prompts",
        law="Each prompt has one prediction, or three with `multimask_output`; no prompt at all counts as one.",
        source="docs and server",
        rule="#/components/schemas/VisualSegmentResponse/properties/predictions",
        mend="An object the model is unsure of keeps its prediction, with an empty mask and a low confidence.",
        judge=_predictions_follow_prompts,
        needs="an answer of visual_segment",
    ),
    Check(
        code="V02",
        name="format_is_the_one_asked",
        law="`format: binary` is answered with an archive, every other format with JSON.",
        source="docs",
        rule="#/components/schemas/VisualSegmentRequest/properties/format",
        mend="The handler must not return bytes through a JSON response model.",
        judge=each(_format_is_the_one_asked),
        needs="an answer of visual_segment",
    ),
    Check(
        code="V06",
        name="prompt_forms_agree",
        law="A list of prompts, a list inside an object and a single prompt are answered alike.",
        source="server",
        rule=_PROMPTS,
        mend="Bring all three forms to the nested one before anything else looks at them.",
        judge=_prompt_forms_agree,
        needs="the same prompts in two forms",
    ),
    Check(
        code="V07",
        name="best_mask_is_the_best",
        law="Without `multimask_output` the one mask is as confident as the best of the three.",
        source="docs and server",
        rule="#/components/schemas/VisualSegmentRequest/properties/multimask_output",
        mend="Take the arg max of the predicted IoUs, not the first or the last mask.",
        judge=_best_is_the_best,
        needs="the same prompt with three masks and with one",
    ),
    Check(
        code="V09",
        name="visual_prompts_do_not_interact",
        law="A prompt finds the same object whatever other prompts stand beside it.",
        source="derived",
        rule=_PROMPTS,
        mend="Look whether points are padded with real ones, or masks of a batch are mixed up.",
        judge=_prompts_do_not_interact,
        needs="the same prompt in two requests with different company, or twice in one",
    ),
)
