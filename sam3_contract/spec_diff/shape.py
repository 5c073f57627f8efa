"""The normal form in which schemas are compared: a union of forms, each of one type."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sam3_contract.spec_diff.values import shortened, shown

__all__ = ["ABSENT", "ANY", "Form", "Shape", "described"]

ANY: Final = "any"
ABSENT: Final[Any] = object()
"""Stands for a default that is not there: ``None`` is a default, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """One type, and what a value of it must keep.

    Attributes:
        type: A JSON type, or ``any``.
        name: Of the schema in ``components``, where it has one.
        values: The values allowed, by their keys; ``None`` if all are.
        keywords: Bounds, ``pattern``, ``format``.
        properties: The schema of each field of an object.
        required: The fields that must be there.
        additional: What further fields may be: ``True`` (anything), ``False`` (there are none) or a schema.
        items: The schema of a list's entries; ``True`` if they may be anything.
        rules: What relates the parts to each other, by a key, with the words to show.
    """

    type: str
    name: str = ""
    values: Mapping[Hashable, Any] | None = None
    keywords: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    additional: Any = True
    items: Any = True
    rules: Mapping[Hashable, str] = field(default_factory=dict)

    @property
    def is_free(self) -> bool:
        """Whether it is an object with any fields, or any value at all."""
        return self.type == ANY or (
            self.type == "object"
            and not self.properties
            and not self.required
            and self.additional is True
            and not self.rules
        )


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What a schema allows.

    Attributes:
        forms: The alternatives.
        default: What stands for an absent value; ``ABSENT`` if nothing is told.
    """

    forms: tuple[Form, ...]
    default: Any = ABSENT

    @property
    def types(self) -> dict[str, None]:
        """The types it allows, in the order of the document."""
        return {form.type: None for form in self.forms}

    @property
    def takes_null(self) -> bool:
        """Whether null is allowed."""
        return bool({"null", ANY} & self.types.keys())


def described(shape: Shape) -> str:
    """Write what a shape allows in a few words."""
    return shortened(" or ".join(dict.fromkeys(_described(form) for form in shape.forms)) or "nothing")


def _described(form: Form) -> str:
    if form.values is not None and form.type != "null":
        return " or ".join(shown(value) for value in form.values.values())
    if form.type == "object":
        return form.name or (f"object {{{', '.join(form.properties)}}}" if form.properties else "object")
    return {ANY: "anything", "array": "list"}.get(form.type, form.type)
