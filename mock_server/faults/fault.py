"""What a fault is: one named breach of the contract, and the hooks by which it gets into the mock.

A request passes four places where a fault can sit, in this order:

``arrive``
    The request as it came in, before anything has read it.
``admits``
    The check of the API key.
``around``
    The operation: given the decoded body and the way to ask, what to answer. Most faults are here, because here they
    can have their real cause: a threshold that is ignored is one that is never passed on, a suppression that works
    within prompts only asks for each prompt by itself.
``reply``
    The answer as it goes out, refusals included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, Literal, TypeVar

from flask import Request, Response

from mock_server.operations.backend import Answer

Json = dict[str, Any]
FamilyName = Literal["http", "schema", "mask", "semantics"]
Operation = Literal["concept_segment", "visual_segment", "embed_image"]
Operations = tuple[Operation, ...]
Hook = TypeVar("Hook", bound=Callable[..., Any])

MOST_KEPT: Final = 512  # values that one fault remembers
_OVERHEAD: Final = 64  # bytes of an object besides what it holds, about
EVERY_GOOD_REQUEST: Final = "every good request"
EVERY_OPERATION: Final[Operations] = ("concept_segment", "visual_segment", "embed_image")


class Memory:
    """What one fault remembers from request to request, in one server: values by name, weighed when they are kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._count = 0
        self._kept: dict[str, Any] = {}
        self._weights: dict[str, int] = {}
        self._weight = 0

    def count(self) -> int:
        """Count the answers that the fault made, from 0."""
        with self._lock:
            self._count += 1
            return self._count - 1

    @property
    def memory(self) -> int:
        """What it takes, in bytes, about."""
        return self._weight

    def find(self, name: str) -> Any:
        """Take what is kept by a name; ``None`` if nothing is."""
        return self._kept.get(name)

    def first(self, value: Any, name: str = "") -> Any:
        """Keep the first value that is not ``None``; return it."""
        with self._lock:
            if self._kept.get(name) is None:
                self._keep(name, value)
            return self._kept[name]

    def swap(self, value: Any, name: str = "") -> Any:
        """Keep a value; return the one before it, ``None`` at first."""
        with self._lock:
            before = self._kept.get(name)
            self._keep(name, value)
            return before

    def _keep(self, name: str, value: Any) -> None:
        if name not in self._kept and len(self._kept) >= MOST_KEPT:
            self._kept.clear()
            self._weights.clear()
            self._weight = 0
        weight = _weight_of(name) + _weight_of(value)
        self._weight += weight - self._weights.get(name, 0)
        self._kept[name], self._weights[name] = value, weight


def _weight_of(value: Any) -> int:
    """Weigh what faults keep: answers, and what JSON holds."""
    if isinstance(value, dict):
        return _OVERHEAD + sum(_weight_of(key) + _weight_of(one) for key, one in value.items())
    if isinstance(value, list):
        return _OVERHEAD + sum(map(_weight_of, value))
    if isinstance(value, Answer):
        return _OVERHEAD + len(value.body)
    return _OVERHEAD + (len(value) if isinstance(value, str | bytes) else 0)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as a fault sees it.

    Attributes:
        operation: Its ``operationId``.
        method: HTTP method.
        body: Decoded JSON; an object wherever ``around`` is called, anything where ``reply`` is.
        key: The API key that was presented.
        value: The fault's parameter, read.
        memory: What the fault remembers.
    """

    operation: str
    method: str
    body: Any
    key: str | None
    value: Any
    memory: Memory


Ask = Callable[[Json], Answer]
"""Answers a body as the mock would without this fault.

Raises:
    Refusal: If the mock would refuse it.
"""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Where a fault sits; ``None`` where it does not."""

    arrive: Callable[[Request], None] | None = None
    admits: Callable[[str | None], bool] | None = None
    around: Callable[[Call, Ask], Answer] | None = None
    reply: Callable[[Response, Call], Response] | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """What can be said behind a fault's name and a colon.

    Attributes:
        meaning: What it is, with its unit and its bounds.
        default: Taken if nothing is said.
        read: Makes a value of the text; its ``ValueError`` of an unreadable text ends the sentence "it takes".
    """

    meaning: str
    default: str
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """A named way to break the contract.

    Attributes:
        name: The breach.
        family: What kind of thing is broken.
        breaks: What a client sees, in one sentence.
        when: Which requests show it.
        operations: The ``operationId`` of those that it breaks; requests to others pass it by.
        parameter: What its name can be followed by, if anything.
        lenient: Whether it concerns requests that are refused; all others are left to requests that are not.
        hooks: Where it sits.
    """

    name: str
    family: FamilyName
    breaks: str
    when: str
    operations: Operations
    parameter: Parameter | None
    lenient: bool
    hooks: Hooks = field(repr=False)

    def as_json(self) -> Json:
        """Bring it to what JSON can say, for programs that choose among the faults."""
        return {
            "name": self.name,
            "family": self.family,
            "breaks": self.breaks,
            "when": self.when,
            "operations": list(self.operations),
            "parameter": self.parameter and self.parameter.meaning,
            "default": self.parameter and self.parameter.default,
        }


class Chapter:
    """The faults of one file, in the order in which they are put on top of each other: the first is the innermost.

    Args:
        family: What kind of thing they break.
        operation: The one that its faults break, unless they say otherwise; by default every one.
    """

    def __init__(self, family: FamilyName, *, operation: Operation | None = None) -> None:
        self._family = family
        self._operations = (operation,) if operation else EVERY_OPERATION
        self.faults: list[Fault] = []

    def fault(
        self,
        name: str,
        breaks: str,
        *,
        on: Callable[[Hook], Hooks],
        when: str = EVERY_GOOD_REQUEST,
        operation: Operation | Operations | None = None,
        parameter: Parameter | None = None,
        lenient: bool = False,
    ) -> Callable[[Hook], Hook]:
        """Add the fault that a function makes.

        Args:
            name: The breach.
            breaks: What a client sees, in one sentence.
            on: What the function is given and what it changes: see :mod:`mock_server.faults.editing.changes`.
            when: Which requests show it.
            operation: The one, or those, that it breaks; by default the chapter's.
            parameter: What its name can be followed by.
            lenient: Whether it concerns requests that are refused.
        """
        operations = (operation,) if isinstance(operation, str) else operation or self._operations

        def add(hook: Hook) -> Hook:
            self.faults.append(Fault(name, self._family, breaks, when, operations, parameter, lenient, on(hook)))
            return hook

        return add
