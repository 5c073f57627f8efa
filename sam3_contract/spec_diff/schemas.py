"""Two schemas, compared: what clients send on one side, what they read on the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sam3_contract.spec_diff.bounds import limits_compared
from sam3_contract.spec_diff.differences import Change, moved, stated
from sam3_contract.spec_diff.document import Document, LimitError, UnresolvedError
from sam3_contract.spec_diff.forms import matched
from sam3_contract.spec_diff.normal_form import shape_of
from sam3_contract.spec_diff.objects import fields_compared
from sam3_contract.spec_diff.rules import Side
from sam3_contract.spec_diff.shape import ABSENT, ANY, Form, Shape, described
from sam3_contract.spec_diff.values import fields_of, same, shortened, shown

__all__ = ["Schemas"]

MAX_DEPTH: Final = 30
MAX_PAIRS: Final = 20_000
MAX_CHANGES: Final = 500
_NUMERIC: Final = ("integer", "number")


class Schemas:
    """Compares schemas of two documents, each pair once.

    Args:
        was: The first document.
        now: The second.
        side: Whether clients send the values or read them.
    """

    def __init__(self, was: Document, now: Document, side: Side) -> None:
        self._documents = (was, now)
        self._side = side
        self._known: dict[tuple[int, int], list[Change]] = {}
        self._depth = 0
        self._are_components_same: bool | None = None

    def compare(self, was: Any, now: Any) -> list[Change]:
        """List the changes; places are relative to the schemas, which must belong to the documents."""
        if was is True and now is True:
            return []
        key = (id(was), id(now))
        if key in self._known:
            return self._known[key]
        if self._depth > MAX_DEPTH or len(self._known) > MAX_PAIRS:
            return list(self._beyond_limits(was, now))
        self._known[key] = []  # a schema inside itself adds nothing to what is being compared
        self._depth += 1
        try:
            found = list(dict.fromkeys(self._schemas(was, now)))
        finally:
            self._depth -= 1
        if len(found) > MAX_CHANGES:
            found = [*found[:MAX_CHANGES], self._change("too_complex")]
        self._known[key] = found
        return found

    def _change(self, kind: str, *, was: str = "", now: str = "") -> Change:
        return stated("", self._side, kind, was=was, now=now)

    def _schemas(self, was: Any, now: Any) -> Iterator[Change]:
        shapes = [_shape_or_reason(node, document) for node, document in zip((was, now), self._documents, strict=True)]
        before, after = shapes
        if isinstance(before, Shape) and isinstance(after, Shape):
            yield from self._default(before, after)
            yield from self._shapes(before, after)
        elif isinstance(before, LimitError) and isinstance(after, LimitError):
            yield from self._beyond_limits(was, now)
        elif str(before) != str(after):
            texts = [described(shape) if isinstance(shape, Shape) else shortened(str(shape)) for shape in shapes]
            yield self._change("unresolved", was=texts[0], now=texts[1])

    def _beyond_limits(self, was: Any, now: Any) -> Iterator[Change]:
        """Judge what is too large or too deep by its letters: equal ones mean the same if what they refer to does."""
        if self._are_components_same is None:
            components = [fields_of(document.root).get("components") for document in self._documents]
            self._are_components_same = same(*components)
        if not (self._are_components_same and same(was, now)):
            yield self._change("too_complex")

    def _default(self, was: Shape, now: Shape) -> Iterator[Change]:
        before, after = was.default, now.default
        if (before is ABSENT or before is None) and (after is ABSENT or after is None):
            return  # FastAPI does not publish a default of null
        if before is ABSENT:
            kind = "default_added"
        elif after is ABSENT:
            kind = "default_removed"
        elif same(before, after):
            return
        else:
            kind = "default_changed"
        texts = ["no default" if value is ABSENT else shown(value) for value in (before, after)]
        yield self._change(kind, was=texts[0], now=texts[1])

    def _shapes(self, was: Shape, now: Shape) -> Iterator[Change]:
        before, after = was.types, now.types
        texts = {"was": described(was), "now": described(now)}
        if ANY in before or ANY in after:
            if ANY not in before:
                yield self._change("free_form", **texts)
            elif ANY not in after:
                yield self._change("free_form_ended", **texts)
            else:
                yield from self._pairs(_of(was, ANY), _of(now, ANY))
            return
        if ("null" in before) != ("null" in after):
            yield self._change("null_removed" if "null" in before else "null_added", **texts)
        gone, new = _beside_null(before, after), _beside_null(after, before)
        bridged = _bridged(gone, new)
        if gone and new and not bridged and not (before.keys() & after.keys()) - {"null"}:
            yield self._change("retyped", **texts)
            return
        if bridged:
            yield self._change(
                "type_removed" if bridged[0] == "number" else "type_added", was=bridged[0], now=bridged[1]
            )
            gone.remove(bridged[0])
            new.remove(bridged[1])
            yield from self._pairs(_of(was, bridged[0]), _of(now, bridged[1]))
        if gone:
            yield self._change("type_removed", **texts)
        if new:
            yield self._change("type_added", **texts)
        for kind in before:
            if kind in after and kind != "null":
                yield from self._pairs(_of(was, kind), _of(now, kind))

    def _pairs(self, was: Sequence[Form], now: Sequence[Form]) -> Iterator[Change]:
        found = matched(was, now, cost=lambda one, other: len(self._forms(one, other)), documents=self._documents)
        are_several = len(found.pairs) > 1 or found.gone or found.new
        for one, other in found.pairs:
            name = (one.name or other.name) if are_several and one.type == "object" else ""
            yield from moved(self._forms(one, other), f"<{name}>" if name else "")
        for form in found.gone:
            yield self._change("form_removed", was=_form_text(form), now="not there")
        for form in found.new:
            yield self._change("form_added", was="not there", now=_form_text(form))

    def _forms(self, was: Form, now: Form) -> list[Change]:
        found = list(self._values(was, now))
        found += limits_compared(was, now, self._side)
        if was.is_free == now.is_free:  # what is free-form has lost its rules, too
            found += self._rules(was, now)
        if was.type == now.type == "array":
            found += moved(self.compare(was.items, now.items), "[]")
        if was.type == now.type == "object":
            found += fields_compared(was, now, side=self._side, compare=self.compare, documents=self._documents)
        return found

    def _values(self, was: Form, now: Form) -> Iterator[Change]:
        before, after = was.values, now.values
        if before is None and after is None:
            return
        texts = {"was": _listed(before), "now": _listed(after)}
        if after is None:
            yield self._change("enum_lifted", **texts)
        elif before is None:
            yield self._change("enum_introduced", **texts)
        else:
            if before.keys() - after.keys():
                yield self._change("enum_values_removed", **texts)
            if after.keys() - before.keys():
                yield self._change("enum_values_added", **texts)

    def _rules(self, was: Form, now: Form) -> Iterator[Change]:
        gone = [text for key, text in was.rules.items() if key not in now.rules]
        new = [text for key, text in now.rules.items() if key not in was.rules]
        if len(gone) == len(new) == 1:
            yield self._change("rule_changed", was=gone[0], now=new[0])
            return
        for text in gone:
            yield self._change("rule_lifted", was=text, now="no such rule")
        for text in new:
            yield self._change("rule_introduced", was="no such rule", now=text)


def _shape_or_reason(node: Any, document: Document) -> Shape | UnresolvedError:
    try:
        return shape_of(node, document)
    except UnresolvedError as error:
        return error


def _beside_null(types: dict[str, None], others: dict[str, None]) -> list[str]:
    return [kind for kind in types if kind != "null" and kind not in others]


def _bridged(gone: list[str], new: list[str]) -> tuple[str, str] | None:
    """Find an integer that became a number, or the reverse."""
    for pair in (_NUMERIC, _NUMERIC[::-1]):
        if pair[0] in gone and pair[1] in new:
            return pair[0], pair[1]
    return None


def _of(shape: Shape, kind: str) -> list[Form]:
    return [form for form in shape.forms if form.type == kind]


def _listed(values: Any) -> str:
    return "any" if values is None else shortened(", ".join(shown(value) for value in values.values()))


def _form_text(form: Form) -> str:
    return described(Shape((form,)))
