"""Known deviations that speak of the field of a difference."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from typing import Any, Final

from sam3_contract.spec_diff.differences import Change
from sam3_contract.spec_diff.rules import Side
from sam3_contract.spec_diff.values import fields_of, shortened

__all__ = ["related_deviations"]

# `output_prob_thresh`, and the name in `format: binary`.
_NAMED: Final = re.compile(r"`([A-Za-z_]\w*)(?::[^`]*)?`")
_LAST_FIELD: Final = re.compile(r"\.([A-Za-z_]\w*)$")
_KEY_FIELD: Final = "api_key"
# Deviations that name a field of a request speak of its values and whether it must be there.
_BESIDE_THE_POINT: Final = frozenset(
    {"opened", "closed", "rule_introduced", "rule_lifted", "rule_changed", "free_form", "free_form_ended"}
)
# Those that name a field of an answer speak of whether it is there.
_PRESENCE: Final = frozenset(
    {"field_added", "required_field_added", "field_removed", "field_undeclared", "newly_required",
     "no_longer_required", "presence_unstated"}
)  # fmt: skip


def related_deviations(
    change: Change, operation: str, deviations: Any, *, request_fields: Container[str]
) -> tuple[str, ...]:
    """List the deviations of the operation whose text names the field of a change.

    A pointer, not an explanation: a deviation's text is prose. It is given where the field is on the side that the
    text means, and the change is of a kind that deviations of that side speak of.

    Args:
        change: Whose place ends in a field.
        operation: The operation's name.
        deviations: ``x-deviations`` of a document, or anything else.
        request_fields: Names of the fields of the operation's request. A name among them means the request's field,
            also where the answer has one of the same name.
    """
    field = _field_of(change, request_fields)
    if field is None or not isinstance(deviations, list):
        return ()
    return tuple(
        shortened(str(entry["id"]))
        for entry in map(fields_of, deviations)
        if "id" in entry and entry.get("operation") in (operation, "*") and field in _named_in(entry, change.side)
    )


def _field_of(change: Change, request_fields: Container[str]) -> str | None:
    if change.place == "security":
        return _KEY_FIELD
    found = _LAST_FIELD.search(change.place)
    if found is None or (change.side == "answer" and found.group(1) in request_fields):
        return None
    is_meant = change.kind in _PRESENCE if change.side == "answer" else change.kind not in _BESIDE_THE_POINT
    return found.group(1) if is_meant else None


def _named_in(entry: dict[str, Any], side: Side) -> Sequence[str]:
    documented = "" if side == "answer" else entry.get("documented")
    return _NAMED.findall(f"{documented} {entry.get('observed')}")
