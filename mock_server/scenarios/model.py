"""What a scenario file may hold, as models that validate it: plain values of whatever format, or of Python."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import orjson
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    WrapValidator,
    field_validator,
    model_validator,
)

from mock_server.http.protocol import wording_of
from mock_server.journal.expectations import named_image
from mock_server.scenarios.mistakes import mistake_of, shown, wrong
from mock_server.scenarios.plan import MOST_SCENARIOS
from mock_server.scenarios.rules import Fixed, RateLimit, Reply, Scenario, Then, When
from sam3_contract.errors import UsageError
from sam3_contract.files.bounded import open_regular
from sam3_contract.suggestions import unknown

MOST_ANSWERS: Final = 1000
MOST_SECONDS: Final = 60.0  # that an answer may be held back
_MOST_FILE: Final = 64 * 1024 * 1024  # bytes of a file that is answered
_MOST_COUNT: Final = 1_000_000
_MOST_RATE: Final = 10_000  # requests of a window, each of which is remembered
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
OWN_HEADERS: Final = frozenset({"content-length", "transfer-encoding", "connection"})
_TYPES: Final[Mapping[str, str]] = {
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}
_BYTES: Final = "application/octet-stream"
COUNTS: Final = ("nth", "after", "every")
BODIES: Final = ("body", "text", "body_file")
GIVEN: Final = ("status", "headers", *BODIES)  # of an answer that is given as it is

Content = tuple[bytes, str]
"""A body and its media type."""
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a scenario is read against.

    Attributes:
        operations: The operations that there are.
        folder: What the paths of files are relative to; ``None`` if no file may be named.
        check_fault: Raises :class:`UsageError` for an unknown fault.
    """

    operations: tuple[str, ...]
    folder: Path | None
    check_fault: Callable[[str], object]


def scenarios_of(value: Any, surroundings: Surroundings) -> tuple[list[Scenario], bool]:
    """Read what a file holds: its scenarios, and whether they are strict.

    Raises:
        Mistake: If something is not what it has to be.
    """
    read = _validated(ScenarioFile, value, surroundings)
    defined = enumerate(zip(read.scenarios, value.get("scenarios", []), strict=True), 1)
    return [one.rule(definition, name=f"scenario {number}") for number, (one, definition) in defined], read.strict


def one_scenario(value: Any, surroundings: Surroundings, *, name: str) -> Scenario:
    """Read a single one.

    Args:
        value: Its fields.
        surroundings: What it is read against.
        name: Its name if it has none.

    Raises:
        Mistake: If something is not what it has to be.
    """
    return _validated(_Scenario, value, surroundings).rule(value, name=name)


def _validated(model: type[Model], value: Any, surroundings: Surroundings) -> Model:
    try:
        return model.model_validate(value, context=surroundings)
    except ValidationError as error:
        raise mistake_of(error, model, value) from error


