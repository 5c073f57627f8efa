"""A comparison, shown: as text for people, as JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sam3_contract.spec_diff.differences import Comparison, Difference
from sam3_contract.spec_diff.rules import EFFECTS, Effect

__all__ = ["as_json", "as_text"]

SCHEMA_VERSION: Final = 1
MAX_PLACES: Final = 12  # of one kind; a count tells of the rest
FEW: Final = 3  # harmless differences of one kind that are still told with their values
_COLOURS: Final[dict[Effect, str]] = {"breaking": "red", "unclear": "yellow", "harmless": "green"}
# These say all there is to say by their kind and place.
_VALUELESS: Final = frozenset(
    {"opened", "closed", "status_undeclared", "status_added", "success_added", "header_undeclared", "header_added"}
)
# What is not there says nothing: the value that was there does.
_LIFTED: Final = frozenset({"bound_lifted", "enum_lifted", "pattern_lifted", "rule_lifted", "default_removed"})

Style = Callable[[str, str], str]
"""Gives a text a colour, by its name."""


def as_text(comparison: Comparison, *, was: str, now: str, style: Style = lambda text, _: text) -> str:
    """Write a comparison for a person: by operation, what breaks clients first.

    Args:
        comparison: What came out.
        was: Names the first document.
        now: Names the second.
        style: Colours a text.
    """
    return "\n".join(_lines(comparison, was, now, style)) + "\n"


def as_json(comparison: Comparison, *, was: str, now: str) -> dict[str, Any]:
    """Write a comparison for a program.

    Returns:
        A JSON object: ``version`` of this form, ``was`` and ``now`` (names of the documents), ``exit_status``,
        ``counts`` by effect, ``operations`` (name and counts), and ``differences`` (operation, place, side, kind,
        effect, says, was, now, deviations).
    """
    return {
        "version": SCHEMA_VERSION,
        "was": was,
        "now": now,
        "exit_status": int(comparison.is_breaking),
        "counts": {effect: comparison.count(effect) for effect in EFFECTS},
        "operations": [{"operation": name, "counts": _counts(comparison.of(name))} for name in comparison.operations],
        "differences": [_difference_as_json(found) for found in comparison.differences],
    }


def _lines(comparison: Comparison, was: str, now: str, style: Style) -> Iterator[str]:
    yield f"was  {was}"
    yield f"now  {now}"
    width = max((len(name) for name in comparison.operations), default=0)
    yield ""
    for name in comparison.operations:
        yield f"{name:{width}}  {_counted(_counts(comparison.of(name)), style)}"
    for name in comparison.operations:
        found = comparison.of(name)
        if found:
            yield ""
            yield name
            for effect in EFFECTS:
                yield from _grouped([one for one in found if one.effect == effect], effect, style)
    yield ""
    if comparison.differences:
        yield _counted({effect: comparison.count(effect) for effect in EFFECTS}, style)
    else:
        yield "The documents say the same of these operations."


def _grouped(found: Sequence[Difference], effect: Effect, style: Style) -> Iterator[str]:
    """Tell the differences of one effect by their kind; many harmless ones by their places alone."""
    kinds: dict[str, list[Difference]] = {}
    for one in found:
        kinds.setdefault(one.kind, []).append(one)
    for kind, group in kinds.items():
        heading = f"  {style(f'{effect:8}', _COLOURS[effect])}  {group[0].says}"
        if kind in _VALUELESS or (effect == "harmless" and len(group) > FEW):
            yield f"{heading}: {_places(group)}"
            continue
        yield heading
        for one in group[:MAX_PLACES]:
            yield f"              {_place(one)}{_values(one)}"
            if one.deviations:
                yield f"                see deviation {', '.join(one.deviations)}"
        if len(group) > MAX_PLACES:
            yield f"              and {len(group) - MAX_PLACES} more"


def _places(group: Sequence[Difference]) -> str:
    """List places; what they have in common with the one before is left out: ``answer 400, 401``."""
    places = list(dict.fromkeys(_place(one) for one in group))
    shown = places[:MAX_PLACES]
    if all(place.startswith("answer ") and place.count(" ") == 1 for place in shown):
        shown = [shown[0], *(place.removeprefix("answer ") for place in shown[1:])]
    deviations = dict.fromkeys(name for one in group for name in one.deviations)
    rest = f" and {len(places) - MAX_PLACES} more" if len(places) > MAX_PLACES else ""
    return ", ".join(shown) + rest + (f" (see deviation {', '.join(deviations)})" if deviations else "")


def _place(found: Difference) -> str:
    return found.place or "the operation"


def _values(found: Difference) -> str:
    if found.kind in _LIFTED:
        return f": {found.was}"
    return f": {found.was or '-'} -> {found.now or '-'}" if found.was or found.now else ""


def _counts(found: Sequence[Difference]) -> dict[Effect, int]:
    return {effect: sum(one.effect == effect for one in found) for effect in EFFECTS}


def _counted(counts: dict[Effect, int], style: Style) -> str:
    told = [style(f"{count} {effect}", _COLOURS[effect]) for effect, count in counts.items() if count]
    return ", ".join(told) or style("the same", "green")


def _difference_as_json(found: Difference) -> dict[str, Any]:
    return {
        "operation": found.operation,
        "place": found.place,
        "side": found.side,
        "kind": found.kind,
        "effect": found.effect,
        "says": found.says,
        "was": found.was,
        "now": found.now,
        "deviations": list(found.deviations),
    }
