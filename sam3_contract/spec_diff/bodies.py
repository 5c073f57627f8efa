"""Bodies: what an operation takes, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sam3_contract.spec_diff.differences import Change, moved, stated
from sam3_contract.spec_diff.document import Document, UnresolvedError
from sam3_contract.spec_diff.normal_form import shape_of
from sam3_contract.spec_diff.operations import Operation
from sam3_contract.spec_diff.rules import Side
from sam3_contract.spec_diff.schemas import Schemas
from sam3_contract.spec_diff.shape import Shape
from sam3_contract.spec_diff.values import fields_of, shortened

__all__ = ["answers_compared", "request_compared", "request_fields"]

JSON: Final = "application/json"
MAX_SCHEMAS: Final = 1_000
Documents = tuple[Document, Document]
_STOCK_ENTRY: Final = frozenset({"loc", "msg", "type"})
_STOCK_EXTRAS: Final = frozenset({"input", "ctx"})


def request_compared(was: Operation, now: Operation, documents: Documents, schemas: Schemas) -> Iterator[Change]:
    """Compare what is sent."""
    bodies = [
        _resolved(operation.node.get("requestBody"), home)
        for operation, home in zip((was, now), documents, strict=True)
    ]
    before, after = bodies
    if isinstance(before, str) or isinstance(after, str):
        yield from _unresolved("request", "request", before, after)
        return
    contents = [_content(body) for body in bodies]
    if not contents[0] and not contents[1]:
        return
    is_required = [isinstance(body, dict) and body.get("required") is True for body in bodies]
    if not contents[0]:
        kind = "required_body_added" if is_required[1] else "body_added"
        yield stated("request", "request", kind, was="no body", now=_names(contents[1]))
        return
    if not contents[1]:
        yield stated("request", "request", "body_removed", was=_names(contents[0]), now="no body")
        return
    if is_required[0] != is_required[1]:
        kind = "newly_required" if is_required[1] else "no_longer_required"
        needs = ["required" if needed else "optional" for needed in is_required]
        yield stated("request", "request", kind, was=needs[0], now=needs[1])
    yield from _contents("request", "request", contents[0], contents[1], schemas)


def request_fields(operation: Operation | None, document: Document) -> frozenset[str]:
    """Name the fields of the JSON that an operation takes, at every depth."""
    body = _resolved(operation.node.get("requestBody"), document) if operation else {}
    content = {} if isinstance(body, str) else _content(body)
    names: dict[str, None] = {}
    pending = [fields_of(content.get(JSON)).get("schema", True)]
    seen: set[int] = set()
    while pending and len(seen) < MAX_SCHEMAS:
        schema = pending.pop()
        if id(schema) in seen:
            continue
        seen.add(id(schema))
        try:
            forms = shape_of(schema, document).forms
        except UnresolvedError:
            continue
        names |= {name: None for form in forms for name in form.properties}
        pending += [inner for form in forms for inner in (*form.properties.values(), form.items)]
    return frozenset(names)


def answers_compared(was: Operation, now: Operation, documents: Documents, schemas: Schemas) -> Iterator[Change]:
    """Compare what is read, status by status."""
    before, after = (_by_status(operation) for operation in (was, now))
    for status, answer in before.items():
        place = f"answer {status}"
        covering = _covering(status, after)
        if covering is None:
            kind = "status_removed" if status.startswith("2") else "status_undeclared"
            yield stated(place, "answer", kind, was="declared", now="not declared")
        else:
            yield from _answer(place, answer, after[covering], documents, schemas)
    for status in after:
        if status not in before and not any(_covering(known, {status: None}) for known in before):
            is_error = status[:1] in {"4", "5"} or status == "default"
            kind = "status_added" if is_error else "success_added"
            yield stated(f"answer {shortened(status)}", "answer", kind, was="not declared", now="declared")


def _by_status(operation: Operation) -> dict[str, Any]:
    return {status.upper() if status != "default" else status: answer
            for status, answer in fields_of(operation.node.get("responses")).items()}  # fmt: skip


def _covering(status: str, answers: Mapping[str, Any]) -> str | None:
    """Find the entry that speaks of a status: its own, its range (``4XX``), or the default for errors."""
    options = (status, f"{status[:1]}XX", *(() if status.startswith("2") else ("default",)))
    return next((option for option in options if option in answers), None)


def _answer(place: str, was: Any, now: Any, documents: Documents, schemas: Schemas) -> Iterator[Change]:
    before, after = (_resolved(answer, home) for answer, home in zip((was, now), documents, strict=True))
    if isinstance(before, str) or isinstance(after, str):
        yield from _unresolved(place, "answer", before, after)
        return
    yield from _headers(place, before, after, documents, schemas)
    contents = (_content(before), _content(after))
    is_success = place.startswith("answer 2")
    if contents[0] and not contents[1]:
        kind = "body_removed" if is_success else "body_undescribed"
        yield stated(place, "answer", kind, was=_names(contents[0]), now="no body")
    elif contents[1] and not contents[0]:
        yield stated(place, "answer", "body_added", was="no body", now=_names(contents[1]))
    elif place == "answer 422" and _is_stock(contents[1], documents[1]) and not _is_stock(contents[0], documents[0]):
        yield stated(place, "answer", "stock_validation_error", now="HTTPValidationError")
    else:
        yield from _contents(place, "answer", contents[0], contents[1], schemas)


def _contents(
    place: str, side: Side, was: Mapping[str, Any], now: Mapping[str, Any], schemas: Schemas
) -> Iterator[Change]:
    is_error = side == "answer" and not place.startswith("answer 2")
    for media_type, media in was.items():
        found = next((name for name in (media_type, f"{media_type.partition('/')[0]}/*", "*/*") if name in now), None)
        if found is None:
            kind = "error_media_type_removed" if is_error else "media_type_removed"
            yield stated(place, side, kind, was=media_type, now=_names(now))
            continue
        schema_before, schema_after = (fields_of(entry).get("schema", True) for entry in (media, now[found]))
        inner = place if media_type == JSON else f"{place} ({media_type})"
        yield from moved(schemas.compare(schema_before, schema_after), inner)
    for media_type in now:
        if media_type not in was and "*" not in media_type:
            yield stated(place, side, "media_type_added", was=_names(was), now=media_type)


def _headers(place: str, was: Any, now: Any, documents: Documents, schemas: Schemas) -> Iterator[Change]:
    before, after = (
        {name.lower(): node for name, node in fields_of(entry.get("headers")).items()} for entry in (was, now)
    )
    for name in dict.fromkeys((*before, *after)):
        spot = f"{place} header {shortened(name)}"
        one, other = (
            _resolved(headers.get(name), home) for headers, home in zip((before, after), documents, strict=True)
        )
        if isinstance(one, str) or isinstance(other, str):
            yield from _unresolved(spot, "answer", one, other)
        elif name not in after:
            kind = "header_removed" if one.get("required") is True else "header_undeclared"
            yield stated(spot, "answer", kind, was="declared", now="not declared")
        elif name not in before:
            yield stated(spot, "answer", "header_added", was="not declared", now="declared")
        else:
            yield from moved(schemas.compare(one.get("schema", True), other.get("schema", True)), spot)


def _is_stock(content: Mapping[str, Any], document: Document) -> bool:
    """Tell FastAPI's ``HTTPValidationError``, which it declares whatever the server answers with a 422."""
    try:
        outer = shape_of(fields_of(content.get(JSON)).get("schema", True), document)
        entries = shape_of(_only_form(outer).properties["detail"], document)
        entry = _only_form(shape_of(_only_form(entries).items, document))
    except (UnresolvedError, KeyError, LookupError):
        return False
    names = entry.properties.keys()
    return not _only_form(outer).required and _STOCK_ENTRY <= names <= _STOCK_ENTRY | _STOCK_EXTRAS


def _only_form(shape: Shape) -> Any:
    if len(shape.forms) != 1:
        raise LookupError("more than one form")
    return shape.forms[0]


def _resolved(node: Any, document: Document) -> Any:
    """Follow a reference; a text says why it cannot be followed."""
    try:
        return fields_of(document.resolve(node))
    except UnresolvedError as error:
        return str(error)


def _unresolved(place: str, side: Side, was: Any, now: Any) -> Iterator[Change]:
    if was != now:
        texts = [shortened(entry) if isinstance(entry, str) else "declared" for entry in (was, now)]
        yield stated(place, side, "unresolved", was=texts[0], now=texts[1])


def _content(body: Mapping[str, Any]) -> dict[str, Any]:
    """Read the media types of a body, in lower case and without their parameters."""
    return {name.partition(";")[0].strip().lower(): media for name, media in fields_of(body.get("content")).items()}


def _names(content: Mapping[str, Any]) -> str:
    return shortened(", ".join(content))
