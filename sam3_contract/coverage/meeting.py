"""Which parts of the contract an exchange has met."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator

from mock_server.faults import parse
from sam3_contract.coverage.parts import CUT, Part, field_paths
from sam3_contract.errors import UsageError
from sam3_contract.interception.trial import Answered

__all__ = ["met_by"]

_FORMAT_BY_DEFAULT = {"concept_segment": "polygon", "visual_segment": "json"}


def met_by(answers: Iterable[Answered], parts: Collection[Part]) -> set[Part]:
    """Find the parts that exchanges with a mock have met.

    Args:
        answers: What was asked and answered.
        parts: All that there are.
    """
    return {part for one in answers for part in _met(one)} & set(parts)


def _met(one: Answered) -> Iterator[Part]:
    yield Part("operation", one.operation, one.operation)
    yield Part("answer", "", CUT if one.is_cut else str(one.status))
    for fault in one.faults:
        try:
            yield Part("fault family", "", parse(fault).fault.family)
        except UsageError:  # the header of a server that is not ours
            continue
    try:
        body = json.loads(one.asked)
    except (ValueError, RecursionError):
        return
    for path in field_paths(body):
        yield Part("field", one.operation, path)
    if isinstance(body, dict):
        named = body.get("format") or _FORMAT_BY_DEFAULT.get(one.operation)
        yield Part("format", one.operation, str(named))
