"""Bounds, patterns and formats of one type, compared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sam3_contract.spec_diff.differences import Change, stated
from sam3_contract.spec_diff.rules import Side
from sam3_contract.spec_diff.shape import Form
from sam3_contract.spec_diff.values import shown

__all__ = ["limits_compared"]

_COUNTS: Final = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)
# Formats that say what a value is; any other is somebody's own name for something, and binds nobody.
_FORMATS: Final = frozenset(
    {"date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "uuid",
     "int32", "int64", "float", "double", "regex", "json-pointer"}
)  # fmt: skip

Bound = tuple[float, bool] | None
"""A limit and whether it is itself excluded; ``None`` where there is none."""


def limits_compared(was: Form, now: Form, side: Side) -> Iterator[Change]:
    """Compare what two forms demand of a value beside its type."""
    if {was.type, now.type} <= {"integer", "number"}:
        whole = was.type == now.type == "integer"
        for sign in (1, -1):
            before, after = _bound(was.keywords, sign, whole=whole), _bound(now.keywords, sign, whole=whole)
            yield from _compared(before, after, sign, side, (_number_text(before, sign), _number_text(after, sign)))
    for names in _COUNTS:
        for name, sign in zip(names, (1, -1), strict=True):
            before, after = _count(was.keywords, name), _count(now.keywords, name)
            yield from _compared(before, after, sign, side, (_count_text(name, before), _count_text(name, after)))
    yield from _steps(was.keywords, now.keywords, side)
    yield from _texts(was.keywords, now.keywords, side)


def _compared(was: Bound, now: Bound, sign: int, side: Side, texts: tuple[str, str]) -> Iterator[Change]:
    if was == now:
        return
    if now is None:
        kind = "bound_lifted"
    elif was is None or _reach(now, sign) < _reach(was, sign):
        kind = "bound_tightened"
    else:
        kind = "bound_loosened"
    yield stated("", side, kind, was=texts[0], now=texts[1])


def _reach(bound: tuple[float, bool], sign: int) -> tuple[float, bool]:
    """Order bounds by how much they let through."""
    return (-sign * bound[0], not bound[1])


def _bound(keywords: Mapping[str, Any], sign: int, *, whole: bool) -> Bound:
    """Read the lower (``sign`` 1) or upper (-1) bound; those of whole numbers are brought to included ones."""
    inclusive, exclusive = ("minimum", "exclusiveMinimum") if sign == 1 else ("maximum", "exclusiveMaximum")
    found = [(keywords[name], name == exclusive) for name in (inclusive, exclusive) if name in keywords]
    if not found:
        return None
    value, is_excluded = min(found, key=lambda bound: _reach(bound, sign))
    if whole:
        nearest = math.ceil(value) if sign == 1 else math.floor(value)
        return (nearest + sign if is_excluded and nearest == value else nearest, False)
    return (value, is_excluded)


def _number_text(bound: Bound, sign: int) -> str:
    if bound is None:
        return ("no minimum", "no maximum")[sign == -1]
    return f"{'>' if sign == 1 else '<'}{'' if bound[1] else '='} {shown(bound[0])}"


def _count(keywords: Mapping[str, Any], name: str) -> Bound:
    value = keywords.get(name)
    return None if value is None or (name.startswith("min") and value <= 0) else (value, False)


def _count_text(name: str, bound: Bound) -> str:
    return f"no {name}" if bound is None else f"{name} {shown(bound[0])}"


def _steps(was: Mapping[str, Any], now: Mapping[str, Any], side: Side) -> Iterator[Change]:
    """Compare ``multipleOf`` and ``uniqueItems``."""
    before, after = was.get("multipleOf"), now.get("multipleOf")
    if before != after:
        if after is None:
            kind = "bound_lifted"
        elif before is None or after % before == 0:
            kind = "bound_tightened"
        else:
            kind = "bound_loosened" if before % after == 0 else "pattern_changed"
        yield stated("", side, kind, was=_step_text(before), now=_step_text(after))
    if was.get("uniqueItems") != now.get("uniqueItems"):
        texts = ("entries are unique", "entries may repeat")
        if was.get("uniqueItems"):
            yield stated("", side, "bound_lifted", was=texts[0], now=texts[1])
        else:
            yield stated("", side, "bound_tightened", was=texts[1], now=texts[0])


def _step_text(value: Any) -> str:
    return "any step" if value is None else f"multipleOf {shown(value)}"


def _texts(was: Mapping[str, Any], now: Mapping[str, Any], side: Side) -> Iterator[Change]:
    """Compare ``pattern`` and ``format``."""
    before, after = was.get("pattern"), now.get("pattern")
    if before != after:
        kind = "pattern_introduced" if before is None else "pattern_lifted" if after is None else "pattern_changed"
        yield stated("", side, kind, was=_text(before, "pattern"), now=_text(after, "pattern"))
    before, after = (keywords.get("format") for keywords in (was, now))
    before, after = before if before in _FORMATS else None, after if after in _FORMATS else None
    if before != after:
        yield stated("", side, "format_changed", was=_text(before, "format"), now=_text(after, "format"))


def _text(value: str | None, name: str) -> str:
    return f"no {name}" if value is None else shown(value)
