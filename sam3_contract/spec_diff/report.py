"""A comparison, shown: as text for people, as JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from sam3_contract.spec_diff.differences import EFFECTS, Comparison, Difference, Effect

SCHEMA_VERSION: Final = 1
MAX_PLACES: Final = 12  # of one kind; a count tells of the rest
_COLOURS: Final[dict[Effect, str]] = {"breaking": "red", "unclear": "yellow", "harmless": "green"}
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
        A JSON object: ``version`` of this format, ``was`` and ``now`` (names of the documents), ``exit_status``,
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
        "differences": [{**asdict(one), "effect": one.effect, "says": one.says} for one in comparison.differences],
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
        yield "Nothing differs that a client of these operations could feel."


def _grouped(found: Sequence[Difference], effect: Effect, style: Style) -> Iterator[str]:
    """List the differences of one effect by their kind."""
    kinds: dict[str, list[Difference]] = {}
    for one in found:
        kinds.setdefault(one.kind, []).append(one)
    for group in kinds.values():
        yield f"  {style(f'{effect:8}', _COLOURS[effect])}  {group[0].says}"
        for one in group[:MAX_PLACES]:
            yield f"              {one.place or 'the operation'}{_values(one)}"
            if one.deviations:
                yield f"                see deviation {', '.join(one.deviations)}"
        if len(group) > MAX_PLACES:
            yield f"              and {len(group) - MAX_PLACES} more"


def _values(found: Difference) -> str:
    """Write what was and what is; of what is not there any more, what was says it all."""
    values = [value for value in (found.was, found.now) if value]
    return f": {' -> '.join(values)}" if values else ""


def _counts(found: Sequence[Difference]) -> dict[Effect, int]:
    return {effect: sum(one.effect == effect for one in found) for effect in EFFECTS}


def _counted(counts: dict[Effect, int], style: Style) -> str:
    counted = [style(f"{count} {effect}", _COLOURS[effect]) for effect, count in counts.items() if count]
    return ", ".join(counted) or style("the same", "green")
