"""The scenarios of a mock at work: which one takes a request, what it answers, and what came of it.

A request goes to the first scenario that takes it; what none takes is answered as ever, or not at all if scenarios are
strict. A rate limit takes what comes too fast and lets the rest pass on to the scenarios behind it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal

from mock_server.http.inspection import InspectedRequest
from mock_server.http.refusals import Refusal, message, no_answer
from mock_server.scenarios.files import Source, read
from mock_server.scenarios.mistakes import Mistake
from mock_server.scenarios.mistakes import Path as ValuePath
from mock_server.scenarios.model import MOST_SCENARIOS, Surroundings, one_scenario, scenarios_of
from mock_server.scenarios.rules import Reply, Scenario, Then

_UNMATCHED_KEPT: Final = 100


@dataclass(frozen=True, slots=True)
class Taken:
    """What a scenario says to a request: a reply, or a refusal."""

    scenario: str
    reply: Reply | None = None
    refusal: Refusal | None = None


@dataclass(slots=True)
class _Course:
    """How far a scenario has come."""

    scenario: Scenario
    fitting: int = 0  # requests that reached it and for which all holds that does not count
    taken: int = 0
    passed: deque[float] = field(default_factory=deque)  # when a rate limit let requests pass

    @property
    def problem(self) -> str | None:
        """Say what was expected of it and has not come."""
        times = self.scenario.times
        if times == "any" or times == self.taken:
            return None
        if times is None:
            used = self.fitting if self.scenario.rate_limit else self.taken
            return None if used else f"{self.scenario.name!r} took no request"
        return f"{self.scenario.name!r} took {_requests(self.taken)}, expected {times}"

    def as_json(self) -> dict[str, Any]:
        """List what it is, and how far it has come."""
        state = {"fitting": self.fitting, "taken": self.taken, "problem": self.problem}
        return {**self.scenario.definition, "name": self.scenario.name, **state}


class Scenarios:
    """The scenarios of one mock. Methods may be called from any thread.

    Args:
        operations: The operations that there are.
        check_fault: Raises :class:`UsageError` for an unknown fault.

    Attributes:
        strict: Whether a request that no scenario takes gets no answer.
        clock: Seconds; what rate limits are counted by.
    """

    def __init__(self, operations: Sequence[str], *, check_fault: Callable[[str], object]) -> None:
        self.strict = False
        self.clock: Callable[[], float] = time.monotonic
        self._operations = tuple(operations)
        self._check_fault = check_fault
        self._courses: tuple[_Course, ...] = ()
        self._unmatched: deque[str] = deque(maxlen=_UNMATCHED_KEPT)
        self._lock = Lock()

    def add(
        self,
        name: str | None = None,
        *,
        when: Mapping[str, Any] | None = None,
        answers: Sequence[Any] | None = None,
        then: Then | None = None,
        times: int | Literal["any"] | None = None,
        rate_limit: Mapping[str, Any] | None = None,
    ) -> None:
        """Add one scenario behind the others; the arguments are the fields of one in a file.

        Args:
            name: What messages call it.
            when: Which requests it is for; an image may be given as bytes or ``Path``, too.
            answers: What they are answered, one after another; a body may be given as bytes, too.
            then: What those behind the last answer get: it again, ``"normal"`` answers, or ``"refuse"`` for none.
            times: How many requests it has to take; by default at least one, ``"any"`` for whatever comes.
            rate_limit: Answer 429 to more than so many ``requests`` in so many ``seconds``.

        Raises:
            ScenarioError: If something is not what it has to be.

        Example:
            >>> scenarios = Scenarios(["embed_image"], check_fault=lambda _: None)
            >>> scenarios.add("full", when={"operation": "embed_image"}, answers=[{"status": 507}])
            >>> scenarios.unused
            ["'full' took no request"]
        """
        given = {"name": name, "when": when, "answers": answers, "then": then, "times": times, "rate_limit": rate_limit}
        definition = {key: value for key, value in given.items() if value is not None}
        origin = "scenario" if name is None else f"scenario {name!r}"
        self.add_one(Source(definition, origin, folder=Path()))

    def add_one(self, source: Source) -> None:
        """Add what holds one scenario.

        Raises:
            ScenarioError: If something is not what it has to be.
        """
        with self._lock:
            try:
                name = f"scenario {len(self._courses) + 1}"
                one = one_scenario(source.value, self._surroundings(source), name=name)
                self._append([one], at=lambda _: ())
            except Mistake as mistake:
                raise source.error(mistake) from mistake

    def load(self, source: Path | str | Mapping[str, Any]) -> None:
        """Add the scenarios of a file, or of what such a file holds, behind the others.

        Raises:
            ScenarioError: If something is not what it has to be; with the line, if the file tells it.
        """
        if isinstance(source, Path | str):
            self.load_source(read(Path(source)))
        else:
            self.load_source(Source(dict(source), "scenarios", folder=Path()))

    def load_source(self, source: Source, *, anew: bool = False) -> None:
        """Add what holds several scenarios; all or none.

        Args:
            source: What holds them.
            anew: Drop those that there are.

        Raises:
            ScenarioError: If something is not what it has to be.
        """
        with self._lock:
            before, strict_before = self._courses, self.strict
            try:
                found, strict = scenarios_of(source.value, self._surroundings(source))
                if anew:
                    self._courses = ()
                    self._unmatched.clear()
                self._append(found, at=lambda index: ("scenarios", index))
                self.strict = strict if anew else strict or self.strict
            except Mistake as mistake:
                self._courses, self.strict = before, strict_before
                raise source.error(mistake) from mistake

    def clear(self) -> None:
        """Drop every scenario, and the strictness."""
        with self._lock:
            self._courses = ()
            self._unmatched.clear()
            self.strict = False

    def reset(self) -> None:
        """Let every scenario begin again."""
        with self._lock:
            self._courses = tuple(_Course(course.scenario) for course in self._courses)
            self._unmatched.clear()

    def take(self, request: InspectedRequest) -> Taken | None:
        """Find what is to be answered.

        Returns:
            ``None`` if no scenario takes the request.
        """
        # Decoding and hashing happens here, where it holds up no other request.
        fitting = [course for course in self._courses if course.scenario.when.fits(request)]
        with self._lock:
            for course in fitting:
                taken = self._offer(course)
                if taken is not None:
                    return taken
        return None

    def miss(self, description: str) -> Refusal:
        """Note a request that got no answer; return what to say.

        Args:
            description: The request, without any API key.
        """
        with self._lock:
            self._unmatched.append(description)
            names = ", ".join(repr(course.scenario.name) for course in self._courses[:10])
        known = f"scenarios are {names}" if names else "there are no scenarios"
        return no_answer(f"{description}; {known}")

    @property
    def active(self) -> bool:
        """Whether any request can be answered otherwise than ever."""
        return self.strict or bool(self._courses)

    @property
    def unused(self) -> list[str]:
        """The scenarios that took other numbers of requests than expected, in words."""
        with self._lock:
            return [problem for course in self._courses if (problem := course.problem)]

    @property
    def unmatched(self) -> list[str]:
        """The requests that got no answer, in words; the last hundred."""
        with self._lock:
            return list(self._unmatched)

    @property
    def problems(self) -> list[str]:
        """All that was expected otherwise, in words."""
        return self.unused + self.unmatched

    def verify(self) -> None:
        """Fail if a scenario took another number of requests than expected, or a request got no answer.

        Raises:
            AssertionError: With all of them.
        """
        problems = self.problems
        if problems:
            raise AssertionError("\n  ".join(["the scenarios were not played as written:", *problems]))

    def as_json(self) -> dict[str, Any]:
        """List the scenarios, how far each has come, and what was expected otherwise."""
        with self._lock:
            scenarios = [course.as_json() for course in self._courses]
        return {"strict": self.strict, "scenarios": scenarios, "problems": self.problems}

    def _surroundings(self, source: Source) -> Surroundings:
        return Surroundings(self._operations, source.folder, self._check_fault)

    def _append(self, found: Sequence[Scenario], *, at: Callable[[int], ValuePath]) -> None:
        names = {course.scenario.name for course in self._courses}
        for index, scenario in enumerate(found):
            if scenario.name in names:
                raise Mistake((*at(index), "name"), f"{scenario.name!r} names another scenario, too")
            names.add(scenario.name)
        if len(names) > MOST_SCENARIOS:
            raise Mistake((), f"are {len(names)} scenarios with those before, may be {MOST_SCENARIOS}")
        self._courses += tuple(map(_Course, found))

    def _offer(self, course: _Course) -> Taken | None:
        """Offer a request to a scenario that it fits."""
        scenario = course.scenario
        course.fitting += 1
        if scenario.rate_limit is not None:
            return self._limit(course, scenario.rate_limit.requests, scenario.rate_limit.seconds)
        over = course.taken >= len(scenario.answers)
        if not scenario.when.counts(course.fitting) or (over and scenario.then == "normal"):
            return None
        if over and scenario.then == "refuse":
            reason = f"{scenario.name!r} has no answer left after {_requests(course.taken)}"
            course.taken += 1
            self._unmatched.append(reason)
            return Taken(scenario.name, refusal=no_answer(reason))
        course.taken += 1
        return Taken(scenario.name, scenario.answers[min(course.taken, len(scenario.answers)) - 1])

    def _limit(self, course: _Course, requests: int, seconds: float) -> Taken | None:
        now = self.clock()
        while course.passed and course.passed[0] <= now - seconds:
            course.passed.popleft()
        if len(course.passed) < requests:
            course.passed.append(now)
            return None
        course.taken += 1
        left = course.passed[0] + seconds - now if course.passed else seconds
        refusal = message(429, f"Too many requests: more than {requests} in {seconds:g} seconds.")
        refusal.headers["retry-after"] = str(math.ceil(left))
        return Taken(course.scenario.name, refusal=refusal)


def _requests(number: int) -> str:
    return f"{number} request{'' if number == 1 else 's'}"
