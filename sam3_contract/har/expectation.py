"""What may be expected of a request that somebody else made, told from the request and the document alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import jsonschema_rs

from sam3_contract.exchange import Case
from sam3_contract.spec import Contract

__all__ = ["expected_of", "keeps_the_document", "tolerated_of"]

_REFUSED: Final = frozenset({400, 422})
_INTERNAL_ERROR: Final = 500


def expected_of(case: Case, contract: Contract, *, status: int) -> frozenset[int]:
    """Tell which statuses keep the contract.

    Whether a key was good, credits were left or an image could be loaded is not in the recording, so a documented
    answer is taken at its word. Not so a 500: the document lists it, but it always stands for a mistake of the server.

    Args:
        case: What was asked.
        contract: Tells which statuses are documented.
        status: What came; 0 for no answer.
    """
    if status in contract.operation(case.operation).answer_schemas and status != _INTERNAL_ERROR:
        return frozenset({status})
    return frozenset({200}) if keeps_the_document(case, contract) else _REFUSED


def tolerated_of(case: Case, contract: Contract) -> dict[int, str]:
    """Tell which known deviation explains an answer of 500 to such a request."""
    known = {deviation.id for deviation in contract.deviations}
    explaining = [name for name, asks in _ANSWERED_500.items() if name in known and asks(case)]
    return dict.fromkeys([_INTERNAL_ERROR], explaining[0]) if explaining else {}


def keeps_the_document(case: Case, contract: Contract) -> bool:
    """Tell whether the document allows the request's body."""
    validator = _validator(contract, contract.operation(case.operation).request_schema)
    return validator is None or validator.is_valid(dict(case.sent))


@lru_cache(maxsize=16)
def _validator(contract: Contract, schema: str) -> jsonschema_rs.Validator | None:
    return contract.validator({"$ref": f"#/components/schemas/{schema}"}) if schema else None


def _asks_for_binary(case: Case) -> bool:
    return case.operation == "visual_segment" and case.sent.get("format") == "binary"


def _asks_for_an_unknown_format(case: Case) -> bool:
    form = case.sent.get("format", "json")
    return case.operation == "visual_segment" and form not in ("json", "rle", "polygon", "binary")


def _has_boxes_without_labels(case: Case) -> bool:
    prompts: Any = case.sent.get("prompts")
    listed = prompts if isinstance(prompts, list) else []
    return case.operation == "concept_segment" and any(
        isinstance(prompt, Mapping) and prompt.get("boxes") and prompt.get("box_labels") is None for prompt in listed
    )


_ANSWERED_500: Final[Mapping[str, Callable[[Case], bool]]] = {
    "binary_answers_500": _asks_for_binary,
    "unknown_visual_format_answers_500": _asks_for_an_unknown_format,
    "missing_box_labels_answers_500": _has_boxes_without_labels,
}
