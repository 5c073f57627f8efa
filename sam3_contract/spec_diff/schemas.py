"""Two schemas, compared: what clients send on one side, what they read on the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sam3_contract.spec_diff.differences import Difference, Side, moved
from sam3_contract.spec_diff.document import Document, LimitError, UnresolvedError, key_of, shortened, shown
from sam3_contract.spec_diff.normal_form import ANY, Bound, Form, Shape, Shapes, reach

MAX_DEPTH: Final = 30
MAX_PAIRS: Final = 20_000
MAX_DIFFERENCES: Final = 500  # of one schema
MAX_NAME: Final = 60
_NULL: Final = key_of(None)

Paired = tuple[list[tuple[Form, Form]], list[Form], list[Form]]
"""Alternatives that answer each other, and those left over in the first and in the second schema."""


class Schemas:
    """Compares schemas of two documents, each pair once.

    Args:
        was: The first document.
        now: The second.
        side: Whether clients send the values or read them.
    """

    def __init__(self, was: Document, now: Document, side: Side) -> None:
        self._shapes = (Shapes(was), Shapes(now))
        self._side = side
        self._known: dict[tuple[int, int], tuple[Any, list[Difference]]] = {}
        self._depth = 0

    def compare(self, was: Any, now: Any) -> list[Difference]:
        """List the differences; places are relative to the schemas, which must belong to the documents."""
        if was is True and now is True:
            return []
        key = (id(was), id(now))
        if key not in self._known:
            if self._depth > MAX_DEPTH or len(self._known) > MAX_PAIRS:
                return [self._difference("unresolved", now="too large or too deep to be compared")]
            # The schemas too, so that their ids stay their own; one inside itself adds nothing to what is compared.
            self._known[key] = ((was, now), [])
            self._depth += 1
            found = list(dict.fromkeys(self._compare(was, now)))
            self._depth -= 1
            if len(found) > MAX_DIFFERENCES:
                found[MAX_DIFFERENCES:] = [self._difference("unresolved", now="more differences than are listed")]
            self._known[key] = ((was, now), found)
        return self._known[key][1]

    def _difference(self, kind: str, *, was: object = "", now: object = "") -> Difference:
        return Difference("", kind, self._side, str(was), str(now))

    def _compare(self, was: Any, now: Any) -> Iterator[Difference]:
        before, after = (_shape_or_reason(node, shapes) for node, shapes in zip((was, now), self._shapes, strict=True))
        if isinstance(before, Shape) and isinstance(after, Shape):
            yield from self._defaults(before, after)
            yield from self._types(before, after)
        elif str(before) != str(after) or isinstance(after, LimitError):
            yield self._difference("unresolved", was=shortened(str(before)), now=shortened(str(after)))

    def _defaults(self, was: Shape, now: Shape) -> Iterator[Difference]:
        before, after = was.default, now.default
        if before is None or (before[0] == _NULL and after is None):
            return  # FastAPI does not publish a default of null
        if after is None:
            yield self._difference("default_unstated", was=before[1])
        elif before[0] != after[0]:
            yield self._difference("default_changed", was=before[1], now=after[1])

    def _types(self, was: Shape, now: Shape) -> Iterator[Difference]:
        before, after = was.types, now.types
        if ANY in before or ANY in after:
            if before.keys() == after.keys():
                yield from self._pairs(was.of(ANY), now.of(ANY))
            else:
                yield self._difference("type_unstated" if ANY in after else "type_removed", was=was, now=now)
            return
        gone, new = [kind for kind in before if kind not in after], [kind for kind in after if kind not in before]
        common = [(kind, kind) for kind in before if kind in after and kind != "null"]
        # Every integer is a number: one side only has changed.
        if "integer" in gone and "number" in new:
            gone.remove("integer")
            common.append(("integer", "number"))
        elif "number" in gone and "integer" in new:
            new.remove("integer")
            common.append(("number", "integer"))
        if gone and new and not common:
            yield self._difference("retyped", was=was, now=now)
            return
        if gone:
            yield self._difference("type_removed", was=was, now=now)
        if new:
            yield self._difference("type_added", was=was, now=now)
        for kind_before, kind_after in common:
            yield from self._pairs(was.of(kind_before), now.of(kind_after))

    def _pairs(self, was: Sequence[Form], now: Sequence[Form]) -> Iterator[Difference]:
        pairs, gone, new = self._paired(was, now)
        are_several = len(pairs) > 1 or gone or new
        for one, other in pairs:
            name = (one.name or other.name) if are_several and one.type == "object" else ""
            yield from moved(self._forms(one, other), f"<{name}>" if name else "")
        for form in gone:
            yield self._difference("alternative_removed", was=Shape((form,)), now="not there")
        for form in new:
            yield self._difference("alternative_added", was="not there", now=Shape((form,)))

    def _paired(self, was: Sequence[Form], now: Sequence[Form]) -> Paired:
        """Pair the alternatives of one type, each with the one it differs least from.

        One that stands for several (pydantic's one model for two kinds of mask, say) is compared with all of them
        joined.
        """
        if len(was) == len(now) == 1:
            return [(was[0], now[0])], [], []
        if len(was) == 1 and _is_joint(was[0], now):
            return [(was[0], _joined(now))], [], []
        if len(now) == 1 and _is_joint(now[0], was):
            return [(_joined(was), now[0])], [], []
        pairs, left, right = [], dict(enumerate(was)), dict(enumerate(now))
        for cost, likeness, i, j in sorted(
            (len(self._forms(one, other)), -_likeness(one, other), i, j)
            for i, one in left.items()
            for j, other in right.items()
        ):
            if i in left and j in right and (likeness < 0 or not cost):
                pairs.append((left.pop(i), right.pop(j)))
        if len(left) == len(right) == 1:
            return [*pairs, (left.popitem()[1], right.popitem()[1])], [], []
        return pairs, list(left.values()), list(right.values())

    def _forms(self, was: Form, now: Form) -> list[Difference]:
        found = [*self._values(was, now), *self._bounds(was, now)]
        found += self._rules(was, now)
        if was.type == now.type == "array":
            found += moved(self.compare(was.items, now.items), "[]")
        if was.type == now.type == "object":
            found += self._fields(was, now)
        return found

    def _values(self, was: Form, now: Form) -> Iterator[Difference]:
        before, after = was.values, now.values
        texts = {"was": _listed(before), "now": _listed(after)}
        if after is None:
            if before is not None:
                yield self._difference("values_unstated", was=_listed(before))
        elif before is None or before.keys() - after.keys():
            yield self._difference("values_removed", **texts)
        if before is not None and after is not None and after.keys() - before.keys():
            yield self._difference("values_added", **texts)

    def _bounds(self, was: Form, now: Form) -> Iterator[Difference]:
        for name, after in now.bounds.items():
            before = was.bounds.get(name)
            if before != after:
                is_tighter = before is None or reach(name, after) < reach(name, before)
                kind = "bound_tightened" if is_tighter else "bound_loosened"
                yield self._difference(kind, was=_bound(name, before), now=_bound(name, after))

    def _rules(self, was: Form, now: Form) -> Iterator[Difference]:
        """Compare rules: one that came in the place of another of its keyword may mean the same."""
        gone = {key[0]: text for key, text in was.rules.items() if key not in now.rules}
        for key, text in now.rules.items():
            if key not in was.rules:
                before = gone.get(key[0], "")
                yield self._difference("rule_changed" if before else "rule_added", was=before, now=text)

    def _fields(self, was: Form, now: Form) -> Iterator[Difference]:
        if was.is_free or now.is_free:
            if was.is_free != now.is_free:
                texts = {"was": Shape((was,)), "now": Shape((now,))}
                yield self._difference("type_unstated" if now.is_free else "type_removed", **texts)
            return
        for name in dict.fromkeys((*was.properties, *was.required, *now.properties, *now.required)):
            yield from moved(self._field(name, was, now), f".{shortened(name, limit=MAX_NAME)}")
        if now.is_closed and not was.is_closed:
            yield self._difference("closed")

    def _field(self, name: str, was: Form, now: Form) -> Iterator[Difference]:
        if not _has(now, name):
            # An open object ignores what it does not know; an answer's optional field may never have been sent.
            is_lost = name in was.required if self._side == "answer" else now.is_closed
            kind = "field_removed" if is_lost else "field_undeclared"
            yield self._difference(kind, was="required" if name in was.required else "optional", now="not declared")
            return
        schema = now.properties.get(name, True)
        is_required = name in now.required
        if not _has(was, name):
            kind = "newly_required" if is_required else "field_added"
            yield self._difference(kind, was="not there", now=_shape_or_reason(schema, self._shapes[1]))
            return
        found = self.compare(was.properties.get(name, True), schema)
        if is_required and name not in was.required:
            yield self._difference("newly_required", was="optional", now="required")
            # A default that nothing can make use of any more is part of the same change.
            found = [one for one in found if one.place or one.kind != "default_unstated"]
        if name in was.required and not is_required:
            is_unstated = self._side == "answer" and self._is_filled(schema)
            kind = "presence_unstated" if is_unstated else "no_longer_required"
            yield self._difference(kind, was="required", now="optional")
        yield from found

    def _is_filled(self, schema: Any) -> bool:
        """Tell whether a framework would fill a field in: FastAPI writes defaults, but does not publish null ones."""
        shape = _shape_or_reason(schema, self._shapes[1])
        return isinstance(shape, Shape) and (shape.default is not None or "null" in shape.types)


def _shape_or_reason(node: Any, shapes: Shapes) -> Shape | UnresolvedError:
    try:
        return shapes.of(node)
    except UnresolvedError as error:
        return error


def _is_joint(single: Form, several: Sequence[Form]) -> bool:
    """Tell whether one form is as much like two of the others."""
    likeness = sorted((_likeness(single, form) for form in several), reverse=True)
    return single.type in {"array", "object"} and (likeness[0] == likeness[1] or single.is_free)


def _likeness(one: Form, other: Form) -> float:
    """Say how alike the fields of two objects are, 0 to 1; other types are always alike."""
    names = one.properties.keys() | other.properties.keys()
    return len(one.properties.keys() & other.properties.keys()) / len(names) if names else 1.0


def _joined(forms: Sequence[Form]) -> Form:
    """Make one form that allows what any of several allows."""
    names = dict.fromkeys(name for form in forms for name in form.properties)
    return Form(
        forms[0].type,
        bounds={k: v for k, v in forms[0].bounds.items() if all(form.bounds.get(k) == v for form in forms)},
        properties={
            name: {"anyOf": [form.properties[name] for form in forms if name in form.properties]} for name in names
        },
        required=tuple(name for name in forms[0].required if all(name in form.required for form in forms)),
        is_closed=all(form.is_closed for form in forms),
        items={"anyOf": [form.items for form in forms]},
        rules={k: v for k, v in forms[0].rules.items() if all(k in form.rules for form in forms)},
    )


def _has(form: Form, name: str) -> bool:
    return name in form.properties or name in form.required


def _bound(name: str, bound: Bound | None) -> str:
    if bound is None:
        return f"no {name}"
    if name in {"minimum", "maximum"}:
        return f"{'>' if name == 'minimum' else '<'}{'' if bound[1] else '='} {shown(bound[0])}"
    return f"{name} {shown(bound[0])}"


def _listed(values: Mapping[Any, Any] | None) -> str:
    return "any" if values is None else shortened(", ".join(shown(value) for value in values.values()))
