"""What is wrong with a value, in words and with its place: pydantic finds it, here it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from sam3_contract.files.json_positions import json_path
from sam3_contract.suggestions import unknown

Path = tuple[str | int, ...]
"""The names and indices that lead to a value."""

_SHOWN: Final = 60  # characters of a value in a message


class Mistake(Exception):  # noqa: N818 - what somebody else did
    """A value is not what it has to be.

    Attributes:
        path: Where it stands.
        reason: What is wrong with it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        place = json_path(path).removeprefix("$").removeprefix(".")
        super().__init__(f"{place}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


def wrong(reason: str, *below: str | int) -> PydanticCustomError:
    """Make the error of a validator whose words are told as they are.

    Args:
        reason: What is wrong.
        below: What leads to the place from the value that is validated.
    """
    return PydanticCustomError("wrong", "{reason}", {"reason": reason, "below": below})


def mistake_of(error: ValidationError, model: type[BaseModel], value: Any, *, at: Path = ()) -> Mistake:
    """Choose what to say of all that a validation found: misspelt names first, as other mistakes may follow from them.

    Args:
        error: What was found.
        model: What the value was to be.
        value: The value.
        at: What leads to the value.
    """
    found = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    context = found.get("ctx", {})
    path = _path_in(value, (*found["loc"], *context.get("below", ())))
    return Mistake((*at, *path), context.get("reason") or _in_words(found, model))


def _in_words(found: ErrorDetails, model: type[BaseModel]) -> str:
    kind, value, context = found["type"], found["input"], found.get("ctx", {})
    parent, field = _looked_up(model, found["loc"])
    if kind == "extra_forbidden":
        return unknown("field", str(found["loc"][-1]), list(parent.model_fields))
    if kind == "missing":
        return f"needs `{found['loc'][-1]}`"
    if kind == "string_too_long":
        return f"has {len(value)} characters, may have {context['max_length']}"
    if kind in {"too_short", "too_long"}:
        least, most = _bounds(field)
        return f"has {context['actual_length']} entries, may have {least} to {most}"
    return f"is {shown(value)}, has to be {_expected(found, field)}"


def shown(value: Any) -> str:
    """Write a value, shortened."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _expected(found: ErrorDetails, field: FieldInfo | None) -> str:
    kind = found["type"]
    if kind == "string_type":
        return "a text; put it in quotes" if isinstance(found["input"], int | float) else "a text"
    if kind == "literal_error":
        return " or ".join(map(repr, get_args(field.annotation) if field else ()))
    if kind in {"int_type", "int_from_float"} or (kind in _OUTSIDE and _takes(field, int)):
        return "a whole number from {} to {}".format(*_bounds(field))
    if kind in {"float_type", "finite_number"} or kind in _OUTSIDE:
        return "a number from {:g} to {:g}".format(*_bounds(field))
    return _KINDS.get(kind, found["msg"])


_OUTSIDE: Final = frozenset({"greater_than_equal", "less_than_equal"})
_KINDS: Final[Mapping[str, str]] = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "list_type": "a list",
    "model_type": "an object",
}


def _takes(field: FieldInfo | None, kind: type) -> bool:
    return field is not None and kind in (field.annotation, *get_args(field.annotation))


def _bounds(field: FieldInfo | None) -> tuple[Any, Any]:
    """Find the least and the most that a field takes, of a number or of entries."""
    least, most = 0, 0
    for one in field.metadata if field else ():
        least = getattr(one, "ge", getattr(one, "min_length", least))
        most = getattr(one, "le", getattr(one, "max_length", most))
    return least, most


def _looked_up(model: type[BaseModel], loc: Sequence[str | int]) -> tuple[type[BaseModel], FieldInfo | None]:
    """Follow a location: the innermost model on its way, and the last field."""
    field = None
    for step in loc:
        if step in model.model_fields:
            field = model.model_fields[str(step)]
            model = _model_in(field.annotation) or model
    return model, field


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one))), None)


def _path_in(value: Any, loc: Path) -> Path:
    """Leave out the steps that the value does not have: what is missing, or a text that stands for a list of texts."""
    path: list[str | int] = []
    for step in loc:
        if not isinstance(value, Mapping | list | tuple):
            break
        try:
            value = value[step]  # type: ignore[index]  # a text is no index, which is told
        except (LookupError, TypeError):
            continue
        path.append(step)
    return tuple(path)
