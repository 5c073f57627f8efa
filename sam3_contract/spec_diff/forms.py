"""Which alternative of one schema answers which of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sam3_contract.spec_diff.document import Document
from sam3_contract.spec_diff.shape import Form

__all__ = ["Matching", "matched"]

Cost = Callable[[Form, Form], int]


@dataclass(slots=True)
class Matching:
    """Pairs of alternatives, and those left over on either side."""

    pairs: list[tuple[Form, Form]] = field(default_factory=list)
    gone: list[Form] = field(default_factory=list)
    new: list[Form] = field(default_factory=list)


def matched(was: Sequence[Form], now: Sequence[Form], *, cost: Cost, documents: tuple[Document, Document]) -> Matching:
    """Pair the forms of one type.

    One form that stands for several (pydantic's one model for two kinds of mask, say) is compared with all of them
    joined; else each is paired with the one it differs least from.

    Args:
        was: Forms of the first document, at least one.
        now: Forms of the second, at least one.
        cost: Counts the differences of a pair.
        documents: To which the forms belong.
    """
    if len(was) == len(now) == 1:
        return Matching([(was[0], now[0])])
    if len(was) == 1 and _is_joint(was[0], now):
        return Matching([(was[0], _joined(now, documents[1]))])
    if len(now) == 1 and _is_joint(now[0], was):
        return Matching([(_joined(was, documents[0]), now[0])])
    return _nearest(list(was), list(now), cost)


def _nearest(was: list[Form], now: list[Form], cost: Cost) -> Matching:
    ranked = sorted(
        ((-_likeness(one, other), cost(one, other), i, j) for i, one in enumerate(was) for j, other in enumerate(now)),
    )
    found = Matching()
    left, right = set(range(len(was))), set(range(len(now)))
    for likeness, differences, i, j in sorted(ranked, key=lambda entry: (entry[1] > 0, *entry)):
        if i in left and j in right and (likeness < 0 or differences == 0):
            found.pairs.append((was[i], now[j]))
            left.discard(i)
            right.discard(j)
    if len(left) == len(right) == 1:
        found.pairs.append((was[left.pop()], now[right.pop()]))
    found.gone = [was[i] for i in sorted(left)]
    found.new = [now[j] for j in sorted(right)]
    return found


def _is_joint(single: Form, several: Sequence[Form]) -> bool:
    """Tell whether one form is as much like two of the others."""
    likeness = sorted((_likeness(single, form) for form in several), reverse=True)
    return single.type in {"array", "object"} and (likeness[0] == likeness[1] or single.is_free)


def _likeness(one: Form, other: Form) -> float:
    """Say how alike the fields of two objects are, 0 to 1; other types are always alike."""
    if one.type != "object":
        return 1.0
    names = one.properties.keys() | other.properties.keys()
    return len(one.properties.keys() & other.properties.keys()) / len(names) if names else 1.0


def _joined(forms: Sequence[Form], document: Document) -> Form:
    """Make one form that allows what any of several allows."""
    key = tuple(id(form) for form in forms)
    names = dict.fromkeys(name for form in forms for name in form.properties)

    def union(role: str, schemas: list[Any]) -> Any:
        return document.made((key, "joined", role), lambda: {"anyOf": schemas})

    properties = {
        name: union(f".{name}", [form.properties[name] for form in forms if name in form.properties]) for name in names
    }
    return Form(
        forms[0].type,
        properties=properties,
        required=tuple(name for name in forms[0].required if all(name in form.required for form in forms)),
        additional=not all(form.additional is False for form in forms),
        items=union("items", [form.items for form in forms]),
        keywords={k: v for k, v in forms[0].keywords.items() if all(form.keywords.get(k) == v for form in forms)},
        rules={k: v for k, v in forms[0].rules.items() if all(k in form.rules for form in forms)},
    )
