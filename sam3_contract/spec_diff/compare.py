"""Two OpenAPI documents, compared operation by operation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sam3_contract.spec_diff.differences import Comparison, Difference, Side, Target, moved
from sam3_contract.spec_diff.document import Document, UnresolvedError, fields_of, list_of, shortened
from sam3_contract.spec_diff.operations import (
    Credentials,
    Operation,
    enough_credentials,
    find_operation,
    key_places,
    parameters_as_schema,
)
from sam3_contract.spec_diff.schemas import Schemas

MAX_TEXT: Final = 400  # characters
_JSON: Final = "application/json"
# `output_prob_thresh`, and the name in `format: binary`.
_NAMED: Final = re.compile(r"`([A-Za-z_]\w*)(?::[^`]*)?`")
_LAST_FIELD: Final = re.compile(r"\.([A-Za-z_]\w*)$")
# Deviations that name a field of an answer speak of whether it is there.
_PRESENCE: Final = frozenset(
    {"field_added", "field_removed", "field_undeclared", "newly_required", "no_longer_required", "presence_unstated"}
)
# Those that name a field of a request speak of its values and whether it must be there.
_BESIDE_THE_POINT: Final = frozenset({"closed", "rule_added", "type_unstated"})


def compare(was: Any, now: Any, operations: Sequence[Target]) -> Comparison:
    """Compare two documents for some operations.

    Args:
        was: The document that clients were written to: any JSON-like value, such as a parsed YAML file.
        now: The document of the server that they meet.
        operations: What to compare; those that the first document does not have are passed over.

    Returns:
        The differences; none at all if both documents say the same of the operations. What a document leaves
        unresolved (references that lead nowhere, into another file) is a difference of its own where the other
        document does not leave it so, too.
    """
    pair = (Document(was), Document(now))
    sides = (Schemas(*pair, side="request"), Schemas(*pair, side="answer"))
    deviations = list_of(fields_of(was).get("x-deviations"))
    found: list[Difference] = []
    present = []
    for target in operations:
        before, after = (find_operation(document, target) for document in pair)
        if before is None:
            continue
        present.append(target.id)
        own = [] if was is now else list(dict.fromkeys(_operation(before, after, pair, sides)))
        found += [_named(one, target.id, deviations) for one in own]
    return Comparison(tuple(present), tuple(found))


def _named(found: Difference, operation: str, deviations: Sequence[Any]) -> Difference:
    """Say of a difference which operation it is of, and which known deviations speak of its field."""
    place, was, now = (shortened(text, limit=MAX_TEXT) for text in (found.place, found.was, found.now))
    related = tuple(
        shortened(str(entry["id"]))
        for entry in map(fields_of, deviations)
        if "id" in entry and entry.get("operation") in (operation, "*") and _speaks_of(entry, found)
    )
    return Difference(place, found.kind, found.side, was, now, operation, related)


def _speaks_of(deviation: dict[str, Any], one: Difference) -> bool:
    """Tell whether a deviation's text names the field of a difference: a pointer, no explanation."""
    last = _LAST_FIELD.search(one.place)
    field = "api_key" if one.place == "security" else last.group(1) if last else None
    if one.side == "answer":
        return one.kind in _PRESENCE and field in _NAMED.findall(str(deviation.get("observed")))
    named = _NAMED.findall(f"{deviation.get('documented')} {deviation.get('observed')}")
    return one.kind not in _BESIDE_THE_POINT and field in named


def _operation(
    was: Operation, now: Operation | None, documents: tuple[Document, Document], sides: tuple[Schemas, Schemas]
) -> Iterator[Difference]:
    if now is None:
        yield Difference("", "operation_removed", "request", f"{was.method} {was.path}", "not there")
        return
    if now.node.get("deprecated") is True and was.node.get("deprecated") is not True:
        yield Difference("", "operation_deprecated", "request", now="deprecated")
    keys = key_places(documents[0]) | key_places(documents[1])
    enough = enough_credentials(now, documents[1], keys)
    for credentials in enough_credentials(was, documents[0], keys):
        if not any(accepted <= credentials for accepted in enough):
            yield Difference("security", "credentials_refused", "request", _text([credentials]), _text(enough))
    for where in ("query", "header"):
        schemas = [parameters_as_schema(operation, keys, where) for operation in (was, now)]
        yield from moved(sides[0].compare(*schemas), where)
    bodies = (was.node.get("requestBody"), now.node.get("requestBody"))
    yield from _body("request", "request", bodies, documents, sides[0])
    yield from _successes(was, now, documents, sides[1])


def _successes(
    was: Operation, now: Operation, documents: tuple[Document, Document], schemas: Schemas
) -> Iterator[Difference]:
    """Compare the answers that clients read; what an error says beside its status is for people."""
    before, after = (_by_status(operation) for operation in (was, now))
    for status, answer in before.items():
        if not status.startswith("2"):
            continue
        found = next((name for name in (status, "2XX") if name in after), None)
        if found is None:
            yield Difference(f"answer {status}", "success_removed", "answer", "declared", "not declared")
        else:
            yield from _body(f"answer {status}", "answer", (answer, after[found]), documents, schemas)
    for status in after:
        if status[:1] in {"1", "2", "3"} and not {status, f"{status[:1]}XX"} & before.keys():
            yield Difference(f"answer {shortened(status)}", "success_added", "answer", "not declared", "declared")


def _by_status(operation: Operation) -> dict[str, Any]:
    return {status.upper(): answer for status, answer in fields_of(operation.node.get("responses")).items()}


def _body(
    place: str, side: Side, bodies: tuple[Any, Any], documents: tuple[Document, Document], schemas: Schemas
) -> Iterator[Difference]:
    """Compare what is sent or read, media type by media type; a new one is nothing that clients know of."""
    before, after = (_content(body, document) for body, document in zip(bodies, documents, strict=True))
    if isinstance(before, str) or isinstance(after, str):
        if before != after:
            texts = [found if isinstance(found, str) else "declared" for found in (before, after)]
            yield Difference(place, "unresolved", side, texts[0], texts[1])
        return
    for media_type, schema in before.items():
        found = next((name for name in (media_type, f"{media_type.partition('/')[0]}/*", "*/*") if name in after), None)
        if found is None:
            yield Difference(place, "media_type_removed", side, media_type, ", ".join(after) or "no body")
        else:
            inner = place if media_type == _JSON else f"{place} ({media_type})"
            yield from moved(schemas.compare(schema, after[found]), inner)


def _content(body: Any, document: Document) -> dict[str, Any] | str:
    """Read the schema of each media type, in lower case and without its parameters; a text says why that fails."""
    try:
        content = fields_of(fields_of(document.resolve(body)).get("content"))
    except UnresolvedError as error:
        return str(error)
    schemas = {name: fields_of(media).get("schema", True) for name, media in content.items()}
    return {name.partition(";")[0].strip().lower(): schema for name, schema in schemas.items()}


def _text(alternatives: list[Credentials]) -> str:
    return shortened(" or ".join(" and ".join(sorted(each)) or "none" for each in alternatives))
