"""The cases of a verification: few requests, each of which serves many checks, the most telling first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sam3_contract.cases import concept, follow_ups, overlaps, refused, visual
from sam3_contract.cases.questions import Questions
from sam3_contract.exchange import Case, Exchange, Photograph

OPERATIONS = ("concept_segment", "visual_segment", "embed_image")


@dataclass(frozen=True)
class FollowUp:
    """A case that is made of earlier answers.

    Attributes:
        id: Of the case.
        operation: The ``operationId``.
        asks: The question it puts, in one sentence.
        make: Makes it of the answers so far, by their cases' ids; ``None`` if they hold nothing to ask about.
        beside: Ids of the cases it is made of.
    """

    id: str
    operation: str
    asks: str
    make: Callable[[Mapping[str, Exchange]], Case | None]
    beside: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What to ask.

    Attributes:
        cases: In the order in which they are worth their price.
        follow_ups: Asked at last.
    """

    cases: tuple[Case, ...]
    follow_ups: tuple[FollowUp, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.cases) + len(self.follow_ups)

    @property
    def entries(self) -> tuple[Case | FollowUp, ...]:
        """Everything, in the order in which it is asked."""
        return (*self.cases, *self.follow_ups)

    def of_operations(self, operations: Iterable[str]) -> Plan:
        """Keep what asks these operations, and what that builds on."""
        kept = frozenset(operations)
        if not kept:
            return self
        return self._of({entry.id for entry in self.entries if entry.operation in kept})

    def of_cases(self, ids: Iterable[str]) -> Plan:
        """Keep these cases, what they build on, and what their answers are compared with."""
        return self._of(set(ids))

    def _of(self, ids: set[str]) -> Plan:
        entries = {entry.id: entry for entry in self.entries}
        wanted, queue = set[str](), list(ids)
        for name in queue:
            if name in entries and name not in wanted:
                wanted.add(name)
                queue += _partners(entries[name])
        return Plan(
            tuple(case for case in self.cases if case.id in wanted),
            tuple(entry for entry in self.follow_ups if entry.id in wanted),
        )


def plan(
    photographs: Sequence[Photograph],
    *,
    texts: Sequence[str] = (),
    points: Sequence[tuple[float, float]] = (),
    urls: Mapping[str, Photograph] | None = None,
) -> Plan:
    """Plan a verification.

    Args:
        photographs: The images to send, at least one; scenes of which the truth is known serve more checks.
        texts: The concepts to ask for, up to 16; by default what is drawn in the scenes.
        points: Positive clicks, ``(x, y)`` in pixels of every image; by default on what is drawn there.
        urls: Where the server can fetch images that are at hand as well, to compare what it makes of either.
    """
    questions = Questions(tuple(photographs), tuple(texts), tuple(points))
    main, others = questions.lead, questions.photographs[1:]
    cases = [
        *concept.main_cases(questions, main),
        *visual.main_cases(questions, main),
        *refused.most_telling(questions),
        *visual.memory_cases(questions),
        *overlaps.overlap_cases(questions),
        *visual.shape_cases(questions),
        *(case for other in others[:1] for case in concept.main_cases(questions, other)),
        *(case for other in others[:1] for case in visual.object_cases(questions, other)),
        *concept.detail_cases(questions),
        *visual.detail_cases(questions),
        *concept.view_cases(questions),
        *visual.view_cases(questions),
        *(case for url, at_hand in (urls or {}).items() for case in concept.url_cases(questions, url, at_hand)),
        *refused.the_rest(questions),
    ]
    made = [
        FollowUp(name, "concept_segment", asks, make, beside)
        for name, asks, make, beside in follow_ups.follow_ups(questions)
    ]
    return Plan(tuple(cases), tuple(made))


def _partners(entry: Case | FollowUp) -> list[str]:
    if isinstance(entry, FollowUp):
        return list(entry.beside)
    return [*entry.after, *entry.beside, *([entry.twin.of] if entry.twin else [])]
