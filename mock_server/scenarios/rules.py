"""What a scenario says: for which requests it is, and what they are answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mock_server.http.inspection import InspectedRequest

Then = Literal["repeat", "normal", "refuse"]
"""After the last answer: give it again, step aside, or have no answer."""


@dataclass(frozen=True, slots=True)
class When:
    """Which requests a scenario is for; all that is given has to hold.

    Attributes:
        operations: The operations, by ``operationId``.
        text: The text of one of the prompts.
        texts: The texts of all prompts, in order.
        format: The format that is asked for.
        image: ``sha256:...`` of the file that is sent, or the URL.
        image_id: The client's name for the image.
        headers: Names in lower case, and values.
        nth: Only the nth of the requests for which the rest holds, from 1.
        after: Only those behind the first so many.
        every: Only every so many-th.
    """

    operations: frozenset[str] | None = None
    text: str | None = None
    texts: tuple[str, ...] | None = None
    format: str | None = None
    image: str | None = None
    image_id: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    nth: int | None = None
    after: int | None = None
    every: int | None = None

    def fits(self, request: InspectedRequest) -> bool:
        """Check whether all holds that does not count; what costs most is looked at last."""
        return (
            (self.operations is None or request.operation in self.operations)
            and all(request.headers.get(name) == value for name, value in self.headers)
            and (self.format is None or request.field("format") == self.format)
            and (self.image_id is None or request.field("image_id") == self.image_id)
            and (self.text is None or self.text in request.texts)
            and (self.texts is None or list(self.texts) == request.texts)
            and (self.image is None or request.image == self.image)
        )

    def counts(self, number: int) -> bool:
        """Check whether the request is one that counts, from its number among those that fit."""
        return (
            (self.nth is None or number == self.nth)
            and (self.after is None or number > self.after)
            and (self.every is None or number % self.every == 0)
        )


@dataclass(frozen=True, slots=True)
class Fixed:
    """An answer that is given as it is.

    Attributes:
        status: HTTP status.
        headers: Further headers.
        body: The bytes.
        content_type: Their media type.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One of a scenario's answers: what the mock answers anyway, if nothing else is told.

    Attributes:
        delay: Seconds to wait before.
        faults: Faults to put on the answer.
        fixed: What is answered instead.
    """

    delay: float = 0.0
    faults: tuple[str, ...] = ()
    fixed: Fixed | None = None


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many requests in so many seconds, whenever those begin."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """What some requests are answered.

    Attributes:
        name: Its name.
        when: Which requests it is for.
        answers: The answers of the first, the second, ... of them.
        then: What those behind the last answer get.
        times: How many requests are expected; ``None`` for at least one, ``"any"`` for any number.
        rate_limit: Answer 429 to what comes faster, instead of the answers.
        definition: What it was made from.
    """

    name: str
    when: When = When()
    answers: tuple[Reply, ...] = (Reply(),)
    then: Then = "repeat"
    times: int | Literal["any"] | None = None
    rate_limit: RateLimit | None = None
    definition: Mapping[str, Any] = field(default_factory=dict, repr=False)
