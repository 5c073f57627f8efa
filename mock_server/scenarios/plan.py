"""What is planned for the requests of a session: scenarios, strictness, and the faults that are on for all of them.

One value, read once for a request: whoever changes a part of it makes another.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mock_server.scenarios.rules import Scenario

MOST_SCENARIOS: Final = 1000
_OVERHEAD: Final = 2000  # bytes that a scenario takes besides the bodies of its answers, about


@dataclass(frozen=True, slots=True)
class Course:
    """A scenario under way.

    Attributes:
        scenario: What it says.
        uid: What its requests are counted by. When it begins again it gets another: a request that was under way still
            counts for the course that is over.
    """

    scenario: Scenario
    uid: str

    @property
    def fitting(self) -> str:
        """Name the count of the requests that reached it and for which all holds that does not count."""
        return f"{self.uid} fitting"

    @property
    def taken(self) -> str:
        """Name the count of the requests that it took."""
        return f"{self.uid} taken"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planned.

    Attributes:
        courses: The scenarios, in their order.
        strict: Whether a request that no scenario takes gets no answer.
        faults: Faults that are on for every request.
    """

    courses: tuple[Course, ...] = ()
    strict: bool = False
    faults: tuple[str, ...] = ()
    memory: int = field(init=False, repr=False, compare=False)
    """What it takes, in bytes, about."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "memory", sum(_memory_of(course.scenario) for course in self.courses))

    @property
    def plays(self) -> bool:
        """Whether any request can be answered otherwise than ever by a scenario."""
        return self.strict or bool(self.courses)

    @property
    def counts(self) -> list[str]:
        """Name everything that is counted of it."""
        return [name for course in self.courses for name in (course.fitting, course.taken)]


def begun(scenarios: Iterable[Scenario]) -> tuple[Course, ...]:
    """Let scenarios begin."""
    return tuple(Course(scenario, uuid.uuid4().hex) for scenario in scenarios)


def begun_at_start(scenarios: Iterable[Scenario]) -> tuple[Course, ...]:
    """Let the scenarios begin that a mock starts with: they are the same in each process that serves it."""
    return tuple(Course(scenario, f"start {number}") for number, scenario in enumerate(scenarios))


def _memory_of(scenario: Scenario) -> int:
    return _OVERHEAD + sum(len(reply.fixed.body) for reply in scenario.answers if reply.fixed is not None)
