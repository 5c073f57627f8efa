"""Known deviations that break no law but show in answers: which of them were seen, which are gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sam3_contract.exchange import Exchange

__all__ = ["Shows", "deviations_shown"]


@dataclass(frozen=True, slots=True)
class Shows:
    """Which deviations show.

    Attributes:
        seen: Ids of those that do.
        absent: Ids of those that do not, although they would have to.
    """

    seen: tuple[str, ...]
    absent: tuple[str, ...]


def deviations_shown(exchanges: Sequence[Exchange]) -> Shows:
    """Look through answers for what no single law is about."""
    answered = [exchange for exchange in exchanges if exchange.succeeded]
    visual = [exchange for exchange in answered if exchange.case.operation == "visual_segment"]
    elsewhere = [one for one in exchanges if one.case.key_in in {"bearer", "body"} and not one.failure]
    shows = {
        "answers_have_more_fields": [bool({"resolved_model", "inference_id"} & set(one.answer)) for one in answered],
        "visual_answers_predictions": ["predictions" in one.answer for one in visual],
        "key_accepted_elsewhere": [one.status == 200 for one in elsewhere],
    }
    return Shows(
        tuple(name for name, found in shows.items() if any(found)),
        tuple(name for name, found in shows.items() if found and not any(found)),
    )
