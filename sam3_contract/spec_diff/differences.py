"""One difference, and all of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sam3_contract.spec_diff.rules import RULES, Effect, Side

__all__ = ["Change", "Comparison", "Difference", "Target", "moved", "stated"]


@dataclass(frozen=True, slots=True)
class Change:
    """A difference whose operation is not told yet.

    Attributes:
        place: Where, such as ``request.prompts[].text``.
        kind: A name in ``RULES``.
        side: Whether clients send it or read it.
        was: What the first document says.
        now: What the second document says.
    """

    place: str
    kind: str
    side: Side
    was: str = ""
    now: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of one operation.

    Attributes:
        operation: Its name in the first document.
        place: Where, such as ``request.prompts[].output_prob_thresh``.
        kind: A name in ``RULES``.
        side: Whether clients send it or read it.
        was: What the first document says.
        now: What the second document says.
        deviations: Ids of the known deviations that speak of this field of this operation. Whether they explain the
            difference is for the reader to say.
    """

    operation: str
    place: str
    kind: str
    side: Side
    was: str
    now: str
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
        operations: Names of the operations that at least one document has, in the order asked for.
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


def moved(changes: Sequence[Change], prefix: str) -> list[Change]:
    """Tell changes from further out: ``.text`` of ``prompts[]`` is ``prompts[].text``."""
    return [replace(change, place=prefix + change.place) for change in changes]


def stated(place: str, side: Side, kind: str, *, was: str = "", now: str = "") -> Change:
    """Write a change."""
    return Change(place, kind, side, was, now)
