"""R: what a lower threshold may change."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Sequence

from sam3_contract.checks.check import Breach, Check, Judgement, Shown, few_of_each
from sam3_contract.checks.concept_segment.results import THRESHOLD_QUIRKS
from sam3_contract.checks.matching import Measured, leeway_of, measured, same_things
from sam3_contract.checks.prompts import AnsweredPrompt, context_of, grouped, is_suppressed
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.spec import Contract


def _lower_threshold_only_adds(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    judged = 0
    found: list[Breach] = []
    for _key, members in grouped(exchanges, _question):
        for low, high in _neighbours(members):
            judged += 1
            found += _lost_or_gained(low, high)
    return Judgement(judged, few_of_each(found))


def _neighbours(members: Sequence[AnsweredPrompt]) -> Iterator[tuple[AnsweredPrompt, AnsweredPrompt]]:
    """Pair each prompt with one of the next threshold: none is hidden by another of its own.

    Of one threshold, pair what is said in different ways: by the request, or by the prompt.
    """
    ranked = sorted(members, key=lambda prompt: prompt.threshold or 0.0)
    levels = [list(level) for _, level in itertools.groupby(ranked, key=lambda prompt: prompt.threshold)]
    for level in levels:
        yield from itertools.pairwise({prompt.said_threshold: prompt for prompt in level}.values())
    for lower, higher in itertools.pairwise(levels):
        yield from ((low, higher[0]) for low in lower)
        yield from ((lower[0], high) for high in higher[1:])


def _question(prompt: AnsweredPrompt) -> Hashable | None:
    if prompt.threshold is None or is_suppressed(prompt.exchange):
        return None
    return (context_of(prompt.exchange), prompt.question)


def _lost_or_gained(low: AnsweredPrompt, high: AnsweredPrompt) -> Iterator[Breach]:
    """Compare what reaches the higher threshold in both answers, or may have reached it in one of them."""
    before, after = measured(low.predictions), measured(high.predictions)
    if len(before) != len(low.predictions) or len(after) != len(high.predictions):
        return
    least, leeway = high.threshold or 0.0, leeway_of(high.exchange)
    reaching = [one for one in before if one.prediction.confidence >= least - leeway]
    pairing = same_things(reaching, after, tolerant=bool(leeway))
    for index in pairing.left:
        if reaching[index].prediction.confidence >= least + leeway:
            yield _lost(reaching[index], low, high)
    for index in pairing.right:
        confidence = after[index].prediction.confidence
        if confidence >= max(least, (low.threshold or 0.0) + leeway):  # C03 tells of one below the threshold
            yield _gained(after[index], low, high)
    for row, column in pairing.pairs:
        if abs(reaching[row].prediction.confidence - after[column].prediction.confidence) > leeway:
            yield _surer(reaching[row], after[column], low, high)


def _lost(one: Measured, low: AnsweredPrompt, high: AnsweredPrompt) -> Breach:
    confidence, served = one.prediction.confidence, high.served_threshold
    known = served is not None and (confidence < served or (high.strict and confidence == served))
    return Breach(
        high.path,
        f"{one.prediction.path} of {low.exchange.case.id} is missing, confidence {confidence}",
        f"every prediction of at least {high.threshold}",
        "one that is just as confident as the threshold was left out" if confidence == high.threshold else "",
        exchange=high.exchange,
        deviation=THRESHOLD_QUIRKS if known else "",
        masks=Shown((), (one.prediction.value["masks"],), one.mask.size),
        beside=(low.exchange,),
    )


def _gained(one: Measured, low: AnsweredPrompt, high: AnsweredPrompt) -> Breach:
    known = low.served_threshold is not None and one.prediction.confidence <= low.served_threshold
    return Breach(
        one.prediction.path,
        f"confidence {one.prediction.confidence} at threshold {high.threshold}",
        f"a prediction of {low.exchange.case.id} too, whose threshold is {low.threshold}",
        exchange=high.exchange,
        deviation=THRESHOLD_QUIRKS if known else "",
        masks=Shown((one.prediction.value["masks"],), (), one.mask.size),
        beside=(low.exchange,),
    )


def _surer(before: Measured, after: Measured, low: AnsweredPrompt, high: AnsweredPrompt) -> Breach:
    return Breach(
        f"{after.prediction.path}.confidence",
        f"{after.prediction.confidence} at threshold {high.threshold}",
        f"{before.prediction.confidence}, as in {low.exchange.case.id}: a threshold changes no confidence",
        exchange=high.exchange,
        beside=(low.exchange,),
    )


CHECKS = (
    Check(
        code="R03",
        name="lower_threshold_only_adds",
        law="A lower threshold only adds predictions; one that is just as confident as the threshold stays.",
        source="derived",
        rule="#/components/schemas/ConceptSegmentRequest/properties/output_prob_thresh",
        mend="Compare with >=, each prompt at its own threshold, on the confidence that is answered.",
        judge=_lower_threshold_only_adds,
        needs="the same prompt at two thresholds",
    ),
)