class _Part(BaseModel):
    """A part of a scenario. Nothing in it may be null but a body: what is not meant is left out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _names_are_texts(cls, value: Any) -> Any:
        for name in value if isinstance(value, dict) else ():
            if not isinstance(name, str):
                raise wrong(f"a name is {name!r}, has to be a text")
            if value[name] is None and name != "body":
                raise wrong("is null; leave it out instead", name)
        return value


def _listed(value: Any) -> Any:
    """Take a text for a list of one, and what Python calls a tuple for a list."""
    return [value] if isinstance(value, str) else _untupled(value)


def _untupled(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _image(value: Any, info: ValidationInfo[Any]) -> str:
    try:
        if isinstance(value, bytes | Path):
            return named_image(value)
        if not isinstance(value, str):
            raise wrong(f"is {shown(value)}, has to be a text")
        if re.fullmatch(r"(sha256:)?[0-9a-fA-F]{64}", value) or "://" in value:
            return named_image(value)
        return named_image(_file(value, info))
    except UsageError as error:
        raise wrong(str(error)) from error


def _file(name: str, info: ValidationInfo[Any]) -> Path:
    folder: Path | None = info.context.folder
    if folder is None:
        raise wrong("names a file, which nothing but a file of the mock's own machine or Python may do")
    return folder / name


Text = Annotated[str, Field(max_length=10_000)]
Listed = Annotated[list[Text], BeforeValidator(_listed, json_schema_input_type=Any)]
Texts = Annotated[list[Text], BeforeValidator(_untupled)]


class _When(_Part):
    """Which requests a scenario is for, see :class:`mock_server.scenarios.rules.When`."""

    operation: Listed | None = Field(default=None, min_length=1, max_length=16)
    text: Text | None = None
    texts: Texts | None = Field(default=None, min_length=1, max_length=100)
    format: Text | None = None
    image: Annotated[str | None, PlainValidator(_image, json_schema_input_type=str)] = None
    image_id: Text | None = None
    headers: dict[str, Text] = Field(default_factory=dict)
    nth: int | None = Field(default=None, ge=1, le=_MOST_COUNT)
    after: int | None = Field(default=None, ge=1, le=_MOST_COUNT)
    every: int | None = Field(default=None, ge=1, le=_MOST_COUNT)

    @model_validator(mode="before")
    @classmethod
    def _counts_in_one_way(cls, value: Any) -> Any:
        counts = [name for name in COUNTS if isinstance(value, dict) and name in value]
        if len(counts) > 1:
            raise wrong(f"stands beside `{counts[0]}`; a scenario counts in one way", counts[1])
        return value

    @field_validator("operation")
    @classmethod
    def _operations_are_known(cls, names: list[str], info: ValidationInfo[Any]) -> list[str]:
        for index, name in enumerate(names):
            if name not in info.context.operations:
                raise wrong(unknown("operation", name, info.context.operations), index)
        return names

    @field_validator("headers")
    @classmethod
    def _headers_hold_no_key(cls, headers: dict[str, str]) -> dict[str, str]:
        for name in headers:
            if name.lower() == "authorization":
                raise wrong("is not looked at: no API key belongs into a scenario", name)
        return {name.lower(): value for name, value in headers.items()}

    def rule(self) -> When:
        """Bring it to what is asked of requests."""
        fields = {name: getattr(self, name) for name in ("text", "format", "image", "image_id", *COUNTS)}
        return When(
            operations=None if self.operation is None else frozenset(self.operation),
            texts=None if self.texts is None else tuple(self.texts),
            headers=tuple(self.headers.items()),
            **fields,
        )


def _written(body: Any) -> Content:
    if isinstance(body, bytes):
        return body, _BYTES
    try:
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode(), _TYPES[".json"]
    except (TypeError, ValueError, RecursionError) as error:
        raise wrong(f"cannot be written as JSON: {error}") from error


def _read(name: Any, info: ValidationInfo[Any]) -> Content:
    if not isinstance(name, str):
        raise wrong(f"is {shown(name)}, has to be a text")
    path = _file(name, info)
    try:
        with open_regular(path) as file:
            content = file.read(_MOST_FILE + 1)
    except (OSError, ValueError) as error:
        raise wrong(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > _MOST_FILE:
        raise wrong(f"{path} is larger than {_MOST_FILE} bytes")
    return content, _TYPES.get(path.suffix.lower(), _BYTES)


class _Answer(_Part):
    """One answer; without any field it is what the mock answers anyway."""

    delay: float = Field(default=0.0, ge=0, le=MOST_SECONDS)
    fault: Listed = Field(default=[], min_length=1, max_length=8)
    status: int = Field(default=200, ge=200, le=599)
    headers: dict[str, Text] = Field(default_factory=dict)
    body: Annotated[Content | None, PlainValidator(_written, json_schema_input_type=Any)] = None
    text: str | None = Field(default=None, max_length=_MOST_FILE)
    body_file: Annotated[Content | None, PlainValidator(_read, json_schema_input_type=str)] = None

    @model_validator(mode="before")
    @classmethod
    def _is_one_answer(cls, value: Any) -> Any:
        given = [name for name in GIVEN if isinstance(value, dict) and name in value]
        bodies = [name for name in BODIES if name in given]
        if given and "fault" in value:
            raise wrong(f"stands beside `{given[0]}`: an answer is a fault or given as it is", "fault")
        if len(bodies) > 1:
            raise wrong(f"stands beside `{bodies[0]}`: an answer has one body", bodies[1])
        if given == ["headers"]:
            raise wrong("has `headers`, but neither a `status` nor a body")
        return value

    @field_validator("fault")
    @classmethod
    def _faults_are_known(cls, names: list[str], info: ValidationInfo[Any]) -> list[str]:
        for index, name in enumerate(names):
            try:
                info.context.check_fault(name)
            except UsageError as error:
                raise wrong(str(error), index) from error
        return names

    @field_validator("headers")
    @classmethod
    def _headers_can_be_sent(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name):
                raise wrong("is no name of a header", name)
            if name.lower() in OWN_HEADERS:
                raise wrong("is the server's to say; a fault can get it wrong", name)
            if not _HEADER_VALUE.fullmatch(value):
                raise wrong("holds characters that no header can: those outside Latin-1, or control characters", name)
        return {name.lower(): value for name, value in headers.items()}

    @model_validator(mode="after")
    def _has_a_body_only_where_there_can_be_one(self) -> _Answer:
        content = self._content()
        if content and content[0] and self.status in {204, 205, 304}:
            raise wrong(f"is {self.status}, which has no body", "status")
        return self

    def rule(self) -> Reply:
        """Bring it to what is done for a request."""
        fixed = self._fixed() if self.model_fields_set.intersection(GIVEN) else None
        return Reply(self.delay, tuple(self.fault), fixed)

    def _fixed(self) -> Fixed:
        # A refusal without a body of its own says what the service says.
        refusal = orjson.dumps({"message": wording_of(self.status)}) if self.status >= 400 else b""
        body, kind = self._content() or (refusal, _TYPES[".json"])
        headers = tuple(entry for entry in self.headers.items() if entry[0] != "content-type")
        return Fixed(self.status, headers, body, self.headers.get("content-type", kind))

    def _content(self) -> Content | None:
        if self.text is not None:
            return self.text.encode("utf-8", "replace"), _TYPES[".txt"]
        return self.body or self.body_file


def _normal(value: Any, validate: Callable[[Any], _Answer]) -> _Answer:
    """Take the answer that is a word."""
    if value == "normal":
        return _Answer()
    if isinstance(value, str):
        raise wrong(f"is {value[:60]!r}, has to be 'normal', or an object such as {{fault: {value[:60]}}}")
    if value == {}:
        raise wrong("is empty; 'normal' is the answer that the mock gives anyway")
    return validate(value)


class _RateLimit(_Part):
    """How much may come, and how fast."""

    requests: int = Field(ge=0, le=_MOST_RATE)
    seconds: float = Field(ge=0.001, le=86_400)

    def rule(self) -> RateLimit:
        """Bring it to what is counted by."""
        return RateLimit(self.requests, self.seconds)


def _times(value: Any) -> int | Literal["any"]:
    if value == "any":
        return "any"
    if isinstance(value, str):
        raise wrong(f"is {shown(value)}, has to be a whole number or 'any'")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_COUNT:
        raise wrong(f"is {shown(value)}, has to be a whole number from 0 to {_MOST_COUNT}")
    return value


_OneAnswer = Annotated[_Answer, WrapValidator(_normal, json_schema_input_type=Literal["normal"] | _Answer)]
Answers = Annotated[list[_OneAnswer], BeforeValidator(_untupled)]
_Times = Annotated[int, Field(ge=0, le=_MOST_COUNT)] | Literal["any"]


class _Scenario(_Part):
    """What some requests are answered."""

    name: str | None = Field(default=None, max_length=200)
    when: _When = _When()
    answers: Answers = Field(default=[_Answer()], min_length=1, max_length=MOST_ANSWERS)
    then: Then = "repeat"
    times: Annotated[int | Literal["any"] | None, PlainValidator(_times, json_schema_input_type=_Times)] = None
    rate_limit: _RateLimit | None = None

    @model_validator(mode="before")
    @classmethod
    def _rate_limit_stands_alone(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "rate_limit" not in value:
            return value
        for other in ("answers", "then"):
            if other in value:
                raise wrong("stands beside `rate_limit`, which answers by itself", other)
        when = value.get("when")
        if isinstance(when, dict) and any(name in when for name in COUNTS):
            raise wrong(f"{', '.join(COUNTS)} stand beside `rate_limit`, which counts by itself", "when")
        return value

    def rule(self, definition: Any, *, name: str) -> Scenario:
        """Bring it to what is done.

        Args:
            definition: What it was read from.
            name: Its name if it has none.
        """
        return Scenario(
            name=name if self.name is None else self.name,
            when=self.when.rule(),
            answers=tuple(answer.rule() for answer in self.answers),
            then=self.then,
            times=self.times,
            rate_limit=self.rate_limit.rule() if self.rate_limit else None,
            definition=_listable(definition),
        )


Scenarios = Annotated[list[_Scenario], BeforeValidator(_untupled)]


class ScenarioFile(_Part):
    """What a file holds."""

    scenarios: Scenarios = Field(default=[], min_length=1, max_length=MOST_SCENARIOS)
    strict: bool = False

    @model_validator(mode="before")
    @classmethod
    def _leaves_the_schema_to_editors(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "$schema" not in value:
            return value
        if not isinstance(value["$schema"], str):
            raise wrong(f"is {shown(value['$schema'])}, has to be a text", "$schema")
        return {name: entry for name, entry in value.items() if name != "$schema"}

    @model_validator(mode="after")
    def _holds_something(self) -> ScenarioFile:
        if not self.scenarios and not self.strict:
            raise wrong("holds no `scenarios`")
        return self


def _listable(value: Any) -> Any:
    """Copy a definition, so that it can be listed as JSON; what only Python can hold is told in words."""
    if isinstance(value, Mapping):
        return {str(name): _listable(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_listable(entry) for entry in value]
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return value if isinstance(value, str | int | float | None) else str(value)
