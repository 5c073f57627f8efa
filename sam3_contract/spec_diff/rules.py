"""What each kind of difference means for a client that was written to the first document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

__all__ = ["EFFECTS", "RULES", "Effect", "Rule", "Side"]

Effect = Literal["breaking", "unclear", "harmless"]
Side = Literal["request", "answer"]
EFFECTS: Final[tuple[Effect, ...]] = ("breaking", "unclear", "harmless")
"""Worst first."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of difference.

    Attributes:
        says: What happened, as a phrase after the place.
        request: The effect on what clients send; ``None`` where the kind does not occur.
        answer: The effect on what clients read; ``None`` where the kind does not occur.
    """

    says: str
    request: Effect | None
    answer: Effect | None


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        # The operation
        "operation_removed": Rule("the operation has gone", "breaking", None),
        "operation_moved": Rule("answers at another method or path", "breaking", None),
        "operation_prefixed": Rule("is served under another prefix", "harmless", None),
        "operation_added": Rule("is a new operation", "harmless", None),
        "operation_deprecated": Rule("is deprecated", "harmless", None),
        "credentials_refused": Rule("these credentials are no longer enough", "breaking", None),
        "credentials_added": Rule("these credentials are enough as well", "harmless", None),
        "credentials_undeclared": Rule("no credentials are declared", "harmless", None),
        "parameter_added": Rule("is a new parameter", "harmless", None),
        "required_parameter_added": Rule("is a new parameter, and required", "breaking", None),
        "parameter_undeclared": Rule(
            "is no longer declared; servers mostly ignore what they do not know", "unclear", None
        ),
        "parameter_restyled": Rule("is written in another style", "breaking", None),
        "body_added": Rule("has a body now", "harmless", "harmless"),
        "required_body_added": Rule("has a body now, and demands it", "breaking", None),
        "body_removed": Rule("has no body any more", "breaking", "breaking"),
        "body_undescribed": Rule("has a body that is not described there", None, "unclear"),
        "media_type_added": Rule("has another media type", "harmless", "unclear"),
        "media_type_removed": Rule("has lost a media type", "breaking", "breaking"),
        "error_media_type_removed": Rule("an error has lost a media type", None, "unclear"),
        "status_removed": Rule("the success has gone", None, "breaking"),
        "status_undeclared": Rule("is not declared there", None, "harmless"),
        "status_added": Rule("is a status not declared here", None, "harmless"),
        "success_added": Rule("is a success or redirection not declared here", None, "unclear"),
        "stock_validation_error": Rule("is described by FastAPI's stock model, which says less", None, "harmless"),
        "header_added": Rule("is a header not declared here", None, "harmless"),
        "header_undeclared": Rule("is a header not declared there", None, "harmless"),
        "header_removed": Rule("the header, which was required, has gone", None, "breaking"),
        # Fields
        "field_added": Rule("is a new field", "harmless", "harmless"),
        "required_field_added": Rule("is a new field, and required", "breaking", "harmless"),
        "field_removed": Rule("has gone", "breaking", "breaking"),
        "field_undeclared": Rule("is no longer declared", "unclear", "unclear"),
        "newly_required": Rule("is newly required", "breaking", "harmless"),
        "no_longer_required": Rule("is no longer required", "harmless", "breaking"),
        "presence_unstated": Rule("is not listed as required, but has a default or may be null", None, "unclear"),
        "opened": Rule("takes fields that are not listed", "harmless", "harmless"),
        "closed": Rule("takes no fields but those listed", "breaking", "harmless"),
        # Values
        "retyped": Rule("is of another type", "breaking", "breaking"),
        "type_added": Rule("may be of another type as well", "harmless", "breaking"),
        "type_removed": Rule("is no longer of that type", "breaking", "harmless"),
        "null_added": Rule("may be null", "harmless", "breaking"),
        "null_removed": Rule("may no longer be null", "breaking", "harmless"),
        "free_form": Rule("is free-form", "harmless", "unclear"),
        "free_form_ended": Rule("is no longer free-form", "breaking", "harmless"),
        "form_added": Rule("may have another form", "harmless", "breaking"),
        "form_removed": Rule("has lost a form", "breaking", "harmless"),
        "enum_values_added": Rule("may be one more value", "harmless", "breaking"),
        "enum_values_removed": Rule("has lost a value", "breaking", "harmless"),
        "enum_lifted": Rule("has no list of values any more", "harmless", "unclear"),
        "enum_introduced": Rule("has a list of values now", "breaking", "harmless"),
        "bound_tightened": Rule("has a tighter bound", "breaking", "harmless"),
        "bound_loosened": Rule("has a looser bound", "harmless", "breaking"),
        "bound_lifted": Rule("has no such bound there", "harmless", "unclear"),
        "pattern_introduced": Rule("has a pattern now", "breaking", "harmless"),
        "pattern_lifted": Rule("has no pattern there", "harmless", "unclear"),
        "pattern_changed": Rule("has another pattern", "unclear", "unclear"),
        "format_changed": Rule("has another format", "unclear", "unclear"),
        "rule_introduced": Rule("has one more rule across its parts", "breaking", "harmless"),
        "rule_lifted": Rule("has one rule across its parts less", "harmless", "unclear"),
        "rule_changed": Rule("has another rule across its parts", "unclear", "unclear"),
        "default_changed": Rule("has another default", "breaking", "harmless"),
        "default_added": Rule("has a default now", "harmless", "harmless"),
        "default_removed": Rule("has no default there", "unclear", "harmless"),
        # What cannot be compared
        "unresolved": Rule("cannot be compared", "unclear", "unclear"),
        "too_complex": Rule("is too large or too deep to be compared in full", "unclear", "unclear"),
    }
)
"""Every kind of difference by its name."""
