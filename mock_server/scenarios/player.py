"""The scenarios of a mock at work: which one takes a request, what it answers, and what came of it.

A request goes to the first scenario that takes it; what none takes is answered as ever, or not at all if scenarios are
strict. A rate limit takes what comes too fast and lets the rest pass on to the scenarios behind it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from mock_server.http.inspection import InspectedRequest
from mock_server.http.refusals import Refusal, message, no_answer
from mock_server.scenarios.files import Source, read
from mock_server.scenarios.mistakes import Mistake
from mock_server.scenarios.mistakes import Path as ValuePath
from mock_server.scenarios.plan import MOST_SCENARIOS, Course, Plan, begun, begun_at_start
from mock_server.scenarios.rules import Reply, Scenario, Then
from mock_server.store.json_codec import json_codec
from mock_server.store.memory import MemoryStore
from mock_server.store.protocol import Bounds, Codec, Store

_COUNTED: Final = 4 * MOST_SCENARIOS  # two for each, and those of courses that are over but had requests under way
_TEXTS: Final[Codec[str]] = Codec(lambda text: text.encode("utf-8", "replace"), bytes.decode)
_UNMATCHED: Final[Bounds[str]] = Bounds(100, 1024 * 1024, len)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a scenario says to a request: a reply, or a refusal."""

    scenario: str
    reply: Reply | None = None
    refusal: Refusal | None = None


class Scenarios:
    """The scenarios of one session. Methods may be called from any thread.

    Args:
        operations: The operations that there are.
        check_fault: Raises :class:`UsageError` for an unknown fault.
        store: Where they are kept.
        plans: Where what they say is kept, if elsewhere than what came of them.
        session: The id of the session.
        at_start: What is planned at the start.

    Attributes:
        clock: Seconds, what rate limits are counted by; ``None`` for the store's own clock.
    """

    def __init__(
        self,
        operations: Sequence[str],
        *,
        check_fault: Callable[[str], object],
        store: Store | None = None,
        plans: Store | None = None,
        session: str = "",
        at_start: Plan | None = None,
    ) -> None:
        self.clock: Callable[[], float | None] = lambda: None
        self._operations = tuple(operations)
        self._check_fault = check_fault
        self._at_start = at_start or Plan()
        kept = store or MemoryStore()
        plans = plans or kept
        self._plan_is_here = not plans.shared
        self._plan = plans.value(session, "plan", json_codec(Plan), self._at_start)
        self._counted = kept.tally(session, "scenarios", most=_COUNTED)
        self._unmatched = kept.log(session, "unmatched", _TEXTS, _UNMATCHED, numbered=lambda text, _: text)

    @property
    def plan(self) -> Plan:
        """What is planned now."""
        return self._plan.read()

    @property
    def memory(self) -> int:
        """What they take in this process, in bytes, about."""
        return self._unmatched.memory + (self.plan.memory if self._plan_is_here else 0)

    def put_faults_on(self, faults: tuple[str, ...]) -> None:
        """Put faults on every request, in the place of those that are on."""
        self._plan.change(lambda plan: replace(plan, faults=faults))

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
        with _mistakes_of(source):
            # Read before the plan is changed: a store may call what changes it several times, or hold others up.
            one = _scenario_of(source, self._operations, self._check_fault)

            def add(plan: Plan) -> Plan:
                named = one if "name" in source.value else replace(one, name=f"scenario {len(plan.courses) + 1}")
                return replace(plan, courses=_joined(plan.courses, [named], at=lambda _: ()))

            self._plan.change(add)

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
        with _mistakes_of(source):
            found, strict = _scenarios_of(source, self._operations, self._check_fault)

            def add(plan: Plan) -> Plan:
                courses = _joined(() if anew else plan.courses, found, at=lambda index: ("scenarios", index))
                return replace(plan, courses=courses, strict=strict if anew else strict or plan.strict)

            self._replace(add, anew=anew)

    def clear(self) -> None:
        """Drop every scenario, and the strictness."""
        self._replace(lambda plan: Plan(faults=plan.faults))

    def reset(self) -> None:
        """Let every scenario begin again."""
        self._replace(lambda plan: replace(plan, courses=begun(course.scenario for course in plan.courses)))

    def restore(self) -> None:
        """Begin anew: with the scenarios and the faults that there were at the start."""
        self.begin(self._at_start)

    def begin(self, plan: Plan) -> None:
        """Play another plan from its beginning, in the place of all that there was."""
        self._replace(lambda _: replace(plan, courses=begun(course.scenario for course in plan.courses)))

    def take(self, request: InspectedRequest, plan: Plan | None = None) -> Taken | None:
        """Find what is to be answered.

        Args:
            request: What was asked.
            plan: What is planned, if that was looked up before.

        Returns:
            ``None`` if no scenario takes the request.
        """
        courses = (plan or self.plan).courses
        # Decoding and hashing happens here, where it holds up no other request.
        for course in [course for course in courses if course.scenario.when.fits(request)]:
            taken = self._offer(course)
            if taken is not None:
                return taken
        return None

    def miss(self, description: str) -> Refusal:
        """Note a request that got no answer; return what to say.

        Args:
            description: The request, without any API key.
        """
        self._unmatched.add(lambda _: description)
        names = ", ".join(repr(course.scenario.name) for course in self.plan.courses[:10])
        known = f"scenarios are {names}" if names else "there are no scenarios"
        return no_answer(f"{description}; {known}")

    @property
    def strict(self) -> bool:
        """Whether a request that no scenario takes gets no answer."""
        return self.plan.strict

    @strict.setter
    def strict(self, strict: bool) -> None:
        self._plan.change(lambda plan: replace(plan, strict=strict))

    @property
    def unused(self) -> list[str]:
        """The scenarios that took other numbers of requests than expected, in words."""
        return _problems_of(self._plan_and_progress()[1])

    @property
    def unmatched(self) -> list[str]:
        """The requests that got no answer, in words; the last hundred."""
        return self._unmatched.all()

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
        plan, progress = self._plan_and_progress()
        problems = _problems_of(progress) + self.unmatched
        return {"strict": plan.strict, "scenarios": [one.as_json() for one in progress], "problems": problems}

    def _replace(self, change: Callable[[Plan], Plan], *, anew: bool = True) -> None:
        """Change the plan; *anew* forgets what came of the scenarios that are no longer in it."""
        before: list[Plan] = []

        def noting(plan: Plan) -> Plan:
            before[:] = [plan]
            return change(plan)

        self._plan.change(noting)
        if anew:
            self._counted.forget(before[0].counts)
            self._unmatched.clear()

    def _plan_and_progress(self) -> tuple[Plan, list[_Progress]]:
        """Read the plan and how far it has come, of one time: counts of a plan that is replaced are forgotten."""
        plan, read = None, self.plan
        while plan is None or plan.counts != read.counts:
            plan = read
            counts = self._counted.counts(plan.counts)
            read = self.plan
        pairs = zip(counts[::2], counts[1::2], strict=True)
        return plan, [_Progress(course.scenario, *pair) for course, pair in zip(plan.courses, pairs, strict=True)]

    def _offer(self, course: Course) -> Taken | None:
        """Offer a request to a scenario that it fits. Each count is one step: no two requests get the same number."""
        scenario, answers = course.scenario, course.scenario.answers
        fitting = self._counted.add(course.fitting) or 0
        if scenario.rate_limit is not None:
            return self._limit(course, scenario.rate_limit.requests, scenario.rate_limit.seconds)
        if not scenario.when.counts(fitting):
            return None
        number = self._counted.add(course.taken, below=len(answers) if scenario.then == "normal" else None)
        if number is None:
            return None
        if number > len(answers) and scenario.then == "refuse":
            reason = f"{scenario.name!r} has no answer left after {_requests(number - 1)}"
            self._unmatched.add(lambda _: reason)
            return Taken(scenario.name, refusal=no_answer(reason))
        return Taken(scenario.name, answers[min(number, len(answers)) - 1])

    def _limit(self, course: Course, requests: int, seconds: float) -> Taken | None:
        left = self._counted.admit(course.fitting, requests, seconds, now=self.clock())
        if left is None:
            return None
        self._counted.add(course.taken)
        refusal = message(429, f"Too many requests: more than {requests} in {seconds:g} seconds.")
        refusal.headers["retry-after"] = str(math.ceil(left))
        return Taken(course.scenario.name, refusal=refusal)


