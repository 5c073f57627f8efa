"""The words for what has become of an answer: instance by instance, request by request."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from sam3_contract.errors import UsageError
from sam3_contract.snapshots.model import Instance


class Change(StrEnum):
    """What has become of one instance."""

    SAME = "same"
    MOVED = "moved"
    CONFIDENCE = "changed confidence"
    APPEARED = "appeared"
    VANISHED = "vanished"


class Verdict(StrEnum):
    """What has become of the answer to one request."""

    SAME = "same"
    MODEL = "the model changed"
    SCHEMA = "the schema changed"
    NOT_COMPARED = "could not look"


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How much may differ.

    Attributes:
        iou: Least intersection over union of an instance's masks, in 0..1.
        confidence: Largest difference of its confidences, in 0..1.
        count: How many instances of a prompt may appear, and how many vanish.

    Raises:
        UsageError: If a number is outside its range.
    """

    iou: float = 0.9
    confidence: float = 0.05
    count: int = 0

    def __post_init__(self) -> None:
        for name in ("iou", "confidence"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"the tolerance {name} is {getattr(self, name)}, expected 0 to 1")
        if self.count < 0:
            raise UsageError(f"the tolerance count is {self.count}, expected 0 or more")


@dataclass(frozen=True, slots=True)
class InstanceChange:
    """One instance in two answers.

    Attributes:
        change: What has become of it.
        prompt: Index of its prompt.
        text: The prompt's text; empty for a visual prompt.
        old: As it was; None if it appeared.
        new: As it is; None if it vanished.
        iou: Intersection over union of its masks; None if it lacks one.
        shift: ``(dx, dy)`` in pixels from the old mask's centroid to the new one's; None if a mask is missing or empty.
        explanation: How the new mask comes from the old one, for a moved instance; empty if that was not looked into.
        tolerated: Whether it appeared or vanished within the tolerance for counts.
    """

    change: Change
    prompt: int
    text: str
    old: Instance | None
    new: Instance | None
    iou: float | None = None
    shift: tuple[float, float] | None = None
    explanation: str = ""
    tolerated: bool = False

    @property
    def counts(self) -> bool:
        """Whether it is a change that was not tolerated."""
        return self.change != Change.SAME and not self.tolerated


@dataclass(frozen=True, slots=True)
class RequestChange:
    """What has become of the answer to one request.

    Attributes:
        name: Of the snapshot.
        schema: Sentences about what a reader of the old answer trips over.
        instances: Every instance of either answer, prompt by prompt; empty if they cannot be compared.
        not_compared: Why there was no answer to compare; empty if there was.
        notes: Sentences about changes that no reader trips over.
    """

    name: str
    schema: tuple[str, ...] = ()
    instances: tuple[InstanceChange, ...] = ()
    not_compared: str = ""
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> list[InstanceChange]:
        """The instances that changed, tolerated or not, in the order of their numbers in words and picture, from 1."""
        return [one for one in self.instances if one.change != Change.SAME]

    @property
    def model_changed(self) -> bool:
        """Whether an instance changed beyond what is tolerated."""
        return any(instance.counts for instance in self.instances)

    @property
    def verdict(self) -> Verdict:
        """The verdict; of an answer whose schema and model both changed, the schema's."""
        if self.not_compared:
            return Verdict.NOT_COMPARED
        if self.schema:
            return Verdict.SCHEMA
        return Verdict.MODEL if self.model_changed else Verdict.SAME

    @property
    def numbers(self) -> Counter[Change]:
        """How many instances there are of each kind; tolerated ones count as what they are."""
        return Counter(instance.change for instance in self.instances)
