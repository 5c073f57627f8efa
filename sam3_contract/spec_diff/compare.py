"""Two OpenAPI documents, compared operation by operation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sam3_contract.spec_diff.bodies import answers_compared, request_compared, request_fields
from sam3_contract.spec_diff.differences import Change, Comparison, Difference, Target, stated
from sam3_contract.spec_diff.document import Document
from sam3_contract.spec_diff.operations import Operation, find_operation
from sam3_contract.spec_diff.parameters import parameters_compared, parameters_of
from sam3_contract.spec_diff.related import related_deviations
from sam3_contract.spec_diff.schemas import Schemas
from sam3_contract.spec_diff.security import credentials_compared, key_places
from sam3_contract.spec_diff.values import fields_of, same, shortened

__all__ = ["compare"]

MAX_DIFFERENCES: Final = 2_000  # of one operation
MAX_TEXT: Final = 400  # characters


def compare(was: Any, now: Any, operations: Sequence[Target]) -> Comparison:
    """Compare two documents for some operations.

    Args:
        was: The document that clients were written to: any JSON-like value, such as a parsed YAML file.
        now: The document of the server that they meet.
        operations: What to compare.

    Returns:
        The differences; none at all if both documents say the same of the operations. What a document leaves
        unresolved (references that lead nowhere, in a circle, into another file) is a difference of its own where the
        other document does not leave it so, too.
    """
    pair = (Document(was), Document(now))
    is_same = same(was, now)
    sides = (Schemas(*pair, side="request"), Schemas(*pair, side="answer"))
    deviations = fields_of(was).get("x-deviations")
    found: list[Difference] = []
    present = []
    for target in operations:
        before, after = (find_operation(document, target) for document in pair)
        if before is None and after is None:
            continue
        present.append(target.id)
        changes = [] if is_same else list(dict.fromkeys(_operation(before, after, pair, sides)))
        if len(changes) > MAX_DIFFERENCES:
            changes = [*changes[:MAX_DIFFERENCES], stated("", "request", "too_complex")]
        named = request_fields(before, pair[0])
        found += [_difference(change, target.id, deviations, named) for change in changes]
    return Comparison(tuple(present), tuple(found))


def _difference(change: Change, operation: str, deviations: Any, named: frozenset[str]) -> Difference:
    related = related_deviations(change, operation, deviations, request_fields=named)
    texts = [shortened(text, limit=MAX_TEXT) for text in (change.place, change.was, change.now)]
    return Difference(operation, texts[0], change.kind, change.side, texts[1], texts[2], related)


def _operation(
    was: Operation | None,
    now: Operation | None,
    documents: tuple[Document, Document],
    sides: tuple[Schemas, Schemas],
) -> Iterator[Change]:
    if was is None or now is None:
        kind = "operation_removed" if now is None else "operation_added"
        texts = [_line(operation) if operation else "not there" for operation in (was, now)]
        yield stated("", "request", kind, was=texts[0], now=texts[1])
        return
    yield from _address(was, now)
    requests, answers = sides
    before, after = (parameters_of(operation, home) for operation, home in zip((was, now), documents, strict=True))
    if before[1] != after[1]:
        yield stated("parameters", "request", "unresolved", was="; ".join(before[1]), now="; ".join(after[1]))
    keys = key_places(documents[0]) | key_places(documents[1])
    yield from credentials_compared((was, before[0], documents[0]), (now, after[0], documents[1]), keys)
    beside = [{key: node for key, node in found[0].items() if key not in keys} for found in (before, after)]
    yield from parameters_compared(beside[0], beside[1], requests)
    yield from request_compared(was, now, documents, requests)
    yield from answers_compared(was, now, documents, answers)


def _address(was: Operation, now: Operation) -> Iterator[Change]:
    if was.method != now.method or not _is_below(was, now):
        yield stated("", "request", "operation_moved", was=_line(was), now=_line(now))
    elif was.path != now.path:
        yield stated("", "request", "operation_prefixed", was=_line(was), now=_line(now))
    if now.node.get("deprecated") is True and was.node.get("deprecated") is not True:
        yield stated("", "request", "operation_deprecated", was="", now="deprecated")


def _is_below(was: Operation, now: Operation) -> bool:
    return now.full_path.endswith(was.path) or was.full_path.endswith(now.path)


def _line(operation: Operation) -> str:
    return f"{operation.method} {operation.full_path}"