def plan_at_start(
    source: Source | None, operations: Sequence[str], *, check_fault: Callable[[str], object], faults: tuple[str, ...]
) -> Plan:
    """Read what every session of a mock begins with.

    Args:
        source: Holds scenarios.
        operations: The operations that there are.
        check_fault: Raises :class:`UsageError` for an unknown fault.
        faults: Those that are on for every request.

    Raises:
        ScenarioError: If something is not what it has to be.
    """
    if source is None:
        return Plan(faults=faults)
    with _mistakes_of(source):
        found, strict = _scenarios_of(source, operations, check_fault)
        _joined((), found, at=lambda index: ("scenarios", index))
    return Plan(begun_at_start(found), strict, faults)


def _scenario_of(source: Source, operations: Sequence[str], check_fault: Callable[[str], object]) -> Scenario:
    # Only here, as below: no mock waits at its start for models to be built that few ever need.
    from mock_server.scenarios.model import Surroundings, one_scenario  # noqa: PLC0415

    return one_scenario(source.value, Surroundings(tuple(operations), source.folder, check_fault), name="")


def _scenarios_of(
    source: Source, operations: Sequence[str], check_fault: Callable[[str], object]
) -> tuple[list[Scenario], bool]:
    from mock_server.scenarios.model import Surroundings, scenarios_of  # noqa: PLC0415

    return scenarios_of(source.value, Surroundings(tuple(operations), source.folder, check_fault))


def _joined(
    courses: tuple[Course, ...], found: Sequence[Scenario], *, at: Callable[[int], ValuePath]
) -> tuple[Course, ...]:
    """Put scenarios behind others.

    Raises:
        Mistake: If there are too many then, or two of one name.
    """
    names = {course.scenario.name for course in courses}
    for index, scenario in enumerate(found):
        if scenario.name in names:
            raise Mistake((*at(index), "name"), f"{scenario.name!r} names another scenario, too")
        names.add(scenario.name)
    if len(names) > MOST_SCENARIOS:
        raise Mistake((), f"are {len(names)} scenarios with those before, may be {MOST_SCENARIOS}")
    return courses + begun(found)


@contextmanager
def _mistakes_of(source: Source) -> Iterator[None]:
    """Say of a mistake where in the source it is."""
    try:
        yield
    except Mistake as mistake:
        raise source.error(mistake) from mistake


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far a scenario has come.

    Attributes:
        scenario: What it says.
        fitting: Requests that reached it and for which all holds that does not count.
        taken: Requests that it took.
    """

    scenario: Scenario
    fitting: int
    taken: int

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


def _problems_of(progress: Sequence[_Progress]) -> list[str]:
    return [problem for one in progress if (problem := one.problem)]


def _requests(number: int) -> str:
    return f"{number} request{'' if number == 1 else 's'}"
