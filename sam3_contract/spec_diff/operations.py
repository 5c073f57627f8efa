"""Where an operation is in a document, and which credentials and parameters it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sam3_contract.spec_diff.differences import Target
from sam3_contract.spec_diff.document import Document, UnresolvedError, fields_of, list_of, shortened

# OpenAPI says that these are not parameters: other parts of the document speak of them.
_SPOKEN_FOR: Final = frozenset({("header", "accept"), ("header", "content-type"), ("header", "authorization")})

Parameters = dict[tuple[str, str], dict[str, Any]]
"""By ``in`` and ``name``; names of headers in lower case."""
Credentials = frozenset[str]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document.

    Attributes:
        method: In upper case.
        path: As in the document.
        node: The operation itself.
        parameters: Those of the path and of the operation.
    """

    method: str
    path: str
    node: dict[str, Any]
    parameters: Parameters


def find_operation(document: Document, target: Target) -> Operation | None:
    """Find an operation by its method and path, whatever a server may have put before the path."""
    item_of = {
        path: fields_of(_followed(entry, document))
        for path, entry in fields_of(fields_of(document.root).get("paths")).items()
        if path.rstrip("/").endswith(target.path)
    }
    for path in sorted(item_of, key=len):
        node = item_of[path].get(target.method.lower())
        if isinstance(node, dict):
            listed = [*list_of(item_of[path].get("parameters")), *list_of(node.get("parameters"))]
            return Operation(target.method, path, fields_of(node), dict(_parameters(listed, document)))
    return None


def key_places(document: Document) -> set[tuple[str, str]]:
    """Tell where the document's security schemes put API keys: ``(in, name)`` of each."""
    schemes = map(fields_of, fields_of(document.components.get("securitySchemes")).values())
    return {(str(scheme.get("in")), str(scheme.get("name"))) for scheme in schemes if scheme.get("type") == "apiKey"}


def enough_credentials(operation: Operation, document: Document, keys: set[tuple[str, str]]) -> list[Credentials]:
    """List the sets of credentials any one of which is enough; the empty set where none is needed.

    A key in the query is a security scheme in one document and a parameter in another: a required parameter in one of
    the places *keys* counts as demanded credentials.
    """
    schemes = fields_of(document.components.get("securitySchemes"))
    declared = list_of(operation.node.get("security", fields_of(document.root).get("security")))
    demanded = {
        f"{where} {name}"
        for (where, name), parameter in operation.parameters.items()
        if (where, name) in keys and parameter.get("required") is True
    }
    alternatives = [{_scheme(name, schemes.get(name)) for name in fields_of(entry)} for entry in declared] or [set()]
    return list(dict.fromkeys(frozenset(each | demanded) for each in alternatives))


def parameters_as_schema(operation: Operation, keys: set[tuple[str, str]], where: str) -> dict[str, Any]:
    """Write the parameters of one place as an open object: servers mostly ignore what they do not know.

    FastAPI writes ``anyOf: [X, null]`` for an optional parameter, though there is no null in a URL: all may be null. A
    field without a name keeps an object without parameters from meaning one with any.
    """
    found = {
        name: parameter
        for (place, name), parameter in operation.parameters.items()
        if place == where and (place, name) not in keys
    }
    nullable = {name: {"anyOf": [entry.get("schema", True), {"type": "null"}]} for name, entry in found.items()}
    required = [name for name, entry in found.items() if entry.get("required") is True]
    return {"type": "object", "properties": {"": True, **nullable}, "required": required}


def _parameters(listed: list[Any], document: Document) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for entry in listed:
        parameter = fields_of(_followed(entry, document))
        where, name = parameter.get("in"), parameter.get("name")
        if isinstance(where, str) and isinstance(name, str):
            key = (where, name.lower() if where == "header" else name)
            if key not in _SPOKEN_FOR:
                yield key, parameter


def _followed(node: Any, document: Document) -> Any:
    try:
        return document.resolve(node)
    except UnresolvedError:
        return None  # what leads nowhere serves nothing and asks for nothing


def _scheme(name: str, scheme: Any) -> str:
    if not isinstance(scheme, dict):
        return shortened(f"an undefined scheme {name!r}")
    if scheme.get("type") == "apiKey":
        return shortened(f"{scheme.get('in')} {scheme.get('name')}")
    if scheme.get("type") == "http":
        return shortened(f"header Authorization: {str(scheme.get('scheme')).lower()}")
    return shortened(f"{scheme.get('type')} {name}")
