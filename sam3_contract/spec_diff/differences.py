"""Differences: what kinds there are, what each means for a client, and all of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

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
        "operation_removed": Rule("the operation has gone, or is elsewhere", "breaking", None),
        "operation_deprecated": Rule("is deprecated", "harmless", None),
        "credentials_refused": Rule("these credentials are no longer enough", "breaking", None),
        "media_type_removed": Rule("has lost a media type", "breaking", "breaking"),
        "success_removed": Rule("the success has gone", None, "breaking"),
        "success_added": Rule("is a success or redirection not declared here", None, "unclear"),
        "field_added": Rule("is a new field", "harmless", "harmless"),
        "field_removed": Rule("has gone", "breaking", "breaking"),
        "field_undeclared": Rule("is no longer declared", "unclear", "unclear"),
        "newly_required": Rule("is newly required", "breaking", "harmless"),
        "no_longer_required": Rule("is no longer required", "harmless", "breaking"),
        "presence_unstated": Rule("is not listed as required, but has a default or may be null", None, "unclear"),
        "closed": Rule("takes no fields but those listed", "breaking", "harmless"),
        "retyped": Rule("is of another type", "breaking", "breaking"),
        "type_added": Rule("may be of another type as well", "harmless", "breaking"),
        "type_removed": Rule("is no longer of that type", "breaking", "harmless"),
        "type_unstated": Rule("may be anything there", "harmless", "unclear"),
        "alternative_added": Rule("has one more alternative", "harmless", "breaking"),
        "alternative_removed": Rule("has lost an alternative", "breaking", "harmless"),
        "values_added": Rule("may be one more value", "harmless", "breaking"),
        "values_removed": Rule("has lost a value", "breaking", "harmless"),
        "values_unstated": Rule("has no list of values there", "harmless", "unclear"),
        "bound_tightened": Rule("has a tighter bound", "breaking", "harmless"),
        "bound_loosened": Rule("has a looser bound", "harmless", "breaking"),
        "rule_added": Rule("has one more rule", "breaking", "harmless"),
        "rule_changed": Rule("has another rule", "unclear", "unclear"),
        "default_changed": Rule("has another default", "breaking", "harmless"),
        "default_unstated": Rule("has no default there", "unclear", "harmless"),
        "unresolved": Rule("cannot be compared", "unclear", "unclear"),
    }
)
"""Every kind of difference by its name."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        place: Where, such as ``request.prompts[].output_prob_thresh``.
        kind: A name in ``RULES``.
        side: Whether clients send it or read it.
        was: What the first document says.
        now: What the second document says; empty where it says nothing.
        operation: Its name in the first document.
        deviations: Ids of the known deviations that speak of this field of this operation. Whether they explain the
            difference is for the reader to say.
    """

    place: str
    kind: str
    side: Side
    was: str = ""
    now: str = ""
    operation: str = ""
    deviations: tuple[str, ...] = ()

    @property
    def effect(self) -> Effect:
        """What it means for clients."""
        rule = RULES[self.kind]
        effect = rule.request if self.side == "request" else rule.answer
        assert effect is not None, f"{self.kind} is no difference of the {self.side}"
        return effect

    @property
    def says(self) -> str:
        """What happened, as a phrase."""
        return RULES[self.kind].says


@dataclass(frozen=True, slots=True)
class Target:
    """An operation to compare.

    Attributes:
        id: What to call it, and its ``operationId`` where it is not found by its path.
        method: In upper case.
        path: Such as ``/sam3/concept_segment``.
    """

    id: str
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out.

    Attributes:
        operations: Names of the operations that the first document has, in the order asked for.
        differences: In the order of the operations, then of the document.
    """

    operations: tuple[str, ...]
    differences: tuple[Difference, ...]

    def of(self, operation: str) -> tuple[Difference, ...]:
        """Pick the differences of one operation."""
        return tuple(found for found in self.differences if found.operation == operation)

    def count(self, effect: Effect) -> int:
        """Count the differences of one effect."""
        return sum(found.effect == effect for found in self.differences)

    @property
    def is_breaking(self) -> bool:
        """Whether a client written to the first document may fail against the second."""
        return any(found.effect == "breaking" for found in self.differences)


def moved(found: Iterable[Difference], prefix: str) -> list[Difference]:
    """Place differences from further out: ``.text`` of ``prompts[]`` is ``prompts[].text``."""
    return [replace(one, place=prefix + one.place) for one in found]
