"""The fields of two objects, compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from sam3_contract.spec_diff.differences import Change, moved, stated
from sam3_contract.spec_diff.document import Document, UnresolvedError
from sam3_contract.spec_diff.normal_form import shape_of
from sam3_contract.spec_diff.rules import Side
from sam3_contract.spec_diff.shape import ABSENT, Form, described
from sam3_contract.spec_diff.values import shortened, shown

__all__ = ["fields_compared", "step"]

_PLAIN: Final = re.compile(r"[A-Za-z_][\w-]*")
MAX_NAME: Final = 60

Compare = Callable[[Any, Any], list[Change]]


def step(name: str) -> str:
    """Write a field's name as part of a place: ``.text``, or ``["odd name"]``."""
    plain = _PLAIN.fullmatch(name) and len(name) <= MAX_NAME
    return f".{name}" if plain else f"[{shown(shortened(name, limit=MAX_NAME))}]"


def fields_compared(
    was: Form, now: Form, *, side: Side, compare: Compare, documents: tuple[Document, Document]
) -> Iterator[Change]:
    """Compare the fields of two objects.

    Args:
        was: An object of the first document.
        now: An object of the second.
        side: Whether clients send it or read it.
        compare: Compares two schemas; places are relative to them.
        documents: To which the objects belong.
    """
    if was.is_free or now.is_free:
        if was.is_free != now.is_free:
            kind = "free_form" if now.is_free else "free_form_ended"
            yield stated("", side, kind, was=_object_text(was), now=_object_text(now))
        return
    for name in dict.fromkeys((*was.properties, *was.required, *now.properties, *now.required)):
        yield from moved(list(_field(name, was, now, side, compare, documents)), step(name))
    yield from _further_fields(was, now, side, compare)


def _field(
    name: str, was: Form, now: Form, side: Side, compare: Compare, documents: tuple[Document, Document]
) -> Iterator[Change]:
    is_required = name in now.required
    if not _has(now, name):
        yield from _gone(name, was, now, side, compare)
        return
    schema = now.properties.get(name, True)
    if not _has(was, name):
        kind = "required_field_added" if is_required else "field_added"
        yield stated("", side, kind, was="not there", now=_text(schema, documents[1]))
        return
    changes = compare(was.properties.get(name, True), schema)
    if is_required and name not in was.required:
        yield stated("", side, "newly_required", was="optional", now="required")
        # A default that nothing can make use of any more is part of the same change.
        changes = [change for change in changes if change.place or change.kind != "default_removed"]
    if name in was.required and not is_required:
        kind = "presence_unstated" if side == "answer" and _is_filled(schema, documents[1]) else "no_longer_required"
        yield stated("", side, kind, was="required", now="optional")
    yield from changes


def _gone(name: str, was: Form, now: Form, side: Side, compare: Compare) -> Iterator[Change]:
    """Compare a field that the second object does not list."""
    required = "required" if name in was.required else "optional"
    if not isinstance(now.additional, bool):
        yield from compare(was.properties.get(name, True), now.additional)
        if side == "answer" and name in was.required:
            yield stated("", side, "no_longer_required", was="required", now="optional")
        return
    is_lost = now.additional is False if side == "request" else name in was.required
    kind = "field_removed" if is_lost else "field_undeclared"
    yield stated("", side, kind, was=required, now="refused" if now.additional is False else "not declared")


def _further_fields(was: Form, now: Form, side: Side, compare: Compare) -> Iterator[Change]:
    if (was.additional is False) != (now.additional is False):
        kind, texts = ("opened", ("closed", "open")) if was.additional is False else ("closed", ("open", "closed"))
        yield stated("", side, kind, was=texts[0], now=texts[1])
    elif was.additional is not False:
        yield from moved(compare(was.additional, now.additional), ".*")


def _has(form: Form, name: str) -> bool:
    return name in form.properties or name in form.required


def _is_filled(schema: Any, document: Document) -> bool:
    """Tell whether a framework would fill the field in: FastAPI writes defaults, but does not publish null ones."""
    try:
        shape = shape_of(schema, document)
    except UnresolvedError:
        return False
    return shape.default is not ABSENT or "null" in shape.types


def _text(schema: Any, document: Document) -> str:
    try:
        return described(shape_of(schema, document))
    except UnresolvedError as error:
        return str(error)


def _object_text(form: Form) -> str:
    if form.is_free:
        return "an object with any fields"
    return shortened(f"object {{{', '.join(form.properties)}}}")
