"""The parameters of an operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sam3_contract.spec_diff.differences import Change, moved, stated
from sam3_contract.spec_diff.document import Document, UnresolvedError
from sam3_contract.spec_diff.objects import step
from sam3_contract.spec_diff.operations import Operation
from sam3_contract.spec_diff.schemas import Schemas
from sam3_contract.spec_diff.values import fields_of

__all__ = ["Parameters", "parameters_compared", "parameters_of"]

Parameters = dict[tuple[str, str], dict[str, Any]]
"""By ``in`` and ``name``; names of headers in lower case."""

# OpenAPI says that these are not parameters: other parts of the document speak of them.
_SPOKEN_FOR: Final = frozenset({("header", "accept"), ("header", "content-type"), ("header", "authorization")})
_STYLES: Final = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}


def parameters_of(operation: Operation, document: Document) -> tuple[Parameters, list[str]]:
    """Read the parameters, the operation's before the path's, and why some could not be read."""
    found: Parameters = {}
    problems = []
    for entry in operation.parameters:
        try:
            parameter = fields_of(document.resolve(entry))
        except UnresolvedError as error:
            problems.append(str(error))
            continue
        where, name = parameter.get("in"), parameter.get("name")
        if isinstance(where, str) and isinstance(name, str):
            key = (where, name.lower() if where == "header" else name)
            if key not in _SPOKEN_FOR:
                found[key] = parameter
    return found, problems


def parameters_compared(was: Parameters, now: Parameters, schemas: Schemas) -> Iterator[Change]:
    """Compare parameters, those that hold the key left out."""
    for key in dict.fromkeys((*was, *now)):
        place = f"{key[0]}{step(key[1])}"
        if key not in now:
            yield stated(place, "request", "parameter_undeclared", was=_need(was[key]), now="not declared")
        elif key not in was:
            kind = "required_parameter_added" if _is_required(now[key]) else "parameter_added"
            yield stated(place, "request", kind, was="not there", now=_need(now[key]))
        else:
            yield from moved(list(_parameter(key[0], was[key], now[key], schemas)), place)


def _parameter(where: str, was: dict[str, Any], now: dict[str, Any], schemas: Schemas) -> Iterator[Change]:
    if _is_required(was) != _is_required(now):
        kind = "newly_required" if _is_required(now) else "no_longer_required"
        yield stated("", "request", kind, was=_need(was), now=_need(now))
    styles = [_style(where, parameter) for parameter in (was, now)]
    if styles[0] != styles[1]:
        yield stated("", "request", "parameter_restyled", was=styles[0], now=styles[1])
    for change in schemas.compare(_schema(was), _schema(now)):
        # FastAPI writes `anyOf: [X, null]` for an optional parameter; there is no null in a URL or header.
        if change.place or change.kind not in {"null_added", "null_removed"}:
            yield change


def _schema(parameter: dict[str, Any]) -> Any:
    content = fields_of(parameter.get("content"))
    described = fields_of(next(iter(content.values()), None)) if content else parameter
    return described.get("schema", True)


def _style(where: str, parameter: dict[str, Any]) -> str:
    style = parameter.get("style", _STYLES.get(where, "simple"))
    explode = parameter.get("explode", style == "form")
    return f"{style}{', exploded' if explode is True else ''}"


def _is_required(parameter: dict[str, Any]) -> bool:
    return parameter.get("required") is True


def _need(parameter: dict[str, Any]) -> str:
    return "required" if _is_required(parameter) else "optional"
